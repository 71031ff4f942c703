//! Sparkplug B: edge nodes that say anything in any order.
//!
//! An input is a log of frames: a byte of kind, a byte of length, the payload. Kinds are the eight of [`KINDS`], modulo;
//! from 128 on a message is one that the broker had kept.

use super::Target;
use super::bus::{Bench, site};
use headroom_site::Site;
use std::sync::OnceLock;

/// A Sparkplug connection.
pub const SPARKPLUG: Target = Target { name: "sparkplug", body: read, bytes_per_byte: 1 << 12 };

const SITE: &str = r#"
format = 1
[site]
name = "s"
[[mqtt]]
id = "s"
url = "mqtt://h"
dialect = "sparkplug"
group = "g"
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "flow"
of = "CDU-01"
unit = "L/min"
stale-after = "60 s"
range = ["0 L/min", "900 L/min"]
from = { mqtt = "s", edge = "e", device = "d", metric = "Flow" }
[[point]]
id = "in-force"
of = "CDU-01"
unit = "degC"
from = { mqtt = "s", edge = "e", device = "d", metric = "SP" }
[[point]]
id = "cpu"
of = "site"
unit = "%"
from = { mqtt = "s", edge = "e", metric = "CPU" }
[[actuator]]
id = "supply"
of = "CDU-01"
unit = "degC"
range = ["18 degC", "45 degC"]
ramp = "1 K/5min"
fallback = "30 degC"
refresh = "10 s"
readback = "in-force"
to = { mqtt = "s", edge = "e", device = "d", metric = "SP" }
"#;

/// What a frame is; what is not a message is done to the connection.
const KINDS: [&str; 12] = [
    "spBv1.0/g/NBIRTH/e",
    "spBv1.0/g/DBIRTH/e/d",
    "spBv1.0/g/NDATA/e",
    "spBv1.0/g/DDATA/e/d",
    "spBv1.0/g/NDEATH/e",
    "spBv1.0/g/DDEATH/e/d",
    "spBv1.0/STATE/headroom",
    "pass",
    "down",
    "up",
    "command",
    "release",
];

fn the_site() -> &'static Site {
    static READ: OnceLock<Site> = OnceLock::new();
    READ.get_or_init(|| site(SITE))
}

fn may_say(topic: &str) -> bool {
    ["spBv1.0/g/NCMD/e", "spBv1.0/g/DCMD/e/d", "spBv1.0/STATE/headroom"].contains(&topic)
}

fn read(input: &[u8]) {
    let mut bench = Bench::new(the_site(), may_say);
    let mut rest = input;
    while let [kind, length, more @ ..] = rest {
        let (payload, behind) = more.split_at(usize::from(*length).min(more.len()));
        rest = behind;
        match KINDS[usize::from(kind & 0x7F) % KINDS.len()] {
            "pass" => bench.pass(payload.first().copied().unwrap_or(0).into()),
            "down" => bench.link(false),
            "up" => bench.link(true),
            "command" => {
                let value = payload.first_chunk().map(|b| f64::from_le_bytes(*b));
                bench.command(value);
            }
            "release" => bench.release(),
            // A metric of two bytes may say a point anew, and held messages follow the one they waited for.
            topic => bench.message(topic, payload, kind & 0x80 != 0, 1 << 12),
        }
    }
    bench.release();
}
