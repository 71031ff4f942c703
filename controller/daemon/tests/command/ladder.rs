//! A device that takes what is written and does nothing, over a real socket: held, let go, and asked again; then it trips.
//!
//! The device is the test's own, since it has to lie. Times are of the wall.

use crate::common::{Party, Place, until};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SITE: &str = r#"
format = 1
[site]
name = "liar"
[periods]
cooling = "5 s"
[[modbus]]
id = "plant"
url = "tcp://ADDRESS"
unit = 1
poll = "1 s"
[[modbus.register]]
name = "supply"
space = "input"
address = 10
type = "int16"
scale = 0.1
[[modbus.register]]
name = "power"
space = "input"
address = 12
type = "uint16"
scale = 0.1
[[modbus.register]]
name = "trip"
space = "input"
address = 14
type = "uint16"
[[modbus.register]]
name = "in-force"
space = "input"
address = 16
type = "int16"
scale = 0.1
[[modbus.register]]
name = "setpoint"
space = "holding"
address = 40
type = "int16"
scale = 0.1
[[modbus.register]]
name = "enable"
space = "coil"
address = 0
[modbus.remote]
enable = "enable"
[[equipment]]
id = "CH-01"
kind = "chiller"
[[point]]
id = "supply"
of = "CH-01"
type = "LiquidTemperature"
area = ["Supply"]
unit = "degC"
max = "30 degC"
from = { modbus = "plant", register = "supply" }
[[point]]
id = "power"
of = "CH-01"
type = "ActivePower"
unit = "kW"
from = { modbus = "plant", register = "power" }
[[point]]
id = "trip"
of = "CH-01"
unit = "state"
from = { modbus = "plant", register = "trip" }
[[point]]
id = "in-force"
of = "CH-01"
type = "Setpoint"
unit = "degC"
from = { modbus = "plant", register = "in-force" }
[[actuator]]
id = "chws"
of = "CH-01"
unit = "degC"
range = ["12 degC", "22 degC"]
ramp = "3 K/min"
step = "0.5 K"
deadband = "0.2 K"
fallback = "15 degC"
readback = "in-force"
settle = "2 s"
interlock = ["trip"]
measures = "supply"
unloads = ["power"]
to = { modbus = "plant", register = "setpoint" }
"#;
const POLICY: &str = "format = 1\nname = \"all\"\n[mode]\ndefault = \"active\"\n";

/// What the device holds, and whether it does what it is told.
#[derive(Default)]
struct Device {
    words: BTreeMap<(u8, u16), u16>,
    honest: bool,
    asked: Option<Instant>,
}

type Shared = Arc<Mutex<Device>>;

fn with<T>(device: &Shared, f: impl FnOnce(&mut Device) -> T) -> T {
    f(&mut device.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Device {
    /// The answer to a request: functions 1 to 6, 15 and 16.
    fn answer(&mut self, pdu: &[u8]) -> Vec<u8> {
        let word = |k: usize| u16::from_be_bytes([pdu[k], pdu[k + 1]]);
        let (function, at, count) = (pdu[0], word(1), word(3));
        match function {
            1 | 2 => vec![function, 1, self.words.get(&(function, at)).copied().unwrap_or(0) as u8],
            3 | 4 => {
                let value = |k| self.words.get(&(function, at + k)).copied().unwrap_or(0);
                let words = (0..count).flat_map(|k| value(k).to_be_bytes());
                [function, (2 * count) as u8].into_iter().chain(words).collect()
            }
            5 => self.write((1, at), u16::from(count != 0), pdu),
            15 => self.write((1, at), u16::from(pdu[6] & 1), pdu),
            6 => self.write((3, at), count, pdu),
            16 => self.write((3, at), word(6), pdu),
            _ => vec![function | 0x80, 1],
        }
    }

    fn write(&mut self, at: (u8, u16), value: u16, pdu: &[u8]) -> Vec<u8> {
        self.words.insert(at, value);
        if at == (3, 40) {
            if value != 150 {
                self.asked.get_or_insert_with(Instant::now);
            }
            if self.honest {
                self.words.insert((4, 16), value);
            }
        }
        pdu[..5].to_vec()
    }
}

fn serve(device: Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let device = Arc::clone(&device);
            std::thread::spawn(move || while talk(&stream, &device).is_ok() {});
        }
    });
    address
}

