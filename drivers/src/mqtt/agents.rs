//! The topics on which the controller meets the agents of the GPU nodes, and the controller's end of them.
//!
//! `headroom/v1/{site}/node/{node}/telemetry` (agent, QoS 0), `.../command` (controller, QoS 1, never
//! retained: an order that waits in a broker is an old order), `.../status` (agent, retained, and its will).
//! `headroom/v1/{site}/time` (controller, QoS 0) goes to all agents each second: who says when it was heard gives the
//! controller a round trip, commanded or not.

use super::client::Delivery;
use super::outgoing::Outgoing;
use crate::node_report::{Names, TimeMark, decode_into, decode_status, encode_command, encode_time};
use headroom_site::command::Receipt;
use headroom_site::{CapCommand, NodeReport, Outcome, Site, Span, Stamp, Target};
use std::collections::BTreeMap;

/// What an agent's topic ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Reports of the agent.
    Telemetry,
    /// Orders of the controller.
    Command,
    /// Whether the agent is there.
    Status,
    /// What the network ports of the node do: a JSON document, read as any other.
    Network,
}

impl Leaf {
    const ALL: [Self; 4] = [Self::Telemetry, Self::Command, Self::Status, Self::Network];

    /// Its word in the topic.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Command => "command",
            Self::Status => "status",
            Self::Network => "network",
        }
    }
}

/// A name as one topic level that every broker takes: NATS refuses `.` and space, MQTT reserves `/ + # $`.
#[must_use]
pub fn level(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | ':') { c } else { '-' }).collect()
}

/// Topic of a node.
#[must_use]
pub fn topic(site: &str, node: &str, leaf: Leaf) -> String {
    format!("headroom/v1/{}/node/{}/{}", level(site), level(node), leaf.word())
}

/// Filter for one leaf of every node of a site.
#[must_use]
pub fn filter(site: &str, leaf: Leaf) -> String {
    format!("headroom/v1/{}/node/+/{}", level(site), leaf.word())
}

/// Topic of the marks of time.
#[must_use]
pub fn time_topic(site: &str) -> String {
    format!("headroom/v1/{}/time", level(site))
}

/// What the topics of a site's nodes begin with.
fn prefix(site: &str) -> String {
    format!("headroom/v1/{}/node/", level(site))
}

/// Node (as a topic level) and leaf of a topic of this site.
#[must_use]
pub fn parse<'t>(site: &str, topic: &'t str) -> Option<(&'t str, Leaf)> {
    parse_after(&prefix(site), topic)
}

fn parse_after<'t>(prefix: &str, topic: &'t str) -> Option<(&'t str, Leaf)> {
    let (node, word) = topic.strip_prefix(prefix)?.split_once('/')?;
    Leaf::ALL.into_iter().find(|l| l.word() == word).map(|leaf| (node, leaf))
}

/// State and counts of the agents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentsStatus {
    /// Nodes whose agent says it is there.
    pub online: Vec<String>,
    /// Nodes whose agent has said goodbye, or was never heard.
    pub offline: Vec<String>,
    /// Reports taken.
    pub reports: u64,
    /// Messages that were not understood, or of nodes that the site does not have.
    pub malformed: u64,
    /// Nodes under whose name two agents speak in turn.
    pub doubled: Vec<String>,
    /// Cap commands sent.
    pub writes: u64,
}

/// Messages to which an answer may still come.
const SENT: usize = 32;
/// Marks of time come this often.
const TIME: Span = Span::from_ms(1000);

/// Reports kept per node to be read into again: those of a second at 10 Hz.
const SPARE: usize = 10;

#[derive(Debug, Default)]
struct Agent {
    node: String,
    online: bool,
    boot: Option<u64>,
    /// The start whose reports came before those of `boot`.
    before: Option<u64>,
    doubled: bool,
    /// Its reports that have been read.
    spare: Vec<NodeReport>,
    /// When its last commands were sent.
    told: Sent,
}

/// When the last of something was sent, ns TAI: an answer counts if it is to one of them, and not to another
/// controller's.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    ring: [i64; SENT],
    next: usize,
}

impl Sent {
    fn note(&mut self, at: Stamp) {
        self.ring[self.next] = at.tai_ns();
        self.next = (self.next + 1) % SENT;
    }

    fn has(&self, at: Stamp) -> bool {
        self.ring.contains(&at.tai_ns())
    }
}

impl Agent {
    /// Takes the start that a report names. One that comes back after another did is a second agent: starts of
    /// one agent follow each other.
    fn reports(&mut self, boot: u64) {
        self.online = true;
        if self.boot != Some(boot) {
            self.doubled |= self.before == Some(boot);
            self.before = self.boot;
            self.boot = Some(boot);
        }
    }
}

