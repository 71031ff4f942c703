//! When a metric was true: its own time, that of its payload, history, clocks that are off, values that stand.

use super::*;

#[test]
fn times_nulls_qualities_and_datatypes_are_judged() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    let quality = |q: u32| {
        let value = PropertyValue { kind: Some(3), int_value: Some(q), ..PropertyValue::default() };
        let keys = vec!["engUnit".to_owned(), "Quality".to_owned()];
        let values = vec![PropertyValue::default(), value];
        Metric { properties: Some(PropertySet { keys, values }), ..double(FLOW, 1.0) }
    };
    let at = |ms: u64| Metric { timestamp: Some(ms), ..double(FLOW, 1.0) };
    let null = Metric { is_null: Some(true), value: None, ..double(FLOW, 1.0) };
    let text = Metric { datatype: Some(12), value: Some(Value::Text("1".into())), ..double(FLOW, 1.0) };
    let metrics = vec![
        at(990_000),
        at(1_009_000),
        null,
        text,
        quality(192),
        quality(500),
        quality(0),
        double(FLOW, f64::NAN),
    ];
    b.say("DDATA/e/d", Some(2), metrics);
    let stamps: Vec<_> = b.readings.iter().map(|r| r.stamp.unix_ms()).collect();
    assert_eq!(stamps[..3], [990_000, 1_009_000, 1_000_000]);
    assert!(b.readings.iter().all(|r| r.arrival == Some(b.now)), "stamped by the edge node's clock");
    assert_eq!(b.readings[0].held_ms, 10_000, "true ten seconds before it was sent");
    let q: Vec<_> = b.read().into_iter().map(|(_, _, q)| q).collect();
    assert_eq!(
        q,
        [
            Quality::Good,
            Quality::Good,
            Quality::Bad(Reason::NotANumber),
            Quality::Bad(Reason::NotSupported),
            Quality::Good,
            Quality::Uncertain(Reason::Stale),
            Quality::Bad(Reason::SourceSaysBad),
            Quality::Bad(Reason::NotANumber),
        ]
    );
}

#[test]
fn historical_values_have_their_time_and_are_not_the_value_now() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    let old = Metric { timestamp: Some(400_000), is_historical: Some(true), ..double(FLOW, 20.0) };
    b.say("DDATA/e/d", Some(2), vec![old]);
    assert_eq!((b.readings[0].stamp.unix_ms(), b.read()[0].1), (400_000, 2000));
    b.tick(31_000);
    b.say("NDATA/e", Some(3), vec![]);
    b.tick(1_000);
    assert!(b.read().contains(&(0, 5000, Quality::Good)), "the value of the birth stands");
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_an_old_value() {
    let mut b = Bench::new("", false);
    b.born();
    let ahead = Metric { timestamp: Some(4_600_000), ..double(FLOW, 20.0) };
    b.say("DDATA/e/d", Some(2), vec![ahead]);
    b.tick(5_000);
    b.say("DDATA/e/d", Some(3), vec![double(FLOW, 30.0)]);
    b.read();
    b.tick(31_000);
    b.say("NDATA/e", Some(4), vec![]);
    b.tick(1_000);
    assert!(b.read().contains(&(0, 3000, Quality::Good)), "the newer value stands");
}

#[test]
fn a_value_that_does_not_change_stands_while_its_edge_node_is_heard() {
    let mut b = Bench::new("", false);
    b.born();
    b.read();
    for n in 2..=14 {
        b.tick(5_000);
        b.say("NDATA/e", Some(n), vec![named("CPU", 9, Value::Float(1.0))]);
    }
    b.tick(1_000);
    let flow: Vec<_> =
        b.readings.iter().filter(|r| r.point.index() == 0).map(|r| r.stamp.unix_ms()).collect();
    assert_eq!(flow, [1_030_000, 1_060_000], "as of when the edge node was heard");
    assert_eq!(b.rebirths(), 0);
    b.read();
    // Now it says nothing at all: nothing is made up, and it is asked.
    b.tick(29_000);
    assert_eq!((b.read().len(), b.rebirths()), (0, 0));
    b.tick(3_000);
    assert_eq!((b.read().len(), b.rebirths()), (0, 1));
}

#[test]
fn a_death_is_newer_than_a_value_with_a_clock_that_is_ahead() {
    let mut b = Bench::new("", false);
    b.born();
    let ahead = Metric { timestamp: Some(1_001_500), ..double(FLOW, 1.0) };
    b.say("DDATA/e/d", Some(2), vec![ahead]);
    b.readings.clear();
    b.death(3);
    let flow = b.readings.iter().find(|r| r.point.index() == 0).unwrap();
    assert!(flow.stamp > Stamp::from_unix_ms(1_001_500) && !flow.quality.is_usable());
}
