//! `headroom tap`: each new reading of a point, or sample of a GPU, as it is aligned.

use super::{URL, number, quoted, span};
use crate::check::Format;
use crate::exit;
use crate::https::client as https;
use crate::run::seen::tap::{GpuLine, PointLine, TapLine};
use anyhow::{Context, Result, anyhow};
use axum::http::{Response, Uri};
use bytes::Bytes;
use clap::Args;
use headroom_site::Span;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Patience with the first word.
const DEADLINE: Duration = Duration::from_secs(3);
/// Longest line taken, bytes.
const LONGEST: usize = 1 << 16;

/// Options of `headroom tap`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Id of a point, or UUID of a GPU.
    point: String,
    /// Address of the daemon's pages.
    #[arg(long, default_value = URL)]
    url: String,
    /// Ends after so long (30s, 10m); until ctrl-c if not given.
    #[arg(long = "for", value_parser = span)]
    lasts: Option<Span>,
    /// How it is printed; json is one object a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// What answers is not this daemon.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let url = format!("{}/tap?point={}", options.url.trim_end_matches('/'), quoted(&options.point));
    let Ok(uri) = url.parse::<Uri>() else {
        eprintln!("headroom tap: `{url}` is not an address like http://host:port");
        return Ok(ExitCode::from(exit::NO_FIELD));
    };
    let said = tokio::time::timeout(DEADLINE, asked(uri)).await;
    let response = match said.unwrap_or_else(|_| Err(anyhow!("no answer"))) {
        Ok(response) => response,
        Err(why) => {
            eprintln!("headroom tap: {url}: {why:#}");
            return Ok(ExitCode::from(exit::NO_FIELD));
        }
    };
    if !response.status().is_success() {
        let said = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        eprintln!("headroom tap: {}", String::from_utf8_lossy(&said).trim());
        return Ok(ExitCode::from(exit::FAULT));
    }
    let ends = async {
        match options.lasts {
            Some(span) => tokio::time::sleep(Duration::from_nanos(span.ns().cast_unsigned())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ends => Ok(ExitCode::SUCCESS),
        ended = tokio::signal::ctrl_c() => ended.map(|()| ExitCode::SUCCESS).context("no signals"),
        code = follow(response.into_body(), options.format) => code,
    }
}

/// Its answer, inside TLS where the address says so.
async fn asked(uri: Uri) -> Result<Response<Incoming>> {
    let builder = Client::builder(TokioExecutor::new());
    Ok(if uri.scheme_str() == Some("https") {
        let client: Client<_, Empty<Bytes>> = builder.build(https::connector(DEADLINE)?);
        client.get(uri).await?
    } else {
        let client: Client<_, Empty<Bytes>> = builder.build(https::plain(DEADLINE));
        client.get(uri).await?
    })
}

/// Prints what comes until it ends; then the daemon is gone.
async fn follow<B: BodyExt<Data = Bytes> + Unpin>(mut body: B, format: Format) -> Result<ExitCode> {
    let mut rest: Vec<u8> = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(chunk) = frame.into_data() else { continue };
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Some(json) = line.strip_prefix(b"data: ") else { continue };
            let text = match format {
                Format::Json => String::from_utf8_lossy(json).trim_end().to_owned(),
                Format::Plain => plain(&super::parse(json)?),
            };
            // A pipe whose reader is gone ends the verb.
            if writeln!(std::io::stdout(), "{text}").is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if rest.len() > LONGEST {
            break;
        }
    }
    eprintln!("headroom tap: the daemon has ended it");
    Ok(ExitCode::from(exit::NO_FIELD))
}

/// One line: event time, arrival, delay, what it says, quality.
fn plain(line: &TapLine) -> String {
    let lost = match line {
        TapLine::Point(PointLine { lost, .. }) | TapLine::Gpu(GpuLine { lost, .. }) => *lost,
    };
    let lost = if lost > 0 { format!("  ({lost} lines lost before this one)") } else { String::new() };
    match line {
        TapLine::Point(p) => {
            let value = p.value.map_or("-".to_owned(), number);
            let quality =
                p.reason.as_ref().map_or_else(|| p.quality.clone(), |why| format!("{}: {why}", p.quality));
            let delay = delay(p.arrival_utc.as_ref(), p.delay_s);
            let sure = p.event_uncertainty_s;
            format!("{} +- {sure:.3} s  {delay}  {value:>10} {:<6} {quality}{lost}", p.event_utc, p.unit)
        }
        TapLine::Gpu(g) => {
            let with = |v: Option<f32>, unit: &str| v.map_or("-".to_owned(), |v| format!("{v:.0} {unit}"));
            let cells = [
                with(g.power_w, "W"),
                with(g.clock_mhz, "MHz"),
                with(g.die_degc, "C"),
                format!("cap {}", with(g.cap_w, "W")),
                g.reasons.join(", "),
            ];
            format!(
                "{}  {}  {}{lost}",
                g.event_utc,
                delay(g.arrival_utc.as_ref(), g.delay_s),
                cells.join("  ")
            )
        }
    }
}

fn delay(arrival: Option<&String>, delay_s: Option<f64>) -> String {
    // The time of day is enough: the date stands before it.
    let of_day = arrival.and_then(|a| a.split('T').nth(1)).unwrap_or("-");
    let delay = delay_s.map_or("-".to_owned(), |s| format!("{:.0} ms", s * 1e3));
    format!("arrived {of_day:<13} {delay:>8} late")
}
