//! `headroom score --step-test`: how each cooling loop answers steps, under each strategy.
//!
//! Responsible for: the runs of a test, its file, its tables and its page. Not for: scores (`super::pool`), nor for deciding
//! (`headroom-core`).
//!
//! ```text
//! options -> a run for each strategy and step -> answers beside the twin -> step-test.json, table, step-test.html
//! ```

mod answers;
mod page;
mod response;
mod run;
mod steps;
mod tables;

use super::options::ScoreArgs;
use super::strategy::Id;
use super::{build_world, prices, site_of, write_whole};
use crate::check::Format;
use crate::exit;
use crate::files::load_policy;
use answers::{Frame, StepAnswers, answers};
use anyhow::{Context, Result, anyhow, bail};
use headroom_core::Wants;
use headroom_sim::world::WorldConfig;
use headroom_site::Site;
use run::{Course, Record};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use steps::{SETTLE_S, Step};

/// Time that a step is watched unless given, h.
const WATCH_H: f64 = 1.0;

/// What a step test leaves.
#[derive(Debug, Clone, Serialize)]
struct StepTest {
    format: u32,
    scenario: String,
    seed: u64,
    gpus: usize,
    policy: String,
    step_s: f64,
    settle_s: f64,
    watch_s: f64,
    cooling_period_s: f64,
    strategies: Vec<Tested>,
}

/// A strategy that was tested.
#[derive(Debug, Clone, Serialize)]
struct Tested {
    strategy: Id,
    /// How it decides cooling, as a policy says it.
    cooling: String,
    oscillates: bool,
    passes_a_limit: bool,
    steps: Vec<StepAnswers>,
}

/// What is to be tested.
struct Plan {
    config: WorldConfig,
    site: Site,
    strategies: Vec<(Id, Wants)>,
    model: Option<PathBuf>,
    /// Cooling periods of a watch.
    watch: usize,
    threads: usize,
}

/// Runs the test. Exit code 1 if anything oscillates, or a step passes a limit.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn step_test(args: &ScoreArgs) -> Result<ExitCode> {
    let plan = match prepare(args) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("headroom score --step-test: {error:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    let found = match carry_out(&plan, args) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("headroom score --step-test: {error:#}");
            return Ok(ExitCode::from(exit::FAULT));
        }
    };
    let json = serde_json::to_string_pretty(&found)?;
    if let Some(folder) = &args.plant.out {
        write_whole(&folder.join("step-test.json"), &(json.clone() + "\n"))?;
        write_whole(&folder.join("step-test.html"), &page::page(&found))?;
    }
    match args.format {
        Format::Json => println!("{json}"),
        Format::Plain => print!("{}", tables::plain(&found)),
    }
    let fails = found.strategies.iter().flat_map(|s| &s.steps).any(StepAnswers::fails);
    Ok(if fails { ExitCode::from(exit::FAULT) } else { ExitCode::SUCCESS })
}

fn prepare(args: &ScoreArgs) -> Result<Plan> {
    let chosen = args.step_scenario()?;
    let seeds = args.seeds();
    let [seed] = seeds[..] else { bail!("--seeds: a step test is of one world; give one seed") };
    let base = WorldConfig { dt_s: args.step.0, ..args.plant.config()? };
    let config = chosen.world(&base, &args.plant, seed)?;
    let site = site_of(&build_world(WorldConfig { warmup_s: 0.0, ..config.clone() })?)?;
    let hours = args.hours.unwrap_or(WATCH_H);
    let watch = hours * 3600.0 / site.cooling_period.s();
    if !(watch >= 20.0 && hours <= 24.0) {
        let least = 20.0 * site.cooling_period.s() / 3600.0;
        bail!("--hours {hours}: a step is watched for {least:.2} h (20 cooling periods) to 24 h");
    }
    let mut strategies = Vec::new();
    for id in args.step_strategies()? {
        let (_, mut wants) = load_policy(&site, &args.plant.policy, args.plant.mode)?
            .with_context(|| format!("the policy {} cannot be used", args.plant.policy))?;
        wants.cooling = id.cooling().unwrap_or(wants.cooling);
        strategies.push((id, wants));
    }
    let folder = format!("{}-{}", config.scenario.name, config.seed);
    let model = args.models.as_ref().map(|dir| dir.join(folder).join("model.toml"));
    if let Some(missing) = model.as_ref().filter(|path| !path.is_file()) {
        bail!("{}: there is no model; `headroom identify` makes one", missing.display());
    }
    Ok(Plan { config, site, strategies, model, watch: watch.round() as usize, threads: args.threads() })
}

/// Runs every strategy and step on a pool of threads; none depends on another.
fn carry_out(plan: &Plan, args: &ScoreArgs) -> Result<StepTest> {
    let steps = Step::all(&plan.site);
    let prices = prices(&args.plant.policy)?;
    let (next, count) = (AtomicUsize::new(0), plan.strategies.len() * steps.len());
    let done: Mutex<Vec<(usize, Result<Record>)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= count {
                return;
            }
            let (_, wants) = &plan.strategies[job / steps.len()];
            let model = plan.model.as_deref();
            let course = Course { config: &plan.config, wants, model, prices, watch: plan.watch };
            let record = run::run(&course, &steps[job % steps.len()]);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((job, record));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.threads.min(count) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(job, _)| *job);
    let records: Vec<Record> = done.into_iter().map(|(_, record)| record).collect::<Result<_>>()?;
    if records.len() < count {
        return Err(anyhow!("a run broke off"));
    }
    Ok(judged(plan, args, &steps, records))
}

fn judged(plan: &Plan, args: &ScoreArgs, steps: &[Step], records: Vec<Record>) -> StepTest {
    let signals = run::signals(&plan.site);
    let period_s = plan.site.cooling_period.s();
    let mut records = records.into_iter();
    let tested = |(id, wants): &(Id, Wants)| {
        let own: Vec<(Step, Record)> = steps.iter().cloned().zip(records.by_ref()).collect();
        let frame = Frame { signals: &signals, period_s, watch: plan.watch };
        let steps = answers(&frame, &own);
        Tested {
            strategy: *id,
            cooling: wants.cooling.to_string(),
            oscillates: steps.iter().any(StepAnswers::oscillates),
            passes_a_limit: steps.iter().any(|s| !s.passed.is_empty()),
            steps,
        }
    };
    let strategies = plan.strategies.iter().map(tested).collect();
    StepTest {
        format: 1,
        scenario: plan.config.scenario.name.clone(),
        seed: plan.config.seed,
        gpus: plan.config.gpus,
        policy: super::options::file_name(&args.plant.policy),
        step_s: plan.config.dt_s,
        settle_s: SETTLE_S,
        watch_s: plan.watch as f64 * period_s,
        cooling_period_s: period_s,
        strategies,
    }
}
