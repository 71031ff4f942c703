//! The strategies that a score knows by name.
//!
//! Responsible for: names, order, and who acts on the world. Not for: how a strategy decides.

use headroom_sim::strategy::{self, Strategy};
use serde::{Deserialize, Serialize};

/// A strategy, in the order of the score file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Id {
    /// The plant on its own BMS, with the usual runbook.
    Baseline,
    /// Headroom.
    Headroom,
    /// A clairvoyant optimum on the truth.
    Limit,
    /// One power cap for all GPUs, at which no budget can be exceeded.
    StaticCap,
    /// Every 90 s the watts that some GPUs leave go to those that are held.
    Steering,
    /// Design setpoints all the time, no resets.
    Fixed,
}

impl Id {
    /// Every strategy.
    pub(crate) const ALL: [Self; 6] =
        [Self::Baseline, Self::Headroom, Self::Limit, Self::StaticCap, Self::Steering, Self::Fixed];

    /// Key in the score file and on the command line.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Headroom => "headroom",
            Self::Limit => "limit",
            Self::StaticCap => "static-cap",
            Self::Steering => "steering",
            Self::Fixed => "fixed",
        }
    }

    /// Name in tables.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Baseline => "own BMS",
            Self::Headroom => "Headroom",
            Self::Limit => "limit",
            Self::StaticCap => "static cap",
            Self::Steering => "steering",
            Self::Fixed => "fixed",
        }
    }

    /// How many times longer than the baseline a run takes, roughly; only the order of work depends on it.
    pub(crate) const fn effort(self) -> f64 {
        match self {
            Self::Headroom => 3.0,
            Self::Limit => 50.0,
            _ => 1.0,
        }
    }
}

/// A fresh strategy of an id; Headroom is none of these, since it sees the world only through the field.
pub(crate) fn of(id: Id) -> Option<Box<dyn Strategy>> {
    strategy::by_name(id.key())
}

/// Is there somebody to carry it out?
pub(crate) fn is_known(id: Id) -> bool {
    id == Id::Headroom || of(id).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn a_strategy_has_one_name_everywhere() {
        for id in Id::ALL {
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{}\"", id.key()));
            assert_eq!(id.to_possible_value().unwrap().get_name(), id.key());
        }
        for (name, _) in strategy::NAMES {
            assert!(Id::ALL.iter().any(|id| id.key() == name && is_known(*id)), "{name}");
        }
    }
}
