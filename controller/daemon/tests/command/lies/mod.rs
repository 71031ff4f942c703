//! The capture of a real pod, replayed at ten times its speed through a real broker beside the daemon: what lies in it at
//! quality 1 is told, and nothing else is.
//!
//! Broker (mosquitto) and capture may be absent; then the test says so. Which points lie is not said to the daemon: its
//! site file is the capture's own metadata.

mod capture;
use crate::common::{Mosquitto, Party, Place, until};
use capture::{METADATA, Row, VALUE};
use headroom_drivers::Clock;
use headroom_drivers::mqtt::client::{Delivery, MqttClient};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Times the speed of the capture.
const SPEED: u32 = 10;
/// The holding time: minutes in a plant, as the capture's 100 s are 10 s here.
const HOLD: &str = "1 s";

/// Rows at their times, stamped with now.
fn replay(url: &str, rows: &[Row]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, mut events) = MqttClient::start(url, "capture", None, Vec::new()).unwrap();
        let drain = tokio::spawn(async move { while events.recv().await.is_some() {} });
        while !client.is_up() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let begun = Instant::now();
        for row in rows.iter().filter(|r| r.topic.starts_with(METADATA) || r.topic.starts_with(VALUE)) {
            tokio::time::sleep((row.at / SPEED).saturating_sub(begun.elapsed())).await;
            let now = Clock::host().now().unix_ms().to_string();
            let payload = row.payload.replace("{{timestamp_ms}}", &now);
            let delivery =
                if row.topic.starts_with(METADATA) { Delivery::State } else { Delivery::Telemetry };
            client.try_publish(&row.topic, payload, delivery).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        client.close().await;
        drain.abort();
    });
}

/// A page of the daemon.
fn page(state: &Path, path: &str) -> String {
    let address = std::fs::read_to_string(state.join("http.addr")).unwrap();
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Points in doubt, each with its quality and its sentence.
fn doubts(state: &Path) -> BTreeSet<(String, String, String)> {
    let status: serde_json::Value = serde_json::from_str(&page(state, "/status")).unwrap();
    let text = |d: &serde_json::Value, key: &str| d[key].as_str().unwrap().to_owned();
    let list = status["implausible"].as_array().unwrap();
    list.iter().map(|d| (text(d, "point"), text(d, "quality"), text(d, "why"))).collect()
}

#[test]
fn the_four_lies_of_a_real_pod_are_told_and_nothing_else() {
    let Some(rows) = capture::rows() else { return };
    let place = Place::new("lies");
    let Some(broker) = Mosquitto::start(&place.0) else { return };
    let (site, state) = (place.join("site.toml"), place.join("state"));
    std::fs::write(&site, capture::site(&rows, &broker.url(), HOLD)).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_headroom"));
    run.args(["run", "--policy", "watch", "--mode", "advisory", "--http", "127.0.0.1:0"]);
    run.arg("--site").arg(&site).arg("--state").arg(&state);
    let mut daemon = Party::spawn(&mut run, place.join("daemon.log"));
    until(Duration::from_secs(30), "the daemon hears the bus", || {
        assert!(daemon.runs(), "{}", daemon.text());
        state.join("http.addr").exists() && page(&state, "/status").contains("up, ")
    });
    replay(&broker.url(), &rows);

    // Four cases; two of them on two points each: both taps of a rack, and both busways.
    let expected = [
        ("CDU/LiquidFlow/", "secondary/flow", "flow 0.0 L/min although pump runs at 44 % and dP is"),
        ("PowerMeter/CurrentLimit/", "C-E-BUS-E1/info/capacity", "limit 100.0 A although 16"),
        ("PowerMeter/CurrentLimit/", "C-E-BUS-E2/info/capacity", "limit 100.0 A although 17"),
        ("PowerMeter/Voltage/", "C-E05-TAP-E1/voltage", "voltage 0.0 V although 4"),
        ("PowerMeter/Voltage/", "C-E05-TAP-E2/voltage", "voltage 0.0 V although 3"),
        ("Rack/RackLiquidDifferentialPressure/", "rack02/energyValve/dp", "although its 4 peers show"),
    ];
    // The limits come with the capture's last second, and are doubted five holding times after the look that meets them.
    let mut found = BTreeSet::new();
    let begun = Instant::now();
    while found.len() < expected.len() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
        found = doubts(&state);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (kind, tag, why) in expected {
        let hit = found.iter().find(|(point, ..)| point.starts_with(kind) && point.contains(tag));
        let (point, quality, said) = hit.unwrap_or_else(|| panic!("{kind}{tag}: {found:#?}"));
        assert_eq!(quality, "bad (implausible)", "{point}");
        assert!(said.contains(why), "{point}: {said}");
    }
    everywhere_the_same(&state, &found);
    assert!(daemon.terminate().success(), "{}", daemon.text());
}

/// What is in doubt stands in the metrics, on the screen and in the journal.
fn everywhere_the_same(state: &Path, found: &BTreeSet<(String, String, String)>) {
    let metrics = page(state, "/metrics");
    let address = std::fs::read_to_string(state.join("http.addr")).unwrap();
    let url = format!("http://{}", address.trim());
    let output =
        Command::new(env!("CARGO_BIN_EXE_headroom")).args(["status", "--url", &url]).output().unwrap();
    let screen = String::from_utf8_lossy(&output.stdout).into_owned();
    let journal = std::fs::read_to_string(state.join("journal.jsonl")).unwrap();
    assert_eq!(metrics.matches("headroom_point_implausible{").count(), found.len(), "{metrics}");
    for (point, ..) in found {
        assert!(metrics.contains(&format!("headroom_point_implausible{{point=\"{point}\"")), "{metrics}");
        assert!(screen.contains(point), "{screen}");
        assert!(journal.contains(&format!("{{\"point\":\"{point}\",\"quality\":\"bad (implausible)\"")));
    }
}
