//! Computer-room air handler: fan, coil, water valve.
//!
//! Responsible for: air flow, leaving air, fan power, the water in the coil. Not for: the coil's law
//! ([`super::coil`]) or the room ([`super::hall`]).
//!
//! ```text
//! P = p_n V_n y^3                  fan law; y fan speed, p_n 0.16 W per m3/h
//! T_s = T_r - (Q_s - P) / C_a      fan behind the coil, its heat in the air
//! ```

use super::coil::{self, CoilInlet};
use super::exchanger::Exchanger;
use super::fluid::{AIR_J_M3K, Volume, WATER};
use super::valve::{Valve, in_series};

/// Fan power per air flow at full speed, W/(m3/s) (0.16 W per m3/h).
const FAN_W_M3S: f64 = 580.0;
/// Design pressure for a coil branch, kPa.
pub const COIL_DP_KPA: f64 = 80.0;

/// Air that returns to the handlers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReturnAir {
    /// Temperature, C.
    pub temperature_c: f64,
    /// Humidity ratio, kg/kg.
    pub humidity_ratio: f64,
    /// Dew point, C.
    pub dew_point_c: f64,
}

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
    /// Heat taken by the coil, W: sensible and latent.
    pub duty_w: f64,
    /// Sensible part of it, W.
    pub sensible_w: f64,
    /// Condensate, kg/s.
    pub condensate_kg_s: f64,
    /// Heat that leaves with the condensate, W against liquid water of 0 C.
    pub condensate_w: f64,
    /// Fan power, W.
    pub power_w: f64,
    /// Water flow, L/min.
    pub water_lpm: f64,
    /// Water in the coil; its temperature is the leaving one.
    pub water: Volume,
    coil_resistance: f64,
    powered: bool,
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
            sensible_w: 0.0,
            condensate_kg_s: 0.0,
            condensate_w: 0.0,
            powered: true,
            power_w: 0.0,
            water_lpm: 0.0,
            water: Volume::new(&WATER, 0.25 * water_lpm, water_c),
            coil_resistance: 0.4 * COIL_DP_KPA / (water_lpm * water_lpm),
        }
    }

    /// Moves fan drive (20 s full travel) and valve toward the command.
    pub fn actuate(&mut self, command: &CrahCommand, powered: bool, dt_s: f64) {
        let target = if powered { command.fan.clamp(0.0, 1.0) } else { 0.0 };
        self.powered = powered;
        self.fan = super::fluid::slew(self.fan, target, dt_s / 20.0);
        self.valve.step(command.valve, dt_s);
    }

    /// Conductance of the water branch, (L/min)/kPa^0.5.
    #[must_use]
    pub fn conductance(&self) -> f64 {
        in_series(self.valve.conductance(), self.coil_resistance.sqrt().recip())
    }

    /// Air flow, m3/s.
    #[must_use]
    pub fn air_m3s(&self) -> f64 {
        self.fan * self.design_m3s
    }

    /// Coil and fan for one step; what the water does stands in [`Self::water`] afterwards.
    pub fn exchange(&mut self, water_lpm: f64, inlet_c: f64, air: &ReturnAir, dt_s: f64) {
        let (air_w_k, water_w_k) = (self.air_m3s() * AIR_J_M3K, WATER.capacity_w_k(water_lpm));
        self.water_lpm = water_lpm;
        let out = coil::duty(
            &self.coil,
            &CoilInlet {
                air_m3s: self.air_m3s(),
                air_c: air.temperature_c,
                humidity_ratio: air.humidity_ratio,
                dew_point_c: air.dew_point_c,
                water_w_k,
                water_c: inlet_c,
            },
        );
        (self.duty_w, self.sensible_w) = (out.total_w, out.sensible_w);
        self.condensate_kg_s = out.condensate_kg_s;
        self.condensate_w = out.condensate_kg_s * coil::LIQUID_J_KGK * out.condensate_c;
        let fan_w = FAN_W_M3S * self.design_m3s * self.fan.powi(3) + 60.0 * f64::from(self.fan > 0.01);
        self.power_w = if self.powered { fan_w } else { 0.0 };
        if air_w_k > 1.0 {
            self.supply_c = air.temperature_c - (self.sensible_w - self.power_w) / air_w_k;
        }
        self.water.flush(water_w_k, inlet_c, self.duty_w, dt_s);
    }
}
