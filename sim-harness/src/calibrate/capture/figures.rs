//! Statistics of point classes: the same for the capture and for the plant.
//!
//! Responsible for: figures from arrivals, and the two-sample distance. Not for: where arrivals come from.

use super::Class;

/// Number of quantiles that stand for a distribution.
pub const QUANTILES: usize = 41;

/// Length that one look takes, s.
pub const WINDOW_S: f64 = 100.0;

/// Arrivals of one point over one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Time of each arrival, s.
    pub times_s: Vec<f64>,
    /// Value of each arrival.
    pub values: Vec<f64>,
}

/// Figures of a point class. Units are those of its points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Number of series.
    pub points: f64,
    /// Arrivals of all of them.
    pub arrivals: f64,
    /// Mean value.
    pub level: f64,
    /// Standard deviation of successive differences over the root of 2, about a straight line.
    pub white: f64,
    /// Standard deviation about a straight line.
    pub wander: f64,
    /// Lag-1 autocorrelation of the same residuals.
    pub memory: f64,
    /// Greatest common step; 0 where there is none to be seen.
    pub quantum: f64,
    /// Median time between arrivals, s.
    pub interval_s: f64,
    /// Median distance of one point's times between arrivals from those of the class.
    pub apart: f64,
    /// Quantiles of residuals over their standard deviation.
    pub residuals: [f64; QUANTILES],
    /// Quantiles of the times between arrivals, whole seconds.
    pub intervals: [f64; QUANTILES],
}

impl Figures {
    /// Arrivals that count as independent.
    #[must_use]
    pub fn independent(&self) -> f64 {
        let r = self.memory.clamp(0.0, 0.99);
        self.arrivals * (1.0 - r) / (1.0 + r)
    }
}

/// A pod: figures of its classes and levels of its racks.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// By class.
    pub classes: Vec<(Class, Figures)>,
    /// Heat in the racks' coolant over their electric power.
    pub heat_share: f64,
    /// The same heat over the heat that is known to have gone there; 1 where it is not known.
    pub meter_share: f64,
    /// Flow over power, L/min per kW.
    pub flow_per_kw: f64,
    /// Rise of the coolant, K.
    pub rise_k: f64,
    /// Differential pressure of a rack over that of its CDU.
    pub dp_over_header: f64,
    /// Spread of `dp / flow^2` between racks, %.
    pub resistance_spread: f64,
    /// Valve position, %.
    pub valve: f64,
    /// Exponent of differential pressure over flow. The flows of the capture lie too close together to tell (2 %): the
    /// turbulent law's 2.
    pub exponent: f64,
}

impl Pod {
    /// Figures of a class.
    #[must_use]
    pub fn class(&self, class: Class) -> Option<&Figures> {
        self.classes.iter().find(|(c, _)| *c == class).map(|(_, figures)| figures)
    }
}

/// Mean values of one rack.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rack {
    /// Flow, L/min.
    pub flow_lpm: f64,
    /// Differential pressure, kPa.
    pub dp_kpa: f64,
    /// Supply, C.
    pub supply_c: f64,
    /// Return, C.
    pub return_c: f64,
    /// Electric power, kW.
    pub power_kw: f64,
    /// Valve, %.
    pub valve: f64,
    /// Heat into the coolant, kW; not a number where nobody knows.
    pub liquid_kw: f64,
}

/// Levels of racks on CDUs at a header pressure; medians, so that one implausible meter does not count.
#[must_use]
pub fn pod(classes: Vec<(Class, Figures)>, racks: &[Rack], header_kpa: f64) -> Pod {
    let over = |get: &dyn Fn(&Rack) -> f64| median(racks.iter().map(get).collect());
    let rise = |r: &Rack| r.return_c - r.supply_c;
    let heat_kw = |r: &Rack| r.flow_lpm / 60_000.0 * 1015.0 * 3.930 * rise(r);
    let resistance = |r: &Rack| r.dp_kpa / (r.flow_lpm * r.flow_lpm);
    let usual = over(&resistance);
    let alike: Vec<f64> =
        racks.iter().map(resistance).filter(|r| (0.7..1.4).contains(&(r / usual))).collect();
    Pod {
        heat_share: over(&|r| heat_kw(r) / r.power_kw),
        meter_share: if racks.iter().any(|r| r.liquid_kw.is_finite()) {
            over(&|r| heat_kw(r) / r.liquid_kw)
        } else {
            1.0
        },
        flow_per_kw: over(&|r| r.flow_lpm / r.power_kw),
        rise_k: over(&rise),
        dp_over_header: over(&|r| r.dp_kpa) / header_kpa,
        resistance_spread: 100.0 * deviation(&alike, 1) / mean(&alike),
        valve: over(&|r| r.valve),
        exponent: 2.0,
        classes,
    }
}

