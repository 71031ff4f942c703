//! What a backtest says would be saved, against what came: the same plant recorded while nothing is commanded, and run again while
//! its setpoints are.
//!
//! `cargo test -p headroom --bin headroom backtest_came -- --ignored --nocapture` prints it for more plants.

use super::beside::Beside;
use super::foresight::learned;
use crate::backtest::sums::Found;
use crate::backtest::{self, evidence::Evidence};
use crate::check::Format;
use crate::score::site_text;
use crate::tape::{Begin, Told, Writer};
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::score::{Prices, Score, StrategyScore};
use headroom_sim::site_file::SiteAddresses;
use headroom_sim::world::WorldConfig;
use std::path::PathBuf;

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
        let folder =
            std::env::temp_dir().join(format!("headroom-backtest-{}-{scenario}-{seed}", std::process::id()));
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

/// What was said, and what came of the facility and of its cooling, %.
fn said_and_came(plant: &Plant, hours: f64, draws: u32) -> (Found, [f64; 2]) {
    plant.learn();
    let (was, is) = (plant.record(hours, "watch"), plant.run(hours));
    let (found, _) = plant.backtest(draws);
    let saved = |was: f64, is: f64| 100.0 * (1.0 - is / was);
    let came = [saved(was.facility_kwh, is.facility_kwh), saved(was.cooling_kwh, is.cooling_kwh)];
    let name = &plant.scenario.name;
    for (part, said, came) in [("facility", found.facility, came[0]), ("cooling", found.cooling, came[1])] {
        let said = said.unwrap().saved_percent;
        println!(
            "{name} {part}: said {:.2} % ({:.2} to {:.2}), came {came:.2} %",
            said.mid, said.low, said.high
        );
    }
    let passed: Vec<_> = found.limits.iter().filter(|l| l.draws_with_more > 0).collect();
    println!("{name}: {} of {} draws pass a limit: {passed:?}", found.draws_with_more, found.draws);
    println!("{name}: violations as it was {:?}, came {:?}", was.violations, is.violations);
    (found, came)
}

/// At least as much is saved as is said at the low end, and no limit is passed where none is said to be.
#[test]
fn backtest_came_true() {
    let plant = Plant::new("quiet", 64, 3);
    let (found, came) = said_and_came(&plant, 3.0, 8);
    assert!(found.supports(), "{:?}", found.against);
    for (said, came) in [found.facility, found.cooling].into_iter().flatten().zip(came) {
        let bounds = said.saved_percent;
        assert!(bounds.low > 0.0 && bounds.low < bounds.high, "{bounds:?}");
        assert!((bounds.low..=bounds.high).contains(&said.as_modelled_percent), "{said:?}");
        assert!(came > bounds.low, "{bounds:?}, came {came}");
    }
    assert_eq!(found.draws_with_more, 0);
    // The same draws say the same, on one thread and on two.
    let (again, evidence) = plant.backtest(8);
    assert_eq!(again, found);
    let path = plant.path("evidence.toml");
    evidence.write(&path).unwrap();
    assert_eq!(Evidence::read(&path).unwrap(), evidence);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("supports = true", "supports = false")).unwrap();
    assert!(Evidence::read(&path).unwrap_err().to_string().contains("was changed"));
}

/// A controller that leaves every setpoint where it stands saves nothing and passes nothing, in every draw.
#[test]
fn what_is_not_moved_makes_no_difference() {
    let plant = Plant::new("quiet", 64, 6);
    plant.learn();
    plant.record(1.0, "watch");
    std::fs::write(plant.path("policy.toml"), format!("{COOLING}[strategy]\ncooling = \"hold\"\n")).unwrap();
    let (found, _) = plant.backtest(3);
    let saved = found.facility.unwrap().saved_percent;
    assert!([saved.low, saved.mid, saved.high].iter().all(|s| s.abs() < 1e-9), "{saved:?}");
    assert!(found.draws_with_more == 0 && found.beyond_learned == 0.0, "{found:?}");
    assert!(!found.supports() && found.against[0].contains("not sure"), "{:?}", found.against);
}

/// Setpoints that were commanded while it was recorded are no baseline.
#[test]
fn a_recording_of_our_own_commands_is_no_evidence() {
    let plant = Plant::new("quiet", 64, 4);
    plant.learn();
    plant.record(1.0, "balanced");
    let (found, evidence) = plant.backtest(2);
    assert!(found.commanded > 0 && !evidence.supports, "{found:?}");
    assert!(found.against.iter().any(|why| why.contains("--mode advisory")), "{:?}", found.against);
}

#[test]
#[ignore = "minutes: more plants, printed"]
fn backtest_came_true_elsewhere() {
    let names = std::env::var("SCENARIOS").unwrap_or_else(|_| {
        "quiet demo heat-wave dry-cooler-site free-cooling-winter mixed-skus load-steps chiller-trip"
            .to_owned()
    });
    for name in names.split_whitespace() {
        said_and_came(&Plant::new(name, 192, 5), 6.0, 20);
    }
}
