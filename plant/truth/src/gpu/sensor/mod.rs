//! The power sensors on the boards: what a GPU believes it draws, and when it says so.
//!
//! Responsible for: refresh with a phase per board, the averages behind a reading, delay, gain and what a product or a
//! sick driver does not answer. Pure and seeded; one array per quantity for a whole fleet.
//! Not for: the driver's integers and error codes (harness), or what the firmware caps on (`firmware`).
//!
//! At its refresh instants t_k = phase + k T a board publishes
//!
//! ```text
//! instant_k = g mean of y over [t_k - w, t_k]      w = 20 to 25 ms of each 100 ms on A100 and H100: part-time
//! average_k = g mean of y over [t_k - W, t_k]      W = 1 s
//! tau y'    = P - y                                front end of older boards; tau = 0 on most
//! ```
//!
//! visible after a delay. P is the mean power of a step. Short steps fill the windows piece by piece, exactly. Steps
//! that are long against the windows (see [`SensorSpec::is_long`]) use the closed form over the last two steps, in which
//! the front end is a pure shift of the average by tau; the error of that is below tau / (e W) of the change between two
//! steps. A step longer than W + delay + T gives the mean of the step for both.
//!
//! Source of the shape and of every product's figures: Z. Yang et al., "Part-time Power Measurements", arXiv 2312.02741.

mod bank;
mod read;
#[cfg(test)]
mod tests;

pub use bank::SensorBank;
pub use read::Boards;

/// Most refresh periods in an average.
pub(super) const MOST_BINS: usize = 12;

/// The power sensor of a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorSpec {
    /// Time between two refreshes \[s\].
    pub refresh_s: f64,
    /// Time that the instant reading sees of each refresh period \[s\].
    pub window_s: f64,
    /// Time that the average reading sees \[s\]: 1 to 12 refresh periods. `None`: the product has no average.
    pub average_s: Option<f64>,
    /// From the end of a window to the reading \[s\]; not above the refresh time.
    pub delay_s: f64,
    /// Time constant of the front end \[s\].
    pub lag_s: f64,
    /// Time between two refreshes of the energy counter \[s\].
    pub energy_refresh_s: f64,
    /// Fields that the product does not answer.
    pub missing: Fields,
}

impl SensorSpec {
    /// Whether a step is long enough for the closed form: the last two steps cover every window, and the instant window and
    /// the last refresh of the energy counter lie in the last one.
    #[must_use]
    pub fn is_long(&self, dt_s: f64) -> bool {
        let late = 2.05 * self.refresh_s + self.delay_s + 5.0 * self.lag_s;
        let window = self.average_s.unwrap_or(self.window_s);
        2.0 * dt_s >= window + late && dt_s >= self.window_s + late && dt_s >= self.energy_refresh_s
    }

    fn bins(&self) -> usize {
        self.average_s.map_or(1, |average| (average / self.refresh_s).round() as usize).clamp(1, MOST_BINS)
    }
}

/// A set of fields of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields(u8);

impl Fields {
    /// No field.
    pub const NONE: Self = Self(0);
    /// Average power.
    pub const AVERAGE: Self = Self(1);
    /// Instant power, as a field of its own.
    pub const INSTANT: Self = Self(1 << 1);
    /// Energy counter.
    pub const ENERGY: Self = Self(1 << 2);
    /// Memory temperature.
    pub const MEMORY_TEMPERATURE: Self = Self(1 << 3);
    /// Thermal margin.
    pub const MARGIN: Self = Self(1 << 4);
    /// Memory power.
    pub const MEMORY_POWER: Self = Self(1 << 5);
    /// The names of the fields in product files.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("average", Self::AVERAGE),
        ("instant", Self::INSTANT),
        ("energy", Self::ENERGY),
        ("memory-temperature", Self::MEMORY_TEMPERATURE),
        ("margin", Self::MARGIN),
        ("memory-power", Self::MEMORY_POWER),
    ];

    /// The field of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Both sets together.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How one board deviates from its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirk {
    /// Fields it does not answer, beside those its product lacks.
    pub missing: Fields,
    /// Its fields answer success with value 0 and time stamp 0.
    pub zeros: bool,
}

/// What asking for a field gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<T> {
    /// A value.
    Value(T),
    /// The board does not have the field.
    NotSupported,
    /// Success, with value 0 and time stamp 0: a wrong value that looks like a right one.
    Zero,
}

impl<T: Default> Answer<T> {
    /// The number that a caller who does not look at codes ends up with.
    #[must_use]
    #[inline]
    pub fn or_zero(self) -> T {
        match self {
            Self::Value(value) => value,
            Self::NotSupported | Self::Zero => T::default(),
        }
    }
}

/// What a board answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readout {
    /// Memory clock \[MHz\].
    pub memory_mhz: u32,
    /// What the plain power call gives: the average where there is one, else the instant reading \[W\].
    pub power_w: f64,
    /// Average power \[W\].
    pub average_w: Answer<f64>,
    /// Instant power \[W\].
    pub instant_w: Answer<f64>,
    /// Memory power \[W\].
    pub memory_w: Answer<f64>,
    /// Energy counter \[mJ\].
    pub energy_mj: Answer<u64>,
    /// Die temperature in whole degrees \[degC\].
    pub die_c: i32,
    /// Memory temperature in whole degrees \[degC\].
    pub memory_c: Answer<i32>,
    /// Whole kelvin left to software slowdown.
    pub margin_k: Answer<i32>,
}
