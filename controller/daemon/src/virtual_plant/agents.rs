//! The agents of a virtual plant: the lease rule and the keeper of `headroom-guard`, as in the real agent, over the
//! world's GPUs instead of NVML.

mod ill;

use super::link::Link;
use headroom_guard::{Echo, Keeper, Lease, Mode, Receiver};
use headroom_nvml_abi::page::GpuOutputs;
use headroom_sim::scenario::AgentsSpec;
use headroom_sim::telemetry::each_output;
use headroom_sim::world::World;
use headroom_site::gpu::{CapReceipt, CapTarget};
use headroom_site::{CapCommand, GpuSample, Inbox, NodeReport, Offered, Site, Span, Stamp};
use pulp::{Arch, Simd, WithSimd};
use std::collections::VecDeque;
use std::sync::Arc;

#[cfg(test)]
pub(crate) use ill::Careless;
pub(crate) use ill::{Obeyed, Presence};

/// Longest time between two looks of an agent at its lease, ms.
const POLL_MS: u64 = 1000;

#[derive(Clone)]
struct Node {
    id: Arc<str>,
    first: usize,
    uuids: Vec<Arc<str>>,
    receiver: Receiver,
    keeper: Keeper,
    boot: u64,
    sequence: u64,
    receipt: Option<CapReceipt>,
    /// Its clock and the way to it, where they are not perfect.
    link: Option<Link>,
    /// Caps that a command holds, W; none where it leaves them.
    held_w: Vec<Option<f32>>,
    ill: ill::Ill,
}

/// All agents.
#[derive(Clone)]
pub(super) struct Agents {
    nodes: Vec<Node>,
    period: Span,
    reported: Option<Stamp>,
    /// Node whose command is expected next.
    next: usize,
    /// Memory of reports that have been read.
    spare: VecDeque<Vec<(Arc<str>, GpuSample)>>,
    random: u64,
    /// What was carried out since the last step began.
    pub(super) obeyed: Vec<Obeyed>,
    /// Caps set again that somebody had lifted.
    pub(super) set_again: u64,
}

impl Agents {
    pub(super) fn new(site: &Site, seed: u64, spec: Option<AgentsSpec>) -> Self {
        let nodes = site
            .nodes
            .iter()
            .enumerate()
            .map(|(i, n)| {
                let boot = seed.wrapping_mul(1_000_003).wrapping_add(i as u64 + 1);
                let mut receiver = Receiver::new(boot);
                receiver.set_gate(Mode::Active, false);
                Node {
                    id: Arc::from(n.id.as_str()),
                    first: n.gpus.0 as usize,
                    uuids: (n.gpus.0..n.gpus.1).map(|g| Arc::clone(&site.gpus[g as usize].uuid)).collect(),
                    receiver,
                    keeper: Keeper::new(POLL_MS),
                    boot,
                    sequence: 0,
                    receipt: None,
                    link: spec.map(|spec| Link::draw(&spec, seed, i)),
                    held_w: vec![None; (n.gpus.1 - n.gpus.0) as usize],
                    ill: ill::Ill::default(),
                }
            })
            .collect();
        Self {
            nodes,
            period: site.report_period,
            reported: None,
            next: 0,
            spare: VecDeque::new(),
            random: seed | 1,
            obeyed: Vec::new(),
            set_again: 0,
        }
    }

