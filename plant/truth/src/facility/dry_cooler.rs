//! Dry cooler: a finned coil with fans, with or without wetted pads ahead of it.
//!
//! Responsible for: cooling range, fan power, water on the pads, freeze protection of the unit. Not for: the
//! fluid it cools ([`super::basin`]) or fan control (the BMS).
//!
//! ```text
//! eps = 1 - exp((1/r) NTU^0.22 (exp(-r NTU^0.78) - 1))        crossflow, both unmixed
//! Q   = eps C_min (T_in - T_air),   r = C_min / C_max
//! 1/UA = (1/UA_n) (f_a y^-0.65 + (1 - f_a) (C_w/C_wn)^-0.8 + R_f)
//! P   = P_n y^3                                                y fan speed
//! T_air = T_db - w e (T_db - T_wb)                             pads of saturation effectiveness e, wetted w
//! m_w = m_air c_p (T_db - T_air) / h_fg * k / (k - 1)          water, bled at k cycles
//! ```
//! Source: Incropera and DeWitt, *Fundamentals of Heat and Mass Transfer*, eq. 11.32 (crossflow); fans of 15 to
//! 30 W per kW of rejected heat at design and pads of 0.8 to 0.9 are the catalogue range.

use super::coil::AIR_J_KGK;
use super::fluid::WATER;

/// Fan power per design duty, W/W.
const FAN_RATIO: f64 = 0.020;
/// Entering fluid over entering air at design, K.
const DESIGN_DIFFERENCE_K: f64 = 12.0;
/// Rise of the air at design, K.
const AIR_RISE_K: f64 = 9.0;
/// Share of the design air that moves with the fans off.
const FREE_AIR: f64 = 0.05;
/// Share of the resistance on the air side.
const AIR_SHARE: f64 = 0.8;
/// Saturation effectiveness of the pads.
const PAD: f64 = 0.85;
/// Cycles of concentration of the pad water.
const PAD_CYCLES: f64 = 3.0;
/// The unit's own protection slows the fans between these leaving temperatures, C.
const FROST_BAND_C: (f64, f64) = (4.0, 8.0);
/// The fluid is not modelled as ice: it leaves no colder than this, C.
const COLDEST_C: f64 = 0.5;

/// A dry or adiabatic cooler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DryCooler {
    /// Conductance at design, W/K.
    pub ua_design_w_k: f64,
    /// Capacity flow of the air at full speed, W/K.
    pub air_w_k: f64,
    /// Design capacity flow of the fluid, W/K.
    pub fluid_w_k: f64,
    /// Fan power at full speed, W.
    pub fan_design_w: f64,
    /// True with wetted pads.
    pub adiabatic: bool,
}

/// Air that meets the unit, and how it is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DryInlet {
    /// Capacity flow of the fluid, W/K.
    pub fluid_w_k: f64,
    /// Entering fluid, C.
    pub entering_c: f64,
    /// Outdoor dry bulb, C.
    pub dry_bulb_c: f64,
    /// Outdoor wet bulb, C.
    pub wet_bulb_c: f64,
    /// Fan speed, 0..1.
    pub fan: f64,
    /// Wetting of the pads, 0..1.
    pub wetting: f64,
    /// Share of the coil that is dirty, 0 = clean.
    pub fouling: f64,
    /// Leaving fluid as the frost thermostat senses it, C.
    pub leaving_c: f64,
}

/// What the unit does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DryDuty {
    /// Cooling range, K.
    pub range_k: f64,
    /// Fan power, W.
    pub power_w: f64,
    /// Water on the pads, evaporated and bled, kg/s.
    pub water_kg_s: f64,
    /// True while frost protection holds the fans back.
    pub frost: bool,
}

/// Effectiveness of a crossflow exchanger, both fluids unmixed.
#[must_use]
pub fn crossflow_effectiveness(ntu: f64, ratio: f64) -> f64 {
    if ntu <= 0.0 {
        return 0.0;
    }
    if ratio < 1e-3 {
        return 1.0 - (-ntu).exp();
    }
    1.0 - (((-ratio * ntu.powf(0.78)).exp() - 1.0) * ntu.powf(0.22) / ratio).exp()
}

impl DryCooler {
    /// A unit that rejects `design_w` of a fluid of `design_lpm` that enters 12 K over the air.
    #[must_use]
    pub fn sized(design_w: f64, design_lpm: f64, adiabatic: bool) -> Self {
        let (fluid_w_k, air_w_k) = (WATER.capacity_w_k(design_lpm), design_w / AIR_RISE_K);
        let (smaller, larger) = (air_w_k.min(fluid_w_k), air_w_k.max(fluid_w_k));
        let wanted = (design_w / (smaller * DESIGN_DIFFERENCE_K)).min(0.95);
        let (mut low, mut high) = (0.0, 20.0);
        for _ in 0..60 {
            let mid = 0.5 * (low + high);
            if crossflow_effectiveness(mid, smaller / larger) < wanted { low = mid } else { high = mid }
        }
        Self {
            ua_design_w_k: low * smaller,
            air_w_k,
            fluid_w_k,
            fan_design_w: FAN_RATIO * design_w,
            adiabatic,
        }
    }

