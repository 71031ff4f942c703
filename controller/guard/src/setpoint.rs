//! Cooling setpoints: how far towards a proposal may the next command go?
//!
//! Responsible for envelope, floor and ceiling of the moment, ramp from the read-back, movement per day, staleness,
//! and the hold-safe rule. Not for choosing a setpoint, nor for timing: the caller says how much time has passed.
//!
//! With the proposal `p`, the read-back `r`, and intervals that are cut down step by step:
//!
//! ```text
//! bounds  B = [low, high], narrowed by floor and ceiling               where it may stand
//! reach   R = r -/+ allowance, the command on its way included,        how far it may go now
//!             cut at r on the relaxing side in doubt (mode, stale inputs, caller, hold-safe rule),
//!             cut at r towards a bound that is not known,
//! spare   W = R cut at the day's movement on the relaxing side         how far it should go
//! out     = clamp(clamp(p, B), R), and clamp(out, W) if that is in B
//! ```
//!
//! so what stands outside the floor or ceiling of the moment walks there by the ramp. Where floor and ceiling
//! contradict each other the floor wins: dew point and least flow have no device behind them that slows itself down,
//! as a GPU does when the water is warm. The fixed range `[low, high]` wins over both, always.

use crate::{Mode, Reason, SetpointState, Verdict, Watch};

/// The direction that gives cooling away. The other one tightens and is never stopped by doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relax {
    /// Up, as for a supply temperature.
    Up,
    /// Down, as for a flow, a differential pressure or a fan speed.
    Down,
    /// Neither direction is known to be safe: in doubt it stays where it is.
    Both,
}

/// The fixed limits of one setpoint, in its base unit. All must be finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Envelope {
    /// The lowest value ever written.
    pub low: f64,
    /// The highest value ever written.
    pub high: f64,
    /// The direction that relaxes.
    pub relax: Relax,
    /// The fastest change, per second.
    pub ramp_per_s: f64,
    /// The furthest one command may lie from the read-back.
    pub max_step: f64,
    /// The most movement in any 24 hours after which it may no longer relax.
    pub travel_per_day: f64,
    /// Changes smaller than this are not written; at most `max_step`.
    pub deadband: f64,
    /// The oldest read-back that counts, in seconds, > 0.
    pub read_back_max_age_s: f64,
}

impl Envelope {
    /// Whether the envelope makes sense; a setpoint with one that does not is refused.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let numbers =
            [self.ramp_per_s, self.max_step, self.travel_per_day, self.deadband, self.read_back_max_age_s];
        self.low.is_finite()
            && self.high.is_finite()
            && self.low <= self.high
            && numbers.iter().all(|n| n.is_finite() && *n >= 0.0)
            && self.deadband <= self.max_step
            && self.read_back_max_age_s > 0.0
    }
}

/// A bound of the moment, computed by the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// This setpoint has none.
    Free,
    /// Here; a value that is not finite counts as unknown.
    At(f64),
    /// There is one and it cannot be known now: no movement towards it.
    Unknown,
}

impl Bound {
    fn known(self) -> Self {
        match self {
            Self::At(value) if !value.is_finite() => Self::Unknown,
            other => other,
        }
    }
}

/// What is known at the moment of the call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Context {
    /// Time since the last call, in seconds, >= 0.
    pub dt_s: f64,
    /// The mode of the actuator group.
    pub mode: Mode,
    /// What the device says it holds.
    pub read_back: Option<f64>,
    /// How old that is, in seconds.
    pub read_back_age_s: f64,
    /// The floor of the moment (dew point and margin, least flow).
    pub floor: Bound,
    /// The ceiling of the moment.
    pub ceiling: Bound,
    /// All inputs that relaxing depends on are fresh and good.
    pub inputs_fresh: bool,
    /// The caller sees nothing against relaxing (a flow: no temperature rises, no rack's flow is unknown).
    pub relaxing_allowed: bool,
    /// What must stay under its limit for a minute with nobody in control; without it, no relaxing.
    pub watch: Option<Watch>,
    /// An interlock is active.
    pub interlock: bool,
    /// An operator has the point.
    pub operator_owns: bool,
}

