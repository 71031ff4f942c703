//! The schemas that editors use say what the readers say: the same keys, words and units, and every shipped file
//! is valid. A small validator for the keywords our schemas use; any other keyword fails the test.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod validator;

use headroom_policies::{CoolingStrategy, Mode, PowerStrategy, Prefer, SummerTime, library, read_policy};
use headroom_site::Dimension;
use headroom_site::doc::Finding;
use headroom_site::file::read_site;
use headroom_site::model::Engine;
use headroom_site::quantity::UNITS;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use validator::{from_toml, problems};

const FULL: &str = include_str!("../full.toml");
const SITE: &str = include_str!("../site_full.toml");

fn policy_schema() -> Value {
    serde_json::from_str(include_str!("../../schema/policy.schema.json")).unwrap()
}

fn site_schema() -> Value {
    serde_json::from_str(include_str!("../../schema/site.schema.json")).unwrap()
}

fn policy_findings(text: &str) -> Vec<Finding> {
    read_policy("p", text).err().unwrap_or_default()
}

fn site_findings(text: &str) -> Vec<Finding> {
    read_site("s", text, Path::new(".")).err().unwrap_or_default()
}

#[test]
fn every_file_is_valid() {
    let schema = policy_schema();
    for s in library() {
        assert_eq!(problems(&schema, &from_toml(s.text)), Vec::<String>::new(), "{}", s.name);
    }
    assert_eq!(problems(&schema, &from_toml(FULL)), Vec::<String>::new());
    assert_eq!(policy_findings(FULL), vec![]);
    let schema = site_schema();
    assert_eq!(problems(&schema, &from_toml(SITE)), Vec::<String>::new());
    assert_eq!(problems(&schema, &from_toml(include_str!("../site.toml"))), Vec::<String>::new());
    assert_eq!(site_findings(SITE), vec![]);
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let schema = policy_schema();
    for (from, to) in [
        ("gpu = \"9 K\"", "gppu = \"9 K\""),
        ("gpu = \"9 K\"", "gpu = 9"),
        ("caps = \"active\"", "caps = \"on\""),
        ("pue = 1.12", "pue = 0.9"),
        ("confidence = 0.99", "confidence = 99"),
        ("format = 1", "format = 2"),
        ("name = \"full\"", ""),
        ("[strategy]", "[stratgy]"),
        ("days = [\"weekdays\"]", "days = [\"weekday\"]"),
        ("limit = \"8 kW\"", ""),
        ("priority = 7", "priority = \"high\""),
    ] {
        let text = FULL.replacen(from, to, 1);
        assert!(text != FULL && !policy_findings(&text).is_empty(), "{to}");
        assert!(!problems(&schema, &from_toml(&text)).is_empty(), "{to}");
    }
}

const PROBE: &str = "zzzzzzzzzzzz";

/// Keys that a reader asks for in a table, from its finding about a key it does not know.
fn reader_keys(findings: &[Finding], around: &str) -> BTreeSet<String> {
    let probe = findings.iter().find(|f| f.what.contains(PROBE));
    let Some(probe) = probe else { panic!("no finding about the probe in {around}: {findings:#?}") };
    let Some((_, keys)) = probe.remedy.split_once("use one of: ") else { panic!("{probe:?}") };
    keys.split(", ").map(str::to_owned).collect()
}

/// Puts the probe behind the nth occurrence (from 0) of `before`.
fn with_probe(text: &str, before: &str, nth: usize, probe: &str) -> String {
    let (at, found) = text.match_indices(before).nth(nth).unwrap_or_else(|| panic!("no {before} #{nth}"));
    let mut out = text.to_owned();
    out.insert_str(at + found.len(), probe);
    out
}

