//! Load and weather of the next hour, as signals of the site's model.
//!
//! Responsible for: which future a signal follows. Not for: the futures (`outlook`), or setpoints, which stay as they are.
//!
//! | signal | follows |
//! |---|---|
//! | heat of racks | the heat of the place that cools them, else the power of the IT, in proportion to now |
//! | outdoor temperature | the dry bulb, by its difference to now |
//! | anything else | stays |

use crate::outlook::{Future, Futures, What};
use crate::site_filter::SiteFilter;
use headroom_belief::model::{Role, Signal};
use headroom_belief::outlook::HORIZONS_MIN;
use headroom_site::Site;

/// The median of a quantile band.
const MEDIAN: usize = 1;

/// Signals of each of so many periods, the next one first; not a number where a signal stays.
pub(super) fn signals(site: &Site, model: &SiteFilter, futures: &Futures, periods: usize) -> Vec<Vec<f64>> {
    let stay = vec![f64::NAN; model.signals().len()];
    let mut ahead = vec![stay; periods];
    let period_min = model.model().period_s / 60.0;
    for (i, signal) in model.model().signals.iter().enumerate() {
        let now = model.signals()[i];
        let Some(path) = of(site, futures, signal).and_then(path).filter(|_| now.is_finite()) else {
            continue;
        };
        for (k, row) in ahead.iter_mut().enumerate() {
            let later = at(&path, (k + 1) as f64 * period_min);
            row[i] = match signal.role {
                Role::Heat if path[0].1 > 0.0 => now * (later / path[0].1),
                Role::Heat => now,
                _ => now + (later - path[0].1),
            };
        }
    }
    ahead
}

/// The future that a signal follows.
fn of<'a>(site: &Site, futures: &'a Futures, signal: &Signal) -> Option<&'a Future> {
    match signal.role {
        Role::Heat => {
            let racks: Vec<&str> =
                signal.columns.iter().filter_map(|c| c.strip_prefix("gpu_power:")).collect();
            let cools = |f: &&Future| {
                let below = site.downstream(&f.of);
                f.what == What::Heat && !racks.is_empty() && racks.iter().all(|r| below.contains(r))
            };
            futures.iter().find(cools).or_else(|| futures.find(What::ItPower))
        }
        Role::Weather => {
            let outdoor = site.meters.outdoor.map(|p| site.points[p.index()].id.as_str());
            let is = signal.columns.len() == 1 && Some(signal.columns[0].as_str()) == outdoor;
            is.then(|| futures.find(What::DryBulb))?
        }
        Role::Setpoint | Role::Disturbance => None,
    }
}

/// Medians from now on, at minutes from now. None where nothing is foreseen.
fn path(future: &Future) -> Option<Vec<(f64, f64)>> {
    let mut path = vec![(0.0, future.series().now()?)];
    for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
        path.push((minutes as f64, future.band(h).ok()?.q[MEDIAN]));
    }
    Some(path)
}

/// The value of a path at a minute, straight between its points, and the last one beyond.
fn at(path: &[(f64, f64)], minute: f64) -> f64 {
    let next = path.iter().position(|(t, _)| *t >= minute);
    match next {
        None => path[path.len() - 1].1,
        Some(0) => path[0].1,
        Some(i) => {
            let ((t0, v0), (t1, v1)) = (path[i - 1], path[i]);
            v0 + (v1 - v0) * (minute - t0) / (t1 - t0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_straight_between_its_points() {
        let path = [(0.0, 10.0), (1.0, 12.0), (5.0, 4.0)];
        let values: Vec<f64> = [0.0, 0.5, 1.0, 3.0, 5.0, 60.0].map(|m| at(&path, m)).to_vec();
        assert_eq!(values, [10.0, 11.0, 12.0, 8.0, 4.0, 4.0]);
    }
}
