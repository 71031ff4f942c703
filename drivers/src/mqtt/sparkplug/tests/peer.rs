//! Against an edge node made of pysparkplug, through mosquitto, over real sockets.

use crate::context::{Context, Order};
use crate::mqtt::bus::{BusStatus, Handle, start};
use crate::mqtt::client::{Delivery, Event, MqttClient};
use crate::testing::python::Script;
use crate::testing::{Broker, Mosquitto, context, free_port, site};
use headroom_site::command::SetpointCommand;
use headroom_site::{ActuatorId, Inbox, Outcome, Quality, Reading, Reason, Site, Span, Stamp};
use serde_json::Value;
use std::time::Duration;

const SITE: &str = r#"
[[mqtt]]
id = "s"
url = "BROKER"
dialect = "sparkplug"
group = "g"
reorder = "300 ms"
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "flow"
of = "CDU-01"
unit = "L/min"
from = { mqtt = "s", edge = "e", device = "d", metric = "Flow" }
[[point]]
id = "sp"
of = "CDU-01"
unit = "degC"
from = { mqtt = "s", edge = "e", device = "d", metric = "SP" }
[[point]]
id = "count"
of = "site"
unit = "count"
from = { mqtt = "s", edge = "e", device = "d", metric = "Count" }
[[point]]
id = "run"
of = "site"
unit = "state"
from = { mqtt = "s", edge = "e", device = "d", metric = "Run" }
[[point]]
id = "cpu"
of = "site"
unit = "%"
from = { mqtt = "s", edge = "e", metric = "CPU" }
[[actuator]]
id = "supply"
of = "CDU-01"
unit = "degC"
range = ["18 degC", "45 degC"]
ramp = "1 K/5min"
fallback = "25 degC"
readback = "sp"
to = { mqtt = "s", edge = "e", device = "d", metric = "SP" }
"#;

/// Us on a broker.
struct Us {
    handle: Handle,
    context: Context,
    inbox: Inbox,
    /// Readings that earlier waits took.
    seen: usize,
}

impl Us {
    fn start(url: &str, may_write: bool) -> Self {
        Self::at(&site(&SITE.replace("BROKER", url)), may_write)
    }

    fn at(site: &Site, may_write: bool) -> Self {
        let context = context(Span::from_s(60.0));
        context.beat.now(&context.clock);
        let handle = start(site, &[0], "headroom-test", context.clone(), may_write).unwrap();
        Self { handle, context, inbox: Inbox::default(), seen: 0 }
    }

    fn status(&self) -> BusStatus {
        self.handle.status.lock().unwrap().clone()
    }

