//! Events: what a scenario does to a world.
//!
//! Responsible for: the registry of kinds, turning active events into faults of equipment, sensors, weather, load
//! and limits, and undoing them. Not for: the format ([`crate::scenario`]).
//!
//! A kind is an entry of one of the tables below: what it is called and takes ([`Kind`]), and how it is bound to a
//! world. Binding gives its effect, a pure function of the world and of the moment:
//! ```text
//! each step:   what is summed (warmth, arrivals...) is cleared
//!              events that end:      effect(world, degree 0, ends)
//!              events that are on:   effect(world, degree 0..1, time since the beginning)
//! ```
//! Two events on one device do not add up: the later in the file holds while it is on, and when it ends the other
//! holds again.

mod bind;
mod compute;
mod cooling;
mod error;
mod network;
mod power;
mod sensing;
mod site;

pub use error::WorldError;

use super::World;
use super::points::RequestTarget;
use crate::scenario::{Event, Field, Holds, Kind, Need, Scenario};
use bind::Bind;
use headroom_truth::facility::Commands;
use headroom_truth::gpu::Fleet;
use headroom_truth::weather::Air;
use headroom_truth::work::Use;
use std::fmt;
use std::sync::Arc;

/// When an effect acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// Degree, 0 to 1; 0 where it ends.
    degree: f64,
    /// Time since it began, s.
    phase_s: f64,
    /// First step of it.
    begins: bool,
    /// It has ended and must be undone.
    ends: bool,
}

impl Moment {
    fn on(&self) -> bool {
        !self.ends
    }
}

/// What an effect does to a world at a moment.
type Act = dyn Fn(&mut World, &Moment) + Send + Sync;

/// What an event does.
#[derive(Clone)]
struct Effect {
    act: Arc<Act>,
    /// Undone in every step in which it is not on.
    undone_always: bool,
}

impl Effect {
    fn new(act: impl Fn(&mut World, &Moment) + Send + Sync + 'static) -> Self {
        Self { act: Arc::new(act), undone_always: false }
    }

    /// The same, undone in every step in which it is not on.
    fn undone_always(mut self) -> Self {
        self.undone_always = true;
        self
    }

    /// An effect that needs the degree alone: 0 undoes it.
    fn degree(act: impl Fn(&mut World, f64) + Send + Sync + 'static) -> Self {
        Self::new(move |world, moment| act(world, moment.degree))
    }

    /// An effect that is there or not.
    fn switch(act: impl Fn(&mut World, bool) + Send + Sync + 'static) -> Self {
        Self::new(move |world, moment| act(world, moment.on()))
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Effect")
    }
}

/// A kind and how it is bound to a world.
struct Entry {
    kind: Kind,
    bind: fn(&Bind<'_>) -> Result<Effect, WorldError>,
}

/// The registry, in the order of the reference.
const TABLES: [&[Entry]; 6] =
    [site::ENTRIES, compute::ENTRIES, network::ENTRIES, cooling::ENTRIES, power::ENTRIES, sensing::ENTRIES];

fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Every kind of event.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    entries().map(|entry| &entry.kind)
}

/// A field that names a device.
const fn device(example: &'static str, doc: &'static str) -> Field {
    Field { name: "device", holds: Holds::Name, need: Need::Required, example, doc }
}

/// A field that must be there.
const fn required(name: &'static str, holds: Holds, example: &'static str, doc: &'static str) -> Field {
    Field { name, holds, need: Need::Required, example, doc }
}

/// A field whose example is its default.
const fn default(name: &'static str, holds: Holds, example: &'static str, doc: &'static str) -> Field {
    Field { name, holds, need: Need::Default, example, doc }
}

/// A field that may be absent.
const fn optional(name: &'static str, holds: Holds, example: &'static str, doc: &'static str) -> Field {
    Field { name, holds, need: Need::Optional, example, doc }
}

/// What an actuator does whatever the BMS asks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hold {
    /// Most that the fan of a CRAH does.
    CrahFan(usize, f64),
    /// A CRAH without fan and water.
    CrahOff(usize),
    /// Most that the fan of tower or dry cooler does.
    TowerFan(f64),
    /// Flow of the tank over design, -1 to 1.
    Tank(f64),
    /// Power of the battery for the grid, W.
    Bess(f64),
}

/// An event with its effect on this world.
#[derive(Debug, Clone)]
struct Armed {
    event: Event,
    effect: Effect,
    active: bool,
}

/// An import limit in force or announced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curtailment {
    /// Limit at the site feed, W.
    pub limit_w: f64,
    /// True once the notice is over.
    pub binding: bool,
}

/// The scenario as it acts on one world.
#[derive(Debug, Clone, Default)]
pub struct Events {
    armed: Vec<Armed>,
    /// Warmth on top of the weather, K.
    pub warmth_k: f64,
    /// Rise of the wet bulb by moisture alone, K.
    pub moisture_k: f64,
    /// Factor on serving arrivals.
    pub arrivals: f64,
    /// Import limit, if there is one.
    pub curtailment: Option<Curtailment>,
    /// Price of energy, per MWh, if one is said.
    pub price_per_mwh: Option<f64>,
    /// Nothing passes the event bus.
    pub bus_cut: bool,
    /// Request points that the operator has taken.
    pub local: Vec<usize>,
    /// Values that the operator holds at request points.
    pub held: Vec<(usize, f64)>,
    /// What actuators do whatever the BMS asks.
    holds: Vec<Hold>,
    /// GPUs that burn instead of working: from, to, and how much.
    burns: Vec<(usize, usize, Use)>,
    /// Site import when a curtailment began, W.
    reference_w: Option<f64>,
}

