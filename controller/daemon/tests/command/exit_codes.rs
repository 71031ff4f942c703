//! Exit codes and what is said with them: a host without a driver, and files with mistakes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small site without mistakes.
const SITE: &str = r#"format = 1
[site]
name = "small"

[[place]]
id = "hall-1"
kind = "hall"
[[place]]
id = "rack-01"
kind = "rack"
in = "hall-1"
[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-a", "GPU-b"]

[[power]]
id = "feed"
kind = "feed"
budget = "6 kW"
serves = ["pdu"]
[[power]]
id = "pdu"
budget = "5 kW"
serves = ["rack-01"]

[[mqtt]]
id = "bms"
url = "mqtt://127.0.0.1:1883"
agents = true

[[equipment]]
id = "CDU-01"
kind = "cdu"
serves = ["rack-01"]

[[point]]
id = "supply"
of = "CDU-01"
type = "LiquidTemperature"
area = ["Secondary", "Supply"]
unit = "degC"
max = "45 degC"
from = { mqtt = "bms", tag = "CDU-01/supply" }
[[point]]
id = "return"
of = "CDU-01"
unit = "degC"
max = "60 degC"
from = { mqtt = "bms", tag = "CDU-01/return" }
[[point]]
id = "meter"
of = "site"
unit = "kW"
from = { mqtt = "bms", tag = "meter" }

[meters]
facility = "meter"
"#;

/// A small policy without mistakes at that site.
const POLICY: &str = r#"format = 1
name = "narrow"
description = "a limit of its own"

[mode]
default = "advisory"

[[limit]]
point = "supply"
max = "43 degC"
"#;

struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headroom-exit-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn headroom(args: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).args(files).output().unwrap()
}

fn check(files: &[&Path]) -> (Option<i32>, Vec<serde_json::Value>) {
    let output = headroom(&["check", "--format", "json"], files);
    let text = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}")))
}

/// A text with its mistakes: what was there, what is there now, words of the finding, words of the line.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