    /// Waits, at most 15 s, until the status satisfies a condition.
    async fn until(&self, what: &str, done: impl Fn(&BusStatus) -> bool) {
        for _ in 0..1500 {
            if done(&self.status()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:#?}", self.status());
    }

    /// Waits, at most 15 s, for a reading that was not seen before.
    async fn reads(&mut self, what: &str, is_it: impl Fn(&Reading) -> bool) -> Reading {
        for _ in 0..3000 {
            self.context.mailbox.drain(&mut self.inbox);
            let new = self.inbox.readings.iter().skip(self.seen).position(&is_it);
            if let Some(at) = new {
                self.seen += at + 1;
                return self.inbox.readings[self.seen - 1];
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{what}: {:#?}\n{:#?}", self.inbox.readings, self.status());
    }

    async fn command(&mut self, value: Option<f64>) -> Outcome {
        let (actuator, stamp, reason) = (ActuatorId(0), Stamp::default(), String::new());
        let c = SetpointCommand { actuator, value, epoch: 1, sequence: 1, stamp, ttl_ms: 60_000, reason };
        self.handle.orders.send(Order::Set(c, self.context.clock.mono_ns())).await.unwrap();
        for _ in 0..2000 {
            self.context.mailbox.drain(&mut self.inbox);
            if let Some(receipt) = self.inbox.receipts.pop() {
                return receipt.outcome;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no receipt");
    }

    async fn close(self) {
        self.handle.orders.send(Order::Close).await.unwrap();
        self.handle.task.await.unwrap();
    }
}

fn counts(s: &BusStatus) -> super::Counts {
    s.sparkplug[0].counts
}

fn edge(broker: &Broker, mode: &str) -> Option<Script> {
    let port = broker.port.to_string();
    Script::start("sparkplug_edge.py", "pysparkplug", &["127.0.0.1", &port, "g", "e", "headroom", mode])
}

fn good(point: usize, value: f64) -> impl Fn(&Reading) -> bool {
    move |r| r.point.index() == point && r.quality.is_good() && (r.value - value).abs() < 1e-6
}

fn of(point: usize, quality: Quality) -> impl Fn(&Reading) -> bool {
    move |r| r.point.index() == point && r.quality == quality
}

const GONE: Quality = Quality::Bad(Reason::NoCommunication);

fn is_connected(v: &Value) -> bool {
    v["connected"] == true
}

#[tokio::test]
async fn birth_before_data_then_a_device_and_the_edge_node_leave() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let mut us = Us::start(&broker.url(), false);
    us.until("up", |s| s.up).await;
    let Some(mut edge) = edge(&broker, "node") else { return };
    us.reads("cpu", good(4, 0.125)).await;
    us.reads("flow of the birth", good(0, 50.0)).await;
    us.seen = 0;
    us.reads("a negative count", good(2, -3.0)).await;
    us.reads("a boolean", good(3, 1.0)).await;
    edge.say("data Flow 48.5");
    us.reads("flow", good(0, 48.5)).await;
    edge.say("leave");
    us.reads("the device leaves", of(0, GONE)).await;
    us.until("its edge node stays", |s| counts(s).deaths == 1 && s.sparkplug[0].alive == (1, 1)).await;
    // This peer counts bdSeq on before it says goodbye: the death is ahead of its birth, and is one.
    edge.say("bye");
    us.reads("the edge node leaves", of(4, GONE)).await;
    assert_eq!((us.status().writes(), counts(&us.status()).malformed), (0, 0));
}

#[tokio::test]
async fn data_before_birth_is_answered_by_a_rebirth() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    // The edge node was born before we came; in advisory too we ask for what we missed.
    edge.say("birth");
    edge.hears("born", |v| v["born"] == true).await;
    let mut us = Us::start(&broker.url(), false);
    us.until("up", |s| s.up).await;
    let is_request = |v: &Value| v["ncmd"][0] == "Node Control/Rebirth";
    // What it says before our subscription stands is lost.
    for _ in 0..20 {
        edge.say("data Flow 47");
        tokio::time::sleep(Duration::from_millis(250)).await;
        if edge.count(is_request) > 0 {
            break;
        }
    }
    let ncmd = edge.hears("a rebirth request", is_request).await;
    assert_eq!((ncmd["qos"].as_u64(), ncmd["retained"].as_u64()), (Some(0), Some(0)));
    us.reads("flow", good(0, 47.0)).await;
    assert!(counts(&us.status()).early >= 1 && us.status().writes() == 0);
}

#[tokio::test]
async fn no_rebirth_is_asked_for_where_the_site_says_so() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let text =
        SITE.replace("BROKER", &broker.url()).replace("group = \"g\"", "group = \"g\"\nrebirth = false");
    let mut us = Us::at(&site(&text), true);
    us.until("up", |s| s.up).await;
    edge.say("data Flow 47");
    us.until("early data", |s| counts(s).early == 1).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(edge.count(|v| v["ncmd"].is_array()), 0);
    edge.say("birth");
    us.reads("flow", good(0, 47.0)).await;
}

#[tokio::test]
async fn a_gap_is_healed_by_a_rebirth() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let mut us = Us::start(&broker.url(), false);
    us.until("up", |s| s.up).await;
    edge.say("birth");
    us.reads("flow", good(0, 50.0)).await;
    edge.say("lose");
    edge.say("data Flow 46");
    us.reads("doubt", of(1, Quality::Uncertain(Reason::NoCommunication))).await;
    edge.hears("a rebirth request", |v| v["ncmd"][0] == "Node Control/Rebirth").await;
    us.reads("the setpoint is said again", good(1, 30.0 + 0.0)).await;
    us.until("one gap", |s| counts(s).gaps == 1 && counts(s).births == 2).await;
}

#[tokio::test]
async fn doubled_exchanged_old_and_null_messages() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let mut us = Us::start(&broker.url(), false);
    us.until("up", |s| s.up).await;
    edge.say("birth");
    us.reads("flow", good(0, 50.0)).await;
    edge.say("twice Flow 41");
    edge.say("swap Flow 42 43");
    edge.say("old Flow 10 1700000000000");
    edge.say("null Flow");
    for x in [41.0, 42.0, 43.0] {
        us.reads("in order", good(0, x)).await;
    }
    let old = us.reads("historical", good(0, 10.0)).await;
    assert_eq!(old.stamp.unix_ms(), 1_700_000_000_000);
    us.reads("null", of(0, Quality::Bad(Reason::NotANumber))).await;
    us.until("one doubled", |s| counts(s).repeated == 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let c = counts(&us.status());
    assert_eq!((c.gaps, c.rebirths, c.malformed), (0, 0, 0));
}

#[tokio::test]
async fn a_killed_edge_node_takes_its_points_with_it() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut first) = edge(&broker, "parts") else { return };
    first.hears("connected", is_connected).await;
    let mut us = Us::start(&broker.url(), true);
    us.until("up", |s| s.up).await;
    first.say("birth");
    us.reads("flow", good(0, 50.0)).await;
    first.kill();
    us.reads("dead", of(0, GONE)).await;
    us.until("dead", |s| s.sparkplug[0].alive == (0, 1)).await;
    assert!(matches!(us.command(Some(30.0)).await, Outcome::Failed(_)));
    let Some(mut second) = edge(&broker, "parts") else { return };
    second.hears("connected", is_connected).await;
    second.say("birth");
    us.reads("flow again", good(0, 50.0)).await;
}

#[tokio::test]
async fn a_setpoint_goes_out_by_alias_and_comes_back_as_data() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(mut edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let mut us = Us::start(&broker.url(), true);
    us.until("up", |s| s.up).await;
    edge.say("birth");
    us.reads("born", good(1, 30.0)).await;
    assert_eq!(us.command(Some(31.5)).await, Outcome::Sent);
    let said = edge.hears("the command", |v| v["dcmd"] == "SP" && v["value"] == 31.5).await;
    assert_eq!((said["by_alias"].as_bool(), said["datatype"].as_u64()), (Some(true), Some(9)));
    us.reads("read back", good(1, 31.5)).await;
    us.close().await;
    edge.hears("the fallback", |v| v["dcmd"] == "SP" && v["value"] == 25.0).await;
    edge.hears("our goodbye", |v| v["state"] == false).await;
}

#[tokio::test]
async fn the_edge_node_sees_its_host_come_and_go() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let us = Us::start(&broker.url(), false);
    let birth = edge.hears("online", |v| v["state"] == true).await;
    us.until("up", |s| s.up).await;
    // Without a goodbye the broker says our will: with the birth's own time.
    us.handle.task.abort();
    let will = edge.hears("offline", |v| v["state"] == false).await;
    assert_eq!(will["timestamp"], birth["timestamp"]);
    assert!(will["timestamp"].as_i64().is_some_and(|ms| ms > 1_700_000_000_000));
    // Both were kept for those who come later.
    let Some(late) = self::edge(&broker, "parts") else { return };
    late.hears("kept", |v| v["state"] == false && v["retained"] == 1).await;
}

