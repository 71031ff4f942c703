//! A switch: what it carries, draws, and how warm it gets.
//!
//! Responsible for: sharing a tier's traffic over the switches that serve, and their power and temperature.
//! Not for: links and nodes (see the module).

use super::spec::NetworkSpec;

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
    /// In: in service. A switch that is down passes its traffic to its peers of the same tier.
    pub up: bool,
    /// In: thermal resistance over that of a healthy switch; more for failed fans.
    pub resistance: f64,
    /// Out: has shut its ports because of heat; comes back by itself when it is cool.
    pub shut: bool,
    /// Out: share of line rate that it can carry.
    pub capacity: f64,
    /// Out: traffic over line rate, 0 to 1.
    pub utilisation: f64,
    /// Out: power \[W\].
    pub power_w: f64,
    /// Out: chip temperature \[degC\].
    pub chip_c: f64,
    /// Out: times it has shut its ports.
    pub trips: u64,
    /// Out: traffic refused for want of capacity, in seconds of line rate.
    pub dropped_s: f64,
}

impl Switch {
    pub(super) fn new(tier: Tier, name: String, spec: &NetworkSpec) -> Self {
        Self {
            name,
            tier,
            up: true,
            resistance: 1.0,
            shut: false,
            capacity: 1.0,
            utilisation: 0.0,
            power_w: spec.switch_idle_w,
            chip_c: 24.0 + spec.switch.r_kpw * spec.switch_idle_w,
            trips: 0,
            dropped_s: 0.0,
        }
    }

    /// What it can carry at the temperature it has.
    fn look(&mut self, spec: &NetworkSpec) -> f64 {
        let limits = &spec.switch;
        if !self.shut && self.chip_c >= limits.shut_c {
            self.shut = true;
            self.trips += 1;
        } else if self.shut && self.chip_c <= limits.back_c {
            self.shut = false;
        }
        let serves = self.up && !self.shut;
        self.capacity = if serves { limits.service(self.chip_c) } else { 0.0 };
        self.capacity
    }
}

/// Spreads a mean traffic over the switches of a group as they can carry it, and moves their power and temperature;
/// gives the share of line rate that the group can carry.
pub(super) fn carry(
    switches: &mut [Switch],
    mean: f64,
    spec: &NetworkSpec,
    inlet_c: f64,
    decay: f64,
    dt_s: f64,
) -> f64 {
    let total: f64 = switches.iter_mut().map(|switch| switch.look(spec)).sum();
    let count = switches.len() as f64;
    let wanted = if total > 0.0 { mean * count / total } else { 0.0 };
    for switch in switches.iter_mut() {
        switch.utilisation = switch.capacity * wanted.min(1.0);
        switch.dropped_s += switch.capacity * (wanted - 1.0).max(0.0) * dt_s;
        switch.power_w = match (switch.up, switch.shut) {
            (false, _) => 0.0,
            (true, true) => spec.switch_shut_w,
            _ => spec.switch_idle_w + (spec.switch_full_w - spec.switch_idle_w) * switch.utilisation,
        };
        let end_c = inlet_c + spec.switch.r_kpw * switch.resistance * switch.power_w;
        switch.chip_c = end_c + (switch.chip_c - end_c) * decay;
    }
    if count > 0.0 { total / count } else { 1.0 }
}
