//! What the daemon shows of itself: one struct, served as JSON, printed by `headroom status` and drawn by the demo.

pub(crate) use super::branches::BranchView;
pub(crate) use super::jobs::JobView;

use super::actuators::{self, ActuatorView};
use super::alarms::AlarmView;
use super::branches;
use super::clocks::{self, ClockView, LagView};
use super::foresight::{self, ForeseenView};
use super::health::{self, FindingView, FlowView};
use super::jobs;
use super::outlook::{self, OutlookView};
use super::pairs::PairsView;
use super::places::{self, PlaceView, WarningView};
use super::ramp::{RampView, SwingView};
use super::record::{DoubtRecord, SetpointRecord};
use super::release::Released;
use super::served::{Served, ServedView};
use crate::election::view::LeadershipView;
use crate::ledger::Told;
use headroom_belief::gpu::Rise;
use headroom_core::Line;
use headroom_core::places::Places;
use headroom_drivers::FieldStatus;
use headroom_site::gpu::ThrottleReason;
use headroom_site::{Site, Span, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Wall time between two looks at everything: it is for people, and a fast clock has many ticks.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Wall time between two looks at connections.
const CONNECTIONS_EVERY: Duration = Duration::from_secs(2);

/// A connection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ConnectionView {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) up: bool,
    pub(crate) state: String,
}

/// One setpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SetpointView {
    pub(crate) actuator: String,
    pub(crate) mode: String,
    pub(crate) unit: String,
    pub(crate) stands: f64,
    pub(crate) admitted: Option<f64>,
    pub(crate) guard: Option<String>,
    pub(crate) why: String,
}

/// How the loop keeps up, in plant time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How late the tick began.
    pub(crate) lag: Span,
    /// How long it took.
    pub(crate) took: Span,
    /// When the next one is due.
    pub(crate) next: Stamp,
    /// Ticks missed since the start.
    pub(crate) missed: u64,
}

/// Everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) site: String,
    pub(crate) policy: String,
    pub(crate) writes_allowed: bool,
    pub(crate) epoch: u64,
    pub(crate) time: String,
    pub(crate) unix_ms: i64,
    /// When the next tick is due.
    pub(crate) next_unix_ms: i64,
    pub(crate) ticks: u64,
    pub(crate) missed_ticks: u64,
    pub(crate) lag_s: f64,
    pub(crate) tick_s: f64,
    /// Every read-back that a held command needs is there and fits it.
    pub(crate) verified: bool,
    /// An operator has let everything go.
    #[serde(default)]
    pub(crate) released: Option<Released>,
    /// Who leads, where there are several controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leadership: Option<LeadershipView>,
    /// Groups that only advise for want of evidence, and why.
    #[serde(default)]
    pub(crate) unproven: Vec<String>,
    pub(crate) commands_issued: u64,
    /// Readings and reports that came faster than ticks could take them.
    #[serde(default)]
    pub(crate) readings_dropped: u64,
    /// Everything ever written toward the plant: requests, heartbeats, registers, caps.
    pub(crate) writes: u64,
    pub(crate) gpus: usize,
    pub(crate) gpus_heard: usize,
    /// GPUs that can only be read: no cap or clock can be commanded.
    #[serde(default)]
    pub(crate) gpus_read_only: usize,
    pub(crate) points: usize,
    pub(crate) points_good: usize,
    /// Points that others contradict, and why.
    #[serde(default)]
    pub(crate) implausible: Vec<DoubtRecord>,
    pub(crate) facility_w: f64,
    pub(crate) it_w: f64,
    pub(crate) cooling_w: f64,
    pub(crate) pue: f64,
    pub(crate) headroom_k: f64,
    pub(crate) headroom_sigma_k: f64,
    pub(crate) headroom_full_load_k: f64,
    pub(crate) headroom_w: f64,
    pub(crate) headroom_s: Option<f64>,
    pub(crate) hottest: String,
    /// Headroom of racks, loops and feeds.
    #[serde(default)]
    pub(crate) places: Vec<PlaceView>,
    /// GPUs that will slow down for heat, and those of them that are nearest to it.
    #[serde(default)]
    pub(crate) gpus_warned: usize,
    #[serde(default)]
    pub(crate) warnings: Vec<WarningView>,
    /// What ails the plant.
    #[serde(default)]
    pub(crate) health: Vec<FindingView>,
    /// Flows that nobody meters.
    #[serde(default)]
    pub(crate) unmetered: Vec<FlowView>,
    /// What the site's model foresees, if one was given.
    #[serde(default)]
    pub(crate) foreseen: Vec<ForeseenView>,
    /// What came of the last plan of the next hour, where the policy wants one.
    #[serde(default)]
    pub(crate) plan: Option<String>,
    pub(crate) tokens: f64,
    pub(crate) facility_kwh: f64,
    pub(crate) it_kwh: f64,
    pub(crate) cooling_kwh: f64,
    pub(crate) throttled_gpu_s: BTreeMap<String, f64>,
    /// GPUs that a reason holds now, by reason; one may have several.
    #[serde(default)]
    pub(crate) throttled_gpus: BTreeMap<String, usize>,
    pub(crate) caps_bind: bool,
    /// The site on its way up, where the policy limits how fast it may rise.
    #[serde(default)]
    pub(crate) ramp: Option<RampView>,
    /// How far it swings, where the policy limits that.
    #[serde(default)]
    pub(crate) swing: Option<SwingView>,
    pub(crate) jobs: Vec<JobView>,
    /// Jobs on the pages of their engines.
    #[serde(default)]
    pub(crate) served: Vec<ServedView>,
    #[serde(skip)]
    pub(crate) engines: Served,
    #[serde(skip)]
    pub(crate) graph: Option<Places>,
    pub(crate) branches: Vec<BranchView>,
    pub(crate) setpoints: Vec<SetpointView>,
    #[serde(default)]
    pub(crate) actuators: Vec<ActuatorView>,
    pub(crate) connections: Vec<ConnectionView>,
    /// What is wrong, in order; of the page `/status`, empty elsewhere.
    #[serde(default)]
    pub(crate) alarms: Vec<AlarmView>,
    /// Clocks of those who stamp what they send.
    #[serde(default)]
    pub(crate) clocks: Vec<ClockView>,
    /// Lags of meters behind the GPUs below them.
    #[serde(default)]
    pub(crate) meter_lags: Vec<LagView>,
    /// The next hour.
    #[serde(flatten)]
    pub(crate) ahead: OutlookView,
    /// What the hour cost so far.
    #[serde(default)]
    pub(crate) ledger: Told,
    /// What the four pairs need beside the rest.
    #[serde(flatten)]
    pub(crate) pairs: PairsView,
    #[serde(skip)]
    pub(crate) looked: Option<Instant>,
    #[serde(skip)]
    pub(crate) connections_looked: Option<Instant>,
}

