//! What `headroom identify` prints: findings first, then outputs, actuators, gains.
//!
//! Responsible for: layout and stable names of fields. Not for: what is found.

use crate::see::{number, table};
use headroom_belief::identify::{Advice, Answer, Finding, HELD_BACK, Identified, Outcome, Slip, Table};
use serde_json::{Value, json};
use std::path::Path;

/// Lines for people.
pub(crate) fn plain(found: &Identified, seen: &Table, written: Option<&Path>) -> Vec<String> {
    let mut lines = Vec::new();
    let (refusals, doubts): (Vec<&Finding>, Vec<&Finding>) = found.findings.iter().partition(|f| f.refuses());
    for finding in &refusals {
        lines.push(format!("refused: {finding}"));
        lines.push(format!("         {}", finding.remedy()));
    }
    for finding in &doubts {
        lines.push(format!("note: {finding}"));
        lines.push(format!("      {}", finding.remedy()));
    }
    if !found.findings.is_empty() {
        lines.push(String::new());
    }
    let hours = |rows: usize| rows as f64 * seen.period_s / 3600.0;
    lines.push(format!(
        "{} rows of {:.0} s: learned from the first {:.1} h, the last {:.1} h ({:.0} %) held back",
        seen.rows,
        seen.period_s,
        hours(found.rows.0),
        hours(found.rows.1),
        100.0 * HELD_BACK
    ));
    if !found.outputs.is_empty() {
        lines.push(String::new());
        lines.push("predicted an hour ahead on what was held back, with inputs as they then were".to_owned());
        lines.extend(outputs(&found.outputs));
    }
    if !found.answers.is_empty() {
        lines.push(String::new());
        lines.extend(answers(&found.answers));
    }
    for output in &found.outputs {
        lines.push(String::new());
        lines.extend(gains(output));
    }
    lines.push(String::new());
    lines.push(match (&found.model, written) {
        (Some(model), Some(path)) => format!(
            "{} is written: {} states, {} inputs, {} outputs",
            path.display(),
            model.states(),
            model.inputs.len(),
            model.outputs.len()
        ),
        (Some(_), None) => "a model was found; name a file with --out to keep it".to_owned(),
        (None, _) => "no model is written".to_owned(),
    });
    lines
}

fn outputs(outputs: &[Outcome]) -> Vec<String> {
    let head = [
        "output",
        "unit",
        "CV(RMSE) %",
        "asked %",
        "NMBE %",
        "RMSE",
        "as it is %",
        "in 2 sigma %",
        "white p",
        "n",
        "",
    ];
    let right = [false, false, true, true, true, true, true, true, true, true, false];
    let rows: Vec<Vec<String>> = outputs
        .iter()
        .map(|o| {
            let e = &o.evidence;
            vec![
                o.name.clone(),
                o.unit.to_owned(),
                format!("{:.2}", e.cv_rmse_percent),
                format!("{}", o.mark_percent),
                format!("{:+.2}", e.nmbe_percent),
                number(e.rmse),
                format!("{:.2}", e.persistence_percent),
                format!("{:.0}", 100.0 * o.covered),
                e.white_p.map_or("-".to_owned(), |p| format!("{p:.3}")),
                e.count.to_string(),
                if o.within() { String::new() } else { "misses".to_owned() },
            ]
        })
        .collect();
    table(&head, &right, &rows)
}

fn answers(answers: &[Answer]) -> Vec<String> {
    let head = [
        "actuator",
        "known",
        "by",
        "moved",
        "gain",
        "+-",
        "by data alone",
        "within s",
        "what would make it known",
    ];
    let right = [false, false, false, true, true, true, true, true, false];
    let rows: Vec<Vec<String>> = answers
        .iter()
        .map(|a| {
            vec![
                a.actuator.clone(),
                if a.identifiable { "yes" } else { "no" }.to_owned(),
                a.by.clone(),
                format!("{} {}", number(a.moved), a.unit),
                number(a.gain),
                number(a.sigma),
                if a.data_sigma.is_finite() && a.data_sigma < 1e4 {
                    number(a.data_sigma)
                } else {
                    "-".to_owned()
                },
                format!("{:.0}", a.answers_within_s),
                a.advice.map_or(String::new(), |advice| words(a, advice)),
            ]
        })
        .collect();
    table(&head, &right, &rows)
}

