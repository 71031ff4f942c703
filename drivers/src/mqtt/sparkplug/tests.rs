//! Births, data, deaths and what goes wrong between them; payloads are prost's.

use super::payload::reference::{Metric, Payload as Whole, PropertySet, PropertyValue, Value};
use super::*;
use headroom_site::{Quality, Reason};
use prost::Message;

mod peer;
mod times;

const SITE: &str = r#"
[[mqtt]]
id = "s"
url = "mqtt://h"
dialect = "sparkplug"
group = "g"
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "flow"
of = "CDU-01"
unit = "L/min"
stale-after = "60 s"
from = { mqtt = "s", edge = "e", device = "d", metric = "Flow" }
[[point]]
id = "in-force"
of = "CDU-01"
unit = "degC"
from = { mqtt = "s", edge = "e", device = "d", metric = "Supply/SP" }
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
fallback = "30 degC"
refresh = "10 s"
readback = "in-force"
to = { mqtt = "s", edge = "e", device = "d", metric = "Supply/SP" }
"#;

const FLOW: u64 = 7;
const SP: u64 = 8;

fn double(alias: u64, x: f64) -> Metric {
    Metric { alias: Some(alias), value: Some(Value::Double(x)), ..Metric::default() }
}

fn named(name: &str, datatype: u32, value: Value) -> Metric {
    Metric { name: Some(name.into()), datatype: Some(datatype), value: Some(value), ..Metric::default() }
}

struct Bench {
    s: Sparkplug,
    readings: Vec<Reading>,
    out: Vec<Outgoing>,
    now: Stamp,
}

impl Bench {
    fn new(more: &str, may_write: bool) -> Self {
        let text = SITE.replacen("group = \"g\"", &format!("group = \"g\"\n{more}"), 1);
        let mut s = Sparkplug::new(&crate::testing::site(&text), 0, may_write);
        let now = Stamp::from_unix_ms(1_000_000);
        s.up(now);
        Self { s, readings: Vec::new(), out: Vec::new(), now }
    }

    fn say(&mut self, topic: &str, seq: Option<u64>, metrics: Vec<Metric>) {
        let timestamp = Some(self.now.unix_ms().cast_unsigned());
        let whole = Whole { timestamp, metrics, seq, ..Whole::default() };
        self.bytes(topic, whole.encode_to_vec());
    }

    fn bytes(&mut self, topic: &str, bytes: Vec<u8>) {
        let topic = format!("spBv1.0/g/{topic}");
        let taken = self.s.message(&topic, &bytes.into(), false, self.now, &mut self.readings, &mut self.out);
        assert!(taken, "{topic}");
    }

    /// The edge node is born with its device; the first number that is free then is 2.
    fn born(&mut self) {
        let bd = named("bdSeq", number::INT64, Value::Long(3));
        self.say("NBIRTH/e", Some(0), vec![bd, named("CPU", 9, Value::Float(12.5))]);
        let mut flow = named("Flow", 10, Value::Double(50.0));
        flow.alias = Some(FLOW);
        let mut sp = named("Supply/SP", 9, Value::Float(31.0));
        sp.alias = Some(SP);
        let mut other = named("Not wanted", 12, Value::Text("x".into()));
        other.alias = Some(9);
        self.say("DBIRTH/e/d", Some(1), vec![flow, sp, other]);
    }

    fn death(&mut self, bd_seq: u64) {
        self.say("NDEATH/e", None, vec![named("bdSeq", number::INT64, Value::Long(bd_seq))]);
    }

    fn tick(&mut self, ms: i64) {
        self.now = self.now + Span::from_ms(ms);
        let tick = Tick { mono_ns: self.now.unix_ms().cast_unsigned() * 1_000_000, alive: true, leads: true };
        self.s.tick(self.now, tick, &mut self.readings, &mut self.out);
    }