impl View {
    pub(crate) fn new(site: &Site, policy: &str, writes_allowed: bool, epoch: u64) -> Self {
        Self {
            site: site.name.clone(),
            policy: policy.to_owned(),
            writes_allowed,
            epoch,
            gpus: site.gpus.len(),
            gpus_read_only: read_only(site),
            engines: Served::new(site),
            ..Self::default()
        }
    }

    /// What this daemon may do.
    pub(crate) fn may(&self) -> &'static str {
        match &self.leadership {
            Some(l) if !l.leads => "stands by",
            _ if self.writes_allowed => "commands",
            _ => "advises only",
        }
    }

    /// Takes a look at the line after a tick.
    pub(crate) fn update(&mut self, line: &Line, verified: bool, pace: &Pace) {
        let (site, snapshot) = (line.site(), line.snapshot());
        self.ticks += 1;
        self.missed_ticks = pace.missed;
        self.lag_s = pace.lag.s();
        self.tick_s = pace.took.s();
        self.next_unix_ms = pace.next.unix_ms();
        self.verified = verified;
        self.unix_ms = snapshot.stamp.unix_ms();
        self.commands_issued = line.issued();
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        self.time = snapshot.stamp.to_string();
        self.gpus_heard = snapshot.gpus.iter().filter(|g| g.heard).count();
        self.points = snapshot.points.len();
        self.implausible = DoubtRecord::all(line);
        self.points_good = snapshot.points.iter().filter(|p| p.quality.is_good()).count();
        let good = |p: Option<headroom_site::PointId>| p.and_then(|p| snapshot.good(p)).unwrap_or(0.0);
        self.facility_w = good(site.meters.facility);
        self.it_w = good(site.meters.it);
        self.cooling_w = site.meters.cooling.iter().filter_map(|p| snapshot.good(*p)).sum();
        self.pue = if self.it_w > 0.0 { self.facility_w / self.it_w } else { 0.0 };
        self.caps_bind = line.caps().binds;
        self.ramp = line.ramp().filter(|r| r.may_draw_w.is_finite()).map(RampView::from);
        self.swing = line.swing().map(SwingView::from);
        self.clocks = clocks::of(line);
        self.meter_lags = clocks::lags_of(line);
        self.update_headroom(line);
        let graph = self.graph.get_or_insert_with(|| Places::new(site, line.topology()));
        self.places = places::places(line, graph);
        self.gpus_warned = line.warnings().count();
        self.warnings = places::warnings(line);
        self.ahead = outlook::ahead(line);
        self.health = health::findings(line);
        self.unmetered = health::flows(line);
        self.foreseen = foresight::foreseen(line);
        self.plan = foresight::plan(line);
        self.update_totals(line);
        self.jobs = jobs::jobs(line);
        self.pairs.update(line, &self.jobs);
        self.served = self.engines.view(snapshot);
        self.branches = branches::branches(line);
        self.setpoints = line.advice().iter().map(|a| SetpointRecord::new(line, a).into()).collect();
        self.actuators = actuators::actuators(line);
    }

    fn update_headroom(&mut self, line: &Line) {
        let e = line.estimate();
        let seen = (0..e.gpus.len()).filter_map(|g| Some((g, e.kelvins(g)?[0])));
        let Some((g, _)) = seen.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return;
        };
        let h = e.headroom(g);
        self.headroom_k = h.kelvin;
        self.headroom_sigma_k = e.gpus.now(g, Rise::Die).1;
        self.headroom_full_load_k = h.kelvin_full_load;
        self.headroom_w = h.watts;
        self.headroom_s = Some(h.seconds).filter(|s| s.is_finite());
        let gpu = &line.site().gpus[g];
        self.hottest = line.site().nodes[gpu.node.index()].id.clone();
    }

    fn update_totals(&mut self, line: &Line) {
        let t = line.ledger().totals();
        self.tokens = t.tokens;
        self.facility_kwh = t.facility_j / 3.6e6;
        self.it_kwh = t.it_j / 3.6e6;
        self.cooling_kwh = t.cooling_j / 3.6e6;
        for (reason, s) in ThrottleReason::ALL.iter().zip(t.throttled_s) {
            self.throttled_gpu_s.insert(key(*reason).to_owned(), s);
        }
        let heard = line.snapshot().gpus.iter().enumerate().filter(|(_, g)| g.heard);
        let standing: Vec<u32> = heard.map(|(i, _)| line.reasons(i)).collect();
        for reason in ThrottleReason::ALL {
            let held = standing.iter().filter(|bits| **bits & reason.bit() != 0).count();
            self.throttled_gpus.insert(key(reason).to_owned(), held);
        }
    }

    /// Are connections to be looked at? If so, they are thought to be.
    pub(crate) fn wants_connections(&mut self) -> bool {
        if self.connections_looked.is_some_and(|at| at.elapsed() < CONNECTIONS_EVERY) {
            return false;
        }
        self.connections_looked = Some(Instant::now());
        true
    }
}

