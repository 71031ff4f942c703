//! Events: what a scenario does to a world.
//!
//! Responsible for: turning active events into faults of equipment, sensors, weather, load and limits, and
//! undoing them. Not for: the format ([`crate::scenario`]).

use super::World;
use super::place::{cdu_name, chiller_name, crah_name};
use super::points::RequestTarget;
use super::sensors::SensorFault;
use crate::scenario::{Event, EventKind, ImportCut, Scenario};
use thiserror::Error;

/// Why a scenario does not fit a world.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WorldError {
    /// An event names a device that is not there.
    #[error("line {line}: no `{device}` takes a {kind} here; use one of {known}")]
    UnknownDevice {
        /// Line of the scenario.
        line: usize,
        /// Device named.
        device: String,
        /// Kind of event.
        kind: &'static str,
        /// Devices that there are.
        known: String,
    },
    /// An event names a point that is not there, or more than one.
    #[error("line {line}: {found} points end with `{point}`; give the tag of one, for example `{example}`")]
    UnknownPoint {
        /// Line of the scenario.
        line: usize,
        /// Point named.
        point: String,
        /// Number of points that match.
        found: usize,
        /// A tag that exists.
        example: String,
    },
    /// An event names a job that is not a training job.
    #[error("line {line}: `{job}` is no training job; use one of {known}")]
    UnknownJob {
        /// Line of the scenario.
        line: usize,
        /// Job named.
        job: String,
        /// Training jobs.
        known: String,
    },
    /// The world itself cannot be built.
    #[error("{0}")]
    Config(&'static str),
}

/// A resolved effect.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Effect {
    Arrivals(f64),
    Pause(usize),
    CduPump(usize, usize),
    PrimaryPump(usize),
    Chiller(usize),
    Import(ImportCut, f64),
    Warmth(f64),
    Sensor(usize, SensorFault),
    CduFouling(usize, f64),
    CrahFouling(usize, f64),
    EconomiserFouling(f64),
    TowerFouling(f64),
    CduValve(usize),
    CrahValve(usize),
    Feed,
    Local(Local),
}

/// A device that an operator can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Local {
    Cdu(usize),
    Crah(usize),
    ChillerPlant,
    Tower,
}

/// An event with its effect on this world.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    event: Event,
    effect: Effect,
    active: bool,
}

/// An import limit in force or announced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curtailment {
    /// Limit at the site feed, W.
    pub limit_w: f64,
    /// True once the notice is over.
    pub binding: bool,
}

/// The scenario as it acts on one world.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub(super) armed: Vec<Armed>,
    /// Warmth on top of the weather, K.
    pub warmth_k: f64,
    /// Factor on serving arrivals.
    pub arrivals: f64,
    /// Import limit, if there is one.
    pub curtailment: Option<Curtailment>,
    /// Request points that the operator has taken.
    pub local: Vec<usize>,
}

fn numbered(device: &str, count: usize, name: fn(usize) -> String) -> Option<usize> {
    (0..count).find(|n| name(*n) == device)
}

fn unknown(event: &Event, device: &str, kind: &'static str, known: &[String]) -> WorldError {
    WorldError::UnknownDevice { line: event.line, device: device.to_owned(), kind, known: known.join(", ") }
}

impl Events {
    /// Fits a scenario to a world; every finding at once.
    pub(super) fn new(scenario: &Scenario, world: &World) -> Result<Self, Vec<WorldError>> {
        let (mut armed, mut findings) = (Vec::new(), Vec::new());
        for event in &scenario.events {
            match effect(event, world) {
                Ok(effect) => armed.push(Armed { event: event.clone(), effect, active: false }),
                Err(finding) => findings.push(finding),
            }
        }
        let events = Self { armed, arrivals: 1.0, ..Self::default() };
        if findings.is_empty() { Ok(events) } else { Err(findings) }
    }
}

