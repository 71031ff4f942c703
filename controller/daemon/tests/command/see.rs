//! `headroom points`, `tap` and `timeline` through a real daemon beside a plant, and the names of their JSON fields.

use crate::common::{Plant, Recipe, turn, until};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;

const POINT_FIELDS: &str = "age_s area clock event_uncertainty_s event_unix_ns event_utc id of quality quality_opc_ua \
                            readings reason source trend type unit value";
const CLOCK_FIELDS: &str = "corrected offset_s sigma_s wrong";
const GPU_FIELDS: &str = "age_s cap_w clock clock_mhz die_degc energy_j energy_shown_j event_uncertainty_s event_unix_ns \
                          hbm_degc heard index margin_k node power_factor power_factor_sigma power_w reasons trend_w \
                          uuid";
const TAP_FIELDS: &str = "arrival_unix_ns arrival_utc delay_s event_uncertainty_s event_unix_ns event_utc lost point \
                          quality quality_opc_ua reason unit value";
const TAP_GPU_FIELDS: &str = "arrival_unix_ns arrival_utc cap_w clock_mhz delay_s die_degc event_unix_ns event_utc gpu \
                              hbm_degc lost margin_k power_w reasons utilisation";
const HISTORY_FIELDS: &str = "clock event_uncertainty_s kept_from_unix_ns least most now_unix_ns of quality_opc_ua \
                              unit unix_ns value";

fn fields(value: &Value) -> String {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

struct Daemon {
    url: String,
}

impl Daemon {
    fn of(plant: &Plant) -> Self {
        let address = plant.folder.join("controller/http.addr");
        until(Duration::from_secs(30), "the daemon's address", || address.exists());
        let address = std::fs::read_to_string(address).unwrap();
        Self { url: format!("http://{}", address.trim()) }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(args).args(["--url", &self.url]).output().unwrap()
    }

    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.text(&[args, &["--format", "json"]].concat())).unwrap()
    }
}

#[test]
fn what_the_daemon_sees_is_seen_from_the_terminal() {
    let _turn = turn();
    let plant = Plant::start("see", &Recipe::default());
    let (_agents, _controller) = (plant.agents(), plant.controller());
    let daemon = Daemon::of(&plant);
    let good = |p: &Value| p["quality"] == "good";
    until(Duration::from_secs(60), "most points are good", || {
        let all = daemon.json(&["points"]);
        all.iter().filter(|p| good(p)).count() * 10 > all.len() * 9
    });
    until(Duration::from_secs(30), "the GPUs are heard", || {
        daemon.json(&["points", "--gpus"]).iter().all(|g| g["heard"] == true)
    });
    points(&daemon, &plant);
    gpus(&daemon);
    tap(&daemon);
    timeline(&daemon, &plant);
    watch(&daemon, &plant);
}

fn points(daemon: &Daemon, plant: &Plant) {
    let all = daemon.json(&["points"]);
    all_of_the_site(&all, plant);
    assert!(all.iter().all(|p| fields(p) == POINT_FIELDS), "{}", all[0]);
    let stamped = all.iter().find(|p| !p["clock"].is_null()).unwrap();
    assert_eq!(fields(&stamped["clock"]), CLOCK_FIELDS);
    let supply = daemon.json(&["points", "CDU-01*supply*temperature"]);
    assert_eq!(supply.len(), 1, "{supply:?}");
    let value = supply[0]["value"].as_f64().unwrap();
    assert!((10.0..45.0).contains(&value) && supply[0]["unit"] == "C", "{supply:?}");
    assert!(supply[0]["event_uncertainty_s"].as_f64().unwrap() > 0.0, "{supply:?}");
    // A register bears our own stamp.
    let register = all.iter().find(|p| p["source"].as_str().unwrap().starts_with("modbus ")).unwrap();
    assert!(register["clock"].is_null() && register["quality_opc_ua"] == 0, "{register}");
    let by_age = daemon.json(&["points", "--sort", "age"]);
    let ages: Vec<f64> = by_age.iter().map(|p| p["age_s"].as_f64().unwrap_or(f64::INFINITY)).collect();
    assert!(ages.windows(2).all(|w| w[0] >= w[1]), "{ages:?}");
    let bad = daemon.run(&["points", "--bad", "--format", "json"]);
    let listed: Vec<Value> = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(bad.status.code(), Some(i32::from(!listed.is_empty())));
    assert!(listed.iter().all(|p| p["quality"] != "good"), "{listed:?}");
    let plain = daemon.text(&["points"]);
    assert!(plain.starts_with("point ") && plain.lines().count() == all.len() + 2, "{plain}");
    assert!(plain.contains("+- ") && plain.contains(" good "), "{plain}");
    assert_eq!(daemon.run(&["points", "no-such-point"]).status.code(), Some(1));
    let nobody = Daemon { url: "http://127.0.0.1:1".into() };
    for verb in [["points", "x"], ["tap", "x"], ["timeline", "x"]] {
        assert_eq!(nobody.run(&verb).status.code(), Some(4), "{verb:?}");
    }
}

