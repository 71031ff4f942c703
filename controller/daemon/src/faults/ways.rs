//! The ways between the controller and the agents.
//!
//! Responsible for: commands and reports lost, doubled, overtaken, late, cut off and sent again, and reports that lie. Not for:
//! what an agent does with a command, nor for the event bus (both are the virtual plant's).

use super::state::{Rogue, State};
use crate::dice::Dice;
use crate::virtual_plant::VirtualPlant;
use headroom_sim::desk::transport::Transport;
use headroom_site::{CapCommand, Command, Field, NodeReport, Offered, Span, Stamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Commands that whoever replays them has heard.
const HEARD: usize = 256;

/// Everything on its way.
pub(super) struct Ways {
    names: Vec<Arc<str>>,
    down: Transport<(usize, CapCommand)>,
    up: Transport<(usize, NodeReport)>,
    heard: VecDeque<(usize, CapCommand)>,
    dice: Dice,
    /// Old commands owed to nodes.
    owed: Vec<f64>,
}

impl Ways {
    pub(super) fn new(names: Vec<Arc<str>>, seed: u64) -> Self {
        Self {
            owed: vec![0.0; names.len()],
            names,
            down: Transport::new(seed ^ 0x646f_776e),
            up: Transport::new(seed ^ 0x7570),
            heard: VecDeque::new(),
            dice: Dice::new(seed, 2),
        }
    }

    /// Sends a command on its way.
    pub(super) fn send(&mut self, command: &CapCommand, state: &State, plant: &mut VirtualPlant) {
        let Some(node) = self.names.iter().position(|n| *n == command.node) else { return };
        if self.heard.len() == HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back((node, command.clone()));
        let way = state.nodes[node].down;
        if !way.cut {
            let message = (node, command.clone());
            self.down.carry(plant.now().unix_ms(), &way.link, message, &mut |(_, c)| {
                plant.send(&Command::Caps(c));
            });
        }
    }

    /// Hands agents what has arrived by now, and what comes again.
    pub(super) fn arrive(&mut self, state: &State, plant: &mut VirtualPlant) {
        let mut there = Vec::new();
        // ways that are free again bring all that has waited, in its order
        let free = state.nodes.iter().all(|n| n.down.link.is_ideal());
        let by_ms = if free { i64::MAX } else { plant.now().unix_ms() };
        self.down.arrive(by_ms, &mut |m| there.push(m));
        for node in 0..self.names.len() {
            self.owed[node] += state.nodes[node].replay_per_s;
            while self.owed[node] >= 1.0 {
                self.owed[node] -= 1.0;
                let old: Vec<_> = self.heard.iter().filter(|(n, _)| *n == node).collect();
                there.extend(self.dice.one_of(&old).map(|old| (*old).clone()));
            }
        }
        for (node, command) in there {
            if !state.nodes[node].down.cut {
                plant.send(&Command::Caps(command));
            }
        }
    }

    /// Takes reports that agents have made, and gives those that arrive now.
    pub(super) fn report(&mut self, now: Stamp, made: Vec<NodeReport>, state: &State) -> Vec<NodeReport> {
        let mut there = Vec::new();
        let free = state.nodes.iter().all(|n| n.up.link.is_ideal());
        let by_ms = if free { i64::MAX } else { now.unix_ms() };
        self.up.arrive(by_ms, &mut |(n, r)| {
            if !state.nodes[n].up.cut {
                there.push(NodeReport { arrival: Some(now), ..r });
            }
        });
        for mut report in made {
            let Some(node) = self.names.iter().position(|n| *n == report.node) else { continue };
            let is = &state.nodes[node];
            if is.up.cut {
                continue;
            }
            if let Some(rogue) = is.rogue {
                lie(&mut report, rogue);
            }
            for _ in 0..is.flood {
                there.push(report.clone());
                there.push(NodeReport { node: Arc::from("nobody"), ..report.clone() });
            }
            if !is.up.link.is_ideal() {
                report.sent = Some(report.stamp);
            }
            self.up.carry(now.unix_ms(), &is.up.link, (node, report), &mut |(_, r)| there.push(r));
        }
        there
    }
}

/// A report that says what is not so. What is no number does not pass the decoder: it arrives as absent.
fn lie(report: &mut NodeReport, rogue: Rogue) {
    for (_, sample) in &mut report.gpus {
        let (power_w, die_c) = match rogue {
            Rogue::Cold => (Some(60.0), Some(25.0)),
            Rogue::Hot => (Some(2000.0), Some(105.0)),
            Rogue::Null => (None, None),
        };
        (sample.power_w, sample.power_average_w) = (power_w.into(), power_w.into());
        (sample.die_c, sample.hbm_c) = (die_c.into(), die_c.into());
        sample.margin_k = die_c.map(|c| 87.0 - c).into();
        if rogue == Rogue::Null {
            (sample.clock_mhz, sample.enforced_cap_w) = (Offered::NONE, Offered::NONE);
            sample.energy_j = Offered::NONE;
        }
    }
}

/// The field as one controller meets it.
pub(super) struct Wires<'a> {
    pub(super) plant: &'a mut VirtualPlant,
    pub(super) ways: &'a mut Ways,
    pub(super) state: &'a State,
    /// Writes that still go out; all of them where there is no number.
    pub(super) left: Option<usize>,
}

impl Field for Wires<'_> {
    fn drain(&mut self, _: &mut headroom_site::Inbox) {
        // what arrives is one for all controllers: the house hands it out
    }

    fn send(&mut self, command: &Command) {
        if let Some(left) = &mut self.left {
            if *left == 0 {
                return;
            }
            *left -= 1;
        }
        match command {
            Command::Caps(caps) => {
                let skew = Span::from_s(self.state.clock_s);
                let sent = CapCommand { sent_ns: (self.plant.now() + skew).tai_ns(), ..caps.clone() };
                self.ways.send(&sent, self.state, self.plant);
            }
            Command::Setpoint(_) => self.plant.send(command),
        }
    }

    fn beat(&mut self) {
        if self.left.is_none() {
            self.plant.beat();
        }
    }

    fn release(&mut self) {
        self.plant.release();
    }
}