/// Mean; not a number for nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median; not a number for nothing.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

fn deviation(values: &[f64], spent: usize) -> f64 {
    let m = mean(values);
    let squares: f64 = values.iter().map(|v| (v - m) * (v - m)).sum();
    (squares / values.len().saturating_sub(spent) as f64).sqrt()
}

/// Residuals about the straight line of least squares.
fn residuals(series: &Series) -> Vec<f64> {
    let (t, v) = (mean(&series.times_s), mean(&series.values));
    let pairs = || series.times_s.iter().zip(&series.values);
    let across: f64 = pairs().map(|(a, b)| (a - t) * (b - v)).sum();
    let along: f64 = series.times_s.iter().map(|a| (a - t) * (a - t)).sum();
    let slope = if along > 0.0 { across / along } else { 0.0 };
    pairs().map(|(a, b)| b - v - slope * (a - t)).collect()
}

/// Steps that instruments show: 1, 2 and 5 of a decade, and 0.1 psi and 0.1 gpm in kPa and L/min.
const STEPS: [f64; 5] = [0.689_476, 0.378_541, 0.5, 0.2, 0.1];

/// Greatest step of which the differences between the values seen are multiples; `None` if too few were seen.
#[must_use]
pub fn quantum(values: &[f64]) -> Option<f64> {
    let mut seen = values.to_vec();
    seen.sort_by(f64::total_cmp);
    seen.dedup_by(|a, b| (*a - *b).abs() < 1e-5 * b.abs().max(0.1));
    let gaps: Vec<f64> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.is_empty() {
        return None;
    }
    let mut candidates: Vec<f64> =
        (-3..=1).flat_map(|decade| STEPS.map(|step| step * 10.0_f64.powi(decade))).collect();
    candidates.sort_by(|a, b| b.total_cmp(a));
    let fits = |step: f64| {
        let whole = |gap: &&f64| {
            let n = **gap / step;
            n > 0.9 && (n - n.round()).abs() < 0.06
        };
        gaps.iter().filter(whole).count() as f64 >= 0.95 * gaps.len() as f64
    };
    Some(candidates.into_iter().find(|step| fits(*step)).unwrap_or(0.0))
}

/// Quantiles by nearest rank.
fn quantiles(mut values: Vec<f64>) -> [f64; QUANTILES] {
    values.sort_by(f64::total_cmp);
    let mut out = [0.0; QUANTILES];
    if let Some(last) = values.len().checked_sub(1) {
        for (k, slot) in out.iter_mut().enumerate() {
            *slot = values[(k as f64 / (QUANTILES - 1) as f64 * last as f64).round() as usize];
        }
    }
    out
}

/// Figures of the series of a class.
#[must_use]
pub fn figures(series: &[Series]) -> Figures {
    let (mut white, mut wander, mut memory, mut steps) = (vec![], vec![], vec![], vec![]);
    let (mut normal, mut intervals, mut medians, mut own) = (vec![], vec![], vec![], vec![]);
    for one in series.iter().filter(|s| s.values.len() > 1) {
        steps.extend(quantum(&one.values));
        let between: Vec<f64> = one.times_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        intervals.extend(between.iter().map(|s| s.round().max(1.0)));
        medians.push(median(between.clone()));
        own.push(quantiles(between.iter().map(|s| s.round().max(1.0)).collect()));
        if one.values.len() > 2 {
            let left = residuals(one);
            let squares: f64 = left.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
            white.push((squares / 2.0 / (left.len() - 1) as f64).sqrt());
            let sd = deviation(&left, 2);
            wander.push(sd);
            let product: f64 = left.windows(2).map(|pair| pair[0] * pair[1]).sum();
            memory.push(product / left.iter().map(|r| r * r).sum::<f64>());
            normal.extend(left.iter().filter(|_| sd > 0.0).map(|r| r / sd));
        }
    }
    let levels: Vec<f64> = series.iter().filter(|s| !s.values.is_empty()).map(|s| mean(&s.values)).collect();
    let intervals = quantiles(intervals);
    Figures {
        points: series.len() as f64,
        arrivals: series.iter().map(|s| s.values.len() as f64).sum(),
        level: mean(&levels),
        white: median(white),
        wander: median(wander),
        memory: median(memory),
        quantum: median(steps),
        interval_s: median(medians),
        residuals: quantiles(normal),
        apart: median(own.iter().map(|one| distance(one, &intervals)).collect()),
        intervals,
    }
}

