//! One life of an agent, from its start on a machine to its end: what the worker does, tick by tick, in virtual time.

use super::machine::{Driver, Machine};
use crate::agent::first_node;
use crate::agent::gpu::Tools;
use crate::agent::node::Node;
use crate::agent::strays::Strays;
use headroom_drivers::nvml::persist::Ownership;
use headroom_guard::Mode;
use headroom_site::{CapCommand, Site, Stamp};
use std::path::Path;

/// An agent that runs.
pub(super) struct Life {
    driver: Driver,
    owner: Ownership,
    nodes: Vec<Node>,
    strays: Strays,
}

/// The newest a node said of its clock: its id, boot number and instant.
pub(super) type Heard = (String, u64, u64);

impl Life {
    /// What `Agent::prepare` does. `None` if no GPU of the site is here.
    pub(super) fn start(
        machine: &Machine,
        site: &Site,
        boot: u64,
        mode: Mode,
    ) -> Result<Option<Self>, String> {
        let driver = machine.open();
        let Some(first) = first_node(site, &driver) else { return Ok(None) };
        let owner = Ownership::of_agent(Box::new(machine.clone()), Path::new("/state"), first)
            .map_err(|e| format!("the agent does not start: {e}"))?;
        let (nodes, _) = Node::of_host(site, &driver, &owner, boot, mode);
        let strays = Strays::of(&owner, &nodes);
        Ok(Some(Self { driver, owner, nodes, strays }))
    }

    /// True if a node of this life holds the GPU.
    pub(super) fn has(&self, uuid: &str) -> bool {
        self.nodes.iter().any(|node| node.has(uuid))
    }

    pub(super) fn obey(&mut self, command: &CapCommand, now_ns: u64, random: u64) {
        let mut tools = Tools { host: &mut self.driver, owner: &mut self.owner };
        for node in self.nodes.iter_mut().filter(|node| **node.id() == *command.node) {
            node.obey(command, now_ns, random, &mut tools);
        }
    }

    /// What `Worker::tick` does; what each node said.
    pub(super) fn tick(&mut self, now_ns: u64) -> Vec<Heard> {
        let mut tools = Tools { host: &mut self.driver, owner: &mut self.owner };
        self.strays.tend(now_ns, &mut tools);
        let mut heard = Vec::new();
        for node in &mut self.nodes {
            node.tend(now_ns, &mut tools);
            node.look(Stamp::default(), now_ns, &mut tools);
            let report = node.report(Stamp::default(), now_ns, 0);
            heard.push((report.node.to_string(), report.boot, report.mono_ns));
        }
        heard
    }

    /// What `Worker::leave` does.
    pub(super) fn leave(&mut self, now_ns: u64) {
        let mut tools = Tools { host: &mut self.driver, owner: &mut self.owner };
        for node in self.nodes.iter_mut().filter(|node| node.holds()) {
            node.let_go(now_ns);
            node.tend(now_ns, &mut tools);
        }
    }
}
