//! Options of demo and score: what the worlds are made of, and what is compared.
//!
//! Responsible for: reading options, with a remedy for what cannot be used. Not for: running anything.

use super::INTEGRATION;
use super::strategy::{self, Id};
use super::values::{Seeds, Share, Step, start_s};
use crate::check::Format;
use anyhow::{Context, Result, bail};
use clap::Args;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_truth::weather::Weather;
use headroom_truth::work::parse_requests;
use std::path::{Path, PathBuf};

use crate::files::ModeChoice;

/// What every world of a run is made of, and who runs it.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlantArgs {
    /// Weather of a year: an EPW file. Without it a built-in climate.
    #[arg(long, value_name = "FILE.epw")]
    pub(crate) weather: Option<PathBuf>,
    /// Requests to serve: CSV of arrival, input tokens, output tokens; repeated to fill the time.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) requests: Option<PathBuf>,
    /// Local time of the start: 07-18, 07-18T12:00 or 2025-07-18T12:00. Default: noon of 18 July.
    #[arg(long)]
    pub(crate) start: Option<String>,
    /// Number of GPUs, unless the scenario's plant says how many.
    #[arg(long, default_value_t = 512)]
    pub(crate) gpus: usize,
    /// Policy: a file, or a shipped one by name.
    #[arg(long, default_value = "balanced")]
    pub(crate) policy: String,
    /// Only advise, or command.
    #[arg(long)]
    pub(crate) mode: Option<ModeChoice>,
    /// Folder for score.json and what goes with it.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl PlantArgs {
    /// Configuration of a world before a scenario is put into it.
    ///
    /// # Errors
    /// A file that cannot be read, with its line; a number out of range.
    pub(crate) fn config(&self) -> Result<WorldConfig> {
        if !(8..=200_000).contains(&self.gpus) {
            bail!("--gpus {}: give 8 to 200000", self.gpus);
        }
        let default = WorldConfig::default();
        let weather = match &self.weather {
            None => None,
            Some(path) => {
                let bytes = std::fs::read(path).with_context(|| format!("weather {}", path.display()))?;
                let text = String::from_utf8_lossy(&bytes);
                Some(Weather::from_epw(&text).with_context(|| format!("weather {}", path.display()))?)
            }
        };
        let requests = match &self.requests {
            None => None,
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("requests {}", path.display()))?;
                Some(parse_requests(&text).with_context(|| format!("requests {}", path.display()))?)
            }
        };
        let start_s = self.start.as_deref().map_or(Ok(default.start_s), start_s)?;
        Ok(WorldConfig {
            gpus: self.gpus,
            start_s,
            weather,
            requests,
            integration: INTEGRATION.to_owned(),
            ..default
        })
    }
}

/// A scenario, and the folder that paths in it count from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) scenario: Scenario,
    folder: PathBuf,
}

impl Chosen {
    /// A scenario by name or path.
    fn load(choice: &str) -> Result<Self> {
        let scenario = crate::scenarios::load(choice)?;
        let folder = Path::new(choice).parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self { scenario, folder })
    }

    /// The world of the scenario. What an option says goes before what the file says, and that before the default; the
    /// number of GPUs alone is the file's, since its plant is built of them.
    pub(crate) fn world(
        &self,
        base: &WorldConfig,
        args: &PlantArgs,
        seed: Option<u64>,
    ) -> Result<WorldConfig> {
        let mut scenario = self.scenario.clone();
        scenario.seed = seed.or(scenario.seed);
        scenario.start_s = scenario.start_s.filter(|_| args.start.is_none());
        scenario.weather = scenario.weather.filter(|_| args.weather.is_none());
        let name = scenario.name.clone();
        scenario.configure(base.clone(), &self.folder).with_context(|| format!("scenario {name}"))
    }
}

/// One world.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorldArgs {
    #[command(flatten)]
    pub(crate) plant: PlantArgs,
    /// Simulated hours.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) hours: f64,
    /// Seed of everything random. Default: the scenario's, or 1.
    #[arg(long)]
    seed: Option<u64>,
    /// What happens: a scenario file, or a shipped one by name.
    #[arg(long, default_value = "demo")]
    pub(crate) scenario: String,
}

impl WorldArgs {
    /// The world's configuration.
    ///
    /// # Errors
    /// A file that cannot be read, with its line; a number out of range.
    pub(crate) fn config(&self) -> Result<WorldConfig> {
        usable_hours(self.hours)?;
        Chosen::load(&self.scenario)?.world(&self.plant.config()?, &self.plant, self.seed)
    }
}

