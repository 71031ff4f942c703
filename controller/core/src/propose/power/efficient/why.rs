//! Why a job's clock is wanted where it is.

use headroom_site::model::Latency;
use std::fmt;

/// What decides a job's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClockWhy {
    /// None of its GPUs takes commands.
    NotOurs,
    /// Nothing is promised of it, so that nothing says how slow it may be.
    NoPromise,
    /// What is promised is not seen: no page of its engine shows it, or not now.
    Unseen(Latency),
    /// Not enough was seen yet.
    Learning,
    /// Any slower, and a promise would not be sure to hold.
    Promise {
        /// Which.
        of: Latency,
        /// Its expected mean at this clock, s.
        mean_s: f64,
        /// What was promised of 95 of 100 requests, s.
        promised_s: f64,
    },
    /// A promise is broken: faster until it holds again.
    Broken {
        /// Which.
        of: Latency,
        /// Share of the last requests that took longer.
        late: f64,
        /// What was promised, s.
        promised_s: f64,
    },
    /// On its way down, step by step.
    Lowering,
    /// As slow as saves anything, or as the policy has it.
    Lowest,
    /// Its power does not follow its clock.
    NothingToSave,
    /// Tokens come first.
    TokensFirst,
    /// Watts that a slower clock saves are worth less than the tokens it loses.
    TokensDearer,
    /// Tokens are given up for watts, within what may be lost.
    GivesUp {
        /// Share of its tokens.
        share: f64,
    },
}

fn of(latency: Latency) -> &'static str {
    match latency {
        Latency::FirstToken => "time to first token",
        Latency::PerOutputToken => "time per output token",
    }
}

impl fmt::Display for ClockWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotOurs => f.write_str("none of its GPUs takes commands"),
            Self::NoPromise => f.write_str("free: the policy promises no latency"),
            Self::Unseen(latency) => write!(f, "free: its {} is promised and not seen", of(latency)),
            Self::Learning => f.write_str("free: too little was seen yet"),
            Self::Promise { of: latency, mean_s, promised_s } => {
                write!(f, "{} {mean_s:.3} s in the mean, {promised_s:.3} s promised", of(latency))
            }
            Self::Broken { of: latency, late, promised_s } => {
                let late = late * 100.0;
                write!(
                    f,
                    "faster: {late:.0} % of the last requests over the {promised_s:.3} s promised, {}",
                    of(latency)
                )
            }
            Self::Lowering => f.write_str("coming down, a step at a time"),
            Self::Lowest => f.write_str("as low as saves anything"),
            Self::NothingToSave => f.write_str("its power does not follow its clock"),
            Self::TokensFirst => f.write_str("free: the policy puts tokens first"),
            Self::TokensDearer => f.write_str("free: tokens earn more than the watts for them cost"),
            Self::GivesUp { share } => write!(f, "gives up {:.1} % of its tokens for watts", share * 100.0),
        }
    }
}
