//! What is found in documents, and what is asked for.

mod peer;

use super::*;
use proptest::prelude::*;

const SITE: &str = r#"
[[mqtt]]
id = "j"
url = "mqtt://h"
dialect = "json"
[[equipment]]
id = "CT-01"
kind = "tower"
[[point]]
id = "outdoor"
of = "site"
unit = "degC"
from = { mqtt = "j", topic = "w/1", pointer = "/t/now", time = "/ts" }
[[point]]
id = "plain"
of = "site"
unit = "kW"
from = { mqtt = "j", topic = "p/1" }
[[actuator]]
id = "fan"
of = "CT-01"
unit = "%"
range = ["0 %", "100 %"]
ramp = "1 %/s"
fallback = "60 %"
refresh = "10 s"
to = { mqtt = "j", topic = "ct/1/set" }
"#;

fn json(may_write: bool) -> Json {
    Json::new(&crate::testing::site(SITE), 0, may_write)
}

fn command(value: Option<f64>) -> SetpointCommand {
    let (actuator, stamp, reason) = (ActuatorId(0), Stamp::default(), String::new());
    SetpointCommand { actuator, value, epoch: 1, sequence: 1, stamp, ttl_ms: 30_000, reason }
}

#[test]
fn numbers_are_found_with_their_time() {
    let mut j = json(false);
    let (now, mut r) = (Stamp::from_unix_ms(1_000_000), Vec::new());
    assert!(j.message("w/1", br#"{"t":{"now":18.5},"ts":999000}"#, now, &mut r));
    assert!(j.message("p/1", b" 2.5 ", now, &mut r));
    assert!(j.message("w/1", br#"{"t":{"now":18.5},"ts":1009000}"#, now, &mut r));
    assert!(j.message("w/1", b"not json", now, &mut r));
    assert!(!j.message("other", b"1", now, &mut r));
    assert_eq!((r[0].stamp.unix_ms(), r[0].quality), (999_000, Quality::Good));
    assert_eq!((r[1].stamp, r[1].value.to_bits()), (now, 2500.0_f64.to_bits()));
    // A stamp ahead is for whoever knows the clock that wrote it to judge.
    assert_eq!((r[2].stamp.unix_ms(), r[2].arrival), (1_009_000, Some(now)));
    assert_eq!(r[3].quality, Quality::Bad(Reason::NotANumber));
    assert_eq!((j.status().malformed, j.status().silent.len()), (1, 0));
}

#[test]
fn requests_are_held_refreshed_and_withdrawn() {
    let (mut j, mut out) = (json(true), Vec::new());
    let now = Stamp::from_unix_ms(5_000);
    let second = 1_000_000_000;
    assert_eq!(j.command(&command(Some(0.455)), 0, (now, 0), &mut out).outcome, Outcome::Sent);
    assert_eq!(out[0].payload, br#"{"value":45.5,"timestamp":5000}"#);
    for (s, alive, messages) in [(9, true, 1), (11, false, 1), (12, true, 2), (31, true, 3)] {
        j.tick(now, Tick { mono_ns: s * second, alive, leads: true }, &mut out);
        assert_eq!(out.len(), messages, "{s} s");
    }
    assert_eq!(out[2].payload, br#"{"value":null,"timestamp":5000}"#);
    let late = j.command(&command(Some(0.5)), 0, (now, 31 * second), &mut out).outcome;
    assert!(matches!(late, Outcome::Failed(_)) && out.len() == 3);
    assert!(matches!(
        json(false).command(&command(None), 0, (now, 0), &mut out).outcome,
        Outcome::Refused(_)
    ));
}

proptest! {
    #[test]
    fn documents_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut r = Vec::new();
        json(false).message("w/1", &bytes, Stamp::default(), &mut r);
        prop_assert_eq!(r.len(), 1);
    }
}

/// A site whose one point has this source.
fn one(from: &str) -> Json {
    let text = format!(
        "[[mqtt]]\nid = \"j\"\nurl = \"mqtt://h\"\ndialect = \"json\"\n[[point]]\nid = \"p\"\nof = \"site\"\nunit = \"kW\"\nfrom = {{ mqtt = \"j\", topic = \"t\", {from} }}\n"
    );
    Json::new(&crate::testing::site(&text), 0, false)
}

#[test]
fn pointers_lead_into_arrays_and_objects_or_say_why_not() {
    for (pointer, document, expected) in [
        ("/a/0/b", r#"{"a":[{"b":1.5}]}"#, Ok(1500.0)),
        ("/a/1", r#"{"a":[0,"2.5"]}"#, Ok(2500.0)),
        ("/a~1b/c~0d", r#"{"a/b":{"c~d":3}}"#, Ok(3000.0)),
        ("/on", r#"{"on":true}"#, Ok(1000.0)),
        ("/n", r#"{"n":" -1e3 "}"#, Ok(-1e6)),
        ("/", r#"{"":4}"#, Ok(4000.0)),
        ("", "5", Ok(5000.0)),
        ("/a/2", r#"{"a":[0,1]}"#, Err(Reason::NotSupported)),
        ("/a/-1", r#"{"a":[0,1]}"#, Err(Reason::NotSupported)),
        ("/a/b", r#"{"a":[0,1]}"#, Err(Reason::NotSupported)),
        ("/x", r#"{"a":1}"#, Err(Reason::NotSupported)),
        ("/a", r#"{"a":null}"#, Err(Reason::NotANumber)),
        ("/a", r#"{"a":"on"}"#, Err(Reason::NotANumber)),
        ("/a", r#"{"a":"nan"}"#, Err(Reason::NotANumber)),
        ("/a", r#"{"a":"1e999"}"#, Err(Reason::NotANumber)),
        ("/a", r#"{"a":{"b":1}}"#, Err(Reason::NotANumber)),
        ("/a", r#"{"a":NaN}"#, Err(Reason::NotANumber)),
        ("/a", "", Err(Reason::NotANumber)),
    ] {
        let (mut j, mut r) = (one(&format!("pointer = \"{pointer}\"")), Vec::new());
        assert!(j.message("t", document.as_bytes(), Stamp::default(), &mut r));
        let got = match r[0].quality {
            Quality::Bad(reason) => Err(reason),
            _ => Ok(r[0].value),
        };
        assert_eq!(got, expected, "{pointer} in {document}");
        assert_eq!(j.status().malformed, u64::from(expected.is_err()));
    }
}

#[test]
fn deep_documents_are_refused_and_not_followed() {
    let (mut j, mut r) = (one("pointer = \"/0\""), Vec::new());
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    j.message("t", deep.as_bytes(), Stamp::default(), &mut r);
    assert_eq!(r[0].quality, Quality::Bad(Reason::NotANumber));
}

#[test]
fn a_time_that_is_not_there_is_the_arrivals_with_a_doubt() {
    let (mut j, mut r) = (one("pointer = \"/p\", time = \"/ts\", time-format = \"s\""), Vec::new());
    let now = Stamp::from_unix_ms(1_000_000);
    for document in [r#"{"p":1,"ts":999.5}"#, r#"{"p":1}"#, r#"{"p":1,"ts":"soon"}"#] {
        j.message("t", document.as_bytes(), now, &mut r);
    }
    let doubt = Quality::Uncertain(Reason::NotSupported);
    let got: Vec<_> = r.iter().map(|r| (r.stamp.unix_ms(), r.quality)).collect();
    assert_eq!(got, [(999_500, Quality::Good), (1_000_000, doubt), (1_000_000, doubt)]);
}
