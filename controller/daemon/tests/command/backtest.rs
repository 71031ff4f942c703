//! `headroom backtest` from end to end: a model that is learned, a plant that is only looked at, the evidence that comes of it, and
//! a daemon whose policy asks for some.

use crate::common::{Party, Place, until};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;

fn headroom(place: &Place, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(&place.0).env("RUST_LOG", "warn").args(args.split_whitespace());
    command.output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn fine(place: &Place, args: &str) -> String {
    let output = headroom(place, args);
    assert!(output.status.success(), "headroom {args}\n{}", words(&output));
    words(&output)
}

/// What the daemon logs until it serves its pages, with the notices of its status, and the mode of its setpoints.
fn modes(place: &Place, args: &str) -> (String, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    let log = place.join("run.log");
    let _ = std::fs::remove_file(&log);
    command.current_dir(&place.0).env("NO_COLOR", "1").args(args.split_whitespace());
    let mut party = Party::spawn(&mut command, log);
    let at = |text: &str| {
        let http = text.split("http=").nth(1)?.split_whitespace().next()?;
        Some(format!("http://{}", http.trim()))
    };
    until(Duration::from_secs(20), "the daemon serves its pages", || at(&party.text()).is_some());
    let url = at(&party.text()).unwrap();
    let (mut modes, mut told) = (Vec::new(), String::new());
    until(Duration::from_secs(20), "it has ticked", || {
        let output = headroom(place, &format!("status --format json --url {url}"));
        let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let actuators = status["actuators"].as_array().cloned().unwrap_or_default();
        told = status["alarms"].to_string();
        modes = actuators.iter().map(|a| a["mode"].as_str().unwrap_or_default().to_owned()).collect();
        !modes.is_empty()
    });
    party.terminate();
    (party.text() + &told, modes)
}

const WORLD: &str = "--scenario quiet --gpus 64 --seed 3 --strategies headroom --step 10s";

#[test]
fn evidence_lets_a_group_command_and_without_it_only_advises() {
    let place = Place::new("backtest");
    fine(&place, &format!("score {WORLD} --hours 6 --excite --record learn"));
    fine(&place, "identify learn/quiet-3/table.csv --site learn/quiet-3/site.toml --out model.toml");
    fine(&place, &format!("score {WORLD} --hours 2 --policy watch --record seen --tape"));
    let site = "--site seen/quiet-3/site.toml";
    let again = fine(&place, &format!("replay seen/quiet-3/run.tape {site} --policy watch"));
    assert!(again.contains("each bit for bit as it was"), "{again}");

    let policy = "format = 1\nname = \"asks\"\n[mode]\ndefault = \"active\"\n[promotion]\nevidence = true\nspan = \"1 h\"\n";
    std::fs::write(place.join("asks.toml"), policy).unwrap();
    let test =
        format!("backtest seen/quiet-3/run.tape {site} --policy asks.toml --model model.toml --draws 4");
    let said = fine(&place, &format!("{test} --out evidence.toml"));
    assert!(
        said.contains("evidence for: cdu, air, chiller") && said.contains("written: evidence.toml"),
        "{said}"
    );
    let json: Value =
        serde_json::from_slice(&headroom(&place, &format!("{test} --format json")).stdout).unwrap();
    let saved = &json["facility"]["saved_percent"];
    assert!(saved["low"].as_f64().unwrap() > 0.0 && saved["high"].as_f64() > saved["low"].as_f64(), "{json}");
    // Whether one group alone saves for sure is another question.
    let one = words(&headroom(&place, &format!("{test} --group cdu")));
    assert!(one.contains("evidence for: cdu\n") && one.contains("(its group is not tried)"), "{one}");
    let none = headroom(&place, &format!("{test} --group pumps"));
    assert!(words(&none).contains("there are air, cdu, chiller"), "{}", words(&none));

    let run = format!("run {site} --policy asks.toml --state state --http 127.0.0.1:0");
    let (log, without) = modes(&place, &run);
    assert!(log.contains("group cdu only advises") && log.contains("none is given"), "{log}");
    assert!(log.contains("\"title\":\"group cdu only advises\""), "{log}");
    assert!(without.iter().all(|m| m == "advisory"), "{without:?}");
    let (log, with) = modes(&place, &format!("{run} --model model.toml --evidence evidence.toml"));
    assert!(!log.contains("only advises") && with.iter().all(|m| m == "active"), "{with:?}\n{log}");
    // One group's evidence is one group's; and it must look at as long as is asked for.
    headroom(&place, &format!("{test} --group cdu --out cdu.toml"));
    let (log, _) = modes(&place, &format!("{run} --evidence cdu.toml"));
    assert!(log.contains("group air only advises") && log.contains("is of other groups"), "{log}");
    std::fs::write(place.join("asks.toml"), policy.replace("1 h", "5 h")).unwrap();
    let (log, _) = modes(&place, &format!("{run} --evidence evidence.toml"));
    assert!(log.contains("looks at 2 h where 5 h are asked for"), "{log}");
    // An experiment is where evidence begins: it asks for none.
    let commission = run.replace("run ", "commission ") + " --out learned.toml";
    let (log, with) = modes(&place, &commission);
    assert!(!log.contains("only advises") && with.iter().all(|m| m == "active"), "{with:?}\n{log}");
    // Another margin is another controller.
    let other = format!("{policy}[headroom]\ngpu = \"6 K\"\n");
    std::fs::write(place.join("asks.toml"), other).unwrap();
    let (log, other) = modes(&place, &format!("{run} --evidence evidence.toml"));
    assert!(log.contains("of other limits, margins or strategy"), "{log}");
    assert!(other.iter().all(|m| m == "advisory"), "{other:?}");
}

#[test]
fn what_cannot_be_tried_is_told() {
    let place = Place::new("backtest-not");
    fine(&place, &format!("score {WORLD} --hours 0.1 --policy watch --record seen --tape"));
    std::fs::write(place.join("model.toml"), "format = 1\n").unwrap();
    let test =
        "backtest seen/quiet-3/run.tape --site seen/quiet-3/site.toml --policy balanced --model model.toml";
    let output = headroom(&place, test);
    assert!(
        !output.status.success() && words(&output).contains("no model of `headroom identify`"),
        "{}",
        words(&output)
    );
    let output = headroom(&place, &test.replace("run.tape", "table.csv"));
    assert!(!output.status.success(), "{}", words(&output));
}
