use super::*;
use crate::desk::testing::{self, CHILLER_REQUEST, REQUEST, SENSOR};
use std::sync::Arc;

const T0: i64 = 1_790_000_000_000;
const BEAT: &str = "BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/MEPAI/heartbeat";
const ECHO: &str = "BMS/v1/MEPAI/Value/System/HeartbeatEchoIntegration/BMS/heartbeat";
const ASK: &str = "BMS/v1/MEPAI/Value/CDU/LiquidTemperatureSpRequest/site/CDU-01/temperature/request";
const SUPPLY: &str = "BMS/v1/PUB/Value/CDU/LiquidTemperature/site/CDU-01/secondary/supply/temperature";

fn desk() -> (DsxDesk, Image) {
    let image = testing::image();
    (DsxDesk::new(&image, "MEPAI", DsxConfig::default()).unwrap(), image)
}

fn value(value: f64, at_ms: i64) -> Vec<u8> {
    format!("{{\"value\":{value},\"timestamp\":{at_ms},\"quality\":1}}").into_bytes()
}

fn beat(desk: &mut DsxDesk, now_ms: i64) {
    desk.receive(now_ms, BEAT, &value(now_ms as f64, now_ms)).unwrap();
}

fn said(desk: &mut DsxDesk, now_ms: i64, image: &Image) -> Vec<(String, String)> {
    let mut all = Vec::new();
    desk.publish(now_ms, image, &mut |t, p| {
        all.push((t.to_owned(), String::from_utf8(p.to_vec()).unwrap()));
    });
    all
}

#[test]
fn metadata_says_what_the_capture_says() {
    let (desk, image) = desk();
    let all: Vec<(&str, &str)> = desk.metadata().map(|(t, p)| (t, std::str::from_utf8(p).unwrap())).collect();
    assert_eq!(all.len(), image.points.len() + 4);
    assert!(all.contains(&(
        "BMS/v1/PUB/Metadata/CDU/LiquidTemperatureSpRequest/site/CDU-01/temperature/request",
        r#"{"objectType":"CDU","pointType":"LiquidTemperatureSpRequest","engUnit":"C","objectName":"CDU-01","objectId":"CDU-01","integration":"MEPAI"}"#
    )));
    assert!(all.contains(&(
        "BMS/v1/PUB/Metadata/PowerMeter/PhaseCurrent/site/MTR-01/current/a",
        r#"{"objectType":"PowerMeter","pointType":"PhaseCurrent","engUnit":"A","objectName":"MTR-01","objectId":"MTR-01","servesId":[],"phase":"A"}"#
    )));
    assert!(all.contains(&(
        "BMS/v1/PUB/Metadata/System/HeartbeatTimestampIntegration/MEPAI/heartbeat",
        r#"{"objectType":"System","pointType":"HeartbeatTimestampIntegration","objectName":"MEPAI","objectId":"MEPAI","integration":"MEPAI"}"#
    )));
}

#[test]
fn an_image_outside_the_contract_is_refused_with_every_finding() {
    let mut image = testing::image();
    let points = Arc::make_mut(&mut image.points);
    points[SENSOR].unit = Some("F");
    points[3].point_type = "RackColour";
    points[5].tag = "site/a.b".to_owned();
    points[8].state_text.clear();
    points[6].process_area.clear();
    points[12].tag = points[11].tag.clone();
    let Err(DsxError::Image(findings)) = DsxDesk::new(&image, "PUB", DsxConfig::default()) else {
        panic!("accepted");
    };
    assert_eq!(findings.len(), 6, "{findings:?}");
    let again = image.points[0].clone();
    Arc::make_mut(&mut image.points).push(again);
    let Err(DsxError::Image(findings)) = DsxDesk::new(&image, "MEPAI", DsxConfig::default()) else {
        panic!("accepted");
    };
    assert!(findings.contains(&Finding::Lengths { points: 16, values: 15 }));
    assert!(findings.iter().any(|f| matches!(f, Finding::Duplicate { .. })));
}

