//! `headroom points`: every point, or every GPU, with its age, how sure its time is, and its quality.

use super::terminal::Terminal;
use super::{URL, age, number, page, parse, quoted, say, sparkline, table};
use crate::check::Format;
use crate::exit;
use crate::run::seen::views::{GpuView, PointView, StampClock};
use crate::status::Reader;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Time between two pictures.
const REDRAW: Duration = Duration::from_secs(1);

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Sort {
    /// The order of names.
    #[default]
    Id,
    /// The oldest first.
    Age,
    /// The worst first.
    Quality,
}

/// Options of `headroom points`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only what is called so: a part of the id, or a pattern with `*` and `?` (with --gpus: of UUID or node).
    pattern: Option<String>,
    /// Address of the daemon's pages.
    #[arg(long, default_value = URL)]
    url: String,
    /// GPUs in place of points.
    #[arg(long)]
    gpus: bool,
    /// Only points that are not good (GPUs that are throttled or silent); exit code 1 if there are any.
    #[arg(long)]
    bad: bool,
    /// Draws again every second until q or ctrl-c; plain lines where standard output is no terminal.
    #[arg(long)]
    watch: bool,
    /// Order of the rows.
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// What answers is not this daemon.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let reader = Reader::new();
    if options.watch {
        return watch(&reader, options).await;
    }
    match look(&reader, options).await? {
        Err(code) => Ok(code),
        Ok(look) => {
            // A pipe whose reader has seen enough is no fault.
            let _ = say(&look.lines);
            Ok(verdict(options, look.rows))
        }
    }
}

/// Nothing of that name, or something bad where the bad were asked for, is a fault.
fn verdict(options: &Options, rows: usize) -> ExitCode {
    let nothing = rows == 0 && options.pattern.is_some() && !options.bad;
    if nothing {
        eprintln!("headroom points: nothing is called `{}`", options.pattern.as_deref().unwrap_or_default());
    }
    if nothing || options.bad && rows > 0 { ExitCode::from(exit::FAULT) } else { ExitCode::SUCCESS }
}

/// What is printed, and of how many rows.
struct Look {
    lines: Vec<String>,
    rows: usize,
}

async fn look(reader: &Reader, options: &Options) -> Result<Result<Look, ExitCode>> {
    let word = if options.gpus { "gpus" } else { "points" };
    let mut url = format!("{}/{word}?bad={}", options.url.trim_end_matches('/'), options.bad);
    if let Some(pattern) = &options.pattern {
        url += &format!("&like={}", quoted(pattern));
    }
    let bytes = match page(reader, "points", &url).await {
        Ok(bytes) => bytes,
        Err(code) => return Ok(Err(code)),
    };
    Ok(Ok(if options.gpus {
        gpus(&parse::<Vec<GpuView>>(&bytes)?, options)
    } else {
        points(&parse::<Vec<PointView>>(&bytes)?, options)
    }))
}

fn points(all: &[PointView], options: &Options) -> Look {
    let mut all: Vec<&PointView> = all.iter().collect();
    let never = |p: &PointView| p.age_s.unwrap_or(f64::INFINITY);
    match options.sort {
        Sort::Id => all.sort_by(|a, b| a.id.cmp(&b.id)),
        Sort::Age => all.sort_by(|a, b| never(b).total_cmp(&never(a))),
        // The status codes of OPC UA rise with severity.
        Sort::Quality => all.sort_by_key(|p| (std::cmp::Reverse(p.quality_opc_ua), p.id.clone())),
    }
    let rows = all.len();
    if options.format == Format::Json {
        return Look { lines: json(&all), rows };
    }
    let bad = all.iter().filter(|p| p.quality != "good").count();
    let cells: Vec<Vec<String>> = all.iter().map(|p| row(p)).collect();
    let head = ["point", "value", "", "age", "time known to", "clock of source", "quality", "from", "trend"];
    let right = [false, true, false, true, true, true, false, false, false];
    let mut lines = table(&head, &right, &cells);
    lines.push(format!("{rows} points, {bad} not good"));
    Look { lines, rows }
}

fn row(p: &PointView) -> Vec<String> {
    let quality = p.reason.as_ref().map_or_else(|| p.quality.clone(), |why| format!("{}: {why}", p.quality));
    vec![
        p.id.clone(),
        p.value.map_or("-".to_owned(), number),
        p.unit.clone(),
        age(p.age_s),
        p.event_uncertainty_s.map_or("-".to_owned(), |s| format!("+- {s:.3} s")),
        p.clock.as_ref().map_or("ours".to_owned(), offset),
        quality,
        p.source.clone(),
        sparkline(&p.trend),
    ]
}

/// `+2.134 +- 0.030 s`, with a mark on a clock that is wrong.
fn offset(clock: &StampClock) -> String {
    let mark = if clock.wrong { " !" } else { "" };
    match (clock.offset_s, clock.sigma_s) {
        (Some(offset), Some(sigma)) => format!("{offset:+.3} +- {sigma:.3} s{mark}"),
        _ => format!("not known yet{mark}"),
    }
}

