//! What every driver task shares: the plant clock, the inbox, the controller's beat, and the orders it gets.
//!
//! Limits of the power tree do not wait for the next tick: when one falls, whoever waits for [`Mailbox::urgent`] is woken.

use crate::{Clock, Mandate};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::quantity::Unit;
use headroom_site::{
    ActuatorId, CapCommand, Inbox, NodeReport, Outcome, PointId, Quality, Reading, Reason, Site, Span, Stamp,
    Target,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Readings that may wait for a controller that does not look: minutes of a large site.
const READINGS: usize = 4_000_000;
/// Reports and receipts that may wait.
const OTHERS: usize = 400_000;

/// Locks, whatever became of an earlier holder: the data behind these locks is whole at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What drivers have for the controller.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inbox: Mutex<Inbox>,
    /// Reports that have been read, on their way back to whoever reads the next ones off the wire.
    spare: Mutex<Vec<NodeReport>>,
    dropped: AtomicU64,
    /// For each point that a branch takes its limit from, what it said last; other points have none.
    limits: Mutex<Vec<Option<f64>>>,
    /// A limit fell.
    fell: Notify,
}

/// A limit that falls by less than this share waits for the next tick.
const FALL: f64 = 1e-3;

impl Mailbox {
    /// A mailbox that knows the limits of a site.
    pub(crate) fn of(site: &Site) -> Self {
        let mut limits = vec![None; site.points.len()];
        for point in site.power.iter().filter_map(|branch| branch.limit) {
            limits[point.index()] = Some(f64::INFINITY);
        }
        Self { limits: Mutex::new(limits), ..Self::default() }
    }

    /// Returns when a limit has fallen since the last return.
    pub(crate) async fn urgent(&self) {
        self.fell.notified().await;
    }

    /// Wakes whoever waits if a limit is among these and lower than it was.
    fn look_for_limits(&self, readings: &[Reading]) {
        let mut limits = lock(&self.limits);
        for reading in readings.iter().filter(|r| r.quality.is_good()) {
            if let Some(Some(last)) = limits.get_mut(reading.point.index()) {
                if reading.value < *last * (1.0 - FALL) {
                    self.fell.notify_one();
                }
                *last = reading.value;
            }
        }
    }

    fn append<T>(&self, to: &mut Vec<T>, from: &mut Vec<T>, limit: usize) {
        let room = limit.saturating_sub(to.len());
        if from.len() > room {
            self.dropped.fetch_add((from.len() - room) as u64, Ordering::Relaxed);
            from.truncate(room);
        }
        to.append(from);
    }

    /// Hands readings over; `from` is empty afterwards and keeps its memory.
    pub(crate) fn readings(&self, from: &mut Vec<Reading>) {
        if !from.is_empty() {
            let seen = from.len();
            let mut inbox = lock(&self.inbox);
            self.append(&mut inbox.readings, from, READINGS);
            let first = inbox.readings.len().saturating_sub(seen);
            self.look_for_limits(&inbox.readings[first..]);
        }
    }

    /// Hands reports over; `from` is empty afterwards and keeps its memory.
    pub(crate) fn nodes(&self, from: &mut Vec<NodeReport>) {
        if !from.is_empty() {
            self.append(&mut lock(&self.inbox).nodes, from, OTHERS);
        }
    }

    /// Takes back reports that have been read. What nobody fetches is let go.
    pub(crate) fn take_back(&self, reports: &mut Vec<NodeReport>) {
        let mut spare = lock(&self.spare);
        reports.truncate(OTHERS.saturating_sub(spare.len()));
        spare.append(reports);
    }

    /// Fetches what was taken back; `into` is empty before.
    pub(crate) fn spare(&self, into: &mut Vec<NodeReport>) {
        std::mem::swap(into, &mut *lock(&self.spare));
    }

    pub(crate) fn receipt(&self, receipt: Receipt) {
        self.append(&mut lock(&self.inbox).receipts, &mut vec![receipt], OTHERS);
    }

    pub(crate) fn drain(&self, into: &mut Inbox) {
        let mut mine = lock(&self.inbox);
        into.readings.append(&mut mine.readings);
        into.nodes.append(&mut mine.nodes);
        into.receipts.append(&mut mine.receipts);
    }

