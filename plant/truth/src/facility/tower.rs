//! Cooling tower with a variable-speed fan.
//!
//! Responsible for: leaving temperature (YorkCalc approach), fan power, evaporation and drift. Not for: fan
//! control (the BMS), the basin ([`super::basin`]) or the condenser pumps ([`super::condenser`]).
//!
//! ```text
//! T_out = Twb + A(Twb, R, LG),   R = T_in - T_out,   LG = (water / water_n) / (air / air_n)
//! A     = sum_i sum_j sum_k c[i][j][k] LG^i R^j Twb^k            approach, K
//! P     = P_n y^3                                                 y = fan speed
//! m_e   = Q x / h_fg,  x = (W_s(T_m) - W_a) h_v / (dh_air)        T_m mean water; air leaves saturated at it
//! ```
//! For given Twb and LG the approach is a parabola in R, so R has a closed form. Source: YorkCalc
//! correlation as in EnergyPlus and the Modelica Buildings library (`YorkCalc`); with the fan off free
//! convection still rejects 12.5 % of the duty. The latent share `x` of 0.95 in summer and 0.6 in winter follows
//! from air that leaves saturated near the mean water temperature (Merkel's result; ASHRAE Handbook, *Systems
//! and Equipment*, cooling towers).

use super::coil::{AIR_J_KGK, VAPOUR_J_KG};
use super::fluid::WATER;
use super::plant::Outdoor;
use crate::psychro::{STANDARD_PRESSURE_PA, saturated_ratio};

const APPROACH: [[[f64; 3]; 3]; 3] = [
    [
        [-0.359741205, -0.055053608, 0.0023850432],
        [0.173926877, -0.0248473764, 0.00048430224],
        [-0.005589849456, 0.0005770079712, -0.00001342427256],
    ],
    [
        [2.84765801111111, -0.121765149, 0.0014599242],
        [1.680428651, -0.0166920786, -0.0007190532],
        [-0.025485194448, 0.0000487491696, 0.00002719234152],
    ],
    [
        [-0.0653766255555556, -0.002278167, 0.0002500254],
        [-0.0910565458, 0.00318176316, 0.000038621772],
        [-0.0034285382352, 0.00000856589904, -0.000001516821552],
    ],
];
/// Share of the duty at full fan that remains with the fan off.
const FREE_CONVECTION: f64 = 0.125;
/// Latent heat of evaporation near 30 C, J/kg.
const LATENT_J_KG: f64 = 2.43e6;
/// Fan power per design duty, W/W.
const FAN_RATIO: f64 = 0.013;

/// Drops carried out, share of the flow.
const DRIFT: f64 = 5e-5;

/// The fill and fan of a cooling tower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tower {
    /// Design water flow, L/min.
    pub design_lpm: f64,
    /// Fan power at full speed, W.
    pub fan_design_w: f64,
}

/// What the tower does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TowerDuty {
    /// Cooling range, K.
    pub range_k: f64,
    /// Fan power, W.
    pub power_w: f64,
    /// Evaporated water, kg/s.
    pub evaporation_kg_s: f64,
    /// Drift, kg/s.
    pub drift_kg_s: f64,
}

/// Share of the rejected heat that evaporates water.
#[must_use]
pub fn latent_share(mean_water_c: f64, dry_bulb_c: f64, dew_point_c: f64) -> f64 {
    let rise = saturated_ratio(mean_water_c, STANDARD_PRESSURE_PA)
        - saturated_ratio(dew_point_c, STANDARD_PRESSURE_PA);
    let latent = rise.max(0.0) * VAPOUR_J_KG;
    let all = latent + AIR_J_KGK * (mean_water_c - dry_bulb_c);
    if all > 1.0 { (latent / all).clamp(0.0, 1.15) } else { 0.87 }
}

/// Cooling range in K of water entering at `entering_c`.
#[must_use]
pub fn range_k(entering_c: f64, wet_bulb_c: f64, lg: f64) -> f64 {
    let (wet, lg) = (wet_bulb_c.clamp(-30.0, 30.0), lg.clamp(0.25, 8.0));
    let mut poly = [0.0; 3];
    for (j, slot) in poly.iter_mut().enumerate() {
        for i in (0..3).rev() {
            let c = &APPROACH[i][j];
            *slot = *slot * lg + c[0] + wet * (c[1] + wet * c[2]);
        }
    }
    let drive_k = entering_c - wet_bulb_c;
    if drive_k <= 0.0 {
        return 0.0;
    }
    // poly[2] R^2 + (1 + poly[1]) R + poly[0] - drive = 0
    let (a, b, c) = (poly[2], 1.0 + poly[1], poly[0] - drive_k);
    let discriminant = (b * b - 4.0 * a * c).max(0.0);
    let range = 2.0 * -c / (b + discriminant.sqrt()).max(1e-6);
    range.clamp(0.0, (drive_k - 1.1).max(0.05 * drive_k))
}

