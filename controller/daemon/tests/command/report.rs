//! The ledger of a controller beside a plant: kept over `kill -9`, told live, and made into a report by the real program.

use crate::common::browser::installed;
use crate::common::chrome::Chrome;
use crate::common::{Party, Plant, Recipe, turn, until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);

fn report(state: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(["report", "--state", state]).args(more).output().unwrap()
}

fn told(state: &str, more: &[&str]) -> Value {
    let output = report(state, &[more, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Lets a controller book for a while; what `/ledger` and `headroom status` told at the end.
fn books(plant: &Plant, state: &str, minutes: f64) -> (Party, Value, String) {
    let controller = plant.controller();
    let file = PathBuf::from(state).join("http.addr");
    let url = || format!("http://{}", std::fs::read_to_string(&file).unwrap_or_default().trim());
    let headroom =
        |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_headroom")).args(words).output().unwrap();
    let status = || -> Option<Value> {
        let said = headroom(&["status", "--format", "json", "--url", &url()]).stdout;
        serde_json::from_slice(&said).ok()
    };
    until(SOON, "minutes in the ledger", || {
        status()
            .is_some_and(|s| s["ledger"]["hour"]["booked_s"].as_f64().is_some_and(|b| b >= 60.0 * minutes))
    });
    let screen = String::from_utf8(headroom(&["status", "--url", &url()]).stdout).unwrap();
    let page = get(url().trim_start_matches("http://"), "/ledger");
    (controller, page, screen)
}

fn get(address: &str, path: &str) -> Value {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    serde_json::from_str(all.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn number(of: &Value, path: &str) -> f64 {
    of.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {of:#}"))
}

#[test]
fn what_was_booked_is_kept_and_reported() {
    let _turn = turn();
    let plant = Plant::start("report", &Recipe { speed: 40.0, ..Recipe::default() });
    let _agents = plant.agents();
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let none = report(&state, &[]);
    assert!(
        none.status.code() == Some(3) && String::from_utf8_lossy(&none.stderr).contains("holds no ledger")
    );
    let (mut controller, page, screen) = books(&plant, &state, 2.5);
    for pair in ["\nTOKEN ", "\nFLOPS ", "\nWATT ", "\nPUE "] {
        assert!(screen.contains(pair), "{pair}\n{screen}");
    }
    assert!(number(&page, "/open/watt/facility_kwh") > 0.0 && number(&page, "/open/pue/pue/value") > 1.0);
    assert_eq!(page["open"]["jobs"].as_array().unwrap().len(), plant.site()["job"].as_array().unwrap().len());
    controller.kill();
    // What was set down is told before and after the next controller makes a line of it.
    let before = told(&state, &[]);
    assert!(number(&before, "/booked_s") >= 120.0);
    plant.pass(120.0);
    let (mut controller, ..) = books(&plant, &state, 1.5);
    assert!(controller.terminate().success());
    let after = told(&state, &[]);
    assert!(number(&after, "/booked_s") >= number(&before, "/booked_s") + 90.0, "{after:#}");
    let gap: f64 = after["gaps"].as_array().unwrap().iter().map(|g| g["seconds"].as_f64().unwrap()).sum();
    // Both ends take their time where the machine is busy.
    assert!(gap >= 60.0, "the time between the two is a gap: {after:#}");
    let lines = std::fs::read_to_string(Path::new(&state).join("ledger.jsonl")).unwrap().lines().count();
    assert!(lines >= 2 && !Path::new(&state).join("ledger.open").exists());
    let ledger = format!("{state}/ledger.jsonl");
    let verified = Command::new(env!("CARGO_BIN_EXE_headroom")).args(["verify", &ledger]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    it_adds_up(&after);
    spans(&state);
    files(&plant, &state);
}

/// Rows sum to what they are of.
fn it_adds_up(all: &Value) {
    let sum = |list: &str, field: &str| -> f64 {
        all[list].as_array().unwrap().iter().filter_map(|row| row[field].as_f64()).sum()
    };
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs() + 1e-9;
    for field in ["metered_kwh", "gpus_kwh", "drift_tokens", "throttled_gpu_s", "over_kwh"] {
        assert!(close(sum("racks", field), sum("rows", field)), "{field}");
    }
    assert!(close(sum("jobs", "gpus_kwh"), sum("racks", "gpus_kwh")));
    assert!(close(sum("jobs", "tokens"), number(all, "/token/made")));
    // A second before the full hour is a part of its own, in which no meter may have spoken.
    let of_part = |p: &Value| p.pointer("/watt/facility_kwh").and_then(Value::as_f64).unwrap_or(0.0);
    let parts: f64 = all["parts"].as_array().unwrap().iter().map(of_part).sum();
    assert!(close(parts, number(all, "/watt/facility_kwh")));
    let residual = &all["watt"]["racks_residual_kwh"];
    assert!(number(residual, "/low") <= 0.0 && 0.0 <= number(residual, "/high"), "{residual}");
    // In these few minutes meters of different cadence may differ by more than the 1 % that makes it category 2.
    let off = number(residual, "/value") / sum("racks", "metered_kwh");
    let (category, at_the_edge) = (&all["pue"]["category"], (off.abs() - 0.01).abs() < 1e-3);
    let fits = if off.abs() < 0.01 { *category == 2 } else { category.is_null() };
    assert!(at_the_edge || fits, "{off} {category}");
    // The plant has a water meter, and nobody who uses its heat.
    assert!(number(all, "/pue/wue_l_per_kwh/value") >= 0.0 && number(all, "/pue/water_m3") >= 0.0);
    assert!(all["unknown"]["ere"].as_str().unwrap().contains("the heat that others use"));
}

fn spans(state: &str) {
    let all = told(state, &[]);
    let day = &all["from"].as_str().unwrap()[..10];
    assert!(number(&told(state, &["--day", day]), "/booked_s") > 0.0);
    assert!(number(&told(state, &["--week", day]), "/booked_s") > 0.0);
    for (words, code, says) in [
        (vec!["--day", "1999-01-01"], 1, "nothing was booked in that time"),
        (vec!["--from", "tomorrow"], 2, "is no time"),
        (vec!["--from", "2030-01-02", "--to", "2030-01-01"], 2, "ends before it begins"),
    ] {
        let output = report(state, &words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && said.contains(says), "{words:?}: {said}");
    }
    let text = String::from_utf8(report(state, &[]).stdout).unwrap();
    assert!(text.contains("The four pairs") && text.contains("residual: IT less racks"), "{text}");
}

fn files(plant: &Plant, state: &str) {
    let (page, csv) = (plant.place.join("report.html"), plant.place.join("tables"));
    let more = ["--out", page.to_str().unwrap(), "--csv", csv.to_str().unwrap()];
    assert!(report(state, &more).status.success());
    for name in ["hours", "jobs", "places", "throttled", "branches"] {
        let text = std::fs::read_to_string(csv.join(format!("{name}.csv"))).unwrap();
        assert!(text.lines().count() >= if name == "throttled" { 1 } else { 2 }, "{name}: {text}");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    for outside in ["http:", "https:", "src=", "<script", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let Some(browser) = installed() else { return };
    let mut chrome = Chrome::start(browser, &plant.place.0);
    chrome.ask("Page.navigate", &json!({ "url": format!("file://{}", page.display()) }));
    chrome.until("the page", "document.readyState === 'complete' && !!document.querySelector('svg.plot')");
    for (name, width, scheme) in [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")] {
        chrome.look(width, 900, scheme);
        let wide = chrome.js("document.documentElement.scrollWidth <= window.innerWidth");
        assert_eq!(wide, true, "{name}: the page itself does not scroll sideways");
        picture(&mut chrome, name);
    }
    chrome.ask("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    let ground = chrome.js("getComputedStyle(document.body).backgroundColor");
    assert_eq!(ground, "rgb(255, 255, 255)", "paper is white");
    picture(&mut chrome, "print");
    let pdf = chrome.ask("Page.printToPDF", &json!({ "preferCSSPageSize": true }));
    std::fs::write(out("report.pdf.base64"), pdf["data"].as_str().unwrap()).unwrap();
    let said = chrome.told(&["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"]);
    assert!(said.is_empty(), "{said:#?}");
    let asked = chrome.told(&["Network.requestWillBeSent"]);
    let off = |m: &&&Value| {
        let url = m["params"]["request"]["url"].as_str().unwrap();
        !url.starts_with("file://") && !url.starts_with("data:")
    };
    assert_eq!(asked.iter().filter(off).count(), 0, "{asked:#?}");
}

/// A picture is left beside the target's other temporary files.
fn picture(chrome: &mut Chrome, name: &str) {
    std::fs::write(out(&format!("report-{name}.png.base64")), chrome.picture()).unwrap();
}

fn out(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
