//! The strategies that a score knows by name.
//!
//! Responsible for: names, order, and who acts on the world. Not for: how a strategy decides.

use headroom_policies::CoolingStrategy;
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
    /// Headroom, as the policy wants it.
    Headroom,
    /// Headroom with the policy's cooling held: setpoints stay as they are.
    Hold,
    /// Headroom with trim and respond in place of the policy's cooling.
    TrimAndRespond,
    /// Headroom with PID in place of the policy's cooling.
    Pid,
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
    pub(crate) const ALL: [Self; 9] = [
        Self::Baseline,
        Self::Headroom,
        Self::Hold,
        Self::TrimAndRespond,
        Self::Pid,
        Self::Limit,
        Self::StaticCap,
        Self::Steering,
        Self::Fixed,
    ];

    /// Key in the score file and on the command line.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Headroom => "headroom",
            Self::Hold => "hold",
            Self::TrimAndRespond => "trim-and-respond",
            Self::Pid => "pid",
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
            Self::Hold => "held",
            Self::TrimAndRespond => "trim+respond",
            Self::Pid => "PID",
            Self::Limit => "limit",
            Self::StaticCap => "static cap",
            Self::Steering => "steering",
            Self::Fixed => "fixed",
        }
    }

    /// How Headroom decides cooling in place of what the policy wants; nothing for the policy itself and for all others.
    pub(crate) const fn cooling(self) -> Option<CoolingStrategy> {
        match self {
            Self::Hold => Some(CoolingStrategy::Hold),
            Self::TrimAndRespond => Some(CoolingStrategy::TrimAndRespond),
            Self::Pid => Some(CoolingStrategy::Pid),
            _ => None,
        }
    }

    /// Does Headroom run the plant, whatever the policy?
    pub(crate) const fn is_headroom(self) -> bool {
        matches!(self, Self::Headroom | Self::Hold | Self::TrimAndRespond | Self::Pid)
    }

    /// How many times longer than the baseline a run takes, roughly; only the order of work depends on it.
    pub(crate) const fn effort(self) -> f64 {
        match self {
            _ if self.is_headroom() => 3.0,
            Self::Limit => 50.0,
            _ => 1.0,
        }
    }
}

/// A fresh strategy of an id; Headroom, with whatever cooling, is none of these, since it sees the world only through the field.
pub(crate) fn of(id: Id) -> Option<Box<dyn Strategy>> {
    strategy::by_name(id.key())
}

/// Is there somebody to carry it out?
pub(crate) fn is_known(id: Id) -> bool {
    id.is_headroom() || of(id).is_some()
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
            // A way of cooling is called as in a policy, and each id is somebody's.
            assert!(id.cooling().is_none_or(|c| c.to_string() == id.key()) && is_known(id), "{}", id.key());
            assert_eq!(id.is_headroom(), id == Id::Headroom || id.cooling().is_some());
        }
        for (name, _) in strategy::NAMES {
            assert!(Id::ALL.iter().any(|id| id.key() == name && is_known(*id)), "{name}");
        }
    }
}