/// The controller's end.
#[derive(Debug)]
pub(crate) struct Agents {
    site: String,
    prefix: String,
    agents: Vec<Agent>,
    by_level: BTreeMap<String, usize>,
    by_id: BTreeMap<String, usize>,
    names: Names,
    may_write: bool,
    /// When the last mark of time went out.
    marked: Option<Stamp>,
    marks: Sent,
    counts: AgentsStatus,
}

impl Agents {
    pub(crate) fn new(site: &Site, may_write: bool) -> Self {
        let agent = |n: &headroom_site::model::Node| Agent { node: n.id.clone(), ..Agent::default() };
        // One that is read from a page has no agent: two sources of one GPU would contradict each other.
        let nodes = || site.nodes.iter().filter(|n| !n.read_only());
        let mut names = Names::default();
        names.learn(site.gpus.iter().map(|gpu| &gpu.uuid));
        Self {
            site: site.name.clone(),
            prefix: prefix(&site.name),
            agents: nodes().map(agent).collect(),
            by_level: nodes().enumerate().map(|(i, n)| (level(&n.id), i)).collect(),
            by_id: nodes().enumerate().map(|(i, n)| (n.id.clone(), i)).collect(),
            names,
            may_write,
            marked: None,
            marks: Sent::default(),
            counts: AgentsStatus::default(),
        }
    }

    /// Takes back reports that have been read, so that the next ones of the same nodes find their memory.
    pub(crate) fn take_back(&mut self, reports: &mut Vec<NodeReport>) {
        for report in reports.drain(..) {
            let agent = self.by_id.get(&*report.node).and_then(|&i| self.agents.get_mut(i));
            if let Some(agent) = agent.filter(|agent| agent.spare.len() < SPARE) {
                agent.spare.push(report);
            }
        }
    }

    pub(crate) fn subscriptions(&self) -> Vec<String> {
        vec![filter(&self.site, Leaf::Telemetry), filter(&self.site, Leaf::Status)]
    }

    /// Takes a message; `None` if its topic is not an agent's.
    pub(crate) fn message(&mut self, topic: &str, payload: &[u8]) -> Option<Option<NodeReport>> {
        let (node, leaf) = parse_after(&self.prefix, topic).filter(|(_, leaf)| *leaf != Leaf::Network)?;
        let Some(agent) = self.by_level.get(node).and_then(|&i| self.agents.get_mut(i)) else {
            self.counts.malformed += 1;
            return Some(None);
        };
        match leaf {
            Leaf::Command | Leaf::Network => {}
            Leaf::Status => match decode_status(payload) {
                // The will of an earlier life says nothing about this one.
                Ok(status) if !status.online && agent.boot.is_some_and(|b| b != status.boot) => {}
                Ok(status) => {
                    agent.online = status.online;
                    agent.boot = Some(status.boot);
                }
                Err(_) => self.counts.malformed += 1,
            },
            Leaf::Telemetry => {
                let mut report = agent.spare.pop().unwrap_or_else(NodeReport::empty);
                match decode_into(payload, &mut self.names, &mut report) {
                    Ok(()) if *report.node == *agent.node => {
                        agent.reports(report.boot);
                        report.answer =
                            report.answer.filter(|a| self.marks.has(a.sent) || agent.told.has(a.sent));
                        self.counts.reports += 1;
                        return Some(Some(report));
                    }
                    said => {
                        self.counts.malformed += 1;
                        if self.counts.malformed.is_power_of_two() {
                            let why =
                                said.err().map_or("it names another node".to_owned(), |e| e.to_string());
                            tracing::warn!(node = agent.node, why, "a report was refused");
                        }
                        agent.spare.push(report);
                    }
                }
            }
        }
        Some(None)
    }

    /// The mark of time that is due. It asks for nothing, so it goes out in every mode.
    pub(crate) fn time(&mut self, now: Stamp) -> Option<Outgoing> {
        // Also where our clock was set back.
        if self.marked.is_some_and(|last| (Span::ZERO..TIME).contains(&now.since(last))) {
            return None;
        }
        self.marked = Some(now);
        self.marks.note(now);
        let payload = encode_time(TimeMark { sent_ns: now.tai_ns() }).ok()?;
        let (topic, delivery) = (time_topic(&self.site), Delivery::Telemetry);
        Some(Outgoing { topic, slot: 0, payload, delivery, while_alive: false })
    }

