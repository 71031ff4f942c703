//! Every message of a sample image against the AsyncAPI document, by an independent validator.

use super::*;
use crate::desk::dsx::DsxConfig;
use serde_json::json;

/// Reads lines of `{"topic", "payload"}` and prints one line per message that breaks the contract.
const CHECK: &str = r##"
import json, sys, yaml, jsonschema
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
api = yaml.load(open(sys.argv[1]), Loader=loader)
parts, cache = api["components"], {}
value_schema = parts["messages"]["ValueMessage"]["payload"]

def validator(schema):
    key = json.dumps(schema)
    if key not in cache:
        whole = dict(schema, components=parts)
        cache[key] = jsonschema.Draft202012Validator(whole)
    return cache[key]

def channel(publisher, kind, objekt):
    who = "PUB" if publisher == "PUB" else "{integration}"
    want = f"BMS/v1/{who}/{kind}/{objekt}/{{pointType}}/{{tagPath}}"
    return next((c for c in api["channels"].values() if c["address"] == want), None)

def problem(topic, payload):
    bms, v1, publisher, kind, objekt, point, tag = topic.split("/", 6)
    found = channel(publisher, kind, objekt)
    if (bms, v1) != ("BMS", "v1") or found is None: return "no such channel"
    if point not in found["parameters"]["pointType"]["enum"]: return "point type not on this channel"
    schema = value_schema
    if kind == "Metadata":
        ref = found["messages"].get(point[0].lower() + point[1:])
        if ref is None: return "no such message"
        schema = parts["messages"][ref["$ref"].split("/")[-1]]["payload"]
    errors = [e.message for e in validator(schema).iter_errors(payload)]
    return "; ".join(errors) if errors else None

n = 0
for line in open(sys.argv[2]):
    m = json.loads(line)
    n += 1
    p = problem(m["topic"], m["payload"])
    if p: print("BAD", m["topic"], p)
print("checked", n)
"##;

fn line(topic: &str, payload: &[u8]) -> String {
    let payload: serde_json::Value = serde_json::from_slice(payload).expect(topic);
    json!({ "topic": topic, "payload": payload }).to_string() + "\n"
}

#[tokio::test]
async fn everything_said_fits_the_contract() {
    let Some(document) = reference("data/dsx/bms.yaml") else {
        println!("skipped: no bms.yaml");
        return;
    };
    if !python_has("yaml, jsonschema") {
        println!("skipped: no pyyaml or jsonschema");
        return;
    }
    let mut image = testing::image();
    image.values[3] = f64::NAN;
    image.quality[3] = 0;
    let mut desk = DsxDesk::new(&image, "MEPAI", DsxConfig::default()).unwrap();
    let heartbeat = "BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/MEPAI/heartbeat";
    let beat = format!("{{\"value\":{T0},\"timestamp\":{T0},\"quality\":1}}");
    desk.receive(T0, heartbeat, beat.as_bytes()).unwrap();
    let mut lines = line(heartbeat, beat.as_bytes());
    desk.publish_metadata(T0, &mut |t, p| lines += &line(t, p));
    desk.publish(T0, &image, &mut |t, p| lines += &line(t, p));
    let good = lines.lines().count();
    // The validator must be able to say no.
    lines += &line("BMS/v1/PUB/Value/CDU/LiquidTemperatureSpRequest/x", beat.as_bytes());
    lines += &line("BMS/v1/PUB/Value/CDU/LiquidFlow/x", b"{\"value\":\"1\",\"timestamp\":1,\"quality\":1}");
    lines += &line("BMS/v1/PUB/Metadata/Rack/RackPower/x", b"{\"objectType\":\"Rack\"}");
    let file = std::env::temp_dir().join(format!("headroom-dsx-{}.jsonl", std::process::id()));
    std::fs::write(&file, &lines).unwrap();
    let arguments = vec![document.display().to_string(), file.display().to_string()];
    let printed = python(CHECK, arguments).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let bad: Vec<&str> = printed.lines().filter(|l| l.starts_with("BAD")).collect();
    assert_eq!(bad.len(), 3, "{bad:#?}");
    assert!(bad.iter().all(|l| l.split(' ').nth(1).is_some_and(|t| t.ends_with("/x"))), "{bad:#?}");
    assert!(printed.contains(&format!("checked {}", good + 3)));
    // Per point: metadata, and a value unless it is a request; four heartbeat points, two of them said.
    assert_eq!(good, 2 * image.points.len() - 2 + 4 + 2 + 1);
}
