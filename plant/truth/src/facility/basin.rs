//! Water that a heat rejecter holds: the basin of a tower or the fill of a closed circuit.
//!
//! Responsible for: mass, temperature and concentration of the basin; blowdown, make-up, level interlock, frost
//! heater. Not for: how much evaporates ([`super::tower`]).
//!
//! ```text
//! dM/dt   = m_up - m_e - m_d - m_b                       e evaporation, d drift, b blowdown
//! d(Mk)/dt = m_up - (m_d + m_b) k                        k cycles of concentration (make-up has k = 1)
//! steady:  m_b + m_d = m_e / (k - 1)
//! c d(MT)/dt = C (T_l - T) - (m_e + m_d) c T_l - m_b c T + m_up c T_up + P_heater
//! ```
//! Source: ASHRAE Handbook, *Systems and Equipment*, cooling towers: drift 0.002 to 0.005 % of the flow with
//! modern eliminators, cycles 3 to 6. `T_l` is the water that leaves the fill.

use super::fluid::WATER;

/// Cycles of concentration that the blowdown valve holds.
pub const CYCLES: f64 = 4.0;
/// Temperature of make-up water, C.
pub const MAKE_UP_C: f64 = 15.0;
/// Specific heat of water, J/(kg K).
const C: f64 = WATER.specific_heat_j_kgk;
/// Pumps stop below this share of the level (they would draw air).
const LOW_LEVEL: f64 = 0.25;

/// Basin or fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Basin {
    /// Temperature, C.
    pub temperature_c: f64,
    /// Water held, kg.
    pub held_kg: f64,
    /// Water held at the normal level, kg.
    pub normal_kg: f64,
    /// Dissolved solids over those of the make-up.
    pub cycles: f64,
    /// True while no make-up comes (fault).
    pub make_up_failed: bool,
    /// True while the level is too low for the pumps.
    pub low_level: bool,
    /// Blowdown, kg/s.
    pub blowdown_kg_s: f64,
    /// Make-up, kg/s.
    pub make_up_kg_s: f64,
    /// Frost heater, W.
    pub heater_w: f64,
    /// Heat that left with water in the last step, W against 0 C.
    pub carried_out_w: f64,
    /// Heat that came with make-up, W against 0 C.
    pub carried_in_w: f64,
    heater_design_w: f64,
    blowdown_design_kg_s: f64,
}

/// Water that comes down into the basin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Falling {
    /// Capacity flow of the circulation, W/K.
    pub capacity_w_k: f64,
    /// Temperature behind the fill, C.
    pub leaving_c: f64,
    /// Lost to the air on the way: evaporation, kg/s.
    pub evaporation_kg_s: f64,
    /// Lost as drops, kg/s.
    pub drift_kg_s: f64,
}

impl Basin {
    /// An open basin for a rejecter of `design_w`.
    #[must_use]
    pub fn open(litres: f64, design_w: f64, temperature_c: f64) -> Self {
        let evaporation = design_w / 2.43e6;
        Self {
            heater_design_w: 0.015 * design_w,
            blowdown_design_kg_s: 3.0 * evaporation / (CYCLES - 1.0),
            ..Self::closed(litres, temperature_c)
        }
    }

    /// The fill of a closed circuit: nothing leaves, nothing is made up.
    #[must_use]
    pub fn closed(litres: f64, temperature_c: f64) -> Self {
        let normal_kg = litres / 1000.0 * WATER.density_kg_m3;
        Self {
            temperature_c,
            held_kg: normal_kg,
            normal_kg,
            cycles: CYCLES,
            make_up_failed: false,
            low_level: false,
            blowdown_kg_s: 0.0,
            make_up_kg_s: 0.0,
            heater_w: 0.0,
            carried_out_w: 0.0,
            carried_in_w: 0.0,
            heater_design_w: 0.0,
            blowdown_design_kg_s: 0.0,
        }
    }

