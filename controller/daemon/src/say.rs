//! Numbers and times in words, as the web page says them. Every number has its unit; what is not known is said so, and is
//! never 0.
//!
//! Responsible for: how a number reads. Not for: which numbers there are.

use headroom_site::Stamp;

/// Where there is no number and no reason.
pub(crate) const NOT_KNOWN: &str = "not known";

/// A number that is one.
pub(crate) fn known(x: Option<f64>) -> Option<f64> {
    x.filter(|x| x.is_finite())
}

/// Digits; a zero has no sign.
pub(crate) fn digits(x: f64, n: usize) -> String {
    let text = format!("{x:.n$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// Decimals that are worth showing of a number.
fn places(x: f64) -> usize {
    match x.abs() {
        a if a >= 1000.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 || a == 0.0 => 2,
        _ => 3,
    }
}

/// A unit as it is printed.
fn unit_of(unit: &str) -> &str {
    match unit {
        "degC" | "C" => "°C",
        "degF" | "F" => "°F",
        "1" => "",
        other => other,
    }
}

/// Value with its unit; watts get the prefix that fits. `n` is the number of decimals, if not the usual one.
pub(crate) fn value(x: f64, unit: &str, n: Option<usize>) -> String {
    let said = match (unit, x.abs()) {
        ("W", a) if a >= 1e6 => format!("{} MW", digits(x * 1e-6, 3)),
        ("W", a) if a >= 1e3 => format!("{} kW", digits(x * 1e-3, 1)),
        ("W", _) => format!("{} W", digits(x, n.unwrap_or(0))),
        _ => format!("{} {}", digits(x, n.unwrap_or_else(|| places(x))), unit_of(unit)),
    };
    said.trim_end().to_owned()
}

/// The same, or what stands where there is no number.
pub(crate) fn quantity(x: Option<f64>, unit: &str, n: Option<usize>, none: &str) -> String {
    known(x).map_or_else(|| none.to_owned(), |x| value(x, unit, n))
}

/// A share as percent.
pub(crate) fn percent(x: f64, n: usize) -> String {
    format!("{} %", digits(x * 100.0, n))
}

/// A count with its thousands apart.
pub(crate) fn count(x: usize) -> String {
    let plain = x.to_string();
    let mut out = String::new();
    for (i, c) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// A large number with its prefix.
pub(crate) fn large(x: f64) -> String {
    for (from, by, word) in [(1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")] {
        if x.abs() >= from {
            return format!("{} {word}", digits(x / by, 2));
        }
    }
    digits(x, usize::from(x < 10.0))
}

/// A span of time, s.
pub(crate) fn span(s: f64) -> String {
    match s {
        s if s > 0.0 && s < 1.0 => format!("{} ms", digits(s * 1e3, 0)),
        s if s < 120.0 => format!("{} s", digits(s, usize::from(s > 0.0 && s < 10.0))),
        s if s < 7200.0 => format!("{} min", digits(s / 60.0, 0)),
        s => format!("{} h", digits(s / 3600.0, 1)),
    }
}

/// Time of day of an instant, UTC.
pub(crate) fn clock(unix_ms: i64) -> String {
    let text = Stamp::from_unix_ms(unix_ms).to_string();
    format!("{} UTC", text.get(11..19).unwrap_or(&text))
}

/// Day and time of a stamp as the daemon writes it.
pub(crate) fn stamp(text: &str) -> String {
    let plain = text.replacen('T', " ", 1);
    let Some(whole) = plain.strip_suffix('Z') else { return plain };
    let whole = whole.rsplit_once('.').map_or(whole, |(seconds, _)| seconds);
    format!("{whole} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_the_page() {
        assert_eq!(value(1_234_567.0, "W", None), "1.235 MW");
        assert_eq!(value(12_345.0, "W", None), "12.3 kW");
        assert_eq!(value(-0.0001, "K", Some(1)), "0.0 K");
        assert_eq!(value(31.25, "degC", None), "31.2 °C");
        assert_eq!(value(0.41, "1", None), "0.410");
        assert_eq!(quantity(None, "W", None, NOT_KNOWN), "not known");
        assert_eq!(quantity(Some(f64::NAN), "W", None, "nothing"), "nothing");
        assert_eq!(
            (count(999), count(10_000), count(1_234_567)),
            ("999".into(), "10 000".into(), "1 234 567".into())
        );
        assert_eq!(
            (large(231_450.0), large(1.2e9), large(3.0)),
            ("231.45 k".into(), "1.20 G".into(), "3.0".into())
        );
        assert_eq!(
            (span(0.5), span(94.0), span(700.0), span(7300.0)),
            ("500 ms".into(), "94 s".into(), "12 min".into(), "2.0 h".into())
        );
    }

    #[test]
    fn times_read_as_on_the_page() {
        assert_eq!(clock(1_752_840_315_500), "12:05:15 UTC");
        assert_eq!(stamp("2025-07-18T12:05:15.500Z"), "2025-07-18 12:05:15 UTC");
        assert_eq!(stamp("2025-07-18T12:05:15Z"), "2025-07-18 12:05:15 UTC");
        assert_eq!(stamp("never"), "never");
    }
}
