//! Times as documents write them, in the format that the site file says.

use headroom_site::Stamp;
use headroom_site::model::TimeFormat;
use headroom_site::time::days_from_civil;
use serde_json::Value;

/// Unix seconds that a stamp can hold, and then some room: to the year 2200.
const LAST_S: f64 = 7_258_118_400.0;

/// The instant a value says; `None` if it says none in this format.
pub(super) fn stamp(value: &Value, format: TimeFormat) -> Option<Stamp> {
    let per_s = match format {
        TimeFormat::Iso8601 => return iso8601(value.as_str()?),
        TimeFormat::UnixS => 1_i64,
        TimeFormat::UnixMs => 1_000,
        TimeFormat::UnixUs => 1_000_000,
        TimeFormat::UnixNs => 1_000_000_000,
    };
    let number = match value {
        Value::Number(n) => n.clone(),
        // Nanoseconds are often written as text, since they are more than a double holds.
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        _ => return None,
    };
    let ns = match number.as_i64() {
        Some(whole) => whole.checked_mul(1_000_000_000 / per_s)?,
        None => (number.as_f64()? * (1e9 / per_s as f64)) as i64,
    };
    in_range(ns as f64 / 1e9).then(|| Stamp::from_unix_ns(ns))
}

fn in_range(unix_s: f64) -> bool {
    (0.0..LAST_S).contains(&unix_s)
}

/// `2026-11-28T15:04:05[.123456789](Z|+01:00|+0100|+01)`; a blank may stand for `T`, a comma for the point. Without a zone
/// it is no instant.
fn iso8601(text: &str) -> Option<Stamp> {
    let text = text.trim();
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let mark = |at: usize, any: &[u8]| text.as_bytes().get(at).filter(|b| any.contains(b)).map(|_| ());
    mark(4, b"-")?;
    mark(7, b"-")?;
    mark(10, b"Tt ")?;
    mark(13, b":")?;
    mark(16, b":")?;
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let (fraction_ns, rest) = fraction(text.get(19..)?)?;
    let unix_s =
        days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - zone_s(rest)?;
    in_range(unix_s as f64).then(|| Stamp::from_unix_ns(unix_s * 1_000_000_000 + fraction_ns))
}

fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)
}

/// A fraction of a second in ns, and what stands behind it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = rest.split_at(count);
    let known = digits.get(..count.min(9)).filter(|d| !d.is_empty())?;
    let scale = 10_i64.pow(9 - known.len() as u32);
    Some((known.parse::<i64>().ok()? * scale, behind))
}

/// Seconds ahead of UTC.
fn zone_s(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let whole = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = whole.then(|| digits.split_at(2))?;
    let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i64>().ok()? };
    let hours: i64 = hours.parse().ok()?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_instant_in_every_format() {
        let ns = 1_752_840_000_250_000_000_i64;
        for (format, text) in [
            (TimeFormat::UnixS, "1752840000.25"),
            (TimeFormat::UnixS, "\"1752840000.25\""),
            (TimeFormat::UnixMs, "1752840000250"),
            (TimeFormat::UnixMs, "1.75284000025e12"),
            (TimeFormat::UnixUs, "1752840000250000"),
            (TimeFormat::UnixNs, "1752840000250000000"),
            (TimeFormat::UnixNs, "\"1752840000250000000\""),
            (TimeFormat::Iso8601, "\"2025-07-18T12:00:00.25Z\""),
            (TimeFormat::Iso8601, "\"2025-07-18 14:00:00,250+02:00\""),
            (TimeFormat::Iso8601, "\"2025-07-18T07:30:00.250000000-0430\""),
            (TimeFormat::Iso8601, "\"2025-07-18T13:00:00.2500000001+01\""),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let got = stamp(&value, format).map(Stamp::unix_ns);
            assert!(got.is_some_and(|got| got.abs_diff(ns) < 1_000), "{format:?} {text}: {got:?}");
        }
    }

    #[test]
    fn what_is_no_instant() {
        for (format, text) in [
            (TimeFormat::UnixMs, "null"),
            (TimeFormat::UnixMs, "\"now\""),
            (TimeFormat::UnixMs, "-5"),
            (TimeFormat::UnixS, "1752840000250"),
            (TimeFormat::UnixNs, "1e300"),
            (TimeFormat::Iso8601, "1752840000"),
            (TimeFormat::Iso8601, "\"2025-07-18T12:00:00\""),
            (TimeFormat::Iso8601, "\"2025-02-30T12:00:00Z\""),
            (TimeFormat::Iso8601, "\"2025-13-01T12:00:00Z\""),
            (TimeFormat::Iso8601, "\"2025-07-18T12:00:00.Z\""),
            (TimeFormat::Iso8601, "\"2025-07-18T12:00:00+99:00\""),
            (TimeFormat::Iso8601, "\"18.07.2025 12:00\""),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(stamp(&value, format), None, "{format:?} {text}");
        }
    }

    proptest! {
        #[test]
        fn texts_never_panic(text in "\\PC{0,40}", more in "[0-9TZ:.+-]{0,34}") {
            for text in [text, more] {
                for format in TimeFormat::ALL {
                    stamp(&Value::String(text.clone()), format);
                }
            }
        }
    }
}