    /// What was dropped because nobody looked.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The controller's sign of life: plant-monotonic ns of the last verified tick.
#[derive(Debug)]
pub(crate) struct Beat {
    last_ns: AtomicU64,
    window_ns: u64,
    mandate: Mandate,
}

impl Beat {
    pub(crate) fn new(window: Span, mandate: Mandate) -> Self {
        Self { last_ns: AtomicU64::new(0), window_ns: window.ns().max(0).cast_unsigned(), mandate }
    }

    /// Leave to write at all.
    pub(crate) fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    pub(crate) fn now(&self, clock: &Clock) {
        self.last_ns.store(clock.mono_ns().max(1), Ordering::Release);
    }

    /// True while the last beat is younger than the window, and it is this controller's to beat.
    pub(crate) fn is_fresh(&self, clock: &Clock) -> bool {
        let last = self.last_ns.load(Ordering::Acquire);
        last != 0 && clock.mono_ns().saturating_sub(last) <= self.window_ns && self.mandate.holds()
    }
}

/// What every driver task holds.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) beat: Arc<Beat>,
}

impl Context {
    /// Is it this controller's to write?
    pub(crate) fn leads(&self) -> bool {
        self.beat.mandate.holds()
    }
}

/// What a driver task is told.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Hold or relinquish a setpoint; with the plant-monotonic ns at which the controller gave it.
    Set(SetpointCommand, u64),
    /// Send caps to an agent.
    Caps(CapCommand),
    /// Relinquish everything.
    Release,
    /// Relinquish everything and end.
    Close,
}

/// Why nothing is written without a mandate.
pub(crate) const NO_MANDATE: &str = "this controller does not lead";

/// How a raw number of a source becomes a reading of a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauge {
    pub(crate) point: PointId,
    pub(crate) unit: Unit,
    pub(crate) range: Option<(f64, f64)>,
}

impl Gauge {
    pub(crate) fn of(site: &Site, index: usize) -> Self {
        let point = &site.points[index];
        Self { point: PointId(index as u32), unit: point.unit, range: point.range }
    }

    /// A reading of a number in the gauge's unit.
    pub(crate) fn reading(&self, stamp: Stamp, uncertainty: Span, raw: f64, quality: Quality) -> Reading {
        let value = self.unit.to_base(raw);
        let outside = self.range.is_some_and(|(low, high)| !(low..=high).contains(&value));
        let quality = if outside { quality.worst(Quality::Bad(Reason::OutOfRange)) } else { quality };
        Reading::new(self.point, stamp, uncertainty, value, quality)
    }

    /// A reading that says only why there is none.
    pub(crate) fn bad(&self, stamp: Stamp, reason: Reason) -> Reading {
        Reading::new(self.point, stamp, Span::ZERO, 0.0, Quality::Bad(reason))
    }
}

/// A setpoint that is being held, as a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    /// Base unit of the actuator.
    pub(crate) value: f64,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    /// Plant-monotonic ns after which it is relinquished.
    pub(crate) expires_ns: u64,
    /// Plant-monotonic ns of the next refresh.
    pub(crate) refresh_ns: u64,
}

impl Held {
    /// A lease from a command with a value; its age is counted from when the controller gave it, by our own
    /// clock, so that waiting in a queue counts.
    pub(crate) fn new(
        command: &SetpointCommand,
        value: f64,
        refresh: Span,
        given_ns: u64,
        now_ns: u64,
    ) -> Self {
        let refresh_ns = now_ns.saturating_add(refresh.ns().max(0).cast_unsigned());
        let expires_ns = given_ns.saturating_add(command.ttl_ms.saturating_mul(1_000_000));
        Self { value, epoch: command.epoch, sequence: command.sequence, expires_ns, refresh_ns }
    }

    pub(crate) fn receipt(&self, actuator: ActuatorId, outcome: Outcome) -> Receipt {
        Receipt { target: Target::Actuator(actuator), epoch: self.epoch, sequence: self.sequence, outcome }
    }
}

/// A receipt for a setpoint command.
pub(crate) fn receipt_of(command: &SetpointCommand, outcome: Outcome) -> Receipt {
    Receipt {
        target: Target::Actuator(command.actuator),
        epoch: command.epoch,
        sequence: command.sequence,
        outcome,
    }
}
