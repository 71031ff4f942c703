//! Seeing the telemetry from the terminal: `headroom points`, `headroom tap`, `headroom timeline`.
//!
//! Responsible for: asking the daemon's pages and laying out what they say. Not for: what is kept (`run::seen`), nor for
//! anything that reaches the field: these verbs only look.

pub(crate) mod points;
pub(crate) mod tap;
mod terminal;
pub(crate) mod timeline;

use crate::exit;
use crate::status::{Answered, Reader};
use anyhow::Context;
use axum::http::StatusCode;
use bytes::Bytes;
use headroom_site::Span;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::process::ExitCode;

/// Address of the daemon's pages unless told otherwise.
pub(crate) const URL: &str = "http://127.0.0.1:9464";

/// A page, or the exit code that its absence means, told on standard error.
async fn page(reader: &Reader, verb: &str, url: &str) -> Result<Bytes, ExitCode> {
    reader.get(url).await.map_err(|why| {
        eprintln!("headroom {verb}: {url}: {why:#}");
        let unknown = why.downcast_ref::<Answered>().is_some_and(|a| a.code == StatusCode::NOT_FOUND);
        ExitCode::from(if unknown { exit::FAULT } else { exit::NO_FIELD })
    })
}

/// Prints lines; an error is a pipe whose reader has gone.
pub(crate) fn say(lines: &[String]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// What a page holds.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("what answers is not this daemon")
}

/// A value for the query of an address: everything but letters, digits and `-._~` in percent.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A time on the command line: `30s`, `10m`, `2 h`.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    let text = text.trim();
    let minutes = text.strip_suffix('m').filter(|n| n.ends_with(|c: char| c.is_ascii_digit() || c == ' '));
    let parsed: Result<Span, _> = minutes.map_or_else(|| text.to_owned(), |n| format!("{n} min")).parse();
    let span = parsed.map_err(|_| format!("`{text}` is not a time; write 30s, 10m or 2h"))?;
    if span.ns() > 0 { Ok(span) } else { Err("give a time above zero".to_owned()) }
}

/// Values as eight heights, scaled to themselves; what is missing is a blank.
pub(crate) fn sparkline(values: &[Option<f64>]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known = || values.iter().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let height = |v: f64| {
        // What moves by less than a millionth stands.
        if high - low <= 1e-6 * high.abs().max(1e-9) {
            return STEPS[0];
        }
        let step = ((v - low) / (high - low) * 7.0).round();
        STEPS[(step as usize).min(7)]
    };
    values.iter().map(|v| v.map_or(' ', height)).collect()
}

/// A number with as many decimals as it deserves: four or five significant digits.
pub(crate) fn number(x: f64) -> String {
    let digits = match x.abs() {
        a if a >= 1000.0 => 0,
        a if a >= 100.0 => 1,
        a if a >= 10.0 => 2,
        _ => 3,
    };
    format!("{x:.digits$}")
}

/// An age, short: `0.4 s`, `95 s`, `12 min`, `3.1 h`.
fn age(s: Option<f64>) -> String {
    match s {
        None => "never".to_owned(),
        Some(s) if s.abs() < 10.0 => format!("{s:.1} s"),
        Some(s) if s.abs() < 600.0 => format!("{s:.0} s"),
        Some(s) if s.abs() < 7200.0 => format!("{:.0} min", s / 60.0),
        Some(s) => format!("{:.1} h", s / 3600.0),
    }
}

/// Rows under a head, columns as wide as their widest cell; those named `right` stand to the right.
pub(crate) fn table(head: &[&str], right: &[bool], rows: &[Vec<String>]) -> Vec<String> {
    let width = |c: usize| {
        let cells = rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count());
        cells.chain([head[c].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (c, cell) in cells.enumerate() {
            let pad = " ".repeat(widths[c].saturating_sub(cell.chars().count()));
            let gap = if c == 0 { "" } else { "  " };
            out += &if right[c] { format!("{gap}{pad}{cell}") } else { format!("{gap}{cell}{pad}") };
        }
        out.trim_end().to_owned()
    };
    let first = line(&mut head.iter().copied());
    std::iter::once(first).chain(rows.iter().map(|r| line(&mut r.iter().map(String::as_str)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_command_line() {
        assert_eq!(span("30s"), Ok(Span::from_s(30.0)));
        assert_eq!(span("10m"), Ok(Span::from_s(600.0)));
        assert_eq!(span("2 h"), Ok(Span::from_s(7200.0)));
        assert_eq!(span("100 ms"), Ok(Span::from_ms(100)));
        assert!(span("0s").is_err() && span("10").is_err() && span("m").is_err());
    }

    #[test]
    fn trends_and_tables_line_up() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(2.0), Some(8.0)]), "▁ ▂█");
        assert_eq!(sparkline(&[Some(5.0), Some(5.0)]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        let rows = vec![vec!["a".to_owned(), "12".to_owned()], vec!["bcd".to_owned(), "3".to_owned()]];
        assert_eq!(table(&["id", "n"], &[false, true], &rows), ["id    n", "a    12", "bcd   3"]);
        assert_eq!(quoted("hall 1/a-b"), "hall%201%2Fa-b");
        assert_eq!(
            (number(31.256), number(1234.5), age(Some(700.0))),
            ("31.26".into(), "1234".into(), "12 min".into())
        );
    }
}
