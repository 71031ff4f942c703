//! A reader of the book: a folder with what its commands name, a plant to ask and to command, and a shell.

use super::root;
use crate::common::{Party, Plant, Recipe, until};
use headroom_site::Stamp;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Patience with one command.
const SOON: Duration = Duration::from_secs(60);
/// Plant time that the controller has behind it before it is asked.
const BEHIND_S: f64 = 240.0;

/// What is asked of a running controller; the others want its files, or nothing.
pub(super) fn asks_a_controller(text: &str) -> bool {
    let verbs = [
        "status", "points", "tap", "timeline", "top", "what-if", "instruct", "release", "resume", "explain",
        "discover",
    ];
    text.strip_prefix("headroom ").is_some_and(|t| verbs.iter().any(|v| t.starts_with(v)))
}

/// Options that a reader has by default, and a test by hand.
fn own_options(text: &str, url: &str, state: &Path, numbered: usize, clock: &str, library: &str) -> String {
    let Some(rest) = text.strip_prefix("headroom ") else { return String::new() };
    let own = format!("{}-{numbered}", rest.split(' ').next().unwrap_or_default());
    match rest.split(' ').next().unwrap_or_default() {
        _ if text.contains("--url") => String::new(),
        "status" | "points" | "tap" | "timeline" | "top" | "what-if" | "explain" => format!("--url {url}"),
        "instruct" | "release" | "resume" => format!("--state {}", state.display()),
        "report" | "export" if !text.contains("--state") => format!("--state {}", state.display()),
        "run" if text.contains("--state") => format!("--http 127.0.0.1:0 --clock {clock}"),
        "run" => format!("--state {own} --http 127.0.0.1:0 --clock {clock}"),
        "agent" => format!("--state {own} --clock {clock} --nvml {library}"),
        _ => String::new(),
    }
}

pub(super) struct Reader {
    plant: Plant,
    agents: Vec<Party>,
    controller: Option<Party>,
    /// Where commands run.
    folder: PathBuf,
    state: PathBuf,
    url: String,
    count: usize,
}