impl Events {
    /// Nothing happens yet.
    pub(super) fn none() -> Self {
        Self { arrivals: 1.0, ..Self::default() }
    }

    /// Fits a scenario to a world; every finding at once.
    pub(super) fn new(scenario: &Scenario, world: &World) -> Result<Self, Vec<WorldError>> {
        let (mut armed, mut findings) = (Vec::new(), Vec::new());
        for event in &scenario.events {
            let Some(entry) = entries().find(|entry| entry.kind == *event.kind) else { continue };
            match (entry.bind)(&Bind { world, event }) {
                Ok(effect) => armed.push(Armed { event: event.clone(), effect, active: false }),
                Err(finding) => findings.push(finding),
            }
        }
        if findings.is_empty() { Ok(Self { armed, ..Self::none() }) } else { Err(findings) }
    }

    /// What a request point is asked for: the operator's value where they hold one, nothing where they took it.
    pub(super) fn asked(&self, point: usize, request: Option<f64>) -> Option<f64> {
        let held = self.held.iter().rev().find(|(other, _)| *other == point);
        held.map(|(_, value)| *value).or(request.filter(|_| !self.local.contains(&point)))
    }

    /// The weather as the events have it. A heat wave brings moisture along.
    pub(super) fn outdoor(&self, air: Air) -> Air {
        let dry_c = air.dry_bulb_c + self.warmth_k;
        let warm = Air::new(dry_c, air.dew_point_c + 0.4 * self.warmth_k, air.pressure_pa);
        if self.moisture_k <= 0.0 { warm } else { site::moist(&warm, self.moisture_k) }
    }

    /// Changes what the BMS asks into what actuators do.
    pub(super) fn hold(&self, commands: &mut Commands) {
        for hold in &self.holds {
            match *hold {
                Hold::CrahFan(n, most) => commands.crahs[n].fan = commands.crahs[n].fan.min(most),
                Hold::CrahOff(n) => (commands.crahs[n].fan, commands.crahs[n].valve) = (0.0, 0.0),
                Hold::TowerFan(most) => commands.tower_fan = commands.tower_fan.min(most),
                Hold::Tank(flow) => commands.tank = flow,
                Hold::Bess(power_w) => commands.bess_w = power_w,
            }
        }
    }

    /// Lets GPUs burn whatever their jobs had them do.
    pub(super) fn burn(&self, fleet: &mut Fleet) {
        for &(from, to, load) in &self.burns {
            fleet.activity[from..to].fill(load.compute);
            fleet.memory[from..to].fill(load.memory);
            fleet.context[from..to].fill(true);
        }
    }

    fn clear_sums(&mut self) {
        (self.warmth_k, self.moisture_k, self.arrivals) = (0.0, 0.0, 1.0);
        (self.price_per_mwh, self.bus_cut) = (None, false);
        self.local.clear();
        self.held.clear();
        self.burns.clear();
        self.holds.clear();
    }
}

impl World {
    /// From now on these events happen, in place of the scenario's: what is on ends first. Times count from the start of the
    /// scenario ([`World::elapsed_s`]).
    ///
    /// # Errors
    /// Every event that names something that is not there; then nothing has changed.
    pub fn happen(&mut self, scenario: &Scenario) -> Result<(), Vec<WorldError>> {
        let fresh = Events::new(scenario, self)?;
        for one in std::mem::take(&mut self.events.armed).iter().filter(|one| one.active) {
            (one.effect.act)(self, &Moment { degree: 0.0, phase_s: 0.0, begins: false, ends: true });
        }
        self.events = fresh;
        Ok(())
    }

    /// Applies what begins, goes on and ends now.
    pub(super) fn apply_events(&mut self) {
        if self.events.armed.is_empty() {
            return;
        }
        let time_s = self.elapsed_s();
        let mut armed = std::mem::take(&mut self.events.armed);
        self.events.clear_sums();
        for one in &mut armed {
            if (one.active || one.effect.undone_always) && one.event.active_for_s(time_s).is_none() {
                one.active = false;
                let moment = Moment { degree: 0.0, phase_s: 0.0, begins: false, ends: true };
                (one.effect.act)(self, &moment);
            }
        }
        for one in &mut armed {
            if let Some(phase_s) = one.event.active_for_s(time_s) {
                let degree = one.event.degree(phase_s);
                let moment = Moment { degree, phase_s, begins: !one.active, ends: false };
                one.active = true;
                (one.effect.act)(self, &moment);
            }
        }
        self.events.armed = armed;
    }

    /// True while nothing passes the event bus.
    #[must_use]
    pub fn bus_cut(&self) -> bool {
        self.events.bus_cut
    }

    /// Price of energy now, in the scenario's currency per MWh, if it says one.
    #[must_use]
    pub fn price_per_mwh(&self) -> Option<f64> {
        self.events.price_per_mwh
    }

    /// Gives request points to the operator, with a value to hold or none.
    fn take_local(&mut self, targets: &[RequestTarget], value: Option<f64>) {
        for target in targets {
            if let Some(point) = self.list.request(*target) {
                self.events.local.push(point);
                self.events.held.extend(value.map(|value| (point, value)));
            }
        }
    }
}

#[cfg(test)]
mod shipped_tests;
#[cfg(test)]
mod tests;
