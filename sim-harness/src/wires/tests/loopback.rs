//! The whole desk over the embedded wires: an integration, a Modbus client, a page.

use super::*;
use crate::desk::testing::{CHILLER_REQUEST, REQUEST, SENSOR};
use crate::wires::{JobKind, JobStats};
use rumqttc::PublishOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_modbus::ExceptionCode;
use tokio_modbus::client::{Context, Reader, Writer, tcp};
use tokio_modbus::slave::Slave;

const BEAT: &str = "BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/MEPAI/heartbeat";
const ASK: &str = "BMS/v1/MEPAI/Value/CDU/LiquidTemperatureSpRequest/site/CDU-01/temperature/request";
const SUPPLY: &str = "BMS/v1/PUB/Value/CDU/LiquidTemperature/site/CDU-01/secondary/supply/temperature";

async fn say(peer: &Peer, topic: &str, value: f64, at_ms: i64) {
    let payload = format!("{{\"value\":{value},\"timestamp\":{at_ms},\"quality\":1}}");
    // QoS 1 so that a PUBACK says the broker has it.
    peer.client.publish(topic, payload, PublishOptions::at_least_once()).await.unwrap();
}

async fn acknowledged(peer: &mut Peer, times: usize) {
    for _ in 0..times {
        peer.wait_for(|p| matches!(p, Incoming::PubAck(_))).await;
    }
}

fn request(wires: &Wires) -> Option<f64> {
    wires.plate().with(|shared| shared.image.requests[REQUEST])
}

async fn client(wires: &Wires) -> Context {
    let (_, unit, address) = wires.addresses().modbus[0];
    tcp::connect_slave(address, Slave(unit)).await.unwrap()
}

#[tokio::test]
async fn an_integration_is_heard_while_it_lives() {
    let mut wires = wires(&WiresConfig::default());
    let address = wires.addresses().broker.unwrap();
    wires.tick(T0);
    let mut peer = Peer::connect(address, "mepai", None).await;
    peer.subscribe("BMS/v1/PUB/#", QoS::AtMostOnce).await;
    let metadata = peer.all().await;
    assert_eq!(metadata.len(), testing::image().points.len() + 4);
    assert!(metadata.iter().all(|p| p.retain), "values are not retained");

    wires.plate().with(|shared| shared.image.values[SENSOR] = 31.7);
    say(&peer, BEAT, T0 as f64, T0).await;
    say(&peer, ASK, 30.5, T0).await;
    acknowledged(&mut peer, 2).await;
    wires.tick(T0 + 1000);
    assert_eq!(request(&wires), Some(30.5));
    let heard = peer.all().await;
    assert!(heard.iter().any(|p| topic(p) == SUPPLY && p.payload.starts_with(b"{\"value\":31.7,")));
    assert!(heard.iter().any(|p| topic(p).contains("HeartbeatEchoBms")));

    wires.dsx_mut().set_local(REQUEST, true);
    wires.tick(T0 + 2000);
    assert_eq!(request(&wires), None, "the operator wins");
    wires.dsx_mut().set_local(REQUEST, false);
    say(&peer, ASK, 30.0, T0 + 3000).await;
    acknowledged(&mut peer, 1).await;
    wires.tick(T0 + 3000);
    assert_eq!(request(&wires), Some(30.0));
    wires.tick(T0 + 30_000);
    assert_eq!(request(&wires), Some(30.0), "29 s after the heartbeat");
    wires.tick(T0 + 31_000);
    assert_eq!(request(&wires), None, "30 s after the heartbeat");
    wires.stop();
}

#[tokio::test]
async fn a_cut_bus_drops_everybody_and_says_everything_when_it_is_back() {
    let mut wires = wires(&WiresConfig::default());
    let address = wires.addresses().broker.unwrap();
    wires.tick(T0);
    let mut peer = Peer::connect(address, "mepai", None).await;
    say(&peer, BEAT, T0 as f64, T0).await;
    say(&peer, ASK, 30.5, T0).await;
    acknowledged(&mut peer, 2).await;
    wires.tick(T0 + 1000);
    assert_eq!(request(&wires), Some(30.5));

    wires.set_bus_cut(true);
    wires.tick(T0 + 2000);
    while peer.packets.recv().await.is_some() {}
    assert_eq!(wires.broker_stats().unwrap().clients, 1, "the BMS alone is left");
    let received = wires.broker_stats().unwrap().received;
    wires.tick(T0 + 3000);
    assert_eq!(wires.broker_stats().unwrap().received, received, "nothing is passed on");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x05\0\x01x").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 3], "server unavailable");
    wires.tick(T0 + 40_000);
    assert_eq!(request(&wires), None, "the heartbeat is silent");

    wires.set_bus_cut(false);
    let mut peer = Peer::connect(address, "mepai", None).await;
    peer.subscribe("BMS/v1/PUB/Value/#", QoS::AtMostOnce).await;
    wires.tick(T0 + 41_000);
    let heard = peer.all().await;
    assert!(heard.iter().any(|p| topic(p) == SUPPLY), "values are said again");
    wires.stop();
}

#[tokio::test]
async fn whoever_only_listens_writes_nothing() {
    let mut wires = wires(&WiresConfig::default());
    let mut peer = Peer::connect(wires.addresses().broker.unwrap(), "advisory", None).await;
    peer.subscribe("BMS/v1/#", QoS::AtMostOnce).await;
    for second in 0..30 {
        wires.tick(T0 + second * 1000);
    }
    say(&peer, BEAT, T0 as f64, T0 + 30_000).await;
    acknowledged(&mut peer, 1).await;
    wires.tick(T0 + 30_000);
    assert_eq!(wires.dsx().counts().heartbeats, 1);
    assert_eq!(wires.dsx().counts().writes(), 0);
    wires.plate().with(|shared| assert_eq!(shared.banks[0].counts().writes, 0));
}

