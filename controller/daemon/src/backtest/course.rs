//! A tape through controllers, each beside a plant of its own.
//!
//! Responsible for: reading a tape once per thread, and one line and one plant for each draw. Not for: what comes of it.

use super::Options;
use super::draws::Drawn;
use crate::files::Loaded;
use crate::tape::{Entry, Reader};
use anyhow::{Context, Result, anyhow, bail};
use headroom_belief::model::Model;
use headroom_core::backtest::{Account, OtherPlant};
use headroom_core::lease::Identity;
use headroom_core::{Line, Topology};
use headroom_site::{Inbox, Outcome, Stamp, Target};
use indicatif::{ProgressBar, ProgressStyle};

/// What is walked, and with what.
pub(super) struct Setting<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) topology: &'a Topology,
    pub(super) model: &'a Model,
    pub(super) options: &'a Options,
}

/// What came of it.
pub(super) struct Walked {
    /// Of each draw, the model as it is first.
    pub(super) accounts: Vec<Account>,
    /// First and last tick.
    pub(super) ends: Option<(Stamp, Stamp)>,
    /// Runs on the tape.
    pub(super) runs: u64,
    /// Setpoint commands that were carried out while it was recorded.
    pub(super) commanded: u64,
    pub(super) torn: bool,
}

/// A controller beside its plant.
struct Beside<'a> {
    line: Line,
    plant: OtherPlant<'a>,
    inbox: Inbox,
}

impl<'a> Beside<'a> {
    fn new(setting: &Setting<'a>, draw: u32) -> Result<Self> {
        let (loaded, o) = (setting.loaded, setting.options);
        let identity = Identity { who: "backtest".to_owned(), epoch: 1 };
        let mut line = Line::with_wants(&loaded.site, loaded.wants.clone(), identity);
        line.believe(setting.model)?;
        let mut drawn = Drawn::new(o.seed, draw, o.gain_error / 100.0);
        let places = (&loaded.site, setting.topology);
        let plant = OtherPlant::new(places, setting.model, drawn.priors(), &mut drawn)?;
        Ok(Self { line, plant, inbox: Inbox::default() })
    }

    fn tick(&mut self, was: &Inbox, now: Stamp) {
        self.plant.tell(was, now, &mut self.inbox);
        let tick = self.line.tick(&self.inbox, now);
        self.plant.take(&tick.commands, now);
    }
}

/// Walks the tape with every draw.
///
/// # Errors
/// The tape cannot be read, is damaged, or is of another site.
pub(super) fn walk(setting: &Setting<'_>) -> Result<Walked> {
    let draws = setting.options.draws + 1;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = setting.options.threads.unwrap_or(cores).clamp(1, draws as usize);
    let bytes = std::fs::metadata(&setting.options.tape).map_or(0, |m| m.len());
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {elapsed}, {eta} to go") {
        bar.set_style(style);
    }
    let parts: Vec<Result<Walked>> = std::thread::scope(|scope| {
        let one = |t: usize| {
            let own: Vec<u32> = (0..draws).filter(|d| *d as usize % threads == t).collect();
            let bar = if t == 0 { bar.clone() } else { ProgressBar::hidden() };
            scope.spawn(move || part(setting, &own, &bar))
        };
        let running: Vec<_> = (0..threads).map(one).collect();
        let joined = running.into_iter().map(|r| r.join());
        joined
            .map(|r| r.unwrap_or_else(|_| Err(anyhow!("a thread of the backtest ended by itself"))))
            .collect()
    });
    bar.finish_and_clear();
    let mut parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    // Back into the order of the draws.
    let mut queues: Vec<_> = parts.iter_mut().map(|p| std::mem::take(&mut p.accounts).into_iter()).collect();
    let accounts = (0..draws as usize).filter_map(|d| queues[d % threads].next()).collect();
    let first = parts.swap_remove(0);
    Ok(Walked { accounts, ..first })
}

/// Walks it with some of the draws.
fn part(setting: &Setting<'_>, draws: &[u32], bar: &ProgressBar) -> Result<Walked> {
    let mut tape = Reader::open(&setting.options.tape)?;
    let mut walked = Walked { accounts: Vec::new(), ends: None, runs: 0, commanded: 0, torn: false };
    let (mut beside, mut was) = (Vec::new(), Inbox::default());
    while let Some(entry) = tape.read()? {
        match entry {
            Entry::Begin(begin) => {
                if !begin.is_of(&setting.loaded.site) {
                    let site = setting.options.site.display();
                    bail!(
                        "the tape is of another site file than {site} (`{}`): give the one that it ran with",
                        begin.site_name
                    );
                }
                walked.runs += 1;
                close(&mut walked.accounts, &mut beside);
                beside = draws.iter().map(|d| Beside::new(setting, *d)).collect::<Result<_>>()?;
            }
            // Here each is decided as by one that commands.
            Entry::Office(_) => {}
            Entry::Told(told) => {
                let now = told.now;
                told.tell(&setting.loaded.site, &mut was)
                    .context("the tape names what is not in the site file")?;
                let carried = |r: &&headroom_site::Receipt| {
                    matches!((&r.target, &r.outcome), (Target::Actuator(_), Outcome::Sent | Outcome::Applied))
                };
                walked.commanded += was.receipts.iter().filter(carried).count() as u64;
                beside.iter_mut().for_each(|b| b.tick(&was, now));
                walked.ends = Some((walked.ends.map_or(now, |(first, _)| first), now));
                bar.set_position(tape.whole());
            }
        }
    }
    close(&mut walked.accounts, &mut beside);
    walked.torn = tape.torn();
    Ok(walked)
}

/// A run is over: its accounts are joined to those before.
fn close(accounts: &mut Vec<Account>, beside: &mut Vec<Beside<'_>>) {
    for (i, b) in beside.drain(..).enumerate() {
        match accounts.get_mut(i) {
            Some(account) => account.join(b.plant.account()),
            None => accounts.push(b.plant.account().clone()),
        }
    }
}
