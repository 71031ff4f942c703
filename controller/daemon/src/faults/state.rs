//! Effects, and the state that the effects of all faults make at an instant.
//!
//! Responsible for: adding effects up each second, and carrying the difference to the plant. Not for: which effects a fault
//! has ([`super::kinds`]), nor for the controller ([`super::house`]) and the ways ([`super::ways`]) that read the state.
//!
//! Two faults on one thing do not add up: the later in the plan holds while it is on.

use crate::virtual_plant::{Lie, Presence, VirtualPlant};
use headroom_sim::image::Link;
use headroom_site::Span;

/// One direction of a way between controller and agent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Way {
    pub(super) link: Link,
    /// Nothing passes.
    pub(super) cut: bool,
}

/// How a node lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rogue {
    Cold,
    Hot,
    Null,
}

/// What is wrong with the controller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Controller {
    /// It dies, after such a share of the writes of a tick if it dies in one.
    Dead { writes: Option<f64> },
    /// It stands between decision and writing.
    Hung,
    /// Another one runs beside it.
    Second,
    /// It stands while another one runs; then both run.
    Sleeper,
    /// Its journal takes nothing.
    DiskFull,
    /// It has been started with a bent policy file.
    BadPolicy { which: f64 },
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// An event of a scenario, without its time. The plant has it with and without Headroom.
    World(String),
    /// Our messages to the BMS.
    Bus(Link),
    /// Messages to and from nodes.
    Nodes { nodes: Vec<usize>, down: Way, up: Way },
    /// Old commands come again.
    Replay { nodes: Vec<usize>, per_s: f64 },
    /// Processes of agents.
    Agents(Vec<usize>, Presence),
    /// A driver is loaded anew, once.
    Reload(Vec<usize>),
    /// Drivers take no cap.
    WritesFail(Vec<usize>),
    /// What answers for a setpoint lies.
    Lies(usize, Lie),
    /// Nodes lie.
    Rogue(Vec<usize>, Rogue),
    /// Nodes send each report so many times.
    Flood(Vec<usize>, usize),
    /// The controller's clock is so far ahead, s.
    OurClock(f64),
    /// The controller.
    Controller(Controller),
}

/// What is wrong with a node and its ways.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct NodeState {
    pub(super) down: Way,
    pub(super) up: Way,
    pub(super) replay_per_s: f64,
    pub(super) presence: Presence,
    pub(super) writes_fail: bool,
    pub(super) rogue: Option<Rogue>,
    pub(super) flood: usize,
}

/// What is wrong at an instant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) nodes: Vec<NodeState>,
    pub(super) bus: Link,
    pub(super) bus_cut: bool,
    lies: Vec<Option<Lie>>,
    pub(super) clock_s: f64,
    pub(super) controllers: Vec<Controller>,
}

impl State {
    /// Nothing is wrong.
    pub(super) fn well(nodes: usize, actuators: usize) -> Self {
        Self {
            nodes: vec![NodeState::default(); nodes],
            bus: Link::default(),
            bus_cut: false,
            lies: vec![None; actuators],
            clock_s: 0.0,
            controllers: Vec::new(),
        }
    }

    /// Adds an effect.
    pub(super) fn add(&mut self, effect: &Effect) {
        let some = |nodes: &[usize], state: &mut Self, act: &dyn Fn(&mut NodeState)| {
            nodes.iter().for_each(|&n| state.nodes.get_mut(n).into_iter().for_each(act));
        };
        match effect {
            Effect::World(_) | Effect::Reload(_) => {}
            Effect::Bus(link) => self.bus = *link,
            Effect::Nodes { nodes, down, up } => some(nodes, self, &|n| {
                n.down = if *down == Way::default() { n.down } else { *down };
                n.up = if *up == Way::default() { n.up } else { *up };
            }),
            Effect::Replay { nodes, per_s } => some(nodes, self, &|n| n.replay_per_s = *per_s),
            Effect::Agents(nodes, presence) => some(nodes, self, &|n| n.presence = *presence),
            Effect::WritesFail(nodes) => some(nodes, self, &|n| n.writes_fail = true),
            Effect::Lies(actuator, lie) => {
                if let Some(slot) = self.lies.get_mut(*actuator) {
                    *slot = Some(*lie);
                }
            }
            Effect::Rogue(nodes, rogue) => some(nodes, self, &|n| n.rogue = Some(*rogue)),
            Effect::Flood(nodes, times) => some(nodes, self, &|n| n.flood = *times),
            Effect::OurClock(ahead_s) => self.clock_s = *ahead_s,
            Effect::Controller(controller) => self.controllers.push(*controller),
        }
    }

    /// Carries what has changed since `was` to the plant.
    pub(super) fn carry(&self, was: &Self, plant: &mut VirtualPlant) {
        plant.set_bus_link(self.bus);
        plant.set_skew(Span::from_s(self.clock_s));
        for (n, (now, was)) in self.nodes.iter().zip(&was.nodes).enumerate() {
            plant.set_writes_fail(n, now.writes_fail);
            if now.presence != was.presence {
                plant.set_presence(n, now.presence);
            }
        }
        for (actuator, lie) in self.lies.iter().enumerate() {
            plant.set_lie(actuator, *lie);
        }
    }
}