    /// A command on its way, or the receipt of its refusal.
    pub(crate) fn command(&mut self, command: &CapCommand, now: Stamp) -> Result<Outgoing, Receipt> {
        let refused = |why: String| {
            let target = Target::Node(command.node.to_string());
            Receipt {
                target,
                epoch: command.epoch,
                sequence: command.sequence,
                outcome: Outcome::Refused(why),
            }
        };
        if !self.may_write {
            return Err(refused("this field may not write".into()));
        }
        let agent = self.by_level.get(&level(&command.node)).and_then(|&i| self.agents.get_mut(i));
        let Some(agent) = agent else {
            return Err(refused(format!("the site has no node `{}` with an agent", command.node)));
        };
        agent.told.note(now);
        let command = CapCommand { sent_ns: now.tai_ns(), ..command.clone() };
        let payload = encode_command(&command).map_err(|e| refused(e.to_string()))?;
        let topic = topic(&self.site, &command.node, Leaf::Command);
        self.counts.writes += 1;
        Ok(Outgoing { topic, slot: 0, payload, delivery: Delivery::Command, while_alive: false })
    }

    pub(crate) fn status(&self) -> AgentsStatus {
        let those = |online: bool| {
            let in_order = self.by_level.values().filter_map(|&i| self.agents.get(i));
            in_order.filter(|a| a.online == online).map(|a| a.node.clone()).collect()
        };
        let doubled = self.agents.iter().filter(|a| a.doubled).map(|a| a.node.clone()).collect();
        AgentsStatus { online: those(true), offline: those(false), doubled, ..self.counts.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_report::{ReportFormat, encode};
    use std::sync::Arc;

    const SITE: &str = r#"
[[place]]
id = "h"
kind = "hall"
[[place]]
id = "r"
kind = "rack"
in = "h"
[[node]]
id = "n.1"
rack = "r"
sku = "H100-SXM"
gpus = ["GPU-a"]
"#;

    #[test]
    fn reports_go_round() {
        let site = crate::testing::site(SITE);
        let mut agents = Agents::new(&site, false);
        let sample = headroom_site::GpuSample::default();
        let sent = NodeReport {
            node: "n.1".into(),
            gpus: vec![(Arc::from("GPU-a"), sample)],
            ..NodeReport::empty()
        };
        let payload = encode(&sent, ReportFormat::Packed).unwrap();
        let topic = topic("test", "n.1", Leaf::Telemetry);
        let heard = agents.message(&topic, &payload).unwrap().unwrap();
        assert_eq!(heard, sent);
        assert!(Arc::ptr_eq(&heard.gpus[0].0, &site.gpus[0].uuid), "names are the site's own");
        let at = heard.gpus.as_ptr();
        agents.take_back(&mut vec![heard]);
        // What cannot be read is counted, and its memory not lost.
        assert_eq!(agents.message(&topic, &payload[..9]), Some(None));
        let other = encode(&NodeReport { node: "n.2".into(), ..sent }, ReportFormat::Packed).unwrap();
        assert_eq!(agents.message(&topic, &other), Some(None));
        assert_eq!(agents.status().malformed, 2);
        assert_eq!(agents.message(&topic, &payload).unwrap().unwrap().gpus.as_ptr(), at);
    }

    #[test]
    fn only_answers_to_our_own_messages_count() {
        let site = crate::testing::site(SITE);
        let mut agents = Agents::new(&site, false);
        let (ours, theirs) = (Stamp::from_unix_ms(1_000_000), Stamp::from_unix_ms(1_005_000));
        assert_eq!(agents.time(ours).unwrap().topic, "headroom/v1/test/time");
        assert!(agents.time(ours + Span::from_ms(999)).is_none() && agents.time(ours + TIME).is_some());
        for (sent, counts) in [(ours, true), (theirs, false)] {
            let answer = Some(headroom_site::gpu::Answer { sent, heard: theirs });
            let report = NodeReport { node: "n.1".into(), answer, ..NodeReport::empty() };
            let payload = encode(&report, ReportFormat::Packed).unwrap();
            let heard = agents.message(&topic("test", "n.1", Leaf::Telemetry), &payload).unwrap().unwrap();
            assert_eq!(heard.answer.is_some(), counts);
        }
    }

    #[test]
    fn two_agents_under_one_name_are_named_and_a_restart_is_not() {
        let mut agent = Agent::default();
        for boot in [7, 7, 8, 8, 9] {
            agent.reports(boot);
        }
        assert!(!agent.doubled);
        agent.reports(8);
        assert!(agent.doubled);
    }

    #[test]
    fn topics_are_found_again() {
        for leaf in Leaf::ALL {
            assert_eq!(parse("My Site/1", &topic("My Site/1", "n.1", leaf)), Some(("n-1", leaf)));
        }
        assert_eq!(parse("a", "headroom/v1/b/node/n/status"), None);
        assert_eq!(parse("a", "headroom/v1/a/node/n/status/x"), None);
        assert_eq!(filter("a b", Leaf::Status), "headroom/v1/a-b/node/+/status");
    }
}