#[test]
fn values_come_on_change_and_every_100_s() {
    let (mut desk, mut image) = desk();
    let first = said(&mut desk, T0, &image);
    // Two requests have no BMS value; the BMS heartbeat comes on top.
    assert_eq!(first.len(), image.points.len() - 2 + 1);
    assert!(
        first.contains(&(SUPPLY.to_owned(), format!("{{\"value\":20,\"timestamp\":{T0},\"quality\":1}}")))
    );
    image.values[SENSOR] = 20.04;
    assert_eq!(said(&mut desk, T0 + 2000, &image), [], "below the last digit is no change");
    image.values[SENSOR] = 20.1;
    assert_eq!(said(&mut desk, T0 + 2500, &image).len(), 1);
    image.values[SENSOR] = 20.2;
    assert_eq!(said(&mut desk, T0 + 3000, &image), [], "not more often than its period");
    assert_eq!(said(&mut desk, T0 + 3500, &image).len(), 1);
    image.quality[SENSOR] = 192;
    assert!(said(&mut desk, T0 + 5000, &image)[0].1.ends_with("\"quality\":192}"));
    image.values[SENSOR] = f64::NAN;
    assert!(said(&mut desk, T0 + 7000, &image)[0].1.starts_with("{\"value\":null,"));
    let mut repeats = BTreeMap::<String, usize>::new();
    for second in 8..=210 {
        for (topic, _) in said(&mut desk, T0 + second * 1000, &image) {
            *repeats.entry(topic).or_default() += 1;
        }
    }
    assert_eq!(repeats.len(), image.points.len() - 2 + 1);
    for (topic, times) in repeats {
        let expected = if topic.contains("Heartbeat") { 20..=21 } else { 2..=2 };
        assert!(expected.contains(&times), "{topic} {times}");
    }
}

#[test]
fn metadata_is_whole_at_first_then_rolls_once_in_100_s() {
    let (mut desk, image) = desk();
    let total = image.points.len() + 4;
    let mut count = |now_ms: i64| {
        let mut n = 0;
        desk.publish_metadata(now_ms, &mut |_, _| n += 1);
        n
    };
    assert_eq!(count(T0), total);
    let rolled: Vec<usize> = (1..=100).map(|s| count(T0 + s * 1000)).collect();
    assert_eq!(rolled.iter().sum::<usize>(), total);
    assert!(rolled.iter().all(|&n| n <= 1));
    assert_eq!(count(T0 + 10_000_000), total, "a long pause makes one round, not many");
}

#[test]
fn a_request_stands_only_while_the_integration_lives() {
    let (mut desk, mut image) = desk();
    desk.receive(T0, ASK, &value(31.0, T0)).unwrap();
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], None, "no heartbeat yet");
    beat(&mut desk, T0);
    desk.receive(T0, ASK, &value(31.0, T0)).unwrap();
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], Some(31.0));
    // A frozen publisher repeats its last heartbeat.
    desk.receive(T0 + 20_000, BEAT, &value(T0 as f64, T0)).unwrap();
    desk.step(T0 + 29_999, &mut image);
    assert_eq!(image.requests[REQUEST], Some(31.0));
    desk.step(T0 + 30_000, &mut image);
    assert_eq!(image.requests[REQUEST], None);
    beat(&mut desk, T0 + 31_000);
    desk.step(T0 + 31_000, &mut image);
    assert_eq!(image.requests[REQUEST], None, "the old value does not come back");
    assert_eq!(desk.counts().lapses, 1);
}

#[test]
fn a_point_that_is_no_longer_published_reverts() {
    let (mut desk, mut image) = desk();
    beat(&mut desk, T0);
    desk.receive(T0, ASK, &value(31.0, T0)).unwrap();
    for second in (0..=310).step_by(10) {
        let now = T0 + second * 1000;
        beat(&mut desk, now);
        desk.step(now, &mut image);
        assert_eq!(image.requests[REQUEST].is_some(), second <= 300, "{second}");
    }
}

#[test]
fn refusals_have_reasons_and_are_counted() {
    let (mut desk, mut image) = desk();
    beat(&mut desk, T0);
    let mut refuse = |topic: &str, payload: &[u8], reason: Refusal| {
        assert_eq!(desk.receive(T0, topic, payload), Err(reason), "{topic}");
    };
    refuse("BMS/v1/OTHER/Value/CDU/LiquidTemperatureSpRequest/x", b"{}", Refusal::NotOurs);
    refuse(SUPPLY, &value(1.0, T0), Refusal::NotOurs);
    let own_sensor = SUPPLY.replace("PUB", "MEPAI");
    refuse(&own_sensor, &value(1.0, T0), Refusal::UnknownPoint);
    refuse(ASK, b"31.0", Refusal::Malformed);
    refuse(ASK, format!("{{\"timestamp\":{T0},\"quality\":1}}").as_bytes(), Refusal::Malformed);
    refuse(ASK, format!("{{\"value\":NaN,\"timestamp\":{T0},\"quality\":1}}").as_bytes(), Refusal::Malformed);
    refuse(
        ASK,
        format!("{{\"value\":1e999,\"timestamp\":{T0},\"quality\":1}}").as_bytes(),
        Refusal::Malformed,
    );
    refuse(ASK, format!("{{\"value\":null,\"timestamp\":{T0},\"quality\":1}}").as_bytes(), Refusal::Null);
    refuse(ASK, format!("{{\"value\":31,\"timestamp\":{T0},\"quality\":0}}").as_bytes(), Refusal::Quality);
    refuse(ASK, &value(31.0, T0 - 60_001), Refusal::Stale);
    refuse(ASK, &value(31.0, T0 + 60_001), Refusal::Future);
    desk.step(T0, &mut image);
    assert_eq!(image.requests, vec![None; image.points.len()]);
    assert_eq!(desk.counts().writes(), 11);
    assert_eq!(desk.counts().refused_for(Refusal::Malformed), 4);
    assert_eq!(desk.counts().accepted, 0);
}

