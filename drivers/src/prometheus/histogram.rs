//! Histograms: what happened between two readings of a page.
//!
//! Responsible for: the difference of cumulative buckets by series, resets, and quantiles of it. Not for: which metric.
//!
//! ```text
//! n_i   = c_i - c_i'                observations <= b_i since the last reading; c_i if the series began anew
//! k     = ceil(p n / 100)           the k-th smallest is the p-th percentile; n: all of them
//! i     = least i with n_i >= k     it lies in (b_(i-1), b_i]: this is exact
//! value = b_(i-1) + (b_i - b_(i-1)) (p n / 100 - n_(i-1)) / (n_i - n_(i-1))     inside it they are taken as even
//! mean  = (S - S') / n
//! ```
//! as Prometheus' `histogram_quantile` does it. In the last bucket, which has no upper end, the value is at least the last bound,
//! and says so by its quality. A series began anew if any of its counts fell, its `_created` is another, its bounds are, or its
//! process is; one that is new on a page that was read before began after that reading. Several series are added up over the
//! bounds that all of them have.

use super::series::FORGET;
use headroom_site::model::Statistic;
use headroom_site::{Quality, Reason};
use std::collections::BTreeMap;

/// One series of one reading.
#[derive(Debug, Clone, Default, PartialEq)]
struct Look {
    /// Upper bounds and cumulative counts, in order of bounds; the last bound is infinite.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: Option<f64>,
    created: Option<f64>,
    at: u64,
}

/// A part of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// Cumulative count up to this bound.
    Bucket(f64),
    Sum,
    Count,
    Created,
}

impl Look {
    /// Puts the buckets in order, and the infinite one beside them. Buckets that were read a moment apart may not rise; what
    /// is not larger than its predecessor is as large.
    fn tidy(&mut self) {
        self.buckets.retain(|(bound, count)| !bound.is_nan() && count.is_finite() && *count >= 0.0);
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
        let open = self.buckets.last().is_none_or(|(bound, _)| bound.is_finite());
        if let Some(count) = self.count.filter(|c| open && c.is_finite()) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut most = 0.0_f64;
        for (_, count) in &mut self.buckets {
            most = most.max(*count);
            *count = most;
        }
    }

    /// What it has that `before` had not.
    fn since(&self, before: Option<&Self>) -> Since {
        let same = before.filter(|b| {
            let bounds = b.buckets.iter().map(|x| x.0).eq(self.buckets.iter().map(|x| x.0));
            let rises = b.buckets.iter().zip(&self.buckets).all(|(b, a)| a.1 >= b.1);
            bounds && rises && b.created == self.created
        });
        let Some(before) = same else {
            return Since { buckets: self.buckets.clone(), sum: self.sum };
        };
        let pairs = self.buckets.iter().zip(&before.buckets);
        Since { buckets: pairs.map(|(a, b)| (a.0, a.1 - b.1)).collect(), sum: self.sum - before.sum }
    }
}

/// What was observed between two readings: upper bounds with cumulative counts, and the sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Since {
    buckets: Vec<(f64, f64)>,
    sum: f64,
}

impl Since {
    /// Adds another series, over the bounds that both have.
    fn add(&mut self, other: &Self) {
        // In order of bounds, as all of them are.
        let find = |bound: f64| other.buckets.binary_search_by(|b| b.0.total_cmp(&bound)).ok();
        let of = |bound: f64| find(bound).map(|i| other.buckets[i].1);
        self.buckets.retain_mut(|(bound, count)| of(*bound).map(|more| *count += more).is_some());
        self.sum += other.sum;
    }

    /// How many.
    pub(super) fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |b| b.1)
    }

    /// Buckets that somebody else has taken the difference of: upper bounds with cumulative counts, the last infinite.
    pub(super) fn of(buckets: &[(f64, f64)], sum: f64) -> Self {
        Self { buckets: buckets.to_vec(), sum }
    }

    /// A statistic in the histogram's own unit, and how far it can be trusted; `None` where nothing was observed.
    pub(super) fn statistic(&self, which: Statistic) -> Option<(f64, Quality)> {
        let n = self.count();
        if n < 1.0 {
            return None;
        }
        match which {
            Statistic::Mean => Some((self.sum / n, Quality::Good)),
            Statistic::Count => Some((n, Quality::Good)),
            Statistic::P50 => Some(self.percentile(50.0, n)),
            Statistic::P95 => Some(self.percentile(95.0, n)),
        }
    }

    fn percentile(&self, p: f64, n: f64) -> (f64, Quality) {
        // In hundredths, so that no rounding of 0.95 moves it to the next bucket.
        let rank = (p * n / 100.0).ceil().max(1.0);
        let i = self.buckets.iter().position(|b| b.1 >= rank).unwrap_or(self.buckets.len() - 1);
        let (upper, upto) = self.buckets[i];
        let before = i.checked_sub(1).map(|i| self.buckets[i]);
        let lower = before.map_or_else(|| upper.min(0.0), |b| b.0);
        if upper.is_infinite() {
            // Without a finite bound nothing is known but the mean.
            let known = before.is_some();
            let why = if known {
                Quality::Uncertain(Reason::OutOfRange)
            } else {
                Quality::Bad(Reason::NotSupported)
            };
            return (if known { lower } else { 0.0 }, why);
        }
        let below = before.map_or(0.0, |b| b.1);
        let share = ((p * n / 100.0 - below) / (upto - below)).clamp(0.0, 1.0);
        ((lower + (upper - lower) * share).clamp(lower, upper), Quality::Good)
    }
}

/// The histograms of a latency, by series.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    last: BTreeMap<String, Look>,
    now: BTreeMap<String, Look>,
    readings: u64,
}

impl Histogram {
    pub(super) fn take(&mut self, key: String, part: Part, value: f64) {
        let look = self.now.entry(key).or_default();
        match part {
            Part::Bucket(bound) => look.buckets.push((bound, value)),
            Part::Sum => look.sum = value,
            Part::Count => look.count = Some(value),
            Part::Created => look.created = Some(value).filter(|v| !v.is_nan()),
        }
    }

    /// Drops what was taken in this reading.
    pub(super) fn clear(&mut self) {
        self.now.clear();
    }

    /// Ends a reading; `restarted` if the page's process is another one. Gives what was observed since the last one, which is
    /// nothing at the first; `None` without series.
    pub(super) fn finish(&mut self, restarted: bool) -> Option<Since> {
        if restarted {
            self.last.clear();
        }
        if self.now.is_empty() {
            return None;
        }
        let first = self.readings == 0;
        self.readings += 1;
        let at = self.readings;
        let mut all: Option<Since> = None;
        for (key, mut look) in std::mem::take(&mut self.now) {
            look.tidy();
            look.at = at;
            if !first {
                let since = look.since(self.last.get(&key));
                match &mut all {
                    Some(all) => all.add(&since),
                    None => all = Some(since),
                }
            }
            self.last.insert(key, look);
        }
        if at.is_multiple_of(FORGET) {
            self.last.retain(|_, look| at - look.at < FORGET);
        }
        Some(all.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