/// Narrows or refuses one proposed setpoint, and books what it lets through.
pub fn setpoint(envelope: &Envelope, state: &mut SetpointState, context: &Context, proposed: f64) -> Verdict {
    if context.dt_s.is_finite() && context.dt_s > 0.0 {
        state.advance(context.dt_s);
    }
    let verdict = match admitted(envelope, context, proposed) {
        Ok(read_back) => {
            state.follow(envelope, read_back, context.dt_s);
            let under_way = state.under_way(read_back);
            let reach = reach(envelope, state, context, read_back);
            let place = Place {
                bounds: bounds(envelope, context),
                reach,
                spare: spare(envelope, state, read_back, reach),
                stands: [under_way, read_back],
            };
            let verdict = place.verdict(envelope, proposed);
            if let Some(out) = verdict.value() {
                state.commit(under_way, out);
            }
            verdict
        }
        Err(reason) => Verdict::Refuse(reason),
    };
    if verdict.value().is_none() {
        state.release();
    }
    verdict
}

/// The read-back to start from, or why nothing may be written at all.
fn admitted(envelope: &Envelope, context: &Context, proposed: f64) -> Result<f64, Reason> {
    if !envelope.is_sound() {
        return Err(Reason::Envelope);
    }
    if context.interlock {
        return Err(Reason::Interlock);
    }
    if context.operator_owns {
        return Err(Reason::Operator);
    }
    if !context.mode.may_write() {
        return Err(Reason::Mode(context.mode));
    }
    // Written so that a NaN time or age falls on the refusing side.
    let on_time = context.dt_s.is_finite() && context.dt_s >= 0.0 && context.read_back_age_s >= 0.0;
    if !proposed.is_finite() || !on_time {
        return Err(Reason::NotANumber);
    }
    if context.read_back_age_s > envelope.read_back_max_age_s {
        return Err(Reason::ReadBackOld);
    }
    context.read_back.filter(|value| value.is_finite()).ok_or(Reason::NoReadBack)
}

/// Why relaxing is out of the question now, or how far it may go.
fn relaxing_room(context: &Context) -> Result<f64, Reason> {
    if !context.mode.may_relax() {
        return Err(Reason::Mode(context.mode));
    }
    if !context.inputs_fresh {
        return Err(Reason::InputsOld);
    }
    if !context.relaxing_allowed {
        return Err(Reason::Relaxing);
    }
    context.watch.ok_or(Reason::HoldUnknown)?.room().ok_or(Reason::HoldUnsafe)
}

/// Where the setpoint may stand.
fn bounds(envelope: &Envelope, context: &Context) -> Interval {
    let mut bounds =
        Interval { low: envelope.low, low_why: Reason::Low, high: envelope.high, high_why: Reason::High };
    if let Bound::At(ceiling) = context.ceiling.known()
        && ceiling < bounds.high
    {
        let why = if ceiling < envelope.low { Reason::Contradiction } else { Reason::Ceiling };
        bounds = Interval { high: ceiling.max(envelope.low), high_why: why, ..bounds };
    }
    if let Bound::At(floor) = context.floor.known()
        && floor > bounds.low
    {
        let why = if floor > bounds.high { Reason::Contradiction } else { Reason::Floor };
        let low = floor.min(envelope.high);
        bounds = Interval { low, low_why: why, ..bounds };
        if low > bounds.high {
            bounds = Interval { high: low, high_why: why, ..bounds };
        }
    }
    bounds
}

