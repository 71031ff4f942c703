//! The weather of a scenario.
//!
//! Responsible for: the `[weather]` table and what comes of it. Not for: events that change the weather.
//!
//! ```toml
//! [weather]
//! climate = "continental"      # or "coastal", "desert"; or
//! # epw = "chicago.epw"        # an EnergyPlus file, beside the scenario's own
//! ```

use super::table::Table;
use headroom_truth::weather::{Climate, Weather};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Built-in climates by name.
const CLIMATES: [(&str, &Climate); 4] = [
    ("continental", &Climate::CONTINENTAL),
    ("coastal", &Climate::COASTAL),
    ("marine", &Climate::COASTAL),
    ("desert", &Climate::DESERT),
];

/// Where the weather comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum WeatherSpec {
    /// A built-in climate.
    Climate(&'static Climate),
    /// An `EnergyPlus` weather file; a relative path counts from the scenario's folder.
    Epw(PathBuf),
}

/// Why there is no weather.
#[derive(Debug, Error)]
pub enum WeatherError {
    /// The file cannot be read.
    #[error("weather {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no weather.
    #[error("weather {}: {message}", path.display())]
    Epw {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
}

impl WeatherSpec {
    /// The weather; `folder` is where a relative path counts from.
    ///
    /// # Errors
    /// [`WeatherError`] if a file cannot be used.
    pub fn load(&self, seed: u64, folder: &Path) -> Result<Weather, WeatherError> {
        match self {
            Self::Climate(climate) => Ok(Weather::from_climate(climate, seed)),
            Self::Epw(path) => {
                let path = folder.join(path);
                let bytes = match std::fs::read(&path) {
                    Ok(bytes) => bytes,
                    Err(source) => return Err(WeatherError::Io { path, source }),
                };
                let read = Weather::from_epw(&String::from_utf8_lossy(&bytes));
                read.map_err(|e| WeatherError::Epw { path, message: e.to_string() })
            }
        }
    }
}

/// Reads the table.
pub(super) fn read(mut t: Table<'_>) -> Option<WeatherSpec> {
    let (line, both) = (t.line, t.has("climate") == t.has("epw"));
    let names = CLIMATES.map(|(name, _)| name);
    let climate = t.choice(("climate", "\"continental\""), &names);
    let epw = t.text(("epw", "\"chicago.epw\""));
    if both {
        t.find(
            line,
            "`[weather]` needs a `climate` or an `epw`, one of them",
            "write `climate = \"desert\"`",
        );
    }
    t.finish("`[weather]`", &["climate", "epw"]);
    let climate = climate.map(|n| WeatherSpec::Climate(CLIMATES[n].1));
    climate.or(epw.map(|path| WeatherSpec::Epw(PathBuf::from(path))))
}