/// GPUs of nodes that are read from a page.
pub(crate) fn read_only(site: &Site) -> usize {
    let nodes = site.nodes.iter().filter(|n| n.read_only());
    nodes.map(|n| n.gpus.1.saturating_sub(n.gpus.0) as usize).sum()
}

/// Key of a throttle reason in scores and metrics.
pub(crate) fn key(reason: ThrottleReason) -> &'static str {
    match reason {
        ThrottleReason::SwPowerCap => "sw_power_cap",
        ThrottleReason::SwThermal => "sw_thermal",
        ThrottleReason::HwThermal => "hw_thermal",
        ThrottleReason::PowerBrake => "power_brake",
        ThrottleReason::HwSlowdown => "hw_slowdown",
    }
}

impl From<SetpointRecord> for SetpointView {
    fn from(r: SetpointRecord) -> Self {
        Self {
            actuator: r.actuator,
            mode: r.mode,
            unit: r.unit.to_owned(),
            stands: r.stands,
            admitted: r.admitted,
            guard: r.guard,
            why: r.why,
        }
    }
}

/// A line with the first of some findings: it is for people.
fn with_findings(mut line: String, findings: &[String]) -> String {
    if let [first, rest @ ..] = findings {
        line += &format!("; {first}");
        if !rest.is_empty() {
            line += &format!(" (and {} more)", rest.len());
        }
    }
    line
}

/// One line per connection.
pub(crate) fn connections(status: &FieldStatus) -> Vec<ConnectionView> {
    let line = |id: &str, up: bool, more: String, trouble: Option<&String>| {
        let state = match (up, trouble) {
            (true, _) => format!("up, {more}"),
            (false, Some(why)) => format!("down: {why}"),
            (false, None) => "not connected yet".to_owned(),
        };
        ConnectionView { id: id.to_owned(), up, state }
    };
    let mqtt = status.mqtt.iter().map(|m| {
        let c = m.counts;
        let more = format!("{} received, {} written, {} connects", c.received, m.writes(), c.connects);
        let more = with_findings(more, &m.findings());
        let silent = m
            .bms_silent()
            .map(|since| format!("the BMS's heartbeat is silent since {since}: nothing new is asked of it"));
        let trouble = m.trouble.as_ref().filter(|_| !m.up).or(silent.as_ref());
        line(&m.url, m.up && silent.is_none(), more, trouble)
    });
    let modbus = status.modbus.iter().map(|d| {
        let local = if d.local { ", its operator has it" } else { "" };
        line(&d.id, d.up, format!("{} rounds, {} writes{local}", d.rounds, d.writes), d.trouble.as_ref())
    });
    let pages = status.prometheus.iter().map(|p| {
        let more = with_findings(format!("{} scrapes", p.scrapes), &p.missing);
        line(&p.id, p.up, more, p.trouble.as_ref())
    });
    let dcgm = status.dcgm.iter().map(|p| {
        let more = format!(
            "{} collections in {} scrapes, {} GPUs read only, times to {:.1} s",
            p.collections,
            p.scrapes,
            p.gpus,
            p.uncertainty.s()
        );
        line(&p.id, p.up, with_findings(more, &p.missing), p.trouble.as_ref())
    });
    mqtt.chain(modbus).chain(pages).chain(dcgm).collect()
}
