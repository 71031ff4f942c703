//! The compute network: NICs in nodes, leaf and spine switches, what they carry and what they draw.
//!
//! Responsible for: utilisation of every NIC group and switch from the nodes' traffic, and power from utilisation.
//! Not for: routing, packets, or the links inside a node.
//!
//! A rail-optimised two-level fabric: pods of up to 32 nodes, one leaf per NIC index (rail) and pod, spines for as
//! many uplinks as leaves have. Traffic is even over rails, so a leaf carries the mean of its pod; traffic that
//! leaves the pod goes over the spines.
//!
//! ```text
//! P_nic = n (P0 + (P1 - P0) u)     P_switch = P0 + (P1 - P0) u
//! ```
//!
//! Sources: NVIDIA QM9700 data sheet (64 x 400 Gb/s, 747 W typical with passive cables, 1720 W maximum with active
//! optics); ConnectX-7 400 Gb/s data sheet (about 17 W idle to 25 W), plus an optical module per port.

/// Fabric products, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkSpec {
    /// Compute NICs in a node.
    pub nics_per_node: usize,
    /// One NIC and its module, links up and quiet \[W\].
    pub nic_idle_w: f64,
    /// One NIC and its module at line rate \[W\].
    pub nic_full_w: f64,
    /// A switch, links up and quiet \[W\].
    pub switch_idle_w: f64,
    /// A switch at line rate \[W\].
    pub switch_full_w: f64,
    /// Nodes under one set of leaves.
    pub nodes_per_pod: usize,
    /// Uplinks of a leaf.
    pub uplinks_per_leaf: usize,
    /// Ports of a switch.
    pub switch_ports: usize,
}

impl NetworkSpec {
    /// 400 Gb/s per GPU, 64-port switches, no oversubscription.
    pub const NDR400: Self = Self {
        nics_per_node: 8,
        nic_idle_w: 17.0,
        nic_full_w: 27.0,
        switch_idle_w: 640.0,
        switch_full_w: 1250.0,
        nodes_per_pod: 32,
        uplinks_per_leaf: 32,
        switch_ports: 64,
    };
}

/// Where a switch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Towards nodes.
    Leaf,
    /// Between pods.
    Spine,
}

/// A switch and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    /// `leaf-01`, `spine-01`...
    pub name: String,
    /// Leaf or spine.
    pub tier: Tier,
    /// In service. A switch that is down passes its traffic to its peers of the same tier.
    pub up: bool,
    /// Traffic over line rate, 0 to 1.
    pub utilisation: f64,
    /// Power \[W\].
    pub power_w: f64,
}

/// The fabric. Call [`Network::update`] once per step.
#[derive(Debug, Clone)]
pub struct Network {
    /// Product data.
    pub spec: NetworkSpec,
    /// NIC utilisation by node, 0 to 1.
    pub nic_utilisation: Vec<f64>,
    /// NIC power by node \[W\].
    pub nic_power_w: Vec<f64>,
    /// Leaves, then spines.
    pub switches: Vec<Switch>,
    leaves: usize,
}

impl Network {
    /// A fabric for `nodes` nodes.
    #[must_use]
    pub fn new(spec: NetworkSpec, nodes: usize) -> Self {
        let pods = nodes.div_ceil(spec.nodes_per_pod.max(1));
        let leaves = pods * spec.nics_per_node;
        let spines =
            if pods > 1 { (leaves * spec.uplinks_per_leaf).div_ceil(spec.switch_ports.max(1)) } else { 0 };
        let switch =
            |tier, name| Switch { name, tier, up: true, utilisation: 0.0, power_w: spec.switch_idle_w };
        let mut switches: Vec<_> = (1..=leaves).map(|k| switch(Tier::Leaf, format!("leaf-{k:02}"))).collect();
        switches.extend((1..=spines).map(|k| switch(Tier::Spine, format!("spine-{k:02}"))));
        let nic_idle_w = spec.nics_per_node as f64 * spec.nic_idle_w;
        Self {
            spec,
            nic_utilisation: vec![0.0; nodes],
            nic_power_w: vec![nic_idle_w; nodes],
            switches,
            leaves,
        }
    }

