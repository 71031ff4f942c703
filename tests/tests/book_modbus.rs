//! The book's chiller plant does what the book says: it obeys while remote is enabled, the timer runs and the
//! heartbeat moves, and takes its own setpoint back otherwise. Spoken to over raw Modbus TCP at the addresses of the
//! example's own register map.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_site::file::read_site;
use headroom_site::model::{ModbusSpec, RegisterSpace};
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

fn start() -> (Plant, TcpStream) {
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
                return (plant, stream);
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
    let (_plant, mut stream) = start();
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
