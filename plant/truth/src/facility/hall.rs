//! Data hall air: aisles per row, recirculation, aisle pressure, moisture.
//!
//! Responsible for: cold and hot aisle of every row, the air handlers' share of it, ventilation, humidity.
//! Not for: the handlers ([`super::crah`]), server fans (their flow comes in) or the water side.
//!
//! ```text
//! row r: F CRAH air, S server air, R = max(S - F, 0) + l S recirculated, M = F + R,  x = mean return air
//! K_c dTc/dt = F (x - Tc) + R (Th - Tc) - Q_s F/F_all + P F/F_all     cold aisle
//! K_h dTh/dt = M (Tc - Th) + Q_air + Q_room                           hot aisle
//! x  = sum F Th / F_all                                               return plenum
//! dp = sign(F - S) ((F - S) / G_c)^2                                  containment leakage
//! m dW/dt = m_v (W_v - W) - m_cond                                    moisture; v ventilation
//! ```
//! A row whose servers draw more than its tiles give takes the deficit from its own hot aisle: a hot spot. All
//! aisles are solved together, implicitly: each is a line over the return temperature, which then closes.
//! Room lag 60 to 180 s. Ventilation is outdoor air for pressure and people (half an air change per hour),
//! brought to 20 C and a dew point of 5.5 to 15 C by its own unit, whose power belongs to the house load.

use super::coil::{AIR_J_KGK, AIR_KG_M3, VAPOUR_J_KG};
pub use super::crah::{COIL_DP_KPA, Crah, CrahCommand, ReturnAir};
use super::fluid::{AIR_J_M3K, Line};
use crate::psychro::{STANDARD_PRESSURE_PA, dew_point_c, saturated_ratio, vapour_pressure_pa};

/// Share of server air that leaks past blanking panels.
const LEAKAGE: f64 = 0.04;
/// Air of the hall over the air flow at design, s.
const HALL_S: f64 = 110.0;
/// Air changes by ventilation, 1/s.
const AIR_CHANGES_S: f64 = 0.5 / 3600.0;
/// Temperature of ventilation air, C.
const VENTILATION_C: f64 = 20.0;
/// Dew points that the ventilation unit holds, C.
const VENTILATION_DEW_C: (f64, f64) = (5.5, 15.0);

/// Cold and hot aisle of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aisle {
    /// Cold aisle temperature, C: what its racks breathe.
    pub cold_c: f64,
    /// Hot aisle temperature, C.
    pub hot_c: f64,
    /// Share of the hall's server air.
    pub share: f64,
    /// Share of the handlers' air by its tiles, against [`Self::share`] of a well-balanced floor.
    pub tiles: f64,
    /// Share of its tiles that is blocked (fault).
    pub blocked: f64,
    supplied: f64,
    cold: Line,
    hot: Line,
}

/// Air and moisture of the hall.
#[derive(Debug, Clone, PartialEq)]
pub struct Hall {
    /// Its air handlers.
    pub crahs: Vec<Crah>,
    /// Aisles of each row.
    pub aisles: Vec<Aisle>,
    /// Cold aisle temperature, C: mean of what the racks breathe.
    pub cold_c: f64,
    /// Temperature of the air that returns to the handlers, C.
    pub hot_c: f64,
    /// Pressure of the cold against the hot aisle, Pa.
    pub aisle_dp_pa: f64,
    /// Dew point in the hall, C.
    pub dew_point_c: f64,
    /// Humidity ratio in the hall, kg/kg.
    pub humidity_ratio: f64,
    /// Ventilation: vapour in and out, kg/s.
    pub vapour_kg_s: (f64, f64),
    /// Ventilation: heat in and out with it, W against 0 C and liquid water.
    pub ventilation_w: (f64, f64),
    cold_j_k: f64,
    hot_j_k: f64,
    containment_m3s_pa: f64,
    air_kg: f64,
}

