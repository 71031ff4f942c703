//! What goes into the journal, and what is published as advice. Keys end in the unit.

use super::health::{self, FindingView};
use headroom_core::align::plausible::Doubt;
use headroom_core::propose::Binds;
use headroom_core::{Advice, Line, Tick};
use headroom_drivers::mqtt::agents::level;
use headroom_guard::{CapsVerdict, Mode, Verdict};
use headroom_site::{Command, Dimension, Office, PointId, Site, Stamp};
use serde::{Deserialize, Serialize};

/// One setpoint as decided.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub(crate) struct SetpointRecord {
    /// Actuator id.
    pub(crate) actuator: String,
    /// Mode of its group.
    pub(crate) mode: String,
    /// Unit of the values.
    pub(crate) unit: &'static str,
    /// Where it stands.
    pub(crate) stands: f64,
    /// What was proposed.
    pub(crate) proposed: f64,
    /// What the guard left of it; none if it refused.
    pub(crate) admitted: Option<f64>,
    /// The guard's reason, if it narrowed or refused.
    pub(crate) guard: Option<String>,
    /// Why it was proposed.
    pub(crate) why: String,
    /// Why it is in this mode and not in the one that is wanted of its group, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode_why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode_since: Option<String>,
}

impl SetpointRecord {
    /// Of an advice.
    pub(crate) fn new(line: &Line, advice: &Advice) -> Self {
        let a = &line.site().actuators[advice.actuator];
        let (admitted, guard) = match advice.verdict {
            Verdict::Allow(v) => (Some(v), None),
            Verdict::Narrow(v, reason) => (Some(v), Some(reason.to_string())),
            Verdict::Refuse(reason) => (None, Some(reason.to_string())),
        };
        let held_back = line.held_back().find(|h| h.actuator == advice.actuator);
        Self {
            actuator: a.id.clone(),
            mode: advice.mode.to_string(),
            unit: unit(a.unit.dimension),
            stands: round(advice.proposal.stands),
            proposed: round(advice.proposal.value),
            admitted: admitted.map(round),
            guard,
            why: describe(line, &advice.proposal.why.to_string(), advice),
            mode_why: held_back.map(|h| h.cause.to_string()),
            mode_since: held_back.map(|h| h.since.to_string()),
        }
    }
}

/// Names in place of indices.
fn describe(line: &Line, text: &str, advice: &Advice) -> String {
    use headroom_core::propose::Why;
    let by = match &advice.proposal.why {
        Why::Relax { by, .. }
        | Why::Tighten { by, .. }
        | Why::UpstreamFirst { by, .. }
        | Why::Underway { by, .. }
        | Why::Rests { by, .. }
        | Why::Plan { by, .. }
        | Why::BrokeOff { by, .. } => *by,
        Why::Stepwise(why) => why.by(),
        Why::Hold
        | Why::Unseen
        | Why::StandsStill
        | Why::HandBack
        | Why::Swings { .. }
        | Why::NothingToSave { .. }
        | Why::Cooler { .. }
        | Why::Warmer { .. }
        | Why::Operator(_)
        | Why::Excite { .. } => {
            return text.to_owned();
        }
    };
    let Some(name) = name_of(line, by) else { return text.to_owned() };
    text.replace(&by.to_string(), &name)
}

/// What binds, by its name; none where its own words say as much.
pub(crate) fn name_of(line: &Line, by: Binds) -> Option<String> {
    let site = line.site();
    match by {
        Binds::Gpu(g) => {
            let gpu = &site.gpus[g];
            let node = &site.nodes[gpu.node.index()];
            Some(format!("{} GPU {} at full load", node.id, g - node.gpus.0 as usize))
        }
        Binds::Point(p) => Some(format!("the limit of {}", site.points[p].id)),
        Binds::Downstream(a) => Some(format!("the hold of {}", site.actuators[a].id)),
        Binds::Flow(r) => Some(format!("the least flow of {}", line.topology().racks[r].id)),
        Binds::Unknown => None,
    }
}

fn unit(d: Dimension) -> &'static str {
    d.base()
}

fn round(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}

/// A command as sent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CommandRecord {
    target: String,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caps_w: Vec<Option<f32>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locks_mhz: Vec<Option<f32>>,
    ttl_ms: u64,
    reason: String,
}

impl CommandRecord {
    fn new(site: &Site, command: &Command) -> Self {
        match command {
            Command::Setpoint(c) => Self {
                target: site.actuators[c.actuator.index()].id.clone(),
                sequence: c.sequence,
                value: c.value.map(round),
                caps_w: Vec::new(),
                locks_mhz: Vec::new(),
                ttl_ms: c.ttl_ms,
                reason: c.reason.clone(),
            },
            Command::Caps(c) => Self {
                target: c.node.to_string(),
                sequence: c.sequence,
                value: None,
                caps_w: c.gpus.iter().map(|g| g.cap_w).collect(),
                locks_mhz: c.gpus.iter().map(|g| g.lock_mhz).collect(),
                ttl_ms: c.ttl_ms,
                reason: c.reason.to_string(),
            },
        }
    }
}

