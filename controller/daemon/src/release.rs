//! `headroom release` and `headroom resume`: everything let go in one step, and taken again.
//!
//! Responsible for: the file that says so, and waiting until the controller has heard. Not for: letting go itself
//! (`headroom-core`, `line/release`), nor for agents that nobody leads (their leases end by themselves).

use crate::exit;
use crate::https::client::shut_out;
use crate::run::http::url_of;
use crate::run::release::{FILE, Released};
use crate::run::view::View;
use crate::status::Reader;
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a controller may take to hear of it: some ticks.
pub(crate) const HEARS: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct ReleaseOptions {
    /// State folder of the controller.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
    /// Why, for whoever looks later.
    #[arg(long, default_value = "")]
    why: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeOptions {
    /// State folder of the controller.
    #[arg(long, default_value = "/var/lib/headroom")]
    state: PathBuf,
}

pub(crate) async fn release(options: &ReleaseOptions) -> Result<ExitCode> {
    let state = &options.state;
    let by = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let said = Released { unix_ms, by: by.unwrap_or_default(), why: options.why.clone() };
    let fresh = state.join(format!("{FILE}.new"));
    let hint = || format!("{}: give --state as the controller has it", state.display());
    std::fs::write(&fresh, toml::to_string(&said)?).with_context(hint)?;
    std::fs::rename(&fresh, state.join(FILE)).with_context(hint)?;
    Ok(match heard(state, true).await {
        Some(View { leadership: Some(l), .. }) if !l.leads => {
            let leader = l.leader.as_deref().unwrap_or("nobody");
            eprintln!(
                "headroom release: this controller stands by, {leader} leads and goes on: release it there; what was said here holds if this one comes to lead"
            );
            ExitCode::from(exit::FAULT)
        }
        Some(View { released: Some(_), .. }) => {
            println!(
                "released: setpoints are the plant's own again, caps end with their leases (30 s unless the site says otherwise)"
            );
            println!(
                "the controller goes on to advise, also after a restart; `headroom resume` takes everything again"
            );
            ExitCode::SUCCESS
        }
        Some(_) => {
            eprintln!(
                "headroom release: the controller answers and has not let go; stop it (systemctl stop headroom)"
            );
            ExitCode::from(exit::FAULT)
        }
        None => {
            unheard("release", &options.state, "one that starts with this state folder begins released").await
        }
    })
}

pub(crate) async fn resume(options: &ResumeOptions) -> Result<ExitCode> {
    let path = options.state.join(FILE);
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            println!("nothing is released");
            return Ok(ExitCode::SUCCESS);
        }
        Err(e) => return Err(e).with_context(|| path.display().to_string()),
    }
    Ok(match heard(&options.state, false).await {
        Some(View { released: None, .. }) => {
            println!(
                "resumed: the controller looks for half a minute and commands again, as far as its policy lets it"
            );
            ExitCode::SUCCESS
        }
        Some(_) => {
            eprintln!("headroom resume: the controller answers and is still released");
            ExitCode::from(exit::FAULT)
        }
        None => unheard("resume", &options.state, "one that starts with this state folder commands").await,
    })
}

/// The word is in the folder, and no controller was heard of it.
async fn unheard(verb: &str, state: &Path, then: &str) -> ExitCode {
    if let Some(why) = shut_out(state).await {
        eprintln!(
            "headroom {verb}: the word is in the state folder; whether the controller has heard it cannot be seen: {why}"
        );
        return ExitCode::from(exit::FAULT);
    }
    println!("no controller answers: {then}");
    ExitCode::SUCCESS
}

/// The controller of a state folder, once it has heard of it or should have; `None` where none answers.
async fn heard(state: &Path, released: bool) -> Option<View> {
    let (url, reader) = (format!("{}/status", url_of(state)?), Reader::new());
    let begun = Instant::now();
    let mut last = None;
    while begun.elapsed() < HEARS {
        match reader.get(&url).await {
            Ok(bytes) => {
                let view: View = serde_json::from_slice(&bytes).ok()?;
                if view.released.is_some() == released {
                    return Some(view);
                }
                last = Some(view);
            }
            Err(_) if last.is_none() => return None,
            Err(_) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
    last
}
