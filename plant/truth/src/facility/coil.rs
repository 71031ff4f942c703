//! Cooling coil of an air handler, dry or wet.
//!
//! Responsible for: total and sensible duty, leaving air, condensate. Not for: fan, valve and water volume
//! ([`super::crah`]).
//!
//! ```text
//! dry   Q_d = eps(NTU, r) C_min (T_a - T_w),             UA ~ flow^-0.8 on both sides
//!       d(x) = d0 e^-kx,  T_s(x) = T_a(x) - f d(x)       d air over water, T_s surface, f share of the air film
//!       dry up to T_s(x*) = T_dew, wet behind it
//! wet   Q_w = eps(NTU*, m*) m_a (h_a - h_s(T_w)),        m* = m_a c_s / C_w,  c_s = dh_s/dT
//!       NTU* = UA* / m_a,  1/UA* = c_p / UA_a + c_s / UA_w      of the wet part, 1 - x*
//! h_eff = h_a - Q_w / (m_a (1 - e^-NTU_a)),  T_out = T_eff + (T_a - T_eff) e^-NTU_a,  T_eff = T_s(h_eff)
//! condensate  m_c = m_a (W_a - W_out),     h_out = h_a - Q_w / m_a
//! ```
//! Source: J. E. Braun, *Methodologies for the design and control of central cooling plants* (1988), and the
//! partly wet coil of the ASHRAE HVAC 2 Toolkit (1993): enthalpy effectiveness with the fictitious saturation
//! specific heat. Where the coil turns wet follows from the dry profile, without the Toolkit's iteration.

use super::exchanger::{Exchanger, counterflow_effectiveness};
use super::fluid::AIR_J_M3K;
use crate::psychro::{STANDARD_PRESSURE_PA, saturated_ratio};

/// Density of hall air, kg/m3 of dry air.
pub const AIR_KG_M3: f64 = 1.185;
/// Specific heat of hall air per kg of dry air, J/(kg K).
pub const AIR_J_KGK: f64 = AIR_J_M3K / AIR_KG_M3;
/// Heat of vaporisation at 0 C, J/kg: what a kilogram of vapour carries over liquid water of 0 C.
pub const VAPOUR_J_KG: f64 = 2.501e6;
/// Specific heat of condensate, J/(kg K).
pub const LIQUID_J_KGK: f64 = 4186.0;

/// Air and water at the coil.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoilInlet {
    /// Air flow, m3/s.
    pub air_m3s: f64,
    /// Entering air, C.
    pub air_c: f64,
    /// Its humidity ratio, kg/kg.
    pub humidity_ratio: f64,
    /// Its dew point, C.
    pub dew_point_c: f64,
    /// Capacity flow of the water, W/K.
    pub water_w_k: f64,
    /// Entering water, C.
    pub water_c: f64,
}

/// What the coil does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CoilDuty {
    /// Heat that cools the air, W.
    pub sensible_w: f64,
    /// Heat into the water, W: sensible, and what condensing frees less what the condensate keeps.
    pub total_w: f64,
    /// Water that runs off the fins, kg/s.
    pub condensate_kg_s: f64,
    /// Its temperature, C.
    pub condensate_c: f64,
}

fn saturated_j_kg(t_c: f64) -> f64 {
    AIR_J_KGK * t_c + saturated_ratio(t_c, STANDARD_PRESSURE_PA) * VAPOUR_J_KG
}

/// Temperature of saturated air of an enthalpy near `guess_c`: two steps of Newton's method.
fn saturated_c(enthalpy: f64, guess_c: f64) -> f64 {
    let mut t = guess_c;
    for _ in 0..4 {
        let slope = (saturated_j_kg(t + 0.5) - saturated_j_kg(t - 0.5)).max(AIR_J_KGK);
        t += (enthalpy - saturated_j_kg(t)) / slope;
    }
    t
}

/// Duty of a coil whose side 1 is air and side 2 water.
#[must_use]
pub fn duty(coil: &Exchanger, i: &CoilInlet) -> CoilDuty {
    let air_w_k = i.air_m3s * AIR_J_M3K;
    let dry_w = coil.duty_w(air_w_k, i.air_c, i.water_w_k, i.water_c);
    let dry = CoilDuty { sensible_w: dry_w, total_w: dry_w, ..CoilDuty::default() };
    let flows = air_w_k.min(i.water_w_k) > 1.0;
    if !flows || i.water_c >= i.dew_point_c || dry_w <= 0.0 {
        return dry;
    }
    let sides = coil.sides_w_k(air_w_k, i.water_w_k);
    match turns_wet(i, dry_w, sides) {
        Some((share, air_c)) => wet(i, share, air_c, sides).unwrap_or(dry),
        None => dry,
    }
}

