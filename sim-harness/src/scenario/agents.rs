//! The clocks of agents and the ways to them.
//!
//! Responsible for: the `[agents]` table. Not for: what comes of it (whoever runs agents in virtual time; on wires agents
//! are programs of their own with the machine's clock).
//!
//! ```toml
//! [agents]
//! clock-offset = "5 s"         # each node's clock is off by up to so much, either way
//! clock-drift = "100 ppm"      # and drifts by up to so much
//! delay = "1 ms"               # least time of a message, each way
//! jitter = "200 ms"            # on top of it, evenly spread
//! ```

use super::table::{TIMES, Table};

/// Parts per million as a share.
const DRIFTS: &[(&str, f64)] = &[("ppm", 1e-6)];

/// How far clocks of nodes are off, and how long messages take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentsSpec {
    /// Largest offset, s.
    pub offset_s: f64,
    /// Largest drift.
    pub drift: f64,
    /// Least delay each way, s.
    pub delay_s: f64,
    /// Largest delay beyond it, s.
    pub jitter_s: f64,
}

/// Reads the table.
pub(super) fn read(mut t: Table<'_>) -> AgentsSpec {
    let hour = (0.0, 3600.0);
    let offset_s = t.within(("clock-offset", "\"5 s\""), TIMES, hour);
    let drift = t.within(("clock-drift", "\"100 ppm\""), DRIFTS, (0.0, 1e-3));
    let delay_s = t.within(("delay", "\"1 ms\""), TIMES, hour);
    let jitter_s = t.within(("jitter", "\"200 ms\""), TIMES, hour);
    t.finish("`[agents]`", &["clock-offset", "clock-drift", "delay", "jitter"]);
    let or = |value: Option<f64>| value.unwrap_or(0.0);
    AgentsSpec { offset_s: or(offset_s), drift: or(drift), delay_s: or(delay_s), jitter_s: or(jitter_s) }
}
