//! The capture of a real pod: its rows, and a site file made of its metadata alone.

use serde_json::Value as Document;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

pub(crate) const METADATA: &str = "BMS/v1/PUB/Metadata/";
pub(crate) const VALUE: &str = "BMS/v1/PUB/Value/";

/// A message of the capture; its time stamp is still to be filled in.
pub(crate) struct Row {
    pub(crate) at: Duration,
    pub(crate) topic: String,
    pub(crate) payload: String,
}

/// The capture, which is not ours to ship; `None`, and a word about it, where it is not.
pub(crate) fn rows() -> Option<Vec<Row>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("HEADROOM_SHARED").map_or_else(|| root.join("../shared"), Into::into);
    let path = shared.join("data/dsx/dsx_exemplar.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let row = |line: &str| {
        let mut parts = line.splitn(3, ',');
        let (at, topic, payload) = (duration(parts.next()?)?, parts.next()?, parts.next()?);
        let payload = payload.trim().trim_matches('"').replace("\"\"", "\"");
        Some(Row { at, topic: topic.to_owned(), payload })
    };
    Some(text.lines().skip(1).filter_map(row).collect())
}

/// `1m39.3675441s`, `17.0259ms`, `0s`.
fn duration(text: &str) -> Option<Duration> {
    let (minutes, rest) = match text.split_once('m') {
        Some((m, rest)) if !rest.starts_with('s') => (m.parse::<f64>().ok()?, rest),
        _ => (0.0, text),
    };
    let seconds = match rest.strip_suffix("ms") {
        Some(ms) => ms.parse::<f64>().ok()? * 1e-3,
        None => rest.strip_suffix('s')?.parse().ok()?,
    };
    Some(Duration::from_secs_f64(60.0 * minutes + seconds))
}

/// What there is, by the metadata: every object with its type and what it serves, every point that the BMS publishes.
pub(crate) fn site(rows: &[Row], url: &str, hold: &str) -> String {
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let mut serves: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut points = String::new();
    for row in rows {
        let Some(rest) = row.topic.strip_prefix(METADATA) else { continue };
        let m: Document = serde_json::from_str(&row.payload).unwrap();
        if m.get("integration").is_some() {
            continue;
        }
        let name = |key: &str| m.get(key).and_then(Document::as_str);
        let own = name("objectId").or(name("rackLocationId"));
        let of = own.or(name("associateId")).unwrap().to_owned();
        let kind = own.and(name("objectType")).unwrap_or("thing").to_lowercase();
        let known = kinds.entry(of.clone()).or_insert_with(|| kind.clone());
        if own.is_some() {
            *known = kind;
        }
        let list = |key: &str| m.get(key).and_then(Document::as_array).cloned().unwrap_or_default();
        let text = |x: &Document| x.as_str().unwrap().to_owned();
        serves.entry(of.clone()).or_default().extend(list("servesId").iter().map(text));
        // A site file spells the areas right, whatever the bus does.
        let mut area: Vec<String> =
            list("processArea").iter().map(|a| text(a).replace("Seccondary", "Secondary")).collect();
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
        let (kind, tag) = (name("pointType").unwrap(), rest.splitn(3, '/').nth(2).unwrap());
        writeln!(points, "[[point]]\nid = \"{rest}\"\nof = \"{of}\"\ntype = \"{kind}\"\narea = {area:?}")
            .unwrap();
        writeln!(points, "unit = \"{unit}\"\nfrom = {{ mqtt = \"bms\", tag = \"{tag}\" }}").unwrap();
    }
    let mut out = format!("format = 1\n[site]\nname = \"pod\"\n[plausibility]\nhold = \"{hold}\"\n");
    out += "[periods]\npower = \"100 ms\"\ncooling = \"1 s\"\n";
    writeln!(out, "[[mqtt]]\nid = \"bms\"\nurl = \"{url}\"\nintegration = \"MEPAI\"").unwrap();
    for (id, kind) in &kinds {
        let known: Vec<&String> = serves[id].iter().filter(|s| kinds.contains_key(*s)).collect();
        writeln!(out, "[[equipment]]\nid = \"{id}\"\nkind = \"{kind}\"\nserves = {known:?}").unwrap();
    }
    out + &points
}
