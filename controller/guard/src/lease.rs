//! The receiver's rule: is a command new, mine and in time?
//!
//! Responsible for epoch, sequence and age. Not for the value ([`crate::setpoint()`], [`crate::cap()`]) nor for how long
//! an accepted command lives ([`crate::Keeper`]).
//!
//! Age is measured on the receiver's own monotonic clock: each report carries a stamp of it, the sender sends the
//! newest stamp it has back (the echo), and `age = now - echo` is then a round trip on one clock. Neither clock
//! synchronisation nor a queue in a broker can make an old order look fresh. A command is accepted if and only if
//!
//! ```text
//! mode writes, not locked      echo.boot = mine      echo <= now      now - echo <= ttl, 0 < ttl <= MAX_TTL_MS
//! epoch >= highest seen        sequence > last seen in that epoch
//! ```
//!
//! and only an accepted command changes what the receiver remembers. The highest epoch must be on disk before the
//! first command of that epoch is carried out.

use core::fmt;

use crate::Mode;

/// The longest time to live a receiver takes: "for ever" cannot be said.
pub const MAX_TTL_MS: u64 = 300_000;

const NS_PER_MS: u64 = 1_000_000;

/// The receiver's own stamp, coming back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// The receiver's boot id: a new one for each start of its process.
    pub boot: u64,
    /// The receiver's monotonic clock when it sent the report, in ns.
    pub mono_ns: u64,
}

/// What every command carries besides its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The controller's term; a successor has a higher one.
    pub epoch: u64,
    /// Counts the commands of a term to this receiver.
    pub sequence: u64,
    /// How long it may be obeyed, in ms, counted from the echo's stamp.
    pub ttl_ms: u64,
    /// The receiver's own stamp.
    pub echo: Echo,
}

/// Why a command was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The mode does not write.
    Mode(Mode),
    /// An operator locked this receiver.
    Locked,
    /// The echo names another start of this process.
    Boot,
    /// The echo is from a time that has not been.
    Future,
    /// The time to live is zero or too long.
    Ttl(u64),
    /// Too old: age and time to live in ms.
    Stale(u64, u64),
    /// From a controller that has been succeeded: its epoch and the highest seen.
    Epoch(u64, u64),
    /// Seen already or overtaken: its sequence and the last accepted one.
    Sequence(u64, u64),
    /// What a former life left must be restored first.
    RestoreFirst,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "mode {mode} takes no commands"),
            Self::Locked => f.write_str("locked by an operator"),
            Self::Boot => f.write_str("meant for a former start of this process"),
            Self::Future => f.write_str("echoes a time that has not been"),
            Self::Ttl(ttl) => write!(f, "a time to live of {ttl} ms is not between 1 and {MAX_TTL_MS} ms"),
            Self::Stale(age, ttl) => write!(f, "{age} ms old, {ttl} ms to live"),
            Self::Epoch(epoch, highest) => write!(f, "controller epoch {epoch} was succeeded by {highest}"),
            Self::Sequence(sequence, last) => write!(f, "sequence {sequence} is not after {last}"),
            Self::RestoreFirst => f.write_str("the limits found at the start must be restored first"),
        }
    }
}

impl core::error::Error for Refusal {}

/// What a guard or an agent remembers of the commands it took. It starts silent: mode off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    boot: u64,
    epoch: u64,
    last: Option<u64>,
    mode: Mode,
    locked: bool,
}

impl Receiver {
    /// A receiver that has never heard a controller. `boot` must differ between any two starts.
    #[must_use]
    pub fn new(boot: u64) -> Self {
        Self::restored(boot, 0)
    }

    /// A receiver started again with the [`highest_epoch`](Self::highest_epoch) it kept. Sequences need no keeping:
    /// the new boot id turns away whatever was sent to the former life.
    #[must_use]
    pub fn restored(boot: u64, highest_epoch: u64) -> Self {
        Self { boot, epoch: highest_epoch, last: None, mode: Mode::Off, locked: false }
    }

    /// Sets the mode and the operator's lock; they hold until set again.
    pub fn set_gate(&mut self, mode: Mode, locked: bool) {
        self.mode = mode;
        self.locked = locked;
    }

    /// The stamp to put into a report sent at `now_mono_ns`.
    #[must_use]
    pub fn echo(&self, now_mono_ns: u64) -> Echo {
        Echo { boot: self.boot, mono_ns: now_mono_ns }
    }

    /// The highest epoch a command was accepted from.
    #[must_use]
    pub fn highest_epoch(&self) -> u64 {
        self.epoch
    }

    /// The last sequence accepted in that epoch.
    #[must_use]
    pub fn last_sequence(&self) -> Option<u64> {
        self.last
    }

    /// Accepts a command, or says why not.
    ///
    /// # Errors
    /// The first rule it breaks; then nothing is remembered of it.
    pub fn accept(&mut self, now_mono_ns: u64, lease: &Lease) -> Result<(), Refusal> {
        if !self.mode.may_write() {
            return Err(Refusal::Mode(self.mode));
        }
        if self.locked {
            return Err(Refusal::Locked);
        }
        if lease.echo.boot != self.boot {
            return Err(Refusal::Boot);
        }
        let Some(age_ns) = now_mono_ns.checked_sub(lease.echo.mono_ns) else {
            return Err(Refusal::Future);
        };
        if lease.ttl_ms == 0 || lease.ttl_ms > MAX_TTL_MS {
            return Err(Refusal::Ttl(lease.ttl_ms));
        }
        if age_ns > lease.ttl_ms * NS_PER_MS {
            return Err(Refusal::Stale(age_ns / NS_PER_MS, lease.ttl_ms));
        }
        if lease.epoch < self.epoch {
            return Err(Refusal::Epoch(lease.epoch, self.epoch));
        }
        if let Some(last) = self.last.filter(|&last| lease.epoch == self.epoch && lease.sequence <= last) {
            return Err(Refusal::Sequence(lease.sequence, last));
        }
        self.epoch = lease.epoch;
        self.last = Some(lease.sequence);
        Ok(())
    }
}