#[test]
fn null_withdraws_and_the_operator_wins() {
    let (mut desk, mut image) = desk();
    beat(&mut desk, T0);
    desk.receive(T0, ASK, &value(31.0, T0)).unwrap();
    let null = format!("{{\"value\":null,\"timestamp\":{T0},\"quality\":1}}");
    assert_eq!(desk.receive(T0, ASK, null.as_bytes()), Err(Refusal::Null));
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], None);

    desk.receive(T0, ASK, &value(31.0, T0)).unwrap();
    desk.set_local(REQUEST, true);
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], None);
    assert_eq!(desk.receive(T0, ASK, &value(31.0, T0)), Err(Refusal::Local));
    desk.set_local(REQUEST, false);
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], None);
    desk.receive(T0, ASK, &value(30.5, T0)).unwrap();
    desk.step(T0, &mut image);
    assert_eq!(image.requests[REQUEST], Some(30.5));
    assert_eq!(image.requests[CHILLER_REQUEST], None);
}

#[test]
fn an_implausible_clock_checks_no_stamps() {
    let image = testing::image();
    let config = DsxConfig { stamp_tolerance_ms: None, ..DsxConfig::default() };
    let mut desk = DsxDesk::new(&image, "MEPAI", config).unwrap();
    assert!(desk.receive(5000, ASK, &value(31.0, T0)).is_ok());
}

#[test]
fn heartbeats_echo_both_ways() {
    let (mut desk, image) = desk();
    said(&mut desk, T0, &image);
    desk.receive(T0 + 200, ECHO, &value(T0 as f64, T0 + 100)).unwrap();
    assert_eq!(desk.round_trip_ms(), Some(200.0));
    beat(&mut desk, T0 + 500);
    let next = said(&mut desk, T0 + 1000, &image);
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].0, "BMS/v1/PUB/Value/System/HeartbeatEchoBms/MEPAI/heartbeat");
    assert!(next[0].1.starts_with(&format!("{{\"value\":{},", T0 + 500)));
}

#[test]
fn a_new_link_hears_everything_again() {
    let (mut desk, image) = desk();
    let first = said(&mut desk, T0, &image).len();
    assert_eq!(said(&mut desk, T0 + 1000, &image).len(), 0);
    desk.refresh();
    assert_eq!(said(&mut desk, T0 + 2000, &image).len(), first);
    let mut n = 0;
    desk.publish_metadata(T0 + 2000, &mut |_, _| n += 1);
    assert_eq!(n, image.points.len() + 4);
}

#[test]
fn stamps_are_the_sources_own_and_the_silent_say_nothing() {
    let (mut desk, mut image) = desk();
    said(&mut desk, T0, &image);
    let source = image.source_of(SENSOR).unwrap();
    image.offset_ms[source] = 3_600_000;
    image.values[SENSOR] = 25.0;
    let mut heard = Vec::new();
    desk.publish_of(T0 + 1000, &image, &mut |from, topic, payload| {
        heard.push((from, topic.to_owned(), String::from_utf8(payload.to_vec()).unwrap()));
    });
    let payload = format!("{{\"value\":25,\"timestamp\":{},\"quality\":1}}", T0 + 3_601_000);
    assert_eq!(heard, [(Some(source), SUPPLY.to_owned(), payload)]);
    image.silent[SENSOR] = true;
    image.values[SENSOR] = 30.0;
    let silent = said(&mut desk, T0 + 200_000, &image);
    assert!(silent.len() > 10 && silent.iter().all(|(topic, _)| topic != SUPPLY));
    image.silent[SENSOR] = false;
    assert_eq!(said(&mut desk, T0 + 201_000, &image).len(), 1, "heard again at once");
}
