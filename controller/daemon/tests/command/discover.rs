//! `headroom discover`: from a bus and from a device to drafts that `headroom check` takes, with nothing written.

use crate::common::ear::Ear;
use crate::common::{Mosquitto, Party, Place, Plant, Recipe, turn, until};
use headroom_drivers::mqtt::client::{Delivery, MqttClient};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const DSX_FIELDS: &str = "actuators equipment file malformed messages points power_branches racks seconds to_confirm \
                          topics topics_with_values";
const MODBUS_FIELDS: &str =
    "coil discrete file holding identity input refused registers_in_map requests stopped";

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).output().unwrap()
}

/// The summary of a walk or probe that went well, with the golden names of its fields.
fn summary(output: &Output, golden: &str) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut names: Vec<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names.join(" "), golden);
    summary
}

fn passes_check(file: &Path) {
    let output = headroom(&["check", &file.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", std::fs::read_to_string(file).unwrap());
}

#[test]
fn a_bus_becomes_a_site_file_that_reads_what_it_names() {
    let _turn = turn();
    let plant = Plant::start("discover", &Recipe::default());
    let ear = Ear::on(&plant.broker(), &["#"]);
    let out = plant.place.join("draft.toml");
    let path = out.display().to_string();
    // 8 s are 160 of the plant: the BMS says everything again within 100.
    let args =
        ["discover", "dsx", &plant.broker(), "--integration", "HEADROOM", "--seconds", "8", "--out", &path];
    let output = headroom(&[&args[..], &["--format", "json"]].concat());
    let found = summary(&output, DSX_FIELDS);
    println!("{found}");
    let count = |key: &str| found[key].as_u64().unwrap();
    assert!(count("points") >= 50 && count("racks") >= 1 && count("equipment") >= 2, "{found}");
    assert!(count("actuators") >= 2 && count("topics_with_values") * 10 >= count("points") * 9, "{found}");
    assert_eq!(count("malformed"), 0);
    passes_check(&out);
    let draft: toml::Table = std::fs::read_to_string(&out).unwrap().parse().unwrap();
    let cdu =
        draft["equipment"].as_array().unwrap().iter().find(|e| e["id"].as_str() == Some("CDU-01")).unwrap();
    assert!(!cdu["serves"].as_array().unwrap().is_empty(), "{cdu}");
    let silent = ear.counts("").keys().all(|topic| topic.starts_with("BMS/v1/PUB/"));
    assert!(silent, "a walk publishes nothing");
    // A draft does not replace a file.
    assert_eq!(headroom(&args).status.code(), Some(3));

    // The daemon finds every point of the draft on the bus.
    let state = plant.place.join("state");
    let mut run = Command::new(env!("CARGO_BIN_EXE_headroom"));
    run.args(["run", "--policy", "watch", "--http", "127.0.0.1:0", "--site", &path, "--state"]).arg(&state);
    run.arg("--clock").arg(plant.folder.join("clock.page"));
    let controller = Party::spawn(&mut run, plant.place.join("drafted.log"));
    until(Duration::from_secs(30), "its address", || state.join("http.addr").exists());
    let url = format!("http://{}", std::fs::read_to_string(state.join("http.addr")).unwrap().trim());
    let unseen = || -> Vec<Value> {
        let output = headroom(&["points", "--bad", "--format", "json", "--url", &url]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // All but those that had no value in the walk either.
    let most = (count("topics") - count("topics_with_values")) as usize;
    until(Duration::from_secs(40), "every point says something", || unseen().len() <= most);
    drop(controller);
}

#[test]
fn nobody_there_is_told_by_the_exit_code() {
    let place = Place::new("nobody");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let out = place.join("x.toml").display().to_string();
    let modbus = ["discover", "modbus", &format!("tcp://127.0.0.1:{port}"), "--out", &out];
    assert_eq!(headroom(&modbus).status.code(), Some(4));
    for wrong in [["discover", "modbus", "127.0.0.1:502"], ["discover", "dsx", "http://h"]] {
        assert_eq!(headroom(&[&wrong[..], &["--out", &out]].concat()).status.code(), Some(2), "{wrong:?}");
    }
    let dsx = ["discover", "dsx", &format!("mqtt://127.0.0.1:{port}"), "--seconds", "1", "--out", &out];
    assert_eq!(headroom(&dsx).status.code(), Some(4));
    assert!(!Path::new(&out).exists());
}

/// Topic and payload of the capture's rows; `None`, and a word about it, where it is not.
fn capture() -> Option<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let path = shared.join("data/dsx/dsx_exemplar.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let row = |line: &str| {
        let mut parts = line.splitn(3, ',');
        let (topic, payload) = (parts.nth(1)?, parts.next()?);
        let payload = payload.trim().trim_matches('"').replace("\"\"", "\"");
        Some((topic.to_owned(), payload.replace("{{timestamp_ms}}", "1743620423000")))
    };
    Some(text.lines().skip(1).filter_map(row).collect())
}

/// Says the capture on a broker until told to stop: metadata retained, values again and again.
fn replay(url: &str, rows: Vec<(String, String)>) -> std::sync::mpsc::Sender<()> {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let url = url.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, _events) = MqttClient::start(&url, "capture", None, vec![]).unwrap();
            while !client.is_up() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let (metadata, values): (Vec<_>, Vec<_>) =
                rows.into_iter().partition(|(t, _)| t.contains("/Metadata/"));
            for (topic, payload) in metadata {
                client.try_publish(&topic, payload, Delivery::State).unwrap();
            }
            for (n, (topic, payload)) in values.into_iter().cycle().enumerate() {
                let _ = client.try_publish(&topic, payload, Delivery::Telemetry);
                if n % 8 > 0 {
                    continue;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                if stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                    return;
                }
            }
        });
    });
    stop
}

