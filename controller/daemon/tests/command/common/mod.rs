//! A plant on its wires, as `headroom demo --plant-only` serves it, with the processes that its announcement names.
//!
//! Responsible for: starting and ending them, a fresh broker if wanted, and ears on the bus and on the registers that
//! are not the product's own. Not for: what is expected of them.

pub(crate) mod browser;
pub(crate) mod chrome;
pub(crate) mod ear;
pub(crate) mod modbus;
pub(crate) mod stores;

use headroom_drivers::Clock;
use headroom_nvml_abi::page::PageReader;
use headroom_site::{Span, Stamp};
use sha2::{Digest, Sha256};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// GPUs of the plant.
pub(crate) const GPUS: usize = 64;
/// Our id on the bus.
pub(crate) const OURS: &str = "BMS/v1/HEADROOM/Value/";

static FREE: Mutex<u8> = Mutex::new(2);
static FREED: Condvar = Condvar::new();

/// Leave to have a plant, until it is dropped.
pub(crate) struct Turn;

/// Two plants at a time: each is a third of a core, and mostly waits.
pub(crate) fn turn() -> Turn {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut free = FREED.wait_while(free, |n| *n == 0).unwrap_or_else(PoisonError::into_inner);
    *free -= 1;
    Turn
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}

/// Waits until it is so; tells what it waited for if it never is.
pub(crate) fn until(most: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < most, "not within {most:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An operators' file: name, role and token of each.
pub(crate) fn operators(of: &[(&str, &str, &str)]) -> String {
    let entry = |(name, role, token): &(&str, &str, &str)| {
        let digest: String = Sha256::digest(token).iter().map(|b| format!("{b:02x}")).collect();
        format!("[[operator]]\nname = \"{name}\"\nrole = \"{role}\"\ntoken-sha256 = \"{digest}\"\n")
    };
    format!("format = 1\n{}", of.iter().map(entry).collect::<String>())
}

/// A process that does not outlive its owner.
pub(crate) struct Party {
    child: Child,
    pub(crate) log: PathBuf,
}

impl Party {
    pub(crate) fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&mut self) -> ExitStatus {
        Command::new("kill").arg(self.id().to_string()).status().unwrap();
        self.ended(Duration::from_secs(15))
    }

    pub(crate) fn ended(&mut self, most: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < most, "it does not end\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of a test, gone at its end.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headroom-wire-{}-{test}", std::process::id()));
        std::fs::create_dir_all(path.join("tmp")).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a plant is made of.
pub(crate) struct Recipe<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) hours: f64,
    pub(crate) speed: f64,
    pub(crate) more: Vec<String>,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self { scenario: CALM, hours: 3.0, speed: 20.0, more: vec![] }
    }
}

/// Nothing happens.
pub(crate) const CALM: &str = "name = \"calm\"\nhours = 3.0\n";
/// The grid asks for less soon, and for long.
pub(crate) const CURTAILED: &str = r#"
name = "curtailed"
hours = 3.0
[[event]]
at = "90 s"
for = "2 h"
kind = "curtailment"
limit = "-15 %"
notice = "30 s"
"#;

/// A plant that serves its wires. Fields end in this order.
pub(crate) struct Plant {
    pub(crate) demo: Party,
    pub(crate) clock: Clock,
    /// Folder that all its processes share.
    pub(crate) folder: PathBuf,
    lines: Vec<String>,
    pub(crate) place: Place,
}

