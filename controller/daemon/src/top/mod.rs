//! `headroom top`: the web page's figures in a terminal, for people on ssh.
//!
//! Responsible for: reading the daemon's pages once a second, and drawing what they say. Not for: reckoning anything, nor for
//! anything that reaches the field: it only looks.

mod app;
mod gpus;
mod lay;
mod link;
mod live;
mod model;
mod paint;
mod poll;
mod spark;
mod tab;
#[cfg(test)]
mod tests;
mod view;

use crate::exit;
use crate::see::{URL, say as print};
use anyhow::Result;
use app::App;
use axum::http::Uri;
use clap::Args;
use model::Said;
use paint::Paint;
use poll::Poller;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

/// Options of `headroom top`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Address of the daemon's pages.
    #[arg(long, default_value = URL)]
    url: String,
    /// Prints the overview once as plain text and ends.
    #[arg(long)]
    once: bool,
    /// Width of what is printed once, characters.
    #[arg(long, default_value_t = 100, requires = "once", value_parser = clap::value_parser!(u16).range(20..=1000))]
    width: u16,
}

/// Runs the verb.
///
/// # Errors
/// The terminal cannot be had, or is gone.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let usable = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if !options.url.parse().is_ok_and(|uri| usable(&uri)) {
        eprintln!("headroom top: `{}` is not an address like http://host:port", options.url);
        return Ok(ExitCode::from(exit::USAGE));
    }
    if options.once {
        return Ok(once(options).await);
    }
    if !std::io::stdout().is_terminal() {
        eprintln!(
            "headroom top: standard output is no terminal; `headroom top --once` prints one picture as plain text"
        );
        return Ok(ExitCode::from(exit::USAGE));
    }
    live::run(App::new(&options.url, Paint::of_environment())).await?;
    Ok(ExitCode::SUCCESS)
}

/// One picture as text.
async fn once(options: &Options) -> ExitCode {
    let mut app = App::new(&options.url, Paint::plain());
    for said in Poller::new(&options.url).look().await {
        if let Said::Missed(why) = said {
            eprintln!("headroom top: {}: {why}", options.url);
            return ExitCode::from(exit::NO_FIELD);
        }
        app.model.take(said, Instant::now());
    }
    // A pipe whose reader has seen enough is no fault.
    let _ = print(&view::once(&app, options.width, Instant::now()));
    ExitCode::SUCCESS
}