/// Share of a distribution at or below `x`, from its quantiles.
fn share(quantiles: &[f64; QUANTILES], x: f64) -> f64 {
    let above = quantiles.partition_point(|q| *q <= x);
    let (low, high) = match above {
        0 => return 0.0,
        QUANTILES => return 1.0,
        n => (quantiles[n - 1], quantiles[n]),
    };
    ((above - 1) as f64 + (x - low) / (high - low)) / (QUANTILES - 1) as f64
}

/// Kolmogorov-Smirnov distance of two distributions given by quantiles.
#[must_use]
pub fn distance(a: &[f64; QUANTILES], b: &[f64; QUANTILES]) -> f64 {
    let apart = |x: &f64| (share(a, *x) - share(b, *x)).abs();
    a.iter().chain(b).map(apart).fold(0.0, f64::max)
}

/// Critical distance of the two-sample test at 1 %: `1.63 sqrt(1/n + 1/m)`, and half a quantile for the tables.
#[must_use]
pub fn critical(n: f64, m: f64) -> f64 {
    1.63 * (1.0 / n + 1.0 / m).sqrt() + 0.5 / (QUANTILES - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(step: f64, n: usize, value: impl Fn(usize) -> f64) -> Series {
        Series { times_s: (0..n).map(|k| k as f64 * step).collect(), values: (0..n).map(value).collect() }
    }

    #[test]
    fn a_line_has_no_noise_and_a_saw_has_no_memory() {
        let line = figures(&[series(2.0, 50, |k| 30.0 + 0.1 * k as f64)]);
        assert!(line.wander < 1e-9 && (line.interval_s - 2.0).abs() < 1e-9);
        assert!((line.quantum - 0.1).abs() < 1e-9, "{}", line.quantum);
        let saw = figures(&[series(1.0, 100, |k| 5.0 + if k % 2 == 0 { 0.3 } else { -0.3 })]);
        assert!(saw.memory < -0.9 && (saw.wander - 0.3).abs() < 0.01, "{saw:?}");
        // successive differences are 0.6 everywhere
        assert!((saw.white - 0.6 / 2.0_f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn steps_of_instruments_are_found() {
        let on = |step: f64| -> Vec<f64> { (0..40).map(|k| step * f64::from(130 + (k * 7) % 11)).collect() };
        for step in [0.001, 0.01, 0.1, 0.5, 0.689_476, 0.378_541] {
            assert!((quantum(&on(step)).unwrap() - step).abs() < 1e-9, "{step}");
        }
        let free: Vec<f64> = (1..60).map(|k| f64::from(k).sqrt()).collect();
        assert!(quantum(&free).unwrap() < 0.002);
        assert_eq!(quantum(&[3.0, 3.0]), None);
    }

    #[test]
    fn distance_is_zero_for_itself_and_one_for_strangers() {
        let near = figures(&[series(1.0, 90, |k| (k as f64 * 1.7).sin())]).residuals;
        assert!(distance(&near, &near) < 1e-12);
        let far = near.map(|q| q + 100.0);
        assert!((distance(&near, &far) - 1.0).abs() < 1e-12);
        let half = near.map(|q| if q < 0.0 { q } else { q + 100.0 });
        assert!((0.4..0.6).contains(&distance(&near, &half)));
    }
}
