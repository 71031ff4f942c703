//! What the plant beside the IT would have drawn on its own BMS, from the hours in which nothing of ours was in force.
//!
//! Responsible for: fitting those hours and predicting the others, with a prediction interval. Not for: IT energy, of which an
//! hour without commands says nothing, since other work came in it (`headroom-core`, `ledger::saving`, has its bounds).
//!
//! ```text
//! y = b_0 + b_1 IT + b_2 max(0, T - T_c)          y: facility less IT, mean W of an hour; T outdoor
//! u^2(sum) = s^2 (n + x' (X'X)^-1 x) f            x: sum of the n rows predicted;  f = (1 + r)/(1 - r)
//! ```
//! Least squares; the change point T_c is the one of 0 to 30 degC that leaves least. r is the correlation of one residual with
//! the next: hours are not independent (ASHRAE Guideline 14, annex on autocorrelation). Only hours whose IT and outdoor
//! temperature lie within those of the baseline are predicted: beyond them a fit says nothing.

use crate::ledger::view::Range;
use headroom_core::ledger::Hour;
use nalgebra::{DMatrix, DVector, RowDVector};
use serde::Serialize;

/// Fewest hours that make a baseline.
const LEAST_HOURS: usize = 24;
/// Seconds of an hour that must be booked for it to count, and the most of them under commands in a baseline.
const BOOKED_S: f64 = 3_000.0;
const COMMANDED_S: f64 = 60.0;
/// Share of the seconds in which a meter must have been good.
const GOOD: f64 = 0.9;
/// Beyond the range of the baseline by so much of it, an hour still counts.
const BEYOND: f64 = 0.1;
/// Poorer fits say nothing (ASHRAE Guideline 14: 30 % for hourly data).
const CV_RMSE: f64 = 0.30;
const HOUR_S: f64 = 3_600.0;
const J_PER_KWH: f64 = 3.6e6;

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Baseline {
    /// Facility less IT: predicted less metered.
    pub(crate) saved_kwh: Option<Range>,
    /// Hours of the baseline, and those that were predicted.
    pub(crate) baseline_hours: usize,
    pub(crate) predicted_hours: usize,
    /// Root mean square of the residuals over the mean.
    pub(crate) cv_rmse: Option<f64>,
    /// Outdoor temperature from which on it rises, degC.
    pub(crate) change_point_degc: Option<f64>,
    /// Why there is none.
    pub(crate) why_not: Option<String>,
}

/// An hour as the fit sees it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    other_w: f64,
    it_w: f64,
    outdoor_c: f64,
}

impl Seen {
    fn of(hour: &Hour) -> Option<Self> {
        let s = &hour.site;
        let both = &s.facility_over_it;
        let good = both.s >= GOOD * hour.booked_s && s.outdoor_s >= GOOD * hour.booked_s;
        (hour.booked_s >= BOOKED_S && good).then(|| Self {
            other_w: (both.over_j - both.under_j) / both.s,
            it_w: both.under_j / both.s,
            outdoor_c: s.outdoor_c_s / s.outdoor_s,
        })
    }

    fn row(&self, change_c: f64) -> [f64; 3] {
        [1.0, self.it_w, (self.outdoor_c - change_c).max(0.0)]
    }
}

/// A fit.
struct Fit {
    change_c: f64,
    b: DVector<f64>,
    inverse: DMatrix<f64>,
    s2: f64,
    /// Factor on variances for residuals that follow each other.
    f: f64,
}

impl Baseline {
    /// Of the hours of a span, by those of the whole ledger.
    pub(crate) fn of<'a>(all: impl Iterator<Item = &'a Hour>, span: &[&Hour]) -> Self {
        let base: Vec<Seen> =
            all.filter(|h| h.site.commanded_s <= COMMANDED_S).filter_map(Seen::of).collect();
        let ours: Vec<Seen> =
            span.iter().filter(|h| h.site.commanded_s > COMMANDED_S).filter_map(|h| Seen::of(h)).collect();
        let mut out = Self { baseline_hours: base.len(), ..Self::default() };
        if base.len() < LEAST_HOURS {
            out.why_not = Some(format!(
                "{} whole hours without commands are in the ledger, {LEAST_HOURS} make a baseline: let it run in advisory mode for a day or more",
                base.len()
            ));
            return out;
        }
        let fits = (0..=15).filter_map(|k| Fit::of(&base, f64::from(2 * k)));
        let Some(fit) = fits.min_by(|a, b| a.s2.total_cmp(&b.s2)) else {
            out.why_not =
                Some("the hours without commands are all alike: neither load nor weather moved".to_owned());
            return out;
        };
        let mean = base.iter().map(|h| h.other_w).sum::<f64>() / base.len() as f64;
        let cv = fit.s2.sqrt() / mean;
        (out.cv_rmse, out.change_point_degc) = (Some(cv), Some(fit.change_c));
        if cv.is_nan() || cv > CV_RMSE {
            out.why_not = Some(format!(
                "the fit is off by {:.0} % (CV(RMSE)), more than {:.0} %",
                100.0 * cv,
                100.0 * CV_RMSE
            ));
            return out;
        }
        let inside: Vec<Seen> = ours.into_iter().filter(|h| is_inside(&base, h)).collect();
        out.predicted_hours = inside.len();
        if inside.is_empty() {
            out.why_not = Some(
                "no hour of the span under commands lies within the load and weather of the baseline"
                    .to_owned(),
            );
            return out;
        }
        let (saved, sigma) = fit.saved_w(&inside);
        let kwh = |w: f64| w * HOUR_S / J_PER_KWH;
        out.saved_kwh =
            Some(Range { value: kwh(saved), low: kwh(saved - 2.0 * sigma), high: kwh(saved + 2.0 * sigma) });
        out
    }
}

