//! The limit: a clairvoyant search on copies of the true world.
//!
//! Responsible for: how far anyone could get with the actuators there are, under this BMS's ranges and ramps, when
//! weather, work and events are known and no model errs. Not for: control. It looks at the truth and into the future.
//!
//! A copy of a world carries everything that will happen to it: weather, arrivals, faults, curtailments. So at every
//! decision (each 15 min, and at both ends of every event) plans are tried by rolling copies forward:
//!
//! ```text
//! plan      facility-water, tower, CRAH setpoint; supply and dP of each CDU; one clock lock per job; runbook or not
//! first     no violation of any kind that `score` counts, and no air over the site file's limit of the cold aisle (which
//!           Headroom keeps, too), over the whole horizon, beyond the baseline's
//! second    tokens of every job since the start >= (1 - 0.0005) those of the baseline at the next decision, less what is in
//!           flight of a serving job (10 s of its tokens: it answers as much at a slower clock, only later),
//!           as many requests begun but for two and for those of the last second,
//!           mean time to the first token till then <= max(1 s, 1.1 of the baseline's)
//! third     least facility energy over the horizon + tokens late at the next decision x the baseline's energy for them
//!           + worth of heat x (heat stored at its end - now)
//! ```
//! Of two plans the one that breaks less is better; then the one that owes less work; only then the cheaper one. A lock
//! is one clock for all GPUs of a job, so none draws watts that its slowest peer makes useless. Caps are the fallback:
//! a plan may leave curtailments to the baseline's runbook, and behind the next decision a horizon always does. The
//! worth of heat (cooling energy per IT energy of the fallback) keeps a plan from winning by leaving the loops warm.
//!
//! A curtailment stated as a share of the present import is lower for whoever draws less. Work that the baseline did
//! under its higher limit may then be out of reach; the search keeps the limit and owes as little as it can.
//!
//! Search: from the best of some starting points (the last plan, the own BMS, warm and cool designs, locks of all that
//! serves, and of all when a curtailment binds) a pattern search changes one coordinate or one group (all CDUs, CDUs alike, facility water
//! with tower or with what hangs on it, all serving clocks) at a time, keeps what is better, goes on in a direction that pays, and halves the
//! step of a coordinate (at first 2 K, 10 kPa, 120 MHz) that no longer does, to an eighth. Deterministic. Copies may be stepped coarser than the world (10 s); while a
//! curtailment binds they are stepped like the world, since budgets are means of 5 s.
//!
//! What the number is: the plan was carried out in the true world, so the energy was reached: it is an achievable
//! value, and an estimate of the limit. What it is not: a proof that nothing better exists. Direct search may end in a
//! local optimum, plans hold for a whole interval, locks do not follow the phases of an iteration, and the BMS stages
//! machines its own way. So the saving shown is a lower bound of the achievable one.

mod plan;
mod rollout;
mod schedule;
mod search;
#[cfg(test)]
mod tests;

use super::{Baseline, Strategy};
use crate::score::Watch;
use crate::world::World;
use plan::{Axes, Plan};
use rollout::Situation;

/// What the search may spend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitConfig {
    /// Time between two decisions where nothing happens, s.
    pub interval_s: f64,
    /// Time that a plan is rolled forward, s.
    pub horizon_s: f64,
    /// Step of the copies, s.
    pub dt_s: f64,
    /// Smallest step of the search over its first.
    pub least_scale: f64,
    /// Most plans tried at a decision; three times as many at the first.
    pub evaluations: usize,
}

impl Default for LimitConfig {
    /// A 15 min interval, a 30 min horizon.
    fn default() -> Self {
        Self { interval_s: 900.0, horizon_s: 1800.0, dt_s: 10.0, least_scale: 0.125, evaluations: 150 }
    }
}

/// What a run needs from step to step.
#[derive(Debug, Clone)]
struct Running {
    /// The same world in the hands of the baseline.
    twin: World,
    twin_runbook: Baseline,
    twin_watch: Watch,
    watch: Watch,
    runbook: Baseline,
    axes: Axes,
    plan: Plan,
    /// How far and which way each move went last.
    habits: Vec<search::Habit>,
    start: rollout::Delivered,
    due_s: f64,
    stepped: bool,
}

/// The strategy.
#[derive(Debug, Clone)]
pub struct Limit {
    config: LimitConfig,
    running: Option<Box<Running>>,
    evaluations: usize,
}

impl Limit {
    /// Nothing decided yet.
    #[must_use]
    pub fn new(config: LimitConfig) -> Self {
        Self { config, running: None, evaluations: 0 }
    }

    /// Plans tried so far.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    fn begin(world: &World) -> Running {
        let axes = Axes::new(world);
        Running {
            twin: world.clone(),
            twin_runbook: Baseline::new(),
            twin_watch: Watch::new(world),
            watch: Watch::new(world),
            habits: Vec::new(),
            runbook: Baseline::new(),
            plan: axes.own_bms(),
            axes,
            start: rollout::delivered(world),
            due_s: world.elapsed_s(),
            stepped: false,
        }
    }
}

impl Strategy for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn act(&mut self, world: &mut World) {
        let dt_s = world.config().dt_s;
        let running = self.running.get_or_insert_with(|| Box::new(Self::begin(world)));
        if std::mem::replace(&mut running.stepped, true) {
            running.watch.observe(world, dt_s);
            running.twin_watch.observe(&running.twin, dt_s);
        }
        let now_s = world.elapsed_s();
        if now_s >= running.due_s - 0.5 * dt_s {
            let next_s = schedule::next_s(&world.config().scenario, now_s, self.config.interval_s);
            let situation = Situation::new(world, running, &self.config, next_s - now_s);
            let mut habits = running.habits.clone();
            let found = search::best(&situation, &running.axes, &running.plan, &mut habits, &self.config);
            let (plan, evaluations) = found;
            running.habits = habits;
            self.evaluations += evaluations;
            if !plan.runbook {
                running.runbook = Baseline::new();
            }
            running.axes.apply(&plan, world);
            (running.plan, running.due_s) = (plan, next_s);
        }
        if running.plan.runbook {
            running.runbook.act(world);
        }
        running.twin_runbook.act(&mut running.twin);
        running.twin.step();
    }
}
