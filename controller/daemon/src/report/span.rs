//! The span of a report: what may be asked for, and what of it the ledger does not have.
//!
//! Responsible for: days and times of the command line (UTC), and gaps. Not for: what is told of a span.

use super::{DAY_S, Gap, HOUR_S};
use crate::ledger::book::Kept;
use clap::Args;
use headroom_core::ledger::Hour;
use headroom_site::Stamp;
use headroom_site::time::days_from_civil;

/// A shorter gap is not worth a word, ms: a controller that is started again has one.
const SHORT_MS: i64 = 60_000;

/// What is asked for; all of the ledger if nothing is.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Asked {
    /// One day (UTC): 2025-07-18.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["week", "from", "to"])]
    day: Option<String>,
    /// Seven days from this one on.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"])]
    week: Option<String>,
    /// From this hour on (UTC): 2025-07-18 or 2025-07-18T12:00.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this hour.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl Asked {
    /// From and to, Unix s, on full hours.
    ///
    /// # Errors
    /// A word that is no time, or a span that ends before it begins.
    pub(super) fn span(&self, kept: &Kept) -> Result<(i64, i64), String> {
        if let Some(day) = &self.day {
            let from = time(day)?;
            return Ok((from, from + DAY_S));
        }
        if let Some(week) = &self.week {
            let from = time(week)?;
            return Ok((from, from + 7 * DAY_S));
        }
        let ends = |n: Option<&i64>| n.copied().unwrap_or(0);
        let from = self.from.as_deref().map_or_else(|| Ok(ends(kept.hours.keys().next())), time)?;
        let last = || Ok(ends(kept.hours.keys().next_back()) + HOUR_S);
        let to = self.to.as_deref().map_or_else(last, time)?;
        let (from, to) = (from.div_euclid(HOUR_S) * HOUR_S, (to + HOUR_S - 1).div_euclid(HOUR_S) * HOUR_S);
        if from < to {
            Ok((from, to))
        } else {
            Err(format!("the span ends before it begins; {}", known(kept)))
        }
    }
}

/// What the ledger has, in words.
pub(super) fn known(kept: &Kept) -> String {
    let first = kept.hours.values().next().map_or(0, |h| h.from_unix_ms);
    let last = kept.hours.values().next_back().map_or(0, |h| h.to_unix_ms);
    format!("the ledger has {} to {}", Stamp::from_unix_ms(first), Stamp::from_unix_ms(last))
}

/// A day, or an hour of it, as Unix s.
///
/// # Errors
/// A word that is no time.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    let not = || format!("`{text}` is no time; write 2025-07-18 or 2025-07-18T12:00 (UTC)");
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00"));
    let numbers =
        |text: &str, by: char| -> Option<Vec<i64>> { text.split(by).map(|n| n.parse().ok()).collect() };
    let date = numbers(date, '-').ok_or_else(not)?;
    let clock = numbers(clock.trim_end_matches('Z'), ':').ok_or_else(not)?;
    let (&[y, m, d], &[h, min, ..]) = (date.as_slice(), clock.as_slice()) else { return Err(not()) };
    let sound = (1970..=9999).contains(&y) && (1..=12).contains(&m) && (1..=31).contains(&d);
    if !sound || !(0..24).contains(&h) || !(0..60).contains(&min) {
        return Err(not());
    }
    Ok(days_from_civil(y, m, d) * DAY_S + h * HOUR_S + min * 60)
}

/// Times between hours, and before and within them, of which nothing was booked.
pub(super) fn gaps(hours: &[&Hour]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let gap = |from: i64, to: i64, seconds: f64| Gap {
        from: Stamp::from_unix_ms(from).to_string(),
        to: Stamp::from_unix_ms(to).to_string(),
        seconds,
    };
    let mut end: Option<i64> = None;
    for hour in hours {
        if let Some(end) = end.filter(|end| hour.from_unix_ms - end > SHORT_MS) {
            gaps.push(gap(end, hour.from_unix_ms, (hour.from_unix_ms - end) as f64 * 1e-3));
        }
        let within_s = (hour.to_unix_ms - hour.from_unix_ms) as f64 * 1e-3 - hour.booked_s;
        if within_s > SHORT_MS as f64 * 1e-3 {
            gaps.push(gap(hour.from_unix_ms, hour.to_unix_ms, within_s));
        }
        end = Some(hour.to_unix_ms);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_mistakes_are_told() {
        assert_eq!(time("1970-01-02"), Ok(86_400));
        assert_eq!(time("1970-01-01T02:30"), Ok(9_000));
        for wrong in ["yesterday", "2025-13-01", "2025-07", "2025-07-18T25:00", "2025-07-18T12"] {
            assert!(time(wrong).unwrap_err().contains("write 2025-07-18"), "{wrong}");
        }
    }

    #[test]
    fn what_was_not_booked_is_a_gap() {
        let hour = |from_s: i64, to_s: i64, booked_s: f64| Hour {
            from_unix_ms: from_s * 1000,
            to_unix_ms: to_s * 1000,
            booked_s,
            ..Hour::default()
        };
        let all = [hour(0, 3600, 3600.0), hour(3610, 7200, 3000.0), hour(9000, 10_800, 1800.0)];
        let found = gaps(&all.iter().collect::<Vec<_>>());
        let lengths: Vec<i64> = found.iter().map(|g| g.seconds as i64).collect();
        assert_eq!(lengths, [590, 1800], "{found:?}");
    }
}
