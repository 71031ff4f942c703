//! The future as the controller believes it: quantiles of minute means over the next hour, for anything that is measured.
//!
//! Responsible for: forecasts of one series each (power of a job, heat of a cooling place, weather, a price), how sure they
//! are, and which way of forecasting has earned its place. Not for: where values come from, budgets, or what is done about it
//! (core); files (daemon).
//!
//! Every candidate is a *shape* s and the measured deviation from it, which decays:
//!
//! ```text
//! y^(t + h) = s(t + h) + phi_h (y(t) - s(t))      y  mean of a minute [unit of the series]
//!                                                 h  1, 5, 15, 30, 60 [min];  phi_h in 0..1, learned
//! ```
//!
//! - [`By::Persistence`]: s is the level of the last hours (`shape`);
//! - [`By::Trend`]: s goes on as it has been going, damped within the hour (`shape`);
//! - [`By::Diurnal`]: s is the mean of this time of day over days (`diurnal`);
//! - [`By::Periodic`]: s is the mean of the last periods, where the past repeats itself (`period`);
//! - [`By::File`]: s is what a forecast file says ([`forecast`]): its bias against the local sensor is y - s.
//!
//! A forecast must earn its place: each is held against persistence by the pinball loss of its quantiles, horizon by horizon
//! ([`series`]). Quantiles follow from each candidate's own errors, so that they cover what they say on any plant
//! (`conformal`). [`rhythm`] knows what is faster than a minute.

mod candidate;
mod conformal;
mod diurnal;
pub mod forecast;
mod period;
pub mod rhythm;
pub mod series;
mod shape;
#[cfg(test)]
mod tests;

pub use forecast::WeatherForecast;
pub use period::Period;
pub use rhythm::Rhythm;
pub use series::{Series, Traits};

use headroom_site::{Span, Stamp};
use std::fmt;

/// Horizons, min.
pub const HORIZONS_MIN: [usize; HORIZONS] = [1, 5, 15, 30, 60];
/// How many there are.
pub const HORIZONS: usize = 5;
/// Levels of the quantiles.
pub const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

/// What a forecast is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The present, decaying toward the level of the last hours.
    Persistence,
    /// The present and where it is heading.
    Trend,
    /// The time of day.
    Diurnal,
    /// The period of the last hours.
    Periodic,
    /// A forecast file.
    File,
    /// The policy says so: it is known.
    Policy,
}

impl By {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Persistence => "persistence",
            Self::Trend => "trend",
            Self::Diurnal => "diurnal",
            Self::Periodic => "periodic",
            Self::File => "file",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a series will be at a horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Quantiles at [`LEVELS`], unit of the series.
    pub q: [f64; 3],
    /// What it is made by.
    pub by: By,
    /// Share of what has come that lay inside the bands of this horizon, over about a day; none before any has.
    pub coverage: Option<f64>,
}

impl Band {
    /// A value that is known.
    #[must_use]
    pub const fn known(value: f64) -> Self {
        Self { q: [value; 3], by: By::Policy, coverage: None }
    }
}

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// No value has ever come.
    NeverSeen,
    /// No value has come since.
    Silent(Stamp),
    /// Too few errors are known at this horizon; for so long at least.
    Learning(Span),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverSeen => f.write_str("never seen"),
            Self::Silent(since) => write!(f, "source silent since {since}"),
            Self::Learning(span) => write!(f, "learning for {:.0} min more", (span.s() / 60.0).ceil()),
        }
    }
}
