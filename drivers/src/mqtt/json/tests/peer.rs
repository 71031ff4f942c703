//! Documents as mosquitto's own tools publish them, through mosquitto.

use crate::mqtt::start;
use crate::testing::{Broker, context, free_port, site, until};
use headroom_site::{Inbox, Quality, Reason, Span};
use std::process::Command;

const SITE: &str = r#"
[[mqtt]]
id = "plc"
url = "BROKER"
dialect = "json"
[[point]]
id = "first"
of = "site"
unit = "degC"
from = { mqtt = "plc", topic = "plc/1", pointer = "/loops/0/t", time = "/at", time-format = "iso8601" }
[[point]]
id = "second"
of = "site"
unit = "degC"
from = { mqtt = "plc", topic = "plc/1", pointer = "/loops/1/t", time = "/at", time-format = "iso8601" }
[[point]]
id = "runs"
of = "site"
unit = "state"
from = { mqtt = "plc", topic = "plc/1", pointer = "/run/pump~11" }
[[point]]
id = "missing"
of = "site"
unit = "kPa"
from = { mqtt = "plc", topic = "plc/1", pointer = "/loops/7/dp" }
[[point]]
id = "plain"
of = "site"
unit = "kW"
from = { mqtt = "plc", topic = "meter/1" }
[[point]]
id = "nanoseconds"
of = "site"
unit = "kW"
from = { mqtt = "plc", topic = "meter/2", pointer = "/p", time = "/ns", time-format = "ns" }
"#;

fn publish(broker: &Broker, topic: &str, document: &str) -> bool {
    let port = broker.port.to_string();
    let args = ["-h", "127.0.0.1", "-p", port.as_str(), "-q", "1", "-r", "-t", topic, "-m", document];
    Command::new("mosquitto_pub").args(args).status().is_ok_and(|s| s.success())
}

#[tokio::test]
async fn documents_of_strangers_are_read() {
    let Some(broker) = Broker::mosquitto(free_port()) else { return };
    let document =
        r#"{"at":"2026-01-02T03:04:05.5+01:00","loops":[{"t":"31.25"},{"t":30}],"run":{"pump/1":true}}"#;
    if !publish(&broker, "plc/1", document) {
        println!("skipped: mosquitto_pub is not installed");
        return;
    }
    assert!(publish(&broker, "meter/1", " 12.5\n"));
    assert!(publish(&broker, "meter/2", r#"{"p":1e1,"ns":1767319445500000000}"#));
    let context = context(Span::from_s(10.0));
    let site = site(&SITE.replace("BROKER", &broker.url()));
    let handle = start(&site, &[0], "headroom-json", context.clone(), false).unwrap();
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| i.readings.len() >= 6).await;
    let of = |point: usize| *inbox.readings.iter().find(|r| r.point.index() == point).unwrap();
    let got: Vec<_> = [0, 1, 2, 4, 5].map(|p| (of(p).value, of(p).quality)).into();
    let good = |x| (x, Quality::Good);
    assert_eq!(got, [good(31.25), good(30.0), good(1.0), good(12_500.0), good(10_000.0)]);
    assert_eq!(of(3).quality, Quality::Bad(Reason::NotSupported));
    for point in [0, 1, 5] {
        assert_eq!(of(point).stamp.unix_ms(), 1_767_319_445_500, "{point}");
    }
    handle.task.abort();
}
