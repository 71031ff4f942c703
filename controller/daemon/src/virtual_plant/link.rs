//! The way between the controller and one agent of a virtual plant: a clock that is off, and messages that take their time.
//!
//! Responsible for: what the node's clock shows, and messages on their way in both directions. Not for: what an agent does
//! with a command (`agents`).
//!
//! The world moves in steps; a message arrives at its own instant between two of them, is stamped with that instant, and is
//! handed over at the next step.

use headroom_sim::scenario::AgentsSpec;
use headroom_site::gpu::Answer;
use headroom_site::{CapCommand, NodeReport, Span, Stamp};

/// The controller says the time this often.
const MARKS: Span = Span::from_ms(1000);

/// A node's clock and its way.
#[derive(Debug, Clone)]
pub(super) struct Link {
    offset_s: f64,
    drift: f64,
    delay_s: f64,
    jitter_s: f64,
    random: u64,
    origin: Option<Stamp>,
    /// On their way to the controller, and to the agent.
    reports: Vec<NodeReport>,
    commands: Vec<(Stamp, CapCommand)>,
    /// Marks of time on their way: when they arrive, and when they were sent.
    marks: Vec<(Stamp, Stamp)>,
    marked: Option<Stamp>,
    answer: Option<Answer>,
}

impl Link {
    /// Draws a clock for a node.
    pub(super) fn draw(spec: &AgentsSpec, seed: u64, node: usize) -> Self {
        let mut link = Self {
            offset_s: 0.0,
            drift: 0.0,
            delay_s: spec.delay_s,
            jitter_s: spec.jitter_s,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ (node as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9),
            origin: None,
            reports: Vec::new(),
            commands: Vec::new(),
            marks: Vec::new(),
            marked: None,
            answer: None,
        };
        link.offset_s = spec.offset_s * (2.0 * link.next() - 1.0);
        link.drift = spec.drift * (2.0 * link.next() - 1.0);
        link
    }

    /// SplitMix64 (Steele, Lea and Flood 2014), 0 to 1.
    fn next(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn way(&mut self) -> Span {
        Span::from_s(self.delay_s + self.jitter_s * self.next())
    }

    /// How far the node's clock is ahead at an instant, s.
    pub(super) fn ahead_s(&self, now: Stamp) -> f64 {
        self.offset_s + self.drift * self.origin.map_or(0.0, |origin| now.since(origin).s())
    }

    /// What the node's clock shows.
    pub(super) fn clock(&mut self, now: Stamp) -> Stamp {
        self.origin.get_or_insert(now);
        now + Span::from_s(self.ahead_s(now))
    }

    /// Sends a report that has been made at an instant.
    pub(super) fn report(&mut self, now: Stamp, mut report: NodeReport) {
        report.sent = Some(self.clock(now));
        report.answer = self.answer.take();
        report.arrival = Some(now + self.way());
        self.reports.push(report);
    }

    /// Hands over the reports that have arrived, in the order of their arrival.
    pub(super) fn arrived(&mut self, now: Stamp, inbox: &mut Vec<NodeReport>) {
        let first = inbox.len();
        let there = |report: &mut NodeReport| report.arrival.is_some_and(|at| at <= now);
        inbox.extend(self.reports.extract_if(.., there));
        inbox[first..].sort_by_key(|report| report.arrival);
    }

    /// Sends a command that has been given at an instant.
    pub(super) fn command(&mut self, now: Stamp, command: &CapCommand) {
        let arrival = now + self.way();
        self.commands.push((arrival, CapCommand { sent_ns: now.tai_ns(), ..command.clone() }));
    }

    /// Sends the marks of time that are due, and notes the ones that have been heard.
    pub(super) fn time(&mut self, now: Stamp) {
        if self.marked.is_none_or(|last| now.since(last) >= MARKS) {
            self.marked = Some(now);
            let arrival = now + self.way();
            self.marks.push((arrival, now));
        }
        // The last one heard is answered.
        while let Some(k) = self.marks.iter().position(|(arrival, _)| *arrival <= now) {
            let (arrival, sent) = self.marks.swap_remove(k);
            let heard = self.clock(arrival);
            if self.answer.is_none_or(|last| last.heard < heard) {
                self.answer = Some(Answer { sent, heard });
            }
        }
    }

    /// The next command that has been heard by now.
    pub(super) fn heard(&mut self, now: Stamp) -> Option<CapCommand> {
        let due = (0..self.commands.len()).filter(|&k| self.commands[k].0 <= now);
        let first = due.min_by_key(|&k| self.commands[k].0)?;
        let (arrival, command) = self.commands.remove(first);
        let heard = self.clock(arrival);
        self.answer = Some(Answer { sent: Stamp::from_tai_ns(command.sent_ns), heard });
        Some(command)
    }
}
