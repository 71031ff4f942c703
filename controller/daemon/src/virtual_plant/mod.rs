//! A plant in virtual time: the world, the desks that take its requests and the agents of its nodes, in one process
//! without sockets, behind the same [`Field`] trait as the wires.
//!
//! Responsible for: showing the world at the cadence of the wires, and letting commands through the same desks and the
//! same lease rule. Not for: deciding, judging, or the speed of time.

mod agents;
mod asks;
#[cfg(test)]
mod backtests;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod doubts;
#[cfg(test)]
mod energies;
mod engines;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod foresight;
#[cfg(test)]
mod grid;
#[cfg(test)]
mod health;
mod ill;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod ledger_cost;
mod link;
#[cfg(test)]
mod lost_cooling;
#[cfg(test)]
mod observers;
#[cfg(test)]
mod outlook;
mod points;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod swings;
#[cfg(test)]
mod throttles;
#[cfg(test)]
mod what_ifs;

use agents::Agents;
use anyhow::{Context, Result};
use asks::Asks;
use headroom_sim::desk::dsx::{DsxConfig, DsxDesk};
use headroom_sim::desk::modbus::Bank;
use headroom_sim::desk::{self};
use headroom_sim::world::World;
use headroom_site::{Command, Field, Inbox, Receipt, Site, Span, Stamp};
use points::Shows;

#[cfg(test)]
pub(crate) use agents::Careless;
pub(crate) use agents::{Obeyed, Presence};
pub(crate) use asks::{Lie, Taking};

/// Year whose first of January the world's clock counts from, as a Unix day: 2025-01-01.
const YEAR_START_S: i64 = 20_089 * 86_400;

/// Plant time of a world.
#[must_use]
pub(crate) fn plant_stamp(world: &World) -> Stamp {
    Stamp::from_unix_ns(YEAR_START_S * 1_000_000_000 + (world.now_s() * 1e9).round() as i64)
}

/// A plant in virtual time.
#[derive(Clone)]
pub(crate) struct VirtualPlant {
    world: World,
    dsx: DsxDesk,
    banks: Vec<Bank>,
    shows: Shows,
    asks: Asks,
    agents: Agents,
    receipts: Vec<Receipt>,
    beat: Option<Stamp>,
    beat_life: Span,
    /// The controller's process stands: nothing of it sends heartbeats.
    stopped: bool,
    /// How far the clock is from the world's time; before the start it is behind while the world stands.
    ahead: Span,
}

impl VirtualPlant {
    /// Puts a world behind the field trait.
    ///
    /// # Errors
    /// If the world's image does not fit the DSX contract, or its devices their register rules.
    pub(crate) fn new(world: World, site: &Site) -> Result<Self> {
        Self::with_desk(world, site, DsxConfig::default())
    }

    /// The same, with a desk of its own kind.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn with_desk(world: World, site: &Site, desk: DsxConfig) -> Result<Self> {
        let integration = world.config().integration.clone();
        let dsx = DsxDesk::new(&world.image, &integration, desk).context("the image on the DSX bus")?;
        let banks = world
            .modbus
            .iter()
            .map(|d| Bank::new(d.clone(), &world.image).with_context(|| format!("the registers of {}", d.id)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            shows: Shows::new(site, &world),
            asks: Asks::new(site, &world, &dsx),
            agents: Agents::new(site, world.config().seed, world.config().scenario.agents),
            dsx,
            banks,
            receipts: Vec::new(),
            beat: None,
            stopped: false,
            beat_life: Span::from_ns(site.cooling_period.ns() * 3),
            ahead: Span::ZERO,
            world,
        })
    }

    /// The world.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Plant time.
    pub(crate) fn now(&self) -> Stamp {
        plant_stamp(&self.world) + self.ahead
    }

    /// Takes back the memory of an inbox that has been read.
    pub(crate) fn take_back(&mut self, inbox: &mut Inbox) {
        self.agents.take_back(inbox);
    }

    /// Advances the world by one step and lets desks, devices and agents act.
    pub(crate) fn step(&mut self) {
        self.ahead = Span::ZERO;
        self.agents.obeyed.clear();
        self.asks.taken.clear();
        self.world.step();
        self.act();
    }

    /// The world stands as it is, so long before its start; desks, devices and agents act.
    pub(crate) fn stand(&mut self, before: Span) {
        self.ahead = Span::from_ns(-before.ns());
        self.act();
    }

    fn act(&mut self) {
        let now = self.now();
        let dt_s = self.world.config().dt_s;
        for point in self.world.points().requests.iter().map(|(p, _)| *p) {
            self.dsx.set_local(point, self.world.local_points().contains(&point));
        }
        for bank in &mut self.banks {
            let local = self.world.is_local_device(&bank.device().id);
            bank.set_local(local);
        }
        self.asks.set_bus_cut(self.world.bus_cut());
        let alive = !self.stopped && self.beat.is_some_and(|b| now.since(b) <= self.beat_life);
        self.asks.arrive(now, &mut self.dsx);
        self.asks.heartbeat(now, alive, &mut self.dsx, &mut self.banks);
        desk::resolve(now.unix_ms(), dt_s, &mut self.dsx, &mut self.banks, &mut self.world.image);
        self.agents.step(now, &mut self.world);
    }
}

impl Field for VirtualPlant {
    fn drain(&mut self, inbox: &mut Inbox) {
        let now = self.now();
        self.shows.drain(now, &self.world, inbox);
        self.agents.report(now, &mut self.world, inbox);
        inbox.receipts.append(&mut self.receipts);
    }

    fn send(&mut self, command: &Command) {
        let now = self.now();
        match command {
            Command::Caps(caps) => self.agents.obey(now, caps, &mut self.world),
            Command::Setpoint(setpoint) => {
                let receipt = self.asks.send(now, setpoint, &mut self.dsx, &mut self.banks);
                self.receipts.push(receipt);
            }
        }
    }

    fn beat(&mut self) {
        self.beat = Some(self.now());
    }

    fn release(&mut self) {
        let now = self.now();
        self.beat = None;
        // Nobody tells the agents: their leases end.
        self.asks.release(now, &mut self.dsx, &mut self.banks);
    }
}