    fn draw(&mut self) -> u64 {
        // xorshift64 (Marsaglia 2003)
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(super) fn step(&mut self, now: Stamp, world: &mut World) {
        for n in 0..self.nodes.len() {
            if let Some(link) = &mut self.nodes[n].link {
                link.time(now);
            }
            while let Some(command) = self.nodes[n].link.as_mut().and_then(|link| link.heard(now)) {
                let obeyed = self.nodes[n].obey(now, &command, self.random, world);
                self.obeyed.extend(obeyed);
            }
        }
        for node in self.nodes.iter_mut().filter(|node| node.ill.presence == Presence::Up) {
            node.tend(now, world);
        }
    }

    pub(super) fn report(&mut self, now: Stamp, world: &mut World, inbox: &mut Inbox) {
        if self.reported.is_none_or(|at| now.since(at) >= self.period) {
            self.look(now, world, inbox);
        }
        for link in self.nodes.iter_mut().filter_map(|node| node.link.as_mut()) {
            link.arrived(now, &mut inbox.nodes);
        }
    }

    fn look(&mut self, now: Stamp, world: &mut World, inbox: &mut Inbox) {
        self.reported = Some(now);
        for node in self.nodes.iter_mut().filter(|node| node.ill.presence == Presence::Up) {
            self.set_again += node.assert_again(world);
            node.sequence += 1;
            let mut gpus = self.spare.pop_front().unwrap_or_default();
            let stamp = node.link.as_mut().map_or(now, |link| link.clock(now));
            node.look(world, stamp, &mut gpus);
            let report = NodeReport {
                node: Arc::clone(&node.id),
                boot: node.boot,
                sequence: node.sequence,
                mono_ns: mono_ns(now),
                stamp,
                gpus,
                receipt: node.receipt.clone(),
                // Agents of a virtual plant have its clock, unless the scenario says otherwise.
                answer: None,
                sent: None,
                arrival: None,
                stamp_uncertainty: None,
            };
            match &mut node.link {
                Some(link) => link.report(now, report),
                None => inbox.nodes.push(report),
            }
        }
    }

    /// Takes back the memory of reports that have been read, each for its node again.
    pub(super) fn take_back(&mut self, inbox: &mut Inbox) {
        self.spare.clear();
        self.spare.extend(inbox.nodes.drain(..).map(|report| report.gpus));
    }

    pub(super) fn obey(&mut self, now: Stamp, command: &CapCommand, world: &mut World) {
        let random = self.draw();
        // Commands come in the order of the nodes.
        let next = self.next.min(self.nodes.len());
        let order = (next..self.nodes.len()).chain(0..next);
        let Some(index) = order.into_iter().find(|&n| *self.nodes[n].id == *command.node) else { return };
        self.next = index + 1;
        let node = &mut self.nodes[index];
        let obeyed = match (&mut node.link, node.ill.presence) {
            (_, Presence::Dead) => None,
            (_, Presence::Hung) => node.wait(command),
            (Some(link), Presence::Up) => {
                link.command(now, command);
                None
            }
            (None, Presence::Up) => node.obey(now, command, random, world),
        };
        self.obeyed.extend(obeyed);
    }

    /// The clock of a node's agent less ours, s; none where it is ours.
    #[cfg(test)]
    pub(super) fn ahead_s(&self, node: usize, now: Stamp) -> Option<f64> {
        self.nodes[node].link.as_ref().map(|link| link.ahead_s(now))
    }
}

impl Node {
    /// Carries out a command that has been heard.
    fn obey(&mut self, now: Stamp, command: &CapCommand, random: u64, world: &mut World) -> Option<Obeyed> {
        let lease = Lease {
            epoch: command.epoch,
            sequence: command.sequence,
            ttl_ms: command.ttl_ms,
            echo: Echo { boot: command.echo_boot, mono_ns: command.echo_mono_ns },
        };
        let accepted = self.accept(now, &lease, random);
        self.note(command, accepted.as_ref().err());
        if accepted.is_err() {
            return None;
        }
        for (k, uuid) in self.uuids.iter().enumerate() {
            let named = |t: &&CapTarget| Arc::ptr_eq(&t.uuid, uuid) || t.uuid == *uuid;
            let in_place = command.gpus.get(k).filter(named);
            let Some(target) = in_place.or_else(|| command.gpus.iter().find(named)) else { continue };
            let g = self.first + k;
            self.held_w[k] = target.cap_w;
            if self.ill.writes_fail {
                continue;
            }
            match target.cap_w {
                Some(cap_w) => world.set_cap(g, f64::from(cap_w)),
                None => world.set_cap(g, f64::from(world.fleet.sku(g).tdp_w as f32)),
            }
            world.set_lock(g, 0.0, target.lock_mhz.map_or(f64::INFINITY, f64::from));
        }
        Some(Obeyed::new(&self.id, self.boot, mono_ns(now), &lease))
    }

    /// Samples of the GPUs that answer, over those of an earlier report.
    fn look(&self, world: &World, stamp: Stamp, gpus: &mut Vec<(Arc<str>, GpuSample)>) {
        Arch::new().dispatch(Look { node: self, world, stamp, gpus });
    }

    /// Back to what a GPU of this plant has when nobody asks: its default cap, no lock.
    fn restore(&mut self, world: &mut World) {
        self.held_w.fill(None);
        for g in self.first..self.first + self.uuids.len() {
            let found_w = world.fleet.sku(g).tdp_w;
            world.set_cap(g, found_w);
            world.set_lock(g, 0.0, f64::INFINITY);
        }
    }
}

/// A look at the GPUs of a node, compiled for each kind of processor: most of it is rounding.
struct Look<'a> {
    node: &'a Node,
    world: &'a World,
    stamp: Stamp,
    gpus: &'a mut Vec<(Arc<str>, GpuSample)>,
}

impl WithSimd for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { node, world, stamp, gpus } = self;
        let stamp_us = (stamp.unix_ns() / 1000) as u64;
        let own = node.first..node.first + node.uuids.len();
        let (fleet, mut answer) = (&world.fleet, 0);
        let (present, caps_w) = (&fleet.present[own.clone()], &fleet.cap_w[own.clone()]);
        each_output(fleet, &world.boards, own, stamp_us, |g, shown| {
            let k = g - node.first;
            if !present[k] {
                return;
            }
            let uuid = &node.uuids[k];
            if gpus.len() == answer {
                gpus.push((Arc::clone(uuid), GpuSample::default()));
            }
            let (known, slot) = &mut gpus[answer];
            if !Arc::ptr_eq(known, uuid) {
                *known = Arc::clone(uuid);
            }
            *slot = sample(&shown, stamp, caps_w[k]);
            answer += 1;
        });
        gpus.truncate(answer);
    }
}

/// The plant's clock is the agents' monotonic clock.
fn mono_ns(now: Stamp) -> u64 {
    now.tai_ns().max(0) as u64
}

#[inline(always)]
fn sample(o: &GpuOutputs, stamp: Stamp, cap_w: f32) -> GpuSample {
    GpuSample {
        stamp,
        power_w: Offered::new(o.power_instant_mw as f32 * 1e-3),
        power_average_w: Offered::new(o.power_average_mw as f32 * 1e-3),
        energy_j: Offered::new(o.energy_mj as f64 * 1e-3),
        clock_mhz: Offered::new(o.sm_mhz as f32),
        memory_clock_mhz: Offered::new(o.mem_mhz as f32),
        die_c: Offered::new(o.die_c as f32),
        hbm_c: Offered::new(o.hbm_c as f32),
        margin_k: Offered::new(o.margin_c as f32),
        enforced_cap_w: Offered::new(cap_w),
        utilisation: Offered::new(o.gpu_percent as f32 * 1e-2),
        reasons: o.reasons as u32,
        throttle_ns: [
            Some(o.sw_power_ns),
            Some(o.sw_thermal_ns),
            Some(o.hw_thermal_ns),
            Some(o.power_brake_ns),
            None,
        ]
        .map(Into::into),
    }
}
