//! Two controllers of one plant with a store between them, and all that they say on its wires.
//!
//! Responsible for: staging them, and writing down every command with its time. Not for: what is expected.

use crate::common::stores::{Kind, StoreServer};
use crate::common::{GPUS, Mosquitto, OURS, Party, Plant, Recipe, until};
use headroom_drivers::mqtt::client::{Event, MqttClient};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Patience with a machine that is busy (wall time).
pub(super) const SOON: Duration = Duration::from_secs(90);
/// What the BMS says.
const THEIRS: &str = "BMS/v1/PUB/Value/";
/// The grid asks for less at once, and for long.
const CURTAILED: &str = r#"
name = "curtailed"
hours = 3.0
[[event]]
at = "20 s"
for = "2 h"
kind = "curtailment"
limit = "-15 %"
notice = "5 s"
"#;

/// A request to the BMS: none relinquishes.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) topic: String,
    pub(super) value: Option<f64>,
    /// Plant time that it bears, s.
    pub(super) at_s: f64,
}

/// What was heard, each with the wall time of its arrival.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) requests: Vec<(Instant, Request)>,
    /// What the BMS says is in force.
    pub(super) in_force: Vec<(Instant, Request)>,
    /// Epochs of commands to agents.
    pub(super) epochs: Vec<(Instant, u64)>,
    /// Heartbeats to the BMS.
    pub(super) beats: Vec<Instant>,
}

impl Log {
    fn take(&mut self, topic: &str, payload: &[u8]) {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(payload) else { return };
        let now = Instant::now();
        if topic.ends_with("/command") {
            self.epochs.extend(json["epoch"].as_u64().map(|epoch| (now, epoch)));
            return;
        }
        let (value, at_s) = (json["value"].as_f64(), json["timestamp"].as_f64().unwrap_or(0.0) * 1e-3);
        let said = |rest: &str| (now, Request { topic: rest.to_owned(), value, at_s });
        match (topic.strip_prefix(OURS), topic.strip_prefix(THEIRS)) {
            (Some(rest), _) if rest.starts_with("System/") => self.beats.push(now),
            (Some(rest), _) => self.requests.push(said(rest)),
            (_, Some(rest)) if rest.ends_with("/finalSetpoint") => self.in_force.push(said(rest)),
            _ => {}
        }
    }
}

/// Two controllers beside one plant.
pub(super) struct Scene {
    pub(super) store: StoreServer,
    pub(super) log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    pub(super) found: Vec<u32>,
    term: String,
    _agents: Vec<Party>,
    pub(super) plant: Plant,
    _broker: Option<Mosquitto>,
}

impl Scene {
    /// `None`, and a word about it, where the store is not installed.
    pub(super) fn new(kind: Kind, speed: f64, term_s: f64) -> Option<Self> {
        let name = format!("availability-{kind:?}-{term_s}");
        let folder = std::env::temp_dir().join(format!("headroom-{name}-{}", std::process::id()));
        let store = StoreServer::start(kind, &folder.join("store"), "")?;
        let broker = Mosquitto::start(&folder.join("broker"));
        let more = broker.iter().flat_map(|b| ["--broker".to_owned(), b.url()]).collect();
        let plant = Plant::start(&name, &Recipe { scenario: CURTAILED, hours: 3.0, speed, more });
        let (log, stop) = (Arc::new(Mutex::new(Log::default())), Arc::new(AtomicBool::new(false)));
        let heard = (plant.broker(), Arc::clone(&log), Arc::clone(&stop));
        std::thread::spawn(move || listen(&heard.0, &heard.1, &heard.2));
        let agents = plant.agents();
        let term = format!("{term_s}s");
        let mut scene =
            Self { store, log, stop, found: vec![], term, _agents: agents, plant, _broker: broker };
        scene.found = scene.limits();
        Some(scene)
    }

    /// A controller of this name.
    pub(super) fn controller(&self, name: &str) -> Controller {
        let old = self.plant.controller_option("--state").unwrap()[1].clone();
        let state = self.plant.place.join(name);
        let more = format!("--id {name} --store {} --term {}", self.store.url(), self.term);
        let party = self.plant.controller_in(&old, &state, &format!("{name}.log"), &more);
        Controller { party, state }
    }

    pub(super) fn limits(&self) -> Vec<u32> {
        let page = self.plant.page();
        (0..GPUS).map(|g| page.requests(g).unwrap().enforced_limit_mw).collect()
    }

    /// GPUs below what was found.
    pub(super) fn capped(&self) -> usize {
        self.limits().iter().zip(&self.found).filter(|(l, f)| l < f).count()
    }