/// What acts on the hall air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HallLoad<'a> {
    /// Heat of the racks of each row to air, W.
    pub row_air_w: &'a [f64],
    /// Heat of everything else in the hall, W.
    pub room_w: f64,
    /// Air flow of all servers, m3/s.
    pub server_m3s: f64,
    /// Outdoor dew point, C.
    pub outdoor_dew_point_c: f64,
}

impl Hall {
    /// A hall for `air_heat_w` of rack heat, of rows with these shares of it and these tile balances (1 = as
    /// designed); its handlers together can carry about 1.3 of the heat.
    #[must_use]
    pub fn sized(air_heat_w: f64, rows: &[(f64, f64)], crahs: usize, water_c: f64) -> Self {
        let design_m3s = air_heat_w / (12.0 * AIR_J_M3K);
        let dew_point_c = 10.0;
        let tiles: f64 = rows.iter().map(|(share, tile)| share * tile).sum();
        let still = Line { a: 0.0, b: 0.0 };
        let aisle = |&(share, tile): &(f64, f64)| Aisle {
            cold_c: 22.5,
            hot_c: 33.0,
            share,
            tiles: share * tile / tiles,
            blocked: 0.0,
            supplied: share,
            cold: still,
            hot: still,
        };
        Self {
            crahs: vec![Crah::sized(1.32 / crahs.max(1) as f64 * air_heat_w, water_c); crahs],
            aisles: rows.iter().map(aisle).collect(),
            cold_c: 22.5,
            hot_c: 33.0,
            aisle_dp_pa: 0.0,
            dew_point_c,
            humidity_ratio: saturated_ratio(dew_point_c, STANDARD_PRESSURE_PA),
            vapour_kg_s: (0.0, 0.0),
            ventilation_w: (0.0, 0.0),
            cold_j_k: design_m3s * AIR_J_M3K * 80.0,
            hot_j_k: design_m3s * AIR_J_M3K * 120.0,
            containment_m3s_pa: 0.06 * design_m3s,
            air_kg: HALL_S * design_m3s * AIR_KG_M3,
        }
    }

    /// Advances by `dt_s`; `water` is flow (L/min) of each coil, entering at `inlet_c`. The coils' outlets
    /// stand in [`Crah::water`] afterwards.
    pub fn step(&mut self, load: &HallLoad<'_>, water_lpm: &[f64], inlet_c: f64, dt_s: f64) {
        let air = ReturnAir {
            temperature_c: self.hot_c,
            humidity_ratio: self.humidity_ratio,
            dew_point_c: self.dew_point_c,
        };
        let (mut cooling_w, mut air_m3s, mut condensate) = (0.0, 0.0, 0.0);
        for (crah, &flow) in self.crahs.iter_mut().zip(water_lpm) {
            crah.exchange(flow, inlet_c, &air, dt_s);
            cooling_w += crah.sensible_w - crah.power_w;
            air_m3s += crah.air_m3s();
            condensate += crah.condensate_kg_s;
        }
        let surplus = (air_m3s - load.server_m3s) / self.containment_m3s_pa;
        self.aisle_dp_pa = surplus.signum() * surplus * surplus;
        let ventilated_w = self.ventilate(load.outdoor_dew_point_c, condensate, dt_s);
        self.mix(load, air_m3s, ventilated_w - cooling_w, dt_s);
    }

