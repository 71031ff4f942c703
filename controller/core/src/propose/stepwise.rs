//! Why the simpler strategies, trim and respond and PID, propose what they do. Not for: deciding (`cooling`).

use super::Binds;
use std::fmt;

/// Why a value was proposed by trim and respond or PID.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stepwise {
    /// Few ask for more cooling: a step toward saving.
    Trim {
        /// Room beyond what is wanted, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// So many ask for more cooling that it responds.
    Respond {
        /// Requests.
        requests: u32,
        /// Room where least is left, less than nothing.
        slack_k: f64,
        /// What binds there.
        by: Binds,
    },
    /// It waits for the next time step, or there is no room for another.
    Between {
        /// Requests.
        requests: u32,
        /// Room beyond what is wanted.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// What it serves is not seen, which counts as the worst: toward what the plant holds by itself.
    Missing {
        /// What is not seen.
        what: Binds,
    },
    /// A loop holds the wanted room.
    Regulate {
        /// Room beyond what is wanted; less than nothing where it is missing.
        slack_k: f64,
        /// What binds.
        by: Binds,
        /// Moves, K or K-equivalent, relaxing counted up: for the change of room, for room itself, for the load ahead.
        moves_k: [f64; 3],
    },
    /// More room than wanted, but another setpoint saves more by using it.
    OtherFirst {
        /// Room beyond what is wanted.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
}

impl Stepwise {
    /// What binds.
    #[must_use]
    pub const fn by(&self) -> Binds {
        match self {
            Self::Trim { by, .. }
            | Self::Respond { by, .. }
            | Self::Between { by, .. }
            | Self::Missing { what: by }
            | Self::Regulate { by, .. }
            | Self::OtherFirst { by, .. } => *by,
        }
    }

    /// Room beyond what is wanted, K or K-equivalent; none where it is not known.
    #[must_use]
    pub const fn slack_k(&self) -> Option<f64> {
        match self {
            Self::Trim { slack_k, .. }
            | Self::Respond { slack_k, .. }
            | Self::Between { slack_k, .. }
            | Self::Regulate { slack_k, .. }
            | Self::OtherFirst { slack_k, .. } => Some(*slack_k),
            Self::Missing { .. } => None,
        }
    }
}

impl fmt::Display for Stepwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = |n: u32| format!("{n} request{}", if n == 1 { "" } else { "s" });
        match *self {
            Self::Trim { slack_k, by } => {
                write!(f, "trim: no request stands; {slack_k:.1} K to spare before {by}")
            }
            Self::Respond { requests, slack_k, by } => write!(
                f,
                "respond: {} for cooling; {:.1} K short of what is wanted before {by}",
                asked(requests),
                -slack_k
            ),
            Self::Between { requests: 0, slack_k, by } => {
                write!(f, "hold: no request stands, but no trim yet; {slack_k:.1} K to spare before {by}")
            }
            Self::Between { requests, slack_k, by } => write!(
                f,
                "hold: {} answered a moment ago; {:.1} K short of what is wanted before {by}",
                asked(requests),
                -slack_k
            ),
            Self::Missing { what } => write!(
                f,
                "tighten: not seen is {what}, which counts as the worst: toward what the plant holds by itself"
            ),
            Self::Regulate { slack_k, by, moves_k: [change, room, load] } => write!(
                f,
                "regulate: {slack_k:+.1} K of room before {by}; {change:+.2} K for its change, {room:+.2} K for what it is, \
                 {load:+.2} K for the load"
            ),
            Self::OtherFirst { slack_k, by } => {
                write!(
                    f,
                    "hold: {slack_k:.1} K to spare before {by}, but another setpoint saves more with it"
                )
            }
        }
    }
}
