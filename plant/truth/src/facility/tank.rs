//! Thermal storage: a stratified chilled-water tank with its own pump.
//!
//! Responsible for: temperatures of the layers, charge and discharge, mixing, loss to the surroundings. Not
//! for: when to charge (the BMS) or where the water comes from ([`super::primary`]).
//!
//! ```text
//! layer i:  K dT_i/dt = C (T_upstream - T_i) + G (T_{i-1} + T_{i+1} - 2 T_i) + U_i (T_amb - T_i)
//! ```
//! Cold water lies below: charging enters at the bottom and takes from the top, discharging the other way. `G`
//! is conduction and diffuser mixing. A colder layer over a warmer one is mixed with it at once. Source: the
//! multi-node tank of Duffie and Beckman, *Solar Engineering of Thermal Processes*, ch. 8; tanks with good
//! diffusers keep a thermocline of 0.3 to 1 m and lose 1 to 2 % of their charge per day.

use super::fluid::WATER;

/// Layers.
pub const LAYERS: usize = 10;
/// Time to turn the tank over once at design flow, s.
const TURNOVER_S: f64 = 3600.0;
/// Effective conductivity between layers, W/(m K): water and some mixing.
const CONDUCTIVITY: f64 = 2.0;
/// Loss coefficient of the insulated shell, W/(m2 K).
const SHELL_W_M2K: f64 = 0.3;
/// Head of the tank's pump at design flow, kPa, and its efficiency from wire to water.
const PUMP_KPA: f64 = 60.0;
const PUMP_EFFICIENCY: f64 = 0.55;

/// A chilled-water tank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tank {
    /// Volume, m3.
    pub volume_m3: f64,
    /// Design flow of its pump, L/min.
    pub design_lpm: f64,
    /// Flow now, L/min: positive charges, negative discharges.
    pub flow_lpm: f64,
    /// Temperatures of the layers from bottom to top, C.
    pub layers_c: [f64; LAYERS],
    /// Electric power of the pump, W.
    pub power_w: f64,
    /// Part of it that heats the water, W.
    pub fluid_heat_w: f64,
    /// Heat lost to the surroundings, W (negative when they warm it).
    pub loss_w: f64,
    speed: f64,
    powered: bool,
    layer_j_k: f64,
    conductance_w_k: f64,
    shell_w_k: f64,
}

impl Tank {
    /// A tank of `volume_m3` on a loop of `loop_lpm`, filled with water of `temperature_c`; twice as high as wide.
    #[must_use]
    pub fn sized(volume_m3: f64, loop_lpm: f64, temperature_c: f64) -> Self {
        let diameter = (volume_m3 / (0.5 * std::f64::consts::PI)).cbrt();
        let (height, floor) = (2.0 * diameter, 0.25 * std::f64::consts::PI * diameter * diameter);
        let shell = std::f64::consts::PI * diameter * height + 2.0 * floor;
        Self {
            volume_m3,
            design_lpm: (volume_m3 * 1000.0 * 60.0 / TURNOVER_S).min(0.5 * loop_lpm),
            flow_lpm: 0.0,
            layers_c: [temperature_c; LAYERS],
            power_w: 0.0,
            fluid_heat_w: 0.0,
            loss_w: 0.0,
            speed: 0.0,
            powered: true,
            layer_j_k: WATER.capacity_j_k(1000.0 * volume_m3 / LAYERS as f64),
            conductance_w_k: CONDUCTIVITY * floor / (height / LAYERS as f64),
            shell_w_k: SHELL_W_M2K * shell / LAYERS as f64,
        }
    }

    /// Moves the pump toward `command` (-1 discharge .. 1 charge) in 60 s.
    pub fn actuate(&mut self, command: f64, powered: bool, dt_s: f64) {
        let target = if powered { command.clamp(-1.0, 1.0) } else { 0.0 };
        self.speed = super::fluid::slew(self.speed, target, dt_s / 60.0);
        self.powered = powered;
    }

    /// Sets flow and pump power; the tank takes at most `most_lpm`.
    pub fn limit(&mut self, most_lpm: f64) {
        self.flow_lpm = (self.speed * self.design_lpm).clamp(-most_lpm, most_lpm);
        let flow = self.flow_lpm.abs();
        let relative = flow / self.design_lpm.max(1e-9);
        let hydraulic_w = flow / 60.0 * PUMP_KPA * relative * relative;
        self.fluid_heat_w = hydraulic_w / PUMP_EFFICIENCY;
        self.power_w = if self.powered { self.fluid_heat_w / 0.92 } else { 0.0 };
    }

    /// Water that leaves the tank at the present direction of flow, C.
    #[must_use]
    pub fn outlet_c(&self) -> f64 {
        if self.flow_lpm >= 0.0 { self.layers_c[LAYERS - 1] } else { self.layers_c[0] }
    }