fn schema_keys(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let Some(table) = schema.pointer(pointer) else { panic!("the schema has nothing at {pointer}") };
    assert_eq!(table["additionalProperties"], Value::Bool(false), "{pointer}");
    table["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn policy_keys_agree() {
    let schema = policy_schema();
    let line = format!("\n{PROBE} = 1\n");
    let table = |before: &str| reader_keys(&policy_findings(&with_probe(FULL, before, 0, &line)), before);
    assert_eq!(table("format = 1"), schema_keys(&schema, ""));
    for name in ["clock", "strategy", "objective", "headroom", "grid", "outlook", "operator"] {
        assert_eq!(
            table(&format!("\n[{name}]")),
            schema_keys(&schema, &format!("/properties/{name}")),
            "{name}"
        );
    }
    for name in ["limit", "budget", "job"] {
        let pointer = format!("/properties/{name}/items");
        assert_eq!(table(&format!("\n[[{name}]]")), schema_keys(&schema, &pointer), "{name}");
    }
    let swing = with_probe(FULL, "swing = { ", 0, &format!("{PROBE} = 1, "));
    assert_eq!(
        reader_keys(&policy_findings(&swing), "swing"),
        schema_keys(&schema, "/properties/grid/properties/swing")
    );
}

#[test]
fn site_keys_agree() {
    let schema = site_schema();
    let line = format!("\n{PROBE} = 1\n");
    let table =
        |before: &str, nth| reader_keys(&site_findings(&with_probe(SITE, before, nth, &line)), before);
    assert_eq!(table("\nformat = 1", 0), schema_keys(&schema, ""));
    for name in ["site", "periods", "plausibility", "meters"] {
        let pointer = format!("/properties/{name}");
        assert_eq!(table(&format!("\n[{name}]"), 0), schema_keys(&schema, &pointer), "{name}");
    }
    let lists = [
        "place",
        "sku",
        "node",
        "job",
        "power",
        "mqtt",
        "prometheus",
        "dcgm",
        "modbus",
        "equipment",
        "point",
        "actuator",
    ];
    for name in lists.into_iter().chain(["min-flow"]) {
        let pointer = format!("/properties/{name}/items");
        assert_eq!(table(&format!("\n[[{name}]]"), 0), schema_keys(&schema, &pointer), "{name}");
    }
    let modbus = "/properties/modbus/items/properties";
    assert_eq!(table("\n[[modbus.register]]", 0), schema_keys(&schema, &format!("{modbus}/register/items")));
    assert_eq!(table("\n[modbus.remote]", 0), schema_keys(&schema, &format!("{modbus}/remote")));
    for (before, pointer) in [("\ntls = { ", "tls"), ("\nrepeat = { ", "register/items/properties/repeat")] {
        let inline = with_probe(SITE, before, 0, &format!("{PROBE} = 1, "));
        let pointer = format!("{modbus}/{pointer}");
        assert_eq!(reader_keys(&site_findings(&inline), before), schema_keys(&schema, &pointer), "{before}");
    }
}

/// `from` and `to` take other keys for each kind of connection.
#[test]
fn site_wires_agree() {
    let schema = site_schema();
    for (key, list, wires) in [
        (
            "from",
            "point",
            &["mqtt = \"bms\"", "mqtt = \"plain\"", "modbus =", "prometheus =", "mqtt = \"edges\""][..],
        ),
        ("to", "actuator", &["mqtt = \"bms\"", "mqtt = \"plain\"", "modbus =", "mqtt = \"edges\""][..]),
    ] {
        for (i, wire) in wires.iter().enumerate() {
            let before = format!("\n{key} = {{ ");
            let nth = SITE.match_indices(&before).position(|(at, b)| SITE[at + b.len()..].starts_with(wire));
            let probed = with_probe(SITE, &before, nth.unwrap(), &format!("{PROBE} = 1, "));
            let mut keys = reader_keys(&site_findings(&probed), wire);
            // The reader looks for mqtt first in every table.
            if !wire.starts_with("mqtt") {
                keys.remove("mqtt");
            }
            let pointer = format!("/properties/{list}/items/properties/{key}/anyOf/{i}");
            assert_eq!(keys, schema_keys(&schema, &pointer), "{key} {wire}");
        }
    }
}

#[test]
fn words_agree() {
    fn words(schema: &Value, pointer: &str) -> Vec<String> {
        let list = schema.pointer(pointer).and_then(|v| v["enum"].as_array().cloned()).unwrap();
        list.iter().map(|w| w.as_str().unwrap().to_owned()).collect()
    }
    let schema = policy_schema();
    let said = |pointer: &str| words(&schema, pointer);
    assert_eq!(said("/$defs/mode"), Mode::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    let strategy = "/properties/strategy/properties";
    let power: Vec<_> = PowerStrategy::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(said(&format!("{strategy}/power")), power);
    let cooling: Vec<_> = CoolingStrategy::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(said(&format!("{strategy}/cooling")), cooling);
    let prefer: Vec<_> = Prefer::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(said("/properties/objective/properties/prefer"), prefer);
    let summer: Vec<_> = SummerTime::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(said("/properties/clock/properties/summer-time"), summer);
    let symbols: Vec<_> = UNITS.iter().map(|u| u.symbol.to_owned()).collect();
    let site = site_schema();
    assert_eq!(words(&site, "/properties/point/items/properties/unit"), symbols);
    assert_eq!(words(&site, "/properties/actuator/items/properties/unit"), symbols);
    let engines: Vec<_> = Engine::ALL.iter().map(|e| e.word().to_owned()).collect();
    assert_eq!(words(&site, "/properties/prometheus/items/properties/engine"), engines);
}

/// The patterns of quantities list the units that the site's words know, no more and no fewer.
#[test]
fn units_agree() {
    let number = r"^ *[-+]?[0-9._]+([eE][-+]?[0-9]+)? *";
    let pattern = |symbols: &[&str]| format!("{number}({})$", symbols.join("|"));
    let time = Dimension::Time.symbols().join("|");
    let rate = |symbols: &[&str]| format!("{number}({}) */ *([0-9._]+ *)?({time})$", symbols.join("|"));
    let all: Vec<&str> = UNITS.iter().map(|u| u.symbol).collect();
    for schema in [policy_schema(), site_schema()] {
        for (name, def) in schema["$defs"].as_object().unwrap() {
            let wanted = match name.as_str() {
                "temperature" => pattern(&Dimension::Temperature.symbols()),
                "temperature-difference" => pattern(&Dimension::TemperatureDelta.symbols()),
                "power" => pattern(&Dimension::Power.symbols()),
                "frequency" => pattern(&Dimension::Frequency.symbols()),
                "ratio" => pattern(&Dimension::Ratio.symbols()),
                "time" => pattern(&Dimension::Time.symbols()),
                "specific-flow" => pattern(&Dimension::SpecificFlow.symbols()),
                "amount" => pattern(&all),
                "amount-rate" => rate(&all),
                "power-rate" => rate(&Dimension::Power.symbols()),
                "mode" | "time-of-day" => continue,
                other => panic!("no rule for the definition `{other}`"),
            };
            assert_eq!(def["pattern"], Value::String(wanted), "{name}");
        }
    }
}
