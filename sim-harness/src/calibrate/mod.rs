//! Calibration: published or captured figures beside what the harness computes.
//!
//! Responsible for: the list of [`Check`]s, each of which runs a model of the plant through its public interface
//! and compares it with a figure of a public source (a fact sheet, a standard, a capture, a trace).
//! Not for: the command line (`headroom calibrate`) or fitting: nothing here changes a model.
//!
//! Published figures stand in the code beside their source. Where a folder of raw data is given (`dsx/`, `traces/`,
//! `weather/`), what can be computed from it is computed, and the carried figure is not used.

pub mod air;
pub mod capture;
pub mod cooling;
pub mod dynamics;
pub mod electric;
pub mod gpu;
pub mod hydraulics;
pub mod report;
pub mod weather;

use std::path::{Path, PathBuf};
use thiserror::Error;

/// How far our figure may lie from the published one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// `|ours - published| <= t |published|`.
    Relative(f64),
    /// `|ours - published| <= t`, in the unit of the check.
    Absolute(f64),
    /// Ours lies between two stated bounds; `published` is then a typical value.
    Range(f64, f64),
}

/// One comparison of a model with a published figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Model of the plant or of its sensors that was run, e.g. `chiller`.
    pub model: &'static str,
    /// What was compared, with its conditions.
    pub quantity: String,
    /// Unit of both values.
    pub unit: &'static str,
    /// Published or captured value.
    pub published: f64,
    /// Value of the harness.
    pub ours: f64,
    /// How far they may lie apart.
    pub tolerance: Tolerance,
    /// Public source of the published value.
    pub source: &'static str,
}

impl Check {
    /// Difference to the published value, in the unit of the check.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.ours - self.published
    }

    /// True where ours lies inside the tolerance; a value that is not finite never does.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.ours.is_finite()
            && self.published.is_finite()
            && match self.tolerance {
                Tolerance::Relative(t) => self.error().abs() <= t * self.published.abs(),
                Tolerance::Absolute(t) => self.error().abs() <= t,
                Tolerance::Range(low, high) => (low..=high).contains(&self.ours),
            }
    }
}

/// Why raw data could not be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {what}", path.display())]
    Content {
        /// File.
        path: PathBuf,
        /// What is wrong, with its line.
        what: String,
    },
    /// The pod of the capture could not be built.
    #[error("the world of the capture: {0}")]
    World(String),
}

/// Runs every check. `data` is the folder of raw data.
///
/// # Errors
/// [`DataError`] if a file in `data` that should be there is not, or cannot be understood.
pub fn checks(data: Option<&Path>) -> Result<Vec<Check>, DataError> {
    let mut all = cooling::checks();
    all.extend(hydraulics::checks());
    all.extend(air::checks());
    all.extend(electric::checks());
    all.extend(dynamics::checks());
    all.extend(gpu::checks(data));
    all.extend(weather::checks(data)?);
    all.extend(capture::checks(data)?);
    // one model's checks together, in the order in which models first appear
    let mut order: Vec<&str> = Vec::new();
    for check in &all {
        if !order.contains(&check.model) {
            order.push(check.model);
        }
    }
    all.sort_by_key(|check| order.iter().position(|model| *model == check.model));
    Ok(all)
}

/// Text of a file in a data folder; bytes that are not UTF-8 are replaced.
fn read(path: PathBuf) -> Result<(PathBuf, String), DataError> {
    match std::fs::read(&path) {
        Ok(bytes) => Ok((path, String::from_utf8_lossy(&bytes).into_owned())),
        Err(source) => Err(DataError::File { path, source }),
    }
}

/// The checks of one model and source in the making.
struct Ledger {
    model: &'static str,
    source: &'static str,
    checks: Vec<Check>,
}

impl Ledger {
    fn new(model: &'static str, source: &'static str) -> Self {
        Self { model, source, checks: Vec::new() }
    }

    /// Notes one comparison; `pair` is the published value and ours.
    fn note(
        &mut self,
        quantity: impl Into<String>,
        unit: &'static str,
        pair: (f64, f64),
        tolerance: Tolerance,
    ) {
        let (published, ours) = pair;
        let (model, source, quantity) = (self.model, self.source, quantity.into());
        self.checks.push(Check { model, quantity, unit, published, ours, tolerance, source });
    }

    /// Notes one comparison within 3 %.
    fn near(&mut self, quantity: impl Into<String>, unit: &'static str, published: f64, ours: f64) {
        self.note(quantity, unit, (published, ours), NEAR);
    }
}

/// Tolerance of a curve or law taken over from its source.
const NEAR: Tolerance = Tolerance::Relative(0.03);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_holds_inside_its_tolerance_only() {
        let check = |published, ours, tolerance| Check {
            model: "m",
            quantity: "q".to_owned(),
            unit: "K",
            published,
            ours,
            tolerance,
            source: "s",
        };
        assert!(check(-2.0, -2.05, NEAR).holds() && !check(-2.0, -2.07, NEAR).holds());
        assert!(check(0.0, 0.1, Tolerance::Absolute(0.1)).holds());
        assert!(!check(0.0, -0.2, Tolerance::Absolute(0.1)).holds());
        assert!(check(9.0, 1.0, Tolerance::Range(1.0, 2.0)).holds());
        assert!(!check(1.5, 2.1, Tolerance::Range(1.0, 2.0)).holds());
        assert!(!check(1.0, f64::NAN, Tolerance::Range(f64::MIN, f64::MAX)).holds());
    }
}
