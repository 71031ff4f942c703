//! Does what is in force follow what is asked?
//!
//! Responsible for: the evidence of one setpoint that stays where it is although its request stands: clamped by the plant, taken
//! by somebody, or lost on the way. Not for: what is made of it (`ladder`), nor for requests that the plant refuses in words
//! (`lease`).
//!
//! ```text
//! off      |asked - in force| > T
//! T        the greatest of 0.9 deadbands (nothing smaller is asked), one count of the registers, and 6 n
//! n        mean of min(|d_k|, |d_k-1|) over steps d of the read-back that turn back: its noise, while a walk has none
//! follows  in force has come nearer by half of T since it was off, or since it last came nearer
//! a look   a reading stamped `settle` after that, and no less than 2 s; without a `settle`, once a plant that walks at half of
//!          `ramp` would have come T nearer. Where it has gone away it does not walk there, but may have let go what it did not
//!          hear again: a look after the next refresh and 5 s
//! a miss   a look that shows it off still. A point that is told on a change alone (NVIDIA DSX) shows by its silence, too: that of four
//!          cooling periods, and no less than two minutes, is two misses, and each refresh after it one more
//! ```
//! So a plant that walks slowly follows, and a point that only says every 100 s what is in force has its time.

use crate::align::{PointValue, Snapshot};
use headroom_site::model::{Actuator, RegisterType, Sink, Source};
use headroom_site::{PointId, Site, Span, Stamp};

/// The least patience with a point that is silent: a value is said again every 100 s.
const PATIENCE: Span = Span::from_ms(120_000);
/// A request is on its way for so long at most.
const ON_ITS_WAY: Span = Span::from_ms(5_000);
/// The least time that a device is given.
const LEAST: Span = Span::from_ms(2_000);
/// Weight of one step in the noise.
const STEP: f64 = 0.1;

/// What is asked and what stands instead, base unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    pub(super) asked: f64,
    pub(super) stands: f64,
}

/// What a look at a setpoint says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Evidence {
    /// Nothing is asked, or nobody says what is in force.
    Unasked,
    /// In force is what was asked, or it comes.
    Follows,
    /// It has not come so many looks in a row.
    Missed(u32, Gap),
}

/// A setpoint that is off.
#[derive(Debug, Clone, Copy)]
struct Off {
    asked: f64,
    /// Where it stood at its nearest.
    from: f64,
    since: Stamp,
    /// It stood there, and has gone since.
    gone: bool,
    misses: u32,
    /// Stamp of the last look that counted, and when that was.
    counted: Stamp,
    missed: Stamp,
}

/// One setpoint.
#[derive(Debug, Clone)]
pub(super) struct Follow {
    readback: Option<PointId>,
    /// A count of its registers, or what is asked at least.
    least: f64,
    /// How long a look waits, else how long for each unit that is to be walked.
    settle: Option<Span>,
    walk_s_per_unit: f64,
    patience: Span,
    again: Span,
    noise: f64,
    /// The last reading, and its step from the one before.
    last: Option<(Stamp, f64, f64)>,
    /// Where it stood when it was as asked.
    fitted: Option<f64>,
    off: Option<Off>,
}

impl Follow {
    pub(super) fn new(site: &Site, a: &Actuator) -> Self {
        let deadband = a.deadband.max(0.01 * a.step);
        Self {
            readback: a.readback,
            least: (0.9 * deadband).max(1.01 * count(site, a)),
            settle: a.settle.map(|s| s.max(LEAST)),
            walk_s_per_unit: 2.0 / a.ramp_per_s,
            patience: Span::from_ns(site.cooling_period.ns().saturating_mul(4)).max(PATIENCE),
            again: a.refresh,
            noise: 0.0,
            last: None,
            fitted: None,
            off: None,
        }
    }

    /// How far off counts, base unit.
    pub(super) fn tolerance(&self) -> f64 {
        self.least.max(6.0 * self.noise)
    }

