//! What is bound, what is not; what is read, what is said; and a capture of a real pod.

use super::*;
use crate::testing::site;
use headroom_site::ActuatorId;
use headroom_site::Quality;

mod capture;

const SITE: &str = r#"
[[mqtt]]
id = "bms"
url = "mqtt://h"
integration = "MEPAI"
heartbeat = "10 s"
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "supply"
of = "CDU-01"
type = "LiquidTemperature"
area = ["Secondary", "Supply"]
unit = "degC"
range = ["0 degC", "90 degC"]
from = { mqtt = "bms" }
[[point]]
id = "in-force"
of = "CDU-01"
type = "LiquidTemperature"
area = ["Secondary", "Supply"]
unit = "degC"
from = { mqtt = "bms" }
[[point]]
id = "dp"
of = "CDU-01"
type = "LiquidDifferentialPressure"
area = ["Secondary"]
unit = "kPa"
from = { mqtt = "bms" }
[[point]]
id = "tagged"
of = "site"
unit = "kW"
from = { mqtt = "bms", tag = "x/y/z" }
[[actuator]]
id = "request"
of = "CDU-01"
type = "LiquidTemperatureSpRequest"
area = ["Secondary", "Supply"]
unit = "degC"
range = ["18 degC", "45 degC"]
ramp = "1 K/5min"
fallback = "30 degC"
refresh = "30 s"
readback = "in-force"
to = { mqtt = "bms" }
"#;

const S: u64 = 1_000_000_000;

struct Bench {
    dsx: Dsx,
    readings: Vec<Reading>,
    out: Vec<Outgoing>,
    now: Stamp,
}

impl Bench {
    fn new(may_write: bool) -> Self {
        let dsx = Dsx::new(&site(SITE), 0, may_write);
        Self { dsx, readings: Vec::new(), out: Vec::new(), now: Stamp::from_unix_ms(1_000_000) }
    }

    fn say(&mut self, topic: &str, payload: &str) {
        let taken = self.dsx.message(topic, payload.as_bytes(), self.now, &mut self.readings, &mut self.out);
        assert!(taken, "{topic}");
    }

