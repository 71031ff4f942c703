//! The tables of a step test, for terminal and page.

use super::StepTest;
use super::answers::{Answer, Move, foremost};
use super::response::Verdict;
use super::run::Output;
use crate::score::grid::Grid;

/// Minutes of seconds; a dash where there are none.
fn minutes(seconds: Option<f64>) -> String {
    seconds.map_or_else(dash, |s| format!("{:.1}", s / 60.0))
}

fn dash() -> String {
    "-".to_owned()
}

fn signed(value: Option<f64>) -> String {
    // No "-0.00".
    value.map_or_else(dash, |v| format!("{:+.2}", if v.abs() < 0.005 { 0.0 } else { v }))
}

/// Largest of what there is.
fn most(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().max_by(f64::total_cmp)
}

/// What made it.
pub(super) fn made_of(test: &StepTest) -> String {
    format!(
        "{} GPUs, scenario {}, seed {}, policy {}, steps of {} s; settled for {:.0} min, each step watched for {:.0} min away and {:.0} min back",
        test.gpus,
        test.scenario,
        test.seed,
        test.policy,
        test.step_s,
        test.settle_s / 60.0,
        test.watch_s / 60.0,
        test.watch_s / 60.0
    )
}

/// A line for each move of each strategy.
pub(super) fn summary(test: &StepTest) -> Grid {
    let head = [
        "step",
        "move",
        "strategy",
        "answers",
        "overshoot [%]",
        "settles [min]",
        "unsettled",
        "reversals",
        "decay ratio",
        "oscillates",
        "limits passed",
    ];
    let mut grid = Grid::new("Each step: the worst of all answers", 3, &head);
    let steps = test.strategies.first().map_or(0, |s| s.steps.len());
    for n in 0..steps {
        for m in 0..test.strategies[0].steps[n].moves.len() {
            for tested in &test.strategies {
                let step = &tested.steps[n];
                let mut row =
                    vec![step.step.clone(), step.moves[m].way.to_owned(), tested.strategy.title().to_owned()];
                row.extend(worst(&step.moves[m]));
                row.push(if step.passed.is_empty() { dash() } else { step.passed.join(", ") });
                grid.rows.push(row);
            }
        }
    }
    grid
}

fn worst(moved: &Move) -> Vec<String> {
    let answered = || moved.answers.iter().map(|a| &a.figures).filter(|f| f.verdict != Verdict::Still);
    let count = |v: Verdict| answered().filter(|f| f.verdict == v).count();
    // Where nothing was moved there is nothing to come to.
    let stepped = || answered().filter(|_| moved.way != "none");
    vec![
        format!("{} of {}", answered().count(), moved.answers.len()),
        most(stepped().map(|f| f.overshoot_percent)).map_or_else(dash, |v| format!("{v:.0}")),
        minutes(most(stepped().map(|f| f.settling_s))),
        if moved.way == "none" { dash() } else { count(Verdict::Unsettled).to_string() },
        answered().map(|f| f.reversals).max().map_or_else(dash, |n| n.to_string()),
        most(answered().map(|f| f.decay_ratio)).map_or_else(dash, |v| format!("{v:.2}")),
        count(Verdict::Oscillates).to_string(),
    ]
}

/// Is there anything beyond noise and deadband?
pub(super) fn is_answer(answer: &Answer) -> bool {
    answer.figures.verdict != Verdict::Still
}

/// Answers that are not still, of each kind the foremost.
fn details(title: &str, moved: &Move, strategy: &str) -> Grid {
    let head = [
        "strategy",
        "move",
        "of",
        "output",
        "verdict",
        "unit",
        "move to",
        "peak",
        "band",
        "overshoot [%]",
        "rise [min]",
        "settles [min]",
        "offset",
        "reversals",
        "decay ratio",
    ];
    let mut grid = Grid::new(title, 5, &head);
    let shown = foremost(&moved.answers).into_iter().filter(|a| is_answer(a));
    grid.rows = shown.map(|a| row(a, moved.way, strategy)).collect();
    grid
}

fn row(answer: &Answer, way: &str, strategy: &str) -> Vec<String> {
    let f = &answer.figures;
    vec![
        strategy.to_owned(),
        way.to_owned(),
        answer.of.clone(),
        output(answer.output).to_owned(),
        f.verdict.word().to_owned(),
        answer.unit.to_owned(),
        signed(Some(f.final_move)),
        signed(Some(f.peak)),
        format!("{:.2}", f.band),
        f.overshoot_percent.map_or_else(dash, |v| format!("{v:.0}")),
        minutes(f.rise_s),
        minutes(f.settling_s),
        signed(answer.offset),
        f.reversals.to_string(),
        f.decay_ratio.map_or_else(dash, |v| format!("{v:.2}")),
    ]
}

/// Word of an output.
pub(super) const fn output(output: Output) -> &'static str {
    match output {
        Output::Setpoint => "setpoint",
        Output::Measured => "measured",
        Output::LeastHeadroom => "headroom",
    }
}

/// Answers to a step by all strategies.
pub(super) fn step_details(test: &StepTest, n: usize) -> Option<Grid> {
    let first = &test.strategies.first()?.steps[n];
    let mut all: Option<Grid> = None;
    for tested in &test.strategies {
        for moved in &tested.steps[n].moves {
            let title = format!("{}: {}", first.step, first.what);
            let grid = details(&title, moved, tested.strategy.title());
            match &mut all {
                None => all = Some(grid),
                Some(whole) => whole.rows.extend(grid.rows),
            }
        }
    }
    all
}

/// What the test comes to, a line for each strategy.
pub(super) fn verdicts(test: &StepTest) -> Vec<String> {
    let line = |t: &super::Tested| {
        let failing = t.steps.iter().filter(|s| s.fails()).map(|s| s.step.clone()).collect::<Vec<_>>();
        let (name, cooling) = (t.strategy.title(), &t.cooling);
        if failing.is_empty() {
            format!("{name} (cooling {cooling}): nothing oscillates and no step passes a limit")
        } else {
            format!("{name} (cooling {cooling}): oscillates or passes a limit at: {}", failing.join(", "))
        }
    };
    test.strategies.iter().map(line).collect()
}

/// For a terminal.
pub(super) fn plain(test: &StepTest) -> String {
    let mut out = format!("{}\n\n{}\n", made_of(test), summary(test).plain());
    for n in 0..test.strategies.first().map_or(0, |s| s.steps.len()) {
        if let Some(grid) = step_details(test, n).filter(|g| !g.rows.is_empty()) {
            out += &format!("{}\n", grid.plain());
        }
    }
    out + &verdicts(test).join("\n") + "\n"
}