    /// Takes the traffic of each node (0 to 1 of its line rate; missing nodes are quiet) and sets utilisation and
    /// power everywhere.
    pub fn update(&mut self, node_utilisation: &[f32]) {
        let nodes = self.nic_utilisation.len();
        let per_pod = self.spec.nodes_per_pod.max(1);
        let nics = self.spec.nics_per_node as f64;
        for node in 0..nodes {
            let u = f64::from(node_utilisation.get(node).copied().unwrap_or(0.0)).clamp(0.0, 1.0);
            self.nic_utilisation[node] = u;
            self.nic_power_w[node] = nics * mix(self.spec.nic_idle_w, self.spec.nic_full_w, u);
        }
        let mut all = 0.0;
        for (pod, traffic) in self.nic_utilisation.chunks(per_pod).enumerate() {
            let mean = traffic.iter().sum::<f64>() / per_pod as f64;
            all += mean;
            let rails = pod * self.spec.nics_per_node..(pod + 1) * self.spec.nics_per_node;
            share(&mut self.switches[rails], mean, &self.spec);
        }
        let pods = nodes.div_ceil(per_pod).max(1) as f64;
        // Ring and tree collectives over all nodes leave the pod with (pods - 1)/pods of their traffic.
        share(&mut self.switches[self.leaves..], all / pods * (pods - 1.0) / pods, &self.spec);
    }

    /// Power of all switches \[W\]. NICs are part of their nodes.
    #[must_use]
    pub fn switch_power_w(&self) -> f64 {
        self.switches.iter().map(|switch| switch.power_w).sum()
    }

    /// Mean utilisation of a tier.
    #[must_use]
    pub fn utilisation(&self, tier: Tier) -> f64 {
        let of_tier = self.switches.iter().filter(|switch| switch.tier == tier);
        let (sum, n) = of_tier.fold((0.0, 0.0), |(sum, n), switch| (sum + switch.utilisation, n + 1.0));
        if n > 0.0 { sum / n } else { 0.0 }
    }
}

/// Spreads traffic over the switches that are up.
fn share(switches: &mut [Switch], mean: f64, spec: &NetworkSpec) {
    let up = switches.iter().filter(|switch| switch.up).count();
    let each = if up > 0 { (mean * switches.len() as f64 / up as f64).min(1.0) } else { 0.0 };
    for switch in switches {
        switch.utilisation = if switch.up { each } else { 0.0 };
        switch.power_w = if switch.up { mix(spec.switch_idle_w, spec.switch_full_w, each) } else { 0.0 };
    }
}

fn mix(idle: f64, full: f64, share: f64) -> f64 {
    idle + (full - idle) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_nodes_need_sixteen_leaves_and_eight_spines() {
        let mut net = Network::new(NetworkSpec::NDR400, 64);
        assert_eq!(net.switches.len(), 24);
        net.update(&[1.0; 64]);
        assert!((net.utilisation(Tier::Leaf) - 1.0).abs() < 1e-9);
        assert!((net.utilisation(Tier::Spine) - 0.5).abs() < 1e-9);
        assert!((net.nic_power_w[3] - 8.0 * 27.0).abs() < 1e-9);
        let full = net.switch_power_w();
        net.update(&[]);
        assert!((net.switch_power_w() - 24.0 * 640.0).abs() < 1e-6 && full > 20_000.0);
    }

    #[test]
    fn peers_carry_what_a_dead_switch_cannot() {
        let mut net = Network::new(NetworkSpec::NDR400, 32);
        net.switches[0].up = false;
        net.update(&[0.7; 32]);
        assert!(net.switches[0].power_w.abs() < 1e-12);
        assert!((net.switches[1].utilisation - 0.8).abs() < 1e-6);
    }
}
