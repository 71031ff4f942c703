//! The thread that owns NVML.
//!
//! Responsible for: the tick of the node loop (look, report, hold, let go), carrying out orders the moment they come,
//! and restoring everything at the end. Calls into the driver may block; nothing async waits for this thread, and it
//! waits for nobody: a report that finds no room is dropped and counted.
//!
//! Not for: sockets and topics (`wire`), what a command means for a node (`node`).

use super::gpu::Tools;
use super::node::Node;
use super::strays::Strays;
use crate::supervisor::{self, Supervisor};
use headroom_drivers::Clock;
use headroom_drivers::nvml::NvmlHost;
use headroom_drivers::nvml::persist::Ownership;
use headroom_site::gpu::Answer;
use headroom_site::{CapCommand, NodeReport, Span, Stamp};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// The longest wait between two looks at the clock, whose rate a harness may change.
const NAP: Duration = Duration::from_millis(100);
/// Tries to restore at the end, and the pause between them.
const LAST_TRIES: u32 = 5;
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// No GPU of the host answers for so long (wall time): the driver was unloaded, and what was opened is worth nothing
/// any more. Ending and being started again opens it anew.
const DARK: Duration = Duration::from_secs(30);

/// Orders carried out after the tick is due: a flood of them must not keep the leases from being watched.
const OVERTIME: u32 = 64;

/// What the worker is told.
pub(super) enum Order {
    /// A command for the node with this index, and when it was heard.
    Command(usize, CapCommand, Stamp),
    /// A mark of time that the node with this index heard.
    Time(usize, Answer),
    /// Look at the stop flag now.
    Wake,
}

/// How the worker ended.
#[derive(Debug, Default, Clone)]
pub(super) struct Farewell {
    /// Nodes whose limits could not be put back.
    pub(super) left: Vec<String>,
    /// Reports that never were: ticks skipped, or no room in the queue.
    pub(super) missed: u64,
    /// Caps that somebody lifted and that were set again.
    pub(super) reasserted: u64,
    /// True if it ended because no GPU answered any more.
    pub(super) dark: bool,
}

/// The thread's state.
pub(super) struct Worker {
    pub(super) host: NvmlHost,
    pub(super) owner: Ownership,
    pub(super) nodes: Vec<Node>,
    pub(super) strays: Strays,
    pub(super) clock: Clock,
    pub(super) period: Span,
    /// Looks in a report.
    pub(super) looks: u32,
    pub(super) orders: Receiver<Order>,
    pub(super) reports: Sender<(usize, NodeReport)>,
    pub(super) missed: u64,
    pub(super) dark_since: Option<Instant>,
    /// Set by whoever wants it to restore everything and end.
    pub(super) stop: Arc<AtomicBool>,
}

/// A number nobody can foresee; good for spreading things, not for secrets.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Worker {
    /// Runs until told to stop, or until whoever gives orders is gone; then restores.
    pub(super) fn run(mut self) -> Farewell {
        let mut next = self.clock.now();
        let mut supervisor = Supervisor::of(self.period);
        loop {
            let dark = self.dark_since.is_some_and(|since| since.elapsed() > DARK);
            if dark || self.wait(next).is_none() {
                return self.leave(dark);
            }
            let late = self.clock.now().since(next).ns() / self.period.ns().max(1);
            let skipped = u64::try_from(late).unwrap_or(0);
            self.missed += skipped;
            self.tick(skipped);
            supervisor.ticked();
            let periods = late.max(0).saturating_add(1);
            next = next + Span::from_ns(self.period.ns().saturating_mul(periods));
        }
    }

    /// Carries out orders until plant time reaches `next`; at least those that wait already. `None` when told to stop.
    fn wait(&mut self, next: Stamp) -> Option<()> {
        let mut overtime = 0;
        loop {
            if self.stop.load(Relaxed) {
                return None;
            }
            let left = next.since(self.clock.now());
            if left.ns() <= 0 {
                overtime += 1;
            }
            if overtime > OVERTIME {
                return Some(());
            }
            let nap = if left.ns() <= 0 { Duration::ZERO } else { self.clock.nap(left).min(NAP) };
            match self.orders.recv_timeout(nap) {
                Ok(Order::Command(node, command, heard)) => self.obey(node, &command, heard),
                Ok(Order::Time(node, answer)) => {
                    if let Some(node) = self.nodes.get_mut(node) {
                        node.hear(answer);
                    }
                }
                Ok(Order::Wake) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if left.ns() <= 0 => return Some(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn obey(&mut self, node: usize, command: &CapCommand, heard: Stamp) {
        let now_ns = self.clock.mono_ns();
        let mut tools = Tools { host: &mut self.host, owner: &mut self.owner };
        if let Some(node) = self.nodes.get_mut(node) {
            if command.sent_ns != 0 {
                node.hear(Answer { sent: Stamp::from_tai_ns(command.sent_ns), heard });
            }
            node.obey(command, now_ns, random(), &mut tools);
        }
    }

    fn tick(&mut self, skipped: u64) {
        let mut tools = Tools { host: &mut self.host, owner: &mut self.owner };
        let mut answered = false;
        self.strays.tend(self.clock.mono_ns(), &mut tools);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.tend(self.clock.mono_ns(), &mut tools);
            answered |= node.look(self.clock.now(), self.clock.mono_ns(), &mut tools);
            if !node.is_due(self.looks) {
                continue;
            }
            let missed = skipped / u64::from(self.looks.max(1));
            let report = node.report(self.clock.now(), self.clock.mono_ns(), missed);
            if self.reports.try_send((index, report)).is_err() {
                self.missed += 1;
            }
        }
        self.dark_since = if answered { None } else { self.dark_since.or_else(|| Some(Instant::now())) };
    }

    /// Puts everything back.
    fn leave(mut self, dark: bool) -> Farewell {
        supervisor::stopping();
        for attempt in 0..LAST_TRIES {
            if attempt > 0 {
                std::thread::sleep(LAST_PAUSE);
            }
            let mut tools = Tools { host: &mut self.host, owner: &mut self.owner };
            for node in self.nodes.iter_mut().filter(|node| node.holds()) {
                let now_ns = self.clock.mono_ns();
                node.let_go(now_ns);
                node.tend(now_ns, &mut tools);
            }
            if !self.nodes.iter().any(Node::holds) {
                break;
            }
        }
        let left = self.nodes.iter().filter(|node| node.holds()).map(|node| node.id().to_string());
        Farewell {
            left: left.collect(),
            missed: self.missed,
            reasserted: self.nodes.iter().map(|node| node.reasserted).sum(),
            dark,
        }
    }
}