impl Plant {
    pub(crate) fn start(test: &str, recipe: &Recipe<'_>) -> Self {
        let place = Place::new(test);
        let scenario = place.join("scenario.toml");
        std::fs::write(&scenario, recipe.scenario).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["demo", "--plant-only", "--gpus", &GPUS.to_string(), "--policy", "balanced"]);
        command.arg("--scenario").arg(&scenario).args(["--hours", &recipe.hours.to_string()]);
        command.args(["--speed", &recipe.speed.to_string()]).args(&recipe.more);
        command.env("TMPDIR", place.join("tmp"));
        let demo = Party::spawn(&mut command, place.join("demo.log"));
        until(Duration::from_secs(60), "the plant's announcement", || demo.text().contains("Ctrl-C ends it"));
        let folder = place.join("tmp").join(format!("headroom-demo-{}", demo.id()));
        let clock = Clock::page(&folder.join("clock.page")).unwrap();
        let lines = demo.text().lines().filter(|l| l.contains(" --site ")).map(str::to_owned).collect();
        Self { demo, clock, folder, lines, place }
    }

    /// One of the processes by its word in the announced command line.
    fn party(&self, line: &str, log: &str) -> Party {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec env {line}"));
        Party::spawn(&mut command, self.place.join(log))
    }

    fn lines_of(&self, verb: &str) -> Vec<&String> {
        self.lines.iter().filter(|l| l.contains(&format!(" {verb} --site "))).collect()
    }

    pub(crate) fn agent(&self, n: usize) -> Party {
        self.party(self.lines_of("agent")[n], &format!("agent-{n}.log"))
    }

    pub(crate) fn agents(&self) -> Vec<Party> {
        (0..self.lines_of("agent").len()).map(|n| self.agent(n)).collect()
    }

    pub(crate) fn controller(&self) -> Party {
        self.party(self.lines_of("run")[0], "controller.log")
    }

    /// The controller with more options.
    pub(crate) fn controller_with(&self, more: &str) -> Party {
        self.party(&format!("{} {more}", self.lines_of("run")[0]), "controller.log")
    }

    /// A controller with a state folder and a log of its own in place of the announced one's.
    pub(crate) fn controller_in(&self, old: &str, state: &Path, log: &str, more: &str) -> Party {
        let line = self.lines_of("run")[0].replace(old, &state.display().to_string());
        self.party(&format!("{line} {more}"), log)
    }

    /// The controller at another address of its pages.
    pub(crate) fn controller_at(&self, address: &str) -> Party {
        let old = self.controller_option("--http").unwrap()[1].clone();
        let line = self.lines_of("run")[0].replace(&format!("--http {old}"), &format!("--http {address}"));
        self.party(&line, "controller.log")
    }

    /// An option of the announced controller with its value, if it has it.
    pub(crate) fn controller_option(&self, name: &str) -> Option<[String; 2]> {
        let words: Vec<&str> = self.lines_of("run")[0].split_whitespace().collect();
        let at = words.iter().position(|w| *w == name)?;
        Some([name.to_owned(), words.get(at + 1)?.trim_matches('\'').to_owned()])
    }

    /// The value of an option of the announced agents.
    pub(crate) fn agent_option(&self, name: &str) -> Option<String> {
        let words: Vec<&str> = self.lines_of("agent").first()?.split_whitespace().collect();
        let at = words.iter().position(|w| *w == name)?;
        Some(words.get(at + 1)?.trim_matches('\'').to_owned())
    }

    /// The controller under another policy than the announced one.
    pub(crate) fn controller_under(&self, policy: &Path) -> Party {
        self.controller_under_with(policy, "")
    }

    /// The same with more options.
    pub(crate) fn controller_under_with(&self, policy: &Path, more: &str) -> Party {
        let line = self.lines_of("run")[0];
        let at = line.find("--policy ").unwrap() + "--policy ".len();
        let rest = line[at..].find(' ').map_or("", |end| &line[at + end..]);
        self.party(&format!("{}{}{rest} {more}", &line[..at], policy.display()), "controller.log")
    }

    pub(crate) fn page(&self) -> PageReader {
        PageReader::open(&self.folder.join("gpus.page")).unwrap()
    }

    pub(crate) fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Plant time since an instant, s.
    pub(crate) fn since(&self, at: Stamp) -> f64 {
        self.now().since(at).s()
    }

    /// Lets plant time pass.
    pub(crate) fn pass(&self, plant_s: f64) {
        std::thread::sleep(self.clock.wall(Span::from_s(plant_s)));
    }

    /// The site file that the plant wrote.
    pub(crate) fn site(&self) -> toml::Table {
        std::fs::read_to_string(self.site_path()).unwrap().parse().unwrap()
    }

    pub(crate) fn site_path(&self) -> PathBuf {
        self.folder.join("site.toml")
    }

    /// URL of the bus.
    pub(crate) fn broker(&self) -> String {
        self.site()["mqtt"][0]["url"].as_str().unwrap().to_owned()
    }
}

/// An outside broker.
pub(crate) struct Mosquitto {
    place: PathBuf,
    pub(crate) port: u16,
    party: Option<Party>,
}

impl Mosquitto {
    /// `None`, and a word about it, where it is not installed.
    pub(crate) fn start(place: &Path) -> Option<Self> {
        let found = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"];
        if !found.iter().any(|p| Path::new(p).exists()) {
            println!("skipped: mosquitto is not installed");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::create_dir_all(place).unwrap();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 10000\npersistence false\n"
        );
        std::fs::write(place.join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { place: place.to_owned(), port, party: None };
        broker.again();
        Some(broker)
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn id(&self) -> u32 {
        self.party.as_ref().unwrap().id()
    }

    pub(crate) fn kill(&mut self) {
        self.party.take().unwrap().kill();
    }

    pub(crate) fn again(&mut self) {
        let path = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"];
        let path = path.iter().find(|p| Path::new(p).exists()).unwrap();
        let mut command = Command::new(path);
        command.arg("-c").arg(self.place.join("mosquitto.conf"));
        self.party = Some(Party::spawn(&mut command, self.place.join("mosquitto.log")));
        until(Duration::from_secs(10), "mosquitto listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }
}

/// What other people's readers of Parquet and MCAP say of tables; `None`, and a word about it, where they are not installed.
pub(crate) fn readers_of_tables(args: &[&str]) -> Option<serde_json::Value> {
    let python = || {
        let mut command = Command::new("timeout");
        command.args(["90", "python3"]);
        if let Some(folder) = std::env::var_os("HEADROOM_TABLES") {
            command.env("PYTHONPATH", folder);
        }
        command
    };
    let probe = python().args(["-c", "import pyarrow.parquet, mcap.reader"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|s| s.success()) {
        println!("skipped: python3 with pyarrow and mcap is not installed");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/read_tables.py");
    let output = python().arg(script).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null))
}

/// Runs a Python peer from `tests/python`; `None`, and a word about it, where Python lacks what it imports.
pub(crate) fn python(script: &str, needs: &[&str], args: &[String]) -> Option<(bool, String)> {
    let imports = format!("import {}", needs.join(", "));
    let probe = Command::new("python3").args(["-c", &imports]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|s| s.success()) {
        println!("skipped: python3 with {} is not installed", needs.join(", "));
        return None;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python").join(script);
    let output = Command::new("timeout").arg("90").arg("python3").arg(path).args(args).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.success(), text))
}
