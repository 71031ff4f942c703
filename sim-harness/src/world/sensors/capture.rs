//! The distribution of what sensors show, ours and a capture's, in the same figures.
//!
//! Responsible for: reading a capture of a BMS bus, and the figures by which a class of sensors is compared with it.
//! Not for: where the capture lies, or the report.
//!
//! A series is held from message to message on a grid of 1 s, from 2 s after its start; then
//! ```text
//! sd = standard deviation      s1 = sqrt(mean((x(t + 1 s) - x(t))^2) / 2)
//! step = smallest change       rate = changes per second
//! ```

use super::Sensors;
use super::class::{self, SensorClass};
use crate::image::{Image, ImagePoint};
use std::collections::BTreeMap;

/// What one topic said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// DSX object type.
    pub object_type: String,
    /// DSX point type.
    pub point_type: String,
    /// Tag path.
    pub tag: String,
    /// Time, s, and value.
    pub samples: Vec<(f64, f64)>,
}

/// Figures of a series.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// Mean value.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Deviation of two values 1 s apart, over the square root of two.
    pub s1: f64,
    /// Smallest change.
    pub step: f64,
    /// Changes per second.
    pub rate: f64,
}

impl Shape {
    /// Figures of one series over `span_s`; `None` with fewer than two changes.
    #[must_use]
    pub fn of(samples: &[(f64, f64)], span_s: f64) -> Option<Self> {
        let change = |w: &[(f64, f64)]| (w[1].1 - w[0].1).abs();
        let changes: Vec<f64> = samples.windows(2).map(change).filter(|d| *d > 1e-9).collect();
        if changes.len() < 2 {
            return None;
        }
        let mut held = Vec::new();
        let mut at = 0;
        for second in 2..span_s as u32 {
            while samples.get(at + 1).is_some_and(|s| s.0 <= f64::from(second)) {
                at += 1;
            }
            held.push(samples[at].1);
        }
        let n = held.len() as f64;
        let mean = held.iter().sum::<f64>() / n;
        let sd = (held.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let s1 = (held.windows(2).map(|w| (w[1] - w[0]).powi(2)).sum::<f64>() / (2.0 * (n - 1.0))).sqrt();
        let step = changes.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        Some(Self { mean, sd, s1, step, rate: changes.len() as f64 / span_s })
    }

    /// Median of each figure but the step, of which it is the smallest.
    #[must_use]
    pub fn median(shapes: &[Self]) -> Option<Self> {
        let middle = |figure: fn(&Self) -> f64| {
            let mut values: Vec<f64> = shapes.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        Some(Self {
            mean: middle(|s| s.mean)?,
            sd: middle(|s| s.sd)?,
            s1: middle(|s| s.s1)?,
            rate: middle(|s| s.rate)?,
            step: shapes.iter().fold(f64::INFINITY, |a, s| a.min(s.step)),
        })
    }
}

/// Reads a capture: CSV of offset (Go duration), topic and quoted JSON payload. Only values are kept.
#[must_use]
pub fn read(text: &str) -> Vec<Series> {
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut fields = line.splitn(3, ',');
        let (Some(offset), Some(topic), Some(payload)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let mut levels = topic.splitn(7, '/').skip(3);
        let ("Value", Some(object), Some(kind), Some(tag)) =
            (levels.next().unwrap_or_default(), levels.next(), levels.next(), levels.next())
        else {
            continue;
        };
        let json = payload.trim().trim_matches('"').replace("\"\"", "\"").replace("{{timestamp_ms}}", "0");
        let value = serde_json::from_str::<serde_json::Value>(&json).ok().and_then(|v| v["value"].as_f64());
        let (Some(at_s), Some(value)) = (duration_s(offset), value) else { continue };
        let entry = series.entry(topic).or_insert_with(|| Series {
            object_type: object.to_owned(),
            point_type: kind.to_owned(),
            tag: tag.to_owned(),
            samples: Vec::new(),
        });
        entry.samples.push((at_s, value));
    }
    series.into_values().collect()
}

/// A Go duration such as `1m2.5s` or `3.4731ms`, s.
fn duration_s(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += factor * number.parse::<f64>().ok()?;
        rest = tail;
    }
    Some(sum)
}

/// Classes that a capture can be compared with, and which of its series are of each.
#[must_use]
pub fn of_class(series: &Series) -> Option<&'static SensorClass> {
    let tag = series.tag.as_str();
    match (series.object_type.as_str(), series.point_type.as_str()) {
        ("Rack", "RackLiquidFlow") => Some(&class::RACK_FLOW),
        ("Rack", "RackLiquidDifferentialPressure") => Some(&class::RACK_DP),
        ("Rack", "RackLiquidSupplyTemperature" | "RackLiquidReturnTemperature") => {
            Some(&class::RACK_TEMPERATURE)
        }
        ("Rack", "RackPower") => Some(&class::RACK_POWER),
        ("PowerMeter", "ActivePower") => Some(&class::METER),
        ("PowerMeter", "Current") if tag.contains("BUS") => Some(&class::SLOW_METER),
        ("CDU", "LiquidTemperature") => Some(&class::WATER_TEMPERATURE),
        ("CDU", "LiquidDifferentialPressure") if tag.contains("secondary/dp") => Some(&class::WATER_DP),
        ("CDU", "LiquidFlow") if tag.contains("primary") => Some(&class::WATER_FLOW),
        ("Sensor", "AirTemperature") => Some(&class::AIR_TEMPERATURE),
        ("Sensor", "AirRelativeHumidity") => Some(&class::HUMIDITY),
        ("Sensor", "AirDifferentialPressure") => Some(&class::AISLE_DP),
        _ => None,
    }
}

