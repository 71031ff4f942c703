//! Pages of Prometheus and OpenMetrics.

use super::Target;
use super::text::text;
use headroom_drivers::fuzz::prometheus_sample;

/// Pages of metrics.
pub const PROMETHEUS: Target = Target { name: "prometheus", body: read, bytes_per_byte: 64 };

fn read(input: &[u8]) {
    for line in text(input).lines() {
        let Some((name, labels, value)) = prometheus_sample(line) else { continue };
        assert!(line.trim_start().starts_with(name) && !name.is_empty());
        let labels_text: Vec<String> =
            labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
        let again = format!("{name}{{{}}} {value}", labels_text.join(","));
        let Some((n, l, v)) = prometheus_sample(&again) else { panic!("{line:?} became {again:?}") };
        assert_eq!((n, &l), (name, &labels), "{line:?} became {again:?}");
        assert!(v.to_bits() == value.to_bits() || (v.is_nan() && value.is_nan()), "{value} became {v}");
    }
}

/// A label's value as it is written between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
