//! Prints what one metric of a Sparkplug data message costs to read: ours, and `prost` on the same bytes.
//!
//! `cargo run --release -p headroom-drivers --example sparkplug_speed`

use headroom_drivers::mqtt::sparkplug::payload::Payload;
use prost::Message;
use std::hint::black_box;
use std::time::Instant;

#[path = "../src/mqtt/sparkplug/payload/reference.rs"]
mod reference;

const METRICS: usize = 100;
const ROUNDS: usize = 20_000;

/// Median ns per metric over 11 runs.
fn median(mut run: impl FnMut()) -> f64 {
    let mut took: Vec<f64> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            (0..ROUNDS).for_each(|_| run());
            begun.elapsed().as_nanos() as f64 / (ROUNDS * METRICS) as f64
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[5]
}

/// A data message of 100 metrics, by alias or by name.
fn message(named: bool) -> Vec<u8> {
    let metric = |n: usize| reference::Metric {
        name: named.then(|| format!("Secondary/Loop {n}/Supply Temperature")),
        alias: (!named).then_some(n as u64),
        timestamp: Some(1_752_840_000_000 + n as u64),
        datatype: Some(10),
        value: Some(reference::Value::Double(30.0 + n as f64 / 7.0)),
        ..reference::Metric::default()
    };
    let metrics = (0..METRICS).map(metric).collect();
    let payload = reference::Payload {
        timestamp: Some(1_752_840_000_000),
        metrics,
        seq: Some(7),
        ..reference::Payload::default()
    };
    payload.encode_to_vec()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (what, named) in [("by alias", false), ("by name", true)] {
        let bytes = message(named);
        let count = Payload::read(&bytes)?.metrics().filter(Result::is_ok).count();
        if count != METRICS {
            return Err("not every metric was read".into());
        }
        let ours = median(|| {
            if let Ok(payload) = Payload::read(black_box(&bytes)) {
                payload.metrics().flatten().for_each(|m| {
                    black_box(m);
                });
            }
        });
        let theirs = median(|| {
            let _ = black_box(reference::Payload::decode(black_box(bytes.as_slice())));
        });
        println!(
            "{METRICS} metrics {what}, {} B: ours {ours:.0} ns per metric, prost {theirs:.0} ns",
            bytes.len()
        );
    }
    Ok(())
}
