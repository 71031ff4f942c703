//! The weather outside.
//!
//! Responsible for: dry bulb, humidity and pressure at any second of a year, from a record or a built-in climate.
//! Not for: forecasts (the controller's outlook makes its own mistakes).
//!
//! Records hold one row per hour; between rows dry bulb, dew point and pressure are linear, and wet bulb and
//! relative humidity follow from them. EPW row k (hours 1 to 24) is the state at the end of its hour.

mod climate;
mod epw;

pub use climate::Climate;
pub use epw::EpwError;

use crate::psychro;

/// Outdoor air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Air {
    /// Dry bulb \[degC\].
    pub dry_bulb_c: f64,
    /// Thermodynamic wet bulb \[degC\].
    pub wet_bulb_c: f64,
    /// Dew point \[degC\].
    pub dew_point_c: f64,
    /// Relative humidity, 0 to 1.
    pub rh: f64,
    /// Station pressure \[Pa\].
    pub pressure_pa: f64,
}

impl Air {
    /// Air of a dry bulb and dew point; a dew point above the dry bulb is fog, and is cut to it.
    #[must_use]
    pub fn new(dry_bulb_c: f64, dew_point_c: f64, pressure_pa: f64) -> Self {
        let dew_point_c = dew_point_c.min(dry_bulb_c);
        Self {
            dry_bulb_c,
            wet_bulb_c: psychro::wet_bulb_c(dry_bulb_c, dew_point_c, pressure_pa),
            dew_point_c,
            rh: psychro::relative_humidity(dry_bulb_c, dew_point_c),
            pressure_pa,
        }
    }
}

/// One row of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hour {
    pub dry_bulb_c: f64,
    pub dew_point_c: f64,
    pub pressure_pa: f64,
}

/// A year of weather; it repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Weather {
    /// Where it was recorded, or the name of the climate.
    pub place: String,
    hours: Vec<Hour>,
}

impl Weather {
    /// Reads an `EnergyPlus` weather file.
    ///
    /// # Errors
    /// [`EpwError`], with the line.
    pub fn from_epw(text: &str) -> Result<Self, EpwError> {
        let (place, hours) = epw::parse(text)?;
        Ok(Self { place, hours })
    }

    /// A year of a built-in climate, its fronts drawn from `seed`.
    #[must_use]
    pub fn from_climate(climate: &Climate, seed: u64) -> Self {
        Self { place: climate.name.to_owned(), hours: climate.year(seed) }
    }

    /// Rows in the record: 8760, or 8784 in a leap year.
    #[must_use]
    pub fn hours(&self) -> usize {
        self.hours.len()
    }

    /// The air at `seconds` after the start of 1 January, local standard time. Any value is allowed; the record repeats.
    #[must_use]
    pub fn at(&self, seconds_from_jan_1_local: f64) -> Air {
        let n = self.hours.len();
        // Row 0 is the state at 01:00.
        let hour = (seconds_from_jan_1_local / 3600.0 - 1.0).rem_euclid(n as f64);
        let low = (hour as usize).min(n - 1);
        let part = hour - low as f64;
        let (a, b) = (&self.hours[low], &self.hours[(low + 1) % n]);
        let mix = |x: f64, y: f64| x + part * (y - x);
        Air::new(
            mix(a.dry_bulb_c, b.dry_bulb_c),
            mix(a.dew_point_c, b.dew_point_c),
            mix(a.pressure_pa, b.pressure_pa),
        )
    }

    /// Seconds from 1 January of the hour with the highest wet bulb: the design day of a cooling plant.
    #[must_use]
    pub fn hottest_wet_bulb_s(&self) -> f64 {
        let wet = |hour: &Hour| Air::new(hour.dry_bulb_c, hour.dew_point_c, hour.pressure_pa).wet_bulb_c;
        let best = self.hours.iter().enumerate().map(|(k, hour)| (k, wet(hour)));
        let top = best.fold((0, f64::MIN), |top, now| if now.1 > top.1 { now } else { top });
        (top.0 + 1) as f64 * 3600.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_climate_is_a_year_that_repeats_by_seed() {
        let a = Weather::from_climate(&Climate::CONTINENTAL, 1);
        assert_eq!(a, Weather::from_climate(&Climate::CONTINENTAL, 1));
        assert_ne!(a, Weather::from_climate(&Climate::CONTINENTAL, 2));
        assert_eq!(a.hours(), 8760);
        let year = 8760.0 * 3600.0;
        assert!((a.at(5000.0).dry_bulb_c - a.at(5000.0 + year).dry_bulb_c).abs() < 1e-6);
        let mean = |from: usize, to: usize| {
            (from..to).map(|h| a.at(h as f64 * 3600.0).dry_bulb_c).sum::<f64>() / (to - from) as f64
        };
        let (january, july) = (mean(0, 744), mean(4344, 5088));
        assert!(july > 21.0 && january < 3.0, "{january} {july}");
        let (dawn, afternoon) =
            (a.at((190.0 * 24.0 + 5.0) * 3600.0).dry_bulb_c, a.at((190.0 * 24.0 + 15.5) * 3600.0).dry_bulb_c);
        assert!(afternoon > dawn + 6.0, "{dawn} {afternoon}");
        let hot = a.at(a.hottest_wet_bulb_s());
        assert!((21.0..29.0).contains(&hot.wet_bulb_c), "{hot:?}");
        for k in 0..8760 {
            let air = a.at(f64::from(k) * 3600.0);
            assert!(air.wet_bulb_c <= air.dry_bulb_c + 1e-6 && air.dew_point_c <= air.wet_bulb_c + 1e-6);
        }
    }

    #[test]
    fn real_years_read_and_agree_with_their_own_humidity() {
        let shared = std::env::var_os("HEADROOM_SHARED")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
        let Ok(folder) = std::fs::read_dir(shared.join("data/weather")) else {
            println!("skipped: no weather files");
            return;
        };
        for entry in folder.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "epw")) {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let weather = Weather::from_epw(&text).unwrap();
            assert_eq!(weather.hours(), 8760, "{}", weather.place);
            let mut worst: f64 = 0.0;
            for (k, line) in text.lines().skip(8).enumerate().step_by(37) {
                let field: Vec<&str> = line.split(',').collect();
                let (t, rh): (f64, f64) = (field[6].parse().unwrap(), field[8].parse().unwrap());
                let air = weather.at((k + 1) as f64 * 3600.0);
                assert!((air.dry_bulb_c - t).abs() < 1e-6);
                worst = worst.max((air.rh * 100.0 - rh).abs());
            }
            assert!(worst < 8.0, "{}: {worst} points of humidity", weather.place);
        }
    }
}