    /// Advances by `dt_s`: the flow enters at `inlet_c`; what left did so at [`Self::outlet_c`].
    pub fn step(&mut self, inlet_c: f64, ambient_c: f64, dt_s: f64) {
        let capacity = WATER.capacity_w_k(self.flow_lpm.abs());
        let (old, step) = (self.layers_c, dt_s / self.layer_j_k);
        let up = self.flow_lpm >= 0.0;
        self.loss_w = 0.0;
        for i in 0..LAYERS {
            let upstream = match (up, i) {
                (true, 0) => inlet_c,
                (true, _) => old[i - 1],
                (false, _) if i == LAYERS - 1 => inlet_c,
                (false, _) => old[i + 1],
            };
            let below = if i > 0 { old[i - 1] - old[i] } else { 0.0 };
            let above = if i + 1 < LAYERS { old[i + 1] - old[i] } else { 0.0 };
            let shell_w = self.shell_w_k * (old[i] - ambient_c);
            self.loss_w += shell_w;
            let gained = capacity * (upstream - old[i]) + self.conductance_w_k * (below + above) - shell_w;
            self.layers_c[i] = old[i] + step * gained;
        }
        self.settle();
    }

    /// Mixes layers that lie upside down: pools of equal mean, merged while the one above is colder.
    fn settle(&mut self) {
        let mut pools = [(0.0, 0usize); LAYERS];
        let mut count = 0;
        for &layer in &self.layers_c {
            let mut pool = (layer, 1);
            while count > 0 && pools[count - 1].0 / pools[count - 1].1 as f64 > pool.0 / pool.1 as f64 {
                count -= 1;
                pool = (pool.0 + pools[count].0, pool.1 + pools[count].1);
            }
            pools[count] = pool;
            count += 1;
        }
        if count == LAYERS {
            return;
        }
        let mut i = 0;
        for &(sum, size) in &pools[..count] {
            if size > 1 {
                self.layers_c[i..i + size].fill(sum / size as f64);
            }
            i += size;
        }
    }

    /// Share of the tank that is colder than the middle between `cold_c` and `warm_c`.
    #[must_use]
    pub fn charge(&self, cold_c: f64, warm_c: f64) -> f64 {
        let span = (warm_c - cold_c).max(1e-6);
        self.layers_c.iter().map(|t| ((warm_c - t) / span).clamp(0.0, 1.0)).sum::<f64>() / LAYERS as f64
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.layer_j_k * self.layers_c.iter().sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flowing(tank: &mut Tank, command: f64, inlet_c: f64, seconds: f64, dt_s: f64) -> f64 {
        let mut carried_j = 0.0;
        for _ in 0..(seconds / dt_s) as usize {
            tank.actuate(command, true, dt_s);
            tank.limit(1e9);
            carried_j += WATER.capacity_w_k(tank.flow_lpm.abs()) * (inlet_c - tank.outlet_c()) * dt_s;
            tank.step(inlet_c, 25.0, dt_s);
            carried_j -= tank.loss_w * dt_s;
        }
        carried_j
    }

    #[test]
    fn charging_fills_from_below_and_energy_closes() {
        let mut tank = Tank::sized(40.0, 3000.0, 22.0);
        let before = tank.stored_j();
        let carried = flowing(&mut tank, 1.0, 14.0, 1800.0, 10.0);
        assert!((tank.stored_j() - before - carried).abs() < 1e-9 * before);
        assert!(tank.layers_c[0] < 15.0 && tank.layers_c[LAYERS - 1] > 21.5, "{:?}", tank.layers_c);
        assert!((0.4..0.6).contains(&tank.charge(14.0, 22.0)), "{}", tank.charge(14.0, 22.0));
        let cold = flowing(&mut tank, -1.0, 22.0, 600.0, 10.0);
        assert!(cold > 0.0 && tank.outlet_c() < 15.5, "{:?}", tank.layers_c);
    }

    /// 1 to 2 % of the charge per day.
    #[test]
    fn a_day_of_standing_costs_little() {
        let mut tank = Tank::sized(500.0, 30_000.0, 14.0);
        let charge_j = 500.0 * 4.18e6 * 10.0;
        let before = tank.stored_j();
        flowing(&mut tank, 0.0, 14.0, 86_400.0, 10.0);
        let lost = (tank.stored_j() - before) / charge_j;
        assert!((0.002..0.02).contains(&lost), "{lost}");
    }

    #[test]
    fn warm_water_below_rises() {
        let mut tank = Tank::sized(40.0, 3000.0, 16.0);
        tank.layers_c[2] = 24.0;
        let before = tank.stored_j();
        tank.settle();
        assert!(tank.layers_c.windows(2).all(|w| w[0] <= w[1] + 1e-12), "{:?}", tank.layers_c);
        assert!((tank.stored_j() - before).abs() < 1e-9 * before);
    }
}
