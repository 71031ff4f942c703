//! Learning one output: from a base structure forward, as far as unseen blocks of time agree.
//!
//! Responsible for: which optional inputs are taken. Not for: gains and shapes (`fit`).

use super::fit::{Choice, Data, Fitted, Search};
use super::lag::Shape;
use super::structure::Class;

/// Error over that before from which on an optional input is taken.
const WORTH: f64 = 0.985;
/// Most optional inputs of an output.
const MOST: usize = 6;

/// Shapes to begin with.
fn start(active: Vec<usize>) -> Choice {
    let lag = |tau_s: f64| Shape { tau_s: (tau_s, 0.0), delay: 0 };
    let shapes = vec![
        (Class::Own, lag(120.0)),
        (Class::Setpoints, lag(480.0)),
        (Class::Heat, lag(60.0)),
        (Class::Weather, lag(480.0)),
        (Class::Lift, lag(240.0)),
        (Class::Machines, lag(60.0)),
    ];
    Choice { active, shapes, lambda: 0.7 }
}

/// The best fit of an output; `None` where it is not known often enough.
pub(super) fn learn(data: &Data<'_>) -> Option<Fitted> {
    let moved: Vec<bool> = data.inputs.iter().map(|u| moves(&u[..data.train])).collect();
    let base = (0..data.candidates.len()).filter(|&j| !data.candidates[j].optional);
    let mut search = Search::new(data)?;
    let mut best = search.shapes(&start(base.collect()))?;
    let mut open: Vec<usize> =
        (0..data.candidates.len()).filter(|&j| data.candidates[j].optional && moved[j]).collect();
    for _ in 0..MOST {
        let tried = open.iter().filter_map(|&j| {
            let mut choice = best.choice.clone();
            choice.active.push(j);
            Some((j, search.evaluate(&choice)?))
        });
        let Some((j, found)) = tried.min_by(|a, b| a.1.score.total_cmp(&b.1.score)) else { break };
        if found.score > WORTH * best.score {
            break;
        }
        open.retain(|o| *o != j);
        best = search.shapes(&found.choice)?;
    }
    Some(best)
}

/// Did it move at all?
pub(super) fn moves(values: &[f64]) -> bool {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for v in values.iter().filter(|v| v.is_finite()) {
        (low, high) = (low.min(*v), high.max(*v));
    }
    high - low > 1e-9 * high.abs().max(1e-9)
}