    /// Advances by `dt_s`; `heat_w` is what comes besides the falling water, `powered` feeds the heater.
    pub fn step(&mut self, falling: &Falling, heat_w: f64, powered: bool, dt_s: f64) {
        let lost = falling.evaporation_kg_s + falling.drift_kg_s;
        // conductivity control: the valve opens over a band of 0.1 cycles
        let opening = ((self.cycles - CYCLES) / 0.1 + 0.5).clamp(0.0, 1.0);
        let level = self.held_kg / self.normal_kg;
        self.blowdown_kg_s = if level > 0.5 { opening * self.blowdown_design_kg_s } else { 0.0 };
        // float valve: the losses, and the deficit within a few minutes
        let deficit = (self.normal_kg - self.held_kg) / 300.0;
        let wanted = lost + self.blowdown_kg_s + deficit;
        self.make_up_kg_s = if self.make_up_failed { 0.0 } else { wanted.max(0.0) };
        let frost = (4.0 - self.temperature_c).clamp(0.0, 1.0);
        self.heater_w = if powered { frost * self.heater_design_w } else { 0.0 };

        let kept = self.held_kg * self.temperature_c * C;
        self.carried_out_w = C * (lost * falling.leaving_c + self.blowdown_kg_s * self.temperature_c);
        self.carried_in_w = C * self.make_up_kg_s * MAKE_UP_C;
        let circulating = falling.capacity_w_k * (falling.leaving_c - self.temperature_c);
        let gained = circulating + heat_w + self.heater_w + self.carried_in_w - self.carried_out_w;
        let solids = self.held_kg * self.cycles
            + dt_s * (self.make_up_kg_s - (falling.drift_kg_s + self.blowdown_kg_s) * self.cycles);
        self.held_kg += dt_s * (self.make_up_kg_s - lost - self.blowdown_kg_s);
        self.temperature_c = (kept + dt_s * gained) / (C * self.held_kg);
        self.cycles = solids / self.held_kg;
        let level = self.held_kg / self.normal_kg;
        self.low_level = level < if self.low_level { 2.0 * LOW_LEVEL } else { LOW_LEVEL };
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.held_kg * C * self.temperature_c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WET: Falling =
        Falling { capacity_w_k: 120e3, leaving_c: 24.0, evaporation_kg_s: 0.25, drift_kg_s: 1e-3 };

    #[test]
    fn blowdown_settles_at_evaporation_over_cycles_less_one() {
        let mut basin = Basin::open(4000.0, 650e3, 24.0);
        for _ in 0..40_000 {
            basin.step(&WET, 0.0, true, 10.0);
        }
        let expected = 0.25 / (basin.cycles - 1.0) - 1e-3;
        assert!((basin.blowdown_kg_s - expected).abs() < 1e-4, "{} {expected}", basin.blowdown_kg_s);
        assert!((basin.cycles - CYCLES).abs() < 0.1 && (basin.held_kg / basin.normal_kg - 1.0).abs() < 0.05);
        let used = basin.make_up_kg_s / 0.25;
        assert!((used - CYCLES / (CYCLES - 1.0)).abs() < 0.02, "make-up over evaporation {used}");
    }

    #[test]
    fn mass_and_heat_close() {
        let mut basin = Basin::open(4000.0, 650e3, 20.0);
        for _ in 0..1000 {
            let (kg, j) = (basin.held_kg, basin.stored_j());
            basin.step(&WET, 500.0, true, 10.0);
            let lost = 0.25 + 1e-3 + basin.blowdown_kg_s;
            assert!((basin.held_kg - kg - 10.0 * (basin.make_up_kg_s - lost)).abs() < 1e-9 * kg);
            let circulation = 120e3 * 24.0 - 120e3 * (j / (kg * C));
            let net = circulation + 500.0 + basin.carried_in_w - basin.carried_out_w;
            assert!((basin.stored_j() - j - 10.0 * net).abs() < 1e-9 * j);
        }
    }

    #[test]
    fn without_make_up_the_level_stops_the_pumps_and_frost_starts_the_heater() {
        let mut basin = Basin::open(4000.0, 650e3, 24.0);
        basin.make_up_failed = true;
        let mut seconds = 0;
        while !basin.low_level && seconds < 40_000 {
            basin.step(&WET, 0.0, true, 10.0);
            seconds += 10;
        }
        assert!((6_000..12_000).contains(&seconds), "{seconds}");
        basin.temperature_c = 3.5;
        basin.step(
            &Falling { capacity_w_k: 0.0, evaporation_kg_s: 0.0, drift_kg_s: 0.0, ..WET },
            0.0,
            true,
            1.0,
        );
        assert!(basin.heater_w > 4000.0);
    }
}
