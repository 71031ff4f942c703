//! A GPU node: what it draws beside its GPUs, and where its heat goes.
//!
//! Responsible for: CPUs, NVSwitches, drives, fans and the losses of the power supplies; the split of heat between
//! water and air; the air that its fans move.
//! Not for: GPUs (`gpu`), NICs (`network`), the cold plates' hydraulics.
//!
//! ```text
//! P_dc  = P_gpu + P_nic + P_cpu(u) + P_switch(u_net) + P_other + P_fan
//! P_ac  = P_dc + loss,   loss = l0 + l1 P_dc + l2 P_dc^2 / P_rated
//! P_fan = P_fan,max s^3,   V_air = V_max s             fan affinity laws, s the speed over full speed
//! s     = max( s0 (1 + k (T_in - T_ref)), s0 + k_g (T_gpu - T_g,ref) ) in [s0, 1], approached with tau
//! ```
//!
//! Sources: NVIDIA DGX H100 user guide (10.2 kW for 8 x 700 W, air cooled: 4.6 kW beside the GPUs, of which fans
//! are about 1.5 kW at full speed; 1105 ft3/min at 80 %; a liquid-cooled node keeps only residual fans); 80 PLUS Titanium
//! points (94 % at 10 %, 96 % at 50 % load, 230 V internal); Intel Xeon 8480C limit 350 W; GB300 tray 6.9 kW. Liquid share
//! of direct-to-chip nodes: 80 to 90 % in vendors' statements. Fan curves are each vendor's own: the one here is an estimate.

use std::ops::Range;

use crate::gpu::{Fleet, Medium, Sku};

/// The fans of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FanSpec {
    /// Power of all fans at full speed \[W\].
    pub full_w: f64,
    /// Air at full speed \[m3/s\].
    pub full_m3s: f64,
    /// Lowest speed, over full speed.
    pub floor: f64,
    /// Inlet up to which the inlet asks for no more than the floor \[degC\].
    pub inlet_reference_c: f64,
    /// Relative growth of speed above it \[1/K\].
    pub per_inlet_k: f64,
    /// GPU temperature up to which GPUs ask for no more than the floor \[degC\].
    pub gpu_reference_c: f64,
    /// Speed for each kelvin of the hottest GPU above it \[1/K\].
    pub per_gpu_k: f64,
    /// Time constant of the fan loop \[s\].
    pub tau_s: f64,
}

impl FanSpec {
    /// Speed over full speed that an inlet and a hottest GPU ask for.
    #[must_use]
    pub fn demand(&self, inlet_c: f64, hottest_c: f64) -> f64 {
        let by_inlet = self.floor * (1.0 + self.per_inlet_k * (inlet_c - self.inlet_reference_c).max(0.0));
        let by_gpu = self.floor + self.per_gpu_k * (hottest_c - self.gpu_reference_c);
        by_inlet.max(by_gpu).clamp(self.floor, 1.0)
    }
}

/// The fan speeds of all nodes of one product, over full speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fans {
    /// Speed by node.
    pub speed: Vec<f64>,
    spec: FanSpec,
    /// The last step's length \[s\], and what is left of a distance after it.
    decay: (f64, f64),
}

impl Fans {
    /// Fans at their floor.
    #[must_use]
    pub fn new(spec: &NodeSpec, nodes: usize) -> Self {
        Self { speed: vec![spec.fans.floor; nodes], spec: spec.fans, decay: (0.0, 1.0) }
    }

    /// One step of the fan loop of a node. A step of any length ends where short ones would.
    pub fn step(&mut self, node: usize, inlet_c: f64, hottest_c: f64, dt_s: f64) {
        let demand = self.spec.demand(inlet_c, hottest_c);
        if dt_s.to_bits() != self.decay.0.to_bits() {
            self.decay = (dt_s, (-dt_s / self.spec.tau_s).exp());
        }
        self.speed[node] = demand + (self.speed[node] - demand) * self.decay.1;
    }

