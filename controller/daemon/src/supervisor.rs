//! What the service manager is told: ready, alive, stopping (sd_notify(3)).
//!
//! Responsible for: saying so, and for a watchdog that leaves the loop three periods. Without a manager
//! (`$NOTIFY_SOCKET` unset) nothing is said. Not for: ending a loop that hangs; that is what the manager is for.
//!
//! ```text
//!   started --first tick ended--> READY=1 --each tick ended--> WATCHDOG=1 --told to end--> STOPPING=1
//! ```

use headroom_site::Span;
use sd_notify::NotifyState;
use std::time::Duration;

/// Periods that a loop may be late before it counts as hung.
const PERIODS: f64 = 3.0;

/// A loop and who watches it.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    ready: bool,
    watched: bool,
}

impl Supervisor {
    /// For a loop of this period. Where the manager's patience is shorter than three of them, it is asked for three.
    pub(crate) fn of(period: Span) -> Self {
        let least = Duration::from_secs_f64(period.s().max(0.0) * PERIODS);
        let patience = sd_notify::watchdog_enabled();
        if let Some(longer) = longer(patience, least) {
            tell(&[NotifyState::WatchdogUsec(longer)]);
        }
        Self { ready: false, watched: patience.is_some() }
    }

    /// A tick has ended, and what it decided is on its way.
    pub(crate) fn ticked(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            tell(&[NotifyState::Ready, NotifyState::Status("ticking")]);
        } else if self.watched {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// Everything is being let go.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("letting go")]);
}

/// The patience to ask for, µs, where the manager's is too short.
fn longer(patience: Option<Duration>, least: Duration) -> Option<u32> {
    patience.filter(|p| *p < least).map(|_| u32::try_from(least.as_micros()).unwrap_or(u32::MAX))
}

/// A manager that does not listen changes nothing for the plant.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_waits_three_periods_at_least() {
        let s = Duration::from_secs;
        assert_eq!(longer(None, s(30)), None);
        assert_eq!(longer(Some(s(5)), s(3)), None);
        assert_eq!(longer(Some(s(5)), s(30)), Some(30_000_000));
        assert_eq!(longer(Some(s(5)), s(1 << 20)), Some(u32::MAX));
    }
}
