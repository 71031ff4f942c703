//! Excitation: was an actuator moved enough to learn what it does, and if not, what would do.
//!
//! A gain with standard deviation sigma_g by the data alone is known well enough where sigma_g < 0.3 of what it may be. A sine
//! of amplitude A over a time adds to each horizon's information, since e_H of a sine whose period is shorter than H has
//! about the variance A^2:
//!
//! ```text
//! 1 / sigma_g^2 = sum over H of  n / (L_H s_H^2)  A^2
//! ```
//!
//! solved for the A that brings sigma_g to 0.15. Where that is more than may be asked, the time grows with the square.

use super::fit::{Data, Fitted};
use super::structure::{Class, Plan};
use super::table::Table;
use headroom_site::{Dimension, Site};

/// Relative standard deviation up to which a gain counts as known.
const KNOWN: f64 = 0.3;
/// What an experiment is to reach.
const WANTED: f64 = 0.15;
/// Longest that one experiment may be, s.
const LENGTH_S: f64 = 3.0 * 3600.0;
/// Longest experiment that is worth asking for, s.
const LONGEST_S: f64 = 24.0 * 3600.0;

/// What would make an actuator's answer known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Advice {
    /// Amplitude either way, base unit.
    pub amplitude: f64,
    /// Period of the slowest move, s.
    pub period_s: f64,
    /// How long, s.
    pub length_s: f64,
}

/// What is known of an actuator's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Actuator.
    pub actuator: String,
    /// Base unit of its setpoint.
    pub unit: &'static str,
    /// Output by which that was judged.
    pub by: String,
    /// Standard deviation of the setpoint while the model was learned, base unit.
    pub moved: f64,
    /// Gain, and its standard deviation with what physics said beforehand.
    pub gain: f64,
    /// Standard deviation of the gain.
    pub sigma: f64,
    /// Standard deviation of the gain by the data alone.
    pub data_sigma: f64,
    /// Time constant and delay of the answer, s.
    pub answers_within_s: f64,
    /// Is it known well enough?
    pub identifiable: bool,
    /// What would make it so.
    pub advice: Option<Advice>,
}

/// Looks at every actuator; `learned` holds the fit of each output with its data.
pub(super) fn answers(
    site: &Site,
    table: &Table,
    plan: &Plan,
    train: usize,
    learned: &[(usize, &Data<'_>, &Fitted)],
) -> Vec<Answer> {
    let mut out = Vec::new();
    for (a, signal) in plan.setpoints.iter().enumerate() {
        let Some(signal) = *signal else { continue };
        let actuator = &site.actuators[a];
        // By the output that it is to move; where it has none, by the power that it tells most about.
        let own = |o: &usize| plan.outputs[*o].own == Some(a);
        let found = learned
            .iter()
            .filter(|(o, _, _)| own(o))
            .chain(learned.iter().filter(|(o, _, _)| plan.outputs[*o].dimension == Dimension::Power));
        let judged = found.filter_map(|(o, data, fitted)| {
            let uses = |j: &usize| {
                plan.terms[data.candidates[*j].term].term.uses(signal) && !data.candidates[*j].optional
            };
            let at = fitted.choice.active.iter().position(uses)?;
            Some((*o, *data, *fitted, at))
        });
        let Some((o, data, fitted, at)) = judged.into_iter().next() else { continue };
        let candidate = &data.candidates[fitted.choice.active[at]];
        let scale = if candidate.class == Class::Own && candidate.prior.0 > 0.0 {
            candidate.prior.0
        } else {
            candidate.prior.1
        };
        let known = fitted.data_sigmas[at] < KNOWN * scale;
        let setpoint = table.sum(&plan.signals[signal].columns).unwrap_or_default();
        let shape = fitted.choice.shape(candidate.class);
        let lasts = shape.length_s(table.period_s);
        let range = actuator.range.1 - actuator.range.0;
        out.push(Answer {
            actuator: actuator.id.clone(),
            unit: actuator.unit.dimension.of_difference().base(),
            by: plan.outputs[o].name.clone(),
            moved: deviation(&setpoint[..train.min(setpoint.len())]),
            gain: fitted.gains[at],
            sigma: fitted.sigmas[at],
            data_sigma: fitted.data_sigmas[at],
            answers_within_s: lasts,
            identifiable: known,
            advice: (!known).then(|| advice(data, fitted, scale, lasts, range)),
        });
    }
    out
}

fn advice(data: &Data<'_>, fitted: &Fitted, scale: f64, lasts_s: f64, range: f64) -> Advice {
    let per_square: f64 = data
        .horizons
        .iter()
        .zip(&fitted.variances)
        .map(|(h, v)| LENGTH_S / data.period_s / *h as f64 / v.max(1e-12))
        .sum();
    let wanted = 1.0 / (WANTED * scale * per_square.sqrt());
    let amplitude = wanted.clamp(0.02 * range, 0.1 * range);
    let length_s = (LENGTH_S * (wanted / amplitude).powi(2)).clamp(LENGTH_S, LONGEST_S);
    let period_s = (2.0 * std::f64::consts::PI * lasts_s).clamp(900.0, 3600.0);
    Advice { amplitude, period_s, length_s }
}

fn deviation(values: &[f64]) -> f64 {
    let known = || values.iter().filter(|v| v.is_finite());
    let n = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / n;
    (known().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}
