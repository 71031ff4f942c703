//! What is found: the fault, whose it is, how large, since when, and what speaks for it.
//!
//! Responsible for: the words. Not for: finding it.

use headroom_site::{Dimension, PointId, Stamp};
use std::fmt;

/// What ails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ailment {
    /// An exchanger or a tower conducts less.
    Fouling,
    /// A pump makes less head.
    PumpWear,
    /// Gas where liquid should be: at a pump, or in the plates of a rack.
    Air,
    /// A strainer lets less through.
    Clogging,
    /// The stem of a valve moves in jumps.
    ValveSticks,
    /// A valve does not move.
    ValveStuck,
    /// A sensor shows another value than is.
    SensorOff,
    /// Two sensors show each other's values.
    SensorsSwapped,
    /// A GPU warms more than its load explains.
    HotGpu,
}

impl Ailment {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Fouling,
        Self::PumpWear,
        Self::Air,
        Self::Clogging,
        Self::ValveSticks,
        Self::ValveStuck,
        Self::SensorOff,
        Self::SensorsSwapped,
        Self::HotGpu,
    ];

    /// Its name in files and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fouling => "fouling",
            Self::PumpWear => "pump-wear",
            Self::Air => "air",
            Self::Clogging => "clogging",
            Self::ValveSticks => "valve-sticks",
            Self::ValveStuck => "valve-stuck",
            Self::SensorOff => "sensor-off",
            Self::SensorsSwapped => "sensors-swapped",
            Self::HotGpu => "hot-gpu",
        }
    }
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// A piece of equipment, by index.
    Equipment(usize),
    /// A rack, by index into [`crate::Topology::racks`].
    Rack(usize),
    /// A point.
    Point(PointId),
    /// Two points.
    Points(PointId, PointId),
    /// A GPU, by index.
    Gpu(usize),
}

/// How large it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// Share lost.
    Share {
        /// Of 1.
        lost: f64,
        /// Standard deviation.
        sigma: f64,
    },
    /// So much more than is, base unit of a point of this dimension.
    Off {
        /// How much.
        by: f64,
        /// Standard deviation.
        sigma: f64,
        /// Of the point.
        dimension: Dimension,
    },
    /// So many times what is.
    Factor {
        /// Of 1.
        factor: f64,
        /// Standard deviation of its logarithm.
        sigma: f64,
    },
    /// Least step of a stem, share of the stroke.
    Steps(f64),
    /// What a loop is off its setpoint, K.
    Away(f64),
    /// They change places: there is no size.
    Places,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { lost, sigma } => write!(f, "{:.0} +- {:.0} % lost", 100.0 * lost, 100.0 * sigma),
            Self::Off { by, sigma, dimension: Dimension::Temperature } => {
                write!(f, "{by:+.1} +- {sigma:.1} K off")
            }
            Self::Off { by, sigma, dimension } => {
                write!(f, "{by:+.1} +- {sigma:.1} {} off", dimension.base())
            }
            Self::Factor { factor, sigma } => write!(f, "{factor:.2} +- {:.2} times", factor * sigma),
            Self::Steps(least) => write!(f, "in steps of {:.1} % and more", 100.0 * least),
            Self::Away(by) => write!(f, "{by:+.1} K off its setpoint"),
            Self::Places => f.write_str("in each other's place"),
        }
    }
}

/// What speaks for it: an equation or a figure, how far it is off what is usual, and its standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// What is compared.
    pub what: String,
    /// How far off, K or a share.
    pub by: f64,
    /// Standard deviation.
    pub sigma: f64,
    /// In kelvin; else a share.
    pub in_kelvin: bool,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, by, sigma, in_kelvin } = self;
        if *in_kelvin {
            write!(f, "{what} {by:+.2} +- {sigma:.2} K")
        } else {
            write!(f, "{what} {:+.0} +- {:.0} %", 100.0 * by.exp_m1(), 100.0 * sigma)
        }
    }
}

/// A fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What.
    pub ailment: Ailment,
    /// Whose.
    pub whose: Whose,
    /// How large.
    pub size: Size,
    /// Since when.
    pub since: Stamp,
    /// What else it may be, if something explains it nearly as well.
    pub or: Option<(Ailment, Whose)>,
    /// What speaks for it.
    pub evidence: Vec<Witness>,
}
