//! Warnings: GPUs that will slow down for heat soon if nothing changes.
//!
//! Responsible for: telling a limit that comes from a figure that jumps for a moment. Not for: how far a limit is
//! (`estimate`), or doing anything about it: caps and setpoints act upon headroom, long before.
//!
//! ```text
//! quiet --[nearer than SOON in LOOKS looks]--> warned --[farther than GONE]--> quiet
//! ```
//!
//! A GPU that is silent counts with its cap.

use crate::estimate::Estimate;
use headroom_belief::Binding;
use headroom_site::{Span, Stamp};

/// Time to the limit at which a warning begins, s, and from which on it is taken back.
const SOON_S: f64 = 150.0;
const GONE_S: f64 = 300.0;
/// Time between two looks, and looks in a row that make a warning.
const PERIOD: Span = Span::from_ms(5_000);
const LOOKS: u8 = 6;

/// A GPU that will slow down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warning {
    /// Index of the GPU.
    pub gpu: usize,
    /// Since when it stands.
    pub since: Stamp,
    /// Seconds to the limit at the last look.
    pub seconds: f64,
    /// Which limit.
    pub binding: Binding,
}

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    looks: u8,
    since: Option<Stamp>,
    seconds: f64,
    binding: Option<Binding>,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Warnings {
    gpus: Vec<Watched>,
    /// Those of which anything is kept: hardly any, so that the others are not looked at.
    open: Vec<bool>,
    looked: Option<Stamp>,
    standing: usize,
}

impl Warnings {
    /// For so many GPUs.
    #[must_use]
    pub fn new(gpus: usize) -> Self {
        Self { gpus: vec![Watched::default(); gpus], open: vec![false; gpus], looked: None, standing: 0 }
    }

    /// Looks at a belief, if it is time.
    pub fn look(&mut self, estimate: &Estimate) {
        let now = estimate.stamp;
        if self.looked.is_some_and(|at| now.since(at) < PERIOD) {
            return;
        }
        self.looked = Some(now);
        for (gpu, (open, near)) in self.open.iter_mut().zip(&estimate.near).enumerate() {
            if !*open && !near {
                continue;
            }
            let watched = &mut self.gpus[gpu];
            if watched.since.is_none() && !near {
                (watched.looks, *open) = (0, false);
                continue;
            }
            *open = true;
            // What is expected: what is only not sure is no reason to wake anybody.
            let h = estimate.headroom_at(gpu, 0.0);
            (watched.seconds, watched.binding) = (h.seconds, Some(h.binding));
            match watched.since {
                Some(_) if h.seconds > GONE_S || h.binding == Binding::Unknown => {
                    (*watched, *open) = (Watched::default(), false);
                }
                Some(_) => {}
                None if h.seconds > SOON_S || h.binding == Binding::Unknown => watched.looks = 0,
                None => {
                    watched.looks += 1;
                    watched.since = (watched.looks >= LOOKS).then_some(now);
                }
            }
        }
        let open = self.open.iter().zip(&self.gpus).filter(|(open, _)| **open);
        self.standing = open.filter(|(_, w)| w.since.is_some()).count();
    }

    /// How many stand.
    #[must_use]
    pub fn count(&self) -> usize {
        self.standing
    }

    /// Those that stand.
    pub fn standing(&self) -> impl Iterator<Item = Warning> + '_ {
        self.gpus.iter().enumerate().filter_map(|(gpu, w)| {
            Some(Warning { gpu, since: w.since?, seconds: w.seconds, binding: w.binding? })
        })
    }
}

#[cfg(test)]
mod tests;
