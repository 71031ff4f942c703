//! The guard: the only thing between a proposal and the plant.
//!
//! **Responsible for** narrowing or refusing what the optimiser proposes, from static tables and the last
//! read-back alone, and for the life of a command at its receiver:
//!
//! | question | function |
//! | --- | --- |
//! | may this cooling setpoint be written now, and how far? | [`setpoint`] |
//! | do these GPU caps fit every branch of the power tree? | [`caps`] |
//! | may this GPU take this cap or this clock lock? | [`cap`], [`lock`] |
//! | is this command new, mine and in time? | [`Receiver`] |
//! | how long may a node keep what it was told? | [`Keeper`] |
//! | who may write in which mode? | [`Mode`], [`transition`] |
//! | is it safe to walk away for a minute? | [`hold_safe`] |
//!
//! **Not for** deciding what would be good: it knows no objective, no model, no clock and no I/O, and it
//! allocates nothing. It claims no safety integrity level: trips, leak and flow interlocks stay in PLC, BMC
//! and GPU.
//!
//! Three rules hold everywhere, and the property tests hold the code to them:
//! 1. *It never widens.* What leaves lies between what stands and what was proposed, or on the safe side of both.
//! 2. *Unknown is worst.* A missing, old or non-finite input never permits more than a good one.
//! 3. *Letting go is always allowed.* A refusal means "write nothing": the lease runs out and the device
//!    returns by itself. Only [`caps`] lowers instead of refusing where it can, since letting caps go is not safe.
#![no_std]
#![forbid(unsafe_code)]

mod caps;
mod gpu;
mod hold;
mod keeper;
mod lease;
mod mode;
mod reason;
mod setpoint;
mod state;

pub use caps::{Branch, CapsVerdict, Gpus, Raise, Tree, caps};
pub use gpu::{CapLimits, Clock, LockLimits, cap, lock};
pub use hold::{HOLD_S, Watch, hold_safe};
pub use keeper::{Action, Keeper, State};
pub use lease::{Echo, Lease, MAX_TTL_MS, Receiver, Refusal};
pub use mode::{Grounds, Mode, transition};
pub use reason::{Reason, Verdict};
pub use setpoint::{Bound, Context, Envelope, Relax, setpoint};
pub use state::SetpointState;
