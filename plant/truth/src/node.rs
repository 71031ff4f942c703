//! A GPU node: what it draws beside its GPUs, and where its heat goes.
//!
//! Responsible for: CPUs, NVSwitches, drives, fans and the losses of the power supplies; the split of heat between
//! water and air.
//! Not for: GPUs (`gpu`), NICs (`network`), the cold plates' hydraulics.
//!
//! ```text
//! P_dc  = P_gpu + P_nic + P_cpu(u) + P_switch(u_net) + P_other + P_fan(T_in)
//! P_ac  = P_dc + loss,   loss = l0 + l1 P_dc + l2 P_dc^2 / P_rated
//! P_fan = P_fan,0 (1 + k max(0, T_in - T_ref))^3     fan affinity law on a speed that follows the inlet
//! ```
//!
//! Sources: NVIDIA DGX H100 user guide (10.2 kW for 8 x 700 W, air cooled: 4.6 kW beside the GPUs, of which fans
//! are about 1.5 kW at full speed; a liquid-cooled node keeps only residual fans); 80 PLUS Titanium points (94 % at 10 %,
//! 96 % at 50 % load, 230 V internal); Intel Xeon 8480C limit 350 W. Liquid share of direct-to-chip nodes: 80 to 90 %
//! in vendors' statements.

use std::ops::Range;

use crate::gpu::Fleet;

/// A node product, as data. Watts at full use unless it says idle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeSpec {
    /// GPUs in a node.
    pub gpus: usize,
    /// All CPUs at no load \[W\].
    pub cpu_idle_w: f64,
    /// All CPUs at full load \[W\].
    pub cpu_full_w: f64,
    /// `NVSwitch` chips with quiet links \[W\].
    pub switch_idle_w: f64,
    /// `NVSwitch` chips at full traffic \[W\].
    pub switch_full_w: f64,
    /// Memory modules, drives, management \[W\].
    pub other_w: f64,
    /// Residual fans at the reference inlet \[W\].
    pub fan_w: f64,
    /// Inlet up to which fans stay at their floor \[degC\].
    pub fan_reference_c: f64,
    /// Growth of fan speed above it \[1/K\].
    pub fan_per_k: f64,
    /// Rated direct-current output of the power supplies \[W\].
    pub psu_rated_w: f64,
    /// Loss of the power supplies: fixed \[W\], linear and quadratic share.
    pub psu_loss: [f64; 3],
    /// Share of CPU and switch power that cold plates take.
    pub captured: f64,
}

impl NodeSpec {
    /// Eight H100 or H200 SXM on cold plates, CPUs and `NVSwitch` on cold plates too.
    pub const HGX_LIQUID: Self = Self {
        gpus: 8,
        cpu_idle_w: 180.0,
        cpu_full_w: 560.0,
        switch_idle_w: 130.0,
        switch_full_w: 260.0,
        other_w: 150.0,
        fan_w: 90.0,
        fan_reference_c: 25.0,
        fan_per_k: 0.03,
        psu_rated_w: 10_000.0,
        psu_loss: [35.0, 0.018, 0.022],
        captured: 0.95,
    };

    /// Power and heat of a node under a load.
    #[must_use]
    pub fn power(&self, load: &NodeLoad) -> NodePower {
        let cpu_w = mix(self.cpu_idle_w, self.cpu_full_w, load.cpu_utilisation);
        let switch_w = mix(self.switch_idle_w, self.switch_full_w, load.network_utilisation);
        let speed = 1.0 + self.fan_per_k * (load.air_inlet_c - self.fan_reference_c).clamp(0.0, 30.0);
        let fan_w = self.fan_w * speed.powi(3);
        let dc_w = load.gpu_w + load.nic_w + cpu_w + switch_w + self.other_w + fan_w;
        let [fixed, linear, quadratic] = self.psu_loss;
        let psu_loss_w = fixed + linear * dc_w + quadratic * dc_w * dc_w / self.psu_rated_w;
        let liquid_w = load.gpu_coolant_w + self.captured * (cpu_w + switch_w);
        let air_w = load.gpu_air_w
            + (1.0 - self.captured) * (cpu_w + switch_w)
            + load.nic_w
            + self.other_w
            + fan_w
            + psu_loss_w;
        NodePower { total_w: dc_w + psu_loss_w, cpu_w, switch_w, fan_w, psu_loss_w, liquid_w, air_w }
    }
}

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodeLoad {
    /// Power of its GPUs \[W\].
    pub gpu_w: f64,
    /// Heat its GPUs give to the coolant now (lags their power) \[W\].
    pub gpu_coolant_w: f64,
    /// Heat its GPUs give to the air \[W\].
    pub gpu_air_w: f64,
    /// Power of its NICs \[W\].
    pub nic_w: f64,
    /// CPU use, 0 to 1.
    pub cpu_utilisation: f64,
    /// Traffic on its links, 0 to 1.
    pub network_utilisation: f64,
    /// Air at the inlet \[degC\].
    pub air_inlet_c: f64,
}

