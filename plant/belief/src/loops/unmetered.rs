//! Flows that nobody meters.
//!
//! Responsible for: the flow at which an equation is as usual, for each equation that has it and knows everything else, and
//! their mean. Not for: flows that are metered.
//!
//! ```text
//! r(V) = theta' phi(V)          solved for ln V by Newton
//! sigma_lnV = sigma_r / |dr / dlnV|
//! ln V = sum (ln Vk / sigma_k^2) / sum 1 / sigma_k^2
//! ```
//!
//! What is usual of an equation that was never seen complete is what is usual of others of its kind on the loop, with their
//! spread: heat of racks of one build, resistance of their plates.

use super::baseline::Baseline;
use super::equation::{Equation, Seen, Var};
use super::network::Network;
use std::mem::discriminant;

/// Rounds of Newton's method, and how near is near enough.
const ROUNDS: usize = 12;
const NEAR: f64 = 1e-6;
/// Spread of what is usual between racks of one build: at least this, and this where fewer than three tell.
const BUILD: (f64, f64) = (0.015, 0.07);
/// The best that is believed of one equation.
const BEST: f64 = 0.01;

pub(super) fn flow(network: &Network, var: Var, z: &[f64]) -> Option<(f64, f64)> {
    let (mut sum, mut weight) = (0.0, 0.0);
    // Of a branch or a pump pressure is a weak function of flow, whose slope is hardly known.
    let tells = |e: &Equation| {
        let weak = matches!(e, Equation::Branch { .. } | Equation::Head { .. } | Equation::PumpPower { .. });
        e.has(var) && !weak
    };
    for (i, equation) in network.equations.iter().enumerate().filter(|(_, e)| tells(e)) {
        let Some((ln_v, sigma)) = solved(network, i, equation, var, z) else { continue };
        let w = sigma.max(BEST).powi(-2);
        (sum, weight) = (sum + w * ln_v, weight + w);
    }
    (weight > 0.0).then(|| {
        let v = (sum / weight).exp();
        (v, v * weight.sqrt().recip())
    })
}

/// ln V at which an equation is as usual, and its standard deviation.
fn solved(network: &Network, index: usize, equation: &Equation, var: Var, z: &[f64]) -> Option<(f64, f64)> {
    let mut at = z.to_vec();
    let mut ln_v = 100.0_f64.ln();
    let off = |at: &mut [f64], ln_v: f64| -> Option<(f64, f64)> {
        at[var] = ln_v.exp();
        let seen = equation.seen(at)?;
        usual_of_kind(network, index, equation, &seen)
    };
    for _ in 0..ROUNDS {
        let (r, sigma) = off(&mut at, ln_v)?;
        let slope = (off(&mut at, ln_v + 1e-4)?.0 - r) / 1e-4;
        if slope.abs() < 0.05 {
            return None;
        }
        let step = (-r / slope).clamp(-2.0, 2.0);
        ln_v += step;
        if step.abs() < NEAR {
            return Some((ln_v, sigma / slope.abs()));
        }
    }
    None
}

/// Deviation and standard deviation of an equation from what is usual of it, or of its kind.
fn usual_of_kind(network: &Network, index: usize, equation: &Equation, seen: &Seen) -> Option<(f64, f64)> {
    let own = &network.baselines[index];
    if own.looks(seen.mode) > 0 || equation.prior().r.1 < 0.2 {
        let d = own.deviation(seen);
        return Some((d.by, d.sigma));
    }
    let alike = |(e, b): &(&Equation, &Baseline)| {
        discriminant(*e) == discriminant(equation) && b.looks(seen.mode) > 0
    };
    let others = network.equations.iter().zip(&network.baselines).filter(alike);
    let mut off: Vec<(f64, f64)> = others
        .map(|(_, b)| {
            let d = b.deviation(seen);
            (d.by, d.sigma)
        })
        .collect();
    if off.is_empty() {
        return None;
    }
    off.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, sigma) = off[off.len() / 2];
    let spread = if off.len() < 3 {
        BUILD.1
    } else {
        let mean = off.iter().map(|o| o.0).sum::<f64>() / off.len() as f64;
        let square = off.iter().map(|o| (o.0 - mean).powi(2)).sum::<f64>() / (off.len() - 1) as f64;
        square.sqrt().max(BUILD.0)
    };
    Some((median, sigma.hypot(spread)))
}
