//! What the plant would have drawn more if nothing of ours were in force, as bounds.
//!
//! Responsible for: the counterfactual of locks and setpoints that stand by our command, from local laws. Not for: savings
//! against a baseline that was measured (`headroom report` fits one where there are hours without commands).
//!
//! ```text
//! clocks     [1/2, 3/2] x what jobs are believed to draw less by their wanted clock      (and supplies and leakage with it)
//! pumps      [0, P ((x_0/x)^3/2 - 1)]                  x_0: where the setpoint falls back to; less what the plates cost
//! machines   [0, (T - T_0) dP/dT] - leakage             dP/dT: the most, as the setpoint was decided by
//! ```
//! At least nothing: the plant's own resets may have come as far, and a machine at the end of its range draws no more. A
//! setpoint that relieves nothing with a meter leaves the upper bound open: then nothing is said.

use crate::line::Line;
use headroom_site::Dimension;
use headroom_site::model::Saves;

/// Least and most of what is believed of clocks: memory does not follow them, supplies, fans and leakage follow the watts.
const CLOCKS: [f64; 2] = [0.5, 1.5];
/// Exponent of pump power over its pressure.
const PUMPS: f64 = 1.5;

/// Least and most watts saved now; `None` where nothing can be said. Nothing in force saves nothing.
pub(super) fn bounds_w(line: &Line) -> Option<(f64, f64)> {
    let clocks_w: f64 = if line.wants().caps_mode.may_write() {
        line.job_clocks().iter().filter(|c| c.wanted_mhz.is_some()).map(|c| c.saves_w).sum()
    } else {
        0.0
    };
    let (mut low, mut high) = (CLOCKS[0] * clocks_w, CLOCKS[1] * clocks_w);
    for a in 0..line.site().actuators.len() {
        let Some(stands) = in_force(line, a) else { continue };
        let (least, most) = of_actuator(line, a, stands)?;
        (low, high) = (low + least, high + most);
    }
    (low.is_finite() && high.is_finite()).then_some((low.min(high), high.max(low)))
}

/// Is anything commanded now?
pub(super) fn commands(line: &Line) -> bool {
    let capped = line.wants().caps_mode.may_write()
        && (line.caps().binds || line.caps().lock_mhz.iter().any(Option::is_some));
    capped || (0..line.site().actuators.len()).any(|a| in_force(line, a).is_some())
}

/// Where a setpoint stands by our command.
fn in_force(line: &Line, a: usize) -> Option<f64> {
    let held = line.held(a)?;
    let readback = line.site().actuators[a].readback.and_then(|p| line.snapshot().good(p));
    Some(readback.unwrap_or(held))
}

fn of_actuator(line: &Line, a: usize, stands: f64) -> Option<(f64, f64)> {
    let actuator = &line.site().actuators[a];
    let (saves, costs) = line.worth(a, stands);
    let toward = if actuator.saves == Saves::Up { 1.0 } else { -1.0 };
    let by = toward * (stands - actuator.fallback);
    if by == 0.0 {
        return Some((0.0, 0.0));
    }
    if !(saves.0.is_finite() && saves.1.is_finite()) {
        return None;
    }
    let most_w = if actuator.unit.dimension == Dimension::Temperature {
        by * saves.1
    } else {
        // saves = 3/2 P / x
        saves.1 * stands.abs() / PUMPS * ((actuator.fallback / stands).abs().powf(PUMPS) - 1.0)
    };
    let costs_w = costs * by;
    Some((most_w.min(0.0) - costs_w.max(0.0), most_w.max(0.0) - costs_w.min(0.0)))
}
