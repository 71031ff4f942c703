//! Against servers that others wrote: pymodbus (TCP, RTU over TCP, TLS), libmodbus, and frames made by hand in Python.
//!
//! The page `conformance` of the book lists these tests; a test holds the list to their names.

use super::start;
use super::{bad, good, last};
use crate::context::Order;
use crate::modbus::task::Handle;
use crate::testing::{Authority, context, free_port, site, until};
use headroom_site::command::SetpointCommand;
use headroom_site::{ActuatorId, Inbox, Outcome, Quality, Reason, Span, Stamp};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PYMODBUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/modbus/tests/peers/pymodbus_server.py");
const RAW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/modbus/tests/peers/raw_server.py");
const LIBMODBUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/modbus/tests/peers/libmodbus_server.c");

/// A running server; killed when dropped.
struct Peer {
    child: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    fn start(program: &Path, before: &[&str], after: &[&str]) -> Self {
        let port = free_port();
        let port_text = port.to_string();
        let child = Command::new(program)
            .args(before)
            .arg(port_text)
            .args(after)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peer = Self { child, port };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return peer;
            }
            assert_eq!(peer.child.try_wait().unwrap(), None, "{program:?} {before:?} {after:?} ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{program:?} did not open its port");
    }

    /// `None`, with a word on why, where pymodbus is not installed.
    fn pymodbus(args: &[&str]) -> Option<Self> {
        let import = "from pymodbus.simulator import SimDevice";
        let probe = Command::new("python3").args(["-c", import]).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|s| s.success()) {
            println!("skipped: python3 has no pymodbus 3.16");
            return None;
        }
        Some(Self::start(Path::new("python3"), &[PYMODBUS], args))
    }

    fn raw(args: &[&str]) -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            println!("skipped: there is no python3");
            return None;
        }
        Some(Self::start(Path::new("python3"), &[RAW], args))
    }

    /// `None`, with a word on why, where it cannot be compiled.
    fn libmodbus() -> Option<Self> {
        static PROGRAM: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            let out = folder("libmodbus").join("server");
            // Another run of the tests may be starting the program that is there.
            let new = out.with_extension(std::process::id().to_string());
            let cc = Command::new("cc").arg(LIBMODBUS).arg("-o").arg(&new).arg("-lmodbus").output();
            let made = cc.is_ok_and(|o| o.status.success()) && std::fs::rename(&new, &out).is_ok();
            made.then_some(out)
        });
        let Some(program) = program else {
            println!("skipped: no libmodbus (libmodbus-dev) to compile against");
            return None;
        };
        Some(Self::start(program, &[], &[]))
    }
}

