//! Quality of a reading: OPC UA's good / uncertain / bad, each with its reason (OPC UA Part 8).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a reading is less than good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing has arrived yet (BadWaitingForInitialData).
    NeverSeen,
    /// Older than its point allows (UncertainLastUsableValue).
    Stale,
    /// The source marked it as not trustworthy (DSX quality other than 1).
    SourceSaysBad,
    /// NaN, infinite, null or not a number.
    NotANumber,
    /// Outside the physical range of the point (UncertainEngineeringUnitsExceeded).
    OutOfRange,
    /// A value that the device uses for "no sensor" (BadSensorFailure).
    Sentinel,
    /// Time-out or lost connection (BadNoCommunication).
    NoCommunication,
    /// The device answered with an exception (BadDeviceFailure).
    DeviceFailure,
    /// The device does not offer this value (BadNotSupported).
    NotSupported,
    /// Event time lies in the future beyond tolerance.
    FutureStamp,
    /// Contradicted by other points (UncertainSensorNotAccurate, BadSensorFailure).
    Implausible,
    /// Does not move although what feeds it does (the same two).
    Flatline,
    /// Has moved faster than what it measures can (the same two).
    RateOfChange,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverSeen => "never seen",
            Self::Stale => "stale",
            Self::SourceSaysBad => "source says bad",
            Self::NotANumber => "not a number",
            Self::OutOfRange => "out of range",
            Self::Sentinel => "no-sensor value",
            Self::NoCommunication => "no communication",
            Self::DeviceFailure => "device failure",
            Self::NotSupported => "not supported",
            Self::FutureStamp => "stamp in the future",
            Self::Implausible => "implausible",
            Self::Flatline => "flatline",
            Self::RateOfChange => "rate of change",
        })
    }
}

/// Good, uncertain or bad. Control uses good; it may bridge with uncertain for a while; bad never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// Usable.
    Good,
    /// Usable with care, and why.
    Uncertain(Reason),
    /// Not usable, and why.
    Bad(Reason),
}

impl Quality {
    /// True if good.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good)
    }

    /// True unless bad.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        !matches!(self, Self::Bad(_))
    }

    /// The worse of two.
    #[must_use]
    pub const fn worst(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bad(_), _) => self,
            (_, Self::Bad(_)) => other,
            (Self::Uncertain(_), _) => self,
            _ => other,
        }
    }

    /// Upper 16 bits of the OPC UA status code that says the same.
    #[must_use]
    pub const fn opc_ua(self) -> u16 {
        match self {
            Self::Good => 0x0000,
            Self::Uncertain(Reason::Stale) => 0x4090,
            Self::Uncertain(Reason::OutOfRange) => 0x4094,
            Self::Uncertain(Reason::Implausible | Reason::Flatline | Reason::RateOfChange) => 0x4093,
            Self::Uncertain(_) => 0x4000,
            Self::Bad(Reason::NeverSeen) => 0x8032,
            Self::Bad(Reason::Sentinel | Reason::Implausible | Reason::Flatline | Reason::RateOfChange) => {
                0x808C
            }
            Self::Bad(Reason::NoCommunication) => 0x8031,
            Self::Bad(Reason::DeviceFailure) => 0x808B,
            Self::Bad(Reason::NotSupported) => 0x803D,
            Self::Bad(_) => 0x8000,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Uncertain(r) => write!(f, "uncertain ({r})"),
            Self::Bad(r) => write!(f, "bad ({r})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_that_lies_is_a_sensor_failure() {
        for reason in [Reason::Implausible, Reason::Flatline, Reason::RateOfChange] {
            assert_eq!(Quality::Bad(reason).opc_ua(), 0x808C);
            assert_eq!(Quality::Uncertain(reason).opc_ua(), 0x4093);
        }
    }

    #[test]
    fn worst_is_commutative_in_severity() {
        let all = [Quality::Good, Quality::Uncertain(Reason::Stale), Quality::Bad(Reason::Sentinel)];
        for a in all {
            for b in all {
                assert_eq!(a.worst(b).opc_ua() >> 14, b.worst(a).opc_ua() >> 14);
            }
        }
    }
}
