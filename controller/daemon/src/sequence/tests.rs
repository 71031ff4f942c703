//! The document says everything of every shipped site, and follows each number of the file.

use super::markdown::markdown;
use super::sequence;
use crate::files::{Loaded, load_policy};
use headroom_sim::site_file::{SiteAddresses, SiteSource, site_file};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::file::read_site;
use std::path::{Path, PathBuf};

const DSX: &str = "book/examples/dsx-cdu/site.toml";
const CHILLER: &str = "book/examples/modbus-chiller/site.toml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped(file: &str) -> (String, PathBuf) {
    let path = root().join(file);
    (std::fs::read_to_string(&path).unwrap(), path.parent().unwrap().to_owned())
}

fn loaded(text: &str, base: &Path, policy: &str) -> Loaded {
    let site = read_site("site.toml", text, base).map_err(|found| format!("{found:#?}")).unwrap();
    let (policy_name, wants) = load_policy(&site, policy, None).unwrap().unwrap();
    Loaded { site, policy_name, wants, unproven: Vec::new() }
}

fn written(text: &str, base: &Path, policy: &str) -> String {
    markdown(&sequence(&loaded(text, base, policy)))
}

/// The site file that the demo's plant writes about itself.
fn demo() -> String {
    let world = World::new(WorldConfig::default()).unwrap();
    let source = SiteSource {
        name: "demo",
        integration: &world.config().integration,
        image: &world.image,
        modbus: &world.modbus,
        places: &world.places,
        tree: &world.tree,
        jobs: &world.workload.jobs,
        skus: &[world.config().sku.clone()],
        step_s: world.config().dt_s,
        design: world.bms().design(),
    };
    site_file(&source, &SiteAddresses::nowhere(world.modbus.len()))
}

#[test]
fn every_actuator_and_every_budgeted_branch_of_every_shipped_site_is_in_it() {
    let mut sites: Vec<(String, PathBuf)> = [DSX, CHILLER].map(shipped).to_vec();
    sites.push((demo(), root()));
    let (mut actuators, mut budgets) = (0, 0);
    for (text, base) in &sites {
        let loaded = loaded(text, base, "balanced");
        let sequence = sequence(&loaded);
        let page = markdown(&sequence);
        for a in &loaded.site.actuators {
            actuators += 1;
            assert!(page.contains(&format!("### `{}`", a.id)), "{}", a.id);
            let of = |what: &str| sequence.tests.iter().any(|t| t.of == a.id && t.what == what);
            assert!(of("range and ramp") && of("controller dead") && of("operator"), "{}", a.id);
            assert_eq!(of("read-back lost"), a.readback.is_some(), "{}", a.id);
        }
        for b in loaded.site.power.iter().filter(|b| b.budget_w.is_some()) {
            budgets += 1;
            assert!(page.contains(&format!("| {} | {} |", b.id, b.kind)), "{}", b.id);
            assert!(sequence.tests.iter().any(|t| t.of == b.id), "{}", b.id);
        }
        let numbers: Vec<usize> = sequence.tests.iter().map(|t| t.number).collect();
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    }
    assert!(actuators > 10 && budgets > 10, "{actuators} {budgets}");
}

/// Each: of the site file, what it becomes, and what the document then says.
const CHANGES: [(&str, &str, &str, &str); 12] = [
    (
        DSX,
        "range = [\"20 degC\", \"43 degC\"]",
        "range = [\"20 degC\", \"41.5 degC\"]",
        "never above 41.5 degC",
    ),
    (DSX, "ramp = \"1 K/5min\"", "ramp = \"1 K/4min\"", "0.25 K a minute"),
    (DSX, "step = \"3 kPa\"", "step = \"2.5 kPa\"", "no command further than 2.5 kPa from the read-back"),
    (DSX, "deadband = \"0.5 kPa\"", "deadband = \"0.7 kPa\"", "less than 0.7 kPa is not written"),
    (DSX, "fallback = \"90 kPa\"", "fallback = \"95 kPa\"", "the plant takes 95 kPa back"),
    (DSX, "dew-point-margin = \"2 K\"", "dew-point-margin = \"2.5 K\"", "dew point and 2.5 K"),
    (DSX, "lease = \"30 s\"", "lease = \"40 s\"", "between 20 s and 40 s after the last command"),
    (DSX, "cooling = \"30 s\"", "cooling = \"20 s\"", "no new command for 20 s"),
    (DSX, "budget = \"3 kW\"", "budget = \"2.5 kW\"", "| 2.5 kW | 2.45 kW |"),
    (DSX, "heartbeat = \"10 s\"", "heartbeat = \"8 s\"", "heartbeat every 8 s"),
    (DSX, "max = \"45 degC\"", "max = \"44 degC\"", "`rack-01.supply` never above 44 degC"),
    (CHILLER, "hold = \"120 s\"", "hold = \"150 s\"", "within 150 s of the last write"),
];