/// How far the setpoint may go now.
fn reach(envelope: &Envelope, state: &SetpointState, context: &Context, read_back: f64) -> Interval {
    let under_way = state.under_way(read_back);
    let (least, most) = (read_back.min(under_way), read_back.max(under_way));
    // The device may be anywhere between the two: the step must be small from either end.
    let mut reach = Interval {
        low: (most - state.allowance()).min(least),
        low_why: Reason::Ramp,
        high: (least + state.allowance()).max(most),
        high_why: Reason::Ramp,
    };
    let (room, doubt) = match relaxing_room(context) {
        Ok(room) => (room, Reason::HoldUnsafe),
        Err(reason) => (0.0, reason),
    };
    if envelope.relax != Relax::Down {
        reach.cut_high(read_back + room, doubt);
    }
    if envelope.relax != Relax::Up {
        reach.cut_low(read_back - room, doubt);
    }
    if context.floor.known() == Bound::Unknown {
        reach.cut_low(read_back, Reason::FloorUnknown);
    }
    if context.ceiling.known() == Bound::Unknown {
        reach.cut_high(read_back, Reason::CeilingUnknown);
    }
    reach
}

/// How far the setpoint may go without wearing the plant out. Every other rule outranks this one.
fn spare(envelope: &Envelope, state: &SetpointState, read_back: f64, reach: Interval) -> Interval {
    let under_way = state.under_way(read_back);
    let left = (envelope.travel_per_day - state.moved()).max(0.0);
    let mut spare = reach;
    if envelope.relax != Relax::Down {
        spare.cut_high(under_way + left, Reason::Travel);
    }
    if envelope.relax != Relax::Up {
        spare.cut_low(under_way - left, Reason::Travel);
    }
    spare
}

/// The intervals and what stands in them.
struct Place {
    bounds: Interval,
    reach: Interval,
    spare: Interval,
    /// The command on its way, then the read-back.
    stands: [f64; 2],
}

impl Place {
    fn verdict(&self, envelope: &Envelope, proposed: f64) -> Verdict {
        let (wanted, outside) = self.bounds.clamp(proposed);
        let (mut out, mut short) = self.reach.clamp(wanted);
        if let (spared, Some(worn)) = self.spare.clamp(out)
            && self.bounds.contains(spared)
        {
            (out, short) = (spared, Some(worn));
        }
        if out < envelope.low || out > envelope.high {
            return Verdict::Refuse(Reason::ReadBackOutside);
        }
        // What stands outside a bound of the moment walks towards it; where it may not walk, it is let go.
        let stuck = if out < self.bounds.low {
            Some(self.reach.high_why)
        } else if out > self.bounds.high {
            Some(self.reach.low_why)
        } else {
            None
        };
        match stuck {
            Some(Reason::Ramp) => return Verdict::Narrow(out, Reason::Ramp),
            Some(reason) => return Verdict::Refuse(reason),
            None => {}
        }
        // Within the deadband the command on its way stays, or else what stands.
        let near = |held: &&f64| {
            let change = (out - **held).abs();
            let admissible = self.bounds.contains(**held) && self.spare.contains(**held);
            admissible && change < envelope.deadband
        };
        if let Some(&held) = self.stands.iter().find(near)
            && (out - held).abs() > 0.0
        {
            return Verdict::Narrow(held, Reason::Deadband);
        }
        match short.or(outside) {
            Some(reason) => Verdict::Narrow(out, reason),
            None => Verdict::Allow(out),
        }
    }
}

/// A closed interval that knows what set each end. `low <= high`, always.
#[derive(Debug, Clone, Copy)]
struct Interval {
    low: f64,
    low_why: Reason,
    high: f64,
    high_why: Reason,
}

impl Interval {
    fn cut_high(&mut self, at: f64, why: Reason) {
        if at <= self.high {
            self.high = at.max(self.low);
            self.high_why = why;
        }
    }

    fn cut_low(&mut self, at: f64, why: Reason) {
        if at >= self.low {
            self.low = at.min(self.high);
            self.low_why = why;
        }
    }

    fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    fn clamp(&self, value: f64) -> (f64, Option<Reason>) {
        if value < self.low {
            (self.low, Some(self.low_why))
        } else if value > self.high {
            (self.high, Some(self.high_why))
        } else {
            (value, None)
        }
    }
}
