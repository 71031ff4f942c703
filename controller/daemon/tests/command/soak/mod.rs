//! The soak: plant, broker, agents and controller as processes of their own, for a day of plant time at a hundred times
//! its speed; what each process and each file is at the end of it.
//!
//! ```text
//! cargo test --release -p headroom --test command soak -- --ignored --nocapture
//! HEADROOM_SOAK_HOURS=72 HEADROOM_SOAK_SPEED=100 ...       another length, another speed
//! ```
//! Responsible for: the scene, readers that come and go as people and Prometheus do, and what must hold. How late ticks
//! are is told, not asserted: it is a figure of the machine.

mod verdict;
mod watch;

use crate::common::{Mosquitto, Party, Place, Plant, Recipe, turn, until};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use watch::{Sample, Watched};

/// Bounds of the files that would fill a disk, MiB: so low that a day reaches them.
const JOURNAL_MIB: u64 = 4;
const TAPE_MIB: u64 = 48;
/// Memory of what was seen lately, MiB: so little that it is full before the second half.
const HISTORY_MIB: u64 = 1;
/// Time between two looks at how late the last tick was.
const LOOK: Duration = Duration::from_millis(200);

/// How long, how fast, and how often it is looked at.
struct Plan {
    hours: f64,
    speed: f64,
    every: Duration,
}

/// A day that repeats every four hours: requests come in a burst, a pump fails, the grid asks for less.
fn scenario(hours: f64) -> String {
    let mut text = format!("name = \"soak\"\nhours = {hours:.3}\n");
    let mut event = |minutes: f64, lines: &str| {
        if minutes < hours * 60.0 {
            let _ = write!(text, "[[event]]\nat = \"{minutes} min\"\n{lines}\n");
        }
    };
    for cycle in 0..(hours / 4.0).ceil() as u32 {
        let begin = f64::from(cycle) * 240.0;
        event(begin + 10.0, "for = \"20 min\"\nkind = \"load-step\"\nfactor = 1.8");
        event(begin + 95.0, "for = \"25 min\"\nkind = \"pump-failure\"\ndevice = \"CDU-01\"\npump = 1");
        event(
            begin + 150.0,
            "for = \"30 min\"\nkind = \"curtailment\"\nlimit = \"-15 %\"\nnotice = \"60 s\"",
        );
    }
    text
}

struct Scene {
    controller: Party,
    agents: Vec<Party>,
    plant: Plant,
    broker: Mosquitto,
    state: PathBuf,
}

impl Scene {
    /// Everything that a site would run; `None` where there is no broker.
    fn new(test: &str, plan: &Plan) -> Option<Self> {
        let place = Place::new(&format!("{test}-broker"));
        let broker = Mosquitto::start(&place.0)?;
        let (text, more) = (scenario(plan.hours + 1.0), vec!["--broker".into(), broker.url()]);
        let recipe = Recipe { scenario: &text, hours: plan.hours + 1.0, speed: plan.speed, more };
        let plant = Plant::start(test, &recipe);
        let state = plant.folder.join("controller");
        let more = format!(
            "--tape {0}/run.tape --tape-mib {TAPE_MIB} --record {0}/seen.csv --journal-mib {JOURNAL_MIB} --history-mib {HISTORY_MIB}",
            state.display()
        );
        let (agents, controller) = (plant.agents(), plant.controller_with(&more));
        let scene = Self { controller, agents, plant, broker, state };
        until(Duration::from_secs(90), "the controller hears every GPU", || {
            scene.status().is_some_and(|s| s["gpus_heard"] == crate::common::GPUS)
        });
        Some(scene)
    }

