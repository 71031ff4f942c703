//! `headroom commission`: three hours beside the plant in which setpoints move a little, and the model that follows.
//!
//! Responsible for: the way from the experiment to the model, and how far it is. Not for: the moves (`headroom-core`,
//! `propose/excite`), which go through the same guard and leases as ever, nor for the daemon's loop (`run`). Whatever ends it,
//! a signal included, the setpoints are released to the BMS.

use crate::check::Format;
use crate::exit;
use crate::files::load;
use crate::{identify, run};
use anyhow::{Context, Result};
use headroom_core::Line;
use headroom_policies::CoolingStrategy;
use headroom_site::{Span, Stamp};
use std::path::Path;
use std::process::ExitCode;

/// Runs the verb.
///
/// # Errors
/// What keeps the daemon from running, or the model from being written.
pub(crate) async fn run(options: run::Options, out: &Path, length: Span) -> Result<ExitCode> {
    match load(&options.site, &options.policy, options.mode) {
        Ok(Some(loaded)) if loaded.wants.cooling == CoolingStrategy::Hold => {
            eprintln!(
                "headroom commission: the policy holds every setpoint; write `cooling = \"least-headroom\"` in [strategy]"
            );
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
        Ok(Some(loaded)) if loaded.wants.actuator_mode.iter().any(|m| m.may_write()) => {}
        Ok(Some(_)) => {
            eprintln!(
                "headroom commission: the policy lets no setpoint be moved; give --mode active or change [mode]"
            );
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
        // The daemon says why.
        Ok(None) | Err(_) => {}
    }
    let table = options.record.clone().unwrap_or_else(|| options.state.join("commission.csv"));
    if table.exists() {
        // Rows of another day are no part of this experiment.
        let aside = table.with_extension("csv.1");
        std::fs::rename(&table, &aside)
            .with_context(|| format!("{}: cannot be put aside", table.display()))?;
        eprintln!("headroom commission: the table of before is now {}", aside.display());
    }
    let site = options.site.clone();
    let options = run::Options { record: Some(table.clone()), excite: Some(length), ..options };
    let ended = run::run(options).await?;
    if ended != ExitCode::SUCCESS {
        eprintln!("headroom commission: ended before its time; no model is written");
        return Ok(ended);
    }
    identify::run(&identify::Options { table, site, out: Some(out.to_path_buf()), format: Format::Plain })
}

/// How far an experiment is, told in twentieths.
#[derive(Debug, Default)]
pub(crate) struct Experiment {
    told: usize,
    broke_off: usize,
    began: Option<Stamp>,
    done: bool,
}

/// Nothing that moves for so long after the start: nothing will.
const PATIENCE: Span = Span::from_ms(1_800_000);

impl Experiment {
    /// Is there one, and is it over?
    pub(crate) fn is_over(&mut self, line: &Line) -> bool {
        let Some(excitation) = line.excitation() else { return false };
        let now = line.snapshot().stamp;
        let percent = 100.0 * excitation.progress(now);
        let broke_off = excitation.broke_off().count();
        if broke_off > self.broke_off {
            let names = excitation.broke_off().map(|a| line.site().actuators[a].id.as_str());
            tracing::warn!("broke off, back to where they stood: {}", names.collect::<Vec<_>>().join(", "));
            self.broke_off = broke_off;
        }
        if (percent / 5.0) as usize > self.told {
            self.told = (percent / 5.0) as usize;
            tracing::info!("commissioning: {percent:.0} %, {} setpoints move", excitation.moving());
        }
        let waits = now.since(*self.began.get_or_insert(now));
        if excitation.progress(now) <= 0.0 && waits > PATIENCE {
            tracing::warn!("no setpoint can be read, so none was moved");
            return true;
        }
        self.done = excitation.is_over(now);
        self.done
    }

    /// Did it come to its end?
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}