/// Share of the coil whose surface is below the dew point when it works dry, and the air where that begins.
fn turns_wet(i: &CoilInlet, dry_w: f64, (air_ua, water_ua): (f64, f64)) -> Option<(f64, f64)> {
    let air_w_k = i.air_m3s * AIR_J_M3K;
    let film = water_ua / (air_ua + water_ua);
    let (drop, rise) = (dry_w / air_w_k, dry_w / i.water_w_k);
    let (first, last) = (i.air_c - i.water_c - rise, i.air_c - drop - i.water_c);
    if i.air_c - drop - film * last >= i.dew_point_c {
        return None;
    }
    if i.air_c - film * first <= i.dew_point_c {
        return Some((1.0, i.air_c));
    }
    // the surface is a line over the difference, which decays along the coil
    if (first - last).abs() < 1e-4 * first {
        let along = (i.air_c - film * first - i.dew_point_c) / drop;
        return Some((1.0 - along, i.air_c - along * drop));
    }
    let per_k = drop / (first - last);
    let there = (i.dew_point_c - i.air_c + per_k * first) / (per_k - film);
    let along = ((first / there).ln() / (first / last).ln()).clamp(0.0, 1.0);
    Some((1.0 - along, i.air_c - per_k * (first - there)))
}

/// The wet part, with the dry one ahead of it. `None` where nothing condenses after all.
fn wet(i: &CoilInlet, share: f64, air_c: f64, (air_ua, water_ua): (f64, f64)) -> Option<CoilDuty> {
    let (air_w_k, air_kg_s) = (i.air_m3s * AIR_J_M3K, i.air_m3s * AIR_KG_M3);
    let contact = 1.0 - (-share * air_ua / air_w_k).exp();
    let h_air = AIR_J_KGK * air_c + i.humidity_ratio * VAPOUR_J_KG;
    let h_water = saturated_j_kg(i.water_c);
    let c_sat = (saturated_j_kg(i.dew_point_c) - h_water) / (i.dew_point_c - i.water_c).max(1e-3);
    let ua = share / (AIR_J_KGK / air_ua + c_sat / water_ua);
    let water_side = i.water_w_k / c_sat;
    let (smaller, larger) = (air_kg_s.min(water_side), air_kg_s.max(water_side));
    let wet_w = counterflow_effectiveness(ua / smaller, smaller / larger) * smaller * (h_air - h_water);
    let surface_h = h_air - wet_w / (air_kg_s * contact).max(1e-9);
    let surface_c = saturated_c(surface_h, 0.5 * (i.water_c + i.dew_point_c));
    let out_c = air_c - contact * (air_c - surface_c);
    let out_ratio = (h_air - wet_w / air_kg_s - AIR_J_KGK * out_c) / VAPOUR_J_KG;
    let condensate = air_kg_s * (i.humidity_ratio - out_ratio);
    let sensible_w = air_w_k * (i.air_c - out_c);
    let latent_w = condensate * (VAPOUR_J_KG - LIQUID_J_KGK * surface_c);
    (condensate > 0.0 && surface_c < i.dew_point_c).then_some(CoilDuty {
        sensible_w,
        total_w: sensible_w + latent_w,
        condensate_kg_s: condensate,
        condensate_c: surface_c,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psychro::{dew_point_c, humidity_ratio, saturation_pressure_pa};

    fn coil() -> Exchanger {
        Exchanger {
            ua_design_w_k: 9000.0,
            design_1_w_k: 3600.0,
            design_2_w_k: 5200.0,
            share_1: 0.8,
            fouling: 0.0,
        }
    }

    fn inlet(air_c: f64, rh: f64, water_c: f64) -> CoilInlet {
        let vapour = rh * saturation_pressure_pa(air_c);
        CoilInlet {
            air_m3s: 3.0,
            air_c,
            humidity_ratio: humidity_ratio(vapour, STANDARD_PRESSURE_PA),
            dew_point_c: dew_point_c(vapour),
            water_w_k: 5200.0,
            water_c,
        }
    }

    #[test]
    fn warm_water_keeps_it_dry() {
        let out = duty(&coil(), &inlet(30.0, 0.3, 18.0));
        assert!(out.condensate_kg_s.abs() < 1e-12 && (out.total_w - out.sensible_w).abs() < 1e-12);
    }

    /// A comfort coil's usual point: air of 27 C and 50 % over water of 7 C; the sensible heat ratio of such
    /// coils is 0.65 to 0.8 (ASHRAE Handbook, *Systems and Equipment*, cooling coils).
    #[test]
    fn a_wet_coil_has_the_usual_sensible_ratio() {
        let i = inlet(27.0, 0.5, 7.0);
        let out = duty(&coil(), &i);
        let ratio = out.sensible_w / out.total_w;
        assert!((0.62..0.85).contains(&ratio), "{ratio} {out:?}");
        let out_c = i.air_c - out.sensible_w / (i.air_m3s * AIR_J_M3K);
        let out_ratio = i.humidity_ratio - out.condensate_kg_s / (i.air_m3s * AIR_KG_M3);
        let relative = out_ratio / saturated_ratio(out_c, STANDARD_PRESSURE_PA);
        assert!((0.8..1.01).contains(&relative), "leaves nearly saturated: {relative} at {out_c}");
    }

    #[test]
    fn duty_is_continuous_where_the_coil_turns_wet() {
        let mut last: Option<CoilDuty> = None;
        for n in 0..400 {
            let out = duty(&coil(), &inlet(28.0, 0.4, 16.0 - 0.02 * f64::from(n)));
            if let Some(before) = last {
                assert!((out.total_w - before.total_w).abs() < 0.02 * before.total_w, "{before:?} {out:?}");
                assert!(out.total_w >= before.total_w - 1e-6);
            }
            last = Some(out);
        }
        assert!(last.unwrap().condensate_kg_s > 1e-4);
    }
}
