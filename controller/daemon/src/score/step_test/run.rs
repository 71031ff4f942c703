//! One run of a step test: settled, moved away, watched, moved back, watched.
//!
//! Responsible for: the loop of steps and ticks, and the record of it. Not for: what the record says (`answers`).
//!
//! A value is the mean over a cooling period of what the controller has seen good, as in the recorder of `headroom identify`.

use super::steps::{SETTLE_S, Step, kind};
use crate::score::run::control;
use crate::score::{build_world, site_of};
use crate::virtual_plant::VirtualPlant;
use anyhow::Result;
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};

use headroom_sim::score::{Prices, Score, Violations};
use headroom_sim::world::WorldConfig;
use headroom_site::{Dimension, Inbox, PointId, Site, Span, Unit};
use serde::Serialize;
use std::path::Path;

/// Cooling periods on record before the step.
pub(super) const BEFORE: usize = 10;
/// Step of what a GPU says of its temperature, K.
const GPU_STEP_K: f64 = 1.0;

/// What is looked at of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Output {
    /// The setpoint in force, as read back.
    Setpoint,
    /// What the setpoint is to move.
    Measured,
    /// Least distance of any GPU to its limit after a step to full load, as believed.
    LeastHeadroom,
}

/// A column of a record.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    /// Actuator by its index; none for the whole site.
    pub(super) actuator: Option<usize>,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) output: Output,
    pub(super) unit: &'static str,
    /// Deadband of the loop, in `unit`.
    pub(super) deadband: f64,
    source: Option<(PointId, Unit)>,
}

/// Columns of a site.
pub(super) fn signals(site: &Site) -> Vec<Signal> {
    let mut all = Vec::new();
    for (n, a) in site.actuators.iter().enumerate() {
        for (output, point) in [(Output::Setpoint, a.readback), (Output::Measured, a.measures)] {
            let Some(point) = point else { continue };
            let unit = site.points[point.index()].unit;
            all.push(Signal {
                actuator: Some(n),
                name: a.id.clone(),
                kind: kind(site, n),
                output,
                unit: if unit.dimension == Dimension::Temperature { "K" } else { unit.symbol },
                deadband: a.deadband / unit.scale,
                source: Some((point, unit)),
            });
        }
    }
    all.push(Signal {
        actuator: None,
        name: "least GPU headroom".to_owned(),
        kind: "site".to_owned(),
        output: Output::LeastHeadroom,
        unit: "K",
        deadband: GPU_STEP_K,
        source: None,
    });
    all
}

/// What a run leaves.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// By signal: `BEFORE` values, those of the watch after the step, and those of the watch after the step back.
    pub(super) values: Vec<Vec<f64>>,
    /// IT power, kW, and outdoor dry bulb, degC, of the true plant, over the same periods.
    pub(super) inputs: Vec<[f64; 2]>,
    /// Headroom that was wanted after the step and after the step back, K.
    pub(super) wanted_k: [f64; 2],
    /// Setpoints that an operator has accepted, by actuator, in the unit of its read-back.
    pub(super) accepted: Vec<Option<f64>>,
    /// From the step to the end of the run.
    pub(super) violations: Violations,
}

/// What all runs of a strategy have in common.
pub(super) struct Course<'a> {
    pub(super) config: &'a WorldConfig,
    pub(super) wants: &'a Wants,
    pub(super) model: Option<&'a Path>,
    pub(super) prices: Prices,
    /// Cooling periods of a watch.
    pub(super) watch: usize,
}

/// Plant and controller.
struct Loop<'a> {
    course: &'a Course<'a>,
    site: Site,
    line: Line,
    plant: VirtualPlant,
    inbox: Inbox,
    epoch: u64,
    /// Steps of the world in a tick, and ticks in a cooling period.
    cadence: (u64, u64),
    signals: Vec<Signal>,
    inputs: Vec<[f64; 2]>,
}

/// Runs one.
///
/// # Errors
/// The world cannot be built or shown to the controller, or the model is of another site.
pub(super) fn run(course: &Course<'_>, step: &Step) -> Result<Record> {
    let mut config = course.config.clone();
    let mut own = Loop::new(course, {
        let site = site_of(&build_world(WorldConfig { warmup_s: 0.0, ..config.clone() })?)?;
        let watch_s = course.watch as f64 * site.cooling_period.s();
        let [held, moved] = step.events(watch_s)?;
        // Later events have the last word on a GPU: the scenario's own on what is held, the step on all.
        let events = &mut config.scenario.events;
        *events = held.into_iter().chain(std::mem::take(events)).chain(moved).collect();
        (config, site)
    })?;
    let settle = (SETTLE_S / own.site.cooling_period.s()).round() as usize;
    let mut nobody = None;
    for _ in BEFORE..settle {
        own.period(&mut nobody)?;
    }
    let mut values = vec![Vec::new(); own.signals.len()];
    own.watch(BEFORE, &mut values, &mut nobody)?;
    let mut score = Some(Score::new(own.plant.world(), course.prices));
    let accepted = own.away(step)?;
    let away_k = own.line.wants().gpu_margin_k;
    own.watch(course.watch, &mut values, &mut score)?;
    own.take_over(step, false)?;
    own.inbox.instructions.clear();
    let wanted_k = [away_k, own.line.wants().gpu_margin_k];
    own.watch(course.watch, &mut values, &mut score)?;
    let violations = score.map(|s| s.finish(own.plant.world()).violations).unwrap_or_default();
    Ok(Record { values, inputs: own.inputs, wanted_k, accepted, violations })
}