/// Worlds and strategies to compare.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub(crate) plant: PlantArgs,
    /// What happens: a scenario file, or a shipped one by name; repeat it for several. Default: demo.
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Vec<String>,
    /// Every shipped scenario with every strategy, unless `--strategies` names some.
    #[arg(long)]
    all: bool,
    /// Seeds: 1,2,3 or 1..5 (both ends count). Default: the scenario's, or 1.
    #[arg(long, visible_alias = "seed")]
    seeds: Option<Seeds>,
    /// What runs the plant. The baseline always runs. Default: baseline,headroom.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    strategies: Vec<Id>,
    /// Simulated hours. Default: what the scenario is meant for.
    #[arg(long)]
    pub(crate) hours: Option<f64>,
    /// Step of the worlds: "1 s", "10 s", "100 ms".
    #[arg(long, default_value = "1 s")]
    pub(crate) step: Step,
    /// Threads; as many as the machine has cores if not given. The scores do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// Also writes what Headroom saw, for `headroom identify`: DIR/SCENARIO-SEED/table.csv and site.toml.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Also keeps what Headroom was told, for `headroom backtest` and `headroom replay`: run.tape in the same folders.
    #[arg(long, requires = "record")]
    pub(crate) tape: bool,
    /// Headroom has a learned model of each site: DIR/SCENARIO-SEED/model.toml, as `headroom identify` writes it from what
    /// `--record` kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Headroom begins with an experiment of three hours at most: setpoints move a little and independently, so that a model
    /// can be learned.
    #[arg(long)]
    pub(crate) excite: bool,
    /// No scores: steps of load, weather, wanted headroom and setpoints, how each loop answers, and whether any oscillates. Two
    /// hours to settle, then `--hours` (default 1) away and as many back, on `--scenario` (default quiet), under `--strategies`
    /// (headroom, hold, trim-and-respond, pid; default headroom). Exit code 1 if anything oscillates or a step passes a limit.
    #[arg(long, conflicts_with_all = ["compare", "all", "record", "excite", "markdown"])]
    pub(crate) step_test: bool,
    /// How the scores are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Also writes the scoreboard as a page in Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Runs nothing: says what changed between two score files. Exit code 1 if B is worse.
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"])]
    pub(crate) compare: Option<Vec<PathBuf>>,
    /// With `--compare`: relative changes up to this are noise.
    #[arg(long, default_value = "0.5 %", requires = "compare")]
    pub(crate) tolerance: Share,
}

impl ScoreArgs {
    /// Scenarios in the order they were asked for.
    ///
    /// # Errors
    /// There is none of a name, a file has findings, or two are called the same.
    pub(crate) fn scenarios(&self) -> Result<Vec<Chosen>> {
        let mut wanted: Vec<String> = Vec::new();
        if self.all {
            wanted.extend(Scenario::names().map(str::to_owned));
        }
        wanted.extend(self.scenario.iter().cloned());
        if wanted.is_empty() {
            wanted.push("demo".to_owned());
        }
        let mut found: Vec<Chosen> = Vec::new();
        for choice in wanted {
            let chosen = Chosen::load(&choice)?;
            match found.iter().find(|c| c.scenario.name == chosen.scenario.name) {
                None => found.push(chosen),
                Some(same) if same.scenario == chosen.scenario => {}
                Some(same) => {
                    bail!("--scenario {choice}: another scenario is called `{}`", same.scenario.name)
                }
            }
        }
        Ok(found)
    }

    /// Seeds that were asked for; `None` leaves them to the scenario.
    pub(crate) fn seeds(&self) -> Vec<Option<u64>> {
        let some = |seeds: &Seeds| seeds.0.iter().map(|s| Some(*s)).collect();
        self.seeds.as_ref().map_or(vec![None], some)
    }