/// Each point of the file is there once; the others are read from the pages of a job's engines.
fn all_of_the_site(all: &[Value], plant: &Plant) {
    let site = plant.site();
    let named = |key: &str| site[key].as_array().unwrap().clone();
    let ids: Vec<&str> = all.iter().map(|p| p["id"].as_str().unwrap()).collect();
    let of_file = named("point");
    for point in &of_file {
        let id = point["id"].as_str().unwrap();
        assert_eq!(ids.iter().filter(|i| **i == id).count(), 1, "{id}");
    }
    let served: Vec<String> = named("job")
        .iter()
        .filter(|j| j.get("served-by").is_some())
        .map(|j| j["id"].as_str().unwrap().to_owned())
        .collect();
    let of_pages = all.iter().filter(|p| served.iter().any(|job| p["of"] == job.as_str())).count();
    assert!(!served.is_empty() && of_pages > 0, "{served:?}");
    assert_eq!(all.len(), of_file.len() + of_pages);
}

fn gpus(daemon: &Daemon) {
    let all = daemon.json(&["points", "--gpus"]);
    assert_eq!(all.len(), crate::common::GPUS);
    assert!(
        all.iter().all(|g| fields(g) == GPU_FIELDS && g["power_w"].as_f64().unwrap() > 50.0),
        "{}",
        all[0]
    );
    let one = daemon.json(&["points", "--gpus", all[5]["uuid"].as_str().unwrap()]);
    assert_eq!(one.len(), 1);
    let plain = daemon.text(&["points", "--gpus"]);
    assert!(plain.contains(" MHz") && plain.lines().count() == crate::common::GPUS + 2, "{plain}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn tap(daemon: &Daemon) {
    let all = daemon.json(&["points"]);
    let busy = all
        .iter()
        .filter(|p| p["source"].as_str().unwrap().starts_with("dsx "))
        .max_by_key(|p| p["readings"].as_u64())
        .unwrap();
    let id = busy["id"].as_str().unwrap();
    let said = lines(&daemon.text(&["tap", id, "--for", "3s", "--format", "json"]));
    assert!(said.len() >= 2 && said.iter().all(|l| fields(l) == TAP_FIELDS), "{id}: {said:?}");
    let times: Vec<i64> = said.iter().map(|l| l["event_unix_ns"].as_i64().unwrap()).collect();
    assert!(times.windows(2).all(|w| w[0] <= w[1]), "{times:?}");
    assert!(said.iter().all(|l| l["delay_s"].as_f64().unwrap().abs() < 5.0 && l["lost"] == 0), "{said:?}");
    let gpus = daemon.json(&["points", "--gpus"]);
    let uuid = gpus[0]["uuid"].as_str().unwrap();
    let said = lines(&daemon.text(&["tap", uuid, "--for", "2s", "--format", "json"]));
    assert!(said.len() >= 10 && said.iter().all(|l| fields(l) == TAP_GPU_FIELDS), "{said:?}");
    let plain = daemon.text(&["tap", id, "--for", "2s"]);
    assert!(plain.contains(" arrived ") && plain.contains(" late "), "{plain}");
    let unknown = daemon.run(&["tap", "no-such-point"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", String::from_utf8_lossy(&unknown.stderr));
}

fn timeline(daemon: &Daemon, plant: &Plant) {
    let gpus = daemon.json(&["points", "--gpus"]);
    let power = format!("{}:power", gpus[0]["uuid"].as_str().unwrap());
    let supply = daemon.json(&["points", "CDU-01*supply*temperature"])[0]["id"].as_str().unwrap().to_owned();
    let series = daemon.json(&["timeline", &supply, &power, "--last", "10m"]);
    assert!(series.len() == 2 && series.iter().all(|s| fields(s) == HISTORY_FIELDS), "{series:?}");
    for s in &series {
        let times: Vec<i64> = s["unix_ns"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()).collect();
        assert!(!times.is_empty() && times.windows(2).all(|w| w[0] <= w[1]), "{s}");
        let span = s["now_unix_ns"].as_i64().unwrap() - times[0];
        assert!((0..=620_000_000_000).contains(&span), "{span}");
        assert_eq!(s["value"].as_array().unwrap().len(), times.len());
    }
    let (mean, most) = (&series[1]["value"], &series[1]["most"]);
    assert!(mean[1].as_f64().unwrap() <= most[1].as_f64().unwrap() + 1e-6, "{mean} {most}");
    let out = plant.place.join("timeline.html");
    let plain = daemon.text(&["timeline", &supply, &power, "--out", &out.display().to_string()]);
    assert!(plain.contains(&power) && plain.contains('│') && plain.contains("time +- "), "{plain}");
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("<svg") && page.contains("prefers-color-scheme: dark") && page.contains(&power));
    assert!(!page.contains("<script") && !page.contains("src=\"http"));
    let csv = daemon.text(&["timeline", &power, "--csv"]);
    assert!(csv.starts_with("of,unit,event_utc,event_unix_ns,value,") && csv.lines().count() > 5, "{csv}");
    let unknown = daemon.run(&["timeline", "no-such-point"]);
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said.contains("no point or GPU is called `no-such-point`"), "{said}");
}

/// Without a terminal `--watch` prints plain lines, again and again, and ends with the signal.
fn watch(daemon: &Daemon, plant: &Plant) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(["points", "CDU-01*supply*temperature", "--watch", "--url", &daemon.url]);
    let mut party = crate::common::Party::spawn(&mut command, plant.place.join("watch.log"));
    until(Duration::from_secs(10), "three looks", || party.text().matches("1 points, ").count() >= 3);
    assert!(party.runs() && !party.text().contains('\u{1b}'), "{}", party.text());
    Command::new("kill").args(["-INT", &party.id().to_string()]).status().unwrap();
    assert!(party.ended(Duration::from_secs(10)).success());
}