    /// As [`Fans::step`], with the GPUs in `gpus`; their heat sinks, if they have some, get the air of the inlet.
    pub fn blow(&mut self, node: usize, fleet: &mut Fleet, gpus: Range<usize>, inlet_c: f64, dt_s: f64) {
        // numbers, all of them: what `max` does with others would only cost time
        let die_c = fleet.die_c[gpus.clone()].iter();
        let hottest = die_c.fold(0.0, |hottest, &c| if c > hottest { c } else { hottest });
        self.step(node, inlet_c, f64::from(hottest), dt_s);
        let air = gpus.clone().next().is_some_and(|gpu| fleet.sku(gpu).cooler.medium == Medium::Air);
        if air {
            fleet.coolant_c[gpus.clone()].fill(inlet_c as f32);
            fleet.plate_flow[gpus].fill(self.speed[node] as f32);
        }
    }
}

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
    /// Fans.
    pub fans: FanSpec,
    /// Rated direct-current output of the power supplies \[W\].
    pub psu_rated_w: f64,
    /// Loss of the power supplies: fixed \[W\], linear and quadratic share.
    pub psu_loss: [f64; 3],
    /// Share of CPU and switch power that cold plates take.
    pub captured: f64,
}

/// Residual fans of a node on cold plates: 90 W at 25 degC, and 3 % more speed for each kelvin above.
const RESIDUAL_FANS: FanSpec = FanSpec {
    full_w: 617.0,
    full_m3s: 0.20,
    floor: 1.0 / 1.9,
    inlet_reference_c: 25.0,
    per_inlet_k: 0.03,
    gpu_reference_c: 0.0,
    per_gpu_k: 0.0,
    tau_s: 5.0,
};

impl NodeSpec {
    /// Eight H100 or H200 SXM on cold plates, CPUs and `NVSwitch` on cold plates too.
    pub const HGX_LIQUID: Self = Self {
        gpus: 8,
        cpu_idle_w: 180.0,
        cpu_full_w: 560.0,
        switch_idle_w: 130.0,
        switch_full_w: 260.0,
        other_w: 150.0,
        fans: RESIDUAL_FANS,
        psu_rated_w: 10_000.0,
        psu_loss: [35.0, 0.018, 0.022],
        captured: 0.95,
    };

    /// Eight H100 or H200 SXM under heat sinks, as in a DGX H100: no water at all. Drives, memory and management of that
    /// system draw more than a bare HGX node's.
    pub const HGX_AIR: Self = Self {
        other_w: 700.0,
        cpu_full_w: 700.0,
        switch_full_w: 400.0,
        fans: FanSpec {
            full_w: 1_500.0,
            full_m3s: 0.65,
            floor: 0.35,
            inlet_reference_c: 25.0,
            per_inlet_k: 0.03,
            gpu_reference_c: 50.0,
            per_gpu_k: 0.019,
            tau_s: 5.0,
        },
        captured: 0.0,
        ..Self::HGX_LIQUID
    };

    /// One compute tray of a GB200 NVL72: four GPUs and two Grace CPUs on cold plates. The switches stand in trays of their
    /// own. Scaled from the HGX node where nothing is published.
    pub const GB200_TRAY: Self = Self {
        gpus: 4,
        cpu_idle_w: 120.0,
        cpu_full_w: 600.0,
        switch_idle_w: 0.0,
        switch_full_w: 0.0,
        other_w: 150.0,
        fans: FanSpec { full_w: 410.0, full_m3s: 0.12, ..RESIDUAL_FANS },
        psu_rated_w: 7_500.0,
        psu_loss: [20.0, 0.018, 0.022],
        captured: 0.95,
    };

    /// The usual node of a GPU product.
    #[must_use]
    pub fn of(sku: &Sku) -> Self {
        match sku.cooler.medium {
            Medium::Air => Self::HGX_AIR,
            Medium::Liquid if sku.id.starts_with("gb") => Self::GB200_TRAY,
            Medium::Liquid => Self::HGX_LIQUID,
        }
    }

