//! A whole site over real wires: a broker, a device, and the plant's side of the DSX bus played by the test.

use super::*;
use crate::mqtt::agents::{Leaf, topic};
use crate::mqtt::client::{Delivery, Event, MqttClient};
use crate::node_report::{AgentStatus, decode_command, encode_report, encode_status};
use crate::testing::modbus::serve;
use crate::testing::{Broker, Mosquitto, free_port, site};
use headroom_site::command::SetpointCommand;
use headroom_site::gpu::CapTarget;
use headroom_site::{ActuatorId, CapCommand, GpuSample, NodeReport, Offered, Reading, Stamp};
use tokio::sync::mpsc::Receiver;

const SITE: &str = r#"
[periods]
cooling = "200 ms"
power = "100 ms"
lease = "1 s"
[[place]]
id = "rack-01"
kind = "rack"
[[node]]
id = "n.1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-a"]
[[mqtt]]
id = "bms"
url = "BROKER"
integration = "HR"
heartbeat = "100 ms"
agents = true
[[mqtt]]
id = "weather"
url = "BROKER"
dialect = "json"
[[modbus]]
id = "plant"
url = "tcp://127.0.0.1:MODBUS"
poll = "50 ms"
[[modbus.register]]
name = "sp"
space = "holding"
address = 40
type = "int16"
scale = 0.1
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "supply"
of = "CDU-01"
type = "LiquidTemperature"
unit = "degC"
from = { mqtt = "bms" }
[[point]]
id = "outdoor"
of = "site"
unit = "degC"
from = { mqtt = "weather", topic = "weather/1", pointer = "/t" }
[[point]]
id = "sp"
of = "CDU-01"
unit = "degC"
from = { modbus = "plant", register = "sp" }
[[actuator]]
id = "request"
of = "CDU-01"
type = "LiquidTemperatureSpRequest"
unit = "degC"
range = ["18 degC", "45 degC"]
ramp = "1 K/5min"
fallback = "30 degC"
refresh = "100 ms"
to = { mqtt = "bms" }
[[actuator]]
id = "register"
of = "CDU-01"
unit = "degC"
range = ["18 degC", "45 degC"]
ramp = "1 K/5min"
fallback = "30 degC"
to = { modbus = "plant", register = "sp" }
"#;

fn text(broker: &str, modbus: u16) -> String {
    SITE.replace("BROKER", broker).replace("MODBUS", &modbus.to_string())
}

/// The BMS and an agent, as one client that hears everything.
struct Plant {
    client: MqttClient,
    events: Receiver<Event>,
    heard: Vec<(String, String, bool)>,
}

impl Plant {
    async fn start(url: &str) -> Self {
        let (client, mut events) = MqttClient::start(url, "plant", None, vec!["#".into()]).unwrap();
        while !matches!(events.recv().await.unwrap(), Event::Up) {}
        let plant = Self { client, events, heard: Vec::new() };
        plant.metadata("CDU/LiquidTemperature/a/t", "CDU-01", r#","engUnit":"C""#);
        plant.metadata(
            "CDU/LiquidTemperatureSpRequest/a/r",
            "CDU-01",
            r#","engUnit":"C","integration":"HR""#,
        );
        plant.metadata("System/HeartbeatTimestampIntegration/h/b", "HR", r#","integration":"HR""#);
        plant
    }

    fn metadata(&self, rest: &str, id: &str, more: &str) {
        let kind = rest.split('/').nth(1).unwrap();
        let text = format!(
            r#"{{"objectType":"x","pointType":"{kind}","objectName":"{id}","objectId":"{id}"{more}}}"#
        );
        self.client.try_publish(&format!("BMS/v1/PUB/Metadata/{rest}"), text, Delivery::State).unwrap();
    }

    fn say(&self, topic: &str, payload: impl Into<bytes::Bytes>) {
        self.client.try_publish(topic, payload, Delivery::Telemetry).unwrap();
    }

    fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Message(m) = event {
                let text = String::from_utf8_lossy(&m.payload).into_owned();
                self.heard.push((m.topic().to_owned(), text, m.retained));
            }
        }
    }

    fn heard(&mut self, part: &str) -> Vec<String> {
        self.listen();
        self.heard.iter().filter(|(t, ..)| t.contains(part)).map(|(_, p, _)| p.clone()).collect()
    }
}

struct World {
    _broker: Broker,
    plant: Plant,
    device: crate::testing::modbus::Shared,
    field: LiveField,
    inbox: Inbox,
}

async fn world(writes_allowed: bool) -> Option<World> {
    world_under(writes_allowed, Mandate::unbounded()).await
}