    /// A page of the controller, read as a stranger would; `None` if it does not answer.
    fn page(&self, path: &str) -> Option<String> {
        let address = std::fs::read_to_string(self.state.join("http.addr")).ok()?.trim().to_owned();
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
        let mut all = String::new();
        stream.read_to_string(&mut all).ok()?;
        let (head, body) = all.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.page("/status")?).ok()
    }

    /// Somebody listens to a point and is gone in the middle of it.
    fn tap_and_leave(&self, point: &str) -> Option<()> {
        let address = std::fs::read_to_string(self.state.join("http.addr")).ok()?;
        let mut stream = TcpStream::connect(address.trim()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        write!(stream, "GET /tap?point={point} HTTP/1.1\r\nhost: {}\r\n\r\n", address.trim()).ok()?;
        stream.read_exact(&mut [0; 64]).ok()
    }

    /// The processes by name.
    fn watched(&self) -> Vec<(String, Watched)> {
        let agents = self.agents.iter().enumerate().map(|(n, a)| (format!("agent {}", n + 1), a.id()));
        let all = [("controller".to_owned(), self.controller.id())].into_iter().chain(agents);
        let all = all
            .chain([("plant".to_owned(), self.plant.demo.id()), ("mosquitto".to_owned(), self.broker.id())]);
        all.map(|(name, pid)| (name, Watched::of(pid))).collect()
    }

    fn sample(&self, hours: f64) -> Sample {
        for page in ["/", "/metrics", "/gpus", "/plant", "/ledger", "/trend"] {
            let _ = self.page(page);
        }
        let points: Value = serde_json::from_str(&self.page("/points").expect("points")).unwrap();
        let point = points[0]["id"].as_str().expect("a point").to_owned();
        self.page(&format!("/history?point={point}")).expect("its history");
        self.tap_and_leave(&point).expect("its readings");
        let status = self.status().expect("the controller answers");
        Sample {
            hours,
            processes: self.watched(),
            files: watch::files(&self.state),
            status: (&status).into(),
        }
    }

    /// Lets the time of a plan pass and looks.
    fn watch(&self, plan: &Plan) -> (Vec<Sample>, Vec<f64>) {
        let (begin, mut next) = (self.plant.now(), Instant::now());
        let (mut samples, mut lags, mut tick) = (Vec::new(), Vec::new(), 0);
        loop {
            let hours = self.plant.since(begin) / 3600.0;
            if Instant::now() >= next || hours >= plan.hours {
                next += plan.every;
                samples.push(self.sample(hours));
                println!("{}", verdict::line(samples.last().unwrap()));
            }
            if hours >= plan.hours {
                return (samples, lags);
            }
            if let Some(status) = self.status().filter(|s| s["ticks"].as_u64() != Some(tick)) {
                tick = status["ticks"].as_u64().unwrap();
                lags.push(status["lag_s"].as_f64().unwrap());
                if status["lag_s"].as_f64() > Some(1.0) || status["tick_s"].as_f64() > Some(1.0) {
                    println!("{hours:.3} h: lag {} s, tick {} s", status["lag_s"], status["tick_s"]);
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Everybody ends when told; nobody has panicked; the record is whole.
    fn end(mut self) {
        assert!(self.controller.terminate().success(), "{}", self.controller.text());
        for agent in &mut self.agents {
            assert!(agent.terminate().success(), "{}", agent.text());
        }
        assert!(self.plant.demo.runs(), "{}", self.plant.demo.text());
        for party in self.agents.iter().chain([&self.controller, &self.plant.demo]) {
            let text = party.text();
            println!("{}: {} bytes, {} lines", party.log.display(), text.len(), text.lines().count());
            assert!(!text.contains("panicked"), "{text}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        let records = ["journal.old.jsonl", "journal.jsonl", "ledger.jsonl", "run.tape"];
        let records = records.map(|name| self.state.join(name)).into_iter().filter(|path| path.exists());
        let verified = command.arg("verify").args(records).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stdout) + String::from_utf8_lossy(&verified.stderr);
        println!("{said}");
        assert!(verified.status.success(), "{said}");
    }
}

fn soak(test: &str, plan: &Plan) {
    let Some(scene) = Scene::new(test, plan) else { return };
    let begun = Instant::now();
    let (samples, lags) = scene.watch(plan);
    println!("{}", verdict::table(&samples, &lags, begun.elapsed()));
    verdict::holds(&samples);
    scene.end();
}

/// From the environment, where it says something that can be used.
fn asked(name: &str, otherwise: f64) -> f64 {
    std::env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn half_an_hour_leaves_nothing_behind() {
    let _turn = turn();
    soak("soak-short", &Plan { hours: 0.5, speed: 100.0, every: Duration::from_secs(2) });
}

#[test]
#[ignore = "a quarter of an hour"]
fn a_day_leaves_nothing_behind() {
    let (hours, speed) = (asked("HEADROOM_SOAK_HOURS", 24.0), asked("HEADROOM_SOAK_SPEED", 100.0));
    let every = Duration::from_secs_f64((hours * 3600.0 / speed / 12.0).clamp(2.0, 30.0));
    soak("soak", &Plan { hours, speed, every });
}