    /// Power and heat of a node under a load.
    #[must_use]
    pub fn power(&self, load: &NodeLoad) -> NodePower {
        let cpu_w = mix(self.cpu_idle_w, self.cpu_full_w, load.cpu_utilisation);
        let switch_w = mix(self.switch_idle_w, self.switch_full_w, load.network_utilisation);
        let fan_speed =
            if load.fan_speed > 0.0 { load.fan_speed } else { self.fans.demand(load.air_inlet_c, 0.0) };
        let fan_w = self.fans.full_w * fan_speed.powi(3);
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
        let air_m3s = self.fans.full_m3s * fan_speed;
        NodePower { total_w: dc_w + psu_loss_w, cpu_w, switch_w, fan_w, psu_loss_w, liquid_w, air_w, air_m3s }
    }
}

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodeLoad {
    /// Power of its GPUs \[W\].
    pub gpu_w: f64,
    /// Heat its GPUs give to water now (lags their power) \[W\].
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
    /// Speed of the fans over full speed ([`Fans`]); 0 for what the inlet alone asks for.
    pub fan_speed: f64,
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
        let activity: f64 = fleet.activity[range.clone()].iter().map(|a| f64::from(*a)).sum();
        let [gpu_w, gpu_coolant_w, gpu_air_w] = fleet.sums_w(range);
        let mean = activity / count;
        Self {
            gpu_w,
            gpu_coolant_w,
            gpu_air_w,
            nic_w,
            network_utilisation,
            air_inlet_c,
            cpu_utilisation: if mean > 0.0 { 0.2 + 0.6 * mean } else { 0.05 },
            fan_speed: 0.0,
        }
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
    /// Air through the node \[m3/s\].
    pub air_m3s: f64,
}

fn mix(idle: f64, full: f64, share: f64) -> f64 {
    idle + (full - idle) * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Sku;

    fn node(activity: f32) -> (f64, NodePower) {
        let mut fleet = Fleet::new(&[(Sku::h100_sxm(), 8)], 5);
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

    fn dgx(activity: f32, inlet_c: f64, dt_s: f64) -> (Fleet, Fans, NodePower) {
        let sku = Sku::find("h100-air").unwrap();
        let spec = NodeSpec::of(&sku);
        let mut fleet = Fleet::new(&[(sku, 8)], 5);
        fleet.activity.fill(activity);
        fleet.memory.fill(0.6 * activity);
        let mut fans = Fans::new(&spec, 1);
        for _ in 0..(1200.0 / dt_s) as usize {
            fans.blow(0, &mut fleet, 0..8, inlet_c, dt_s);
            fleet.step(dt_s);
        }
        let load = NodeLoad { fan_speed: fans.speed[0], ..NodeLoad::of(&fleet, 0..8, 1.0, 240.0, inlet_c) };
        let power = spec.power(&load);
        (fleet, fans, power)
    }

    #[test]
    fn an_air_cooled_node_gives_all_heat_to_the_air_and_stays_below_its_plate() {
        let (fleet, fans, power) = dgx(1.0, 25.0, 1.0);
        assert!(power.liquid_w.abs() < 1e-9);
        assert!((power.air_w - power.total_w).abs() < 1.0, "{power:?}");
        assert!((8_300.0..10_200.0).contains(&power.total_w), "{power:?}");
        let hottest = fleet.die_c.iter().copied().fold(0.0, f32::max);
        assert!((60.0..80.0).contains(&hottest), "{hottest} degC");
        assert!((0.5..0.95).contains(&fans.speed[0]), "{}", fans.speed[0]);
        let rise_k = power.air_w / (power.air_m3s * 1.2e3);
        assert!((10.0..25.0).contains(&rise_k), "{rise_k} K");
    }

    #[test]
    fn fans_follow_load_and_inlet_at_any_step() {
        let idle = dgx(0.0, 25.0, 1.0);
        let hot = dgx(1.0, 35.0, 1.0);
        let mild = dgx(1.0, 25.0, 1.0);
        let [idle_w, mild_w, hot_w] = [&idle, &mild, &hot].map(|node| node.2.fan_w);
        assert!(idle_w < 0.3 * mild_w && hot_w > 1.2 * mild_w, "{idle_w} {mild_w} {hot_w} W");
        for dt_s in [0.1, 10.0] {
            let other = dgx(1.0, 25.0, dt_s);
            assert!((other.1.speed[0] - mild.1.speed[0]).abs() < 0.01, "{dt_s}");
        }
    }

    #[test]
    fn a_gb200_tray_draws_what_such_trays_draw() {
        let sku = Sku::find("gb200").unwrap();
        let spec = NodeSpec::of(&sku);
        let gpu_w = 4.0 * sku.tdp_w;
        let load = NodeLoad { gpu_w, nic_w: 150.0, cpu_utilisation: 0.8, ..NodeLoad::default() };
        assert!((5_300.0..6_500.0).contains(&spec.power(&load).total_w), "{:?}", spec.power(&load));
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
