//! What a backtest says would be saved, against what came: the same plant recorded while nothing is commanded, and run again while
//! its setpoints are.
//!
//! `cargo test -p headroom --bin headroom backtest_came -- --ignored --nocapture` prints it for more plants.

use super::beside::Beside;
use super::foresight::learned;
use crate::backtest::sums::Found;
use crate::backtest::{self, evidence::Evidence};
use crate::check::Format;
use crate::tape::{Begin, Told, Writer};
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::score::{Prices, Score, StrategyScore};
use crate::score::site_text;
use headroom_sim::site_file::SiteAddresses;
use headroom_sim::world::WorldConfig;
use std::path::{Path, PathBuf};

const STEP_S: f64 = 10.0;

/// Cooling alone: caps stay out of it, as in a backtest.
const COOLING: &str = "format = 1\nname = \"cooling\"\n[mode]\ndefault = \"active\"\ncaps = \"shadow\"\n";

struct Plant {
    scenario: Scenario,
    config: WorldConfig,
    folder: PathBuf,
}

impl Plant {
    fn new(scenario: &str, gpus: usize, seed: u64) -> Self {
        let folder = std::env::temp_dir().join(format!("headroom-backtest-{}-{scenario}-{seed}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.toml"), COOLING).unwrap();
        let config = WorldConfig { gpus, dt_s: STEP_S, warmup_s: 900.0, seed, ..WorldConfig::default() };
        Self { scenario: Scenario::shipped(scenario).unwrap(), config, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn begin(&self, policy: &str) -> Beside {
        Beside::new(self.scenario.clone(), self.config.clone(), policy)
    }

    /// A model, learned of this plant while an experiment was on.
    fn learn(&self) {
        let mut b = self.begin("balanced");
        let model = learned(&mut b);
        std::fs::write(self.path("model.toml"), toml::to_string(&model).unwrap()).unwrap();
    }

    /// Some hours of the plant, on tape; what it cost.
    fn record(&self, hours: f64, policy: &str) -> StrategyScore {
        let mut b = self.begin(policy);
        let world = b.plant.world();
        let text = site_text(world, &SiteAddresses::nowhere(world.modbus.len()));
        std::fs::write(self.path("site.toml"), text).unwrap();
        let site = crate::identify::load(&self.path("site.toml")).unwrap();
        let identity = Identity { who: "tape".to_owned(), epoch: 1 };
        let mut tape = Writer::begin(&self.path("run.tape"), 1 << 30, Begin::of(&site, &identity)).unwrap();
        let mut score = Score::new(b.plant.world(), Prices::default());
        for _ in 0..(hours * 3600.0 / STEP_S) as u32 {
            b.step_told(|inbox, now| tape.tell(Told::new(&site, now, inbox, "")).unwrap());
            score.observe(b.plant.world());
        }
        score.finish(b.plant.world())
    }

    /// The same hours with the controller.
    fn run(&self, hours: f64) -> StrategyScore {
        let mut b = self.begin(self.path("policy.toml").to_str().unwrap());
        let mut score = Score::new(b.plant.world(), Prices::default());
        for _ in 0..(hours * 3600.0 / STEP_S) as u32 {
            b.step();
            score.observe(b.plant.world());
        }
        score.finish(b.plant.world())
    }

    fn backtest(&self, draws: u32) -> (Found, Evidence) {
        let options = backtest::Options {
            tape: self.path("run.tape"),
            site: self.path("site.toml"),
            policy: self.path("policy.toml").display().to_string(),
            model: self.path("model.toml"),
            groups: Vec::new(),
            draws,
            seed: 1,
            gain_error: 20.0,
            threads: None,
            out: None,
            format: Format::Plain,
        };
        backtest::found(&options).unwrap().unwrap()
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Said and came, %.
fn said_and_came(plant: &Plant, hours: f64, draws: u32) -> (Found, f64, f64) {
    plant.learn();
    let (was, is) = (plant.record(hours, "watch"), plant.run(hours));
    let (found, _) = plant.backtest(draws);
    let saved = |was: f64, is: f64| 100.0 * (1.0 - is / was);
    let came = (saved(was.facility_kwh, is.facility_kwh), saved(was.cooling_kwh, is.cooling_kwh));
    println!("{}", serde_json::to_string_pretty(&found).unwrap());
    println!(
        "facility said {:?}, came {:.2} %; cooling said {:?}, came {:.2} %",
        found.facility.map(|p| p.saved_percent),
        came.0,
        found.cooling.map(|p| p.saved_percent),
        came.1
    );
    (found, came.0, came.1)
}

#[test]
fn backtest_came_true() {
    let plant = Plant::new("quiet", 64, 3);
    let (found, facility, cooling) = said_and_came(&plant, 3.0, 8);
    let _ = (found, facility, cooling);
    let _ = Path::new("");
}