fn words(a: &Answer, advice: Advice) -> String {
    let (minutes, hours) = (advice.period_s / 60.0, advice.length_s / 3600.0);
    format!("+-{} {} with a period of {minutes:.0} min, for {hours:.0} h", number(advice.amplitude), a.unit)
}

fn gains(output: &Outcome) -> Vec<String> {
    let head = [output.name.as_str(), "gain", "+-", "sign", "within s"];
    let rows: Vec<Vec<String>> = output
        .gains
        .iter()
        .map(|g| {
            let sign = match g.sign {
                s if s > 0.0 => "+",
                s if s < 0.0 => "-",
                _ => "any",
            };
            vec![
                g.input.clone(),
                format!("{:.4}", g.gain),
                format!("{:.4}", g.sigma),
                sign.to_owned(),
                format!("{:.0}", g.answers_within_s),
            ]
        })
        .collect();
    table(&head, &[false, true, true, false, true], &rows)
}

/// The same for programs.
pub(crate) fn json(found: &Identified) -> Value {
    json!({
        "format": 1,
        "accepted": found.model.is_some(),
        "rows": { "learned": found.rows.0, "held_back": found.rows.1 },
        "findings": found.findings.iter().map(finding).collect::<Vec<_>>(),
        "outputs": found.outputs.iter().map(output).collect::<Vec<_>>(),
        "actuators": found.answers.iter().map(answer).collect::<Vec<_>>(),
    })
}

fn finding(f: &Finding) -> Value {
    let (kind, point) = match f {
        Finding::NothingMoved { .. } => ("nothing-moved", None),
        Finding::Swapped { supply, .. } => ("swapped", Some(supply)),
        Finding::Unit { point, .. } => ("unit", Some(point)),
        Finding::Balance { flow, .. } => ("balance", Some(flow)),
        Finding::WrongPlace { measures, .. } => ("wrong-place", Some(measures)),
        Finding::NoAnswer { measures, .. } => ("no-answer", Some(measures)),
        Finding::Missing { column, .. } => ("missing", Some(column)),
        Finding::Sparse { output } => ("sparse", Some(output)),
        Finding::Wild { column, .. } => ("wild", Some(column)),
        Finding::Nothing => ("nothing", None),
        Finding::Poor { output, .. } => ("poor", Some(output)),
        Finding::NothingLearned => ("nothing-learned", None),
    };
    let likely = match f {
        Finding::Unit { slip: Slip::NumbersAre(unit), .. } => Some(format!("numbers are {unit}")),
        Finding::Unit { slip: Slip::DeclaredAs(unit), .. } => Some(format!("not {unit}")),
        _ => None,
    };
    json!({
        "kind": kind, "point": point, "refuses": f.refuses(), "what": f.to_string(), "likely": likely,
        "remedy": f.remedy(),
    })
}

fn output(o: &Outcome) -> Value {
    let e = &o.evidence;
    let gains = o.gains.iter().map(|g| {
        json!({
            "input": g.input, "gain": g.gain, "sigma": g.sigma, "sign": g.sign, "answers_within_s": g.answers_within_s,
        })
    });
    json!({
        "name": o.name, "unit": o.unit, "cv_rmse_percent": e.cv_rmse_percent, "mark_percent": o.mark_percent,
        "within": o.within(), "nmbe_percent": e.nmbe_percent, "rmse": e.rmse,
        "persistence_percent": e.persistence_percent, "covered": o.covered, "white_p": e.white_p, "count": e.count,
        "gains": gains.collect::<Vec<_>>(),
    })
}

fn answer(a: &Answer) -> Value {
    let advice = a.advice.map(|advice| {
        json!({ "amplitude": advice.amplitude, "period_s": advice.period_s, "length_s": advice.length_s })
    });
    json!({
        "name": a.actuator, "unit": a.unit, "by": a.by, "moved": a.moved, "gain": a.gain, "sigma": a.sigma,
        "data_sigma": a.data_sigma, "answers_within_s": a.answers_within_s, "identifiable": a.identifiable,
        "excitation": advice,
    })
}