    /// Solves all aisles; `gained_w` comes in with the handlers' air.
    fn mix(&mut self, load: &HallLoad<'_>, air_m3s: f64, gained_w: f64, dt_s: f64) {
        let open: f64 = self.aisles.iter().map(|a| a.tiles * (1.0 - a.blocked.clamp(0.0, 1.0))).sum();
        let (mut known, mut slope) = (0.0, 0.0);
        for (aisle, &heat_w) in self.aisles.iter_mut().zip(load.row_air_w) {
            let tiles = aisle.tiles * (1.0 - aisle.blocked.clamp(0.0, 1.0));
            aisle.supplied = if open > 1e-9 { tiles / open } else { aisle.share };
            let given = air_m3s * aisle.supplied * AIR_J_M3K;
            let drawn = load.server_m3s * aisle.share * AIR_J_M3K;
            let recirculated = (drawn - given).max(0.0) + LEAKAGE * drawn;
            let mixing = given + recirculated;
            let (kc, kh) = (self.cold_j_k * aisle.share / dt_s, self.hot_j_k * aisle.share / dt_s);
            let (a, d) = (kc + mixing, kh + mixing);
            let scale = 1.0 / (a * d - recirculated * mixing);
            let cold_rhs = kc * aisle.cold_c + aisle.supplied * gained_w;
            let hot_rhs = kh * aisle.hot_c + heat_w + aisle.share * load.room_w;
            aisle.cold = Line { a: (d * cold_rhs + recirculated * hot_rhs) * scale, b: d * given * scale };
            aisle.hot = Line { a: (mixing * cold_rhs + a * hot_rhs) * scale, b: mixing * given * scale };
            known += aisle.supplied * aisle.hot.a;
            slope += aisle.supplied * aisle.hot.b;
        }
        let return_c = known / (1.0 - slope);
        let (mut cold_c, mut hot_c) = (0.0, 0.0);
        for aisle in &mut self.aisles {
            (aisle.cold_c, aisle.hot_c) = (aisle.cold.at(return_c), aisle.hot.at(return_c));
            cold_c += aisle.share * aisle.cold_c;
            hot_c += aisle.supplied * aisle.hot_c;
        }
        (self.cold_c, self.hot_c) = (cold_c, hot_c);
    }

    /// Moisture for one step; returns the sensible heat that ventilation brings, W.
    fn ventilate(&mut self, outdoor_dew_c: f64, condensate_kg_s: f64, dt_s: f64) -> f64 {
        let air_kg_s = self.air_kg * AIR_CHANGES_S;
        let dew_c = outdoor_dew_c.clamp(VENTILATION_DEW_C.0, VENTILATION_DEW_C.1);
        let entering = air_kg_s * saturated_ratio(dew_c, STANDARD_PRESSURE_PA);
        let held_kg = self.air_kg * self.humidity_ratio + dt_s * (entering - condensate_kg_s);
        self.humidity_ratio = held_kg / (self.air_kg + dt_s * air_kg_s);
        self.vapour_kg_s = (entering, air_kg_s * self.humidity_ratio);
        let air_w_k = air_kg_s * AIR_J_KGK;
        self.ventilation_w = (
            air_w_k * VENTILATION_C + self.vapour_kg_s.0 * VAPOUR_J_KG,
            air_w_k * self.cold_c + self.vapour_kg_s.1 * VAPOUR_J_KG,
        );
        self.dew_point_c = dew_point_c(vapour_pressure_pa(self.humidity_ratio, STANDARD_PRESSURE_PA));
        air_w_k * (VENTILATION_C - self.cold_c)
    }

