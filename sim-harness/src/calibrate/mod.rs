//! Calibration: published or captured figures beside what the harness computes.
//!
//! Responsible for: the list of [`Check`]s, each of which runs a model of the plant through its public interface
//! and compares it with a figure of a public source (a fact sheet, a standard, a capture, a trace).
//! Not for: printing (the `headroom calibrate` command) or fitting: nothing here changes a model.

pub mod gpu;

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
