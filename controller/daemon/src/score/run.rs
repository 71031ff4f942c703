//! One run: a world, a strategy, a score.
//!
//! Responsible for: the loop of steps and ticks. Not for: which runs there are (`pool`).

use super::kept::Kept;
use super::strategy::Id;
use super::timeline::{Keep, Timeline, Trend};
use super::{build_world, site_of, strategy};
use crate::files::load_model;
use crate::run::record::Record;
use crate::tape::Told;
use crate::virtual_plant::VirtualPlant;
use anyhow::{Context, Result};
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use headroom_sim::score::{Prices, Score, StrategyScore};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox, Site, Span};
use std::path::Path;

/// What came of one strategy.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) score: StrategyScore,
    pub(crate) trend: Trend,
}

/// What every run of a world has in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) hours: f64,
    /// Hours of the whole run, of which this may be a stretch.
    pub(crate) whole_h: f64,
    pub(crate) prices: Prices,
    pub(crate) keep: Keep,
}

/// What is done with the controller beside letting it run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Study<'a> {
    /// Folder for a table of what it saw, and the site file that goes with it.
    pub(crate) record: Option<&'a Path>,
    /// A learned model of the site.
    pub(crate) model: Option<&'a Path>,
    /// Length of an experiment that it begins with.
    pub(crate) excite: Option<Span>,
    /// A tape in that folder, too.
    pub(crate) tape: bool,
}

/// Plant time between two looks at whether to go on, s.
const LOOK_S: f64 = 300.0;

/// Told how many seconds have passed; an error ends the run.
pub(crate) type Passed<'a> = &'a mut dyn FnMut(f64) -> Result<()>;

/// Score and timeline of a run, step by step.
struct Notes<'a> {
    score: Score,
    timeline: Timeline,
    passed: Passed<'a>,
    steps: u64,
    since_s: f64,
}

impl<'a> Notes<'a> {
    fn new(world: &World, course: &Course, passed: Passed<'a>) -> Self {
        Self {
            score: Score::new(world, course.prices),
            timeline: Timeline::new(world, course.keep, course.whole_h),
            passed,
            steps: (course.hours * 3600.0 / world.config().dt_s).round() as u64,
            since_s: 0.0,
        }
    }

    fn observe(&mut self, world: &World) -> Result<()> {
        self.score.observe(world);
        self.timeline.observe(world);
        self.since_s += world.config().dt_s;
        if self.since_s < LOOK_S {
            return Ok(());
        }
        (self.passed)(std::mem::take(&mut self.since_s))
    }

    fn finish(self, world: &World) -> Result<Run> {
        (self.passed)(self.since_s)?;
        Ok(Run { score: self.score.finish(world), trend: self.timeline.trend() })
    }
}

/// The plant on its own BMS, with the usual runbook.
pub(crate) fn baseline(config: &WorldConfig, hours: f64, prices: Prices) -> Result<Run> {
    let world = build_world(config.clone())?;
    let course = Course { hours, whole_h: hours, prices, keep: Keep::Minutes };
    by_strategy(Id::Baseline, world, &course, &mut |_| Ok(()))
}

/// The plant with a strategy that acts on it directly.
///
/// # Errors
/// The strategy is not one of these, or the run was ended.
pub(crate) fn by_strategy(id: Id, mut world: World, course: &Course, passed: Passed<'_>) -> Result<Run> {
    let mut strategy = strategy::of(id).with_context(|| format!("nobody carries out `{}`", id.key()))?;
    let mut notes = Notes::new(&world, course, passed);
    for _ in 0..notes.steps {
        strategy.act(&mut world);
        world.step();
        notes.observe(&world)?;
    }
    notes.finish(&world)
}

/// Seconds for which the controller sees the standing plant before the start.
const STANDING_S: i64 = 40;

/// The plant with Headroom.
///
/// # Errors
/// The world cannot be shown to the controller, there are no wants, or the run was ended.
pub(crate) fn headroom(
    world: World,
    course: &Course,
    study: Study<'_>,
    wants: impl FnOnce(&Site) -> Result<Wants>,
    passed: Passed<'_>,
) -> Result<Run> {
    let site = site_of(&world)?;
    let wants = wants(&site)?;
    let identity = Identity { who: "score".to_owned(), epoch: 1 };
    let mut kept =
        study.record.map(|f| Kept::begin(f, &world, (&site, &wants), &identity, &study)).transpose()?;
    let mut line = Line::with_wants(&site, wants, identity);
    if let Some(path) = study.model {
        line.believe(&load_model(path)?).with_context(|| path.display().to_string())?;
    }
    if let Some(length) = study.excite {
        line.excite(length);
    }
    let mut notes = Notes::new(&world, course, passed);
    let mut plant = VirtualPlant::new(world, &site)?;
    let mut inbox = Inbox::default();
    // As on wires, the controller has looked at the standing plant for a while before time begins to run.
    for before in (0..STANDING_S).rev() {
        plant.stand(Span::from_ms(before * 1000));
        control(&mut line, &mut plant, &mut inbox, kept.as_mut())?;
    }
    let mut due = plant.now();
    for _ in 0..notes.steps {
        plant.step();
        if plant.now() >= due {
            due = plant.now() + site.power_period;
            control(&mut line, &mut plant, &mut inbox, kept.as_mut())?;
            if let Some(kept) = &mut kept {
                kept.table.take(&line)?;
            }
        }
        notes.observe(plant.world())?;
    }
    notes.finish(plant.world())
}

/// One tick of the controller: takes what the plant shows, and sends what it decides.
pub(super) fn control(
    line: &mut Line,
    plant: &mut VirtualPlant,
    inbox: &mut Inbox,
    kept: Option<&mut Kept>,
) -> Result<()> {
    plant.take_back(inbox);
    inbox.clear();
    plant.drain(inbox);
    let tick = line.tick(inbox, plant.now());
    if let Some(tape) = kept.and_then(|k| k.tape.as_mut()) {
        let record = serde_json::to_string(&Record::new(line, &tick))?;
        tape.tell(Told::new(line.site(), tick.stamp, inbox, &record))?;
    }
    for command in &tick.commands {
        plant.send(command);
    }
    if tick.verified {
        plant.beat();
    }
    Ok(())
}
