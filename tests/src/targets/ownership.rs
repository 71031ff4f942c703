//! The file in which an agent keeps the limits that it found, and the highest epoch of each node.

use super::Target;
use headroom_drivers::fuzz::ownership;
use serde_json::Value;

/// The agent's file.
pub const OWNERSHIP: Target = Target { name: "ownership", body: read, bytes_per_byte: 1 << 10 };

fn read(input: &[u8]) {
    let written = match ownership(input) {
        Ok(written) => written,
        Err(why) => {
            assert!(!why.is_empty(), "refused without a reason");
            return;
        }
    };
    // What is written is read to the same, and nothing that was noted is lost or made up on the way.
    assert!(ownership(&written).is_ok_and(|again| again == written), "{}", String::from_utf8_lossy(&written));
    let said: Result<Value, _> = serde_json::from_slice(input);
    let kept: Result<Value, _> = serde_json::from_slice(&written);
    let Ok(kept) = kept else { panic!("{kept:?}") };
    // Lists in place of tables, and what is unknown and deeper than a value may be, are passed over.
    let Some(said) = said.ok().filter(Value::is_object) else { return };
    assert_eq!(kept["format"], 1);
    for part in ["epochs", "found"] {
        let noted = |file: &Value| match (&file[part], part) {
            (Value::Object(map), "epochs") => map.clone().into_iter().collect::<Vec<_>>(),
            (Value::Object(map), _) => {
                map.iter().map(|(uuid, found)| (uuid.clone(), limit(found).clone())).collect()
            }
            _ => Vec::new(),
        };
        assert_eq!(noted(&said), noted(&kept), "`{part}` became something else");
    }
}

/// The limit of one GPU.
fn limit(found: &Value) -> &Value {
    found.get(0).unwrap_or(&found["limit_mw"])
}
