//! The compute network: NICs in nodes, leaf and spine switches, what they carry, draw, and how warm they get.
//!
//! Responsible for: utilisation, power and temperature of every NIC group and switch from the nodes' traffic, and how
//! fast each node's links are after faults, congestion and heat.
//! Not for: routing, packets, or the links inside a node.
//!
//! A rail-optimised two-level fabric: pods of up to 32 nodes, one leaf per NIC index (rail) and pod, spines for as
//! many uplinks as leaves have. Traffic is even over rails, so a leaf carries the mean of its pod; traffic that
//! leaves the pod goes over the spines.
//!
//! ```text
//! P_nic = n (P0 + (P1 - P0) u)     P_switch = P0 + (P1 - P0) u
//! tau T' = T_air + R P - T         solved exactly over a step, for NIC, module and switch
//! link  = health * module(T) * nic(T) * min( pod, leaves, spines )
//! ```
//! A module over 70 degC loses frames, then flaps, then shuts down; a switch over its limit slows its ports, then shuts
//! them. Collectives move at line rate while they move, so a tier that has lost a share of its switches slows them by
//! that share. What these parts store is neglected: all power is heat at once, NICs' to the node's air, switches' to
//! the air but for `switch_liquid`.

mod spec;
mod switch;
#[cfg(test)]
mod tests;

pub use spec::{Limits, NetworkSpec};
pub use switch::{Switch, Tier};

use switch::carry;

/// Frames lost per second and link at the edge of the module's range, and growth per kelvin above (a decade in 3 K).
const ERRORS_PER_S: f64 = 0.1;
const ERRORS_PER_K: f64 = 0.767_5;
/// Flaps per second and kelvin above half way to the worst temperature.
const FLAPS_PER_S_K: f64 = 1.0 / 300.0;

/// The links of one node, all rails together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeLinks {
    /// In: speed over that of healthy links; 0 is down.
    pub health: f64,
    /// Out: optical module case \[degC\].
    pub optic_c: f64,
    /// Out: NIC chip \[degC\].
    pub nic_c: f64,
    /// Out: frames lost by warm modules since the start.
    pub errors: f64,
    /// Out: times links went down and came back, since the start.
    pub flaps: f64,
    /// Out: modules have shut down because of heat; they come back by themselves.
    pub shut: bool,
}

/// The fabric. Call [`Network::update`] once per step.
#[derive(Debug, Clone)]
pub struct Network {
    /// Product data.
    pub spec: NetworkSpec,
    /// In: congestion, the speed of all links of a pod over that of a quiet one.
    pub pod_health: Vec<f64>,
    /// Links by node.
    pub links: Vec<NodeLinks>,
    /// Out: NIC utilisation by node, 0 to 1.
    pub nic_utilisation: Vec<f64>,
    /// Out: NIC power by node, modules included \[W\].
    pub nic_power_w: Vec<f64>,
    /// Out: speed of each node's links, 1 is healthy and 0 is down.
    pub link_factor: Vec<f32>,
    /// Leaves, then spines.
    pub switches: Vec<Switch>,
    leaves: usize,
    dt_s: f64,
    /// Decay over a step of module, NIC and switch.
    decay: [f64; 3],
}

impl Network {
    /// A fabric for `nodes` nodes.
    #[must_use]
    pub fn new(spec: NetworkSpec, nodes: usize) -> Self {
        let pods = nodes.div_ceil(spec.nodes_per_pod.max(1));
        let leaves = pods * spec.nics_per_node;
        let spines =
            if pods > 1 { (leaves * spec.uplinks_per_leaf).div_ceil(spec.switch_ports.max(1)) } else { 0 };
        let switch = |tier, name| Switch::new(tier, name, &spec);
        let mut switches: Vec<_> = (1..=leaves).map(|k| switch(Tier::Leaf, format!("leaf-{k:02}"))).collect();
        switches.extend((1..=spines).map(|k| switch(Tier::Spine, format!("spine-{k:02}"))));
        let air_c = 24.0 + spec.node_rise_k;
        let (optic_w, nic_w) = split(&spec, spec.nic_idle_w);
        let links = NodeLinks {
            health: 1.0,
            optic_c: air_c + spec.optic.r_kpw * optic_w,
            nic_c: air_c + spec.nic.r_kpw * nic_w,
            errors: 0.0,
            flaps: 0.0,
            shut: false,
        };
        Self {
            spec,
            pod_health: vec![1.0; pods],
            links: vec![links; nodes],
            nic_utilisation: vec![0.0; nodes],
            nic_power_w: vec![spec.nics_per_node as f64 * spec.nic_idle_w; nodes],
            link_factor: vec![1.0; nodes],
            switches,
            leaves,
            dt_s: 0.0,
            decay: [0.0; 3],
        }
    }

    /// Congestion everywhere: the speed of all links over that of a quiet fabric.
    pub fn congest(&mut self, factor: f64) {
        self.pod_health.fill(factor.clamp(0.0, 1.0));
    }

