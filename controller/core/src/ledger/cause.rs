//! Why a GPU was throttled: NVML's reason joined with what was known at that instant.
//!
//! Responsible for: the causes, and which one a reason points to at once. Not for: what ails a loop (`loops`).

use serde::{Deserialize, Serialize};
use std::fmt;

/// What lies behind a throttle reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The work asks for more than the GPU's own highest cap.
    FullLoad,
    /// A cap of ours under a budget of the power tree.
    Budget,
    /// A cap of ours that is not a budget's: the last solution, or the guard while others are lowered.
    OwnCap,
    /// A cap that somebody else has set.
    ForeignCap,
    /// The external power brake of the feed.
    FeedBrake,
    /// This GPU warms more than its load explains.
    HotGpu,
    /// A pump, or a fan of a CRAH, has stopped.
    Pump,
    /// A chiller is not available.
    Chiller,
    /// The supply of the site was lost.
    Feed,
    /// An exchanger conducts less, or its valve does not move.
    Exchanger,
    /// Too little coolant passes the plates: gas, a strainer, a valve.
    Flow,
    /// The water stands at its setpoint, and that is too warm.
    Setpoint,
    /// All that cools runs, and the water is too warm all the same: the weather.
    Weather,
    /// Nothing that is known explains it.
    Unknown,
}

impl Cause {
    /// All of them, in the order of their indices.
    pub const ALL: [Self; 14] = [
        Self::FullLoad,
        Self::Budget,
        Self::OwnCap,
        Self::ForeignCap,
        Self::FeedBrake,
        Self::HotGpu,
        Self::Pump,
        Self::Chiller,
        Self::Feed,
        Self::Exchanger,
        Self::Flow,
        Self::Setpoint,
        Self::Weather,
        Self::Unknown,
    ];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullLoad => "full-load",
            Self::Budget => "budget",
            Self::OwnCap => "own-cap",
            Self::ForeignCap => "foreign-cap",
            Self::FeedBrake => "feed-brake",
            Self::HotGpu => "hot-gpu",
            Self::Pump => "pump",
            Self::Chiller => "chiller",
            Self::Feed => "feed",
            Self::Exchanger => "exchanger",
            Self::Flow => "flow",
            Self::Setpoint => "setpoint",
            Self::Weather => "weather",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FullLoad => "the work fills the GPU's highest cap",
            Self::Budget => "our cap under a budget",
            Self::OwnCap => "our cap",
            Self::ForeignCap => "a cap that somebody else set",
            Self::FeedBrake => "power brake of the feed",
            Self::HotGpu => "this GPU warms more than its load explains",
            Self::Pump => "a pump or fan stopped",
            Self::Chiller => "a chiller is not available",
            Self::Feed => "the feed was lost",
            Self::Exchanger => "an exchanger conducts less",
            Self::Flow => "too little coolant passes",
            Self::Setpoint => "the setpoint is too warm",
            Self::Weather => "heat rejection at its end: the weather",
            Self::Unknown => "not known",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_those_of_the_list() {
        for (i, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, i, "{cause}");
            assert_eq!(serde_name(cause), cause.name());
        }
    }

    fn serde_name(cause: Cause) -> String {
        use serde::de::IntoDeserializer;
        use serde::de::value::Error;
        let d: serde::de::value::StrDeserializer<'_, Error> = cause.name().into_deserializer();
        Cause::deserialize(d).map(|c| c.name().to_owned()).unwrap_or_default()
    }
}