/// Does an hour lie within what the baseline has seen?
fn is_inside(base: &[Seen], hour: &Seen) -> bool {
    let within = |of: fn(&Seen) -> f64| {
        let (low, high) =
            base.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        let beyond = BEYOND * (high - low);
        (low - beyond..=high + beyond).contains(&of(hour))
    };
    within(|h| h.it_w) && within(|h| h.outdoor_c)
}

impl Fit {
    fn of(base: &[Seen], change_c: f64) -> Option<Self> {
        let n = base.len();
        let rows: Vec<f64> = base.iter().flat_map(|h| h.row(change_c)).collect();
        let x = DMatrix::from_row_slice(n, 3, &rows);
        let y = DVector::from_iterator(n, base.iter().map(|h| h.other_w));
        let inverse = (x.transpose() * &x).try_inverse()?;
        let b = &inverse * x.transpose() * &y;
        let residuals: Vec<f64> = (&y - &x * &b).iter().copied().collect();
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        let next: f64 = residuals.windows(2).map(|w| w[0] * w[1]).sum();
        let r = if squares > 0.0 { (next / squares).clamp(0.0, 0.95) } else { 0.0 };
        let s2 = squares / (n - 3) as f64;
        b.iter().all(|b| b.is_finite()).then_some(Self { change_c, b, inverse, s2, f: (1.0 + r) / (1.0 - r) })
    }

    /// Watts saved, summed over hours, and their standard deviation.
    fn saved_w(&self, hours: &[Seen]) -> (f64, f64) {
        let mut sum = RowDVector::zeros(3);
        let mut saved = 0.0;
        for h in hours {
            let row = RowDVector::from_row_slice(&h.row(self.change_c));
            saved += (&row * &self.b)[0] - h.other_w;
            sum += row;
        }
        let of_fit = (&sum * &self.inverse * sum.transpose())[0];
        (saved, (self.s2 * (hours.len() as f64 + of_fit) * self.f).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours of a plant that draws 5 kW, 6 % of its IT, and 400 W/K above 18 degC; under commands a tenth less.
    fn hours(n: i64, commands: bool, noise_w: f64) -> Vec<Hour> {
        let one = |k: i64| {
            let (it_w, outdoor_c) = (3e5 + 5e4 * ((k * 7) % 11) as f64 / 10.0, 10.0 + ((k * 5) % 17) as f64);
            let own_w = 5e3
                + 0.06 * it_w
                + 400.0 * (outdoor_c - 18.0_f64).max(0.0)
                + noise_w * (((k * 13) % 7) as f64 - 3.0);
            let mut h = Hour { hour_unix_s: k * 3600, booked_s: 3600.0, ..Hour::default() };
            let other_w = if commands { 0.9 * own_w } else { own_w };
            h.site.commanded_s = if commands { 3600.0 } else { 0.0 };
            h.site.facility_over_it.over_j = (it_w + other_w) * 3600.0;
            h.site.facility_over_it.under_j = it_w * 3600.0;
            h.site.facility_over_it.s = 3600.0;
            (h.site.outdoor_c_s, h.site.outdoor_s) = (outdoor_c * 3600.0, 3600.0);
            h
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn a_tenth_less_is_found_within_the_interval() {
        let (base, ours) = (hours(72, false, 300.0), hours(48, true, 300.0));
        let span: Vec<&Hour> = ours.iter().collect();
        let found = Baseline::of(base.iter().chain(&ours), &span);
        let truth: f64 = hours(48, false, 300.0)
            .iter()
            .map(|h| (h.site.facility_over_it.over_j - h.site.facility_over_it.under_j) / 3.6e6 / 10.0)
            .sum();
        let saved = found.saved_kwh.unwrap();
        assert!(
            saved.low < truth && truth < saved.high && saved.high - saved.low < 0.5 * truth,
            "{truth} {found:?}"
        );
        assert_eq!((found.change_point_degc, found.predicted_hours), (Some(18.0), 48));
    }

    #[test]
    fn what_is_not_known_permits_no_figure() {
        let (few, ours) = (hours(10, false, 300.0), hours(5, true, 300.0));
        let span: Vec<&Hour> = ours.iter().collect();
        let why = |found: Baseline| found.why_not.unwrap();
        assert!(why(Baseline::of(few.iter(), &span)).contains("10 whole hours"));
        let mut hot = hours(5, true, 300.0);
        hot.iter_mut().for_each(|h| h.site.outdoor_c_s = 60.0 * 3600.0);
        let base = hours(72, false, 300.0);
        assert!(
            why(Baseline::of(base.iter(), &hot.iter().collect::<Vec<_>>()))
                .contains("within the load and weather")
        );
    }
}
