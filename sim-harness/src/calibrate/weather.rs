//! Weather: records as they are read, and the built-in climates against real years.
//!
//! Responsible for: yearly statistics of [`Weather`]. Not for: the psychrometric relations ([`super::air`]).
//!
//! A climate stands for no place, but its year has to look like one: it is compared with the typical year
//! (TMY3) of a place of its kind, in what a cooling plant feels: the mean, a cold and a hot end of the dry bulb, and the
//! wet bulb's mean and hot end. It is the mean of several seeds, since fronts are drawn.

use super::{Check, DataError, Ledger, Tolerance, read};
use headroom_truth::weather::{Climate, Weather};
use std::path::Path;

const TMY3: &str = "NREL TMY3 hourly record";
const DESIGN: &str = "ASHRAE climatic design conditions 2009 (header of the TMY3 weather file)";

/// Seeds over which a climate is averaged.
const SEEDS: u64 = 5;

/// Yearly figures, C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Year {
    /// Mean dry bulb.
    pub dry_mean_c: f64,
    /// Dry bulb that 1 % of the hours are below.
    pub dry_cold_c: f64,
    /// Dry bulb that 1 % of the hours are above.
    pub dry_hot_c: f64,
    /// Mean wet bulb.
    pub wet_mean_c: f64,
    /// Wet bulb that 1 % of the hours are above.
    pub wet_hot_c: f64,
    /// Wet bulb that 0.4 % of the hours are above.
    pub wet_design_c: f64,
}

/// A place with its typical year, and the climate of its kind.
struct Place {
    file: &'static str,
    name: &'static str,
    climate: Climate,
    year: Year,
    /// Published wet bulb that 0.4 % of the hours are above, C.
    wet_design_c: f64,
}

const PLACES: [Place; 2] = [
    Place {
        file: "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw",
        name: "Chicago O'Hare",
        climate: Climate::CONTINENTAL,
        year: Year {
            dry_mean_c: 9.99,
            dry_cold_c: -17.2,
            dry_hot_c: 31.1,
            wet_mean_c: 7.09,
            wet_hot_c: 24.6,
            wet_design_c: 25.4,
        },
        wet_design_c: 25.5,
    },
    Place {
        file: "USA_CA_San.Francisco.Intl.AP.724940_TMY3.epw",
        name: "San Francisco airport",
        climate: Climate::COASTAL,
        year: Year {
            dry_mean_c: 13.79,
            dry_cold_c: 5.6,
            dry_hot_c: 25.0,
            wet_mean_c: 11.11,
            wet_hot_c: 17.3,
            wet_design_c: 17.9,
        },
        wet_design_c: 18.6,
    },
];

/// All checks of this room.
///
/// # Errors
/// [`DataError`] if a weather file is missing or cannot be understood.
pub fn checks(data: Option<&Path>) -> Result<Vec<Check>, DataError> {
    let mut all = Vec::new();
    for place in &PLACES {
        let mut year = place.year;
        if let Some(folder) = data {
            let record = Record::read(folder, place.file)?;
            year = record.year;
            all.extend(record.checks(place));
        }
        all.extend(climate(place, &year));
    }
    Ok(all)
}

/// Figures of a year of hours.
#[must_use]
pub fn year(weather: &Weather) -> Year {
    let air: Vec<_> = (1..=weather.hours()).map(|hour| weather.at(3600.0 * hour as f64)).collect();
    let mut dry: Vec<f64> = air.iter().map(|a| a.dry_bulb_c).collect();
    let mut wet: Vec<f64> = air.iter().map(|a| a.wet_bulb_c).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (dry_mean_c, wet_mean_c) = (mean(&dry), mean(&wet));
    dry.sort_by(f64::total_cmp);
    wet.sort_by(f64::total_cmp);
    let at =
        |values: &[f64], share: f64| values[((share * values.len() as f64) as usize).min(values.len() - 1)];
    Year {
        dry_mean_c,
        dry_cold_c: at(&dry, 0.01),
        dry_hot_c: at(&dry, 0.99),
        wet_mean_c,
        wet_hot_c: at(&wet, 0.99),
        wet_design_c: at(&wet, 0.996),
    }
}

/// A weather file as our reader sees it, and its own statement of the design wet bulb.
struct Record {
    year: Year,
    stated_wet_c: Option<f64>,
}

impl Record {
    fn read(folder: &Path, file: &str) -> Result<Self, DataError> {
        let (path, text) = read(folder.join("weather").join(file))?;
        let weather = Weather::from_epw(&text)
            .map_err(|error| DataError::Content { path: path.clone(), what: error.to_string() })?;
        Ok(Self { year: year(&weather), stated_wet_c: stated_wet_bulb_c(&text) })
    }

    fn checks(&self, place: &Place) -> Vec<Check> {
        let mut ledger = Ledger::new("weather", DESIGN);
        let name = place.name;
        let stated = self.stated_wet_c.unwrap_or(place.wet_design_c);
        // one typical year against decades of weather
        let quantity = format!("{name}: wet bulb exceeded 0.4 % of the year");
        ledger.note(quantity, "C", (stated, self.year.wet_design_c), Tolerance::Absolute(0.8));
        ledger.source = TMY3;
        let half = Tolerance::Absolute(0.05);
        let (dry, wet) = (place.year.dry_mean_c, place.year.wet_mean_c);
        ledger.note(format!("{name}: mean dry bulb"), "C", (dry, self.year.dry_mean_c), half);
        ledger.note(format!("{name}: mean wet bulb"), "C", (wet, self.year.wet_mean_c), half);
        ledger.checks
    }
}

/// The wet bulb that is exceeded 0.4 % of the year, from the design conditions of an EPW header: under `Cooling` follow
/// month, daily range, three pairs of dry and coincident wet bulb, and then the evaporation wet bulb.
fn stated_wet_bulb_c(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("DESIGN CONDITIONS"))?;
    line.split(',').skip_while(|field| *field != "Cooling").nth(9)?.trim().parse().ok()
}

/// A built-in climate against the year of a place.
fn climate(place: &Place, target: &Year) -> Vec<Check> {
    let mut sum = [0.0; 5];
    let figures = |y: &Year| [y.dry_mean_c, y.dry_cold_c, y.dry_hot_c, y.wet_mean_c, y.wet_hot_c];
    for seed in 1..=SEEDS {
        let own = figures(&year(&Weather::from_climate(&place.climate, seed)));
        for (total, value) in sum.iter_mut().zip(own) {
            *total += value / SEEDS as f64;
        }
    }
    let names = [
        ("mean dry bulb", 1.0),
        ("dry bulb, coldest 1 %", 3.0),
        ("dry bulb, hottest 1 %", 1.5),
        ("mean wet bulb", 0.7),
        ("wet bulb, highest 1 %", 1.0),
    ];
    let mut ledger = Ledger::new("climate", TMY3);
    for (((name, within), ours), published) in names.into_iter().zip(sum).zip(figures(target)) {
        let quantity = format!("{} as {}: {name}", place.climate.name, place.name);
        ledger.note(quantity, "C", (published, ours), Tolerance::Absolute(within));
    }
    ledger.checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_states_its_design_wet_bulb() {
        let line = "LOCATION\nDESIGN CONDITIONS,1,Source,,Heating,1,-20,-16.6,Cooling,7,10.5,33.3,23.7,31.6,23,30.1,22.1,25.5,31.2\n";
        assert_eq!(stated_wet_bulb_c(line), Some(25.5));
        assert_eq!(stated_wet_bulb_c("LOCATION\n"), None);
    }
}
