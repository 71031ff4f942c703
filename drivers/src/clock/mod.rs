//! Plant time: which instant it is, how sure that is, and how long to sleep.
//!
//! Responsible for: TAI stamps and a monotonic count for leases, from the host's clock or from a page of
//! shared memory through which a harness runs plant time faster than the wall. Not for: calendars.
//!
//! On a page, plant time is `t = t0 + rate * (m - m0)` with `m` the host's CLOCK_MONOTONIC, `m0` and `t0` the
//! page's epochs (ns) and `rate` in plant seconds per wall second. A change of rate moves the epochs to the
//! instant of the change, so `t` is continuous and never runs backwards.

mod page;
mod sys;

pub use page::{ClockPage, PageError};
pub(crate) use sys::boot_ns;

use headroom_site::{Span, Stamp};
use page::Epoch;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What to believe of the host's clock when the kernel does not say: unsynchronised machines drift
/// seconds per day.
const UNSYNCHRONISED: Span = Span::from_ms(1000);

/// The longest nap between two looks at the rate of a page, wall time: a harness that waits for somebody stops plant
/// time and lets it go on, and whoever slept through that would be late.
const NAP: Duration = Duration::from_millis(4);

#[derive(Debug, Clone)]
enum Source {
    Host,
    Page(Arc<page::Reader>),
}

/// A plant clock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

impl Clock {
    /// The host's clock: rate 1, TAI from the system's UTC.
    #[must_use]
    pub const fn host() -> Self {
        Self(Source::Host)
    }

    /// The clock of a page made by [`ClockPage::create`].
    ///
    /// # Errors
    /// The file cannot be read, or is not a clock page.
    pub fn page(path: &Path) -> Result<Self, PageError> {
        Ok(Self(Source::Page(Arc::new(page::Reader::open(path)?))))
    }

    /// The page's epoch and an instant at which it held.
    fn epoch(&self) -> Option<(Epoch, u64)> {
        match &self.0 {
            Source::Host => None,
            Source::Page(reader) => Some(reader.read()),
        }
    }

    /// Plant time now.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.epoch().map_or_else(
            || Stamp::from_unix_ns(sys::realtime_ns()),
            |(epoch, mono)| Stamp::from_tai_ns(epoch.at(mono)),
        )
    }

    /// How far [`Clock::now`] may be off: the kernel's estimate of its maximum error (`adjtimex`), 1 s if the
    /// kernel calls itself unsynchronised, 0 on a page.
    #[must_use]
    pub fn uncertainty(&self) -> Span {
        match self.0 {
            Source::Page(_) => Span::ZERO,
            Source::Host => sys::clock_error_ns().map_or(UNSYNCHRONISED, Span::from_ns),
        }
    }

    /// Plant seconds per wall second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.epoch().map_or(1.0, |(epoch, _)| epoch.rate)
    }

    /// A count of plant nanoseconds that never goes back: what leases are measured with. The same for every
    /// process of a host (or of a page), meaningless between hosts.
    #[must_use]
    pub fn mono_ns(&self) -> u64 {
        self.epoch()
            .map_or_else(sys::monotonic_ns, |(epoch, mono)| u64::try_from(epoch.at(mono)).unwrap_or(0))
    }

    /// How long a span of plant time takes on the wall at the present rate; an hour if plant time stands.
    #[must_use]
    pub fn wall(&self, span: Span) -> Duration {
        let rate = self.rate();
        let s = (span.s() / rate).clamp(0.0, 3600.0);
        if s.is_finite() { Duration::from_secs_f64(s) } else { Duration::from_secs(3600) }
    }

    /// How long to sleep toward a span of plant time before looking again: on a page the rate may change meanwhile.
    #[must_use]
    pub fn nap(&self, left: Span) -> Duration {
        let nap = self.wall(left);
        if matches!(self.0, Source::Page(_)) { nap.min(NAP) } else { nap }
    }

    /// Sleeps until plant time has reached a stamp, whatever becomes of the rate meanwhile.
    pub async fn sleep_until(&self, stamp: Stamp) {
        loop {
            let left = stamp.since(self.now());
            if left.ns() <= 0 {
                return;
            }
            tokio::time::sleep(self.nap(left)).await;
        }
    }
}

#[cfg(test)]
mod tests;