/// A point in doubt.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub(crate) struct DoubtRecord {
    /// Point id.
    pub(crate) point: String,
    /// Its quality now: bad if it is the odd one out, uncertain if one of several that cannot all be right.
    pub(crate) quality: String,
    /// The rule.
    pub(crate) rule: String,
    /// What is wrong, with numbers.
    pub(crate) why: String,
    /// Points that it contradicts.
    pub(crate) with: Vec<String>,
    /// Since when.
    pub(crate) since: String,
}

impl DoubtRecord {
    /// All points in doubt, in order of the site file.
    pub(crate) fn all(line: &Line) -> Vec<Self> {
        let points = &line.site().points;
        let id = |p: PointId| points[p.index()].id.clone();
        let one = |d: &Doubt| Self {
            point: id(d.point),
            quality: d.quality.to_string(),
            rule: d.lie.rule().to_owned(),
            why: d.lie.to_string(),
            with: d.with.iter().flatten().map(|p| id(*p)).collect(),
            since: d.since.to_string(),
        };
        line.plausible().doubts().iter().map(one).collect()
    }
}

/// One tick in the journal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    time: String,
    tai_ns: i64,
    snapshot: String,
    verified: bool,
    /// An operator has let everything go.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    released: bool,
    /// Whether it led or stood by, where it was one of several controllers, and the epoch of its commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    caps_bind: bool,
    caps_guard: String,
    facility_w: Option<f64>,
    it_w: Option<f64>,
    least_headroom_k: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    implausible: Vec<DoubtRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    health: Vec<FindingView>,
    setpoints: Vec<SetpointRecord>,
    commands: Vec<CommandRecord>,
}

impl Record {
    /// Of a tick.
    pub(crate) fn new(line: &Line, tick: &Tick) -> Self {
        let site = line.site();
        let good = |p: Option<PointId>| p.and_then(|p| line.snapshot().good(p)).map(round);
        let e = line.estimate();
        // One that was never seen has none.
        let office = match line.office() {
            Office::Sole => (None, None),
            Office::Standby => (Some("standby"), None),
            Office::Leader { epoch, .. } => (Some("leader"), Some(*epoch)),
        };
        let least = (0..e.gpus.len()).map(|g| e.kelvins(g).map_or(0.0, |[now_k, _]| now_k)).reduce(f64::min);
        Self {
            time: tick.stamp.to_string(),
            tai_ns: tick.stamp.tai_ns(),
            snapshot: format!("{:016x}", line.snapshot().digest()),
            verified: tick.verified,
            released: line.is_released(),
            office: office.0,
            epoch: office.1,
            caps_bind: tick.caps_bind,
            caps_guard: caps_words(&tick.caps),
            facility_w: good(site.meters.facility),
            it_w: good(site.meters.it),
            least_headroom_k: least.map(round),
            implausible: DoubtRecord::all(line),
            health: health::findings(line),
            setpoints: tick.advice.iter().map(|a| SetpointRecord::new(line, a)).collect(),
            commands: tick.commands.iter().map(|c| CommandRecord::new(site, c)).collect(),
        }
    }
}

/// What the guard made of the caps, in words.
pub(crate) fn caps_words(verdict: &CapsVerdict) -> String {
    match verdict {
        CapsVerdict::Allow => "as proposed".to_owned(),
        CapsVerdict::Narrow { reason, .. } => format!("narrowed: {reason}"),
        CapsVerdict::Infeasible { over_w, .. } => {
            format!("infeasible: {over_w:.0} W over with every GPU at its floor")
        }
        CapsVerdict::Refuse(reason) => format!("refused: {reason}"),
    }
}

/// Is what is said about a group in this mode published? In shadow it is only kept.
pub(crate) const fn is_public(mode: Mode) -> bool {
    match mode {
        Mode::Advisory | Mode::Active | Mode::Hold => true,
        Mode::Off | Mode::Fallback | Mode::Shadow => false,
    }
}

/// Topic and payload under which an advice is published. Ids of actuators may have levels of their own.
pub(crate) fn advice_message(line: &Line, advice: &Advice, now: Stamp) -> (String, Vec<u8>) {
    let record = SetpointRecord::new(line, advice);
    let topic = format!("headroom/v1/{}/advice/{}", level(&line.site().name), record.actuator);
    let payload = serde_json::json!({ "timestamp": now.unix_ms(), "advice": record });
    (topic, payload.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadow_keeps_its_advice_to_itself() {
        assert!([Mode::Advisory, Mode::Active, Mode::Hold].into_iter().all(is_public));
        assert!(![Mode::Off, Mode::Fallback, Mode::Shadow].into_iter().any(is_public));
    }
}
