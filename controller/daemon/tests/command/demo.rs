//! `headroom demo` as a whole: processes, wires, score file, and nothing left behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Patience with a demo on a busy machine.
const SOON: Duration = Duration::from_secs(240);

/// A folder of this test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headroom-demo-test-{}-{test}", std::process::id()));
        std::fs::create_dir_all(path.join("tmp")).unwrap();
        Self(path)
    }

    /// A small demo; its own temporary folder is inside ours, so that we see what it leaves.
    fn demo(&self, hours: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["demo", "--gpus", "64", "--scenario", "quiet", "--speed", "30", "--hours", hours]);
        command.args(more).arg("--out").arg(self.out()).env("TMPDIR", self.0.join("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn out(&self) -> PathBuf {
        self.0.join("out")
    }

    fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.0.join("tmp")).unwrap().map(|e| e.unwrap().path()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits for the end; a demo that hangs is cut off.
fn ended(mut child: Child) -> Output {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > SOON {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("no end\n{}", String::from_utf8_lossy(&output.stdout));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap()
}

/// Processes whose command line names this folder.
fn processes(folder: &Path) -> Vec<u32> {
    let wanted = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if pid != std::process::id() && String::from_utf8_lossy(&line).contains(&wanted) {
            found.push(pid);
        }
    }
    found
}

fn verb(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0).nth(1).map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default()
}

fn text(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}\n{err}")
}

/// The number before a word in the closing lines.
fn number(text: &str, word: &str) -> u64 {
    let head = text.split(word).next().unwrap_or_else(|| panic!("{word}\n{text}"));
    let digits: String =
        head.chars().rev().skip_while(|c| *c == ' ').take_while(char::is_ascii_digit).collect();
    digits.chars().rev().collect::<String>().parse().unwrap_or_else(|_| panic!("{word}\n{text}"))
}

#[test]
fn a_short_demo_scores_and_leaves_nothing() {
    let place = Place::new("active");
    let child = place.demo("0.1", &[]).spawn().unwrap();
    // Meanwhile: at least four agents and one controller, each a process of its own.
    let begun = Instant::now();
    let count = |what: &str| processes(&place.0).into_iter().filter(|pid| verb(*pid) == what).count();
    let mut most = (0, 0);
    while most != (4, 1) && begun.elapsed() < Duration::from_secs(30) {
        most = most.max((count("agent"), count("run")));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = ended(child);
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert_eq!(most, (4, 1), "agents and controllers\n{text}");
    let score = std::fs::read_to_string(place.out().join("score.json")).expect("a score file");
    let score: serde_json::Value = serde_json::from_str(&score).unwrap();
    let energy = |s: &str| score["strategies"][s]["facility_kwh"].as_f64().unwrap();
    assert!(
        energy("baseline") > 1.0 && (energy("headroom") / energy("baseline") - 1.0).abs() < 0.2,
        "{score}"
    );
    assert!(number(&text, " DSX requests") > 0, "it commands\n{text}");
    assert!(text.contains("5 processes, 0 started again"), "{text}");
    assert!(text.contains("`headroom status --url http://127.0.0.1:"), "{text}");
    assert!(place.out().join("journal.jsonl").is_file() && place.out().join("log/controller.log").is_file());
    assert_eq!(place.left(), Vec::<PathBuf>::new());
    assert_eq!(processes(&place.0), Vec::<u32>::new());
}

#[test]
fn advice_writes_nothing() {
    let place = Place::new("advisory");
    let output = ended(place.demo("0.1", &["--mode", "advisory"]).spawn().unwrap());
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for word in [" DSX requests", " Modbus writes", " cap writes", " lock writes", " in all"] {
        assert_eq!(number(&text, word), 0, "{word}\n{text}");
    }
    assert_eq!(place.left(), Vec::<PathBuf>::new());
}

#[test]
fn whoever_is_asked_to_end_ends_in_order() {
    let place = Place::new("asked");
    let mut child = place.demo("1", &[]).spawn().unwrap();
    let begun = Instant::now();
    while processes(&place.0).len() < 6 && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(4));
    assert!(child.try_wait().unwrap().is_none(), "it runs");
    Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
    let output = ended(child);
    let text = text(&output);
    assert!(output.status.success() && text.contains("no score"), "{text}");
    let log = std::fs::read_to_string(place.out().join("log/agent-1.log")).unwrap();
    assert!(log.contains("the limits found at the start are back"), "{log}");
    assert_eq!(place.left(), Vec::<PathBuf>::new());
    assert_eq!(processes(&place.0), Vec::<u32>::new());
}

#[test]
fn a_killed_agent_comes_back_and_a_killed_demo_takes_its_processes_along() {
    let place = Place::new("killed");
    let mut child = place.demo("1", &[]).spawn().unwrap();
    let of = |what: &str| -> Vec<u32> {
        processes(&place.0).into_iter().filter(|pid| verb(*pid) == what).collect()
    };
    let until = |what: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(60), "in time");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(&|| of("agent").len() == 4 && of("run").len() == 1);
    // Once the score counts, nothing that dies ends the demo.
    std::thread::sleep(Duration::from_secs(8));
    let victim = of("agent")[0];
    let kill = |pid: u32| Command::new("kill").arg("-9").arg(pid.to_string()).status().unwrap();
    kill(victim);
    until(&|| of("agent").len() == 4 && !of("agent").contains(&victim));
    assert!(child.try_wait().unwrap().is_none(), "the demo goes on");
    kill(child.id());
    child.wait().unwrap();
    until(&|| processes(&place.0).is_empty());
}
