//! A limit that falls: from the word on a real broker to less power at the GPUs, by the daemon, its agents and NVML.
//!
//! In every run of the tests the order of things is looked at: with a tick every half minute, caps fall long before the next
//! one. How soon a limit is met is a measurement: `HEADROOM_CUTS=100 cargo test --release -p headroom --test command cut -- --ignored
//! --nocapture`.

use crate::common::{GPUS, Mosquitto, Party, Place, Plant, Recipe, turn, until};
use headroom_drivers::mqtt::client::{Delivery, MqttClient};
use headroom_nvml_abi::page::PageReader;
use std::time::{Duration, Instant};

/// So much above a limit still counts as met: what stands beside the GPUs is known by a meter that is seconds behind.
const BAND: f64 = 0.02;
const TOPIC: &str = "grid/limit";
/// Nothing else is to be decided beside the limit.
const POLICY: &str = "format = 1\nname = \"cut\"\n[mode]\ndefault = \"active\"\n[strategy]\npower = \"steady\"\ncooling = \"hold\"\n[objective]\nprefer = \"tokens\"\n[headroom]\nbudget-reserve = \"2 %\"\n";

/// A plant whose connection takes its limit from a topic of its own, with the parties on it.
pub(crate) struct Scene {
    /// Agents, and then the controller.
    pub(crate) parties: Vec<Party>,
    pub(crate) grid: Grid,
    page: PageReader,
    pub(crate) plant: Plant,
    _broker: Mosquitto,
    _place: Place,
}

/// Says limits.
pub(crate) struct Grid {
    runtime: tokio::runtime::Runtime,
    client: MqttClient,
    /// The connection ends with whoever hears it.
    _events: Box<dyn std::any::Any>,
}

impl Grid {
    fn on(url: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (client, events) =
            runtime.block_on(async { MqttClient::start(url, "grid", None, vec![]).unwrap() });
        until(Duration::from_secs(10), "the grid is on the bus", || client.is_up());
        Self { runtime, client, _events: Box::new(events) }
    }

    pub(crate) fn says(&self, watts: f64) {
        let _inside = self.runtime.enter();
        let payload = format!("{{\"kw\":{:.3}}}", watts / 1e3);
        self.client.try_publish(TOPIC, payload.into_bytes(), Delivery::State).unwrap();
    }
}

impl Scene {
    pub(crate) fn new(test: &str, speed: f64, period: &str) -> Option<Self> {
        let place = Place::new(&format!("{test}-broker"));
        let broker = Mosquitto::start(&place.0)?;
        let more = ["--broker", &broker.url(), "--step", "50 ms"].map(str::to_owned).to_vec();
        let plant = Plant::start(test, &Recipe { speed, more, ..Recipe::default() });
        let text = std::fs::read_to_string(plant.site_path()).unwrap();
        let text = text.replace("limit-point = \"power/GRID/importLimit\"", "limit-point = \"grid-limit\"");
        let text = format!(
            "{text}\n[[mqtt]]\nid = \"grid\"\nurl = \"{}\"\ndialect = \"json\"\n[[point]]\nid = \"grid-limit\"\nof = \"site\"\nunit = \"kW\"\nfrom = {{ mqtt = \"grid\", topic = \"{TOPIC}\", pointer = \"/kw\" }}\n",
            broker.url()
        );
        let mut site: toml::Table = text.parse().unwrap();
        let mut periods = toml::Table::new();
        for (key, value) in [("power", period), ("agent", "100 ms"), ("lease", "90 s"), ("cooling", "30 s")] {
            periods.insert(key.into(), value.into());
        }
        site.insert("periods".into(), toml::Value::Table(periods));
        std::fs::write(plant.site_path(), site.to_string()).unwrap();
        std::fs::write(plant.folder.join("cut.toml"), POLICY).unwrap();
        let mut parties = plant.agents();
        parties.push(plant.controller_under(&plant.folder.join("cut.toml")));
        let (grid, page) = (Grid::on(&broker.url()), plant.page());
        Some(Self { parties, grid, page, plant, _broker: broker, _place: place })
    }

    /// A controller under the same policy.
    pub(crate) fn controller(&self) -> Party {
        self.plant.controller_under(&self.plant.folder.join("cut.toml"))
    }