fn effect(event: &Event, world: &World) -> Result<Effect, WorldError> {
    let places = &world.places;
    let cdu = |d: &str| numbered(d, places.cdus, cdu_name);
    let crah = |d: &str| numbered(d, 2, crah_name);
    let cdus: Vec<String> = (0..places.cdus).map(cdu_name).collect();
    let with = |more: &[&str]| [cdus.clone(), more.iter().map(|s| (*s).to_owned()).collect()].concat();
    match &event.kind {
        EventKind::LoadStep { factor, job: None } => Ok(Effect::Arrivals(*factor)),
        EventKind::LoadStep { job: Some(job), .. } => training(event, job, world),
        EventKind::PumpFailure { device, pump } => match (cdu(device), device.as_str()) {
            (Some(n), _) => Ok(Effect::CduPump(n, pump - 1)),
            (None, "FWS") => Ok(Effect::PrimaryPump(pump - 1)),
            _ => Err(unknown(event, device, "pump failure", &with(&["FWS"]))),
        },
        EventKind::ChillerTrip { device } => {
            let known: Vec<String> = (0..2).map(chiller_name).collect();
            let found = numbered(device, 2, chiller_name).map(Effect::Chiller);
            found.ok_or_else(|| unknown(event, device, "trip", &known))
        }
        EventKind::Curtailment { limit, notice_s } => Ok(Effect::Import(*limit, *notice_s)),
        EventKind::HeatWave { rise_k } => Ok(Effect::Warmth(*rise_k)),
        EventKind::SensorStuck { point } => {
            Ok(Effect::Sensor(find_point(event, point, world)?, SensorFault::Stuck(None)))
        }
        EventKind::SensorBias { point, offset } => {
            Ok(Effect::Sensor(find_point(event, point, world)?, SensorFault::Bias(*offset)))
        }
        EventKind::Fouling { device, share } => match (cdu(device), crah(device), device.as_str()) {
            (Some(n), _, _) => Ok(Effect::CduFouling(n, *share)),
            (_, Some(n), _) => Ok(Effect::CrahFouling(n, *share)),
            (_, _, "HX-01") => Ok(Effect::EconomiserFouling(*share)),
            (_, _, "CT-01") => Ok(Effect::TowerFouling(*share)),
            _ => Err(unknown(event, device, "fouling", &with(&["CRAH-01", "CRAH-02", "HX-01", "CT-01"]))),
        },
        EventKind::ValveStuck { device } => match (cdu(device), crah(device)) {
            (Some(n), _) => Ok(Effect::CduValve(n)),
            (_, Some(n)) => Ok(Effect::CrahValve(n)),
            _ => Err(unknown(event, device, "stuck valve", &with(&["CRAH-01", "CRAH-02"]))),
        },
        EventKind::FeedLoss => Ok(Effect::Feed),
        EventKind::OperatorLocal { device } => match (cdu(device), crah(device), device.as_str()) {
            (Some(n), _, _) => Ok(Effect::Local(Local::Cdu(n))),
            (_, Some(n), _) => Ok(Effect::Local(Local::Crah(n))),
            (_, _, "chiller-plant") => Ok(Effect::Local(Local::ChillerPlant)),
            (_, _, "tower") => Ok(Effect::Local(Local::Tower)),
            _ => {
                let more = ["CRAH-01", "CRAH-02", "chiller-plant", "tower"];
                Err(unknown(event, device, "local operation", &with(&more)))
            }
        },
    }
}

