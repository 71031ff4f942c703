//! Modes of an actuator group: who may write.
//!
//! Responsible for the ladder and its transitions. Not for gathering evidence nor for knowing operators.
//!
//! ```text
//!            grounds: either      either          both
//!      OFF ------------> SHADOW ------> ADVISORY ------> ACTIVE
//!       ^                                                | ^
//!       |  down: always, at once, from anywhere          v | either
//!       +------------------------------------------------HOLD
//!   FALLBACK: from anywhere, always; up again like OFF
//! ```

use core::fmt;

use crate::Reason;

/// What Headroom may do with an actuator group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Does nothing. Where everything starts.
    #[default]
    Off,
    /// Everything held was let go; the plant's own sequence runs.
    Fallback,
    /// Computes and keeps.
    Shadow,
    /// Computes and publishes.
    Advisory,
    /// Holds or tightens what it has, and asks for nothing new.
    Hold,
    /// Writes.
    Active,
}

impl Mode {
    /// Whether commands may be written at all.
    #[must_use]
    pub fn may_write(self) -> bool {
        matches!(self, Self::Active | Self::Hold)
    }

    /// Whether a command may relax; otherwise it may only hold or tighten.
    #[must_use]
    pub fn may_relax(self) -> bool {
        matches!(self, Self::Active)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Fallback => "fallback",
            Self::Shadow => "shadow",
            Self::Advisory => "advisory",
            Self::Hold => "hold",
            Self::Active => "active",
        })
    }
}

/// On what grounds a mode is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grounds {
    /// A backtest on the site's own data supports it; out of hold: the data is good again.
    pub evidence: bool,
    /// An operator, or a policy an operator signed, asks for it.
    pub operator: bool,
}

/// The mode after asking for `to` in `from`, or why it stays.
///
/// # Errors
/// [`Reason::Grounds`] when moving up without enough grounds; [`Reason::Mode`] when the ladder has no such
/// rung: active is entered from advisory or hold, hold from active.
pub fn transition(from: Mode, to: Mode, grounds: Grounds) -> Result<Mode, Reason> {
    let either = grounds.evidence || grounds.operator;
    let both = grounds.evidence && grounds.operator;
    let enough = match (from, to) {
        (_, Mode::Off | Mode::Fallback) => true,
        (Mode::Hold, Mode::Active) => either,
        (Mode::Advisory, Mode::Active) => both,
        (_, _) if to <= from => true,
        (_, Mode::Active | Mode::Hold) => return Err(Reason::Mode(from)),
        (_, _) => either,
    };
    if enough { Ok(to) } else { Err(Reason::Grounds) }
}