    /// Point, value and quality of what was read since the last look.
    fn read(&mut self) -> Vec<(usize, i64, Quality)> {
        let all = std::mem::take(&mut self.readings);
        all.iter().map(|r| (r.point.index(), (r.value * 100.0).round() as i64, r.quality)).collect()
    }

    fn rebirths(&mut self) -> usize {
        let all = std::mem::take(&mut self.out);
        all.iter().filter(|m| m.topic == "spBv1.0/g/NCMD/e").count()
    }

    fn command(&mut self, value: Option<f64>) -> Outcome {
        let (actuator, stamp, reason) = (ActuatorId(0), self.now, String::new());
        let (epoch, sequence, ttl_ms) = (1, 1, 30_000);
        let c = SetpointCommand { actuator, value, epoch, sequence, stamp, ttl_ms, reason };
        let mono_ns = self.now.unix_ms().cast_unsigned() * 1_000_000;
        self.s.command(&c, mono_ns, (self.now, mono_ns), &mut self.out).outcome
    }
}

#[test]
fn births_give_values_and_aliases_and_data_only_values() {
    let mut b = Bench::new("", false);
    assert_eq!(b.s.status().unbound, ["edge node `e` was not heard of yet"]);
    b.born();
    assert_eq!(
        b.read(),
        [(2, 13, Quality::Good), (0, 5000, Quality::Good), (1, 3100, Quality::Good)],
        "in base units"
    );
    let status = b.s.status();
    assert_eq!((status.alive, status.unbound.len(), status.counts.births), ((1, 1), 0, 1));
    b.say("DDATA/e/d", Some(2), vec![double(FLOW, 48.0), double(9, 1.0)]);
    b.say(
        "NDATA/e",
        Some(3),
        vec![named("CPU", 9, Value::Float(50.0)), named("Other", 9, Value::Float(1.0))],
    );
    assert_eq!(b.read(), [(0, 4800, Quality::Good), (2, 50, Quality::Good)]);
    b.s.message("spBv1.0/g/NDATA/x", &Bytes::new(), false, b.now, &mut b.readings, &mut b.out);
    assert!(!b.s.message("spBv1.0/h/NDATA/e", &Bytes::new(), false, b.now, &mut b.readings, &mut b.out));
    assert_eq!((b.s.status().counts.foreign, b.rebirths()), (1, 0));
}

#[test]
fn a_metric_that_the_birth_lacks_is_not_supported() {
    let mut b = Bench::new("", false);
    b.say("NBIRTH/e", Some(0), vec![named("CPU", 9, Value::Float(1.0))]);
    assert_eq!(b.s.status().unbound, ["edge node `e`, device `d`, is not there"]);
    b.say("DBIRTH/e/d", Some(1), vec![named("Flow", 10, Value::Double(1.0))]);
    assert_eq!(b.read()[2], (1, 0, Quality::Bad(Reason::NotSupported)));
    assert_eq!(b.s.status().unbound, ["edge node `e`, device `d`, has no metric `Supply/SP`"]);
}

#[test]
fn data_before_birth_asks_for_a_rebirth_and_not_too_often() {
    let mut b = Bench::new("", false);
    b.say("DDATA/e/d", Some(5), vec![double(FLOW, 1.0)]);
    b.say("DDATA/e/d", Some(6), vec![double(FLOW, 1.0)]);
    assert_eq!((b.readings.len(), b.rebirths(), b.s.status().counts.early), (0, 1, 2));
    let said = command::rebirth(b.now.unix_ms());
    assert!(
        Whole::decode(said.as_slice()).unwrap().metrics[0].name.as_deref() == Some("Node Control/Rebirth")
    );
    b.tick(4_000);
    assert_eq!(b.rebirths(), 0);
    b.tick(1_000);
    assert_eq!(b.rebirths(), 1);
    b.born();
    let mut silent = Bench::new("rebirth = false", false);
    silent.say("DDATA/e/d", Some(5), vec![double(FLOW, 1.0)]);
    silent.tick(10_000);
    assert_eq!((silent.rebirths(), silent.s.status().counts.early), (0, 1));
}

