//! Identification: a model of the facility from a table of what was seen, checked before it is believed.
//!
//! Responsible for: the way from a table to a [`Model`] with its evidence, or to findings that say why there is none. Not
//! for: files and words on the screen (daemon), nor for what a controller does with the model.
//!
//! ```text
//! table -> plausible? -> structure -> fit of each output -> assemble -> validate -> accept?
//!              |         (site graph)  (first two thirds)              (last third)    |
//!              +-> findings                                                            +-> findings
//! ```
//!
//! Rooms: `table` (rows on a regular time), `plausible` (swapped points, wrong units, balances), `structure` (what may act on
//! what), `lag`, `ahead`, `fit`, `learn` (one output), `assemble` (one state-space), `validate` (held-back data), `excited`
//! (was it moved enough), `finding` (what speaks against it).

mod ahead;
mod assemble;
mod excited;
mod finding;
mod fit;
mod lag;
mod learn;
mod plausible;
mod structure;
mod table;
#[cfg(test)]
mod tests;
mod validate;

pub use excited::{Advice, Answer};
pub use finding::{Finding, Slip};
pub use lag::Shape;
pub use structure::{Candidate, Class, Named, OutputPlan, Plan};
pub use table::{Column, Table, TableError};

use crate::model::{Evidence, FORMAT, Input, Model, Output, Role};
use assemble::{Parts, noises};
use fit::{Data, Fitted};
use headroom_site::{Dimension, Site};
use validate::{HORIZON_S, evidence, seen};

/// Share of the rows that is held back, at the end.
pub const HELD_BACK: f64 = 1.0 / 3.0;
/// Error an hour ahead over the mean that is asked of power, %.
pub const MARK_POWER_PERCENT: f64 = 3.0;
/// The same of everything else, %.
pub const MARK_PERCENT: f64 = 2.7;
/// Horizons that the fit looks at, s.
const HORIZONS_S: [f64; 3] = [180.0, 720.0, HORIZON_S];

/// A gain of an output, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// Input.
    pub input: String,
    /// Gain in the end, units of the output per unit of the input.
    pub gain: f64,
    /// Its standard deviation.
    pub sigma: f64,
    /// Sign that physics asks for, or zero.
    pub sign: f64,
    /// Time until the answer is felt as a whole, s.
    pub answers_within_s: f64,
}

/// What came of an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name.
    pub name: String,
    /// Base unit.
    pub unit: &'static str,
    /// Error asked for, %.
    pub mark_percent: f64,
    /// On held-back data.
    pub evidence: Evidence,
    /// Share of errors inside two standard deviations of what was foreseen.
    pub covered: f64,
    /// Its gains.
    pub gains: Vec<Gain>,
}

impl Outcome {
    /// Is it within the mark?
    #[must_use]
    pub fn within(&self) -> bool {
        self.evidence.count > 0 && self.evidence.cv_rmse_percent <= self.mark_percent
    }
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// The model, unless something refuses it.
    pub model: Option<Model>,
    /// Everything that speaks against it.
    pub findings: Vec<Finding>,
    /// Outputs, as far as it came.
    pub outputs: Vec<Outcome>,
    /// Actuators, as far as it came.
    pub answers: Vec<Answer>,
    /// Rows that were learned from, and rows that were held back.
    pub rows: (usize, usize),
}

/// Learns a site's model from a table, and says what speaks against it.
#[must_use]
pub fn identify(site: &Site, table: &Table) -> Identified {
    let train = table.rows - (table.rows as f64 * HELD_BACK).round() as usize;
    let mut table = table.clone();
    let wild = table.clean().into_iter().map(|(column, values)| Finding::Wild { column, values });
    let mut findings: Vec<Finding> = wild.collect();
    let table = &table;
    findings.extend(plausible::look(site, table));
    let rows = (train, table.rows - train);
    let refused =
        |findings: Vec<Finding>| Identified { model: None, findings, outputs: vec![], answers: vec![], rows };
    if findings.iter().any(Finding::refuses) {
        return refused(findings);
    }
    let plan = Plan::new(site, table);
    if plan.outputs.is_empty() || !plan.signals.iter().any(|s| s.role == Role::Setpoint) {
        findings.push(Finding::Nothing);
        return refused(findings);
    }
    let Some(terms) = terms(&plan, table) else { return refused(findings) };
    let targets: Vec<Vec<f64>> =
        plan.outputs.iter().map(|o| table.sum(&o.columns).unwrap_or_default()).collect();
    let horizons: Vec<usize> = HORIZONS_S.iter().map(|s| table.rows_in(*s)).collect();
    let data: Vec<Data<'_>> = plan
        .outputs
        .iter()
        .zip(&targets)
        .map(|(output, y)| Data {
            y,
            inputs: output.candidates.iter().map(|c| terms[c.term].as_slice()).collect(),
            candidates: &output.candidates,
            period_s: table.period_s,
            train,
            horizons: horizons.clone(),
        })
        .collect();
    let learned: Vec<Option<Fitted>> = data.iter().map(learn::learn).collect();
    for (output, fitted) in plan.outputs.iter().zip(&learned) {
        if fitted.is_none() {
            findings.push(Finding::Sparse { output: output.name.clone() });
        }
    }
    let known: Vec<(usize, &Data<'_>, &Fitted)> =
        learned.iter().enumerate().filter_map(|(o, f)| Some((o, &data[o], f.as_ref()?))).collect();
    let answers = excited::answers(site, table, &plan, train, &known);
    if !answers.iter().any(|a| a.identifiable) {
        findings.push(Finding::NothingMoved { actuators: answers.len() });
    }
    let mut model = assembled(site, table, &plan, &terms, &known, train);
    let outputs = validated(&plan, table, &known, &mut model, train);
    findings.extend(judged(&outputs));
    let refused = findings.iter().any(Finding::refuses) || model.check().is_err();
    Identified { model: (!refused).then_some(model), findings, outputs, answers, rows }
}

/// Each term, row by row.
fn terms(plan: &Plan, table: &Table) -> Option<Vec<Vec<f64>>> {
    let signals: Option<Vec<Vec<f64>>> = plan.signals.iter().map(|s| table.sum(&s.columns)).collect();
    let signals = signals?;
    let row = |k: usize| signals.iter().map(|s| s[k]).collect::<Vec<f64>>();
    let mut out = vec![Vec::with_capacity(table.rows); plan.terms.len()];
    for k in 0..table.rows {
        let row = row(k);
        out.iter_mut().zip(&plan.terms).for_each(|(values, named)| values.push(named.term.of(&row)));
    }
    Some(out)
}

/// Least, most and mean of what is known.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let known = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let n = known().count();
    if n == 0 { (0.0, 0.0, 0.0) } else { (low, high, known().sum::<f64>() / n as f64) }
}

