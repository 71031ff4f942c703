//! Power: a cap for each GPU under every budget of the tree, and one clock inside each job.
//!
//! Firmware that meets a cap throttles, each GPU for itself; so the clock that the plant can hold is chosen here and
//! locked, and the cap stands a little above as the hard ceiling. Where nothing binds, a job runs at the lowest clock that
//! keeps what is promised of it ([`Efficient`]), or freely; then no cap is written.

mod efficient;
mod heat;
mod ramp;
mod steady;
mod swing;
pub mod tree;

pub use efficient::{ClockWhy, Efficient, JobClock};
pub use heat::TAU_S;
pub use ramp::SiteRamp;
pub use steady::{BranchBound, CAP_ABOVE, CapBounds, Steady, THERMAL_RESERVE_K};
pub use swing::SiteSwing;

/// What is proposed for each GPU.
#[derive(Debug, PartialEq, Default)]
pub struct CapProposal {
    /// Cap, W; equal to the GPU's highest cap where nothing binds.
    pub cap_w: Vec<f64>,
    /// Highest clock, MHz; `None` where nothing binds.
    pub lock_mhz: Vec<Option<f64>>,
    /// Some branch, temperature or job binds.
    pub binds: bool,
    /// Branches whose floors alone exceed their budget.
    pub infeasible: Vec<usize>,
    /// Which solution this is: as long as one serves, nobody needs to copy or compare it. `None` where it was changed since.
    pub solution: Option<u64>,
}

impl Clone for CapProposal {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    /// Every tick copies one; the memory stays.
    fn clone_from(&mut self, other: &Self) {
        let Self { cap_w, lock_mhz, binds, infeasible, solution } = other;
        self.solution = *solution;
        self.cap_w.clone_from(cap_w);
        self.lock_mhz.clone_from(lock_mhz);
        self.infeasible.clone_from(infeasible);
        self.binds = *binds;
    }
}
