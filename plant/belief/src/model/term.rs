//! Terms: inputs of a linear plant from signals of one that is not.

use serde::{Deserialize, Serialize};

/// How an input comes from the signals; numbers are indices of signals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// The signal itself.
    Signal(usize),
    /// Wet-bulb temperature of a dry-bulb temperature \[degC\] and a relative humidity \[1\].
    WetBulb(usize, usize),
    /// How far a term is above another one and a distance, zero below: max(0, a - b + distance). A supply cannot be colder
    /// than the weather allows; a machine starts where the weather alone does not do.
    Above(Box<Term>, Box<Term>, f64),
    /// A term to a power, over a reference: reference (a / reference)^n. Pump power over pressure, fan power over speed. With
    /// n below zero, a counts as a fifth of the reference at least: the air that carries heat off near the wet bulb.
    Power(Box<Term>, f64, f64),
    /// Product of two terms, the second over a reference: a b / reference. A gain that load or flow changes.
    Product(Box<Term>, Box<Term>, f64),
    /// Sum of terms.
    Sum(Vec<Term>),
}

impl Term {
    /// Value for signals as they are; not a number where one of them is not.
    #[must_use]
    pub fn of(&self, signals: &[f64]) -> f64 {
        match self {
            Self::Signal(i) => signals[*i],
            Self::WetBulb(t, rh) => wet_bulb_c(signals[*t], signals[*rh]),
            Self::Above(a, b, distance) => {
                let x = a.of(signals) - b.of(signals) + distance;
                // f64::max would turn what is missing into zero.
                if x < 0.0 { 0.0 } else { x }
            }
            Self::Power(a, n, reference) => {
                let x = a.of(signals) / reference;
                let least = if *n < 0.0 { 0.2 } else { 0.0 };
                reference * if x < least { f64::powf(least, *n) } else { x.powf(*n) }
            }
            Self::Product(a, b, reference) => a.of(signals) * b.of(signals) / reference,
            Self::Sum(terms) => terms.iter().map(|t| t.of(signals)).sum(),
        }
    }

    /// Are all its signals among so many?
    #[must_use]
    pub fn fits(&self, signals: usize) -> bool {
        match self {
            Self::Signal(i) => *i < signals,
            Self::WetBulb(t, rh) => *t < signals && *rh < signals,
            Self::Above(a, b, distance) => a.fits(signals) && b.fits(signals) && distance.is_finite(),
            Self::Power(a, n, reference) => a.fits(signals) && n.is_finite() && *reference != 0.0,
            Self::Product(a, b, reference) => a.fits(signals) && b.fits(signals) && *reference != 0.0,
            Self::Sum(terms) => terms.iter().all(|t| t.fits(signals)),
        }
    }

    /// Does it look at a signal?
    #[must_use]
    pub fn uses(&self, signal: usize) -> bool {
        match self {
            Self::Signal(i) => *i == signal,
            Self::WetBulb(t, rh) => *t == signal || *rh == signal,
            Self::Above(a, b, _) | Self::Product(a, b, _) => a.uses(signal) || b.uses(signal),
            Self::Power(a, _, _) => a.uses(signal),
            Self::Sum(terms) => terms.iter().any(|t| t.uses(signal)),
        }
    }
}

/// Wet-bulb temperature \[degC\] from dry bulb \[degC\] and relative humidity \[1\] at sea level (Stull, "Wet-bulb temperature
/// from relative humidity and air temperature", J. Appl. Meteorol. Climatol. 2011; +-1 K for 5 to 99 %, -20 to 50 degC).
#[must_use]
pub fn wet_bulb_c(t: f64, rh: f64) -> f64 {
    let p = 100.0 * rh.clamp(0.05, 0.99);
    t * (0.151_977 * (p + 8.313_659).sqrt()).atan() + (t + p).atan() - (p - 1.676_331).atan()
        + 0.003_918_38 * p.powf(1.5) * (0.023_101 * p).atan()
        - 4.686_035
}