fn gpus(all: &[GpuView], options: &Options) -> Look {
    let mut all: Vec<&GpuView> = all.iter().collect();
    let never = |g: &GpuView| g.age_s.unwrap_or(f64::INFINITY);
    match options.sort {
        Sort::Id => all.sort_by(|a, b| (&a.node, a.index).cmp(&(&b.node, b.index))),
        Sort::Age => all.sort_by(|a, b| never(b).total_cmp(&never(a))),
        Sort::Quality => all.sort_by_key(|g| (g.heard, g.reasons.is_empty(), g.node.clone(), g.index)),
    }
    let rows = all.len();
    if options.format == Format::Json {
        return Look { lines: json(&all), rows };
    }
    let cells: Vec<Vec<String>> = all.iter().map(|g| gpu_row(g)).collect();
    let head =
        ["GPU", "node", "power", "clock", "die", "HBM", "margin", "cap", "age", "held by", "trend", "UUID"];
    let right = [true, false, true, true, true, true, true, true, true, false, false, false];
    let mut lines = table(&head, &right, &cells);
    let (silent, held) =
        (all.iter().filter(|g| !g.heard).count(), all.iter().filter(|g| !g.reasons.is_empty()).count());
    lines.push(format!("{rows} GPUs, {silent} silent, {held} held"));
    Look { lines, rows }
}

fn gpu_row(g: &GpuView) -> Vec<String> {
    let with = |v: Option<f32>, digits: usize, unit: &str| {
        v.map_or("-".to_owned(), |v| format!("{v:.digits$} {unit}"))
    };
    let silent = if g.heard { "" } else { "silent" };
    let held = if g.reasons.is_empty() { silent.to_owned() } else { g.reasons.join(", ") };
    vec![
        g.index.to_string(),
        g.node.clone(),
        with(g.power_w, 0, "W"),
        with(g.clock_mhz, 0, "MHz"),
        with(g.die_degc, 0, "C"),
        with(g.hbm_degc, 0, "C"),
        with(g.margin_k, 0, "K"),
        with(g.cap_w, 0, "W"),
        age(g.age_s),
        held,
        sparkline(&g.trend_w),
        g.uuid.clone(),
    ]
}

fn json<T: serde::Serialize>(all: &T) -> Vec<String> {
    vec![serde_json::to_string(all).unwrap_or_default()]
}

/// Until q or ctrl-c. A daemon that does not answer is waited for, once it has answered.
async fn watch(reader: &Reader, options: &Options) -> Result<ExitCode> {
    // One that listens all the time: whoever asks between two waits is heard at the next.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let first = match look(reader, options).await? {
        Ok(first) => first,
        Err(code) => return Ok(code),
    };
    let terminal = if options.format == Format::Plain { Terminal::take() } else { None };
    let mut keys = terminal.as_ref().map(|_| Terminal::keys());
    let mut next = tokio::time::interval(REDRAW);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    next.tick().await;
    if !show(terminal.is_some(), &first.lines) {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let pressed = async {
            match &mut keys {
                // A keyboard that is gone ends nothing.
                Some(keys) => match keys.recv().await {
                    Some(key) => key,
                    None => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            key = pressed => if matches!(key, b'q' | b'Q' | 3) { break },
            _ = interrupt.recv() => break,
            _ = next.tick() => match look(reader, options).await? {
                Ok(look) => if !show(terminal.is_some(), &look.lines) { break },
                Err(_) if terminal.is_some() => {}
                Err(code) => return Ok(code),
            }
        }
    }
    drop(terminal);
    Ok(ExitCode::SUCCESS)
}

/// False once nobody reads any more.
fn show(live: bool, lines: &[String]) -> bool {
    if live {
        Terminal::draw(lines);
        return true;
    }
    say(lines).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_sure_its_time_is_and_why_it_is_bad() {
        let p = PointView {
            id: "CDU-01.supply".into(),
            value: Some(31.25),
            unit: "degC".into(),
            age_s: Some(300.0),
            event_uncertainty_s: Some(0.06),
            clock: Some(StampClock {
                offset_s: Some(2.134),
                sigma_s: Some(0.03),
                corrected: true,
                wrong: true,
            }),
            quality: "bad".into(),
            reason: Some("stale".into()),
            trend: vec![Some(1.0), Some(2.0)],
            ..PointView::default()
        };
        let line = row(&p).join("|");
        assert_eq!(line, "CDU-01.supply|31.25|degC|300 s|+- 0.060 s|+2.134 +- 0.030 s !|bad: stale||▁█");
        let g = GpuView {
            reasons: vec!["SW power cap".into()],
            power_w: Some(512.4),
            heard: true,
            ..GpuView::default()
        };
        assert!(
            gpu_row(&g).contains(&"512 W".to_owned()) && gpu_row(&g).contains(&"SW power cap".to_owned())
        );
    }
}
