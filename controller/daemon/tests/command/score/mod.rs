//! `headroom score` through the binary: files, threads, seeds, comparison, page, exit codes.

mod page;
mod step_test;
mod strategies;

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A short scenario that any plant can play.
const BURST: &str = r#"name = "burst"
description = "A burst of <requests> & nothing else"
hours = 0.1
[[event]]
at = "1 min"
for = "3 min"
kind = "load-step"
factor = 1.8
"#;

/// A folder of this test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headroom-score-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("burst.toml"), BURST).unwrap();
        Self(path)
    }

    /// Runs in this folder.
    fn score(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.arg("score").args(args).current_dir(&self.0).env("RUST_BACKTRACE", "0").output().unwrap()
    }

    /// Runs worlds of 64 GPUs, which must succeed; returns what it prints.
    fn fine(&self, args: &[&str]) -> String {
        let output = self.score(&[&["--gpus", "64"], args].concat());
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}\n{out}\n{err}");
        // Neither bar nor log where nobody looks.
        assert_eq!(err, "", "{args:?}");
        out
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two scenarios, two seeds, three strategies.
const BOARD: [&str; 10] = [
    "--scenario",
    "quiet",
    "--scenario",
    "burst.toml",
    "--hours",
    "0.1",
    "--seeds",
    "1..2",
    "--strategies",
    "headroom,steering",
];

fn board(place: &Place, more: &[&str]) -> String {
    place.fine(&[&BOARD, more].concat())
}

#[test]
fn scores_do_not_depend_on_threads_but_on_seeds() {
    let place = Place::new("threads");
    let one = board(&place, &["--threads", "1", "--out", "one", "--markdown", "one.md"]);
    let two = board(&place, &["--threads", "2", "--out", "two", "--markdown", "two.md"]);
    for file in ["score.json", "score.html"] {
        assert!(place.text(&format!("one/{file}")) == place.text(&format!("two/{file}")), "{file}");
    }
    assert_eq!(one, two);
    assert_eq!(place.text("one.md"), place.text("two.md"));
    // Each run of the board is the run that stands alone.
    place.fine(&["--scenario", "burst.toml", "--seed", "2", "--out", "alone"]);
    let (all, alone) = (place.json("one/score.json"), place.json("alone/score.json"));
    let ids = |file: &Value| (file["scenario"].clone(), file["seed"].clone());
    let same = all.as_array().unwrap().iter().find(|f| ids(f) == ids(&alone)).unwrap();
    for strategy in ["baseline", "headroom"] {
        assert_eq!(same["strategies"][strategy], alone["strategies"][strategy], "{strategy}");
    }
    // Another seed is another world.
    let other = all.as_array().unwrap().iter().find(|f| f["scenario"] == "burst" && f["seed"] == 1).unwrap();
    assert_ne!(other["strategies"]["baseline"], alone["strategies"]["baseline"]);
}