#[test]
fn edge_nodes_that_do_not_come_by_themselves_are_asked() {
    let mut b = Bench::new("", false);
    b.tick(1_000);
    assert_eq!(b.rebirths(), 0);
    b.tick(1_000);
    assert_eq!(b.rebirths(), 1);
}

#[test]
fn an_alias_that_no_birth_gave_asks_for_a_rebirth() {
    let mut b = Bench::new("", false);
    b.born();
    b.say("DDATA/e/d", Some(2), vec![double(77, 1.0), double(FLOW, 2.0)]);
    assert_eq!(b.read().last(), Some(&(0, 200, Quality::Good)));
    assert_eq!((b.rebirths(), b.s.status().counts.early), (1, 1));
}

#[test]
fn reordered_and_doubled_messages_do_no_harm() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    for (seq, x) in [(3, 3.0), (4, 4.0), (2, 2.0), (2, 2.0), (4, 4.0), (5, 5.0)] {
        b.say("DDATA/e/d", Some(seq), vec![double(FLOW, x)]);
    }
    let values: Vec<_> = b.read().into_iter().map(|(_, x, _)| x).collect();
    assert_eq!(values, [200, 300, 400, 500]);
    b.tick(3_000);
    assert_eq!((b.rebirths(), b.s.status().counts.repeated, b.s.status().counts.gaps), (0, 2, 0));
}

#[test]
fn a_gap_is_waited_for_then_doubted_and_a_rebirth_heals() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    b.say("DDATA/e/d", Some(3), vec![double(FLOW, 3.0)]);
    b.tick(1_900);
    assert_eq!((b.read().len(), b.rebirths()), (0, 0));
    b.tick(100);
    let doubt = Quality::Uncertain(Reason::NoCommunication);
    let got = b.read();
    assert!(got.contains(&(1, 3100, doubt)) && got.contains(&(2, 13, doubt)), "{got:?}");
    assert_eq!(got.last(), Some(&(0, 300, Quality::Good)), "what did come is taken");
    assert_eq!((b.rebirths(), b.s.status().counts.gaps), (1, 1));
    // With the numbers it goes on; the rest stays in doubt until it is said again.
    b.say("DDATA/e/d", Some(4), vec![double(FLOW, 4.0)]);
    assert_eq!(b.read(), [(0, 400, Quality::Good)]);
    b.now = b.now + Span::from_ms(10);
    b.born();
    assert_eq!(b.read().iter().filter(|(_, _, q)| q.is_good()).count(), 3);
    let short = Bench::new("reorder = \"0 s\"", false);
    assert_eq!(short.s.window, Span::ZERO);
}

#[test]
fn deaths_make_points_bad_unless_they_are_of_an_earlier_life() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    b.death(2);
    assert_eq!((b.read().len(), b.s.status().alive), (0, (1, 1)));
    b.say("DDEATH/e/d", Some(2), vec![]);
    let gone = Quality::Bad(Reason::NoCommunication);
    let mut lost = b.read();
    lost.sort_by_key(|(p, _, _)| *p);
    assert_eq!(lost, [(0, 0, gone), (1, 0, gone)]);
    assert_eq!(b.s.status().unbound, ["edge node `e`, device `d`, is not there"]);
    b.say("DDATA/e/d", Some(3), vec![double(FLOW, 1.0)]);
    assert_eq!((b.read().len(), b.rebirths()), (0, 1));
    b.death(3);
    assert!(b.read().contains(&(2, 0, gone)));
    assert_eq!(
        (b.s.status().alive, b.s.status().unbound.as_slice()),
        ((0, 1), &["edge node `e` is dead".to_owned()][..])
    );
    b.tick(60_000);
    assert!(b.readings.is_empty() && b.rebirths() == 0, "the dead are left alone");
    b.born();
    assert_eq!(b.read().len(), 3);
}