/// A folder beside the program of the tests.
fn folder(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name(format!("peer-{name}"));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// What is read of a device: each register is a point of the same index.
struct Watch {
    inbox: Inbox,
    context: crate::context::Context,
    handle: Handle,
}

fn watch(url: &str, keys: &str, registers: &[String]) -> Watch {
    let mut text =
        format!("[[modbus]]\nid = \"d\"\nurl = \"{url}\"\nunit = 1\npoll = \"50 ms\"\nmax-gap = 0\n{keys}\n");
    let mut points = String::new();
    for (i, register) in registers.iter().enumerate() {
        text.push_str(&format!("[[modbus.register]]\nname = \"r{i}\"\n{register}\n"));
        points.push_str(&format!(
            "[[point]]\nid = \"r{i}\"\nof = \"site\"\nunit = \"count\"\nfrom = {{ modbus = \"d\", register = \"r{i}\" }}\n"
        ));
    }
    let site = site(&(text + &points));
    let context = context(Span::from_ms(100));
    let handle = start(&site, 0, context.clone(), false);
    Watch { inbox: Inbox::default(), context, handle }
}

impl Watch {
    async fn until(&mut self, done: impl Fn(&Inbox) -> bool) {
        until(&self.context, &mut self.inbox, done).await;
    }

    fn trouble(&self) -> String {
        self.handle.status.lock().unwrap().trouble.clone().unwrap_or_default()
    }
}

/// True if a point had this value at some time: it is bad again while the connection is gone.
fn saw(inbox: &Inbox, point: usize, value: f64) -> bool {
    let of_it = inbox.readings.iter().filter(|r| r.point.index() == point && r.quality.is_good());
    of_it.map(|r| r.value).any(|v| (v - value).abs() < 1e-9)
}

fn holding(address: u16, kind: &str) -> String {
    format!("space = \"holding\"\naddress = {address}\ntype = \"{kind}\"")
}

/// 125 registers in one request, one more in a second; a coil and a discrete input.
async fn the_most_in_one_request(url: &str, keys: &str) {
    let mut registers: Vec<_> = (0..126).map(|i| holding(i, "uint16")).collect();
    registers.push("space = \"coil\"\naddress = 3".to_owned());
    registers.push("space = \"discrete\"\naddress = 9".to_owned());
    registers.push("space = \"input\"\naddress = 199\ntype = \"uint16\"".to_owned());
    let mut w = watch(url, &format!("max-block = 125\n{keys}"), &registers);
    w.until(|i| (0..126).all(|p| good(i, p, 3.0 * p as f64 + 1.0))).await;
    w.until(|i| good(i, 126, 1.0) && good(i, 127, 1.0) && good(i, 128, 598.0)).await;
    let status = w.handle.status.lock().unwrap().clone();
    assert!(status.connects == 1 && status.out_of_service.is_empty(), "{status:?}");
}

async fn every_exception(port: u16) {
    let codes = [1_u16, 2, 3, 4, 5, 6, 8, 10, 11];
    let mut registers: Vec<_> = codes.iter().map(|c| holding(1000 + 10 * c, "uint16")).collect();
    registers.push(holding(5, "uint16"));
    let mut w = watch(&format!("tcp://127.0.0.1:{port}"), "", &registers);
    let reason = |code| match code {
        1..=3 => Reason::NotSupported,
        5 | 6 | 10 | 11 => Reason::NoCommunication,
        _ => Reason::DeviceFailure,
    };
    w.until(|i| codes.iter().enumerate().all(|(p, code)| bad(i, p, reason(*code)))).await;
    w.until(|i| good(i, codes.len(), 16.0)).await;
    let status = w.handle.status.lock().unwrap().clone();
    // A function that a device lacks may be one that it has later; an address it does not have, it does not have.
    assert_eq!((status.connects, status.out_of_service.len()), (1, 2), "{status:?}");
}

async fn word_orders(port: u16) {
    let orders = ["ABCD", "CDAB", "BADC", "DCBA"];
    let register = |(i, order): (usize, &&str)| {
        format!("{}\nbyte-order = \"{order}\"", holding(3000 + 2 * i as u16, "float32"))
    };
    let registers: Vec<_> = orders.iter().enumerate().map(register).collect();
    let mut w = watch(&format!("tcp://127.0.0.1:{port}"), "", &registers);
    w.until(|i| (0..4).all(|p| good(i, p, 27.5))).await;
}

/// Two seconds are no trouble for one who waits three, and one second is for one who waits a third of one.
async fn slow_and_late(url: &str) {
    let mut w = watch(url, "timeout = \"3 s\"", &[holding(2000, "uint16")]);
    w.until(|i| good(i, 0, 42.0)).await;
    assert_eq!(w.handle.status.lock().unwrap().connects, 1);
    let mut w = watch(url, "timeout = \"300 ms\"", &[holding(7, "uint16"), holding(2001, "uint16")]);
    w.until(|i| saw(i, 0, 22.0) && bad(i, 1, Reason::NoCommunication)).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    w.until(|i| i.readings.len() > 8).await;
    assert!(w.trouble().is_empty() || w.trouble().contains("no answer within 300ms"), "{}", w.trouble());
    let foreign = |r: &&headroom_site::Reading| {
        r.quality.is_good() && (r.point.index() == 1 || (r.value - 22.0).abs() > 1e-9)
    };
    assert_eq!(w.inbox.readings.iter().find(foreign), None);
    assert!(w.handle.status.lock().unwrap().connects >= 2);
}

/// Register 100 is answered wrongly: it is never good, its trouble has a name, and register 5 is read on.
async fn spoiled(url: &str, name: &str, keep: f64) {
    let mut w = watch(url, "timeout = \"300 ms\"", &[holding(5, "uint16"), holding(100, "uint16")]);
    w.until(|i| saw(i, 0, keep) && bad(i, 1, Reason::NoCommunication)).await;
    let goods = |w: &Watch| w.inbox.readings.iter().filter(|r| r.quality == Quality::Good).count();
    let before = goods(&w);
    let (mut named, mut more) = (w.trouble(), 15);
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        w.context.mailbox.drain(&mut w.inbox);
        if w.trouble().contains(name) {
            named = w.trouble();
        }
        more -= i32::from(named.contains(name) && goods(&w) > before);
        if more == 0 {
            break;
        }
    }
    assert!(named.contains(name), "`{named}` does not say `{name}`");
    assert!(goods(&w) > before, "register 5 is not read any more");
    assert!(w.inbox.readings.iter().all(|r| r.point.index() == 0 || !r.quality.is_good()), "{name}");
    assert!(last(&w.inbox, 1).is_some());
}

#[tokio::test]
async fn pymodbus_gives_125_registers_at_once() {
    let Some(peer) = Peer::pymodbus(&["tcp"]) else { return };
    the_most_in_one_request(&format!("tcp://127.0.0.1:{}", peer.port), "").await;
}