    /// Power of all GPUs by their own sensors, W.
    fn drawn_w(&self) -> f64 {
        (0..GPUS).map(|g| f64::from(self.page.outputs(g).unwrap().power_instant_mw) / 1e3).sum()
    }

    /// Sum of the limits in force, W.
    fn caps_w(&self) -> f64 {
        (0..GPUS).map(|g| f64::from(self.page.requests(g).unwrap().enforced_limit_mw) / 1e3).sum()
    }

    /// Power of all GPUs as a mean over a second, W.
    fn mean_w(&self) -> f64 {
        (0..GPUS).map(|g| f64::from(self.page.outputs(g).unwrap().power_average_mw) / 1e3).sum()
    }

    /// What the connection carries, as the daemon has it, W; none before it is known.
    pub(crate) fn feed_w(&self) -> Option<f64> {
        let address = std::fs::read_to_string(self.plant.folder.join("controller/http.addr")).ok()?;
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_headroom"))
            .args(["status", "--format", "json", "--url", &format!("http://{}", address.trim())])
            .output()
            .unwrap();
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let feed = status["branches"].as_array()?.iter().find(|b| b["id"] == "FEED")?["power_w"].as_f64()?;
        let heard = status["gpus_heard"].as_u64()? as usize == GPUS;
        Some(feed).filter(|w| heard && *w > self.drawn_w())
    }
}

/// What the connection carries beside the GPUs, W: a meter is behind, so it is the mean of a while.
fn other_w(s: &Scene) -> f64 {
    let differences: Vec<f64> = (0..40)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(200));
            s.feed_w().unwrap() - s.mean_w()
        })
        .collect();
    differences.iter().sum::<f64>() / differences.len() as f64
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

#[test]
fn a_limit_that_falls_does_not_wait_for_the_next_tick() {
    let _turn = turn();
    let Some(s) = Scene::new("cut", 1.0, "30 s") else { return };
    until(Duration::from_secs(90), "the connection's power is known", || s.feed_w().is_some());
    let other_w = other_w(&s);
    let limit_w = 0.85 * (s.mean_w() + other_w);
    // Well after a tick, by the plant's own clock, on whose multiples the controller ticks.
    let period_ns = 30_000_000_000;
    let since_tick_s = || s.plant.now().tai_ns().rem_euclid(period_ns) / 1_000_000_000;
    until(Duration::from_secs(60), "a tick is over", || (2..10).contains(&since_tick_s()));
    let due_ns = (s.plant.now().tai_ns().div_euclid(period_ns) + 1) * period_ns;
    let before_w = s.caps_w();
    s.grid.says(limit_w);
    until(Duration::from_secs(60), "the caps fall", || s.caps_w() < 0.85 * before_w);
    assert!(s.plant.now().tai_ns() < due_ns, "they fell with the next tick");
}

#[test]
#[ignore = "a measurement"]
fn how_soon_a_limit_is_met() {
    let cuts: usize = std::env::var("HEADROOM_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let _turn = turn();
    let Some(s) = Scene::new("cuts", 1.0, "1 s") else { return };
    until(Duration::from_secs(60), "the connection's power is known", || s.feed_w().is_some());
    let other_w = other_w(&s);
    let mut took = Vec::new();
    for cut in 0..cuts {
        s.grid.says(10e6);
        // Long enough to rise again; cuts fall anywhere between two ticks.
        std::thread::sleep(Duration::from_millis(3_000 + (cut as u64 * 377) % 1_000));
        let limit_w = 0.85 * (s.mean_w() + other_w);
        let begun = Instant::now();
        s.grid.says(limit_w);
        let mut met_s = 0.0;
        while begun.elapsed() < Duration::from_secs(2) {
            if s.drawn_w() + other_w > limit_w * (1.0 + BAND) {
                met_s = begun.elapsed().as_secs_f64();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        took.push(met_s);
        if std::env::var_os("HEADROOM_TELL").is_some() {
            println!("{cut}: {:.3} s to {:.1} kW, {other_w:.0} W beside", took[cut], limit_w / 1e3);
        }
    }
    took.sort_by(f64::total_cmp);
    println!(
        "{cuts} cuts of 15 %: nothing above the limit and 2 % from {:.3} s on (median), {:.3} s (95 %), {:.3} s (99 %), {:.3} s at most",
        quantile(&took, 0.5),
        quantile(&took, 0.95),
        quantile(&took, 0.99),
        took[took.len() - 1]
    );
}
