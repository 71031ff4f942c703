//! `headroom score`: the same worlds, BMS and controller core as the demo, in one process in virtual time.
//!
//! Responsible for: running strategies on equal worlds (one seed) and writing the score file. Not for: what a score
//! counts (`headroom-sim`), or how the controller decides (`headroom-core`).

pub(crate) mod options;
pub(crate) mod table;
pub(crate) mod timeline;

use crate::files::{ModeChoice, load_policy};
use crate::virtual_plant::VirtualPlant;
use anyhow::{Context, Result, anyhow};
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use headroom_sim::score::{Baseline, Prices, Score, StrategyScore};
use headroom_sim::site_file::{SiteAddresses, SiteSource, site_file};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::file::read_site;
use headroom_site::{Field, Inbox, Site, Span};
use serde::{Deserialize, Serialize};
use std::path::Path;
use timeline::Timeline;

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

/// The strategies of a run; `limit` is absent where it was not computed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Strategies {
    pub(crate) baseline: StrategyScore,
    pub(crate) headroom: StrategyScore,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<StrategyScore>,
}

/// A world's name in scores.
pub(crate) const SITE_NAME: &str = "demo";
/// Who we are on the world's bus.
pub(crate) const INTEGRATION: &str = "HEADROOM";

/// A world, or every reason why it cannot be built.
pub(crate) fn build_world(config: WorldConfig) -> Result<World> {
    World::new(config).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("the world cannot be built\n{}", lines.join("\n"))
    })
}

/// The site file of a world.
pub(crate) fn site_text(world: &World, addresses: &SiteAddresses) -> String {
    let source = SiteSource {
        name: SITE_NAME,
        integration: &world.config().integration,
        image: &world.image,
        modbus: &world.modbus,
        places: &world.places,
        tree: &world.tree,
        jobs: &world.workload.jobs,
        sku: sku_id(&world.config().sku.name),
    };
    site_file(&source, addresses)
}

/// The site file's word for a GPU product.
fn sku_id(product: &str) -> &str {
    const WORDS: [(&str, &str); 5] = [
        ("A100", "A100-SXM"),
        ("H100", "H100-SXM"),
        ("H200", "H200-SXM"),
        ("GB200", "GB200"),
        ("B200", "B200"),
    ];
    WORDS.iter().find(|(word, _)| product.contains(word)).map_or(product, |(_, id)| id)
}

/// The site of a world as the controller knows it.
pub(crate) fn site_of(world: &World) -> Result<Site> {
    let text = site_text(world, &SiteAddresses::nowhere(world.modbus.len()));
    read_site("site.toml", &text, Path::new(".")).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow!("the world's own site file cannot be used\n{}", lines.join("\n"))
    })
}

/// What came of one strategy.
pub(crate) struct Run {
    pub(crate) score: StrategyScore,
    /// Minute by minute, CSV.
    pub(crate) timeline: String,
}

/// Steps of a run.
fn steps(config: &WorldConfig, hours: f64) -> u64 {
    (hours * 3600.0 / config.dt_s).round() as u64
}

/// The plant on its own BMS, with the usual runbook.
pub(crate) fn baseline(config: &WorldConfig, hours: f64, prices: Prices) -> Result<Run> {
    let mut world = build_world(config.clone())?;
    let mut score = Score::new(&world, prices);
    let mut runbook = Baseline::new();
    let mut timeline = Timeline::new(&world);
    for _ in 0..steps(config, hours) {
        runbook.act(&mut world);
        world.step();
        score.observe(&world);
        timeline.observe(&world);
    }
    Ok(Run { score: score.finish(&world), timeline: timeline.text() })
}

/// Seconds for which the controller sees the standing plant before the start.
const STANDING_S: i64 = 40;

/// The plant with Headroom.
pub(crate) fn headroom(
    config: &WorldConfig,
    hours: f64,
    prices: Prices,
    wants: impl FnOnce(&Site) -> Result<Wants>,
) -> Result<Run> {
    let world = build_world(config.clone())?;
    let site = site_of(&world)?;
    let wants = wants(&site)?;
    let mut line = Line::with_wants(&site, wants, Identity { who: "score".to_owned(), epoch: 1 });
    let mut score = Score::new(&world, prices);
    let mut timeline = Timeline::new(&world);
    let mut plant = VirtualPlant::new(world, &site)?;
    let mut inbox = Inbox::default();
    // As on wires, the controller has looked at the standing plant for a while before time begins to run.
    for before in (0..STANDING_S).rev() {
        plant.stand(Span::from_ms(before * 1000));
        control(&mut line, &mut plant, &mut inbox);
    }
    let mut due = plant.now();
    for _ in 0..steps(config, hours) {
        plant.step();
        if plant.now() >= due {
            due = plant.now() + site.power_period;
            control(&mut line, &mut plant, &mut inbox);
        }
        score.observe(plant.world());
        timeline.observe(plant.world());
    }
    Ok(Run { score: score.finish(plant.world()), timeline: timeline.text() })
}

/// One tick of the controller: takes what the plant shows, and sends what it decides.
fn control(line: &mut Line, plant: &mut VirtualPlant, inbox: &mut Inbox) {
    inbox.clear();
    plant.drain(inbox);
    let tick = line.tick(inbox, plant.now());
    for command in &tick.commands {
        plant.send(command);
    }
    if tick.verified {
        plant.beat();
    }
}

/// Baseline and Headroom side by side on two threads.
pub(crate) fn both(
    config: &WorldConfig,
    hours: f64,
    policy: &str,
    mode: Option<ModeChoice>,
) -> Result<(Run, Run)> {
    let prices = prices(policy)?;
    let wants = |site: &Site| -> Result<Wants> {
        let loaded = load_policy(site, policy, mode)?;
        loaded.map(|(_, wants)| wants).context("the policy has findings")
    };
    std::thread::scope(|scope| {
        let ours = scope.spawn(|| headroom(config, hours, prices, wants));
        let theirs = baseline(config, hours, prices)?;
        let ours = ours.join().map_err(|_| anyhow!("the run with Headroom broke off"))??;
        Ok((theirs, ours))
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
pub(crate) fn write_timelines(baseline: &Run, headroom: &Run, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("timeline-baseline.csv"), &baseline.timeline)?;
    std::fs::write(folder.join("timeline-headroom.csv"), &headroom.timeline)?;
    Ok(())
}

/// Writes `DIR/score.json`, whole or not at all.
pub(crate) fn write(file: &ScoreFile, out: Option<&Path>) -> Result<()> {
    let Some(folder) = out else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    let fresh = folder.join("score.json.new");
    std::fs::write(&fresh, serde_json::to_string_pretty(file)? + "\n")?;
    std::fs::rename(&fresh, folder.join("score.json"))?;
    Ok(())
}
