//! Flows that nobody meters.
//!
//! Responsible for: the flow at which an equation is as usual, for each equation that has it and knows everything else; the
//! share of a flow that is metered for several that are not; and their mean. Not for: flows that are metered.
//!
//! ```text
//! r(V) = theta' phi(V)                           solved for ln V by Newton
//! sigma_lnV = sigma_r / |dr / dlnV|
//! V_i = (V - sum of those metered) w_i / sum w,   w = P / (Tr - Ts)      racks of one loop carry alike shares of their power
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
/// Least slope of an equation that tells a flow.
const SLOPE: f64 = 0.05;
/// Spread of the shares of their power that racks of one loop give to it, and least rise, K.
const ALIKE: f64 = 0.04;
const LEAST_K: f64 = 0.5;

/// Flow of a variable and its standard deviation, L/min.
pub(super) fn flow(network: &Network, var: Var, z: &[f64]) -> Option<(f64, f64)> {
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut take = |(ln_v, sigma): (f64, f64)| {
        let w = sigma.max(BEST).powi(-2);
        (sum, weight) = (sum + w * ln_v, weight + w);
    };
    // Of a branch or a pump pressure is a weak function of flow, whose slope is hardly known.
    let tells = |e: &Equation| {
        let weak = matches!(e, Equation::Branch { .. } | Equation::Head { .. } | Equation::PumpPower { .. });
        e.has(var) && !weak
    };
    for (i, equation) in network.equations.iter().enumerate().filter(|(_, e)| tells(e)) {
        if let Some(told) = solved(network, i, equation, var, z).or_else(|| shared(network, equation, var, z))
        {
            take(told);
        }
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
        if slope.abs() < SLOPE {
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

/// ln of the share of a metered flow that goes to one of several that are not metered, and its standard deviation.
fn shared(network: &Network, equation: &Equation, var: Var, z: &[f64]) -> Option<(f64, f64)> {
    let Equation::Mass { whole, parts } = equation else { return None };
    if *whole == var || z[*whole].is_nan() {
        return None;
    }
    let (mut rest, mut all, mut own) = (z[*whole], 0.0, None);
    for part in parts {
        if z[*part].is_finite() {
            rest -= z[*part];
            continue;
        }
        let heat = network.equations.iter().find_map(|e| match e {
            Equation::Heat { flow, supply, back, power } if flow == part => Some((*supply, *back, *power)),
            _ => None,
        });
        let (supply, back, power) = heat?;
        let rise = z[back] - z[supply];
        // Not a number is neither.
        if !(rise >= LEAST_K && z[power] > 0.0) {
            return None;
        }
        let w = z[power] / rise;
        all += w;
        own = if *part == var { Some(w) } else { own };
    }
    let flow = rest * own? / all;
    (flow > 0.0).then(|| (flow.ln(), ALIKE.hypot(equation.prior().floor)))
}