#[test]
fn a_lost_link_forgets_and_asks_again() {
    let mut b = Bench::new("", true);
    b.born();
    b.read();
    b.s.down();
    assert!(b.readings.is_empty(), "values grow old by themselves");
    assert!(matches!(b.command(Some(300.0)), Outcome::Failed(_)));
    b.s.up(b.now);
    b.say("DDATA/e/d", Some(2), vec![double(FLOW, 1.0)]);
    assert_eq!((b.read().len(), b.rebirths()), (0, 1));
}

#[test]
fn what_a_broker_kept_is_not_taken() {
    let mut b = Bench::new("", false);
    let whole = Whole { seq: Some(0), timestamp: Some(1), ..Whole::default() };
    let bytes = Bytes::from(whole.encode_to_vec());
    b.s.message("spBv1.0/g/NBIRTH/e", &bytes, true, b.now, &mut b.readings, &mut b.out);
    assert_eq!((b.s.status().alive.0, b.s.status().counts.retained), (0, 1));
}

#[test]
fn two_edge_nodes_of_one_name_are_named() {
    let mut b = Bench::new("", false);
    for n in 0..6_u64 {
        b.now = b.now + Span::from_s(1.0);
        let bd = named("bdSeq", number::INT64, Value::Long(n % 2 * 50));
        b.say("NBIRTH/e", Some(0), vec![bd]);
    }
    assert!(b.s.status().findings[0].contains("edge node `e` is born again and again"));
    let mut calm = Bench::new("", false);
    for _ in 0..6 {
        calm.now = calm.now + Span::from_s(1.0);
        calm.born();
    }
    assert_eq!(calm.s.status().findings, Vec::<String>::new(), "a rebirth has the number of its life");
}

#[test]
fn setpoints_are_commands_by_alias_held_refreshed_and_fall_back() {
    let mut b = Bench::new("", true);
    assert!(matches!(b.command(Some(31.0)), Outcome::Failed(_)), "not born yet");
    b.born();
    assert_eq!(b.command(Some(32.5)), Outcome::Sent);
    let said = |m: &Outgoing| {
        assert_eq!((m.topic.as_str(), m.slot, m.delivery), ("spBv1.0/g/DCMD/e/d", 1, Delivery::Telemetry));
        let metric = Whole::decode(m.payload.as_slice()).unwrap().metrics.remove(0);
        assert_eq!((metric.name, metric.alias, metric.datatype), (None, Some(SP), Some(9)));
        metric.value.unwrap()
    };
    assert_eq!(said(&b.out[0]), Value::Float(32.5));
    b.out.clear();
    b.tick(11_000);
    assert_eq!(said(&b.out[0]), Value::Float(32.5));
    b.out.clear();
    b.tick(20_000);
    b.out.retain(|m| m.topic.contains("DCMD"));
    assert_eq!(said(&b.out[0]), Value::Float(30.0), "the lease ended: what it falls back to");
    b.out.clear();
    assert_eq!(b.command(None), Outcome::Sent);
    assert!(b.out.is_empty(), "what is not held is not taken back");
    assert_eq!(b.command(Some(33.0)), Outcome::Sent);
    b.out.clear();
    b.s.release(b.now, &mut b.out);
    assert_eq!((said(&b.out[0]), b.s.status().held, b.s.status().writes), (Value::Float(30.0), 0, 5));
    let mut advice = Bench::new("", false);
    advice.born();
    assert!(matches!(advice.command(Some(31.0)), Outcome::Refused(_)));
}

#[test]
fn damage_is_counted() {
    let mut b = Bench::new("", false);
    b.bytes("NBIRTH/e", vec![0x08]);
    b.born();
    b.say("DDATA/e/d", None, vec![double(FLOW, 1.0)]);
    b.say("NBIRTH/e", Some(256), vec![]);
    assert_eq!((b.s.status().counts.malformed, b.s.status().alive.0), (3, 1));
}