#[test]
fn the_capture_of_a_real_pod_becomes_a_draft() {
    let _turn = turn();
    let Some(rows) = capture() else { return };
    let place = Place::new("pod");
    let Some(broker) = Mosquitto::start(&place.0) else { return };
    let published =
        rows.iter().filter(|(t, p)| t.contains("/Metadata/") && !p.contains("\"integration\"")).count();
    let stop = replay(&broker.url(), rows);
    let out = place.join("pod.toml");
    let path = out.display().to_string();
    let args = ["discover", "dsx", &broker.url(), "--integration", "MEPAI", "--seconds", "6", "--out", &path];
    let output = headroom(&[&args[..], &["--format", "json"]].concat());
    drop(stop);
    let found = summary(&output, DSX_FIELDS);
    println!("{found}");
    assert_eq!(found["points"].as_u64().unwrap() as usize, published);
    assert_eq!(found["actuators"], 1, "the CDU's supply temperature names MEPAI");
    passes_check(&out);
    let text = std::fs::read_to_string(&out).unwrap();
    let draft: toml::Table = text.parse().unwrap();
    let racks = draft["place"].as_array().unwrap();
    assert!(racks.len() >= 11, "six with points, five more that the CDU serves: {racks:?}");
    let request = &draft["actuator"][0];
    assert_eq!(request["of"].as_str(), Some("C-F00-CDU-05"));
    assert!(request["readback"].as_str().unwrap().contains("setpoint"), "{request}");
    let branches = draft["power"].as_array().unwrap();
    let of = |id: &str| branches.iter().find(|b| b["id"].as_str() == Some(id)).unwrap();
    assert_eq!(of("C-E-BUS-E1")["serves"].as_array().unwrap().len(), 6);
    assert_eq!(of("C-E05-TAP-E1")["serves"][0].as_str(), Some("Pod1C-E05"));
    assert!(text.contains("it also feeds Pod1C-E05") && text.contains("the bus spells its areas Seccondary"));
}

#[test]
fn a_device_of_the_plant_becomes_a_register_map() {
    let _turn = turn();
    let plant = Plant::start("probe", &Recipe { hours: 0.2, speed: 30.0, ..Recipe::default() });
    let site = plant.site();
    let device = &site["modbus"][0];
    let url = device["url"].as_str().unwrap();
    let unit = device["unit"].as_integer().unwrap().to_string();
    let out = plant.place.join("map.toml");
    let path = out.display().to_string();
    let args = ["discover", "modbus", url, "--unit", &unit, "--to", "120", "--pause", "1 ms", "--out", &path];
    let found = summary(&headroom(&[&args[..], &["--format", "json"]].concat()), MODBUS_FIELDS);
    println!("{found}");
    assert!(found["registers_in_map"].as_u64().unwrap() >= 3, "{found}");
    passes_check(&out);
    assert!(std::fs::read_to_string(&out).unwrap().contains("unconfirmed: "));
    let mut plant = plant;
    let status = plant.demo.ended(Duration::from_secs(90));
    let text = plant.demo.text();
    assert!(status.success() && text.contains(" 0 Modbus writes"), "a probe only reads\n{text}");
}

#[test]
fn pymodbus_is_probed_around_its_holes() {
    let _turn = turn();
    let probe = Command::new("python3").args(["-c", "from pymodbus.simulator import SimDevice"]).output();
    if !probe.is_ok_and(|o| o.status.success()) {
        println!("skipped: python3 has no pymodbus 3.16");
        return;
    }
    let place = Place::new("pymodbus");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers/src/modbus/tests/peers/pymodbus_server.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(port.to_string()).arg("tcp");
    let _server = Party::spawn(&mut command, place.join("server.log"));
    until(Duration::from_secs(20), "pymodbus listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let out = place.join("map.toml");
    let path = out.display().to_string();
    let url = format!("tcp://127.0.0.1:{port}");
    // 2990 to 4200: floats at 3000, and nothing from 4000 on.
    let args =
        ["discover", "modbus", &url, "--from", "2990", "--to", "4040", "--pause", "1 ms", "--out", &path];
    let found = summary(&headroom(&[&args[..], &["--format", "json"]].concat()), MODBUS_FIELDS);
    println!("{found}");
    assert_eq!(found["holding"], 1010, "{found}");
    assert!(found["identity"].as_array().unwrap().contains(&Value::from("CDU-9")), "{found}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("as float32 ABCD 27.5") && text.contains("as float32 CDAB 27.5"), "{text}");
    assert!(text.contains("# holding 4000-4040: refused") && text.contains("model = \"CDU-9\""), "{text}");
    passes_check(&out);
}