#[test]
fn one_world_is_one_object_with_the_names_of_the_contract() {
    let place = Place::new("single");
    let printed = place.fine(&["--scenario", "burst.toml", "--out", "out", "--format", "json"]);
    let text = place.text("out/score.json");
    assert_eq!(printed, text);
    let file: Value = serde_json::from_str(&text).unwrap();
    let heads: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("  \"")?.split('"').next()).collect();
    assert_eq!(heads, ["format", "seed", "hours", "gpus", "site", "scenario", "strategies"]);
    assert_eq!((&file["scenario"], &file["seed"]), (&Value::from("burst"), &Value::from(1)));
    // The scenario's own length, where none is given.
    assert_eq!((&file["hours"], &file["gpus"]), (&Value::from(0.1), &Value::from(64)));
    let strategies = file["strategies"].as_object().unwrap();
    assert_eq!(strategies.keys().collect::<Vec<_>>(), ["baseline", "headroom"]);
    let numbers = [
        "facility_kwh",
        "it_kwh",
        "cooling_kwh",
        "loss_kwh",
        "pue",
        "tokens",
        "joules_per_token",
        "clock_cv_in_job",
        "supply_temperature_mean_degc",
        "setpoint_travel",
        "cost",
    ];
    let throttled = ["sw_power_cap", "sw_thermal", "hw_thermal", "power_brake", "hw_slowdown"];
    let violations = ["temperature_k_s", "budget_w_s", "flow_s", "dew_point_s", "ramp_s"];
    for score in strategies.values() {
        assert!(numbers.iter().all(|n| score[n].is_number()), "{score:#}");
        assert!(throttled.iter().all(|n| score["throttled_gpu_s"][n].is_number()), "{score:#}");
        assert!(violations.iter().all(|n| score["violations"][n].is_number()), "{score:#}");
        assert!(score["facility_kwh"].as_f64().unwrap() > 0.5 && score["tokens"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(
        place.files("out"),
        ["score.html", "score.json", "timeline-baseline.csv", "timeline-headroom.csv"]
    );
    let csv = place.text("out/timeline-headroom.csv");
    assert!(csv.starts_with("minute,hottest_die_degc,mean_clock_mhz,tokens_per_s,least_cap_w,facility_kw,"));
    let columns = csv.lines().next().unwrap().split(',').count();
    assert!(csv.lines().count() == 7 && csv.lines().all(|l| l.split(',').count() == columns), "{csv}");
}

#[test]
fn an_option_goes_before_the_file_and_the_file_before_the_default() {
    let place = Place::new("order");
    let text = BURST.replace("hours = 0.1", "hours = 0.05\nseed = 7\nstart = \"01-18T03:00\"");
    std::fs::write(place.0.join("winter.toml"), text.replace("\"burst\"", "\"winter\"")).unwrap();
    let run = |more: &[&str]| {
        place.fine(
            &[&["--scenario", "winter.toml", "--strategies", "baseline", "--out", "out"], more].concat(),
        );
        let outdoor = place.text("out/timeline-baseline.csv");
        let column = outdoor.lines().next().unwrap().split(',').position(|c| c == "outdoor_degc").unwrap();
        let degc: f64 = outdoor.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse().unwrap();
        (place.json("out/score.json"), degc)
    };
    let (file, cold) = run(&[]);
    assert_eq!((&file["seed"], &file["hours"]), (&Value::from(7), &Value::from(0.05)));
    let (file, warm) = run(&["--seed", "2", "--hours", "0.1", "--start", "07-18T12:00"]);
    assert_eq!((&file["seed"], &file["hours"]), (&Value::from(2), &Value::from(0.1)));
    assert!(cold < 12.0 && warm > 18.0, "a night in January {cold}, a noon in July {warm}");
}

#[test]
fn every_strategy_has_its_key() {
    let place = Place::new("strategies");
    let list = "pid,fixed,limit,hold,steering,static-cap,trim-and-respond,headroom";
    let table = place.fine(&["--scenario", "burst.toml", "--strategies", list, "--out", "out"]);
    let text = place.text("out/score.json");
    let at =
        |key: &str| text.find(&format!("\n    \"{key}\": {{")).unwrap_or_else(|| panic!("{key}\n{text}"));
    let ours = ["baseline", "headroom", "hold", "trim-and-respond", "pid"];
    let order: Vec<usize> =
        ours.into_iter().chain(["limit", "static-cap", "steering", "fixed"]).map(at).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert!(place.0.join("out/timeline-static-cap.csv").is_file());
    assert!(table.contains("Headroom closes ") || table.contains("does not count"), "{table}");
    let (violations, energy) = (table.find("violations:").unwrap(), table.find("facility energy").unwrap());
    assert!(violations < energy, "{table}");
}

#[test]
fn the_board_says_violations_first_and_how_it_was_made() {
    let place = Place::new("board");
    let table = board(&place, &["--markdown", "book/scores.md"]);
    let page = place.text("book/scores.md");
    for text in [&table, &page] {
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}\n{text}"));
        assert!(at("Violations and throttling") < at("Facility energy at equal work"), "{text}");
        assert!(text.contains("E* = E + (N_base - N) E_base / N_base") && text.contains(" ± "), "{text}");
        let command = "headroom score --scenario quiet --scenario burst --seeds 1,2 \
                       --strategies baseline,headroom,steering --step \"1 s\" --hours 0.1 --gpus 64 --policy balanced";
        assert!(text.contains(command), "{text}");
    }
    assert!(!page.contains(&*place.0.to_string_lossy()), "a page names nobody's folders");
    assert!(page.contains("| burst | A burst of <requests> & nothing else | 0.1 | 64 |"), "{page}");
    // Every table of the page has as many cells in each row as in its head.
    let rows = |block: &str| -> Vec<usize> {
        block.lines().filter(|l| l.starts_with('|')).map(|l| l.matches('|').count()).collect()
    };
    for block in page.split("\n\n").filter(|b| b.starts_with('|')) {
        let rows = rows(block);
        assert!(rows.len() > 2 && rows.iter().all(|n| *n == rows[0]), "{block}");
    }
    assert!(!table.contains("timeline") && !place.0.join("timeline-baseline.csv").exists());
}

#[test]
fn a_step_of_ten_seconds_is_nearly_the_same_plant() {
    let place = Place::new("step");
    let run = |step: &str, out: &str| {
        place.fine(&["--scenario", "quiet", "--hours", "0.5", "--step", step, "--out", out]);
        place.json(&format!("{out}/score.json"))
    };
    let (fine, coarse) = (run("1 s", "fine"), run("10 s", "coarse"));
    for strategy in ["baseline", "headroom"] {
        let kwh = |file: &Value| file["strategies"][strategy]["facility_kwh"].as_f64().unwrap();
        assert!(
            (kwh(&coarse) / kwh(&fine) - 1.0).abs() < 0.05,
            "{strategy}: {} {}",
            kwh(&fine),
            kwh(&coarse)
        );
        assert_ne!(fine["strategies"][strategy], coarse["strategies"][strategy]);
    }
}

/// A copy of a score file with one number of Headroom times a factor, plus a term.
fn altered(place: &Place, from: &str, to: &str, path: &[&str], (factor, term): (f64, f64)) {
    let mut file = place.json(from);
    let files = match &mut file {
        Value::Array(files) => files.iter_mut().collect(),
        file => vec![file],
    };
    for file in files {
        let number = path.iter().fold(&mut file["strategies"]["headroom"], |v, key| &mut v[*key]);
        *number = Value::from(number.as_f64().unwrap() * factor + term);
    }
    std::fs::write(place.0.join(to), file.to_string()).unwrap();
}

#[test]
fn a_comparison_tells_worse_from_better() {
    let place = Place::new("compare");
    board(&place, &["--out", "a"]);
    let a = "a/score.json";
    let compare = |b: &str, more: &[&str]| {
        let output = place.score(&[&["--compare", a, b], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(compare(a, &[]).0, Some(0));
    assert!(compare(a, &[]).1.contains("B is not worse"));
    altered(&place, a, "hot.json", &["violations", "temperature_k_s"], (1.0, 2.0));
    altered(&place, a, "hungry.json", &["facility_kwh"], (1.01, 0.0));
    altered(&place, a, "lazy.json", &["tokens"], (0.98, 0.0));
    altered(&place, a, "thrifty.json", &["facility_kwh"], (0.9, 0.0));
    for (file, code, word) in [
        ("hot.json", 1, "violations.temperature_k_s"),
        ("hungry.json", 1, "facility_kwh_at_equal_work"),
        ("lazy.json", 1, "tokens"),
        ("thrifty.json", 0, "better"),
    ] {
        let (found, text) = compare(file, &[]);
        assert_eq!(found, Some(code), "{file}\n{text}");
        assert!(text.contains(word), "{file}\n{text}");
        let at = |word: &str| text.find(word).unwrap();
        assert!(at("Violations and throttling") < at("Facility energy at equal work"), "{text}");
    }
    assert_eq!(compare("hungry.json", &["--tolerance", "2 %"]).0, Some(0), "noise");
    let json: Value = serde_json::from_str(&compare("hot.json", &["--format", "json"]).1).unwrap();
    assert_eq!((&json["worse"], &json["violations"][0]["strategy"]), (&true.into(), &"headroom".into()));
    // What is in one file only is named; nothing in common is no comparison.
    place.fine(&["--scenario", "quiet", "--hours", "0.1", "--out", "less"]);
    let (code, text) = compare("less/score.json", &[]);
    assert!(code == Some(0) && text.contains("Only in A") && text.contains("burst"), "{code:?} {text}");
    place.fine(&["--scenario", "quiet", "--hours", "0.05", "--out", "other"]);
    assert_eq!(compare("other/score.json", &[]).0, Some(3));
    assert_eq!(compare("burst.toml", &[]).0, Some(3));
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_runs() {
    let place = Place::new("refused");
    let missing = BURST.replace("load-step\"\nfactor = 1.8", "chiller-trip\"\ndevice = \"CH-77\"");
    std::fs::write(place.0.join("missing.toml"), missing.replace("burst", "missing")).unwrap();
    std::fs::write(place.0.join("again.toml"), BURST.replace("1.8", "1.9")).unwrap();
    std::fs::write(place.0.join("policy.toml"), "format = 1\nname = \"p\"\nwishes = 3\n").unwrap();
    let refused = |args: &[&str], code: i32, word: &str| {
        let output = place.score(&[&["--out", "out", "--gpus", "64"], args].concat());
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{err}");
        assert!(err.contains(word), "{args:?}\n{err}");
        assert!(!place.0.join("out").exists(), "{args:?}");
    };
    refused(&["--scenario", "nonsense"], 3, "heat-wave");
    refused(&["--scenario", "burst.toml", "--scenario", "missing.toml"], 3, "CH-77");
    refused(
        &["--scenario", "burst.toml", "--scenario", "again.toml"],
        3,
        "another scenario is called `burst`",
    );
    refused(&["--scenario", "burst.toml", "--policy", "policy.toml"], 3, "wishes");
    refused(&["--scenario", "burst.toml", "--hours", "0"], 3, "--hours");
    refused(&["--weather", "nowhere.epw"], 3, "nowhere.epw");
    refused(&["--seeds", "5..1"], 2, "1..5");
    refused(&["--step", "1 min"], 2, "10 s");
    refused(&["--strategies", "luck"], 2, "static-cap");
    refused(&["--tolerance", "1 %"], 2, "--compare");
}