    /// Temperature of the warmest cold aisle, C.
    #[must_use]
    pub fn worst_cold_c(&self) -> f64 {
        self.aisles.iter().map(|a| a.cold_c).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Condensate of all coils, kg/s.
    #[must_use]
    pub fn condensate_kg_s(&self) -> f64 {
        self.crahs.iter().map(|c| c.condensate_kg_s).sum()
    }

    /// Water vapour in the hall, kg.
    #[must_use]
    pub fn vapour_kg(&self) -> f64 {
        self.air_kg * self.humidity_ratio
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

    /// Heat content of air, vapour and coils against 0 C and liquid water, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        let aisle = |a: &Aisle| a.share * (self.cold_j_k * a.cold_c + self.hot_j_k * a.hot_c);
        self.aisles.iter().map(aisle).sum::<f64>()
            + self.vapour_kg() * VAPOUR_J_KG
            + self.crahs.iter().map(|c| c.water.stored_j()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hall() -> Hall {
        Hall::sized(70e3, &[(0.5, 1.0), (0.5, 1.0)], 2, 18.0)
    }

    fn run_in(hall: &mut Hall, fan: f64, water_c: f64, dew_c: f64, dt_s: f64) {
        let load =
            HallLoad { row_air_w: &[30e3, 30e3], room_w: 2e3, server_m3s: 4.2, outdoor_dew_point_c: dew_c };
        for _ in 0..(3600.0 / dt_s) as usize {
            for crah in &mut hall.crahs {
                crah.actuate(&CrahCommand { fan, valve: 1.0 }, true, dt_s);
            }
            let flows: Vec<f64> = hall.crahs.iter().map(|c| c.conductance() * COIL_DP_KPA.sqrt()).collect();
            hall.step(&load, &flows, water_c, dt_s);
        }
    }

    fn run(fan: f64, water_c: f64) -> Hall {
        let mut hall = hall();
        run_in(&mut hall, fan, water_c, 12.0, 1.0);
        hall
    }

    #[test]
    fn coil_carries_the_heat_and_supply_follows_the_water() {
        let (cool, warm) = (run(0.75, 18.0), run(0.75, 26.0));
        let duty: f64 = cool.crahs.iter().map(|c| c.duty_w).sum();
        let ventilated = cool.ventilation_w.0 - cool.ventilation_w.1;
        assert!((duty - 62e3 - cool.power_w() - ventilated).abs() < 300.0, "{duty}");
        assert!((warm.cold_c - cool.cold_c - 8.0).abs() < 0.3);
        assert!(warm.cold_c < 30.0, "{}", warm.cold_c);
    }

    #[test]
    fn too_little_air_recirculates() {
        let (full, starved) = (run(0.75, 18.0), run(0.35, 18.0));
        assert!(full.aisle_dp_pa > 0.0 && starved.aisle_dp_pa < 0.0);
        assert!(starved.cold_c > full.cold_c + 3.0);
    }

    #[test]
    fn a_blocked_row_becomes_the_hot_spot() {
        let mut hall = hall();
        hall.aisles[1].blocked = 0.5;
        run_in(&mut hall, 0.7, 18.0, 12.0, 1.0);
        assert!(hall.aisles[1].cold_c > hall.aisles[0].cold_c + 2.0, "{:?}", hall.aisles);
        assert!((hall.worst_cold_c() - hall.aisles[1].cold_c).abs() < 1e-12);
    }

    #[test]
    fn a_cold_coil_dries_the_hall_and_the_drain_accounts_for_it() {
        let mut hall = hall();
        run_in(&mut hall, 0.75, 18.0, 15.0, 1.0);
        assert!(hall.condensate_kg_s().abs() < 1e-12, "above the dew point nothing runs off");
        let damp_c = hall.dew_point_c;
        run_in(&mut hall, 0.75, 7.0, 15.0, 1.0);
        assert!(hall.condensate_kg_s() > 0.0 && hall.dew_point_c < damp_c - 0.5, "{}", hall.dew_point_c);
        let before = hall.vapour_kg();
        let load =
            HallLoad { row_air_w: &[30e3; 2], room_w: 0.0, server_m3s: 4.2, outdoor_dew_point_c: 15.0 };
        hall.step(&load, &[60.0, 60.0], 7.0, 10.0);
        let gained = 10.0 * (hall.vapour_kg_s.0 - hall.vapour_kg_s.1 - hall.condensate_kg_s());
        assert!((hall.vapour_kg() - before - gained).abs() < 1e-12 * before);
    }

    #[test]
    fn ten_seconds_at_once_settle_where_one_second_does() {
        let (mut fine, mut coarse) = (hall(), hall());
        run_in(&mut fine, 0.7, 18.0, 12.0, 1.0);
        run_in(&mut coarse, 0.7, 18.0, 12.0, 10.0);
        assert!((fine.cold_c - coarse.cold_c).abs() < 0.02, "{} {}", fine.cold_c, coarse.cold_c);
        assert!((fine.hot_c - coarse.hot_c).abs() < 0.02);
    }
}
