//! Forecasts take their memory at the start, and none after it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_belief::outlook::{HORIZONS, Rhythm, Series, Traits};
use headroom_site::{Span, Stamp};
use headroom_tests::memory::{Counting, most_bytes};

#[global_allocator]
static MEMORY: Counting = Counting;

#[test]
fn a_series_and_a_rhythm_grow_no_further() {
    let traits = Traits { floor: 0.0, periodic: true, file: true };
    let mut series = Series::new(traits);
    let start = most_bytes(|| drop(std::hint::black_box(Series::new(traits))));
    println!("a series with every candidate: {start} bytes");
    assert!((1..200_000).contains(&start), "{start}");
    let mut rhythm = Rhythm::new(Span::from_ms(1_000));
    let value = |k: i64| if k % 11 < 9 { 800.0 } else { 300.0 } + (k as f64 * 0.7).sin();
    let most = most_bytes(|| {
        for minute in 0..3 * 1440 {
            series.add(value(minute));
            series.close(minute, |m| Some(value(m) + 1.0));
            rhythm.take(Stamp::from_tai_ns(minute * 1_000_000_000), value(minute));
            rhythm.look();
        }
    });
    assert_eq!(most, 0);
    assert!((0..HORIZONS).all(|h| series.band(h).is_ok()) && rhythm.beat().is_some());
    assert!(most_bytes(|| drop(std::hint::black_box(vec![0_u8; 64]))) >= 64, "what is counted is counted");
}
