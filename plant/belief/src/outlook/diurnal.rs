//! The mean of each time of day, learned over days and slowly forgotten.
//!
//! Responsible for: the shape of a day in UTC (a day's shape moves with summer time within the days that it remembers). Not
//! for: days of the week.
//!
//! ```text
//! d_b+ = d_b + (m_b - d_b) / min(n_b, N)       b  bin of a quarter of an hour, m_b its mean today, n_b days seen
//! ```
//!
//! A bin of today is folded in two hours after it has ended, so that the deviation of now is held against earlier days, not
//! against itself.

/// Minutes in a bin.
const BIN_MIN: i64 = 15;
/// Bins in a day.
const BINS: usize = 96;
/// Bins after which one of today is folded in.
const LATER: usize = 8;
/// Days that are remembered.
const DAYS: f64 = 7.0;

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    mean: f64,
    days: f64,
    today: f64,
    minutes: f64,
}

/// Shape of a day.
#[derive(Debug, Clone)]
pub(super) struct Diurnal {
    bins: Vec<Bin>,
    known: usize,
    last: Option<i64>,
}

impl Diurnal {
    pub(super) fn new() -> Self {
        Self { bins: vec![Bin::default(); BINS], known: 0, last: None }
    }

    /// Takes the mean of a minute (minutes since 1970, UTC).
    pub(super) fn take(&mut self, minute: i64, y: f64) {
        let bin = minute.div_euclid(BIN_MIN);
        // Bins in between, after a gap, had their chance.
        let from = self.last.map_or(bin, |last| (last + 1).max(bin - BINS as i64));
        for b in from..=bin {
            self.fold((b.rem_euclid(BINS as i64) as usize + BINS - LATER) % BINS);
        }
        self.last = Some(bin);
        let today = &mut self.bins[bin.rem_euclid(BINS as i64) as usize];
        today.today += y;
        today.minutes += 1.0;
    }

    fn fold(&mut self, bin: usize) {
        let b = &mut self.bins[bin];
        if b.minutes <= 0.0 {
            return;
        }
        self.known += usize::from(b.days <= 0.0);
        b.days = (b.days + 1.0).min(DAYS);
        b.mean += (b.today / b.minutes - b.mean) / b.days;
        (b.today, b.minutes) = (0.0, 0.0);
    }

    /// The mean of a minute's time of day, between the middles of bins; none before a whole day was seen.
    pub(super) fn at(&self, minute: i64) -> Option<f64> {
        if self.known < BINS {
            return None;
        }
        let x = (minute as f64 + 0.5) / BIN_MIN as f64 - 0.5;
        let (b, part) = (x.floor(), x - x.floor());
        let mean = |b: i64| self.bins[b.rem_euclid(BINS as i64) as usize].mean;
        let b = b as i64;
        Some(mean(b) * (1.0 - part) + mean(b + 1) * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_learned_after_a_day() {
        let mut d = Diurnal::new();
        let y = |m: i64| 20.0 + 5.0 * (m as f64 / 1440.0 * std::f64::consts::TAU).sin();
        for m in 0..1440 {
            d.take(m, y(m));
        }
        assert!(d.at(1440).is_none(), "the last bins are not folded in yet");
        for m in 1440..1440 + 150 {
            d.take(m, y(m));
        }
        for m in (1590..1590 + 1440).step_by(7) {
            let at = d.at(m).unwrap();
            assert!((at - y(m)).abs() < 0.05, "{m}: {at} {}", y(m));
        }
    }
}
