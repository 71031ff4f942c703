//! Several controllers of one plant: which of them leads.
//!
//! Responsible for: one record in a store that every controller of a site reaches, and the leave to write that follows from it. Not
//! for: protecting the plant. A controller that was paused may believe that it leads; its orders are refused by their epoch at
//! each agent (`headroom-guard`), and nothing leaves its process once its leave has ended (`headroom_drivers::Mandate`).
//!
//! ```text
//!              nobody holds it, or its revision has stood still for a term
//!   STANDBY --------------------------------------------------------------> LEADER
//!      ^          swap(revision seen, mine, a higher epoch) succeeds          |
//!      +----------------------------------------------------------------------+
//!        half a term since the last renewal was begun, or another one holds it
//! ```
//!
//! The store need only compare and set ([`store::Store`]): it keeps no time. A leader counts half a term from before it asks, by its
//! own clock; the others count a whole one from after they saw its last renewal, by theirs. So one stops before the next begins, as
//! long as no clock runs twice as fast as another. A renewal that arrives late, after a queue or a pause, is refused for its
//! revision.
//!
//! The epoch of a leader is above any that the store, its own state folder or an agent's receipt has named. Beside it the record
//! carries what a successor must know and cannot read back: what operators have said, and where setpoints without a read-back
//! were asked to stand.

pub(crate) mod access;
mod etcd;
mod nats;
mod office;
mod presence;
pub(crate) mod record;
pub(crate) mod rule;
pub(crate) mod store;
mod task;
pub(crate) mod view;
mod wire;

pub(crate) use office::{Election, Farewell};
pub(crate) use store::{Options, StoreArgs};

#[cfg(test)]
mod tests;