impl NodeLoad {
    /// The load of the GPUs in `range`; data loading and launching keep the CPUs at 20 % and up to 80 % with the
    /// GPUs' activity.
    #[must_use]
    pub fn of(
        fleet: &Fleet,
        range: Range<usize>,
        network_utilisation: f64,
        nic_w: f64,
        air_inlet_c: f64,
    ) -> Self {
        let count = range.len().max(1) as f64;
        let mut load = Self { nic_w, network_utilisation, air_inlet_c, ..Self::default() };
        let mut activity = 0.0;
        for gpu in range {
            load.gpu_w += f64::from(fleet.power_w[gpu]);
            load.gpu_coolant_w += f64::from(fleet.coolant_heat_w[gpu]);
            load.gpu_air_w += fleet.air_heat_w(gpu);
            activity += f64::from(fleet.activity[gpu]);
        }
        let mean = activity / count;
        load.cpu_utilisation = if mean > 0.0 { 0.2 + 0.6 * mean } else { 0.05 };
        load
    }
}

/// Power of a node and where the heat goes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodePower {
    /// Drawn from the rack, GPUs and NICs included \[W\].
    pub total_w: f64,
    /// CPUs \[W\].
    pub cpu_w: f64,
    /// `NVSwitch` chips \[W\].
    pub switch_w: f64,
    /// Fans \[W\].
    pub fan_w: f64,
    /// Lost in power supplies \[W\].
    pub psu_loss_w: f64,
    /// Heat to the technology loop \[W\].
    pub liquid_w: f64,
    /// Heat to the hall \[W\].
    pub air_w: f64,
}

fn mix(idle: f64, full: f64, share: f64) -> f64 {
    idle + (full - idle) * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Sku;

    fn node(activity: f32) -> (f64, NodePower) {
        let mut fleet = Fleet::new(&[(Sku::H100_SXM, 8)], 5);
        fleet.activity.fill(activity);
        fleet.memory.fill(0.6 * activity);
        fleet.settle();
        let load = NodeLoad::of(&fleet, 0..8, f64::from(activity), 150.0, 25.0);
        (load.gpu_w, NodeSpec::HGX_LIQUID.power(&load))
    }

    #[test]
    fn a_full_node_draws_12_to_18_hundred_watts_beside_its_gpus() {
        let (gpu_w, power) = node(1.0);
        let beside = power.total_w - gpu_w;
        assert!((1200.0..1800.0).contains(&beside), "{beside} W");
        let (gpu_w, power) = node(0.0);
        let beside = power.total_w - gpu_w;
        assert!((500.0..900.0).contains(&beside), "{beside} W idle");
    }

    #[test]
    fn water_takes_about_87_percent() {
        let (_, power) = node(1.0);
        let share = power.liquid_w / power.total_w;
        assert!((0.84..0.90).contains(&share), "{share}");
        assert!((power.liquid_w + power.air_w - power.total_w).abs() < 2.0, "steady heat is power");
    }

    #[test]
    fn warm_air_costs_fan_power() {
        let at =
            |air_inlet_c| NodeSpec::HGX_LIQUID.power(&NodeLoad { air_inlet_c, ..NodeLoad::default() }).fan_w;
        assert!(at(35.0) > 2.0 * at(25.0) && (at(15.0) - at(25.0)).abs() < 1e-9);
    }

    #[test]
    fn supplies_are_titanium() {
        let at = |gpu_w: f64| {
            let power = NodeSpec::HGX_LIQUID.power(&NodeLoad { gpu_w, ..NodeLoad::default() });
            1.0 - power.psu_loss_w / power.total_w
        };
        assert!(at(4500.0) > 0.955 && at(500.0) > 0.93, "{} {}", at(4500.0), at(500.0));
    }
}