    /// The highest epoch that an agent was commanded in.
    pub(super) fn epoch(&self) -> u64 {
        self.log.lock().unwrap().epochs.iter().map(|(_, e)| *e).max().unwrap_or(0)
    }

    /// Lets wall time pass, and looks at the caps all the while: the fewest GPUs that were capped.
    pub(super) fn watch(&self, length: Duration) -> usize {
        let begun = Instant::now();
        let mut least = GPUS;
        while begun.elapsed() < length {
            least = least.min(self.capped());
            std::thread::sleep(Duration::from_millis(20));
        }
        least
    }

    /// Waits for a command of a higher epoch than before: how long after an instant the first one came.
    pub(super) fn taken_over(&self, before: u64, at: Instant) -> Duration {
        let first = || self.log.lock().unwrap().epochs.iter().find(|(_, e)| *e > before).map(|(t, _)| *t);
        until(SOON, "another controller commands", || first().is_some());
        first().unwrap().saturating_duration_since(at)
    }

    /// How many requests were relinquished.
    pub(super) fn relinquished(&self) -> usize {
        self.log.lock().unwrap().requests.iter().filter(|(_, r)| r.value.is_none()).count()
    }

    /// The largest step of what is asked on the bus and of what is in force at the BMS, by topic, and by how much it was beyond what
    /// the ramp allows since the last change, which is a period at the least. Who takes over begins at what is in force, while
    /// the BMS may still be walking to what was asked: a request may turn back by that.
    pub(super) fn steps(&self) -> BTreeMap<String, (f64, f64)> {
        let log = self.log.lock().unwrap();
        let mut last: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        let mut steps: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (_, r) in log.requests.iter().chain(&log.in_force) {
            let Some(value) = r.value else { continue };
            let (before, at_s) = *last.entry(&r.topic).or_insert((value, r.at_s));
            let step = (value - before).abs();
            if step > 1e-9 {
                last.insert(&r.topic, (value, r.at_s));
            }
            let walks = if r.topic.ends_with("/request") { PERIOD_S } else { 0.0 };
            let beyond = step - ramp_per_s(&r.topic) * ((r.at_s - at_s).max(PERIOD_S) + walks);
            let most = steps.entry(r.topic.clone()).or_insert((0.0, f64::NEG_INFINITY));
            *most = (most.0.max(step), most.1.max(beyond));
        }
        steps
    }
}

/// Of the plant's site file: its cooling period, and 2 kPa/min, 0.5 K/5min (air), 1 K/5min.
const PERIOD_S: f64 = 30.0;

fn ramp_per_s(topic: &str) -> f64 {
    match topic {
        t if t.contains("/dp/") => 2.0 / 60.0,
        t if t.contains("CRAH") => 0.5 / 300.0,
        _ => 1.0 / 300.0,
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

/// One of them.
pub(super) struct Controller {
    pub(super) party: Party,
    state: PathBuf,
}

impl Controller {
    /// What it shows of itself.
    pub(super) fn status(&self) -> Option<serde_json::Value> {
        let address = std::fs::read_to_string(self.state.join("http.addr")).ok()?;
        let url = format!("http://{}", address.trim());
        let output = Command::new(env!("CARGO_BIN_EXE_headroom"))
            .args(["status", "--format", "json", "--url", &url])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    pub(super) fn leads(&self) -> bool {
        self.status().is_some_and(|s| s["leadership"]["leads"] == true)
    }

    /// It stands by and has looked for long enough to lead.
    pub(super) fn is_ready(&self) -> bool {
        let Some(status) = self.status() else { return false };
        status["leadership"]["leader"].is_string()
            && status["leadership"]["leads"] == false
            && status["ticks"].as_u64() > Some(40)
    }

    pub(super) fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.party.id().to_string()]).status().unwrap().success()
        );
    }

    /// Its journal, record by record.
    pub(super) fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.state.join("journal.jsonl")).unwrap();
        text.lines()
            .filter_map(|l| Some(serde_json::from_str::<serde_json::Value>(l).ok()?["record"].take()))
            .collect()
    }
}

fn listen(url: &str, log: &Mutex<Log>, stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let filters =
            vec![format!("{OURS}#"), format!("{THEIRS}#"), "headroom/v1/+/node/+/command".to_owned()];
        let id = format!("log-{}-{}", std::process::id(), url.len());
        let (_client, mut events) = MqttClient::start(url, &id, None, filters).unwrap();
        while !stop.load(Relaxed) {
            let event = tokio::time::timeout(Duration::from_millis(50), events.recv()).await;
            if let Ok(Some(Event::Message(message))) = event {
                log.lock().unwrap().take(message.topic(), &message.payload);
            }
        }
    });
}
