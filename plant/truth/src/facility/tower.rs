//! Cooling tower with a variable-speed fan.
//!
//! Responsible for: leaving temperature (YorkCalc approach), fan power, evaporation, basin.
//! Not for: fan control (the BMS) or the condenser pumps ([`super::condenser`]).
//!
//! ```text
//! T_out = Twb + A(Twb, R, LG),   R = T_in - T_out,   LG = (water / water_n) / (air / air_n)
//! A     = sum_i sum_j sum_k c[i][j][k] LG^i R^j Twb^k            approach, K
//! P     = P_n y^3                                                 y = fan speed
//! ```
//! For given Twb and LG the approach is a parabola in R, so R has a closed form. Source: YorkCalc
//! correlation as in EnergyPlus and the Modelica Buildings library (`YorkCalc`); with the fan off free
//! convection still rejects 12.5 % of the duty.

use super::fluid::{Volume, WATER};

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

/// A cooling tower.
#[derive(Debug, Clone, PartialEq)]
pub struct Tower {
    /// Design water flow, L/min.
    pub design_lpm: f64,
    /// Fan power at full speed, W.
    pub fan_design_w: f64,
    /// Fan speed, 0..1.
    pub fan: f64,
    /// Share of the fill that is scaled, 0 = clean.
    pub fouling: f64,
    /// Water temperature leaving the fill, C.
    pub leaving_c: f64,
    /// Heat to the air, W.
    pub rejected_w: f64,
    /// Fan power, W.
    pub power_w: f64,
    /// Evaporated water, kg/s.
    pub evaporation_kg_s: f64,
    /// Basin: what the condenser pumps draw from.
    pub basin: Volume,
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
    /// A tower for `design_w` at `design_lpm`, its basin holding four minutes of flow.
    #[must_use]
    pub fn sized(design_w: f64, design_lpm: f64, temperature_c: f64) -> Self {
        Self {
            design_lpm,
            fan_design_w: FAN_RATIO * design_w,
            fan: 0.0,
            fouling: 0.0,
            leaving_c: temperature_c,
            rejected_w: 0.0,
            power_w: 0.0,
            evaporation_kg_s: 0.0,
            basin: Volume::new(&WATER, 4.0 * design_lpm, temperature_c),
        }
    }

    /// Moves the fan drive toward `command` (full travel in 30 s).
    pub fn actuate(&mut self, command: f64, powered: bool, dt_s: f64) {
        let target = if powered { command.clamp(0.0, 1.0) } else { 0.0 };
        self.fan = super::fluid::slew(self.fan, target, dt_s / 30.0);
    }

    /// Advances by `dt_s`: cools `flow_lpm` entering at `entering_c` into the basin.
    pub fn step(&mut self, flow_lpm: f64, entering_c: f64, wet_bulb_c: f64, dt_s: f64) {
        let capacity = WATER.capacity_w_k(flow_lpm);
        let water = (flow_lpm / self.design_lpm / (1.0 - self.fouling.clamp(0.0, 0.8))).max(0.05);
        let still = FREE_CONVECTION * range_k(entering_c, wet_bulb_c, water);
        let blown = range_k(entering_c, wet_bulb_c, water / self.fan.max(0.08));
        let share = (self.fan / 0.15).min(1.0);
        let range = if flow_lpm > 0.0 { still + (blown - still).max(0.0) * share } else { 0.0 };
        self.leaving_c = entering_c - range;
        self.rejected_w = capacity * range;
        self.power_w = self.fan_design_w * self.fan.powi(3) + 0.004 * self.fan_design_w;
        self.evaporation_kg_s = 0.87 * self.rejected_w / LATENT_J_KG;
        self.basin.draw(capacity, self.leaving_c, 0.0, dt_s);
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
        let mut tower = Tower::sized(650e3, 1760.0, 28.0);
        let mut at = |fan: f64| {
            tower.fan = fan;
            tower.step(1760.0, 33.0, 20.0, 1.0);
            (tower.leaving_c, tower.power_w)
        };
        let mut last = (f64::INFINITY, -1.0);
        for fan in [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0] {
            let now = at(fan);
            assert!(now.0 < last.0 + 1e-9 && now.1 > last.1, "{fan}: {now:?} {last:?}");
            assert!(now.0 > 21.0);
            last = now;
        }
    }
}
