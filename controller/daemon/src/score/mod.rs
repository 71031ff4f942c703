//! `headroom score`: the same worlds, BMS and controller core as the demo, in one process in virtual time.
//!
//! Responsible for: running strategies on equal worlds (one seed), and what is written of it. Not for: what a score
//! counts (`headroom-sim`), or how the controller decides (`headroom-core`).
//!
//! ```text
//! options -> pool (a run per scenario, seed and strategy) -> score files -> board -> table, markdown, html
//!                                                            score files -> compare
//! options -> step_test
//! ```

mod board;
mod columns;
mod compare;
pub(crate) mod grid;
pub(crate) mod html;
mod kept;
mod markdown;
pub(crate) mod options;
mod pool;
mod report;
mod run;
mod stats;
mod step_test;
pub(crate) mod strategy;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod values;
mod verb;

pub(crate) use run::{Run, baseline};
pub(crate) use verb::score;

use anyhow::{Context, Result, anyhow};
use headroom_sim::score::{Prices, StrategyScore};
use headroom_sim::site_file::{SiteAddresses, SiteSource, site_file};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::Site;
use headroom_site::file::read_site;
use headroom_truth::gpu::Sku;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use strategy::Id;

/// The score file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ScoreFile {
    pub(crate) format: u32,
    pub(crate) seed: u64,
    pub(crate) hours: f64,
    pub(crate) gpus: usize,
    pub(crate) site: String,
    pub(crate) scenario: String,
    pub(crate) strategies: Strategies,
}

/// Scores of the strategies that ran.
pub(crate) type Strategies = BTreeMap<Id, StrategyScore>;

/// A world's name in scores.
pub(crate) const SITE_NAME: &str = "demo";
/// Who we are on the world's bus.
pub(crate) const INTEGRATION: &str = "HEADROOM";

/// A world, or every reason why it cannot be built.
pub(crate) fn build_world(config: WorldConfig) -> Result<World> {
    let gpus = config.gpus;
    World::new(config).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let remedy = "a scenario may name machines that so few GPUs do not have: give more, as `--gpus 192`, or another `--scenario`";
        anyhow!("the world cannot be built of {gpus} GPUs\n{}\n{remedy}", lines.join("\n"))
    })
}

/// The site file of a world.
pub(crate) fn site_text(world: &World, addresses: &SiteAddresses) -> String {
    let plant = &world.config().scenario.plant;
    let groups = plant.groups(world.config().gpus, &world.config().sku);
    let skus: Vec<Sku> = groups.into_iter().map(|g| g.sku).collect();
    let source = SiteSource {
        name: SITE_NAME,
        integration: &world.config().integration,
        image: &world.image,
        modbus: &world.modbus,
        places: &world.places,
        tree: &world.tree,
        jobs: &world.workload.jobs,
        skus: &skus,
        step_s: world.config().dt_s,
        design: world.bms().design(),
    };
    site_file(&source, addresses)
}

/// The site of a world as the controller knows it.
pub(crate) fn site_of(world: &World) -> Result<Site> {
    let text = site_text(world, &SiteAddresses::nowhere(world.modbus.len()));
    read_site("site.toml", &text, Path::new(".")).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow!("the world's own site file cannot be used\n{}", lines.join("\n"))
    })
}

/// Prices of a policy.
pub(crate) fn prices(policy: &str) -> Result<Prices> {
    let (file, text) = crate::files::policy_text(policy)?;
    let Ok(policy) = headroom_policies::read_policy(&file, &text) else { return Ok(Prices::default()) };
    Ok(Prices {
        electricity_per_kwh: policy.objective.energy_cost_per_joule() * 3.6e6,
        water_per_m3: Prices::default().water_per_m3,
        tokens_per_million: 0.0,
    })
}

/// Writes the timelines of a run beside its score.
pub(crate) fn write_timelines<'a>(
    runs: impl IntoIterator<Item = (Id, &'a Run)>,
    folder: &Path,
) -> Result<()> {
    for (id, run) in runs {
        write_whole(&folder.join(format!("timeline-{}.csv", id.key())), &run.trend.csv())?;
    }
    Ok(())
}

/// What the score file says: one object, or an array of several.
pub(crate) fn json(files: &[ScoreFile]) -> Result<String> {
    Ok(match files {
        [file] => serde_json::to_string_pretty(file)?,
        files => serde_json::to_string_pretty(files)?,
    })
}

/// Writes `DIR/score.json`, whole or not at all.
pub(crate) fn write(files: &[ScoreFile], folder: &Path) -> Result<()> {
    write_whole(&folder.join("score.json"), &(json(files)? + "\n"))
}

/// Writes a file, whole or not at all, and the folders above it.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