/// Figures of a capture by class; series at rest and empty racks are left out.
#[must_use]
pub fn shapes(series: &[Series], class: &SensorClass, span_s: f64) -> Vec<Shape> {
    let ours = series.iter().filter(|s| of_class(s).is_some_and(|c| c.name == class.name));
    let shapes = ours.filter_map(|s| Shape::of(&s.samples, span_s));
    shapes.filter(|s| class.name != class::RACK_POWER.name || s.mean > 1.0).collect()
}

/// Figures of `count` of our sensors of a class at a constant true value over `span_s`, in steps of `dt_s`.
#[must_use]
pub fn simulate(class: &'static SensorClass, level: f64, count: usize, span_s: f64, dt_s: f64) -> Vec<Shape> {
    let point = |n: usize| ImagePoint {
        object_type: "Sensor",
        object_id: format!("sensor-{n}").into(),
        point_type: "GenericPoint",
        process_area: Vec::new(),
        unit: None,
        state_text: Vec::new(),
        tag: format!("sensor-{n}"),
        serves: [].into(),
        class,
        is_setpoint: false,
        request: false,
    };
    let mut image = Image::of((0..count).map(point).collect::<Vec<_>>());
    let mut sensors = Sensors::new(&image, &[], 1);
    let mut samples: Vec<Vec<(f64, f64)>> = vec![Vec::new(); count];
    for step in 0..(span_s / dt_s) as u32 {
        let now_s = f64::from(step) * dt_s;
        for k in 0..sensors.due(now_s).len() {
            let (seen, _) = sensors.sees(k);
            sensors.put(seen, level);
        }
        sensors.publish(&mut image);
        for (list, value) in samples.iter_mut().zip(&image.values) {
            if list.last().is_none_or(|(_, last)| last.to_bits() != value.to_bits()) {
                list.push((now_s, *value));
            }
        }
    }
    samples.iter().filter_map(|list| Shape::of(list, span_s)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Span of the capture, s.
    const SPAN_S: f64 = 99.4;

    #[test]
    fn durations_and_lines_are_read() {
        assert_eq!(duration_s("1m2.5s"), Some(62.5));
        assert!((duration_s("3.4731ms").unwrap() - 0.003_473_1).abs() < 1e-12);
        assert_eq!(duration_s("12 s"), None);
        let text = "offset,topic,payload\n\
            1.5s,BMS/v1/PUB/Value/Rack/RackPower/a/b/c,\"{\"\"value\"\":4.5,\"\"timestamp\"\":{{timestamp_ms}},\"\"quality\"\":1}\"\n\
            2s,BMS/v1/PUB/Metadata/Rack/RackPower/a/b/c,\"{}\"\n";
        let series = read(text);
        assert_eq!(series.len(), 1);
        assert_eq!((series[0].tag.as_str(), series[0].samples[0]), ("a/b/c", (1.5, 4.5)));
    }

    /// What our sensors show at a constant value against what the capture shows at a nearly constant one.
    #[test]
    fn our_sensors_show_what_the_captured_ones_show() {
        let root = std::env::var_os("HEADROOM_SHARED").map_or_else(
            || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
            Into::into,
        );
        let Ok(text) = std::fs::read_to_string(root.join("data/dsx/dsx_exemplar.csv")) else {
            println!("skipped: no capture");
            return;
        };
        let series = read(&text);
        let mut wrong = Vec::new();
        for class in class::CLASSES {
            let Some(theirs) = Shape::median(&shapes(&series, class, SPAN_S)) else { continue };
            let Some(ours) = Shape::median(&simulate(class, theirs.mean, 200, SPAN_S, 1.0)) else {
                wrong.push(format!("{}: ours does not move", class.name));
                continue;
            };
            println!("{:28} theirs {theirs:.4?}\n{:28} ours   {ours:.4?}", class.name, "");
            let ratio = |a: f64, b: f64| (a / b).max(b / a);
            // within 100 s the captured quantity itself moves, most of all temperature and humidity
            let sd = if ours.sd < theirs.sd { 2.5 } else { 1.4 };
            let figures = [("sd", ours.sd, theirs.sd, sd), ("s1", ours.s1, theirs.s1, 1.6)];
            // finer steps than that are not resolved by the figures of the capture
            let step = if theirs.step < 0.00099 { ours.step.min(0.001) } else { theirs.step };
            let more = [("rate", ours.rate, theirs.rate, 1.6), ("step", ours.step, step, 1.1)];
            for (figure, our, their, tolerance) in figures.into_iter().chain(more) {
                if ratio(our, their) > tolerance {
                    wrong.push(format!("{} {figure}: ours {our:.4}, theirs {their:.4}", class.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
