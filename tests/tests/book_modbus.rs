//! The book's chiller plant does what the book says: it obeys while remote is enabled, the timer runs and the
//! heartbeat moves, and takes its own setpoint back otherwise. Spoken to over raw Modbus TCP at the addresses of the
//! example's own register map; then by the straight line itself over the real driver.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_drivers::Clock;
use headroom_drivers::field::{FieldOptions, LiveField};
use headroom_policies::{read_policy, shipped};
use headroom_site::file::read_site;
use headroom_site::model::{ModbusSpec, RegisterSpace};
use headroom_site::{Field, Inbox, Site};
use headroom_tests::tree::{root, text};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn folder() -> PathBuf {
    Path::new("book/examples/modbus-chiller").to_path_buf()
}

/// The example's device, as its site file describes it.
fn device() -> ModbusSpec {
    let site = read_site("site.toml", &text(&folder().join("site.toml")), &root().join(folder())).unwrap();
    site.modbus[0].clone()
}

/// The running plant; killed when dropped.
struct Plant(Child);

impl Drop for Plant {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pymodbus() -> bool {
    let import = "from pymodbus.simulator import SimDevice; from pymodbus.server import ModbusTcpServer";
    Command::new("python3").args(["-c", import]).output().is_ok_and(|o| o.status.success())
}

fn start() -> (Plant, TcpStream, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = root().join(folder()).join("plant.py");
    let child =
        Command::new("python3").arg(script).arg(port.to_string()).stdout(Stdio::null()).spawn().unwrap();
    let plant = Plant(child);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                return (plant, stream, port);
            }
            Err(e) => assert!(Instant::now() < until, "the plant did not open its port: {e}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One request, one answer: what follows the function code.
fn ask(stream: &mut TcpStream, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 1, 0, 0, 0, pdu.len() as u8 + 1, unit];
    frame.extend_from_slice(pdu);
    stream.write_all(&frame).unwrap();
    let mut head = [0_u8; 7];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0_u8; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
    stream.read_exact(&mut body).unwrap();
    assert_eq!(body[0], pdu[0], "exception {body:?} to {pdu:?}");
    body[1..].to_vec()
}

/// Value of a named register in its unit.
fn read(stream: &mut TcpStream, device: &ModbusSpec, name: &str) -> f64 {
    let r = device.registers.iter().find(|r| r.name == name).unwrap();
    let [high, low] = r.address.to_be_bytes();
    let function = match r.space {
        RegisterSpace::Coil => 1,
        RegisterSpace::Discrete => 2,
        RegisterSpace::Holding => 3,
        RegisterSpace::Input => 4,
    };
    let answer = ask(stream, device.unit, &[function, high, low, 0, 1]);
    let raw = match r.space {
        RegisterSpace::Coil | RegisterSpace::Discrete => f64::from(answer[1] & 1),
        _ => f64::from(i16::from_be_bytes([answer[1], answer[2]])),
    };
    raw * r.scale + r.offset
}

/// Writes a named register in its unit, by function 5 or 6.
fn write(stream: &mut TcpStream, device: &ModbusSpec, name: &str, value: f64) {
    let r = device.registers.iter().find(|r| r.name == name).unwrap();
    let [high, low] = r.address.to_be_bytes();
    if r.space == RegisterSpace::Coil {
        ask(stream, device.unit, &[5, high, low, if value > 0.5 { 0xff } else { 0 }, 0]);
    } else {
        let [a, b] = (((value - r.offset) / r.scale).round() as i16).to_be_bytes();
        ask(stream, device.unit, &[6, high, low, a, b]);
    }
}

/// Waits until a register shows a value, at most ten seconds.
fn until(stream: &mut TcpStream, device: &ModbusSpec, name: &str, wanted: f64) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let found = read(stream, device, name);
        if (found - wanted).abs() < 0.05 {
            return;
        }
        assert!(Instant::now() < end, "{name} shows {found}, not {wanted}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_plant_obeys_and_lets_go() {
    if !pymodbus() {
        println!("skipped: no pymodbus 3.16");
        return;
    }
    let device = device();
    let (_plant, mut stream, _) = start();
    let s = &mut stream;
    until(s, &device, "setpoint-in-force", 15.0);
    assert!((read(s, &device, "supply-temperature") - 15.0).abs() < 0.5);
    assert!((read(s, &device, "power") - 300.0).abs() < 15.0, "kW");
    assert!(read(s, &device, "local") < 0.5);

    // A setpoint alone is not obeyed.
    write(s, &device, "setpoint", 18.0);
    std::thread::sleep(Duration::from_millis(1500));
    until(s, &device, "setpoint-in-force", 15.0);

    // The sequence of the book: enable, timer, setpoint, heartbeat.
    write(s, &device, "remote-enable", 1.0);
    write(s, &device, "setpoint-timer", 3.0);
    write(s, &device, "heartbeat", 1.0);
    until(s, &device, "setpoint-in-force", 18.0);
    until(s, &device, "heartbeat-echo", 1.0);

    // The timer runs out: its own setpoint is back.
    until(s, &device, "setpoint-in-force", 15.0);
    assert!(read(s, &device, "setpoint-timer") < 0.5);

    // Again, and released by the enable.
    write(s, &device, "setpoint-timer", 120.0);
    until(s, &device, "setpoint-in-force", 18.0);
    write(s, &device, "remote-enable", 0.0);
    until(s, &device, "setpoint-in-force", 15.0);
}

/// The example's site with everything ten times as fast, so that the test need not wait for water.
fn hurried(port: u16) -> Site {
    let text = text(&folder().join("site.toml"))
        .replace("127.0.0.1:1502", &format!("127.0.0.1:{port}"))
        .replace("cooling = \"30 s\"", "cooling = \"1 s\"")
        .replace("poll = \"2 s\"", "poll = \"200 ms\"")
        .replace("ramp = \"1 K/5min\"", "ramp = \"1 K/2s\"");
    read_site("site.toml", &text, &root().join(folder())).map_err(|f| format!("{f:#?}")).unwrap()
}

/// The line on the real driver until the plant's setpoint in force has moved above `goal_c`, at most a minute; the
/// setpoints in force on the way.
async fn control(
    site: &Site,
    policy: &str,
    writes_allowed: bool,
    goal_c: f64,
    seconds: u32,
) -> (Vec<f64>, u64) {
    let policy = read_policy(policy, shipped(policy).unwrap().text).map_err(|f| format!("{f:#?}")).unwrap();
    let clock = Clock::host();
    let mut field = LiveField::start(site, clock.clone(), FieldOptions { writes_allowed }).unwrap();
    let mut line = Line::new(site, &policy, Identity { who: "book".to_owned(), epoch: 1 });
    let (mut inbox, mut seen) = (Inbox::default(), Vec::new());
    let in_force = site.point("CH-01.setpoint-in-force").unwrap();
    for _ in 0..seconds {
        inbox.clear();
        field.drain(&mut inbox);
        let tick = line.tick(&inbox, clock.now());
        for command in &tick.commands {
            field.send(command);
        }
        if tick.verified {
            field.beat();
        }
        seen.extend(line.snapshot().good(in_force));
        if seen.last().is_some_and(|c| *c > goal_c) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let writes = field.status().writes();
    field.release();
    field.close().await;
    (seen, writes)
}

#[tokio::test]
async fn the_line_raises_the_setpoint_step_by_step_and_gives_it_back() {
    if !pymodbus() {
        println!("skipped: no pymodbus 3.16");
        return;
    }
    let (_plant, mut stream, port) = start();
    let site = hurried(port);

    // Watching writes nothing at all.
    let (seen, writes) = control(&site, "watch", false, 15.5, 4).await;
    assert!(!seen.is_empty() && seen.iter().all(|c| (c - 15.0).abs() < 0.05), "{seen:?}");
    assert_eq!(writes, 0);

    // Commanding relaxes by the ramp and no faster, and the plant follows.
    let (seen, writes) = control(&site, "balanced", true, 16.4, 60).await;
    assert!(seen.last().is_some_and(|c| *c > 16.4), "{seen:?}");
    assert!(seen.windows(2).all(|w| w[1] >= w[0] - 1e-9 && w[1] - w[0] <= 1.0 + 1e-9), "{seen:?}");
    assert!(writes > 4, "{writes}");

    // Released, the plant has its own setpoint again at once, not when a timer runs out.
    let device = device();
    assert!(read(&mut stream, &device, "remote-enable") < 0.5);
    until(&mut stream, &device, "setpoint-in-force", 15.0);
}
