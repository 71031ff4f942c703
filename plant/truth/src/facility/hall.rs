//! Data hall air: CRAH units, cold and hot aisle.
//!
//! Responsible for: coils, fans, aisle temperatures with recirculation, aisle pressure, room moisture.
//! Not for: server fans (their flow comes in) or the water side ahead of the coil valve.
//!
//! ```text
//! F  CRAH air, S server air, r leakage share, M = max(F, S) + r S
//! K_c dTc/dt = M (Th - Tc) - Q_coil + P_fan         cold aisle
//! K_h dTh/dt = M (Tc - Th) + Q_air + Q_room         hot aisle
//! dp = sign(F - S) ((F - S) / G_c)^2                containment leakage
//! coil: eps-NTU counterflow, dry, UA ~ flow^-0.8;   P_fan ~ y^3 (fan law)
//! ```
//! When the servers draw more than the CRAHs give, the deficit recirculates from the hot aisle; that is the
//! same exchange `M`, so both nodes are solved together, implicitly. Room lag 60 to 180 s.

use super::exchanger::Exchanger;
use super::fluid::{AIR_J_M3K, Volume, WATER};
use super::valve::{Valve, in_series};

/// Share of server air that leaks past blanking panels.
const LEAKAGE: f64 = 0.04;
/// Fan power per air flow at full speed, W/(m3/s) (0.16 W per m3/h).
const FAN_W_M3S: f64 = 580.0;
/// Design pressure for a coil branch, kPa.
pub const COIL_DP_KPA: f64 = 80.0;

/// What the control asks of a CRAH.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrahCommand {
    /// Fan speed, 0..1.
    pub fan: f64,
    /// Water valve position, 0..1.
    pub valve: f64,
}

/// One computer-room air handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Crah {
    /// Air flow at full speed, m3/s.
    pub design_m3s: f64,
    /// Fan speed, 0..1.
    pub fan: f64,
    /// Water valve.
    pub valve: Valve,
    /// Coil, side 1 air, side 2 water.
    pub coil: Exchanger,
    /// Leaving air temperature, C.
    pub supply_c: f64,
    /// Heat taken by the coil, W.
    pub duty_w: f64,
    /// Fan power, W.
    pub power_w: f64,
    /// Water flow, L/min.
    pub water_lpm: f64,
    /// Water in the coil; its temperature is the leaving one.
    pub water: Volume,
    coil_resistance: f64,
}

impl Crah {
    /// A unit for `duty_w` of sensible heat.
    #[must_use]
    pub fn sized(duty_w: f64, water_c: f64) -> Self {
        let design_m3s = 1.2 * duty_w / (12.0 * AIR_J_M3K);
        let water_lpm = duty_w / (8.0 * WATER.capacity_w_k(1.0));
        let air_w_k = design_m3s * AIR_J_M3K;
        Self {
            design_m3s,
            fan: 0.5,
            valve: Valve::sized(water_lpm, 0.6 * COIL_DP_KPA, 90.0),
            coil: Exchanger {
                ua_design_w_k: 2.9 * air_w_k,
                design_1_w_k: air_w_k,
                design_2_w_k: WATER.capacity_w_k(water_lpm),
                share_1: 0.8,
                fouling: 0.0,
            },
            supply_c: 22.0,
            duty_w: 0.0,
            power_w: 0.0,
            water_lpm: 0.0,
            water: Volume::new(&WATER, 0.25 * water_lpm, water_c),
            coil_resistance: 0.4 * COIL_DP_KPA / (water_lpm * water_lpm),
        }
    }

    /// Moves fan drive (20 s full travel) and valve toward the command.
    pub fn actuate(&mut self, command: &CrahCommand, powered: bool, dt_s: f64) {
        let target = if powered { command.fan.clamp(0.0, 1.0) } else { 0.0 };
        self.fan = super::fluid::slew(self.fan, target, dt_s / 20.0);
        self.valve.step(command.valve, dt_s);
    }

    /// Conductance of the water branch, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        in_series(self.valve.conductance(), self.coil_resistance.powf(-0.5))
    }

    /// Air flow, m3/s.
    #[must_use]
    pub fn air_m3s(&self) -> f64 {
        self.fan * self.design_m3s
    }

    /// Coil and fan for one step; returns the water outlet, C.
    fn exchange(&mut self, water_lpm: f64, inlet_c: f64, air_in_c: f64, dt_s: f64) -> f64 {
        let air = self.air_m3s() * AIR_J_M3K;
        let water = WATER.capacity_w_k(water_lpm);
        self.water_lpm = water_lpm;
        self.duty_w = self.coil.duty_w(air, air_in_c, water, inlet_c);
        self.power_w = FAN_W_M3S * self.design_m3s * self.fan.powi(3) + 60.0 * f64::from(self.fan > 0.01);
        self.supply_c = if air > 1.0 { air_in_c - (self.duty_w - self.power_w) / air } else { self.supply_c };
        self.water.flush(water, inlet_c, self.duty_w, dt_s)
    }
}

/// Air and moisture of the hall.
#[derive(Debug, Clone, PartialEq)]
pub struct Hall {
    /// Its air handlers.
    pub crahs: Vec<Crah>,
    /// Cold aisle temperature, C: what the racks breathe.
    pub cold_c: f64,
    /// Hot aisle temperature, C.
    pub hot_c: f64,
    /// Pressure of the cold against the hot aisle, Pa.
    pub aisle_dp_pa: f64,
    /// Dew point in the hall, C.
    pub dew_point_c: f64,
    cold_j_k: f64,
    hot_j_k: f64,
    containment_m3s_pa: f64,
}

