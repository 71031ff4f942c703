//! Rolling a copy of the world forward under a plan.
//!
//! Responsible for: what a plan breaks and what it costs. Not for: which plans are tried.

use super::plan::{Axes, Plan};
use super::{LimitConfig, Running};
use crate::score::Watch;
use crate::strategy::Baseline;
use crate::world::World;
use crate::world::tree::FEED;

/// Share of the baseline's tokens that may be missing.
const TOKENS_SLACK: f64 = 5e-4;
/// Work in flight: how far answers of a serving job may be behind the baseline's, s of its tokens. A prompt that is read as
/// early is answered as fully at a slower clock, only later; what is late at a decision is paid for in the cost.
const IN_FLIGHT_S: f64 = 10.0;
/// Mean time to the first token that is always good enough, s, and the factor on the baseline's.
const FIRST_TOKEN: (f64, f64) = (1.0, 1.1);
/// Requests that may wait longer than with the baseline, beside those of the time that a first token may take.
const UNREAD: f64 = 2.0;
/// Steps between two looks at whether a plan can still win.
const LOOK: usize = 8;

/// Work done by a world: per job tokens, requests started and their times to the first token.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delivered {
    tokens: Vec<f64>,
    started: Vec<f64>,
    first_token_s: Vec<f64>,
}

/// Work done by a world so far.
pub(super) fn delivered(world: &World) -> Delivered {
    let jobs = &world.workload.jobs;
    Delivered {
        tokens: jobs.iter().map(|j| j.stats.tokens).collect(),
        started: jobs.iter().map(|j| j.stats.serving.started as f64).collect(),
        first_token_s: jobs.iter().map(|j| j.stats.serving.first_token_s).collect(),
    }
}

impl Delivered {
    /// Mean time to the first token of a job since `from`, s.
    fn first_token_since_s(&self, from: &Self, job: usize) -> f64 {
        let started = self.started[job] - from.started[job];
        if started > 0.0 { (self.first_token_s[job] - from.first_token_s[job]) / started } else { 0.0 }
    }
}

/// What came of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// Work and latency owed at the next decision, in units of what would be noticed; 0 is nothing.
    pub owed: f64,
    /// Limits broken over the horizon beyond what the baseline breaks, likewise.
    pub breach: f64,
    /// Facility energy, late tokens and debt of heat, J.
    pub cost_j: f64,
    /// Cooling energy per IT energy.
    pub cooling: f64,
}

impl Outcome {
    /// A plan that was given up.
    const LOST: Self =
        Self { owed: f64::INFINITY, breach: f64::INFINITY, cost_j: f64::INFINITY, cooling: 0.0 };

    /// True if this one breaks less; or as little, and owes less; or that too, and costs less.
    pub(super) fn beats(&self, other: &Self) -> bool {
        for (ours, theirs) in [(self.breach, other.breach), (self.owed, other.owed)] {
            if (ours - theirs).abs() > near(theirs) {
                return ours < theirs;
            }
        }
        self.cost_j < other.cost_j * (1.0 - 1e-7)
    }
}

/// Differences up to this do not count.
fn near(value: f64) -> f64 {
    5e-3 + 0.01 * value
}

/// Where plans start from, and what they are held against.
pub(super) struct Situation<'a> {
    pub world: &'a World,
    watch: &'a Watch,
    runbook: &'a Baseline,
    start: &'a Delivered,
    /// What the baseline has delivered at its own present and at the next decision.
    twin_now: Delivered,
    twin_then: Delivered,
    now: Delivered,
    /// Tokens that may be in flight, by job.
    in_flight: Vec<f64>,
    /// Facility energy of the baseline's tokens till the next decision, J each.
    token_j: f64,
    /// What the baseline breaks over the horizon.
    allowed: [f64; KINDS],
    dt_s: f64,
    commit: usize,
    horizon: usize,
    /// A curtailment binds before the next decision.
    pub curtailed: bool,
    /// The baseline's training runs slower than it could, or ours is ahead.
    pub training: bool,
}

/// Kinds of limits: those of the score, and the operator's own of the hall's air.
const KINDS: usize = 6;

