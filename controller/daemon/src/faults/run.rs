//! One run: a plant that has settled, faults, and what came of them.
//!
//! Responsible for: the seconds of a run, with Headroom and without, and when each fault was noticed. Not for: which runs there
//! are (`campaign`).
//!
//! ```text
//! settled ---> watched ---> faults on and off ---> AFTER_S ---> everything let go ---> a lease, and RETURN_S ---> judged
//! ```

use super::fault::{Fault, Plan};
use super::house::House;
use super::judge::{Limits, Orders, RETURN_S, Violation, left_standing, orphans};
use super::said::{Before, Said};
use super::stage::Start;
use super::state::{Effect, State};
use super::ways::Ways;
use anyhow::{Result, anyhow};
use headroom_sim::scenario::Scenario;
use headroom_sim::strategy::{Baseline, Strategy};
use headroom_sim::world::events::WorldError;
use std::sync::Arc;

/// Time after the last fault in which everything finds its way back, s.
const AFTER_S: u32 = 15;

/// A sign counts until so long after the fault, s.
const LATE_S: u32 = 5;

/// When a fault was noticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Noticed {
    /// So long after its beginning, s.
    After(f64),
    /// Its sign was there before it began, so that it tells nothing.
    Before,
    /// Never.
    Never,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) violations: Vec<Violation>,
    /// By fault of the plan.
    pub(super) noticed: Vec<Noticed>,
    /// How soon each is to be noticed, s.
    pub(super) limits_s: Vec<Option<f64>>,
    /// Plant time, s.
    pub(super) seconds: u32,
}

/// One run.
struct Run<'a> {
    start: &'a Start,
    plan: &'a Plan,
    effects: Vec<Vec<Effect>>,
    plant: crate::virtual_plant::VirtualPlant,
    ways: Ways,
    house: House<'a>,
    state: State,
    limits: Limits,
    orders: Orders,
    before: Before,
    noticed: Vec<Noticed>,
    /// Was the sign there in the second before?
    there: Vec<bool>,
    violations: Vec<Violation>,
}

/// Runs a plan.
///
/// # Errors
/// A fault names something that is not there.
pub(super) fn run(start: &Start, plan: &Plan, seed: u64) -> Result<Found> {
    for fault in &plan.0 {
        if !start.places.knows(fault.kind.target, &fault.target) {
            let known = start.places.of(fault.kind.target);
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            return Err(anyhow!("{fault}: no `{}` here; there is: {known}", fault.target));
        }
    }
    let scenario = start.scenario(plan)?;
    let mut run = Run::new(start, plan, seed);
    if let Some(scenario) = &scenario {
        run.plant.happen(scenario).map_err(|errors| no_such(&errors))?;
    }
    let faults_s = plan.end_s() + AFTER_S;
    let lease_s = start.site.lease.s().ceil() as u32;
    let seconds = faults_s + lease_s.max(RETURN_S as u32) + 5;
    for second in 0..seconds {
        if second == faults_s {
            run.house.let_go(&mut run.plant);
        }
        run.second(second)?;
    }
    run.violations.extend(orphans(&start.site, &run.plant, &run.orders));
    run.violations.append(&mut run.orders.found);
    if run.limits.any() {
        let own = without(start, scenario.as_ref(), seconds)?;
        run.violations.extend(run.limits.beyond(&own));
    }
    let limits_s = plan.0.iter().map(|fault| limit_s(fault, start)).collect();
    Ok(Found { violations: run.violations, noticed: run.noticed, limits_s, seconds })
}

/// How soon a fault is to be noticed, s. A sample of a sensor comes as often as the BMS looks at it.
fn limit_s(fault: &Fault, start: &Start) -> Option<f64> {
    let limit = super::rows::Row::find(fault.kind.row)?.limit;
    if limit.words == super::rows::ONE_SAMPLE {
        return Some(start.places.scan_s(&fault.target) + 1.0);
    }
    limit.seconds
}

fn no_such(errors: &[WorldError]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow!("{}", lines.join("\n"))
}

/// The same plant and faults without Headroom.
fn without(start: &Start, scenario: Option<&Scenario>, seconds: u32) -> Result<Limits> {
    let mut world = start.own.clone();
    if let Some(scenario) = scenario {
        world.happen(scenario).map_err(|errors| no_such(&errors))?;
    }
    let mut limits = Limits::new(&world);
    let mut baseline = Baseline::new();
    for second in 0..seconds {
        Strategy::act(&mut baseline, &mut world);
        world.step();
        limits.look(second, true, &world);
    }
    Ok(limits)
}

impl<'a> Run<'a> {
    fn new(start: &'a Start, plan: &'a Plan, seed: u64) -> Self {
        let plant = start.plant.clone();
        let names = start.site.nodes.iter().map(|n| Arc::from(n.id.as_str())).collect();
        Self {
            effects: plan.0.iter().map(|fault| (fault.kind.effects)(fault, start)).collect(),
            ways: Ways::new(names, seed),
            house: House::new(start),
            state: State::well(start.site.nodes.len(), start.site.actuators.len()),
            limits: Limits::new(plant.world()),
            orders: Orders::default(),
            before: Before::new(&start.line, &plant),
            noticed: vec![Noticed::Never; plan.0.len()],
            there: vec![false; plan.0.len()],
            violations: Vec::new(),
            start,
            plan,
            plant,
        }
    }

    fn second(&mut self, second: u32) -> Result<()> {
        let mut state = State::well(self.state.nodes.len(), self.start.site.actuators.len());
        for (fault, effects) in self.plan.0.iter().zip(&self.effects).filter(|(f, _)| f.is_on(second)) {
            effects.iter().for_each(|effect| state.add(effect));
            if fault.at_s == second {
                for effect in effects {
                    let Effect::Reload(nodes) = effect else { continue };
                    nodes.iter().for_each(|&n| self.plant.reload_driver(n));
                }
            }
        }
        state.carry(&self.state, &mut self.plant);
        self.state = state;
        self.plant.step();
        self.ways.arrive(&self.state, &mut self.plant);
        let says = self.house.step(&self.state, &mut self.plant, &mut self.ways)?;
        self.limits.look(second, self.house.lost().is_some(), self.plant.world());
        self.orders.look(&self.start.site, second, self.plant.carried_out(), self.house.decided());
        if self.violations.is_empty() {
            self.violations.extend(left_standing(&self.start.site, &self.plant, self.house.lost()));
        }
        self.notice(second, &says);
        Ok(())
    }

    fn notice(&mut self, second: u32, says: &super::said::House) {
        let said = Said {
            site: &self.start.site,
            line: self.house.line(),
            before: &self.before,
            house: says,
            plant: &self.plant,
        };
        for (n, fault) in self.plan.0.iter().enumerate() {
            let from_s = if fault.kind.counts_from_end { fault.end_s() } else { fault.at_s };
            if self.noticed[n] != Noticed::Never || !(from_s..=fault.end_s() + LATE_S).contains(&(second + 1))
            {
                continue;
            }
            let there = (fault.kind.noticed)(&said, fault);
            if there && second >= from_s {
                let after_s = f64::from(second - from_s);
                self.noticed[n] = if self.there[n] { Noticed::Before } else { Noticed::After(after_s) };
            }
            self.there[n] = there;
        }
    }
}
