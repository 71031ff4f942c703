//! DSX Exchange: values, metadata, and a bus that hears both in any order.
//!
//! An input is a log: a line is `M rest payload` (metadata), `V rest payload` (a value), `C number` (a command),
//! `T` (time passes), `R` (everything is let go), or any `topic payload`.

use super::Target;
use super::bus::{Bench, site};
use super::text::text;
use headroom_drivers::fuzz::{dsx_metadata, dsx_value, dsx_value_of};
use headroom_drivers::mqtt::dsx::survey::Survey;
use headroom_site::{Quality, Site, Stamp};
use std::sync::OnceLock;

/// A DSX bus.
pub const DSX: Target = Target { name: "dsx", body: read, bytes_per_byte: 1 << 12 };

const SITE: &str = r#"
format = 1
[site]
name = "s"
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
type = "LiquidTemperatureSp"
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

fn the_site() -> &'static Site {
    static READ: OnceLock<Site> = OnceLock::new();
    READ.get_or_init(|| site(SITE))
}

fn read(input: &[u8]) {
    let text = text(input);
    let site = the_site();
    let mut bench = Bench::new(site, |topic| topic.starts_with("BMS/v1/MEPAI/Value/"));
    let mut survey = Survey::default();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "T" => bench.pass(rest.len() as u64 * 40),
            "R" => bench.release(),
            "C" => bench.command(rest.parse().ok()),
            _ => {
                let (under, rest) = match word {
                    "M" => ("BMS/v1/PUB/Metadata/", rest),
                    "V" => ("BMS/v1/PUB/Value/", rest),
                    _ => ("", line),
                };
                let (topic, payload) = rest.split_once(' ').unwrap_or((rest, ""));
                let (topic, payload) = (format!("{under}{topic}"), payload.as_bytes());
                value_stands(payload);
                let _ = dsx_metadata(payload);
                survey.take(&topic, payload, Stamp::from_unix_ms(1_800_000_000_000));
                bench.message(&topic, payload, false, site.points.len());
            }
        }
    }
    bench.release();
    for topic in survey.topics.values() {
        assert!(topic.last.and_then(|l| l.value).is_none_or(f64::is_finite));
        let _ = topic.said.as_ref().map(|s| (s.unit(), s.phase_word()));
    }
}

/// A value is finite and good, or has a reason; one that is said again is read to the same.
fn value_stands(payload: &[u8]) {
    let Some((value, stamp, quality)) = dsx_value(payload) else { return };
    assert!(value.is_none_or(f64::is_finite), "{value:?}");
    let (Some(x), Quality::Good) = (value, quality) else {
        assert!(quality != Quality::Good || value.is_some());
        return;
    };
    let again = dsx_value(&dsx_value_of(Some(x), stamp));
    // JSON's quick parser of doubles may miss the last digit, and more of what is next to nothing.
    let near = |y: f64| (x - y).abs() <= 4.0 * x.abs() * f64::EPSILON + f64::MIN_POSITIVE;
    let same = again.is_some_and(|(y, t, q)| y.is_some_and(near) && t == stamp && q == Quality::Good);
    assert!(same, "{x} at {stamp} became {again:?}");
}
