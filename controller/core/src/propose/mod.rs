//! Propose: what would be best. A proposal is never trusted; the guard has the last word.
//!
//! A new kind of behaviour is one file here: [`power`] decides caps and clocks, [`cooling`] decides setpoints,
//! [`excite`] moves them for a while so that the model of the site can be learned.

pub mod cooling;
pub mod excite;
pub mod power;
mod stepwise;

pub use stepwise::Stepwise;

use headroom_site::InstructionKind;
use std::fmt;

/// Why a value was proposed.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The strategy leaves things as they are.
    Hold,
    /// What the setpoint moves is not seen.
    Unseen,
    /// The sensor of what it moves stands still.
    StandsStill,
    /// Nobody says any more where it stands.
    HandBack,
    /// More room than wanted, and moving saves.
    Relax {
        /// Room beyond what is wanted, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
        /// Watts saved per unit moved, estimated.
        saves_w_per_unit: f64,
    },
    /// Less room than wanted.
    Tighten {
        /// Room missing.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// More room than wanted, but what is upstream can relax first, at no cost in leakage.
    UpstreamFirst {
        /// Room beyond what is wanted.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// More room than wanted, but what it holds has moved so far within the quarter hour that the rest is for the load.
    Swings {
        /// By how much it has moved, K.
        by_k: f64,
    },
    /// More room than wanted, but the plant has yet to follow the last move.
    Underway {
        /// Room beyond what is wanted, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// More room than wanted, but so little that readings make as much from tick to tick, and it tightened last.
    Rests {
        /// Room beyond what is wanted, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// As a simpler strategy has it.
    Stepwise(Stepwise),
    /// Part of a plan for the next hour, made on the model of the site.
    Plan {
        /// Room beyond what is wanted now, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
        /// How far from where it stands it is to be in an hour, base unit.
        hour: f64,
    },
    /// Cooling is nearly free now, and a cooler die leaks less.
    Cooler {
        /// Watts that a warmer unit would save, estimated.
        saves_w_per_unit: f64,
        /// Watts that it would cost, estimated.
        costs_w_per_unit: f64,
    },
    /// It stands cooler than the plant would hold it, and its valves are open beyond what is wanted: they come first.
    Warmer {
        /// Room of the valves beyond what is wanted, K-equivalent; less than nothing.
        slack_k: f64,
    },
    /// An operator has said so.
    Operator(InstructionKind),
    /// An experiment is on: setpoints move so that the model can be learned.
    Excite {
        /// Distance from the value it moves around, base unit.
        offset: f64,
        /// Time left, s.
        left_s: f64,
    },
    /// The experiment broke off for this actuator: back to where it stood.
    BrokeOff {
        /// Room left, K or K-equivalent.
        slack_k: f64,
        /// What binds.
        by: Binds,
    },
    /// Room is there, but moving would cost more (leakage) than it saves.
    NothingToSave {
        /// Watts saved per unit moved, estimated.
        saves_w_per_unit: f64,
        /// Watts it costs per unit moved, estimated.
        costs_w_per_unit: f64,
    },
}

/// What binds a setpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binds {
    /// A GPU at full load (index).
    Gpu(usize),
    /// A limited point (index).
    Point(usize),
    /// Least flow of a rack (index).
    Flow(usize),
    /// A setpoint downstream that could not be held (actuator index).
    Downstream(usize),
    /// Nothing downstream is known.
    Unknown,
}

impl fmt::Display for Binds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpu(i) => write!(f, "GPU {i} at full load"),
            Self::Point(i) => write!(f, "the limit of point {i}"),
            Self::Flow(i) => write!(f, "the least flow of rack {i}"),
            Self::Downstream(i) => write!(f, "the hold of setpoint {i} downstream"),
            Self::Unknown => f.write_str("nothing known downstream"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold => f.write_str("hold"),
            Self::Unseen => f.write_str("what it moves is not seen: back to what the plant holds by itself"),
            Self::StandsStill => f.write_str(
                "the sensor of what it moves stands still: to what that shows, so that its loop rests",
            ),
            Self::Swings { by_k } => {
                write!(
                    f,
                    "hold: it moved by {by_k:.1} K within a quarter of an hour; the rest of 5 K is for the load"
                )
            }
            Self::Operator(kind) => write!(f, "hold: {kind}"),
            Self::HandBack => {
                f.write_str("where it stands is not read back any more: handed back to the plant by its ramp")
            }
            Self::Relax { slack_k, by, saves_w_per_unit } => {
                write!(
                    f,
                    "relax: {slack_k:.1} K to spare before {by}; saves about {saves_w_per_unit:.0} W per unit"
                )
            }
            Self::UpstreamFirst { slack_k, by } => {
                write!(f, "hold: {slack_k:.1} K to spare before {by}, but what is upstream relaxes first")
            }
            Self::Underway { slack_k, by } => {
                write!(f, "hold: {slack_k:.1} K to spare before {by}, but the last move is still under way")
            }
            Self::Rests { slack_k, by } => {
                write!(f, "hold: {slack_k:.1} K to spare before {by}, too little to move for")
            }
            Self::Tighten { slack_k, by } => {
                write!(f, "tighten: {:.1} K short of what is wanted before {by}", -slack_k)
            }
            Self::Stepwise(why) => why.fmt(f),
            Self::Plan { slack_k, by, hour } => {
                write!(f, "plan: {hour:+.2} within the hour; {slack_k:.1} K to spare now before {by}")
            }
            Self::Cooler { saves_w_per_unit, costs_w_per_unit } => write!(
                f,
                "cooler: a warmer unit would save {saves_w_per_unit:.0} W and cost {costs_w_per_unit:.0} W in leakage"
            ),
            Self::Warmer { slack_k } => {
                write!(f, "warmer: its valves lack {:.1} K of room to hold it this cool", -slack_k)
            }
            Self::Excite { offset, left_s } => {
                write!(f, "excite: {offset:+.2} around where it stood, {:.0} min left", left_s / 60.0)
            }
            Self::BrokeOff { slack_k, by } => {
                write!(f, "broke off: {:.1} K short of what is wanted before {by}", -slack_k)
            }
            Self::NothingToSave { saves_w_per_unit, costs_w_per_unit } => {
                write!(
                    f,
                    "hold: a unit would save {saves_w_per_unit:.0} W and cost {costs_w_per_unit:.0} W in leakage"
                )
            }
        }
    }
}