    fn metadata(&mut self, rest: &str, more: &str) {
        let (object, rest_of) = rest.split_once('/').unwrap();
        let kind = rest_of.split('/').next().unwrap();
        let text = format!(r#"{{"objectType":"{object}","pointType":"{kind}",{more}}}"#);
        self.say(&format!("BMS/v1/PUB/Metadata/{rest}"), &text);
    }

    fn value(&mut self, rest: &str, value: f64) {
        let text = format!(r#"{{"value":{value},"timestamp":{},"quality":1}}"#, self.now.unix_ms());
        self.say(&format!("BMS/v1/PUB/Value/{rest}"), &text);
    }

    /// A CDU as the BMS describes it.
    fn cdu(&mut self) {
        let area =
            r#""objectId":"CDU-01","objectName":"CDU 1","engUnit":"C","processArea":["Secondary","Supply"]"#;
        self.metadata("CDU/LiquidTemperature/a/feedback", area);
        self.metadata("CDU/LiquidTemperature/a/inforce", &format!("{area},\"isSetpoint\":true"));
        self.metadata(
            "CDU/LiquidTemperatureSpRequest/a/request",
            &format!("{area},\"integration\":\"MEPAI\""),
        );
        self.metadata(
            "CDU/LiquidDifferentialPressure/a/dp",
            r#""objectId":"cdu-01","engUnit":"Pa","processArea":["Seccondary"]"#,
        );
        self.metadata(
            "CDU/LiquidDifferentialPressure/a/filter",
            r#""objectId":"CDU-01","engUnit":"kPa","processArea":["Secondary","Filter1"]"#,
        );
        self.metadata(
            "PowerMeter/ActivePower/x/y/z",
            r#""objectId":"M","objectName":"M","engUnit":"kW","servesId":[]"#,
        );
        self.metadata("System/HeartbeatTimestampBms/bms/hb", r#""objectId":"BMS","objectName":"BMS""#);
        self.metadata("System/HeartbeatEchoBms/m/hb", r#""objectId":"MEPAI","objectName":"MEPAI""#);
        self.metadata(
            "System/HeartbeatTimestampIntegration/m/hb",
            r#""objectId":"MEPAI","objectName":"M","integration":"MEPAI""#,
        );
        self.metadata(
            "System/HeartbeatEchoIntegration/bms/hb",
            r#""objectId":"BMS","objectName":"BMS","integration":"MEPAI""#,
        );
        self.dsx.settle(&mut self.readings);
    }

    fn command(&mut self, value: Option<f64>, mono_ns: u64) -> Outcome {
        let (actuator, reason) = (ActuatorId(0), String::new());
        let command = SetpointCommand {
            actuator,
            value,
            epoch: 1,
            sequence: 1,
            stamp: self.now,
            ttl_ms: 90_000,
            reason,
        };
        self.dsx.command(&command, mono_ns, (self.now, mono_ns), &mut self.out).outcome
    }

    fn tick(&mut self, mono_ns: u64, alive: bool) {
        self.dsx.tick(self.now, Tick { mono_ns, alive, leads: true }, &mut self.out);
    }

    /// What was published since the last look, heartbeats apart.
    fn requests(&mut self) -> Vec<(String, String)> {
        let out = std::mem::take(&mut self.out);
        out.into_iter()
            .filter(|m| !m.while_alive)
            .map(|m| (m.topic, String::from_utf8(m.payload).unwrap()))
            .collect()
    }
}

#[test]
fn sensors_setpoints_typos_units_and_tags_are_told_apart() {
    let mut b = Bench::new(false);
    assert_eq!(b.dsx.status().unbound.len(), 5);
    b.value("CDU/LiquidTemperature/a/feedback", 30.0);
    b.cdu();
    assert_eq!(b.dsx.status().unbound, Vec::<String>::new());
    assert_eq!(b.readings.len(), 1, "a value that came before its metadata is not lost");
    b.value("CDU/LiquidTemperature/a/inforce", 31.0);
    b.value("CDU/LiquidDifferentialPressure/a/dp", 90_000.0);
    b.value("CDU/LiquidDifferentialPressure/a/filter", 5.0);
    b.value("PowerMeter/ActivePower/x/y/z", 40.0);
    let got: Vec<_> = b.readings.iter().map(|r| (r.point.index(), r.value.round() as i64)).collect();
    // The filter names the area exactly but is more than was asked; the loop's own is a typo. The typo loses
    // only if something else fits exactly, and here it does.
    assert_eq!(got, [(0, 30), (1, 31), (2, 5), (3, 40_000)]);
    b.metadata(
        "CDU/LiquidDifferentialPressure/a/dp",
        r#""objectId":"cdu-01","engUnit":"Pa","processArea":["Secondary"]"#,
    );
    assert!(b.dsx.is_dirty());
    b.dsx.settle(&mut b.readings);
    b.value("CDU/LiquidDifferentialPressure/a/dp", 90_000.0);
    assert!((b.readings.last().unwrap().value - 90.0).abs() < 1e-9);
    // The same metadata again, every 100 s, costs nothing.
    b.metadata(
        "CDU/LiquidDifferentialPressure/a/dp",
        r#""objectId":"cdu-01","engUnit":"Pa","processArea":["Secondary"]"#,
    );
    assert!(!b.dsx.is_dirty());
}

#[test]
fn what_cannot_be_decided_is_not_bound_and_says_so() {
    let mut b = Bench::new(true);
    b.cdu();
    let area = r#""objectId":"CDU-01","engUnit":"C","processArea":["Secondary","Supply"]"#;
    b.metadata("CDU/LiquidTemperature/b/second", area);
    b.metadata(
        "CDU/LiquidDifferentialPressure/a/dp",
        r#""objectId":"CDU-01","engUnit":"C","processArea":["Secondary"]"#,
    );
    b.metadata("CDU/LiquidTemperatureSpRequest/a/request", &format!("{area},\"integration\":\"NICO\""));
    b.say("BMS/v1/PUB/Metadata/PowerMeter/ActivePower/x/y/z", "");
    b.dsx.settle(&mut b.readings);
    let unbound = b.dsx.status().unbound.join("\n");
    for what in [
        "ambiguous; give it a tag: `a/feedback` or `b/second`",
        "is a temperature, the site file expects a pressure",
        "belongs to NICO, not to MEPAI",
        "no metadata with tag path `x/y/z`",
    ] {
        assert!(unbound.contains(what), "{what}\n{unbound}");
    }
    assert!(matches!(b.command(Some(30.0), 0), Outcome::Refused(_)));
    assert!(b.requests().is_empty());
}

#[test]
fn quality_and_time_are_the_sources() {
    let mut b = Bench::new(false);
    b.cdu();
    let topic = "BMS/v1/PUB/Value/CDU/LiquidTemperature/a/feedback";
    b.say(topic, r#"{"value":30.5,"timestamp":990000,"quality":1}"#);
    b.say(topic, r#"{"value":30.5,"timestamp":1009000,"quality":1}"#);
    b.say(topic, r#"{"value":30.5,"timestamp":1000000,"quality":0}"#);
    b.say(topic, r#"{"value":null,"timestamp":1000000,"quality":1}"#);
    b.say(topic, r#"{"value":3000,"timestamp":1000000,"quality":1}"#);
    b.say(topic, "thirty");
    let q: Vec<_> = b.readings.iter().map(|r| r.quality).collect();
    assert_eq!(
        q,
        [
            Quality::Good,
            // A stamp ahead is for whoever knows the clock that wrote it to judge.
            Quality::Good,
            Quality::Bad(Reason::SourceSaysBad),
            Quality::Bad(Reason::NotANumber),
            Quality::Bad(Reason::OutOfRange),
            Quality::Bad(Reason::NotANumber)
        ]
    );
    let stamps: Vec<_> = b.readings[..2].iter().map(|r| (r.stamp.unix_ms(), r.arrival)).collect();
    assert_eq!(stamps, [(990_000, Some(b.now)), (1_009_000, Some(b.now))]);
    assert_eq!(b.dsx.status().malformed, 1);
}

#[test]
fn heartbeats_go_both_ways_and_measure_the_clock() {
    let mut b = Bench::new(true);
    b.cdu();
    b.tick(0, false);
    assert!(b.out.is_empty(), "a controller that does not tick has no heartbeat");
    b.tick(0, true);
    assert_eq!(b.out[0].topic, "BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/m/hb");
    assert_eq!(b.out[0].payload, br#"{"value":1000000.0,"timestamp":1000000,"quality":1}"#);
    b.now = b.now + Span::from_ms(40);
    // The BMS echoes; its clock is 500 ms ahead.
    b.say(
        "BMS/v1/PUB/Value/System/HeartbeatEchoBms/m/hb",
        r#"{"value":1000000,"timestamp":1000520,"quality":1}"#,
    );
    let pulse = b.dsx.status().pulse;
    assert_eq!((pulse.round_trip, pulse.offset), (Some(Span::from_ms(40)), Some(Span::from_ms(500))));
    b.say(
        "BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms/hb",
        r#"{"value":1000540,"timestamp":1000540,"quality":1}"#,
    );
    assert_eq!(b.out[1].topic, "BMS/v1/MEPAI/Value/System/HeartbeatEchoIntegration/bms/hb");
    assert!(b.out[1].while_alive && b.out[1].payload.starts_with(br#"{"value":1000540"#));
    b.now = b.now + Span::from_s(5.0);
    b.tick(5 * S, true);
    assert_eq!(b.out.len(), 2);
    b.now = b.now + Span::from_s(5.0);
    b.tick(10 * S, true);
    assert_eq!(b.out.len(), 3);
}

#[test]
fn requests_are_held_refreshed_while_alive_and_taken_back() {
    let mut b = Bench::new(true);
    b.cdu();
    assert_eq!(b.command(Some(31.0), 0), Outcome::Sent);
    let topic = "BMS/v1/MEPAI/Value/CDU/LiquidTemperatureSpRequest/a/request";
    assert_eq!(b.requests(), [(topic.into(), r#"{"value":31.0,"timestamp":1000000,"quality":1}"#.into())]);
    b.tick(31 * S, false);
    assert!(b.requests().is_empty(), "refreshed only while the controller lives");
    b.tick(32 * S, true);
    assert_eq!(b.requests().len(), 1);
    b.tick(91 * S, true);
    let last = b.requests();
    assert_eq!(last, [(topic.into(), r#"{"value":null,"timestamp":1000000,"quality":0}"#.into())]);
    b.tick(200 * S, true);
    assert!(b.requests().is_empty());
    assert_eq!(b.command(Some(31.0), 200 * S), Outcome::Sent);
    b.dsx.release(b.now, &mut b.out);
    assert!(b.requests()[1].1.contains("null"));
    assert_eq!(b.dsx.status().held, 0);
}

#[test]
fn a_silent_bms_is_asked_nothing_new_and_what_is_held_ends_with_its_lease() {
    let beat = r#"{"value":1000000,"timestamp":1000000,"quality":1}"#;
    let topic = "BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms/hb";
    let mut b = Bench::new(true);
    b.cdu();
    b.tick(0, true);
    // One that has never beaten owes no heartbeat.
    assert_eq!((b.command(Some(31.0), 0), b.dsx.status().bms_silent), (Outcome::Sent, None));
    b.say(topic, beat);
    let seen = b.now;
    b.now = seen + Span::from_s(30.0);
    assert_eq!(b.command(Some(31.5), 30 * S), Outcome::Sent);
    b.now = seen + Span::from_s(31.0);
    b.tick(31 * S, true);
    assert_eq!(b.dsx.status().bms_silent, Some(seen));
    let refused = b.command(Some(32.0), 31 * S);
    assert!(matches!(&refused, Outcome::Refused(why) if why.contains("heartbeat is silent")), "{refused:?}");
    b.requests();
    // The command of 30 s has a lease of 90 s.
    b.tick(119 * S, true);
    assert!(b.requests().iter().all(|(_, said)| said.contains("31.5")));
    b.tick(121 * S, true);
    assert!(b.requests().last().unwrap().1.contains("null"));
    // Letting go is never refused; and with its heartbeat the BMS is asked again.
    assert_eq!(b.command(None, 122 * S), Outcome::Sent);
    b.say(topic, beat);
    b.tick(122 * S, true);
    assert_eq!((b.dsx.status().bms_silent, b.command(Some(32.0), 122 * S)), (None, Outcome::Sent));
}

#[test]
fn advice_publishes_nothing() {
    let mut b = Bench::new(false);
    b.cdu();
    assert!(matches!(b.command(Some(31.0), 0), Outcome::Refused(_)));
    b.say("BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms/hb", r#"{"value":1,"timestamp":1,"quality":1}"#);
    b.tick(100 * S, true);
    b.dsx.release(b.now, &mut b.out);
    assert!(b.out.is_empty() && b.dsx.status().writes == 0);
}
