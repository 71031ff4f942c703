//! What the plant would have drawn more if nothing of ours were in force, as bounds.
//!
//! Responsible for: the counterfactual of locks and setpoints that stand by our command, from local laws. Not for: savings
//! against a baseline that was measured (`headroom report` fits one where there are hours without commands).
//!
//! ```text
//! clocks     [1/2, 1] x what jobs are believed to draw less by their wanted clock       (voltage law, memory taken along)
//! pumps      P ((x_0/x)^e - 1),     e in [1, 3/2]      x_0: where the setpoint falls back to; less what the plates cost
//! machines   (T - T_0) dP/dT - leakage                  dP/dT: least and most, as the setpoint was decided by
//! ```
//! Water that is warmer at the CDUs and at the plant relieves the same machines: at least the larger of the two counts, at most
//! both. A setpoint that relieves nothing with a meter leaves the upper bound open: then nothing is said.

use crate::line::Line;
use headroom_site::Dimension;
use headroom_site::model::Saves;

/// Least and most share of the voltage law that a real job shows.
const CLOCKS: [f64; 2] = [0.5, 1.0];
/// Exponents of pump power over its pressure.
const PUMPS: [f64; 2] = [1.0, 1.5];

/// Least and most watts saved now; `None` where nothing can be said. Nothing in force saves nothing.
pub(super) fn bounds_w(line: &Line) -> Option<(f64, f64)> {
    let clocks_w: f64 = if line.wants().caps_mode.may_write() {
        line.job_clocks().iter().filter(|c| c.wanted_mhz.is_some()).map(|c| c.saves_w).sum()
    } else {
        0.0
    };
    let (mut low, mut high) = (CLOCKS[0] * clocks_w, CLOCKS[1] * clocks_w);
    // Relief of machines by water, at CDUs and upstream of them.
    let mut water = [(0.0, 0.0); 2];
    for a in 0..line.site().actuators.len() {
        let Some(stands) = in_force(line, a) else { continue };
        let (least, most) = of_actuator(line, a, stands)?;
        if line.site().actuators[a].unit.dimension == Dimension::Temperature {
            let level = &mut water[usize::from(!line.topology().reach[a].technology)];
            *level = (level.0 + least, level.1 + most);
        } else {
            (low, high) = (low + least, high + most);
        }
    }
    low += water[0].0.max(water[1].0).min(water[0].0 + water[1].0);
    high += water[0].1 + water[1].1;
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
    if actuator.unit.dimension == Dimension::Temperature {
        let (x, y) = (by * (saves.0 - costs), by * (saves.1 - costs));
        return Some((x.min(y), x.max(y)));
    }
    // saves = 3/2 P / x
    let watts = saves.1 * stands.abs() / 1.5;
    let ratio = (actuator.fallback / stands).abs();
    let of = |e: f64| watts * (ratio.powf(e) - 1.0) - costs * by;
    let (x, y) = (of(PUMPS[0]), of(PUMPS[1]));
    Some((x.min(y), x.max(y)))
}