    /// Looks at what is in force beside what is held.
    pub(super) fn look(&mut self, held: Option<f64>, snapshot: &Snapshot) -> Evidence {
        let point = self.readback.map(|p| &snapshot.points[p.index()]).filter(|p| p.quality.is_good());
        let Some((asked, point)) = held.zip(point) else {
            (self.off, self.fitted, self.last) = (None, None, None);
            return Evidence::Unasked;
        };
        self.hear(point);
        let (now, stands, tolerance) = (snapshot.stamp, point.value, self.tolerance());
        let mut off = match self.off {
            // What was asked instead, once it was held back, is no proof that it moves.
            Some(off) if (asked - stands).abs() <= tolerance && !off.gave_in(asked, stands, tolerance) => {
                return self.follows(stands);
            }
            None if (asked - stands).abs() <= tolerance => return self.follows(stands),
            Some(off) if off.gave_in(asked, stands, tolerance) => off,
            // What is on its way there may turn first.
            Some(off) if off.asks_on(asked, stands, tolerance) => Off { asked, ..off },
            before => {
                let gone = before.is_none() && self.fitted.is_some_and(|at| (at - asked).abs() <= tolerance);
                Off { asked, from: stands, since: now, gone, misses: 0, counted: point.stamp, missed: now }
            }
        };
        if (off.asked - off.from).abs() - (off.asked - stands).abs() >= 0.5 * tolerance {
            off = Off {
                from: stands,
                since: now,
                gone: false,
                misses: 0,
                counted: point.stamp,
                missed: now,
                ..off
            };
        }
        self.count(&mut off, point, now);
        self.off = Some(off);
        if off.misses == 0 {
            return Evidence::Follows;
        }
        Evidence::Missed(off.misses, Gap { asked: off.asked, stands })
    }

    /// Forgets what was asked: something else is.
    pub(super) fn begin_anew(&mut self) {
        (self.off, self.fitted) = (None, None);
    }

    fn follows(&mut self, stands: f64) -> Evidence {
        (self.off, self.fitted) = (None, Some(stands));
        Evidence::Follows
    }

    /// A miss for a look, or for silence.
    fn count(&self, off: &mut Off, point: &PointValue, now: Stamp) {
        let tolerance = self.tolerance();
        let away = off.gone || (off.asked - point.value).abs() > (off.asked - off.from).abs() + tolerance;
        let (way_s, again_s) = (self.settle.unwrap_or(ON_ITS_WAY).s(), self.again.s());
        let wait_s = match self.settle {
            _ if away => way_s + again_s,
            Some(_) => way_s,
            None => way_s + (tolerance * self.walk_s_per_unit).min(3600.0),
        };
        let wait = Span::from_s(wait_s);
        if point.stamp > off.counted && point.stamp >= off.since + wait {
            off.misses += 1;
            (off.counted, off.missed) = (point.stamp, now);
        } else if now.since(off.since) >= self.patience && now.since(off.missed) >= self.again {
            off.misses = (off.misses + 1).max(2);
            off.missed = now;
        }
    }

    /// Learns how much the read-back swings by itself.
    fn hear(&mut self, point: &PointValue) {
        let Some((stamp, value, step)) = self.last else {
            self.last = Some((point.stamp, point.value, 0.0));
            return;
        };
        if point.stamp <= stamp {
            return;
        }
        let now = point.value - value;
        let back = if now * step < 0.0 { now.abs().min(step.abs()) } else { 0.0 };
        self.noise += STEP * (back - self.noise);
        self.last = Some((point.stamp, point.value, now));
    }
}

impl Off {
    /// Is it asked to go on the same way, or has it not moved at all?
    fn asks_on(&self, asked: f64, stands: f64, tolerance: f64) -> bool {
        (self.asked - self.from) * (asked - stands) > 0.0 || (stands - self.from).abs() <= 0.25 * tolerance
    }

    /// After two misses the request was taken back to where it stands, and it has not moved.
    fn gave_in(&self, asked: f64, stands: f64, tolerance: f64) -> bool {
        self.misses >= 2
            && (asked - stands).abs() <= tolerance
            && (stands - self.from).abs() <= tolerance
            && (self.asked - stands).abs() > tolerance
    }
}

/// A count of the registers that a setpoint is written to and read back from, base unit; zero where that is not known.
fn count(site: &Site, a: &Actuator) -> f64 {
    let of = |source: &Source, unit: f64| match *source {
        Source::Modbus { device, register } => {
            let spec = &site.modbus[device].registers[register];
            let whole = !matches!(spec.kind, RegisterType::Float32 | RegisterType::Float64);
            let known = whole && spec.scale_register.is_none();
            if known { spec.scale.abs() * spec.unit.map_or(unit, |u| u.scale) } else { 0.0 }
        }
        _ => 0.0,
    };
    let read = a.readback.map_or(0.0, |p| {
        let point = &site.points[p.index()];
        of(&point.source, point.unit.scale)
    });
    let written = match a.sink {
        Sink::Modbus { device, register } => of(&Source::Modbus { device, register }, a.unit.scale),
        _ => 0.0,
    };
    read.max(written)
}

#[cfg(test)]
mod tests;