fn assembled(
    site: &Site,
    table: &Table,
    plan: &Plan,
    terms: &[Vec<f64>],
    known: &[(usize, &Data<'_>, &Fitted)],
    train: usize,
) -> Model {
    // Only terms that act somewhere become inputs.
    let mut inputs = Vec::new();
    let mut of_term: Vec<Option<usize>> = vec![None; plan.terms.len()];
    for (_, data, fitted) in known {
        for (&j, gain) in fitted.choice.active.iter().zip(&fitted.gains) {
            let term = data.candidates[j].term;
            if *gain != 0.0 && of_term[term].is_none() {
                of_term[term] = Some(inputs.len());
                let named = &plan.terms[term];
                let stood = spread(&terms[term][..train]).2;
                inputs.push(Input { name: named.name.clone(), term: named.term.clone(), stood });
            }
        }
    }
    let mut parts = Parts::default();
    let mut outputs = Vec::new();
    for (o, data, fitted) in known {
        parts.add(fitted, data.candidates, &of_term, table.period_s);
        outputs.push(output_of(&plan.outputs[*o], data, fitted));
    }
    let ([a, b, c, d], states) = parts.matrices(inputs.len());
    let mut signals = plan.signals.clone();
    for signal in &mut signals {
        let values = table.sum(&signal.columns).unwrap_or_default();
        let (low, high, _) = spread(&values[..train.min(values.len())]);
        signal.range = (low, high);
    }
    Model {
        format: FORMAT,
        site: site.name.clone(),
        structure: plan.structure,
        period_s: table.period_s,
        learned_unix_s: (table.unix_s(0), table.unix_s(train.saturating_sub(1))),
        a,
        b,
        c,
        d,
        state_noise: vec![0.0; states],
        signals,
        inputs,
        outputs,
    }
}

/// An output without its evidence.
fn output_of(output: &OutputPlan, data: &Data<'_>, fitted: &Fitted) -> Output {
    let last = fitted.variances.len() - 1;
    let (noise, drift) = noises(fitted.choice.lambda, fitted.variances[last], data.horizons[last]);
    let (low, high, stood) = spread(&data.y[..data.train]);
    Output {
        name: output.name.clone(),
        columns: output.columns.clone(),
        unit: output.dimension.base().to_owned(),
        stood,
        range: (low, high),
        noise,
        drift,
        evidence: Evidence::default(),
    }
}

fn validated(
    plan: &Plan,
    table: &Table,
    known: &[(usize, &Data<'_>, &Fitted)],
    model: &mut Model,
    train: usize,
) -> Vec<Outcome> {
    let Some(seen) = seen(model, table) else { return Vec::new() };
    let found = evidence(model, &seen, train);
    let mut out = Vec::new();
    for (i, (o, data, fitted)) in known.iter().enumerate() {
        let plan_of = &plan.outputs[*o];
        let gains = fitted.choice.active.iter().enumerate().map(|(at, &j)| {
            let candidate = &data.candidates[j];
            Gain {
                input: plan.terms[candidate.term].name.clone(),
                gain: fitted.gains[at],
                sigma: fitted.sigmas[at],
                sign: candidate.sign,
                answers_within_s: fitted.choice.shape(candidate.class).length_s(table.period_s),
            }
        });
        let power = plan_of.dimension == Dimension::Power;
        model.outputs[i].evidence = found[i].0;
        out.push(Outcome {
            name: plan_of.name.clone(),
            unit: plan_of.dimension.base(),
            mark_percent: if power { MARK_POWER_PERCENT } else { MARK_PERCENT },
            evidence: found[i].0,
            covered: found[i].1,
            gains: gains.collect(),
        });
    }
    out
}

fn judged(outputs: &[Outcome]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = outputs
        .iter()
        .filter(|o| !o.within())
        .map(|o| Finding::Poor {
            output: o.name.clone(),
            cv_rmse_percent: o.evidence.cv_rmse_percent,
            mark_percent: o.mark_percent,
        })
        .collect();
    let learned = |o: &Outcome| o.within() || o.evidence.cv_rmse_percent < o.evidence.persistence_percent;
    if !outputs.iter().any(learned) {
        findings.push(Finding::NothingLearned);
    }
    findings
}
