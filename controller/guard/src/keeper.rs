//! How long a node keeps what it was told.
//!
//! Responsible for when a node's GPUs go back to the limits found at the start. Not for the writing, nor for
//! whether a command is good ([`crate::Receiver`]).
//!
//! ```text
//!                        accept                        accept (cancels the release)
//!        Found ----------------------> Held <--------------------------------+
//!   restore: no                        |  ^ accept                           |
//!     ^   ^                            +--+                                  |
//!     |   |                             | poll at T/2 after the last accept  |
//!     |   |                             v                                    |
//!     |   +---- released ---------- Releasing { at } ------------------------+
//!     |                                 ^    poll from `at` on: Action::Release, again until `released`
//!     | released                        | let_go (exit, operator)
//!   Found, restore: yes  (a process just started; polls say Release; accepts nothing)
//! ```
//!
//! The instant of release after an accept at `t0` with time to live `T`, poll period `p` and a random `u` in [0, 1):
//!
//! ```text
//! at = t0 + T/2 + u max(T/2 - p, 0)
//! ```
//!
//! (with `T >= 2 p`) so that nodes that lose their controller together let go one by one (the sum of power rises as a ramp, not
//! as a step), and a node polled every `p` has been told to let go within one `T` of its last command.

use crate::Refusal;

const NS_PER_MS: u64 = 1_000_000;

/// What the node holds. Instants are on its monotonic clock, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The GPUs are as found, or `restore` says that this must be seen to first.
    Found {
        /// A former life may have left something behind.
        restore: bool,
    },
    /// A command is in force and fresh.
    Held {
        /// When it stops being fresh.
        until_ns: u64,
        /// When it will be let go if nothing new comes.
        release_ns: u64,
    },
    /// No fresh command; it will be let go.
    Releasing {
        /// From when on.
        at_ns: u64,
    },
}

/// What the agent has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing.
    None,
    /// Put the limits found at the start back, then call [`Keeper::released`].
    Release,
}

/// The lease life of one node's GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeper {
    state: State,
    period_ns: u64,
}

impl Keeper {
    /// A keeper in a process that has just started: it demands a restore first. `period_ms` is the longest time
    /// between two polls.
    #[must_use]
    pub fn new(period_ms: u64) -> Self {
        Self { state: State::Found { restore: true }, period_ns: period_ms.saturating_mul(NS_PER_MS) }
    }

    /// What the node holds.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// A command was accepted at `now_ns`; `random` is any number, drawn anew each time.
    ///
    /// # Errors
    /// [`Refusal::RestoreFirst`] until the restore after the start has been done: do not apply the command.
    pub fn on_accept(&mut self, now_ns: u64, ttl_ms: u64, random: u64) -> Result<(), Refusal> {
        if self.state == (State::Found { restore: true }) {
            return Err(Refusal::RestoreFirst);
        }
        let half_ns = ttl_ms.saturating_mul(NS_PER_MS) / 2;
        let spread_ns = half_ns.saturating_sub(self.period_ns);
        let until_ns = now_ns.saturating_add(half_ns);
        self.state = State::Held { until_ns, release_ns: until_ns.saturating_add(share(spread_ns, random)) };
        Ok(())
    }

    /// What has to be done at `now_ns`.
    pub fn poll(&mut self, now_ns: u64) -> Action {
        if let State::Held { until_ns, release_ns } = self.state
            && now_ns >= until_ns
        {
            self.state = State::Releasing { at_ns: release_ns };
        }
        match self.state {
            State::Found { restore: true } => Action::Release,
            State::Releasing { at_ns } if now_ns >= at_ns => Action::Release,
            State::Found { .. } | State::Held { .. } | State::Releasing { .. } => Action::None,
        }
    }

    /// Lets go at once: exit, operator, lock.
    pub fn let_go(&mut self, now_ns: u64) {
        if matches!(self.state, State::Held { .. } | State::Releasing { .. }) {
            self.state = State::Releasing { at_ns: now_ns };
        }
    }

    /// The limits found at the start are back, and were read back.
    /// Ignored while a command is in force: one that was accepted meanwhile is not forgotten.
    pub fn released(&mut self) {
        if !matches!(self.state, State::Held { .. }) {
            self.state = State::Found { restore: false };
        }
    }
}

/// `whole * random / 2^64`: a share of `whole`, uniform where `random` is.
fn share(whole: u64, random: u64) -> u64 {
    // The upper half of a 128-bit product of two 64-bit numbers fits.
    ((u128::from(whole) * u128::from(random)) >> 64) as u64
}
