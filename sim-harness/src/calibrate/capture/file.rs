//! Reading the capture.
//!
//! Responsible for: its CSV (offset, topic, payload), and which topic belongs to which class. Not for: statistics.
//!
//! The payload is JSON with the quotes of CSV around it; `{{timestamp_ms}}` stands for the time of sending.

use super::figures::{Pod, Rack, Series, figures, mean, pod};
use super::{Class, DataError};
use crate::calibrate::read as read_text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values by topic, with the time of each.
type Topics = BTreeMap<String, Series>;

/// Reads `dsx/dsx_exemplar.csv` of a data folder.
///
/// # Errors
/// [`DataError`] if it cannot be read or understood.
pub fn read(data: &Path) -> Result<Pod, DataError> {
    let (path, text) = read_text(data.join("dsx").join("dsx_exemplar.csv"))?;
    let topics = parse(&path, &text)?;
    let classes = Class::ALL
        .into_iter()
        .map(|class| {
            let series: Vec<Series> = topics
                .iter()
                .filter(|(topic, _)| class_of(topic) == Some(class))
                .map(|(_, series)| series.clone())
                .collect();
            (class, figures(&series))
        })
        .collect();
    let header: Vec<f64> = topics
        .iter()
        .filter(|(topic, _)| class_of(topic) == Some(Class::CduDp))
        .flat_map(|(_, series)| series.values.clone())
        .collect();
    Ok(pod(classes, &racks(&topics), mean(&header)))
}

fn content(path: &Path, line: usize, what: &str) -> DataError {
    DataError::Content { path: PathBuf::from(path), what: format!("line {line}: {what}") }
}

fn parse(path: &Path, text: &str) -> Result<Topics, DataError> {
    let mut topics = Topics::new();
    for (index, row) in text.lines().enumerate().skip(1).filter(|(_, row)| !row.trim().is_empty()) {
        let wrong = |what| content(path, index + 1, what);
        let mut fields = row.splitn(3, ',');
        let (Some(offset), Some(topic), Some(payload)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(wrong("expected offset, topic and payload"));
        };
        if !topic.contains("/Value/") {
            continue;
        }
        let offset_s = seconds(offset).ok_or_else(|| wrong("the offset is not a duration"))?;
        let json = payload.trim_matches('"').replace("\"\"", "\"").replace("{{timestamp_ms}}", "0");
        let value: serde_json::Value =
            serde_json::from_str(&json).map_err(|_| wrong("the payload is not JSON"))?;
        // null and values of poor quality say nothing about noise
        let (Some(number), Some(1)) = (value["value"].as_f64(), value["quality"].as_i64()) else { continue };
        let series = topics.entry(topic.to_owned()).or_default();
        series.times_s.push(offset_s);
        series.values.push(number);
    }
    Ok(topics)
}

/// A duration as Go prints it: `1m2.5s`, `3.47ms`, `120µs`.
fn seconds(text: &str) -> Option<f64> {
    let units =
        [("ms", 1e-3), ("µs", 1e-6), ("us", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let (mut rest, mut total) = (text.trim(), 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, factor) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * factor;
        rest = &rest[unit.len()..];
    }
    Some(total)
}

/// Class of a topic of the capture.
fn class_of(topic: &str) -> Option<Class> {
    let has = |part: &str| topic.contains(part);
    let busway = has("C-E-BUS-");
    match topic.split('/').nth(5)? {
        "RackLiquidFlow" => Some(Class::RackFlow),
        "RackLiquidDifferentialPressure" => Some(Class::RackDp),
        "RackLiquidSupplyTemperature" => Some(Class::RackSupply),
        "RackLiquidReturnTemperature" => Some(Class::RackReturn),
        // rack01 is empty: 96 W
        "RackPower" if !has("/rack01/") => Some(Class::RackPower),
        "ActivePower" if busway => Some(Class::BuswayPower),
        "Current" if busway && has("/current/current/") => Some(Class::BuswayCurrent),
        "LiquidDifferentialPressure" if has("/secondary/dp/") => Some(Class::CduDp),
        "LiquidTemperature" if has("/secondary/supply/") => Some(Class::CduSupply),
        "AirTemperature" => Some(Class::AisleTemperature),
        "AirRelativeHumidity" => Some(Class::AisleHumidity),
        _ => None,
    }
}

/// Mean values of every rack that has a flow meter.
fn racks(topics: &Topics) -> Vec<Rack> {
    let flows = topics.keys().filter(|topic| class_of(topic) == Some(Class::RackFlow));
    flows
        .filter_map(|topic| topic.split('/').find(|part| part.starts_with("rack")))
        .map(|rack| {
            let of = |kind: &str| {
                let found = topics.iter().find(|(topic, _)| {
                    topic.contains(&format!("/{rack}/")) && topic.split('/').nth(5) == Some(kind)
                });
                found.map_or(f64::NAN, |(_, series)| mean(&series.values))
            };
            Rack {
                flow_lpm: of("RackLiquidFlow"),
                dp_kpa: of("RackLiquidDifferentialPressure"),
                supply_c: of("RackLiquidSupplyTemperature"),
                return_c: of("RackLiquidReturnTemperature"),
                power_kw: of("RackPower"),
                valve: of("RackControlValvePosition"),
                liquid_kw: f64::NAN,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        let near = |text, want: f64| (seconds(text).unwrap() - want).abs() < 1e-12;
        assert!(
            near("0s", 0.0) && near("3.4731ms", 0.003_473_1) && near("1m2.5s", 62.5) && near("7µs", 7e-6)
        );
        assert!(seconds("soon").is_none() && seconds("3").is_none());
    }

    #[test]
    fn rows_are_sorted_into_topics_and_faults_name_their_line() {
        let topic = "BMS/v1/PUB/Value/Rack/RackLiquidFlow/n/t/rowE/rack02/flow";
        let row = |payload: &str| format!("offset,topic,payload\n1s,{topic},{payload}\n");
        let good = row("\"{\"\"value\"\":50.25,\"\"timestamp\"\":{{timestamp_ms}},\"\"quality\"\":1}\"");
        let topics = parse(Path::new("x.csv"), &good).unwrap();
        assert_eq!(topics[topic].values, [50.25]);
        assert_eq!(class_of(topic), Some(Class::RackFlow));
        let poor = row("\"{\"\"value\"\":50.25,\"\"quality\"\":192}\"");
        assert!(parse(Path::new("x.csv"), &poor).unwrap().is_empty());
        let error = parse(Path::new("x.csv"), &row("half")).unwrap_err().to_string();
        assert_eq!(error, "x.csv: line 2: the payload is not JSON");
    }
}
