//! `headroom score` from options to files and tables.

use super::board::Board;
use super::options::{self, Chosen, ScoreArgs, usable_hours};
use super::pool::{self, Outcome, Plan, Start};
use super::timeline::Keep;
use super::{
    ScoreFile, build_world, compare, html, json, markdown, report, site_of, step_test, strategy, table,
    write, write_timelines, write_whole,
};
use crate::check::Format;
use crate::exit;
use crate::files::load_policy;
use anyhow::{Result, bail};
use headroom_core::propose::excite::LONGEST;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use std::path::Path;
use std::process::ExitCode;

/// Runs the verb.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn score(args: &ScoreArgs) -> Result<ExitCode> {
    if let Some([a, b]) = args.compare.as_deref() {
        return compare::compare(a, b, args.tolerance.0, args.format);
    }
    if args.step_test {
        return step_test::step_test(args);
    }
    let (scenarios, plan) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("headroom score: {error:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    let outcomes = match pool::run_all(&plan) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            eprintln!("headroom score: {error:#}");
            return Ok(ExitCode::from(exit::FAULT));
        }
    };
    let files: Vec<ScoreFile> = outcomes.iter().map(|o| o.file.clone()).collect();
    let board = Board::new(&files);
    let about = About {
        command: args.command(&scenarios, &plan.strategies),
        step_s: args.step.0,
        policy: options::file_name(&args.plant.policy),
        scenarios: scenarios.into_iter().map(|c| c.scenario).collect(),
    };
    if let Some(folder) = &args.plant.out {
        write_folder(folder, &files, &outcomes, &board, &about)?;
    }
    if let Some(path) = &args.markdown {
        write_whole(path, &markdown::page(&board, &about))?;
    }
    match args.format {
        Format::Json => println!("{}", json(&files)?),
        Format::Plain => match files.as_slice() {
            [file] => print!("{}{}", table::table(file), report::single(&board)),
            _ => print!("{}", report::several(&board, &about)),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// What made a scoreboard.
pub(crate) struct About {
    /// The command that gives the same scores again.
    pub(crate) command: String,
    pub(crate) step_s: f64,
    pub(crate) policy: String,
    pub(crate) scenarios: Vec<Scenario>,
}

impl About {
    /// A scenario's description.
    pub(crate) fn description(&self, scenario: &str) -> &str {
        self.scenarios.iter().find(|s| s.name == scenario).map_or("", |s| &s.description)
    }
}

/// Longest run that is recorded, h: longer ones are cut into stretches.
const RECORDED_H: f64 = 1000.0;

/// Scenarios and plan.
fn prepare(args: &ScoreArgs) -> Result<(Vec<Chosen>, Plan)> {
    if let Some(hours) = args.hours {
        usable_hours(hours)?;
    }
    let (scenarios, seeds) = (args.scenarios()?, args.seeds());
    let base = WorldConfig { dt_s: args.step.0, ..args.plant.config()? };
    let several = scenarios.len() * seeds.len() > 1;
    let mut starts = Vec::new();
    for chosen in &scenarios {
        for (n, seed) in seeds.iter().enumerate() {
            let keep = match (&args.plant.out, n) {
                (Some(_), 0) if several => Keep::Plot,
                (Some(_), 0) => Keep::Minutes,
                _ => Keep::Nothing,
            };
            let hours = args.hours.unwrap_or(chosen.scenario.hours);
            let config = chosen.world(&base, &args.plant, *seed)?;
            let folder = format!("{}-{}", config.scenario.name, config.seed);
            let record = args.record.as_ref().map(|dir| dir.join(&folder));
            let model = args.models.as_ref().map(|dir| dir.join(&folder).join("model.toml"));
            if let Some(missing) = model.as_ref().filter(|path| !path.is_file()) {
                bail!(
                    "{}: there is no model; `headroom identify` makes one of what `headroom score --record` keeps",
                    missing.display()
                );
            }
            if record.is_some() && hours > RECORDED_H {
                bail!("--record with --hours {hours}: record {RECORDED_H} hours at most");
            }
            starts.push(Start { config, hours, keep, record, model });
        }
    }
    let plan = Plan {
        starts,
        strategies: args.strategies(),
        policy: args.plant.policy.clone(),
        mode: args.plant.mode,
        prices: super::prices(&args.plant.policy)?,
        threads: args.threads(),
        excite: args.excite.then_some(LONGEST),
        tape: args.tape,
    };
    usable(&plan)?;
    Ok((scenarios, plan))
}

/// Can every world be built, and does the policy fit? Asked of cold worlds, before hours of work begin.
fn usable(plan: &Plan) -> Result<()> {
    let unknown = plan.strategies.iter().filter(|id| !strategy::is_known(**id));
    let mut wrong: Vec<String> = unknown.map(|id| format!("nobody carries out `{}`", id.key())).collect();
    let (mut scenario, mut policy) = ("", None);
    for start in &plan.starts {
        // Seeds change nothing about what there is.
        if std::mem::replace(&mut scenario, &start.config.scenario.name) == start.config.scenario.name {
            continue;
        }
        match build_world(WorldConfig { warmup_s: 0.0, ..start.config.clone() }) {
            Ok(world) if policy.is_none() => {
                policy = Some(load_policy(&site_of(&world)?, &plan.policy, plan.mode)?.is_some());
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("scenario {scenario}: {error:#}")),
        }
    }
    if policy == Some(false) {
        wrong.push(format!("the policy {} cannot be used", plan.policy));
    }
    if wrong.is_empty() { Ok(()) } else { bail!(wrong.join("\n")) }
}

/// score.json, score.html, and the timelines of a single run.
fn write_folder(
    folder: &Path,
    files: &[ScoreFile],
    outcomes: &[Outcome],
    board: &Board,
    about: &About,
) -> Result<()> {
    write(files, folder)?;
    if let [outcome] = outcomes {
        write_timelines(outcome.runs.iter().map(|(id, run)| (*id, run)), folder)?;
    }
    write_whole(&folder.join("score.html"), &html::page(board, about, outcomes))
}