    /// One step of the unit.
    #[must_use]
    pub fn cool(&self, i: &DryInlet) -> DryDuty {
        let allowed = ((i.leaving_c - FROST_BAND_C.0) / (FROST_BAND_C.1 - FROST_BAND_C.0)).clamp(0.0, 1.0);
        let fan = i.fan.min(allowed);
        // its louvres shut with the fans
        let flow = fan.max(FREE_AIR * (0.1 + 0.9 * allowed));
        let wetting = if self.adiabatic && i.dry_bulb_c > 5.0 { i.wetting.clamp(0.0, 1.0) } else { 0.0 };
        let precooled_k = wetting * PAD * (i.dry_bulb_c - i.wet_bulb_c).max(0.0);
        let (air, air_c) = (flow * self.air_w_k, i.dry_bulb_c - precooled_k);
        let evaporated = air / AIR_J_KGK * AIR_J_KGK * precooled_k / 2.45e6;
        let power_w = self.fan_design_w * fan.powi(3) + 0.003 * self.fan_design_w;
        let water_kg_s = evaporated * PAD_CYCLES / (PAD_CYCLES - 1.0);
        let mut out = DryDuty { range_k: 0.0, power_w, water_kg_s, frost: fan < i.fan - 1e-9 };
        let (smaller, larger) = (air.min(i.fluid_w_k), air.max(i.fluid_w_k));
        if i.fluid_w_k < 1.0 {
            return out;
        }
        let dirt = i.fouling.clamp(0.0, 0.9);
        let fluid = (self.fluid_w_k / i.fluid_w_k).powf(0.8);
        let resistance = AIR_SHARE * flow.powf(-0.65) + (1.0 - AIR_SHARE) * fluid + dirt / (1.0 - dirt);
        let ntu = self.ua_design_w_k / resistance / smaller;
        let duty_w = crossflow_effectiveness(ntu, smaller / larger) * smaller * (i.entering_c - air_c);
        out.range_k = (duty_w / i.fluid_w_k).min((i.entering_c - COLDEST_C).max(0.0));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(adiabatic: bool) -> DryCooler {
        DryCooler::sized(600e3, 1500.0, adiabatic)
    }

    fn summer(unit: &DryCooler) -> DryInlet {
        DryInlet {
            fluid_w_k: unit.fluid_w_k,
            entering_c: 47.0,
            dry_bulb_c: 35.0,
            wet_bulb_c: 21.0,
            fan: 1.0,
            wetting: 0.0,
            fouling: 0.0,
            leaving_c: 40.0,
        }
    }

    /// Incropera and DeWitt, fig. 11.14: NTU 1, C ratio 1 gives 0.48; NTU 2, 0.5 gives 0.73; both within reading.
    #[test]
    fn crossflow_matches_the_chart() {
        assert!((crossflow_effectiveness(1.0, 1.0) - 0.475).abs() < 0.015);
        assert!((crossflow_effectiveness(2.0, 0.5) - 0.73).abs() < 0.02);
        assert!((crossflow_effectiveness(3.0, 0.0) - (1.0 - (-3.0_f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn the_design_point_is_met_at_catalogue_fan_power() {
        let unit = unit(false);
        let out = unit.cool(&summer(&unit));
        assert!((out.range_k * unit.fluid_w_k / 600e3 - 1.0).abs() < 1e-3, "{out:?}");
        let per_kw = 1000.0 * out.power_w / 600e3;
        assert!((15.0..30.0).contains(&per_kw), "{per_kw} W per kW");
        let half = unit.cool(&DryInlet { fan: 0.5, ..summer(&unit) });
        assert!(half.power_w < 0.14 * out.power_w && half.range_k > 0.5 * out.range_k, "{half:?}");
    }

    #[test]
    fn wetting_cools_the_air_and_costs_water() {
        let (dry, wet) = (unit(false), unit(true));
        let plain = wet.cool(&summer(&wet));
        let wetted = wet.cool(&DryInlet { wetting: 1.0, ..summer(&wet) });
        // 0.85 of 14 K of wet-bulb depression on 12 K of difference
        assert!((wetted.range_k / plain.range_k - (12.0 + 11.9) / 12.0).abs() < 0.01);
        assert!((0.3..0.8).contains(&wetted.water_kg_s), "{}", wetted.water_kg_s);
        assert!(dry.cool(&DryInlet { wetting: 1.0, ..summer(&dry) }).water_kg_s.abs() < 1e-12);
    }

    #[test]
    fn frost_protection_overrides_the_fan() {
        let unit = unit(false);
        let cold = DryInlet {
            entering_c: 6.0,
            dry_bulb_c: -20.0,
            wet_bulb_c: -21.0,
            leaving_c: 3.0,
            ..summer(&unit)
        };
        let out = unit.cool(&cold);
        assert!(out.frost && out.power_w < 0.01 * unit.fan_design_w);
        let still = DryInlet { fluid_w_k: 500.0, ..cold };
        assert!(unit.cool(&still).range_k <= 5.5 + 1e-9, "never as ice");
    }
}
