//! The straight line from snapshot to command, sans I/O: no clock, no async, no randomness. Same snapshots in, same
//! decisions out.
//!
//! ```text
//! Inbox -> align -> estimate -> outlook -> propose -> guard -> lease -> Tick
//! ```
//!
//! [`line::Line::tick`] is that line; each step is a room of its own:
//! - [`align`]: readings to one immutable [`Snapshot`];
//! - [`estimate`]: snapshot to belief with covariance and headroom;
//! - [`outlook`]: budgets, load, weather and price of the next hour;
//! - [`propose`]: what would be best; never trusted;
//! - [`guarding`]: the questions put to `headroom-guard`, which narrows or refuses;
//! - [`health`]: what ails the plant, told from what its points owe each other;
//! - [`lease`]: what is left becomes commands that expire;
//! - [`ledger`]: what it cost;
//! - [`metering`]: true joules of each GPU, with its sensor's gain learned beside a meter;
//! - [`warn`]: GPUs that will slow down for heat soon;
//! - [`places`]: headroom of racks, loops and feeds, for people;
//! - [`site_filter`]: the site's learned model beside the plant, and what it foresees;
//! - [`what_if`]: what would be if one thing were otherwise, for people;
//! - [`backtest`]: the plant of a recording, had its setpoints stood elsewhere;
//! - [`wants`]: the policy as the line needs it.

pub mod align;
pub mod backtest;
pub mod estimate;
pub mod guarding;
pub mod health;
pub mod lease;
pub mod ledger;
pub mod line;
pub mod metering;
pub mod outlook;
pub mod places;
pub mod propose;
pub mod site_filter;
pub mod topology;
pub mod wants;
pub mod warn;
pub mod what_if;
mod words;

pub use align::{Align, ClockView, Snapshot, Sources, Witness};
pub use estimate::{Estimate, Estimator};
pub use line::{Advice, Cause, Considered, HeldBack, Line, Tick};
pub use topology::Topology;
pub use wants::Wants;

#[cfg(test)]
mod tests;