impl Tower {
    /// A tower for `design_w` at `design_lpm`.
    #[must_use]
    pub fn sized(design_w: f64, design_lpm: f64) -> Self {
        Self { design_lpm, fan_design_w: FAN_RATIO * design_w }
    }

    /// One step: `flow_lpm` entering at `entering_c`, fan at `fan`, `fouling` of the fill scaled (0 = clean).
    #[must_use]
    pub fn cool(&self, flow_lpm: f64, entering_c: f64, air: &Outdoor, fan: f64, fouling: f64) -> TowerDuty {
        let water = (flow_lpm / self.design_lpm / (1.0 - fouling.clamp(0.0, 0.8))).max(0.05);
        let wet_bulb_c = air.wet_bulb_c;
        let still = FREE_CONVECTION * range_k(entering_c, wet_bulb_c, water);
        let blown = range_k(entering_c, wet_bulb_c, water / fan.max(0.08));
        let share = (fan / 0.15).min(1.0);
        let range_k = if flow_lpm > 0.0 { still + (blown - still).max(0.0) * share } else { 0.0 };
        let rejected_w = WATER.capacity_w_k(flow_lpm) * range_k;
        let latent = latent_share(entering_c - 0.5 * range_k, air.dry_bulb_c, air.dew_point_c);
        TowerDuty {
            range_k,
            power_w: self.fan_design_w * fan.powi(3) + 0.004 * self.fan_design_w,
            evaporation_kg_s: latent * rejected_w / LATENT_J_KG,
            drift_kg_s: DRIFT * flow_lpm / 60_000.0 * WATER.density_kg_m3 * fan.max(FREE_CONVECTION),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approach at a given range, by search over the entering temperature.
    fn approach_k(range: f64, wet: f64, lg: f64) -> f64 {
        let (mut low, mut high) = (wet, wet + 60.0);
        for _ in 0..60 {
            let mid = 0.5 * (low + high);
            if range_k(mid, wet, lg) < range { low = mid } else { high = mid }
        }
        low - range - wet
    }

    #[test]
    fn matches_the_published_correlation() {
        assert!((approach_k(5.56, 25.55, 1.0) - 3.84).abs() < 0.05);
        assert!((approach_k(5.56, 10.0, 1.0) - 7.8).abs() < 0.1);
        assert!((approach_k(5.56, 18.0, 2.0) - 11.8).abs() < 0.15);
    }

    #[test]
    fn more_air_cools_more_and_costs_the_cube() {
        let tower = Tower::sized(650e3, 1760.0);
        let air = Outdoor { dry_bulb_c: 28.0, wet_bulb_c: 20.0, dew_point_c: 16.0 };
        let at = |fan: f64| {
            let out = tower.cool(1760.0, 33.0, &air, fan, 0.0);
            (33.0 - out.range_k, out.power_w)
        };
        let mut last = (f64::INFINITY, -1.0);
        for fan in [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0] {
            let now = at(fan);
            assert!(now.0 < last.0 + 1e-9 && now.1 > last.1, "{fan}: {now:?} {last:?}");
            assert!(now.0 > 21.0);
            last = now;
        }
    }

    /// About 1.4 kg per kWh in summer (1.48 if all of it were latent), clearly less in winter.
    #[test]
    fn evaporation_follows_the_season() {
        let tower = Tower::sized(650e3, 1760.0);
        let per_kwh = |entering_c: f64, air: Outdoor| {
            let out = tower.cool(1760.0, entering_c, &air, 0.6, 0.0);
            out.evaporation_kg_s * 3.6e6 / (WATER.capacity_w_k(1760.0) * out.range_k)
        };
        let summer = per_kwh(33.0, Outdoor { dry_bulb_c: 28.0, wet_bulb_c: 20.0, dew_point_c: 16.0 });
        let winter = per_kwh(20.0, Outdoor { dry_bulb_c: 0.0, wet_bulb_c: -1.0, dew_point_c: -3.0 });
        assert!((1.33..1.50).contains(&summer), "{summer}");
        assert!((0.75..1.0).contains(&winter), "{winter}");
    }
}