    /// Strategies in the order of the score file; the baseline is always one.
    pub(crate) fn strategies(&self) -> Vec<Id> {
        let mut wanted = self.strategies.clone();
        if wanted.is_empty() {
            wanted = vec![Id::Headroom];
            if self.all {
                wanted.extend(Id::ALL.into_iter().filter(|id| strategy::is_known(*id)));
            }
        }
        wanted.push(Id::Baseline);
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// The one scenario of a step test.
    ///
    /// # Errors
    /// There are several, or there is none of its name.
    pub(crate) fn step_scenario(&self) -> Result<Chosen> {
        match self.scenario.as_slice() {
            [] => Chosen::load("quiet"),
            [one] => Chosen::load(one),
            _ => bail!("--scenario: a step test is of one world; give one"),
        }
    }

    /// Strategies of a step test, in the order of the score file.
    ///
    /// # Errors
    /// One of them is not Headroom, and has no loop of setpoints that could be tested.
    pub(crate) fn step_strategies(&self) -> Result<Vec<Id>> {
        let mut wanted = self.strategies.clone();
        if let Some(other) = wanted.iter().find(|id| !id.is_headroom()) {
            bail!("--strategies {}: a step test is of headroom, hold, trim-and-respond or pid", other.key());
        }
        if wanted.is_empty() {
            wanted.push(Id::Headroom);
        }
        wanted.sort_unstable();
        wanted.dedup();
        Ok(wanted)
    }

    /// Threads to use.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }

    /// The command that gives these scores again, without what does not change them.
    pub(crate) fn command(&self, scenarios: &[Chosen], strategies: &[Id]) -> String {
        let mut words = vec!["headroom score".to_owned()];
        let names = || Scenario::names().collect::<Vec<_>>();
        if self.all && scenarios.len() == names().len() {
            words.push("--all".to_owned());
        } else {
            words.extend(scenarios.iter().map(|c| format!("--scenario {}", c.scenario.name)));
        }
        words.extend(self.seeds.as_ref().map(|s| format!("--seeds {s}")));
        let ids: Vec<&str> = strategies.iter().map(|id| id.key()).collect();
        words.push(format!("--strategies {}", ids.join(",")));
        words.push(format!("--step \"{} s\"", self.step.0));
        words.extend(self.hours.map(|h| format!("--hours {h}")));
        words.push(format!("--gpus {} --policy {}", self.plant.gpus, file_name(&self.plant.policy)));
        let file = |path: &PathBuf| file_name(&path.to_string_lossy());
        words.extend(self.plant.weather.as_ref().map(|w| format!("--weather {}", file(w))));
        words.extend(self.plant.requests.as_ref().map(|r| format!("--requests {}", file(r))));
        words.extend(self.plant.start.as_ref().map(|s| format!("--start {s}")));
        words.extend(self.plant.mode.map(|m| format!("--mode {}", m.word())));
        words.join(" ")
    }
}

/// A path's last part: where a file lies on one machine is nobody else's concern.
pub(crate) fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |n| n.to_string_lossy().into_owned())
}

/// Is this a time that a run may last?
pub(crate) fn usable_hours(hours: f64) -> Result<()> {
    if !(hours > 0.0 && hours <= 24.0 * 366.0) {
        bail!("--hours {hours}: give a time above zero and up to a year (8784)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ScoreArgs,
    }

    fn args(line: &str) -> ScoreArgs {
        Line::parse_from(format!("score {line}").split_whitespace()).args
    }

    fn names(args: &ScoreArgs) -> Vec<String> {
        args.scenarios().unwrap().into_iter().map(|c| c.scenario.name).collect()
    }

    #[test]
    fn without_options_it_is_the_demo() {
        let plain = args("");
        assert_eq!(names(&plain), ["demo"]);
        assert_eq!((plain.strategies(), plain.seeds()), (vec![Id::Baseline, Id::Headroom], vec![None]));
    }

    #[test]
    fn all_is_every_scenario_with_every_strategy() {
        let all = args("--all --scenario quiet --seeds 1..3");
        assert_eq!(names(&all), Scenario::names().collect::<Vec<_>>());
        let known: Vec<Id> = Id::ALL.into_iter().filter(|id| strategy::is_known(*id)).collect();
        assert_eq!(all.strategies(), known);
        assert_eq!(
            args("--all --strategies fixed,headroom").strategies(),
            [Id::Baseline, Id::Headroom, Id::Fixed]
        );
        let command = all.command(&all.scenarios().unwrap(), &[Id::Baseline]);
        assert!(command.starts_with("headroom score --all --seeds 1..3 --strategies baseline "), "{command}");
    }

    #[test]
    fn a_command_names_nobodys_folders() {
        let args = args("--policy /some/where/own.toml --weather /some/where/x.epw --out /o --threads 3");
        let command = args.command(&args.scenarios().unwrap(), &args.strategies());
        assert!(command.contains("--policy own.toml --weather x.epw") && !command.contains('/'), "{command}");
    }
}