#[tokio::test]
async fn libmodbus_gives_125_registers_at_once() {
    let Some(peer) = Peer::libmodbus() else { return };
    the_most_in_one_request(&format!("tcp://127.0.0.1:{}", peer.port), "").await;
}

#[tokio::test]
async fn pymodbus_over_rtu_in_tcp() {
    let Some(peer) = Peer::pymodbus(&["rtu"]) else { return };
    the_most_in_one_request(&format!("rtu+tcp://127.0.0.1:{}", peer.port), "").await;
}

#[tokio::test]
async fn pymodbus_sends_every_exception() {
    let Some(peer) = Peer::pymodbus(&["tcp"]) else { return };
    every_exception(peer.port).await;
}

#[tokio::test]
async fn libmodbus_sends_every_exception() {
    let Some(peer) = Peer::libmodbus() else { return };
    every_exception(peer.port).await;
}

#[tokio::test]
async fn pymodbus_writes_words_in_four_orders() {
    let Some(peer) = Peer::pymodbus(&["tcp"]) else { return };
    word_orders(peer.port).await;
}

#[tokio::test]
async fn libmodbus_writes_words_in_four_orders() {
    let Some(peer) = Peer::libmodbus() else { return };
    word_orders(peer.port).await;
}

#[tokio::test]
async fn pymodbus_is_slow_and_late() {
    let Some(peer) = Peer::pymodbus(&["tcp"]) else { return };
    slow_and_late(&format!("tcp://127.0.0.1:{}", peer.port)).await;
}

#[tokio::test]
async fn pymodbus_is_slow_and_late_over_rtu() {
    let Some(peer) = Peer::pymodbus(&["rtu"]) else { return };
    slow_and_late(&format!("rtu+tcp://127.0.0.1:{}", peer.port)).await;
}

#[tokio::test]
async fn libmodbus_is_slow_and_late() {
    let Some(peer) = Peer::libmodbus() else { return };
    slow_and_late(&format!("tcp://127.0.0.1:{}", peer.port)).await;
}

#[tokio::test]
async fn pymodbus_answers_as_another_unit() {
    for (kind, scheme) in [("tcp", "tcp"), ("rtu", "rtu+tcp")] {
        let Some(peer) = Peer::pymodbus(&[kind, "unit"]) else { return };
        spoiled(&format!("{scheme}://127.0.0.1:{}", peer.port), "an answer of unit 14, not 1", 16.0).await;
    }
}

#[tokio::test]
async fn pymodbus_answers_by_half_and_falls_silent() {
    for (kind, scheme) in [("tcp", "tcp"), ("rtu", "rtu+tcp")] {
        let Some(peer) = Peer::pymodbus(&[kind, "half"]) else { return };
        spoiled(&format!("{scheme}://127.0.0.1:{}", peer.port), "no answer within 300ms", 16.0).await;
    }
}

#[tokio::test]
async fn half_an_answer_and_the_end_of_the_connection() {
    for (kind, scheme, name) in
        [("tcp", "tcp", "closed after 5 bytes"), ("rtu", "rtu+tcp", "closed after 3 bytes")]
    {
        let Some(peer) = Peer::raw(&[kind, "close"]) else { return };
        spoiled(&format!("{scheme}://127.0.0.1:{}", peer.port), name, 7.0).await;
    }
}

#[tokio::test]
async fn noise_before_an_answer() {
    for (kind, scheme, name) in [("tcp", "tcp", "not Modbus TCP"), ("rtu", "rtu+tcp", "an answer of unit 0")]
    {
        let Some(peer) = Peer::raw(&[kind, "noise"]) else { return };
        spoiled(&format!("{scheme}://127.0.0.1:{}", peer.port), name, 7.0).await;
    }
}

#[tokio::test]
async fn a_gateway_that_echoes_requests() {
    let Some(peer) = Peer::raw(&["rtu", "echo"]) else { return };
    spoiled(&format!("rtu+tcp://127.0.0.1:{}", peer.port), "another length", 7.0).await;
}

#[tokio::test]
async fn an_answer_that_comes_twice() {
    for (kind, scheme) in [("tcp", "tcp"), ("rtu", "rtu+tcp")] {
        let Some(peer) = Peer::raw(&[kind, "twice"]) else { return };
        spoiled(&format!("{scheme}://127.0.0.1:{}", peer.port), "bytes that nobody asked for", 7.0).await;
    }
}

