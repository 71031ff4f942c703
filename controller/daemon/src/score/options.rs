//! Options of demo and score: what the worlds are made of, and what is compared.
//!
//! Responsible for: reading options, with a remedy for what cannot be used. Not for: running anything.

use super::INTEGRATION;
use super::strategy::{self, Id};
use crate::check::Format;
use anyhow::{Context, Result, bail};
use clap::Args;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_site::quantity::{self, Dimension};
use headroom_site::time::days_from_civil;
use headroom_truth::weather::Weather;
use headroom_truth::work::parse_requests;
use std::path::PathBuf;
use std::str::FromStr;

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
    /// Configuration of a world in which nothing happens, with seed 1.
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

/// One world.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorldArgs {
    #[command(flatten)]
    pub(crate) plant: PlantArgs,
    /// Simulated hours.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) hours: f64,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
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
        let scenario = crate::scenarios::load(&self.scenario)?;
        Ok(WorldConfig { seed: self.seed, scenario, ..self.plant.config()? })
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
    /// Seeds: 1,2,3 or 1..5 (both ends count).
    #[arg(long, visible_alias = "seed", default_value = "1")]
    pub(crate) seeds: Seeds,
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
    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>> {
        let mut wanted: Vec<String> = Vec::new();
        if self.all {
            wanted.extend(Scenario::names().map(str::to_owned));
        }
        wanted.extend(self.scenario.iter().cloned());
        if wanted.is_empty() {
            wanted.push("demo".to_owned());
        }
        let mut found: Vec<Scenario> = Vec::new();
        for choice in wanted {
            let scenario = crate::scenarios::load(&choice)?;
            match found.iter().find(|s| s.name == scenario.name) {
                None => found.push(scenario),
                Some(same) if *same == scenario => {}
                Some(_) => bail!("--scenario {choice}: another scenario is called `{}`", scenario.name),
            }
        }
        Ok(found)
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

    /// Threads to use.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }

    /// The command that gives these scores again, without what does not change them.
    pub(crate) fn command(&self, scenarios: &[Scenario], strategies: &[Id]) -> String {
        let mut words = vec!["headroom score".to_owned()];
        let names = || Scenario::names().collect::<Vec<_>>();
        if self.all && scenarios.len() == names().len() {
            words.push("--all".to_owned());
        } else {
            words.extend(scenarios.iter().map(|s| format!("--scenario {}", s.name)));
        }
        words.push(format!("--seeds {}", self.seeds));
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
fn file_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |n| n.to_string_lossy().into_owned())
}

/// Is this a time that a run may last?
pub(crate) fn usable_hours(hours: f64) -> Result<()> {
    if !(hours > 0.0 && hours <= 24.0 * 366.0) {
        bail!("--hours {hours}: give a time above zero and up to a year (8784)");
    }
    Ok(())
}

/// Seeds, each once, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}`: write seeds as 1,2,3 or 1..5");
        let mut all = Vec::new();
        for part in text.split(',') {
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
            match part.split_once("..") {
                None => all.push(number(part)?),
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
                    if to < from || to - from >= 10_000 {
                        return Err(wrong());
                    }
                    all.extend(from..=to);
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(first), Some(last)) = (self.0.first(), self.0.last())
            && self.0.len() > 2
            && last - first + 1 == self.0.len() as u64
        {
            return write!(f, "{first}..{last}");
        }
        let words: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&words.join(","))
    }
}

/// Step of a world, s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step(pub(crate) f64);

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step_s = quantity::parse(text, Dimension::Time).map_err(|e| e.to_string())?;
        if (0.01..=10.0).contains(&step_s) { Ok(Self(step_s)) } else { Err("give 10 ms to 10 s".to_owned()) }
    }
}

/// A share, 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = quantity::parse(text, Dimension::Ratio).map_err(|e| e.to_string())?;
        if (0.0..1.0).contains(&share) { Ok(Self(share)) } else { Err("give 0 % to below 100 %".to_owned()) }
    }
}

/// Seconds since 1 January of "07-18", "07-18T12:00" or "2025-07-18T12:00".
fn start_s(text: &str) -> Result<f64> {
    let wrong = || format!("--start {text}: write 07-18, 07-18T12:00 or 2025-07-18T12:00");
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let parts: Vec<i64> = date.split('-').map(str::parse).collect::<Result<_, _>>().with_context(wrong)?;
    let ([month, day] | [_, month, day]) = parts[..] else { bail!(wrong()) };
    let (h, m) = time.split_once(':').with_context(wrong)?;
    let (h, m): (i64, i64) = (h.parse().with_context(wrong)?, m.parse().with_context(wrong)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || !(0..24).contains(&h)
        || !(0..60).contains(&m)
    {
        bail!(wrong());
    }
    // A year without a leap day, as weather files have.
    let days = days_from_civil(2025, month, day) - days_from_civil(2025, 1, 1);
    Ok((days * 86_400 + h * 3600 + m * 60) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        assert_eq!(start_s("01-01").unwrap().to_bits(), 0.0_f64.to_bits());
        assert_eq!(start_s("2025-01-02T01:30").unwrap().to_bits(), (86_400.0_f64 + 5400.0).to_bits());
        assert!(start_s("13-01").is_err());
        assert!(start_s("noon").is_err());
    }

    #[test]
    fn seeds() {
        let read = |text: &str| text.parse::<Seeds>();
        assert_eq!(read("3,1,2,2").unwrap().0, [1, 2, 3]);
        assert_eq!(read("1..5").unwrap().0, [1, 2, 3, 4, 5]);
        assert_eq!(read("7, 1..=2").unwrap().0, [1, 2, 7]);
        assert_eq!(read("2..2").unwrap().0, [2]);
        assert_eq!(read("1..5").unwrap().to_string(), "1..5");
        assert_eq!(read("1,2").unwrap().to_string(), "1,2");
        for bad in ["", "a", "5..1", "1,,2", "-1", "1..99999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn steps_and_shares() {
        assert_eq!("100 ms".parse::<Step>().unwrap(), Step(0.1));
        assert_eq!("10 s".parse::<Step>().unwrap(), Step(10.0));
        assert!("1 min".parse::<Step>().is_err() && "1".parse::<Step>().is_err());
        assert!((("0.5 %".parse::<Share>()).unwrap().0 - 0.005).abs() < 1e-12);
        assert!("120 %".parse::<Share>().is_err());
    }
}
