//! The daemon as one of several controllers, or as the only one: one place that knows which.
//!
//! Responsible for: beginning the election where the command line names a store, and what the loop asks of it. Not for: the election
//! (`crate::election`), nor for what follows in the line (`headroom-core`, `line/office`).

use super::Options;
use super::release::Released;
use crate::election::view::LeadershipView;
use crate::election::{Election, Farewell};
use crate::instruct::standing::Standing;
use anyhow::{Result, bail};
use headroom_core::Line;
use headroom_drivers::field::{FieldOptions, LiveField};
use headroom_drivers::mqtt::agents::level;
use headroom_drivers::{Clock, Mandate};
use headroom_site::model::Dialect;
use headroom_site::{Office, Site, Span};
use std::time::Duration;

/// Terms that are of any use.
const TERMS: [Span; 2] = [Span::from_ms(1_000), Span::from_ms(60_000)];
/// Who commands where nobody says.
const NAMELESS: &str = "headroom";

/// The election, if there is one.
pub(super) struct Lead(Option<Election>);

impl Lead {
    /// The field, written to while this controller leads; without a store, always.
    ///
    /// # Errors
    /// An address is none, or what is asked for does not go together.
    pub(super) fn connect(
        line: &Line,
        clock: &Clock,
        writes_allowed: bool,
        options: &Options,
    ) -> Result<(Self, LiveField)> {
        let (site, with) = (line.site(), FieldOptions { writes_allowed });
        let Some(store) = &options.store else {
            return Ok((Self(None), LiveField::start(site, clock.clone(), with)?));
        };
        check(site, options, store.term)?;
        let gap = Duration::from_secs_f64(store.term.s() * 1.5 + 1.0) + clock.wall(site.power_period);
        // Caps are said again each third of a lease.
        if gap > clock.wall(site.lease) * 2 / 3 {
            tracing::warn!(
                lease_s = site.lease.s(),
                takeover_s = gap.as_secs_f64(),
                "a takeover may last longer than caps do: agents let go meanwhile. Take a shorter --term, or a longer lease"
            );
        }
        let mandate = Mandate::none();
        let identity = (options.id.as_str(), line.epoch(), options.state.as_path());
        let election = Election::start(store, site, identity, mandate.clone())?;
        Ok((Self(Some(election)), LiveField::start_under(site, clock.clone(), with, mandate)?))
    }

    /// What tells a start of this controller from those of others: two in containers may have the same process id and epoch.
    pub(super) fn start(&self, epoch: u64) -> String {
        self.view().map_or_else(|| epoch.to_string(), |l| format!("{}-{epoch}", level(&l.who)))
    }

    /// The office at this instant.
    pub(super) fn office(&self) -> Office {
        self.0.as_ref().map_or(Office::Sole, Election::office)
    }

    /// Returns when the office has changed; never for one that is alone.
    pub(super) async fn changed(&self) {
        match &self.0 {
            Some(election) => election.changed().await,
            None => std::future::pending().await,
        }
    }

    /// Tells what a successor must know.
    pub(super) fn tell(&self, line: &Line, hears: bool, released: Option<&Released>, said: &Standing) {
        let Some(election) = &self.0 else { return };
        election.tell(line, hears, |carried| {
            // What one that stands by was told is not told to others.
            if line.office().commands() {
                carried.released = released.cloned();
                carried.said = said.last_words();
            }
        });
    }

    pub(super) fn view(&self) -> Option<LeadershipView> {
        self.0.as_ref().map(Election::view)
    }

    /// What is to become of what is held, at the end.
    pub(super) async fn leave(&self) -> Farewell {
        match &self.0 {
            Some(election) => election.leave().await,
            None => Farewell::LetGo,
        }
    }

    pub(super) async fn close(self) {
        if let Some(election) = self.0
            && let Err(why) = election.close().await
        {
            tracing::warn!("{why:#}");
        }
    }
}

/// Does what is asked for go together?
fn check(site: &Site, options: &Options, term: Span) -> Result<()> {
    let [least, most] = TERMS;
    if !(least..=most).contains(&term) {
        bail!("--term is from {:.0} s to {:.0} s, not {:.3} s", least.s(), most.s(), term.s());
    }
    if options.id == NAMELESS {
        bail!(
            "with --store there are several controllers: say who this one is, --id NAME, another name for each"
        );
    }
    if options.excite.is_some() {
        bail!("an experiment is one controller's: stop the others and leave --store out");
    }
    if let Some(spec) = site.mqtt.iter().find(|m| m.dialect == Dialect::Sparkplug) {
        bail!(
            "connection `{}` speaks Sparkplug, where a host application has one life and one STATE: two controllers cannot share it; run one, without --store",
            spec.id
        );
    }
    Ok(())
}
