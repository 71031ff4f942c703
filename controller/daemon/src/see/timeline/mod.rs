//! `headroom timeline`: points and quantities of GPUs on one true time axis.
//!
//! Responsible for: asking the daemon for what it keeps, and printing it. Event times are on our time, corrected by the
//! clocks of their sources. Rooms: `plot` (terminal), `html` (the offline page).

mod html;
mod plot;

use super::{URL, page, parse, quoted, say, span};
use crate::check::Format;
use crate::exit;
use crate::run::http::Pulse;
use crate::run::seen::history::History;
use crate::status::Reader;
use anyhow::{Context, Result};
use clap::Args;
use headroom_site::{Span, Stamp};
use std::path::PathBuf;
use std::process::ExitCode;

/// Most series: more cannot be told apart.
const MOST: usize = 24;

/// Options of `headroom timeline`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Ids of points, and GPUs as UUID:power, :clock, :die, :hbm or :cap.
    #[arg(required = true, num_args = 1..=MOST)]
    points: Vec<String>,
    /// Address of the daemon's pages.
    #[arg(long, default_value = URL)]
    url: String,
    /// How far back: 30s, 10m, 2h.
    #[arg(long, default_value = "10m", value_parser = span)]
    last: Span,
    /// Writes one offline page (HTML).
    #[arg(long)]
    out: Option<PathBuf>,
    /// Prints values as CSV in place of the plot.
    #[arg(long, conflicts_with = "format")]
    csv: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Series on one axis.
#[derive(Debug, Clone, Default, PartialEq)]
struct Chart {
    /// From and to, Unix ns.
    from_ns: i64,
    to_ns: i64,
    series: Vec<History>,
}

/// Runs the verb.
///
/// # Errors
/// What answers is not this daemon; the page cannot be written.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let chart = match ask(options).await? {
        Ok(chart) => chart,
        Err(code) => return Ok(code),
    };
    // A pipe whose reader has seen enough is no fault.
    let _ = match (options.csv, options.format) {
        (true, _) => say(&csv(&chart)),
        (false, Format::Json) => say(&[serde_json::to_string(&chart.series)?]),
        (false, Format::Plain) => say(&plot::lines(&chart)),
    };
    if let Some(out) = &options.out {
        std::fs::write(out, html::page(&chart)).with_context(|| out.display().to_string())?;
        eprintln!("headroom timeline: {} is written", out.display());
    }
    let empty = chart.series.iter().filter(|s| s.unix_ns.is_empty());
    for series in empty {
        eprintln!("headroom timeline: nothing is kept of {} in this time", series.of);
    }
    let nothing = chart.series.iter().all(|s| s.unix_ns.is_empty());
    Ok(if nothing { ExitCode::from(exit::FAULT) } else { ExitCode::SUCCESS })
}

async fn ask(options: &Options) -> Result<Result<Chart, ExitCode>> {
    let (reader, base) = (Reader::new(), options.url.trim_end_matches('/'));
    // The daemon's time is that of the plant; ours does not count.
    let pulse: Pulse = match page(&reader, "timeline", &format!("{base}/pulse")).await {
        Ok(bytes) => parse(&bytes)?,
        Err(code) => return Ok(Err(code)),
    };
    let from = pulse.unix_ms.saturating_sub(options.last.ms());
    let mut chart = Chart { from_ns: from * 1_000_000, to_ns: pulse.unix_ms * 1_000_000, series: Vec::new() };
    for point in &options.points {
        let url = format!("{base}/history?point={}&from={from}", quoted(point));
        match page(&reader, "timeline", &url).await {
            Ok(bytes) => chart.series.push(parse(&bytes)?),
            Err(code) => return Ok(Err(code)),
        }
    }
    // What came while we asked is on the axis too.
    let last = chart.series.iter().flat_map(|s| s.unix_ns.last().copied()).max();
    chart.to_ns = chart.to_ns.max(last.unwrap_or(i64::MIN));
    Ok(Ok(chart))
}

/// Rows of all series, one after the other.
fn csv(chart: &Chart) -> Vec<String> {
    let mut lines = vec!["of,unit,event_utc,event_unix_ns,value,least,most,quality_opc_ua".to_owned()];
    let cell = |v: Option<&Option<f64>>| v.copied().flatten().map_or(String::new(), |v| v.to_string());
    for s in &chart.series {
        let of = if s.of.contains([',', '"', '\n']) {
            format!("\"{}\"", s.of.replace('"', "\"\""))
        } else {
            s.of.clone()
        };
        for (i, ns) in s.unix_ns.iter().enumerate() {
            let code = s.quality_opc_ua.get(i).map_or(String::new(), u16::to_string);
            lines.push(format!(
                "{of},{},{},{ns},{},{},{},{code}",
                s.unit,
                Stamp::from_unix_ns(*ns),
                cell(s.value.get(i)),
                cell(s.least.get(i)),
                cell(s.most.get(i))
            ));
        }
    }
    lines
}

/// How sure the times of a series are, in words.
fn sure(s: &History) -> String {
    let sure =
        s.event_uncertainty_s.map_or("time as its source says".to_owned(), |u| format!("time +- {u:.3} s"));
    let offset = s.clock.as_ref().filter(|c| c.corrected).and_then(|c| c.offset_s);
    offset.map_or(sure.clone(), |offset| format!("{sure}, its clock {offset:+.3} s off and put right"))
}

/// Least and most of what a series shows.
fn bounds(s: &History) -> Option<(f64, f64)> {
    let all = s.value.iter().chain(&s.least).chain(&s.most).flatten();
    all.fold(None, |b: Option<(f64, f64)>, v| {
        Some(b.map_or((*v, *v), |(low, high)| (low.min(*v), high.max(*v))))
    })
}

#[cfg(test)]
mod tests;
