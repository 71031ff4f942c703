//! Numbers of the document: as the files write them, exact, with their units.
//!
//! Responsible for: how a number reads. Not for: which ones there are.

use headroom_site::quantity::Unit;
use headroom_site::{Dimension, Span};

/// A number without what is not there: at most six decimals, no zeros at the end.
pub(super) fn plain(x: f64) -> String {
    let text = format!("{x:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A number in a unit, from its base unit.
pub(super) fn number(base: f64, unit: Unit) -> f64 {
    tidy(unit.from_base(base))
}

/// A difference in a unit, from its base unit.
pub(super) fn difference(base: f64, unit: Unit) -> f64 {
    if unit.dimension == Dimension::Temperature { tidy(base) } else { tidy(base / unit.scale) }
}

/// Six decimals: conversion noise is no digit of the file.
fn tidy(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// Unit of a difference.
pub(super) fn unit_of_difference(unit: Unit) -> &'static str {
    if unit.dimension == Dimension::Temperature { "K" } else { unit.symbol }
}

/// A span of time, exact to the millisecond.
pub(super) fn span(span: Span) -> String {
    const SECOND: i64 = 1_000_000_000;
    let ns = span.ns();
    let in_units = |unit: i64| plain(ns as f64 / unit as f64);
    match ns {
        ns if ns != 0 && ns.abs() < SECOND => format!("{} ms", in_units(SECOND / 1000)),
        ns if ns >= 7200 * SECOND && ns % (3600 * SECOND) == 0 => format!("{} h", in_units(3600 * SECOND)),
        ns if ns >= 120 * SECOND && ns % (60 * SECOND) == 0 => format!("{} min", in_units(60 * SECOND)),
        _ => format!("{} s", in_units(SECOND)),
    }
}

/// The same as a number of seconds, without noise of conversion.
pub(super) fn in_s(span: Span) -> f64 {
    span.ns() as f64 / 1e9
}

/// The same, of seconds.
pub(super) fn seconds(s: f64) -> String {
    span(Span::from_s(s))
}

/// Watts with the prefix that fits, exact to the watt.
pub(super) fn watts(w: f64) -> String {
    match w.abs() {
        a if a >= 1e6 => format!("{} MW", plain((w * 1e-6 * 1e6).round() / 1e6)),
        a if a >= 1e3 => format!("{} kW", plain((w * 1e-3 * 1e3).round() / 1e3)),
        _ => format!("{} W", plain(w)),
    }
}

/// A share as percent.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", plain(tidy(share * 100.0)))
}

/// Words in a row: `a, b and c`.
pub(super) fn list<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_the_files_write_them() {
        assert_eq!((plain(0.1 + 0.2), plain(30.0), plain(-0.0)), ("0.3".into(), "30".into(), "0".into()));
        let unit = |symbol| Unit::of(symbol).unwrap();
        let kpa = unit("kPa");
        assert_eq!((number(kpa.to_base(90.0), kpa), difference(kpa.to_base(2.0), kpa)), (90.0, 2.0));
        let degf = unit("degF");
        assert_eq!((difference(1.5, degf), unit_of_difference(degf)), (1.5, "K"));
        assert_eq!(
            (seconds(30.0), seconds(300.0), seconds(250.0), seconds(0.1), seconds(7200.0)),
            ("30 s".into(), "5 min".into(), "250 s".into(), "100 ms".into(), "2 h".into())
        );
        assert_eq!(
            (watts(3000.0), watts(1_234_000.0), watts(700.0)),
            ("3 kW".into(), "1.234 MW".into(), "700 W".into())
        );
        assert_eq!((list(&["a", "b", "c"]), list::<&str>(&[])), ("a, b and c".into(), "nothing".into()));
    }
}
