//! What the guard remembers of one setpoint between two calls.
//!
//! Responsible for the ramp's allowance, the command on its way and the movement of the day. Not for verdicts.
//!
//! **Allowance** `a` (setpoint unit): how far the next command may lie from the read-back `r`. It is earned with
//! time and spent when the *read-back* moves, whoever moved it, so a plant that does not follow is never left behind:
//!
//! ```text
//! a(k) = min(max(a(k-1) - |r(k) - r(k-1)|, 0) + ramp dt, max_step)        a = 0 on entry: begin with what stands
//! ```
//!
//! **Movement of the day**: the sum of commanded movement, kept in 25 bins of an hour, the running one included,
//! so that it covers every window of 24 hours.

use crate::Envelope;

const HOUR_S: f64 = 3600.0;
const BINS: usize = 25;

/// The memory of one setpoint. A new one begins with what stands (bumpless) and with a day of no movement.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SetpointState {
    /// The read-back of the last call, if that call did not refuse.
    read_back: Option<f64>,
    /// The last command, while it can still be on its way.
    command: Option<f64>,
    allowance: f64,
    moved: [f64; BINS],
    hour: usize,
    into_hour_s: f64,
}

impl SetpointState {
    /// How far the next command may lie from the read-back.
    #[must_use]
    pub fn allowance(&self) -> f64 {
        self.allowance
    }

    /// Commanded movement in the last 24 to 25 hours.
    #[must_use]
    pub fn moved(&self) -> f64 {
        self.moved.iter().sum()
    }

    /// Turns the bins on by `dt_s`.
    pub(crate) fn advance(&mut self, dt_s: f64) {
        self.into_hour_s += dt_s;
        for _ in 0..BINS {
            if self.into_hour_s < HOUR_S {
                return;
            }
            self.into_hour_s -= HOUR_S;
            self.hour = (self.hour + 1) % BINS;
            self.moved[self.hour] = 0.0;
        }
        // More than a day has passed: all bins are clear, and the rest of the time says nothing more.
        self.into_hour_s = 0.0;
    }

    /// Takes a new read-back in.
    pub(crate) fn follow(&mut self, envelope: &Envelope, read_back: f64, dt_s: f64) {
        self.allowance = match self.read_back {
            Some(before) => {
                let left = (self.allowance - (read_back - before).abs()).max(0.0);
                (left + envelope.ramp_per_s * dt_s).min(envelope.max_step)
            }
            None => 0.0,
        };
        self.read_back = Some(read_back);
        // Beyond the allowance it is not our command that the read-back is on its way to.
        let allowance = self.allowance;
        self.command = self.command.filter(|command| (command - read_back).abs() <= allowance);
    }

    /// The command on its way, or else what stands.
    pub(crate) fn under_way(&self, read_back: f64) -> f64 {
        self.command.unwrap_or(read_back)
    }

    /// Books a command.
    pub(crate) fn commit(&mut self, from: f64, to: f64) {
        self.moved[self.hour] += (to - from).abs();
        self.command = Some(to);
    }

    /// After a refusal the next command begins with what stands then.
    pub(crate) fn release(&mut self) {
        self.read_back = None;
        self.command = None;
        self.allowance = 0.0;
    }
}
