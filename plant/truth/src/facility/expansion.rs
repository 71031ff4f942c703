//! Expansion vessel and make-up tank of a technology loop: its reserve of coolant and its static pressure.
//!
//! Responsible for: inventory, static pressure, automatic make-up, the low-pressure interlock. Not for: where
//! the loop leaks ([`super::rack_loop`]).
//!
//! ```text
//! p = p_atm V_l / (V - V_l)        gas cushion charged at atmospheric pressure (Boyle), gauge
//! dV_l/dt = m - l                  m make-up while p is below its band, l leak
//! ```
//! The wetted part of the loop stays full while there is a reserve, so the circulation sees no change until
//! the pressure is too low for the pumps. The filling pressure of 150 kPa, the make-up band and the trip at
//! 50 kPa are the usual settings of rack-liquid units with a sealed, pressurised circuit.

use super::fluid::PG25;

/// Static filling pressure, kPa gauge.
pub const FILL_KPA: f64 = 150.0;
/// Make-up begins below this pressure, kPa.
const MAKE_UP_KPA: f64 = 110.0;
/// Pumps stop below this pressure (they would cavitate), kPa.
pub const TRIP_KPA: f64 = 50.0;
/// Pumps may start again above this pressure, kPa.
const RELEASE_KPA: f64 = 90.0;
/// Flow of the make-up pump, L/min.
const MAKE_UP_LPM: f64 = 3.0;
/// Coolant in the make-up tank when full, L.
pub const TANK_L: f64 = 100.0;
/// Temperature of coolant that waits in vessel and tank, C.
pub const RESERVE_C: f64 = 25.0;
const ATMOSPHERE_KPA: f64 = 101.325;

/// Reserve of a technology loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expansion {
    /// Coolant in the vessel, L.
    pub liquid_l: f64,
    /// Volume of the vessel, L.
    pub vessel_l: f64,
    /// Coolant in the make-up tank, L. Whoever fills it adds coolant to the loop's books.
    pub tank_l: f64,
    /// Static pressure, kPa gauge.
    pub pressure_kpa: f64,
    /// Make-up now, L/min.
    pub make_up_lpm: f64,
    /// Leak of the whole loop now, L/min.
    pub leak_lpm: f64,
    /// Coolant lost so far, L.
    pub lost_l: f64,
    /// True while the pressure is too low for the pumps.
    pub low_pressure: bool,
    making_up: bool,
}

impl Expansion {
    /// A reserve for a loop of `loop_l`: a vessel of a tenth of it, filled to the filling pressure.
    #[must_use]
    pub fn sized(loop_l: f64) -> Self {
        let vessel_l = 0.1 * loop_l;
        Self {
            liquid_l: vessel_l * FILL_KPA / (FILL_KPA + ATMOSPHERE_KPA),
            vessel_l,
            tank_l: TANK_L,
            pressure_kpa: FILL_KPA,
            make_up_lpm: 0.0,
            leak_lpm: 0.0,
            lost_l: 0.0,
            low_pressure: false,
            making_up: false,
        }
    }

    /// Share of the wanted leak that the reserve can feed for `dt_s`.
    #[must_use]
    pub fn feedable(&self, wanted_lpm: f64, dt_s: f64) -> f64 {
        let litres = wanted_lpm * dt_s / 60.0;
        if litres > self.liquid_l { self.liquid_l / litres } else { 1.0 }
    }

    /// Advances by `dt_s` with the leak of all racks.
    pub fn step(&mut self, leak_lpm: f64, dt_s: f64) {
        let minutes = dt_s / 60.0;
        self.making_up =
            if self.making_up { self.pressure_kpa < FILL_KPA } else { self.pressure_kpa < MAKE_UP_KPA };
        let room_l = self.vessel_l * FILL_KPA / (FILL_KPA + ATMOSPHERE_KPA) - self.liquid_l;
        let wanted_l = MAKE_UP_LPM * minutes;
        let given_l = if self.making_up { wanted_l.min(self.tank_l).min(room_l).max(0.0) } else { 0.0 };
        let lost_l = (leak_lpm * minutes).min(self.liquid_l + given_l);
        self.tank_l -= given_l;
        self.liquid_l += given_l - lost_l;
        self.lost_l += lost_l;
        (self.make_up_lpm, self.leak_lpm) = (given_l / minutes, lost_l / minutes);
        self.pressure_kpa = ATMOSPHERE_KPA * self.liquid_l / (self.vessel_l - self.liquid_l);
        self.low_pressure = self.pressure_kpa < if self.low_pressure { RELEASE_KPA } else { TRIP_KPA };
    }

    /// Heat content of the reserve against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        PG25.capacity_j_k(self.liquid_l + self.tank_l) * RESERVE_C
    }

    /// Coolant that can still be lost, L.
    #[must_use]
    pub fn reserve_l(&self) -> f64 {
        self.liquid_l + self.tank_l
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_made_up_until_the_tank_is_empty_then_the_pumps_stop() {
        let mut loop_ = Expansion::sized(400.0);
        let start_l = loop_.reserve_l();
        assert!((loop_.pressure_kpa - FILL_KPA).abs() < 1e-9);
        let mut tripped_s = None;
        for second in 0..7200 {
            let leak = 2.0 * (loop_.pressure_kpa / FILL_KPA).sqrt();
            let share = loop_.feedable(leak, 1.0);
            loop_.step(share * leak, 1.0);
            if loop_.low_pressure && tripped_s.is_none() {
                tripped_s = Some(second);
            }
            let books = start_l - loop_.reserve_l() - loop_.lost_l;
            assert!(books.abs() < 1e-9 * start_l, "{books}");
        }
        // 100 L of tank and about 15 L of vessel at somewhat less than 2 L/min
        assert!((3300..4500).contains(&tripped_s.unwrap()), "{tripped_s:?}");
        assert!(loop_.tank_l.abs() < 1e-9 && loop_.pressure_kpa < 1.0);
        loop_.tank_l = 50.0;
        for _ in 0..900 {
            loop_.step(0.0, 1.0);
        }
        assert!(!loop_.low_pressure && loop_.pressure_kpa > 100.0);
    }
}