fn with(text: &str, mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(text.to_owned(), |text, (from, to, ..)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// The line from 1 that a finding of these words stands at.
fn line_of(findings: &[serde_json::Value], words: &str, file: &Path) -> Option<(u64, String)> {
    let hit = findings.iter().find(|f| {
        f["what"].as_str().unwrap().contains(words) && f["file"].as_str() == Some(&file.display().to_string())
    })?;
    Some((hit["line"].as_u64().unwrap(), hit["remedy"].as_str().unwrap().to_owned()))
}

#[test]
fn a_host_without_a_driver_is_told_which_library_is_missing() {
    let library =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib"];
    if library.iter().any(|folder| Path::new(folder).join("libnvidia-ml.so.1").exists()) {
        println!("skipped: this host has an NVIDIA driver");
        return;
    }
    let folder = Folder::new("driver");
    let site = folder.write("site.toml", SITE);
    let output = headroom(&["agent", "--state", &folder.0.display().to_string(), "--site"], &[&site]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("libnvidia-ml.so") && said.contains("driver") && said.contains("--nvml"), "{said}");
}

#[test]
fn all_mistakes_of_all_files_are_found_in_one_run() {
    let folder = Folder::new("check");
    let (site, policy) = (folder.write("site.toml", SITE), folder.write("policy.toml", POLICY));
    let (code, found) = check(&[&site, &policy]);
    assert_eq!((code, found.len()), (Some(0), 0), "{found:?}");

    let mistakes: [Mistake; 6] = [
        ("kind = \"hall\"", "kind = \"hall\"\nnumber = 3", "unknown key", "number = 3"),
        ("max = \"45 degC\"", "max = \"45\"", "no unit", "max = \"45\""),
        ("max = \"60 degC\"", "max = \"60 kPa\"", "not a unit of temperature", "max = \"60 kPa\""),
        ("facility = \"meter\"", "facility = \"metre\"", "unknown point", "facility = \"metre\""),
        ("budget = \"5 kW\"", "budget = \"7 kW\"", "above that of", "budget = \"7 kW\""),
        ("id = \"meter\"", "id = \"return\"", "duplicate id", "id = \"return\""),
    ];
    let (bad_text, wide_text) = (with(SITE, &mistakes), POLICY.replace("43 degC", "46 degC"));
    let bad = folder.write("bad-site.toml", &bad_text);
    let wide = folder.write("wide-policy.toml", &wide_text);
    let (code, found) = check(&[&bad, &site, &wide]);
    assert_eq!(code, Some(1));
    let wider: Mistake = ("", "", "wider", "46 degC");
    for ((_, _, words, at), (file, text)) in
        mistakes.iter().map(|m| (m, (&bad, &bad_text))).chain([(&wider, (&wide, &wide_text))])
    {
        let hit = line_of(&found, words, file);
        let Some((line, remedy)) = hit else { panic!("`{words}` is not found: {found:#?}") };
        let there: Vec<u64> =
            (1..).zip(text.lines()).filter(|(_, l)| l.contains(at)).map(|(n, _)| n).collect();
        assert!(there.contains(&line), "`{words}` at line {line}, not {there:?}");
        assert!(remedy.len() > 5, "{words}: {remedy}");
    }
    // For people the same, with the lines underlined.
    let output = headroom(&["check"], &[&bad, &site, &wide]);
    let said = String::from_utf8_lossy(&output.stderr);
    // Lines are wrapped where the paths are long.
    let said = said.replace(['│', '╰', '╭'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1));
    for (_, _, words, at) in mistakes.iter().chain([&wider]) {
        assert!(said.contains(words) && said.contains(at), "{words}\n{said}");
    }
    assert!(said.contains(&format!("{} findings in 3 files", found.len())), "{said}");
    // What could not be looked at is said, not left out.
    assert!(said.contains(&format!("{} has findings: whether policies name", bad.display())), "{said}");
    // A draft of a site is enough to hold a policy's limits against what it says.
    let (code, found) = check(&[&folder.write("draft.toml", &with(SITE, &mistakes[..1])), &wide]);
    assert_eq!(code, Some(1));
    assert!(line_of(&found, "wider", &wide).is_some() && found.len() == 2, "{found:#?}");
    println!(
        "{} findings in one run: {:?}",
        found.len(),
        found.iter().map(|f| &f["what"]).collect::<Vec<_>>()
    );
}

#[test]
fn a_file_that_is_not_there_is_a_configuration_fault_and_a_wrong_word_is_usage() {
    assert_eq!(headroom(&["check", "/nowhere/site.toml"], &[]).status.code(), Some(3));
    assert_eq!(headroom(&["check"], &[]).status.code(), Some(2));
    assert_eq!(headroom(&["wander"], &[]).status.code(), Some(2));
    let folder = Folder::new("run");
    let site = folder.write("site.toml", &SITE.replace("max = \"45 degC\"", "max = \"45\""));
    let run = ["run", "--policy", "balanced", "--http", "127.0.0.1:0", "--site"];
    let output = headroom(&run, &[&site]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("no unit"), "{said}");
    let site = folder.write("site.toml", SITE);
    let output = headroom(&["run", "--policy", "no-such", "--http", "127.0.0.1:0", "--site"], &[&site]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_without_end_is_told_by_its_name_and_fills_no_memory() {
    let folder = Folder::new("endless");
    let site = folder.write("site.toml", SITE).display().to_string();
    let run = |site: &str, policy: &str| {
        headroom(&["run", "--http", "127.0.0.1:0", "--site", site, "--policy", policy], &[])
    };
    let endless = "/dev/zero";
    for output in [
        headroom(&["check", &site, endless], &[]),
        headroom(&["map", "import", endless], &[]),
        run(endless, "balanced"),
        run(&site, endless),
    ] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(endless) && said.contains("longer than 16 MiB"), "{said}");
        assert!(said.contains("name the file that was meant"), "{said}");
    }
}