fn training(event: &Event, job: &str, world: &World) -> Result<Effect, WorldError> {
    let jobs = &world.workload.jobs;
    let found = jobs.iter().position(|j| j.name == job && j.training().is_some());
    found.map(Effect::Pause).ok_or_else(|| WorldError::UnknownJob {
        line: event.line,
        job: job.to_owned(),
        known: jobs
            .iter()
            .filter(|j| j.training().is_some())
            .map(|j| j.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn find_point(event: &Event, name: &str, world: &World) -> Result<usize, WorldError> {
    let points = &world.image.points;
    let mut matches = points.iter().enumerate().filter(|(_, p)| !p.request && p.tag.ends_with(name));
    match (matches.next(), matches.count()) {
        (Some((index, _)), 0) => Ok(index),
        (first, more) => Err(WorldError::UnknownPoint {
            line: event.line,
            point: name.to_owned(),
            found: usize::from(first.is_some()) + more,
            example: points.first().map(|p| p.tag.clone()).unwrap_or_default(),
        }),
    }
}

impl World {
    /// Applies what begins and ends now.
    pub(super) fn apply_events(&mut self) {
        let time_s = self.elapsed_s();
        let mut events = std::mem::take(&mut self.events);
        (events.warmth_k, events.arrivals) = (0.0, 1.0);
        for armed in &mut events.armed {
            let phase = armed.event.active_for_s(time_s);
            if phase.is_some() != armed.active {
                armed.active = phase.is_some();
                self.switch(armed.effect, armed.active);
                if let Effect::Import(cut, _) = armed.effect {
                    events.curtailment = armed.active.then(|| self.limit(cut));
                }
                if let Effect::Local(device) = armed.effect {
                    let points = self.points_of(device);
                    events.local.retain(|p| !points.contains(p));
                    if armed.active {
                        events.local.extend(points);
                    }
                }
            }
            match (phase, armed.effect) {
                (Some(_), Effect::Warmth(rise_k)) => events.warmth_k += rise_k,
                (Some(_), Effect::Arrivals(factor)) => events.arrivals *= factor,
                (Some(phase_s), Effect::Import(_, notice_s)) => {
                    if let Some(curtailment) = &mut events.curtailment {
                        curtailment.binding = phase_s >= notice_s;
                    }
                }
                _ => {}
            }
        }
        self.events = events;
    }

    fn limit(&self, cut: ImportCut) -> Curtailment {
        let limit_w = match cut {
            ImportCut::Watts(limit_w) => limit_w,
            ImportCut::Share(share) => (1.0 - share) * self.mean_import_w,
        };
        Curtailment { limit_w, binding: false }
    }

    fn points_of(&self, device: Local) -> Vec<usize> {
        let targets = match device {
            Local::Cdu(n) => vec![RequestTarget::CduSupply(n), RequestTarget::CduDp(n)],
            Local::Crah(n) => vec![RequestTarget::CrahSupply(n)],
            Local::ChillerPlant => vec![RequestTarget::Facility],
            Local::Tower => vec![RequestTarget::Tower],
        };
        targets.into_iter().filter_map(|target| self.list.request(target)).collect()
    }

    fn switch(&mut self, effect: Effect, on: bool) {
        let share = |value: f64| if on { value } else { 0.0 };
        let f = &mut self.facility;
        match effect {
            Effect::Pause(job) => {
                self.workload.set_training_active(job, !on);
            }
            Effect::CduPump(cdu, pump) => f.cdus[cdu].pumps[pump].failed = on,
            Effect::PrimaryPump(pump) => f.primary.pumps[pump].failed = on,
            Effect::Chiller(n) => f.primary.chillers[n].tripped = on,
            Effect::Sensor(point, fault) => self.sensors.set_fault(point, on.then_some(fault)),
            Effect::CduFouling(cdu, lost) => f.cdus[cdu].plate.fouling = share(lost),
            Effect::CrahFouling(crah, lost) => f.hall.crahs[crah].coil.fouling = share(lost),
            Effect::EconomiserFouling(lost) => f.primary.economiser.fouling = share(lost),
            Effect::TowerFouling(lost) => f.condenser.tower.fouling = share(lost),
            Effect::CduValve(cdu) => f.cdus[cdu].valve.stuck = on,
            Effect::CrahValve(crah) => f.hall.crahs[crah].valve.stuck = on,
            Effect::Feed => f.power.feed_lost = on,
            Effect::Arrivals(_) | Effect::Import(..) | Effect::Warmth(_) | Effect::Local(_) => {}
        }
    }
}
