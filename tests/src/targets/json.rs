//! Plain JSON over MQTT.
//!
//! An input is a log: a line is `N payload` (on topic N of the site), `C number` (a command), `T` (time passes), `R`
//! (everything is let go), or any `topic payload`.

use super::Target;
use super::bus::{Bench, site};
use super::text::text;
use headroom_site::Site;
use headroom_site::model::{Source, TimeFormat};
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Connections of the dialect JSON.
pub const JSON: Target = Target { name: "json", body: read, bytes_per_byte: 1 << 12 };

const HEAD: &str = r#"
format = 1
[site]
name = "s"
[[mqtt]]
id = "j"
url = "mqtt://h"
dialect = "json"
[[equipment]]
id = "CT-01"
kind = "tower"
[[point]]
id = "plain"
of = "site"
unit = "kW"
range = ["-1 MW", "1 MW"]
from = { mqtt = "j", topic = "5" }
[[point]]
id = "deep"
of = "site"
unit = "degF"
from = { mqtt = "j", topic = "6", pointer = "/a/0/~0b~1/" }
[[actuator]]
id = "fan"
of = "CT-01"
unit = "%"
range = ["0 %", "100 %"]
ramp = "1 %/s"
fallback = "60 %"
refresh = "10 s"
to = { mqtt = "j", topic = "ct/1/set" }
"#;

/// A point with every format of time beside two without.
fn the_site() -> &'static Site {
    static READ: OnceLock<Site> = OnceLock::new();
    READ.get_or_init(|| {
        let mut text = HEAD.to_owned();
        for (i, format) in TimeFormat::ALL.iter().enumerate() {
            for pointer in ["/v", "/v/0"] {
                let at = pointer.len();
                let _ = write!(
                    text,
                    "[[point]]\nid = \"p{i}-{at}\"\nof = \"site\"\nunit = \"degC\"\nfrom = {{ mqtt = \"j\", topic = \"{i}\", \
                     pointer = \"{pointer}\", time = \"/t\", time-format = \"{}\" }}\n",
                    format.word()
                );
            }
        }
        site(&text)
    })
}

fn points_on(site: &Site, topic: &str) -> usize {
    let is_here = |s: &Source| matches!(s, Source::Json { topic: t, .. } if t == topic);
    site.points.iter().filter(|p| is_here(&p.source)).count()
}

fn read(input: &[u8]) {
    let text = text(input);
    let site = the_site();
    let mut bench = Bench::new(site, |topic| topic == "ct/1/set");
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "T" => bench.pass(rest.len() as u64 * 40),
            "R" => bench.release(),
            "C" => bench.command(rest.parse().ok()),
            topic => bench.message(topic, rest.as_bytes(), false, points_on(site, topic)),
        }
    }
    bench.release();
}