#[tokio::test]
async fn modbus_shows_and_takes_the_same_points() {
    let mut wires = wires(&WiresConfig::default());
    wires.plate().with(|shared| shared.image.values[SENSOR] = 31.7);
    wires.tick(T0);
    let mut device = client(&wires).await;
    let words = device.read_input_registers(10, 7).await.unwrap().unwrap();
    assert_eq!(words[0], 317);
    assert_eq!(words[3..5], [(31.7f32.to_bits() >> 16) as u16, 31.7f32.to_bits() as u16]);
    let gap = device.read_input_registers(11, 1).await.unwrap();
    assert_eq!(gap, Err(ExceptionCode::IllegalDataAddress));
    assert_eq!(device.write_single_register(105, 1).await.unwrap(), Err(ExceptionCode::IllegalDataAddress));

    device.write_multiple_registers(100, &[1, 1]).await.unwrap().unwrap();
    device.write_multiple_registers(103, &[3, 300]).await.unwrap().unwrap();
    wires.tick(T0 + 1000);
    assert_eq!(request(&wires), Some(30.0));
    device.masked_write_register(104, 0xFFF0, 0x0000).await.unwrap().unwrap();
    let both = device.read_write_multiple_registers(100, 2, 101, &[2]).await.unwrap().unwrap();
    assert_eq!(both, [1, 2]);
    wires.tick(T0 + 2000);
    assert_eq!(request(&wires), Some(28.8), "300 & 0xFFF0 = 288");
    wires.tick(T0 + 3000);
    assert_eq!(request(&wires), None, "the timer stands at 0");

    device.write_multiple_registers(103, &[60]).await.unwrap().unwrap();
    device.write_multiple_registers(106, &[0x41A0, 0]).await.unwrap().unwrap();
    wires.tick(T0 + 4000);
    wires.plate().with(|shared| assert_eq!(shared.image.requests[CHILLER_REQUEST], Some(20.0)));
    wires.tick(T0 + 13_000);
    wires.plate().with(|shared| assert_eq!(shared.image.requests[CHILLER_REQUEST], None, "heartbeat"));
}

#[tokio::test]
async fn other_units_do_not_answer_for_the_device() {
    let wires = wires(&WiresConfig::default());
    let (id, _, address) = wires.addresses().modbus[0].clone();
    assert_eq!(id, "cdu-1");
    let mut other = tcp::connect_slave(address, Slave(9)).await.unwrap();
    assert_eq!(other.read_input_registers(10, 1).await.unwrap(), Err(ExceptionCode::GatewayTargetDevice));
    let mut direct = tcp::connect_slave(address, Slave(255)).await.unwrap();
    assert!(direct.read_input_registers(10, 1).await.unwrap().is_ok());
    assert!(direct.read_discrete_inputs(1, 1).await.unwrap().is_ok());
    assert_eq!(direct.read_coils(1, 1).await.unwrap(), Err(ExceptionCode::IllegalDataAddress));
}

const PYMODBUS: &str = r#"
import struct, sys
from pymodbus.client import ModbusTcpClient
c = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
assert c.connect()
r = c.read_input_registers(10, count=7, device_id=1).registers
abcd, = struct.unpack(">f", struct.pack(">HH", r[3], r[4]))
cdab, = struct.unpack(">f", struct.pack(">HH", r[6], r[5]))
assert c.read_input_registers(11, count=1, device_id=1).exception_code == 2
assert c.write_register(105, 1, device_id=1).exception_code == 2
assert not c.write_registers(100, [1, 1], device_id=1).isError()
assert not c.write_registers(103, [60, 300], device_id=1).isError()
print(r[0] / 10, round(abcd, 3), round(cdab, 3), c.read_holding_registers(100, count=6, device_id=1).registers)
c.close()
"#;

#[tokio::test]
async fn pymodbus_agrees() {
    if !python_has("pymodbus.client") {
        println!("skipped: no pymodbus");
        return;
    }
    let mut wires = wires(&WiresConfig::default());
    wires.plate().with(|shared| shared.image.values[SENSOR] = 31.7);
    wires.tick(T0);
    let port = wires.addresses().modbus[0].2.port().to_string();
    let printed = timeout(SOON, python(PYMODBUS, vec![port])).await.unwrap().unwrap();
    // Registers 100..: remote, heartbeat, its echo, timer, setpoint, applied (21.0 in the sample).
    assert_eq!(printed.trim(), "31.7 31.7 31.7 [1, 1, 1, 60, 300, 210]");
    wires.tick(T0 + 1000);
    assert_eq!(request(&wires), Some(30.0));
}

#[tokio::test]
async fn the_page_is_served_and_everything_stops() {
    let wires = wires(&WiresConfig::default());
    let job = JobStats { job: "train-1".into(), kind: JobKind::Training, ..JobStats::default() };
    wires.plate().with(|shared| shared.jobs.push(job));
    let address = wires.addresses().metrics;
    let mut page = TcpStream::connect(address).await.unwrap();
    page.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    timeout(SOON, page.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(text.contains("vllm:generation_tokens_total{engine=\"training\",job=\"train-1\","), "{text}");
    let (broker, modbus) = (wires.addresses().broker.unwrap(), wires.addresses().modbus[0].2);
    wires.stop();
    for address in [address, broker, modbus] {
        assert!(TcpStream::connect(address).await.is_err(), "{address} still listens");
    }
}
