//! Why: asked of a controller that runs beside a plant under a curtailment, over its pages, by the real program.

use crate::common::{CURTAILED, GPUS, Plant, Recipe, turn, until};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

struct Scene {
    plant: Plant,
    url: String,
    journal: String,
}

impl Scene {
    fn ask(&self, of: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["explain", of, "--url", &self.url]).args(more).output().unwrap()
    }

    fn json(&self, of: &str) -> Value {
        let output = self.ask(of, &["--format", "json", "--journal", &self.journal]);
        assert!(output.status.success(), "{of}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn capped(&self) -> bool {
        let page = self.plant.page();
        let low = (0..GPUS).filter(|g| page.requests(*g).unwrap().enforced_limit_mw < 690_000).count();
        low > GPUS / 2
    }
}

fn items<'a>(answer: &'a Value, what: &str) -> Vec<&'a Value> {
    let all = answer["explanation"]["items"].as_array().unwrap();
    all.iter().filter(|i| i["what"].as_str().is_some_and(|w| w.starts_with(what))).collect()
}

fn says(item: &Value) -> &str {
    item["says"].as_str().unwrap()
}

#[test]
fn each_answer_names_what_binds_with_its_figures() {
    let _turn = turn();
    let plant = Plant::start("explain", &Recipe { scenario: CURTAILED, ..Recipe::default() });
    let (_agents, _controller) = (plant.agents(), plant.controller());
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let address = format!("{state}/http.addr");
    until(SOON, "the controller's pages", || std::fs::read_to_string(&address).is_ok());
    let url = format!("http://{}", std::fs::read_to_string(&address).unwrap().trim());
    let s = Scene { plant, url, journal: format!("{state}/journal.jsonl") };
    until(SOON, "caps under the curtailment", || s.capped());
    s.plant.pass(60.0);
    a_gpu(&s);
    a_setpoint(&s);
    a_job_and_a_point(&s);
    what_led_to_it(&s, &s.plant.page().uuid(3).unwrap());
    let unknown = s.ask("nobody", &[]);
    let told = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(1) && told.contains("nothing is called `nobody`"), "{told}");
    let nowhere = Command::new(env!("CARGO_BIN_EXE_headroom"));
    let mut nowhere = nowhere;
    let silent = nowhere.args(["explain", "x", "--url", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(silent.status.code(), Some(4));
}

/// The feed's import limit binds, its caps fill its room, and the caps decided are those in force.
fn a_gpu(s: &Scene) {
    let site = s.plant.site();
    let node = site["node"][0]["id"].as_str().unwrap();
    for of in [node.to_owned(), format!("{node}/3"), s.plant.page().uuid(3).unwrap()] {
        // Between two solutions a branch may have a little left.
        until(SOON, "a branch that binds, or is given out", || {
            let answer = s.json(&of);
            let verdict = answer["explanation"]["says"].as_str().unwrap();
            let says_so = verdict.contains("no more watts to give") || verdict.contains("given out");
            says_so && items(&answer, "branch").iter().any(|i| i["binds"] == true && is_full(says(i)))
        });
        let answer = s.json(&of);
        assert_eq!(answer["explanation"]["kind"], "GPU");
        assert!(says(items(&answer, "in force")[0]).starts_with("cap "));
        let past = answer["past"].as_array().unwrap();
        assert!(past.iter().any(|e| e["what"].as_str().unwrap().starts_with("caps ")), "{answer:#}");
    }
}

/// The feed's limit fell, and then this GPU's cap: each at its time, with the way between them.
fn what_led_to_it(s: &Scene, of: &str) {
    let begins = |e: &Value, words: &str| e["says"].as_str().unwrap().starts_with(words);
    until(SOON, "the limit's fall, and the cap's after it", || {
        let answer = s.json(of);
        let events = answer["explanation"]["events"].as_array().unwrap();
        assert!(events.is_sorted_by_key(|e| e["unix_ms"].as_i64()), "{events:#?}");
        let limit = events.iter().position(|e| begins(e, "limit ") && e["thing"] == "FEED");
        let Some(limit) = limit else { return false };
        assert!(events[limit]["steps"].as_u64() > Some(1), "{events:#?}");
        events[limit..].iter().any(|e| begins(e, "cap ") && e["steps"] == 0)
    });
}

/// Caps fill the room of a branch, of which the words tell in kW.
fn is_full(words: &str) -> bool {
    let kw: Vec<f64> = words.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    kw.len() == 2 && kw[0] <= kw[1] + 0.05 && kw[0] > 0.97 * kw[1]
}

/// What the daemon advises is what is explained, and the least room is said first.
fn a_setpoint(s: &Scene) {
    let advised = || -> Option<Value> {
        let status = Command::new(env!("CARGO_BIN_EXE_headroom"))
            .args(["status", "--format", "json", "--url", &s.url])
            .output()
            .unwrap();
        let view: Value = serde_json::from_slice(&status.stdout).unwrap();
        let all = view["setpoints"].as_array().unwrap();
        all.iter().find(|x| x["actuator"] == "CDU-01/differential-pressure").cloned()
    };
    until(SOON, "an explanation of the advice that stands", || {
        let Some(before) = advised() else { return false };
        let answer = s.json("CDU-01/differential-pressure");
        answer["explanation"]["says"] == before["why"] && advised().as_ref() == Some(&before)
    });
    let answer = s.json("CDU-01/differential-pressure");
    let room: Vec<f64> = items(&answer, "room")
        .iter()
        .filter_map(|i| says(i).split_whitespace().next().unwrap().parse().ok())
        .collect();
    assert!(room.len() > 1 && room.is_sorted(), "{answer:#}");
    assert!(says(items(&answer, "a unit")[0]).contains("of leakage"));
    let past = answer["past"].as_array().unwrap();
    assert!(!past.is_empty() && past.iter().all(|e| e["line"].as_u64().is_some()), "{answer:#}");
    let text = String::from_utf8(s.ask("CDU-01/differential-pressure", &[]).stdout).unwrap();
    assert!(
        text.starts_with("setpoint CDU-01/differential-pressure  ") && text.contains("\n  stands"),
        "{text}"
    );
}

fn a_job_and_a_point(s: &Scene) {
    let site = s.plant.site();
    let job = s.json(site["job"][0]["id"].as_str().unwrap());
    assert_eq!(job["explanation"]["kind"], "job");
    assert!(items(&job, "spread").len() == 1 && items(&job, "locked").len() == 1, "{job:#}");
    let point = s.json("CDU-01/secondary/supply/temperature");
    assert!(point["explanation"]["says"].as_str().unwrap().ends_with("it is used"), "{point:#}");
}