/// What acts on the hall air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HallLoad {
    /// Heat of the racks to air, W.
    pub rack_air_w: f64,
    /// Heat of everything else in the hall, W.
    pub room_w: f64,
    /// Air flow of all servers, m3/s.
    pub server_m3s: f64,
    /// Outdoor dew point, C.
    pub outdoor_dew_point_c: f64,
}

impl Hall {
    /// A hall for `air_heat_w` of rack heat; its handlers together can carry about 1.3 of it.
    #[must_use]
    pub fn sized(air_heat_w: f64, crahs: usize, water_c: f64) -> Self {
        let design_m3s = air_heat_w / (12.0 * AIR_J_M3K);
        Self {
            crahs: vec![Crah::sized(1.32 / crahs.max(1) as f64 * air_heat_w, water_c); crahs],
            cold_c: 22.5,
            hot_c: 33.0,
            aisle_dp_pa: 0.0,
            dew_point_c: 10.0,
            cold_j_k: design_m3s * AIR_J_M3K * 80.0,
            hot_j_k: design_m3s * AIR_J_M3K * 120.0,
            containment_m3s_pa: 0.06 * design_m3s,
        }
    }

    /// Advances by `dt_s`; `water` is flow (L/min) of each coil, entering at `inlet_c`. The coils' outlets
    /// stand in [`Crah::water`] afterwards.
    pub fn step(&mut self, load: &HallLoad, water_lpm: &[f64], inlet_c: f64, dt_s: f64) {
        let (mut duty_w, mut fan_w, mut air_m3s) = (0.0, 0.0, 0.0);
        for (crah, &flow) in self.crahs.iter_mut().zip(water_lpm) {
            crah.exchange(flow, inlet_c, self.hot_c, dt_s);
            duty_w += crah.duty_w;
            fan_w += crah.power_w;
            air_m3s += crah.air_m3s();
        }
        let surplus = (air_m3s - load.server_m3s) / self.containment_m3s_pa;
        self.aisle_dp_pa = surplus.signum() * surplus * surplus;
        let mixing = (air_m3s.max(load.server_m3s) + LEAKAGE * load.server_m3s) * AIR_J_M3K;
        let (kc, kh) = (self.cold_j_k / dt_s, self.hot_j_k / dt_s);
        let cold_rhs = kc * self.cold_c - duty_w + fan_w;
        let hot_rhs = kh * self.hot_c + load.rack_air_w + load.room_w;
        let (a, d) = (kc + mixing, kh + mixing);
        let determinant = a * d - mixing * mixing;
        self.cold_c = (d * cold_rhs + mixing * hot_rhs) / determinant;
        self.hot_c = (a * hot_rhs + mixing * cold_rhs) / determinant;
        self.moisten(load.outdoor_dew_point_c, inlet_c, dt_s);
    }

    /// Make-up air brings the outdoor dew point in (held to 5.5..15 C by its unit) over an hour; a coil
    /// colder than the room's dew point dries the room.
    fn moisten(&mut self, outdoor_dew_point_c: f64, coil_c: f64, dt_s: f64) {
        let target = outdoor_dew_point_c.clamp(5.5, 15.0).min(coil_c + 2.0);
        self.dew_point_c += (target - self.dew_point_c) * dt_s / 3600.0;
    }

    /// Fan power, W.
    #[must_use]
    pub fn power_w(&self) -> f64 {
        self.crahs.iter().map(|c| c.power_w).sum()
    }

    /// Mean leaving air temperature of the handlers, weighted by air flow, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        let air: f64 = self.crahs.iter().map(Crah::air_m3s).sum();
        if air < 1e-6 {
            return self.hot_c;
        }
        self.crahs.iter().map(|c| c.air_m3s() * c.supply_c).sum::<f64>() / air
    }

    /// Heat content of air and coils against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.cold_j_k * self.cold_c
            + self.hot_j_k * self.hot_c
            + self.crahs.iter().map(|c| c.water.stored_j()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fan: f64, water_c: f64) -> Hall {
        let mut hall = Hall::sized(70e3, 2, 18.0);
        let load = HallLoad { rack_air_w: 60e3, room_w: 2e3, server_m3s: 4.2, outdoor_dew_point_c: 12.0 };
        for _ in 0..3600 {
            for crah in &mut hall.crahs {
                crah.actuate(&CrahCommand { fan, valve: 1.0 }, true, 1.0);
            }
            let flows: Vec<f64> = hall.crahs.iter().map(|c| c.conductance() * COIL_DP_KPA.sqrt()).collect();
            hall.step(&load, &flows, water_c, 1.0);
        }
        hall
    }

    #[test]
    fn coil_carries_the_heat_and_supply_follows_the_water() {
        let (cool, warm) = (run(0.75, 18.0), run(0.75, 26.0));
        let duty: f64 = cool.crahs.iter().map(|c| c.duty_w).sum();
        assert!((duty - 62e3 - cool.power_w()).abs() < 50.0, "{duty}");
        assert!((warm.cold_c - cool.cold_c - 8.0).abs() < 0.2);
        assert!(warm.cold_c < 30.0, "{}", warm.cold_c);
    }

    #[test]
    fn too_little_air_recirculates() {
        let (full, starved) = (run(0.75, 18.0), run(0.35, 18.0));
        assert!(full.aisle_dp_pa > 0.0 && starved.aisle_dp_pa < 0.0);
        assert!(starved.cold_c > full.cold_c + 3.0);
    }
}