/// Says a state under our name, from elsewhere.
async fn say_as_a_ghost(broker: &Broker, text: &str) {
    let (client, mut events) = MqttClient::start(&broker.url(), "ghost", None, vec![]).unwrap();
    while !matches!(events.recv().await.unwrap(), Event::Up) {}
    client.try_publish("spBv1.0/STATE/headroom", text.to_owned(), Delivery::Session).unwrap();
    client.close().await;
}

#[tokio::test]
async fn a_will_of_an_earlier_life_is_contradicted_and_another_host_is_named() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let Some(edge) = edge(&broker, "parts") else { return };
    edge.hears("connected", is_connected).await;
    let us = Us::start(&broker.url(), false);
    edge.hears("online", |v| v["state"] == true).await;
    say_as_a_ghost(&broker, r#"{"online":false,"timestamp":7}"#).await;
    edge.hears("the ghost", |v| v["state"] == false && v["timestamp"] == 7).await;
    for _ in 0..500 {
        if edge.count(|v| v["state"] == true && v["timestamp"] != 7) >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(edge.count(|v| v["state"] == true) >= 2, "our birth is said again");
    assert!(!us.status().other_host);
    say_as_a_ghost(&broker, r#"{"online":true,"timestamp":7}"#).await;
    us.until("another host is named", |s| s.other_host).await;
}

#[tokio::test]
async fn a_restart_of_the_broker_is_followed_by_births() {
    let Some(broker) = Mosquitto::start(free_port()) else { return };
    let port = broker.port;
    let mut us = Us::start(&broker.url(), false);
    us.until("up", |s| s.up).await;
    let Some(edge) = edge(&broker, "node") else { return };
    us.reads("flow", good(0, 50.0)).await;
    drop(broker);
    us.until("down", |s| !s.up && s.sparkplug[0].alive.0 == 0).await;
    let Some(_broker) = Mosquitto::start(port) else { return };
    us.until("up again", |s| s.up).await;
    // Born again by itself when its own connection is back.
    us.reads("flow again", good(0, 50.0)).await;
    assert!(us.status().counts.connects >= 2);
    edge.hears("our birth", |v| v["state"] == true).await;
}
