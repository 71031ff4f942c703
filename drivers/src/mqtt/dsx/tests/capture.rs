//! A 100 s capture of a real pod (5 racks, a CDU, busway meters), replayed through the binding.

use super::super::*;
use crate::testing::{shared, site};
use serde_json::Value as Document;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Topic and payload of each row; the capture leaves the time of the replay open.
fn rows() -> Option<Vec<(String, String)>> {
    let text = std::fs::read_to_string(shared("data/dsx/dsx_exemplar.csv")?).ok()?;
    let row = |line: &str| {
        let mut parts = line.splitn(3, ',');
        let (topic, payload) = (parts.nth(1)?, parts.next()?);
        Some((
            topic.to_owned(),
            payload
                .trim()
                .trim_matches('"')
                .replace("\"\"", "\"")
                .replace("{{timestamp_ms}}", "1743620423000"),
        ))
    };
    Some(text.lines().skip(1).filter_map(row).collect())
}

/// A site with a point for every topic of the capture whose value the BMS publishes. Points named in `tagged`
/// carry their tag path.
fn text(rows: &[(String, String)], tagged: &BTreeSet<String>) -> (String, usize) {
    let mut objects = BTreeSet::new();
    let (mut points, mut count) = (String::new(), 0);
    for (topic, payload) in rows {
        let Some(rest) = topic.strip_prefix(METADATA) else { continue };
        let m: Document = serde_json::from_str(payload).unwrap();
        if m.get("integration").is_some() {
            continue;
        }
        let name = |key: &str| m.get(key).and_then(Document::as_str);
        let of = name("associateId").or(name("objectId")).or(name("rackLocationId")).unwrap();
        objects.insert(of.to_owned());
        // A site file spells the areas right, whatever the bus does.
        let list = m.get("processArea").and_then(Document::as_array).cloned().unwrap_or_default();
        let mut area: Vec<String> =
            list.iter().map(|a| a.as_str().unwrap().replace("Seccondary", "Secondary")).collect();
        area.extend(name("phase").map(str::to_owned));
        if m.get("isSetpoint").is_some() {
            area.push("Setpoint".into());
        }
        let unit = match (name("engUnit"), name("pointType")) {
            (Some("dB"), _) => "count",
            (Some(unit), _) => unit,
            (None, Some("PowerFactor")) => "1",
            (None, _) => "state",
        };
        let tag = rest.splitn(3, '/').nth(2).unwrap();
        let tag = if tagged.contains(rest) { format!(", tag = \"{tag}\"") } else { String::new() };
        points += &format!(
            "[[point]]\nid = \"{rest}\"\nof = \"{of}\"\ntype = \"{}\"\narea = {area:?}\nunit = \"{unit}\"\nfrom = {{ mqtt = \"bms\"{tag} }}\n",
            name("pointType").unwrap()
        );
        count += 1;
    }
    let equipment: String =
        objects.iter().map(|o| format!("[[equipment]]\nid = \"{o}\"\nkind = \"thing\"\n")).collect();
    (
        "[[mqtt]]\nid = \"bms\"\nurl = \"mqtt://h\"\nintegration = \"MEPAI\"\n".to_owned()
            + &equipment
            + &points,
        count,
    )
}

fn replay(dsx: &mut Dsx, rows: &[(String, String)], prefix: &str) -> Vec<Reading> {
    let (mut readings, mut out) = (Vec::new(), Vec::new());
    let arrival = Stamp::from_unix_ms(4_000_000_000_000);
    for (topic, payload) in rows.iter().filter(|(t, _)| t.starts_with(prefix)) {
        dsx.message(topic, payload.as_bytes(), arrival, &mut readings, &mut out);
    }
    dsx.settle(&mut readings);
    readings
}

#[test]
fn every_point_of_a_real_pod_is_bound() {
    let Some(rows) = rows() else {
        println!("skipped: the capture is not here");
        return;
    };
    let (plain, count) = text(&rows, &BTreeSet::new());
    let plain = site(&plain);
    let mut dsx = Dsx::new(&plain, 0, false);
    replay(&mut dsx, &rows, METADATA);
    let unbound = dsx.status().unbound;
    println!("{count} points, {} of them ambiguous by metadata alone", unbound.len());
    assert!(unbound.iter().all(|u| u.contains("ambiguous")), "{unbound:#?}");
    assert!(unbound.len() * 5 < count, "{unbound:#?}");
    let typo = dsx.status().findings;
    assert!(typo.iter().any(|f| f.contains("Seccondary")), "{typo:?}");

    // With the tags that the findings ask for, all are.
    let tagged = plain
        .points
        .iter()
        .map(|p| &p.id)
        .filter(|id| unbound.iter().any(|u| u.contains(&format!("point `{id}`"))));
    let (text, _) = text(&rows, &tagged.cloned().collect());
    let site = site(&text);
    let mut dsx = Dsx::new(&site, 0, false);
    replay(&mut dsx, &rows, METADATA);
    assert_eq!(dsx.status().unbound, Vec::<String>::new());
    let start = Instant::now();
    let readings = replay(&mut dsx, &rows, VALUE);
    let each = start.elapsed() / readings.len() as u32;
    let mut last: BTreeMap<&str, Reading> = BTreeMap::new();
    for r in &readings {
        last.insert(&site.points[r.point.index()].id, *r);
    }
    println!("{} readings of {} points, {each:?} each", readings.len(), last.len());
    assert_eq!(dsx.status().malformed, 0);
    for (topic, payload) in rows.iter().filter(|(t, _)| t.starts_with(VALUE)) {
        let rest = topic.strip_prefix(VALUE).unwrap();
        let Some(reading) = last.get(rest) else { continue };
        let m: Document = serde_json::from_str(payload).unwrap();
        assert_eq!(m["quality"] == 1 && !m["value"].is_null(), reading.quality.is_good(), "{rest}");
    }
    let racks: Vec<_> = last.iter().filter(|(id, _)| id.starts_with("Rack/RackPower/")).collect();
    assert!(
        racks.len() >= 5 && racks.iter().any(|(_, r)| (30_000.0..50_000.0).contains(&r.value)),
        "{racks:?}"
    );
}
