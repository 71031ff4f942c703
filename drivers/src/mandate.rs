//! Leave to write: until an instant of this machine's own monotonic clock, looked at where bytes go out.
//!
//! Responsible for: the last gate in this process between a decision and the field. A process that stood still, wherever it was
//! when it stopped, finds its leave ended the moment it goes on. Not for: who gives the leave (the daemon's election), nor for
//! refusing what has left already (`headroom-guard` at each receiver, by epoch).

use crate::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Leave to write. Clones share it.
#[derive(Debug, Clone)]
pub struct Mandate(Arc<AtomicU64>);

impl Mandate {
    /// Of one that is alone: it never ends.
    #[must_use]
    pub fn unbounded() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// None yet.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Now, ns on the clock that it is counted by: monotonic, and counting while the machine sleeps.
    #[must_use]
    pub fn now_ns() -> u64 {
        clock::boot_ns()
    }

    /// It holds until then, ns as in [`Mandate::now_ns`]; 0 ends it.
    pub fn until(&self, ns: u64) {
        self.0.store(ns, Ordering::Release);
    }

    /// Ends it.
    pub fn end(&self) {
        self.until(0);
    }

    /// May something be written now?
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            u64::MAX => true,
            until => Self::now_ns() < until,
        }
    }

    /// How much longer it holds; `None` where it has no end.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        match self.0.load(Ordering::Acquire) {
            u64::MAX => None,
            until => Some(Duration::from_nanos(until.saturating_sub(Self::now_ns()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself_and_for_all_who_share_it() {
        assert!(Mandate::unbounded().holds() && !Mandate::none().holds());
        let (mandate, now) = (Mandate::none(), Mandate::now_ns());
        let shared = mandate.clone();
        mandate.until(now + 30_000_000);
        assert!(shared.holds() && shared.left().unwrap() <= Duration::from_millis(30));
        std::thread::sleep(Duration::from_millis(40));
        assert!(!shared.holds() && shared.left() == Some(Duration::ZERO));
        mandate.until(now + 3_600_000_000_000);
        assert!(shared.holds());
        mandate.end();
        assert!(!shared.holds());
    }
}