/// Enable (a coil, FC5), timer and setpoint: written, read back, and given back.
async fn a_command(url: &str, write: &str, setpoint: &str) {
    let register = |name: &str, rest: String| format!("[[modbus.register]]\nname = \"{name}\"\n{rest}\n");
    let text = [
        format!("[[modbus]]\nid = \"d\"\nurl = \"{url}\"\npoll = \"50 ms\"\nwrite = \"{write}\"\n"),
        register("enable", "space = \"coil\"\naddress = 5".to_owned()),
        register("timer", holding(50, "uint16")),
        register("setpoint", holding(60, setpoint) + "\nscale = 0.5\nunit = \"degF\""),
        "[modbus.remote]\nenable = \"enable\"\ntimer = \"timer\"\nhold = \"90 s\"\n".to_owned(),
        "[[equipment]]\nid = \"CH\"\nkind = \"chiller\"\n".to_owned(),
        ["enable", "timer", "setpoint"]
            .map(|r| {
                let unit = if r == "setpoint" { "degC" } else { "count" };
                format!("[[point]]\nid = \"{r}\"\nof = \"CH\"\nunit = \"{unit}\"\nfrom = {{ modbus = \"d\", register = \"{r}\" }}\n")
            })
            .concat(),
        "[[actuator]]\nid = \"t\"\nof = \"CH\"\nunit = \"degC\"\nrange = [\"10 degC\", \"30 degC\"]\nramp = \"1 K/5min\"\nfallback = \"15 degC\"\nto = { modbus = \"d\", register = \"setpoint\" }\n".to_owned(),
    ]
    .concat();
    let context = context(Span::from_ms(300));
    let handle = start(&site(&text), 0, context.clone(), true);
    let mut w = Watch { inbox: Inbox::default(), context, handle };
    let receipt = |value, sequence| {
        let order = SetpointCommand {
            actuator: ActuatorId(0),
            value,
            epoch: 1,
            sequence,
            stamp: Stamp::default(),
            ttl_ms: 60_000,
            reason: String::new(),
        };
        Order::Set(order, w.context.clock.mono_ns())
    };
    w.handle.orders.send(receipt(Some(20.0), 1)).await.unwrap();
    until(&w.context, &mut w.inbox, |i| good(i, 0, 1.0) && good(i, 1, 90.0) && good(i, 2, 20.0)).await;
    w.handle.orders.send(receipt(None, 2)).await.unwrap();
    until(&w.context, &mut w.inbox, |i| good(i, 0, 0.0)).await;
    let outcomes: Vec<_> = w.inbox.receipts.iter().map(|r| r.outcome.clone()).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied], "{url} {write}");
}

#[tokio::test]
async fn pymodbus_is_commanded() {
    for (kind, scheme) in [("tcp", "tcp"), ("rtu", "rtu+tcp")] {
        let Some(peer) = Peer::pymodbus(&[kind]) else { return };
        let url = format!("{scheme}://127.0.0.1:{}", peer.port);
        a_command(&url, "single", "int16").await;
        a_command(&url, "multiple", "float32").await;
    }
}

#[tokio::test]
async fn libmodbus_is_commanded() {
    let Some(peer) = Peer::libmodbus() else { return };
    let url = format!("tcp://127.0.0.1:{}", peer.port);
    a_command(&url, "single", "int16").await;
    a_command(&url, "multiple", "float32").await;
}

#[tokio::test]
async fn pymodbus_over_tls_with_certificates_on_both_sides() {
    let (Some(good), Some(other)) = (Authority::new("modbus"), Authority::new("modbus-other")) else {
        return;
    };
    let [certificate, key] = good.signs("plant", "DNS:plant").unwrap();
    let (ca, other) = (good.ca(), other.ca());
    let Some(peer) = Peer::pymodbus(&["tls", "none", &ca, &certificate, &key]) else { return };
    let url = format!("tls://127.0.0.1:{}", peer.port);
    let tls = |ca: &str, own: &str, name: &str| {
        format!("timeout = \"2 s\"\ntls = {{ ca = \"{ca}\", server-name = \"{name}\"{own} }}")
    };
    let own = format!(", certificate = \"{certificate}\", key = \"{key}\"");
    the_most_in_one_request(&url, &tls(&ca, &own, "plant")).await;
    // Another authority, another name, no certificate of ours: no value, and a trouble that says so. Why it does not like
    // us, a TLS 1.3 server says only after the handshake, if at all.
    for (keys, why) in [
        (tls(&other, &own, "plant"), "certificate"),
        (tls(&ca, &own, "pump"), "certificate"),
        (tls(&ca, "", "plant"), ""),
    ] {
        let mut w = watch(&url, &keys, &[holding(5, "uint16")]);
        w.until(|i| bad(i, 0, Reason::NoCommunication)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        w.context.mailbox.drain(&mut w.inbox);
        assert!(w.inbox.readings.iter().all(|r| !r.quality.is_good()), "{keys}");
        let trouble = w.trouble().to_lowercase();
        assert!(!trouble.is_empty() && trouble.contains(why), "{keys}: {trouble}");
    }
}
