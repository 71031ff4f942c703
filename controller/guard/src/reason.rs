//! What the guard says, and why, in an operator's words.
//!
//! Responsible for the [`Verdict`] and the closed list of reasons. Not for deciding.

use core::fmt;

/// What may be done with a proposal.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub enum Verdict<T = f64> {
    /// As proposed.
    Allow(T),
    /// Less than proposed: this value, for this reason.
    Narrow(T, Reason),
    /// Write nothing; what is held runs out.
    Refuse(Reason),
}

impl<T: Copy> Verdict<T> {
    /// The value that may be written, if any.
    pub fn value(&self) -> Option<T> {
        match *self {
            Self::Allow(value) | Self::Narrow(value, _) => Some(value),
            Self::Refuse(_) => None,
        }
    }

    /// Why it is not as proposed, if it is not.
    pub fn reason(&self) -> Option<Reason> {
        match *self {
            Self::Allow(_) => None,
            Self::Narrow(_, reason) | Self::Refuse(reason) => Some(reason),
        }
    }
}

/// Why a proposal was narrowed or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A value, time or limit is NaN or infinite, or a time runs backwards.
    NotANumber,
    /// The envelope contradicts itself.
    Envelope,
    /// An interlock is active.
    Interlock,
    /// An operator owns the point.
    Operator,
    /// The mode does not allow this.
    Mode(crate::Mode),
    /// Upward moves need grounds: evidence, an operator, or both.
    Grounds,
    /// There is no read-back.
    NoReadBack,
    /// The read-back is too old.
    ReadBackOld,
    /// What stands lies outside the envelope, so somebody else put it there.
    ReadBackOutside,
    /// Below the lower end of the range.
    Low,
    /// Above the upper end of the range.
    High,
    /// Below the floor of the moment (dew point, least flow).
    Floor,
    /// Above the ceiling of the moment.
    Ceiling,
    /// The floor cannot be known now.
    FloorUnknown,
    /// The ceiling cannot be known now.
    CeilingUnknown,
    /// Floor, ceiling and envelope leave no common value.
    Contradiction,
    /// Faster than the ramp allows.
    Ramp,
    /// The day's movement is used up.
    Travel,
    /// Too small a change to be worth a write.
    Deadband,
    /// Inputs are not fresh.
    InputsOld,
    /// The caller forbids relaxing now (for flow: a temperature rises).
    Relaxing,
    /// Nothing says whether it would stay safe for a minute.
    HoldUnknown,
    /// It would not stay safe for a minute with nobody in control.
    HoldUnsafe,
    /// A branch of the power tree has no more room.
    Budget,
    /// The watts for a raise are not free until a lowering has been read back.
    NotYetFree,
    /// Limits or spans do not fit the GPUs.
    Shape,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotANumber => "a value is not a finite number",
            Self::Envelope => "the envelope contradicts itself",
            Self::Interlock => "an interlock is active",
            Self::Operator => "an operator owns this point",
            Self::Mode(mode) => return write!(f, "mode {mode} does not allow it"),
            Self::Grounds => "moving up needs evidence and an operator",
            Self::NoReadBack => "there is no read-back",
            Self::ReadBackOld => "the read-back is too old",
            Self::ReadBackOutside => "what stands lies outside the envelope: somebody else set it",
            Self::Low => "below the lower end of the range",
            Self::High => "above the upper end of the range",
            Self::Floor => "below the floor that holds now",
            Self::Ceiling => "above the ceiling that holds now",
            Self::FloorUnknown => "the floor is not known, so it may not go lower",
            Self::CeilingUnknown => "the ceiling is not known, so it may not go higher",
            Self::Contradiction => "floor, ceiling and envelope leave no common value",
            Self::Ramp => "faster than the ramp allows",
            Self::Travel => "the movement of the day is used up",
            Self::Deadband => "too small a change to be worth a write",
            Self::InputsOld => "inputs are not fresh, so it may not relax",
            Self::Relaxing => "relaxing is not allowed now",
            Self::HoldUnknown => "nothing says whether it would stay safe for a minute",
            Self::HoldUnsafe => "it would not stay safe for a minute with nobody in control",
            Self::Budget => "a branch of the power tree has no more room",
            Self::NotYetFree => "the watts are not free until a lowering has been read back",
            Self::Shape => "limits or spans do not fit the GPUs",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Reason {}
