//! How a device wants to be written: function, pace, heartbeat, and no more often than its memory bears.

use super::{Bench, bench_with};
use crate::testing::modbus::{Fault, Shared, serve, serve_rtu};
use headroom_site::Outcome;
use std::time::Duration;

/// Lines put behind a line of the bench's site file.
fn behind(text: &str, line: &str, more: &str) -> String {
    assert!(text.contains(line), "{line}");
    text.replacen(line, &format!("{line}\n{more}"), 1)
}

async fn with(line: &str, more: &str) -> Bench {
    bench_with(serve().await, true, |text| behind(&text, line, more)).await
}

fn beats(device: &Shared) -> Vec<u16> {
    let device = device.lock().unwrap();
    device.writes.iter().filter(|w| w.1 == 42).map(|w| w.2[0]).collect()
}

async fn alive(b: &Bench, ms: u64) {
    for _ in 0..ms / 20 {
        b.context.beat.now(&b.context.clock);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_timer_is_written_before_the_setpoint_each_time() {
    let mut b = with("unit = 3", "").await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    alive(&b, 400).await;
    let order: Vec<u16> = b.writes().iter().map(|w| w.1).filter(|a| *a != 39).collect();
    assert!(order.len() >= 4, "{order:?}");
    assert!(order.chunks_exact(2).all(|pair| pair == [41, 40]), "{order:?}");
}

#[tokio::test]
async fn the_function_is_the_one_that_is_said() {
    let mut b = with("unit = 3", "write = \"single\"").await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    assert_eq!(b.writes(), [(6, 39, vec![1]), (6, 41, vec![90]), (6, 40, vec![180])]);
    let mut b = with("unit = 3", "write = \"multiple\"").await;
    b.device.lock().unwrap().fault = Fault::NoMultiple;
    let refused = b.command(Some(18.0), 1, 60_000).await;
    assert_eq!(refused, Outcome::Refused("the device answered with exception 1".into()));
    assert!(b.writes().is_empty(), "no other function is tried");
}

#[tokio::test]
async fn commands_go_over_rtu_as_well() {
    let to_rtu = |text: String| text.replace("tcp://", "rtu+tcp://");
    let mut b = bench_with(serve_rtu().await, true, to_rtu).await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    assert_eq!(b.writes(), [(16, 39, vec![1]), (16, 41, vec![90]), (16, 40, vec![180])]);
    assert_eq!(b.command(None, 2, 0).await, Outcome::Applied);
    assert_eq!(b.writes().last(), Some(&(16, 39, vec![0])));
}

#[tokio::test]
async fn heartbeats_count_toggle_or_mirror() {
    let b = with("unit = 3", "").await;
    alive(&b, 300).await;
    let seen = beats(&b.device);
    assert!(seen.len() > 2 && seen.iter().enumerate().all(|(i, n)| usize::from(*n) == i + 1), "{seen:?}");

    let b = with("heartbeat = \"hb\"", "heartbeat-kind = \"toggle\"").await;
    alive(&b, 300).await;
    let seen = beats(&b.device);
    assert!(seen.len() > 2 && seen.windows(2).all(|w| w[0] + w[1] == 1), "{seen:?}");

    let own = "[[modbus.register]]\nname = \"own\"\nspace = \"input\"\naddress = 30\ntype = \"uint16\"\n";
    let b = bench_with(serve().await, true, |text| {
        let text = behind(&text, "heartbeat = \"hb\"", "heartbeat-kind = \"mirror\"\necho = \"own\"");
        text.replacen("[modbus.remote]", &format!("{own}[modbus.remote]"), 1)
    })
    .await;
    b.device.lock().unwrap().words.insert((4, 30), 4711);
    alive(&b, 200).await;
    b.device.lock().unwrap().words.insert((4, 30), 4712);
    alive(&b, 200).await;
    let seen = beats(&b.device);
    assert_eq!((seen.first(), seen.last()), (Some(&4711), Some(&4712)), "{seen:?}");
}

#[tokio::test]
async fn a_setpoint_that_stands_is_not_written_again_before_its_time() {
    let setpoints = |b: &Bench| b.writes().iter().filter(|w| w.1 == 40).count();
    let mut b = with("heartbeat = \"hb\"", "rewrite = \"1 h\"").await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    alive(&b, 500).await;
    let timers = b.writes().iter().filter(|w| w.1 == 41).count();
    assert_eq!(setpoints(&b), 1);
    assert!(timers >= 3, "the timer goes on: {timers}");
    // Somebody else writes: it no longer stands.
    b.device.lock().unwrap().words.insert((3, 40), 99);
    alive(&b, 300).await;
    assert_eq!(setpoints(&b), 2);
    // Another value is written at once, and a time that has passed counts.
    assert_eq!(b.command(Some(19.0), 2, 60_000).await, Outcome::Applied);
    assert_eq!(setpoints(&b), 3);
    let mut b = with("heartbeat = \"hb\"", "rewrite = \"250 ms\"").await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    alive(&b, 900).await;
    assert!((2..=5).contains(&setpoints(&b)), "{}", setpoints(&b));
}

#[tokio::test]
async fn requests_keep_their_distance_one_at_a_time() {
    let mut b = with("unit = 3", "min-gap = \"25 ms\"").await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    alive(&b, 300).await;
    let asked = b.device.lock().unwrap().asked.clone();
    assert!(asked.len() > 8, "{}", asked.len());
    // A millisecond for the way of each of the two.
    assert!(asked.windows(2).all(|w| w[1] - w[0] >= Duration::from_millis(24)));
}
