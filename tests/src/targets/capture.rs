//! Captures of a BMS bus as CSV, which the harness compares its sensors with.

use super::Target;
use super::text::text;
use headroom_sim::world::sensors::capture;

/// Captures.
pub const CAPTURE: Target = Target { name: "capture", body: read, bytes_per_byte: 1 << 10 };

/// Span of a capture, s.
const SPAN_S: f64 = 100.0;

fn read(input: &[u8]) {
    let series = capture::read(&text(input));
    for one in &series {
        assert!(!one.samples.is_empty());
        assert!(
            one.samples.iter().all(|(at_s, value)| at_s.is_finite() && *at_s >= 0.0 && value.is_finite())
        );
        if let Some(class) = capture::of_class(one) {
            let _ = capture::shapes(&series, class, SPAN_S);
        }
    }
}