#[test]
fn a_number_that_changes_in_the_file_changes_in_the_text() {
    for (file, old, new, says) in CHANGES {
        let (text, base) = shipped(file);
        assert!(text.contains(old), "{file}: {old}");
        let before = written(&text, &base, "balanced");
        let after = written(&text.replacen(old, new, 1), &base, "balanced");
        assert!(!before.contains(says) && after.contains(says), "{new}: {says}\n{after}");
    }
}

#[test]
fn the_policy_has_its_say() {
    let (text, base) = shipped(DSX);
    let watch = written(&text, &base, "watch");
    for part in [
        "anything at all under this policy: the writing parts of the drivers are not built",
        "| nothing is asked |",
        "Nothing is commanded under this policy: nothing changes.",
        "An operator promotes it by `cdu = \"active\"`",
    ] {
        assert!(watch.contains(part), "{part}\n{watch}");
    }
    assert!(!watch.contains("| controller dead |"), "{watch}");
    let grid = written(&text, &base, "grid-event");
    for part in [
        "85 % of the site's budget = 2.55 kW from 17:00 to 20:00 on Mon, Tue, Wed, Thu, Fri (UTC+01:00",
        "fastest rise of the site: 50 kW a minute",
        "let a scheduled budget begin",
    ] {
        assert!(grid.contains(part), "{part}\n{grid}");
    }
    assert!(written(&text, &base, "predictive").contains("planned together on the model of the site"));
    let steps = written(&text, &base, "trim-and-respond");
    for part in [
        "Guideline 36-2021, 5.1.14",
        "Ignored: I = 0",
        "Td 10 min, T 2 min, SPtrim 0.114, SPres 0.171, SPres-max 0.4 K",
    ] {
        assert!(steps.contains(part), "{part}\n{steps}");
    }
    let pid = written(&text, &base, "pid");
    assert!(pid.contains("SIMC rule, lag 90 s (5 min upstream)") && pid.contains("fed forward"), "{pid}");
    assert!(written(&text, &base, "hold").contains("`hold`: every setpoint stays where it stands."));
}

#[test]
fn a_device_that_nothing_returns_is_told() {
    let (text, base) = shipped(CHILLER);
    let whole = written(&text, &base, "balanced");
    for part in [
        "counts down from 2 min and the device takes its own setpoint back",
        "while `local` of `plant` reads 1 nothing is written; 60 s after the last refusal",
        "Let go (lease over, mode, release, exit): `remote-enable` is switched off",
        "| set `local` to 1, wait, and set it back |",
        "The site has none.",
    ] {
        assert!(whole.contains(part), "{part}\n{whole}");
    }
    let gone =
        |l: &&str| !["enable", "heartbeat", "echo", "timer", "hold"].iter().any(|key| l.starts_with(key));
    let bare: Vec<&str> = text.lines().filter(gone).collect();
    let bare = written(&bare.join("\n"), &base, "balanced");
    for part in [
        "Controller dead: NOTHING returns it.",
        "never by itself; an operator acts",
        "NOT returned by itself",
    ] {
        assert!(bare.contains(part), "{part}\n{bare}");
    }
}

/// Every text of the data stands in the Markdown.
#[test]
fn data_and_text_say_the_same() {
    let (text, base) = shipped(DSX);
    let sequence = sequence(&loaded(&text, &base, "balanced"));
    let page = markdown(&sequence);
    let mut texts = Vec::new();
    fn collect(value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::String(s) => out.push(s.trim().to_owned()),
            serde_json::Value::Array(all) => all.iter().for_each(|v| collect(v, out)),
            serde_json::Value::Object(all) => all.values().for_each(|v| collect(v, out)),
            _ => {}
        }
    }
    collect(&serde_json::to_value(&sequence).unwrap(), &mut texts);
    assert!(texts.len() > 100, "{}", texts.len());
    let missing: Vec<&String> = texts.iter().filter(|t| !page.contains(t.as_str())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
