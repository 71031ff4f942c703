//! The physical floor: the least power with which the present heat could leave the site.
//!
//! Responsible for: a lower bound per step from the true loads and the weather, to judge how much is left to gain.
//! Not for: how to get there ([`crate::strategy`]'s `limit` is the value that was reached).
//!
//! IT power, losses of the power path and house load are taken as they are. What moves the heat is put at its least:
//!
//! ```text
//! P_min = P_IT + P_loss + P_house + P_pumps + P_air + P_rejection + P_compressors
//! pumps          P_n (V / V_n)^3        technology loop: V = 0.8 L/min per kW of liquid heat, the least of the
//!                                       minimum-flow table; facility and condenser water: a rise of 20 K
//!                P_n = V_n dp_n / eta   170 kPa at 0.53, 190 and 200 kPa at 0.66, as the pumps are sized
//! hall air       P_n (V / V_n)^3        a rise of 20 K instead of the design's 12 K, 580 W per m3/s at full flow
//! rejection      P_n y^3                y = (Q / Q_n) 9.4 K / (T_hot - T_out), T_hot = warmest supply + 20 K
//! compressors    0 where T_out + 6 K <= warmest supply, else Carnot: Q (T_out + 4 K - T_e) / T_e, T_e the supply
//! ```
//! `T_out` is the wet bulb for towers and adiabatic coolers, the dry bulb for dry coolers. The warmest supply is 29 C:
//! rack air at 32 C (ASHRAE A1) less a coil approach of 3 K; racks at 45 C and a CDU approach of 3 K would allow more,
//! but one loop serves both. Approaches (tower 4 K, exchanger 2 K) are the usual design values.
//!
//! It is a floor under the heat of this run: another strategy may draw less IT power and have a lower one. Storage is
//! not counted, so over minutes a plant can be below it, over hours it cannot.

use crate::world::World;
use headroom_truth::facility::HeatRejection;
use headroom_truth::facility::fluid::{AIR_J_M3K, WATER};

/// Least flow of the minimum-flow table, L/min per kW.
const LEAST_LPM_KW: f64 = 0.8;
/// Greatest rise of facility and condenser water, and of hall air, K.
const RISE_K: f64 = 20.0;
/// Design rise of hall air, K.
const AIR_RISE_K: f64 = 12.0;
/// Fan power of the hall at full flow, W/(m3/s).
const HALL_W_M3S: f64 = 580.0;
/// Fan power of the heat rejection per design duty, W/W, and its difference of temperature at design, K.
const REJECTION: (f64, f64) = (0.013, 9.4);
/// Design rise of the facility water, K.
const WATER_RISE_K: f64 = 9.5;
/// Warmest facility-water supply, C.
const WARMEST_C: f64 = 29.0;
/// Approach of the heat rejection, and of the economiser, K.
const APPROACH_K: (f64, f64) = (4.0, 2.0);
const KELVIN: f64 = 273.15;

/// Power to move `lpm` against `kpa`, W.
fn pump_w(lpm: f64, kpa: f64, efficiency: f64) -> f64 {
    lpm / 60_000.0 * kpa * 1000.0 / efficiency
}

/// Design values of a plant.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    /// Design flow of each CDU, L/min.
    cdu_lpm: Vec<f64>,
    heat_w: f64,
    water_pump_w: f64,
    hall_fan_w: f64,
    hall_air_w: f64,
    /// The heat goes to dry air.
    pub(super) dry: bool,
}

/// The floor of a step, W.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FloorPower {
    /// Pumps of technology, facility and condenser water.
    pub pumps_w: f64,
    /// Hall fans.
    pub air_w: f64,
    /// Fans of the heat rejection.
    pub rejection_w: f64,
    /// Compressors.
    pub compressors_w: f64,
    /// IT, losses and house load, as they are.
    pub given_w: f64,
}

impl FloorPower {
    /// All of it, W.
    #[must_use]
    pub fn total_w(&self) -> f64 {
        self.given_w + self.pumps_w + self.air_w + self.rejection_w + self.compressors_w
    }
}

impl Floor {
    /// The floor of a world's plant.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let spec = &world.facility().spec;
        let flow = |cdu: usize| world.places.racks_of_cdu(cdu).map(|r| spec.rack_flow_lpm(r)).sum();
        let heat_w = spec.heat_peak_w();
        let lpm = heat_w / (WATER_RISE_K * WATER.capacity_w_k(1.0));
        let hall_m3s: f64 = world.facility().hall.crahs.iter().map(|c| c.design_m3s).sum();
        Self {
            cdu_lpm: (0..world.places.cdus).map(flow).collect(),
            heat_w,
            water_pump_w: pump_w(lpm, 190.0, 0.66) + pump_w(lpm, 200.0, 0.66),
            hall_fan_w: HALL_W_M3S * hall_m3s,
            hall_air_w: hall_m3s * AIR_RISE_K * AIR_J_M3K,
            dry: spec.heat_rejection == HeatRejection::DryCooler,
        }
    }

    /// The floor of the step that the world has just made.
    #[must_use]
    pub fn power(&self, world: &World) -> FloorPower {
        let powers = &world.powers;
        let (mut pumps_w, mut liquid_w) = (0.0, 0.0);
        for (cdu, &design_lpm) in self.cdu_lpm.iter().enumerate() {
            let heat_w: f64 = world.places.racks_of_cdu(cdu).map(|r| world.rack_liquid_w(r)).sum();
            let share = LEAST_LPM_KW * heat_w / 1000.0 / design_lpm.max(1.0);
            pumps_w += pump_w(design_lpm, 170.0, 0.53) * share.powi(3);
            liquid_w += heat_w;
        }
        let given_w = powers.it_w + powers.loss_w + powers.house_w;
        let heat_w = powers.it_w + powers.house_w;
        let load = heat_w / self.heat_w;
        pumps_w += self.water_pump_w * (load * WATER_RISE_K / RISE_K).powi(3);
        let air = (heat_w - liquid_w).max(0.0) / self.hall_air_w.max(1.0) * AIR_RISE_K / RISE_K;
        let outdoor_c = if self.dry { world.air().dry_bulb_c } else { world.air().wet_bulb_c };
        let hot_k = (WARMEST_C + RISE_K - outdoor_c).max(1.0);
        let fan = (load * REJECTION.1 / hot_k).min(1.0);
        let lift_k = (outdoor_c + APPROACH_K.0 - WARMEST_C).max(0.0);
        let free = outdoor_c + APPROACH_K.0 + APPROACH_K.1 <= WARMEST_C;
        FloorPower {
            pumps_w,
            air_w: self.hall_fan_w * air.powi(3),
            rejection_w: REJECTION.0 * self.heat_w * fan.powi(3),
            compressors_w: if free { 0.0 } else { heat_w * lift_k / (WARMEST_C + KELVIN) },
            given_w,
        }
    }
}
