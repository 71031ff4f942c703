//! The strategies that a score knows by name.
//!
//! Responsible for: names, order, and who acts on the world. Not for: how a strategy decides.

use headroom_sim::score::Baseline;
use headroom_sim::world::World;
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
    /// One power cap for all GPUs, for good.
    StaticCap,
    /// Power steered every 90 s.
    Steering,
    /// Setpoints and caps fixed in advance.
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
            Self::Limit => 30.0,
            _ => 1.0,
        }
    }
}

/// What acts on a world before each of its steps.
pub(crate) trait Strategy {
    /// Acts by what it sees.
    fn act(&mut self, world: &mut World);
}

impl Strategy for Baseline {
    fn act(&mut self, world: &mut World) {
        Baseline::act(self, world);
    }
}

/// The strategy of an id; Headroom is none of these, since it sees the world only through the field.
pub(crate) fn of(id: Id, _world: &World) -> Option<Box<dyn Strategy>> {
    match id {
        Id::Baseline => Some(Box::new(Baseline::new())),
        _ => None,
    }
}
