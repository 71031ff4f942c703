//! Strategies: who acts on a plant, other than Headroom.
//!
//! Responsible for: what sites do today (to be beaten) and what could be done at best (to be approached).
//! Not for: judging ([`crate::score`]) or Headroom itself (the daemon runs it).
//!
//! [`Strategy::act`] is called before every step of a world. All but `limit` act on what meters and NVML show.
//!
//! | id | what it does |
//! | --- | --- |
//! | `baseline` | the plant's own BMS with Guideline 36 resets, GPUs at their default caps, a runbook for curtailments |
//! | `static-cap` | one cap for all GPUs, at which no branch of the power tree can exceed its budget |
//! | `steering` | every 90 s the watts that some GPUs leave are given to those that are held |
//! | `fixed` | design setpoints all year, no resets |
//! | `limit` | clairvoyant search on copies of the true world: how far anyone could get |

mod baseline;
mod fixed;
mod limit;
mod meters;
mod static_cap;
mod steering;
#[cfg(test)]
mod tests;

pub use baseline::Baseline;
pub use fixed::{Fixed, FixedSetpoints};
pub use limit::{Limit, LimitConfig};
pub use static_cap::StaticCap;
pub use steering::Steering;

use crate::world::World;

/// Somebody who acts on a world.
pub trait Strategy: Send {
    /// Its id, as in [`NAMES`].
    fn name(&self) -> &'static str;
    /// Acts before a step of the world.
    fn act(&mut self, world: &mut World);
}

/// Ids of all strategies, each with what it does in one line.
pub const NAMES: [(&str, &str); 5] = [
    ("baseline", "own BMS with Guideline 36 resets, default caps, runbook for curtailments"),
    ("static-cap", "one cap for all GPUs that keeps every budget whatever runs; own BMS"),
    ("steering", "power steering every 90 s: watts left unused go to GPUs that are held; own BMS"),
    ("fixed", "design setpoints all the time, no resets; default caps, runbook"),
    ("limit", "clairvoyant search on copies of the true world: what is achievable"),
];

/// A fresh strategy of an id.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Strategy>> {
    match name {
        "baseline" => Some(Box::new(Baseline::new())),
        "static-cap" => Some(Box::new(StaticCap::new())),
        "steering" => Some(Box::new(Steering::new())),
        "fixed" => Some(Box::new(Fixed::new(FixedSetpoints::default()))),
        "limit" => Some(Box::new(Limit::new(LimitConfig::default()))),
        _ => None,
    }
}