fn talk(mut stream: &TcpStream, device: &Shared) -> std::io::Result<()> {
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let mut pdu = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
    stream.read_exact(&mut pdu)?;
    let answer = with(device, |d| d.answer(&pdu));
    let length = (answer.len() as u16 + 1).to_be_bytes();
    stream.write_all(&[&head[..4], &length, &head[6..], &answer].concat())
}

/// Mode, cause and alarms of the only actuator.
fn status(state: &Path) -> (String, String, String) {
    let address = std::fs::read_to_string(state.join("http.addr")).unwrap();
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    let row = &status["actuators"][0];
    let word = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    (word(&row["mode"]), word(&row["held_back"]["cause"]), status["alarms"].to_string())
}

#[test]
fn what_ignores_is_held_and_let_go_and_a_trip_lets_go_at_once() {
    let place = Place::new("ladder");
    let device = Shared::default();
    with(&device, |d| d.words.extend([((4, 10), 150), ((4, 12), 900), ((4, 16), 150)]));
    let (site, policy, state) = (place.join("site.toml"), place.join("policy.toml"), place.join("state"));
    std::fs::write(&site, SITE.replace("ADDRESS", &serve(Arc::clone(&device)))).unwrap();
    std::fs::write(&policy, POLICY).unwrap();
    let headroom = || Command::new(env!("CARGO_BIN_EXE_headroom"));
    let mut run = headroom();
    run.arg("run").arg("--site").arg(&site).arg("--policy").arg(&policy).arg("--state").arg(&state);
    run.args(["--http", "127.0.0.1:0"]);
    let daemon = Party::spawn(&mut run, place.join("daemon.log"));

    // It relaxes, and the device says yes.
    until(Duration::from_secs(90), "it asks for more than stands", || with(&device, |d| d.asked.is_some()));
    let asked = with(&device, |d| d.asked.unwrap());
    let (mut held, mut let_go) = (None, None);
    until(Duration::from_secs(30), "it is let go", || {
        let (mode, cause, alarms) = status(&state);
        if cause == "not-followed" {
            assert!(alarms.contains("setpoint-not-followed"), "{alarms}");
            let at = if mode == "hold" { &mut held } else { &mut let_go };
            at.get_or_insert_with(|| asked.elapsed());
        }
        let_go.is_some()
    });
    // Two seconds to settle, a poll and a tick of a second each, two looks; then a third. A busy machine has as long again.
    let (held, let_go) = (held.unwrap(), let_go.unwrap());
    println!("held after {held:?}, let go after {let_go:?}");
    assert!(held < Duration::from_secs(12) && let_go < Duration::from_secs(14), "{held:?} {let_go:?}");
    until(Duration::from_secs(10), "the device has itself again", || {
        with(&device, |d| d.words[&(1, 0)] == 0)
    });

    // It is repaired, and an operator says so.
    with(&device, |d| d.honest = true);
    let mut auto = headroom();
    auto.args(["instruct", "chws", "auto", "--why", "it follows again", "--state"]).arg(&state);
    assert!(auto.status().unwrap().success());
    until(Duration::from_secs(60), "it is active and the device follows", || {
        status(&state).0 == "active" && with(&device, |d| d.words[&(4, 16)] > 153 && d.words[&(1, 0)] == 1)
    });

    // A trip.
    with(&device, |d| d.words.insert((4, 14), 1));
    let tripped = Instant::now();
    until(Duration::from_secs(20), "it is let go", || with(&device, |d| d.words[&(1, 0)] == 0));
    println!("let go {:?} after the trip", tripped.elapsed());
    until(Duration::from_secs(10), "it says so", || {
        let (mode, cause, alarms) = status(&state);
        mode == "fallback" && cause == "interlock" && alarms.contains("interlock of chws and trip")
    });
    let address = std::fs::read_to_string(state.join("http.addr")).unwrap();
    let url = format!("http://{}", address.trim());
    let explain = headroom().args(["explain", "chws", "--url", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&explain.stdout).into_owned();
    assert!(said.contains("fallback and not active since") && said.contains("(trip)"), "{said}");
    drop(daemon);
}