impl Reader {
    /// A controller with a tape and four minutes behind it.
    pub(super) fn new() -> Self {
        let plant = Plant::start("book", &Recipe::default());
        let folder = plant.place.join("reader");
        for below in ["bin", "maps", "run"] {
            std::fs::create_dir_all(folder.join(below)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_headroom"), folder.join("bin/headroom")).unwrap();
        for shared in ["book", "drivers", "policies"] {
            std::os::unix::fs::symlink(root().join(shared), folder.join(shared)).unwrap();
        }
        std::fs::copy(plant.site_path(), folder.join("site.toml")).unwrap();
        let mut reader = Self {
            state: PathBuf::from(&plant.controller_option("--state").unwrap()[1]),
            agents: plant.agents(),
            controller: None,
            url: String::new(),
            count: 0,
            folder,
            plant,
        };
        reader.writes_files();
        reader.starts_a_controller();
        reader
    }

    /// Files that a reader has from elsewhere by the time the book names them.
    fn writes_files(&mut self) {
        let page = std::fs::read_to_string(root().join("book/src/scenarios.md")).unwrap();
        let thursday = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        for name in ["thursday.toml", "my-scenario.toml"] {
            std::fs::write(self.folder.join(name), thursday).unwrap();
        }
        let stages = [
            "headroom score --scenario quiet --gpus 64 --hours 8 --step '5 s' --strategies headroom --excite \
             --record recorded --out before && cp recorded/quiet-1/table.csv seen.csv",
            "headroom identify seen.csv --site site.toml --out model.toml",
            "headroom map export drivers/maps/sunspec-meter.toml > cdu.csv",
            "cp policies/library/balanced.toml policy.toml",
        ];
        for stage in stages {
            self.runs(stage, &[], &[0]).unwrap();
        }
    }

    fn starts_a_controller(&mut self) {
        let tape = self.folder.join("run.tape");
        let controller = self.plant.controller_with(&format!("--tape {}", tape.display()));
        let file = self.state.join("http.addr");
        until(SOON, "the controller's address", || file.exists());
        self.url = format!("http://{}", std::fs::read_to_string(&file).unwrap().trim());
        self.controller = Some(controller);
        self.plant.pass(BEHIND_S);
    }

    /// The controller lets go and ends; its agents too.
    pub(super) fn controller_ends(&mut self) {
        if let Some(mut controller) = self.controller.take() {
            assert!(controller.terminate().success(), "{}", controller.text());
            std::fs::copy(self.state.join("journal.jsonl"), self.folder.join("journal.jsonl")).unwrap();
        }
        for mut agent in self.agents.drain(..) {
            assert!(agent.terminate().success(), "{}", agent.text());
        }
    }

    /// A command with its changes, and with names of this plant for those of the book.
    fn fitted(&mut self, text: &str, changes: &[(&str, &str)]) -> String {
        self.count += 1;
        let mut text = text.replace("cargo run --release -- ", "headroom ");
        for (shown, here) in changes {
            text = text.replace(shown, here);
        }
        let site = self.plant.site();
        let device = &site["modbus"][0];
        let gpu = &site["node"].as_array().and_then(|n| n[0].get("gpus")?.as_array()?.first()).cloned();
        let gpu = gpu.as_ref().and_then(|g| g.as_str()).unwrap_or_default().to_owned();
        let [_, clock] = self.plant.controller_option("--clock").unwrap();
        let names = [
            ("--state run ", format!("--state {} ", self.state.display())),
            ("/var/lib/headroom/run.tape", "run.tape".to_owned()),
            ("/var/lib/headroom", self.state.display().to_string()),
            ("/etc/headroom/", String::new()),
            ("mqtt://bms:1883", self.plant.broker()),
            ("mqtt://10.0.0.5:1883", self.plant.broker()),
            ("tcp://10.1.2.3:502", device["url"].as_str().unwrap().to_owned()),
            ("2025-07-18", day(self.plant.now())),
            ("GPU-...", gpu),
            ("http://127.0.0.1:PORT", self.url.clone()),
        ];
        for (shown, here) in names {
            text = text.replace(shown, &here);
        }
        let own = own_options(&text, &self.url, &self.state, self.count, &clock, &self.library());
        // Before what the shell does with its output.
        let end = text.find(" > ").unwrap_or(text.len());
        format!("{} {own}{}", &text[..end], &text[end..])
    }

    /// The NVML that agents of this plant load.
    fn library(&self) -> String {
        self.plant.agent_option("--nvml").unwrap()
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.args(["-c", line]).current_dir(&self.folder);
        shell.env("PATH", format!("{}:{path}", self.folder.join("bin").display()));
        shell.env("TMPDIR", self.plant.place.join("tmp"));
        shell
            .env("HEADROOM_NVML_PAGE", self.plant.folder.join("gpus.page"))
            .env("HEADROOM_NVML_HOST", "host-1");
        shell.env("RUST_BACKTRACE", "0");
        shell
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// What it was here and what it said, if it ends with another code than one of `good`, or not soon.
    pub(super) fn runs(&mut self, text: &str, changes: &[(&str, &str)], good: &[i32]) -> Result<(), String> {
        let line = self.fitted(text, changes);
        let mut shell = self.shell(&line);
        let log = self.plant.place.join(&format!("command-{}.log", self.count));
        let mut party = Party::spawn(&mut shell, log);
        let code = party.ended(SOON).code();
        let is_good = code.is_some_and(|c| good.contains(&c));
        if is_good { Ok(()) } else { Err(format!("ran as: {line}\ncode {code:?}\n{}", party.text())) }
    }

    /// Starts a command, lets it run for two seconds, and ends it as Ctrl-C does.
    ///
    /// # Errors
    ///
    /// What it was here and what it said, if it ended by itself, or with another code than 0.
    pub(super) fn stands(&mut self, text: &str, changes: &[(&str, &str)]) -> Result<(), String> {
        let line = self.fitted(text, changes);
        let mut shell = self.shell(&format!("exec {line}"));
        let log = self.plant.place.join(&format!("command-{}.log", self.count));
        let mut party = Party::spawn(&mut shell, log);
        let begun = Instant::now();
        while party.runs() && begun.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let stood = party.runs();
        let _ = Command::new("kill").args(["-INT", &party.id().to_string()]).status();
        let code = party.ended(SOON).code();
        if stood && code == Some(0) {
            return Ok(());
        }
        Err(format!("ran as: {line}\nstood: {stood}, code {code:?}\n{}", party.text()))
    }
}

/// The day of an instant, as options take it.
fn day(at: Stamp) -> String {
    at.to_string()[..10].to_owned()
}
