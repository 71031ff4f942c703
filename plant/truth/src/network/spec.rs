//! Fabric products as data.
//!
//! Responsible for: figures of NICs, optical modules and switches, and where they come from.
//! Not for: anything that happens in time.
//!
//! Sources: NVIDIA QM9700 data sheet (64 x 400 Gb/s, 747 W typical with passive cables, 1720 W maximum with active
//! optics, 0 to 40 degC); ConnectX-7 400 Gb/s data sheet (about 17 W idle to 25 W with its module); case temperature of
//! commercial optical modules 0 to 70 degC (OSFP and QSFP-DD module specifications). Thermal resistances are set so
//! that modules and switches at line rate reach their limits at an inlet of about 35 degC, the edge of ASHRAE class A2.

/// A part's temperature and what it does to its service. All temperatures in degC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Rise per watt of its own power \[K/W\].
    pub r_kpw: f64,
    /// Time constant \[s\].
    pub tau_s: f64,
    /// Service is full up to here.
    pub derate_c: f64,
    /// Service is down to `least` here.
    pub worst_c: f64,
    /// Share of service left at `worst_c`.
    pub least: f64,
    /// It shuts down here.
    pub shut_c: f64,
    /// And comes back here.
    pub back_c: f64,
}

impl Limits {
    /// Share of service at a temperature.
    #[must_use]
    #[inline]
    pub fn service(&self, part_c: f64) -> f64 {
        let depth = (part_c - self.derate_c) / (self.worst_c - self.derate_c);
        1.0 - (1.0 - self.least) * depth.clamp(0.0, 1.0)
    }
}

/// Fabric products, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkSpec {
    /// Compute NICs in a node.
    pub nics_per_node: usize,
    /// One NIC and its module, links up and quiet \[W\].
    pub nic_idle_w: f64,
    /// One NIC and its module at line rate \[W\].
    pub nic_full_w: f64,
    /// Share of that which the optical module draws.
    pub optic_share: f64,
    /// Air at the NICs over the node's inlet \[K\].
    pub node_rise_k: f64,
    /// NIC chip.
    pub nic: Limits,
    /// Case of an optical module.
    pub optic: Limits,
    /// A switch, links up and quiet \[W\].
    pub switch_idle_w: f64,
    /// A switch at line rate \[W\].
    pub switch_full_w: f64,
    /// A switch that has shut its ports \[W\].
    pub switch_shut_w: f64,
    /// Switch chip.
    pub switch: Limits,
    /// Share of switch power that a cold plate takes; the rest goes to the air.
    pub switch_liquid: f64,
    /// Nodes under one set of leaves.
    pub nodes_per_pod: usize,
    /// Uplinks of a leaf.
    pub uplinks_per_leaf: usize,
    /// Ports of a switch.
    pub switch_ports: usize,
}

impl NetworkSpec {
    /// 400 Gb/s per GPU, 64-port switches, no oversubscription, all in air.
    pub const NDR400: Self = Self {
        nics_per_node: 8,
        nic_idle_w: 17.0,
        nic_full_w: 27.0,
        optic_share: 0.35,
        node_rise_k: 8.0,
        nic: Limits {
            r_kpw: 2.0,
            tau_s: 60.0,
            derate_c: 105.0,
            worst_c: 115.0,
            least: 0.5,
            shut_c: 120.0,
            back_c: 100.0,
        },
        optic: Limits {
            r_kpw: 2.8,
            tau_s: 30.0,
            derate_c: 70.0,
            worst_c: 80.0,
            least: 0.25,
            shut_c: 85.0,
            back_c: 68.0,
        },
        switch_idle_w: 640.0,
        switch_full_w: 1250.0,
        switch_shut_w: 250.0,
        switch: Limits {
            r_kpw: 0.045,
            tau_s: 120.0,
            derate_c: 90.0,
            worst_c: 100.0,
            least: 0.5,
            shut_c: 105.0,
            back_c: 80.0,
        },
        switch_liquid: 0.0,
        nodes_per_pod: 32,
        uplinks_per_leaf: 32,
        switch_ports: 64,
    };
}