    /// Takes the traffic of each node over a step (0 to 1 of its line rate; missing nodes are quiet) and the air that
    /// nodes and switches draw in; sets utilisation, power, temperatures and link speeds everywhere.
    pub fn update(&mut self, node_utilisation: &[f32], inlet_c: f64, dt_s: f64) {
        if dt_s.to_bits() != self.dt_s.to_bits() {
            let s = &self.spec;
            self.dt_s = dt_s;
            self.decay = [s.optic.tau_s, s.nic.tau_s, s.switch.tau_s].map(|tau| (-dt_s / tau).exp());
        }
        let nodes = self.links.len();
        let per_pod = self.spec.nodes_per_pod.max(1);
        for node in 0..nodes {
            let traffic = node_utilisation.get(node).copied().unwrap_or(0.0);
            self.update_node(node, f64::from(traffic).clamp(0.0, 1.0), inlet_c, dt_s);
        }
        let mut all = 0.0;
        let switch_decay = self.decay[2];
        for (pod, traffic) in self.nic_utilisation.chunks(per_pod).enumerate() {
            let mean = traffic.iter().sum::<f64>() / per_pod as f64;
            all += mean;
            let rails = pod * self.spec.nics_per_node..(pod + 1) * self.spec.nics_per_node;
            let leaves = carry(&mut self.switches[rails], mean, &self.spec, inlet_c, switch_decay, dt_s);
            let speed = (leaves.min(self.pod_health[pod])) as f32;
            for factor in self.link_factor.iter_mut().skip(pod * per_pod).take(per_pod) {
                *factor *= speed;
            }
        }
        let pods = nodes.div_ceil(per_pod).max(1) as f64;
        // Ring and tree collectives over all nodes leave the pod with (pods - 1)/pods of their traffic.
        let leaving = (pods - 1.0) / pods;
        let spines = &mut self.switches[self.leaves..];
        let carried = carry(spines, all / pods * leaving, &self.spec, inlet_c, switch_decay, dt_s);
        if carried < leaving {
            let speed = (carried / leaving) as f32;
            for factor in &mut self.link_factor {
                *factor *= speed;
            }
        }
    }

    /// NICs and modules of a node.
    #[inline]
    fn update_node(&mut self, node: usize, traffic: f64, inlet_c: f64, dt_s: f64) {
        let s = &self.spec;
        let link = &mut self.links[node];
        let u = if link.health > 0.0 && !link.shut { traffic } else { 0.0 };
        let one_w = s.nic_idle_w + (s.nic_full_w - s.nic_idle_w) * u;
        self.nic_utilisation[node] = u;
        self.nic_power_w[node] = s.nics_per_node as f64 * one_w;
        let (optic_w, nic_w) = split(s, one_w);
        let air_c = inlet_c + s.node_rise_k;
        let optic_end_c = air_c + s.optic.r_kpw * optic_w;
        let nic_end_c = air_c + s.nic.r_kpw * nic_w;
        link.optic_c = optic_end_c + (link.optic_c - optic_end_c) * self.decay[0];
        link.nic_c = nic_end_c + (link.nic_c - nic_end_c) * self.decay[1];
        let mut speed = link.health.clamp(0.0, 1.0);
        let warm_k = link.optic_c - s.optic.derate_c;
        if warm_k > 0.0 || link.shut || link.nic_c > s.nic.derate_c {
            let rate = ERRORS_PER_S * (ERRORS_PER_K * warm_k.clamp(0.0, 20.0)).exp();
            link.errors += if warm_k > 0.0 { rate * s.nics_per_node as f64 * dt_s } else { 0.0 };
            let flapping_k = warm_k - 0.5 * (s.optic.worst_c - s.optic.derate_c);
            link.flaps += flapping_k.max(0.0) * FLAPS_PER_S_K * s.nics_per_node as f64 * dt_s;
            let hot = link.optic_c >= s.optic.shut_c || link.nic_c >= s.nic.shut_c;
            let cool = link.optic_c <= s.optic.back_c && link.nic_c <= s.nic.back_c;
            link.shut = hot || (link.shut && !cool);
            speed *= s.optic.service(link.optic_c) * s.nic.service(link.nic_c);
            speed = if link.shut { 0.0 } else { speed };
        }
        self.link_factor[node] = speed as f32;
    }

    /// Power of all switches \[W\]. NICs are part of their nodes.
    #[must_use]
    pub fn switch_power_w(&self) -> f64 {
        self.switches.iter().map(|switch| switch.power_w).sum()
    }

    /// Heat of all switches that a cold plate takes \[W\].
    #[must_use]
    pub fn switch_liquid_w(&self) -> f64 {
        self.spec.switch_liquid * self.switch_power_w()
    }

    /// Heat of all switches into the air \[W\].
    #[must_use]
    pub fn switch_air_w(&self) -> f64 {
        self.switch_power_w() - self.switch_liquid_w()
    }

    /// Mean utilisation of a tier.
    #[must_use]
    pub fn utilisation(&self, tier: Tier) -> f64 {
        let of_tier = self.switches.iter().filter(|switch| switch.tier == tier);
        let (sum, n) = of_tier.fold((0.0, 0.0), |(sum, n), switch| (sum + switch.utilisation, n + 1.0));
        if n > 0.0 { sum / n } else { 0.0 }
    }
}

/// Power of a module and of a NIC chip \[W\].
fn split(spec: &NetworkSpec, one_w: f64) -> (f64, f64) {
    (spec.optic_share * one_w, (1.0 - spec.optic_share) * one_w)
}