async fn world_under(writes_allowed: bool, mandate: Mandate) -> Option<World> {
    let broker = Mosquitto::start(free_port())?;
    let (port, device) = serve().await;
    let plant = Plant::start(&broker.url()).await;
    let site = site(&text(&broker.url(), port));
    let field =
        LiveField::start_under(&site, Clock::host(), FieldOptions { writes_allowed }, mandate).unwrap();
    let mut world = World { _broker: broker, plant, device, field, inbox: Inbox::default() };
    world.until(|w| w.field.status().mqtt[0].dsx[0].unbound.is_empty() && w.field.status().mqtt[0].up).await;
    Some(world)
}

impl World {
    async fn until(&mut self, done: impl Fn(&mut Self) -> bool) {
        for _ in 0..1000 {
            self.field.drain(&mut self.inbox);
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("did not come to pass: {:#?} {:#?}", self.inbox, self.field.status());
    }

    fn last(&self, point: usize) -> Option<Reading> {
        self.inbox.readings.iter().rev().find(|r| r.point.index() == point).copied()
    }

    fn setpoint(&mut self, actuator: u32, value: Option<f64>, sequence: u64) {
        let (actuator, stamp, reason) = (ActuatorId(actuator), Stamp::default(), String::new());
        let command = SetpointCommand { actuator, value, epoch: 1, sequence, stamp, ttl_ms: 60_000, reason };
        self.field.send(&Command::Setpoint(command));
    }

    fn caps(&mut self, node: &str, sequence: u64) {
        let gpus = [CapTarget { uuid: "GPU-a".into(), cap_w: Some(500.0), lock_mhz: None }].into();
        let (node, who, reason) = (node.into(), "c".into(), "".into());
        let command = CapCommand {
            node,
            who,
            epoch: 1,
            sequence,
            ttl_ms: 15_000,
            echo_boot: 7,
            echo_mono_ns: 9,
            sent_ns: 0,
            gpus,
            reason,
        };
        self.field.send(&Command::Caps(command));
    }

    fn outcome(&self, sequence: u64) -> Option<Outcome> {
        self.inbox.receipts.iter().find(|r| r.sequence == sequence).map(|r| r.outcome.clone())
    }
}

#[tokio::test]
async fn a_site_is_read() {
    let Some(mut w) = world(true).await else { return };
    w.device.lock().unwrap().words.insert((3, 40), 312);
    w.plant.say("weather/1", r#"{"t":18.25}"#);
    let now = Clock::host().now();
    w.plant.say(
        "BMS/v1/PUB/Value/CDU/LiquidTemperature/a/t",
        format!(r#"{{"value":30.5,"timestamp":{},"quality":1}}"#, now.unix_ms()),
    );
    let report = NodeReport {
        node: "n.1".into(),
        boot: 7,
        sequence: 1,
        mono_ns: 9,
        stamp: now,
        gpus: vec![(
            "GPU-a".into(),
            GpuSample { stamp: now, power_w: Offered::new(650.0), ..GpuSample::default() },
        )],
        receipt: None,
        answer: None,
        sent: None,
        arrival: None,
        stamp_uncertainty: None,
    };
    w.plant.say(&topic("test", "n.1", Leaf::Telemetry), encode_report(&report).unwrap());
    w.plant.say(
        &topic("test", "n.1", Leaf::Status),
        encode_status(&AgentStatus { online: true, boot: 7 }).unwrap(),
    );
    w.until(|w| (0..3).all(|p| w.last(p).is_some_and(|r| r.value > 1.0)) && !w.inbox.nodes.is_empty()).await;
    let values: Vec<_> = (0..3).map(|p| (w.last(p).unwrap().value * 100.0).round() as i64).collect();
    assert_eq!(values, [3050, 1825, 3120]);
    assert!(w.inbox.nodes[0].arrival.is_some());
    assert_eq!(NodeReport { arrival: None, ..w.inbox.nodes[0].clone() }, report);
    assert_eq!(w.field.status().mqtt.len(), 1, "one address, one connection");
    w.field.close().await;
}

#[tokio::test]
async fn a_site_is_commanded_and_let_go() {
    let Some(mut w) = world(true).await else { return };
    w.field.beat();
    w.setpoint(0, Some(31.0), 1);
    w.setpoint(1, Some(25.0), 2);
    w.caps("n.1", 3);
    w.caps("n.9", 4);
    w.until(|w| (1..=4).all(|s| w.outcome(s).is_some())).await;
    assert_eq!(
        (w.outcome(1), w.outcome(2), w.outcome(3)),
        (Some(Outcome::Sent), Some(Outcome::Applied), Some(Outcome::Sent))
    );
    assert!(matches!(w.outcome(4), Some(Outcome::Refused(_))));
    w.until(|w| {
        w.plant.heard("HeartbeatTimestampIntegration").len() > 1 && w.plant.heard("/command").len() == 1
    })
    .await;
    let caps = decode_command(w.plant.heard("/command")[0].as_bytes()).unwrap();
    assert_eq!((caps.gpus[0].cap_w, caps.echo_mono_ns), (Some(500.0), 9));
    assert!(
        w.plant
            .heard
            .iter()
            .filter(|(t, ..)| t.contains("/HR/") || t.ends_with("command"))
            .all(|(.., kept)| !kept)
    );
    w.until(|w| w.plant.heard("HR/Value/CDU").len() >= 3).await;

    // No beat for three cooling periods: silence on the bus.
    tokio::time::sleep(Duration::from_millis(800)).await;
    let said = (w.plant.heard("HR/Value/CDU").len(), w.plant.heard("HeartbeatTimestampIntegration").len());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        said,
        (w.plant.heard("HR/Value/CDU").len(), w.plant.heard("HeartbeatTimestampIntegration").len())
    );

    w.field.release();
    w.until(|w| w.plant.heard("HR/Value/CDU").last().is_some_and(|p| p.contains("null"))).await;
    w.until(|w| w.device.lock().unwrap().words[&(3, 40)] == 300).await;
    assert!(w.field.status().writes() >= 8);
    w.field.close().await;
}

#[tokio::test]
async fn advice_reads_everything_and_writes_nothing() {
    let Some(mut w) = world(false).await else { return };
    w.field.beat();
    w.setpoint(0, Some(31.0), 1);
    w.setpoint(1, Some(25.0), 2);
    w.caps("n.1", 3);
    w.until(|w| (1..=3).all(|s| w.outcome(s).is_some())).await;
    assert!((1..=3).all(|s| matches!(w.outcome(s), Some(Outcome::Refused(_)))));
    w.field.release();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(w.plant.heard("/HR/").is_empty() && w.plant.heard("/command").is_empty());
    assert!(w.device.lock().unwrap().writes.is_empty());
    let status = w.field.status();
    // Agents hear the time in every mode; nothing else goes out.
    let marks = w.plant.heard("/time").len() as u64;
    assert_eq!(status.writes(), 0);
    assert!((1..=marks + 1).contains(&status.mqtt[0].counts.published), "{marks} {status:#?}");
    assert!(status.unbound().is_empty() && status.down().is_empty(), "{status:#?}");
    w.field.close().await;
}

#[tokio::test]
async fn without_a_mandate_nothing_leaves_and_nothing_is_let_go() {
    let mandate = Mandate::none();
    let Some(mut w) = world_under(true, mandate.clone()).await else { return };
    let ask = |w: &mut World, from: u64| {
        w.field.beat();
        w.setpoint(0, Some(31.0), from);
        w.setpoint(1, Some(25.0), from + 1);
        w.caps("n.1", from + 2);
    };
    ask(&mut w, 1);
    w.until(|w| (1..=3).all(|s| w.outcome(s).is_some())).await;
    let why = |s, w: &World| match w.outcome(s) {
        Some(Outcome::Failed(why) | Outcome::Refused(why)) => why,
        other => panic!("{s}: {other:?}"),
    };
    assert!((1..=3).all(|s| why(s, &w).contains("does not lead")));
    assert!(w.plant.heard("/HR/").is_empty() && w.plant.heard("/command").is_empty());
    assert!(w.device.lock().unwrap().writes.is_empty());

    mandate.until(Mandate::now_ns() + 60_000_000_000);
    ask(&mut w, 11);
    w.until(|w| w.outcome(12) == Some(Outcome::Applied) && w.plant.heard("HR/Value/CDU").len() >= 2).await;
    w.until(|w| w.plant.heard("/command").len() == 1 && !w.plant.heard("HeartbeatTimestamp").is_empty())
        .await;

    // What is held when it ends is somebody else's: not said again, not relinquished, not even at the end.
    mandate.end();
    w.field.beat();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let said = |w: &mut World| (w.plant.heard("/HR/").len(), w.device.lock().unwrap().writes.len());
    let before = said(&mut w);
    w.field.release();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(said(&mut w), before);
    assert_eq!(w.device.lock().unwrap().words[&(3, 40)], 250);
    let World { field, mut plant, device, _broker, .. } = w;
    field.close().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let writes = device.lock().unwrap().writes.len();
    assert_eq!((plant.heard("/HR/").len(), writes), before);
    assert!(plant.heard("HR/Value/CDU").iter().all(|p| !p.contains("null")));
}
