//! Which setpoints are looked at in a tick, and with whose leave.
//!
//! Responsible for: putting together where each stands, who has it, and how far it may go: policy, operators, devices, and the
//! ladder. Not for: proposing a value, nor for judging it.

use super::{Line, OPERATOR_KEEPS};
use crate::guarding::Question;
use crate::line::readback::Stands;
use headroom_guard::Mode;
use headroom_site::{Inbox, InstructionKind, Outcome, Stamp, Target};

/// A setpoint that is looked at in this tick.
pub(super) struct Asked {
    pub(super) actuator: usize,
    /// As policy, operators and the ladder leave it.
    pub(super) mode: Mode,
    /// Where it stands, and where it is moved from: what is smaller than a deadband adds up.
    pub(super) stands: f64,
    pub(super) from: f64,
    /// Where it is assumed to stand, as its read-back does not say so.
    assumed: Option<f64>,
    /// Where it walks before it is let go.
    pub(super) home: Option<f64>,
    /// Nobody says any more where it stands.
    blind: bool,
    operator_owns: bool,
    interlock: bool,
    /// It is held back by the ladder.
    pub(super) held_back: bool,
    /// What an operator has said of it.
    pub(super) instructed: Option<InstructionKind>,
}

impl Asked {
    /// Has somebody else a hand on it, or is it held back, so that nothing is to be built on its moves?
    pub(super) fn is_in_hand(&self) -> bool {
        let stays = matches!(self.instructed, Some(InstructionKind::Hold | InstructionKind::Reject));
        self.operator_owns || self.held_back || stays
    }

    /// Has nobody said anything of it?
    pub(super) fn is_free(&self) -> bool {
        let said = self.instructed.is_some_and(|kind| kind != InstructionKind::Auto);
        !self.operator_owns && !self.held_back && !said
    }

    /// The question put to the guard.
    pub(super) fn question(&self, proposed: f64, dt_s: f64) -> Question {
        let Self { actuator, assumed, blind, mode, interlock, operator_owns, .. } = *self;
        Question { actuator, proposed, assumed, blind, dt_s, mode, interlock, operator_owns }
    }
}

impl Line {
    /// Takes in what follows and what does not; what must be let go or handed back does not wait for the slow loop's time.
    pub(super) fn step_ladder(&mut self, now: Stamp) {
        let Self { site, wants, instructed, leases, align, ladder, .. } = self;
        let wanted = |actuator| instructed.mode(wants, actuator, now).0;
        if ladder.look((site, leases), align.last(), wanted) {
            self.last_cooling = None;
        }
    }

    /// All setpoints of which it is known where they stand, and that are not off.
    pub(super) fn asked(&mut self, now: Stamp) -> Vec<Asked> {
        let mut asked = Vec::with_capacity(self.site.actuators.len());
        for actuator in (0..self.site.actuators.len()).filter(|i| self.wants.actuator_mode[*i] != Mode::Off) {
            let (wanted, instructed) = self.instructed.mode(&self.wants, actuator, now);
            let known = self.read_backs.look((&self.site, &self.leases), self.align.last(), actuator);
            let Some(Stands { at: stands, assumed, home }) = known else { continue };
            let a = &self.site.actuators[actuator];
            let mode = self.ladder.mode(actuator, wanted);
            asked.push(Asked {
                actuator,
                mode,
                stands,
                from: self.targets[actuator].filter(|t| (t - stands).abs() <= a.step).unwrap_or(stands),
                assumed,
                home: home.or_else(|| self.ladder.goes_home(actuator).then_some(a.fallback)),
                blind: home.is_some(),
                operator_owns: self.operator_until[actuator].is_some_and(|until| now < until),
                interlock: self.ladder.interlocked(actuator),
                held_back: mode != wanted,
                instructed,
            });
        }
        asked
    }

    /// A device that says that an operator has it keeps its point for a while.
    pub(super) fn take_receipts(&mut self, inbox: &Inbox, now: Stamp) {
        for receipt in &inbox.receipts {
            if let (Target::Actuator(a), Outcome::Refused(_)) = (&receipt.target, &receipt.outcome)
                && let Some(until) = self.operator_until.get_mut(a.index())
            {
                *until = Some(now + OPERATOR_KEEPS);
            }
        }
    }
}