/// What was broken by kind, in units of what would be noticed.
fn broken(watch: &Watch, feed_w: f64) -> [f64; KINDS] {
    let v = &watch.violations;
    let (air, budget) = (watch.over_site_air_k_s / 10.0, v.budget_w_s / (0.1 * feed_w));
    [v.temperature_k_s / 10.0, budget, v.flow_s / 10.0, v.dew_point_s / 10.0, v.ramp_s / 10.0, air]
}

/// What one has broken since `before` beyond what is allowed of each kind.
fn beyond(now: [f64; KINDS], before: [f64; KINDS], allowed: [f64; KINDS]) -> f64 {
    (0..KINDS).map(|kind| (now[kind] - before[kind] - allowed[kind]).max(0.0)).sum()
}

/// Tokens of each job that may be in flight, where its baseline makes so many a second.
fn in_flight(world: &World, rate: impl Fn(usize) -> f64) -> Vec<f64> {
    let jobs = world.workload.jobs.iter().enumerate();
    jobs.map(|(job, j)| if j.training().is_some() { 0.0 } else { rate(job) * IN_FLIGHT_S }).collect()
}

/// The coarsest step in which a world can go on without losing its place in time.
fn step_s(world: &World, wanted_s: f64, spans_s: [f64; 2]) -> f64 {
    let own_s = world.config().dt_s;
    let whole = |span_s: f64, dt_s: f64| (span_s / dt_s - (span_s / dt_s).round()).abs() < 1e-6;
    let fits = |dt_s: f64| spans_s.iter().all(|span_s| whole(*span_s, dt_s));
    let candidates = [wanted_s, 0.5 * wanted_s, 0.2 * wanted_s, 0.1 * wanted_s];
    candidates.into_iter().find(|dt_s| *dt_s > own_s && fits(*dt_s)).unwrap_or(own_s)
}

impl<'a> Situation<'a> {
    pub(super) fn new(world: &'a World, running: &'a Running, config: &LimitConfig, commit_s: f64) -> Self {
        // Events act in a step: what binds from now on shows after one.
        let mut ahead = running.twin.clone();
        ahead.step();
        let binding = ahead.curtailment().is_some_and(|c| c.binding);
        let dt_s = if binding {
            world.config().dt_s.min(config.dt_s)
        } else {
            step_s(world, config.dt_s, [world.elapsed_s(), commit_s])
        };
        let commit = (commit_s / dt_s).round().max(1.0) as usize;
        let mut twin = running.twin.clone();
        let mut twin_runbook = running.twin_runbook.clone();
        let twin_now = delivered(&twin);
        twin.set_step_s(dt_s);
        let mut watch = running.twin_watch.clone();
        let feed_w = twin.tree.branches[FEED].budget_w;
        let before = broken(&watch, feed_w);
        let mut curtailed = binding;
        let mut energy_j = 0.0;
        let mut roll = |steps: usize, twin: &mut World, curtailed: &mut bool, energy_j: &mut f64| {
            for _ in 0..steps {
                twin_runbook.act(twin);
                twin.step();
                *energy_j += twin.powers.facility_w * dt_s;
                watch.observe(twin, dt_s);
                *curtailed |= twin.curtailment().is_some_and(|c| c.binding);
            }
            let now = broken(&watch, feed_w);
            std::array::from_fn(|kind| now[kind] - before[kind])
        };
        let mut allowed = roll(commit, &mut twin, &mut curtailed, &mut energy_j);
        let (twin_then, now) = (delivered(&twin), delivered(world));
        let horizon_s = if curtailed { commit_s } else { config.horizon_s.max(commit_s) };
        let horizon = (horizon_s / dt_s).round().max(1.0) as usize;
        if horizon > commit {
            allowed = roll(horizon - commit, &mut twin, &mut false, &mut 0.0);
        }
        let interval = |job: usize| twin_then.tokens[job] - twin_now.tokens[job];
        let tokens: f64 = (0..world.workload.jobs.len()).map(interval).sum();
        let in_flight = in_flight(world, |job| interval(job) / commit_s);
        let jobs = world.workload.jobs.iter().enumerate().filter(|(_, j)| j.training().is_some());
        let ahead = |job: usize| now.tokens[job] - twin_now.tokens[job] > 0.003 * interval(job);
        let training = curtailed || jobs.map(|(job, _)| job).any(ahead);
        Self {
            world,
            watch: &running.watch,
            runbook: &running.runbook,
            start: &running.start,
            horizon,
            in_flight,
            token_j: energy_j / tokens.max(1.0),
            twin_now,
            twin_then,
            now,
            allowed,
            dt_s,
            commit,
            curtailed,
            training,
        }
    }