impl<'a> Loop<'a> {
    fn new(course: &'a Course<'a>, (config, site): (WorldConfig, Site)) -> Result<Self> {
        let dt_s = config.dt_s;
        let plant = VirtualPlant::new(build_world(config)?, &site)?;
        let per_tick = (site.power_period.s() / dt_s).round().max(1.0);
        let ticks = (site.cooling_period.s() / (per_tick * dt_s)).round().max(1.0);
        let mut own = Self {
            line: Line::with_wants(&site, course.wants.clone(), identity(1)),
            plant,
            inbox: Inbox::default(),
            epoch: 1,
            cadence: (per_tick as u64, ticks as u64),
            signals: signals(&site),
            inputs: Vec::new(),
            course,
            site,
        };
        own.believe()?;
        // As on wires, the controller has looked at the standing plant for a while before time begins to run.
        for before in (0..40).rev() {
            own.plant.stand(Span::from_ms(before * 1000));
            control(&mut own.line, &mut own.plant, &mut own.inbox, None)?;
        }
        Ok(own)
    }

    fn believe(&mut self) -> Result<()> {
        let Some(path) = self.course.model else { return Ok(()) };
        Ok(self.line.believe(&crate::files::load_model(path)?)?)
    }

    /// One cooling period; means of the signals over it.
    fn period(&mut self, score: &mut Option<Score>) -> Result<Vec<f64>> {
        let mut sums = vec![(0.0, 0_u32); self.signals.len()];
        for _ in 0..self.cadence.1 {
            for _ in 0..self.cadence.0 {
                self.plant.step();
                if let Some(score) = score {
                    score.observe(self.plant.world());
                }
            }
            control(&mut self.line, &mut self.plant, &mut self.inbox, None)?;
            for (sum, signal) in sums.iter_mut().zip(&self.signals) {
                if let Some(value) = self.look(signal) {
                    *sum = (sum.0 + value, sum.1 + 1);
                }
            }
        }
        Ok(sums.iter().map(|(sum, count)| sum / f64::from(*count)).collect())
    }

    fn look(&self, signal: &Signal) -> Option<f64> {
        match signal.source {
            Some((point, unit)) => self.line.snapshot().good(point).map(|v| unit.from_base(v)),
            None => self.least_k(),
        }
    }

    /// Least headroom of any GPU after a step to full load, K.
    fn least_k(&self) -> Option<f64> {
        let estimate = self.line.estimate();
        let full = (0..self.site.gpus.len()).filter_map(|g| estimate.kelvins(g)).map(|k| k[1]);
        full.min_by(f64::total_cmp)
    }

    fn watch(&mut self, periods: usize, values: &mut [Vec<f64>], score: &mut Option<Score>) -> Result<()> {
        for _ in 0..periods {
            let seen = self.period(score)?;
            values.iter_mut().zip(seen).for_each(|(column, value)| column.push(value));
            let world = self.plant.world();
            self.inputs.push([world.powers.it_w / 1e3, world.air().dry_bulb_c]);
        }
        Ok(())
    }

    /// Moves away what is not an event of the world.
    fn away(&mut self, step: &Step) -> Result<Vec<Option<f64>>> {
        self.take_over(step, true)?;
        let stands = |n: usize| self.line.snapshot().good(self.site.actuators[n].readback?);
        // Ended by hand, as an operator does who says "auto".
        let until = self.plant.now() + Span::from_s(1e6);
        self.inbox.instructions = step.instructions(&self.site, stands, until);
        let mut accepted = vec![None; self.site.actuators.len()];
        for i in &self.inbox.instructions {
            let readback = self.site.actuators[i.actuator.index()].readback;
            if let (headroom_site::InstructionKind::Accept(most), Some(point)) = (i.kind, readback) {
                accepted[i.actuator.index()] = Some(self.site.points[point.index()].unit.from_base(most));
            }
        }
        Ok(accepted)
    }

    fn take_over(&mut self, step: &Step, out: bool) -> Result<()> {
        let Some(wants) = step.takeover(self.course.wants, out, self.least_k()) else { return Ok(()) };
        self.epoch += 1;
        self.line = Line::with_wants(&self.site, wants, identity(self.epoch));
        self.believe()
    }
}

fn identity(epoch: u64) -> Identity {
    Identity { who: "score".to_owned(), epoch }
}