    /// Energy that the baseline would need for tokens that are late at the next decision, as the score holds it against a
    /// strategy, J.
    fn late_j(&self, world: &World) -> f64 {
        let ours = delivered(world);
        let late = ours.tokens.iter().zip(&self.twin_then.tokens).map(|(ours, theirs)| theirs - ours);
        late.sum::<f64>().max(0.0) * self.token_j
    }

    /// Work and latency that a world owes at the next decision, 1 for a tenth of a percent or a second.
    fn owed(&self, world: &World) -> f64 {
        let ours = delivered(world);
        let mut owed = 0.0;
        for job in 0..ours.tokens.len() {
            let theirs = self.twin_then.tokens[job] - self.start.tokens[job];
            let enough = theirs * (1.0 - TOKENS_SLACK) - self.in_flight[job];
            let missing = enough - (ours.tokens[job] - self.start.tokens[job]);
            owed += 1e3 * (missing / theirs.max(1.0)).max(0.0);
            // prompts that wait are work put off
            let asked = self.twin_then.started[job] - self.start.started[job];
            let just_come = (self.twin_then.started[job] - self.twin_now.started[job]) * FIRST_TOKEN.0
                / (self.commit as f64 * self.dt_s);
            let unread = asked - UNREAD - just_come - (ours.started[job] - self.start.started[job]);
            owed += 1e3 * (unread / asked.max(1.0)).max(0.0);
            let allowed_s = FIRST_TOKEN.1 * self.twin_then.first_token_since_s(&self.twin_now, job);
            owed += (ours.first_token_since_s(&self.now, job) - allowed_s.max(FIRST_TOKEN.0)).max(0.0);
        }
        owed
    }

    /// Rolls a plan forward. It is given up as soon as it breaks more than `than`. `heat` is the worth of stored heat, J
    /// per J.
    pub(super) fn try_out(&self, axes: &Axes, plan: &Plan, heat: f64, than: Option<&Outcome>) -> Outcome {
        let mut world = self.world.clone();
        world.set_step_s(self.dt_s);
        let mut watch = self.watch.clone();
        let mut runbook = if plan.runbook { self.runbook.clone() } else { Baseline::new() };
        axes.apply(plan, &mut world);
        let feed_w = world.tree.branches[FEED].budget_w;
        let before = broken(&watch, feed_w);
        let (mut energy_j, mut cooling_j, mut it_j, mut owed, mut late_j) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let stored_j = stored_j(&world);
        let breach = |watch: &Watch| beyond(broken(watch, feed_w), before, self.allowed);
        for step in 0..self.horizon {
            if plan.runbook || (step >= self.commit && !self.curtailed) {
                runbook.act(&mut world);
            }
            world.step();
            watch.observe(&world, self.dt_s);
            energy_j += world.powers.facility_w * self.dt_s;
            cooling_j += world.powers.cooling_w() * self.dt_s;
            it_j += world.powers.it_w * self.dt_s;
            if step + 1 == self.commit {
                (owed, late_j) = (self.owed(&world), self.late_j(&world));
                // Only a plan that breaks less may owe more.
                let settled = than.filter(|than| than.breach <= near(than.breach));
                if settled.is_some_and(|than| owed > than.owed + near(than.owed)) {
                    return Outcome::LOST;
                }
            }
            if step % LOOK == 0 && than.is_some_and(|than| breach(&watch) > than.breach + near(than.breach)) {
                return Outcome::LOST;
            }
        }
        let cost_j = energy_j + late_j + heat * (self::stored_j(&world) - stored_j);
        Outcome { owed, breach: breach(&watch), cost_j, cooling: cooling_j / it_j.max(1.0) }
    }
}

/// Heat in loops, hall and GPUs, J.
fn stored_j(world: &World) -> f64 {
    let gpus = (0..world.fleet.len()).map(|g| world.fleet.stored_j(g));
    world.facility().stored_j() + gpus.sum::<f64>()
}
