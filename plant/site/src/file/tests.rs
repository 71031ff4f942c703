//! A small good site, and each way to get it wrong.

use super::*;

const GOOD: &str = r#"
format = 1
[site]
name = "small"

[[place]]
id = "hall-1"
kind = "hall"
[[place]]
id = "rack-01"
kind = "rack"
in = "hall-1"

[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-a", "GPU-b"]

[[power]]
id = "feed"
kind = "feed"
budget = "6 kW"
serves = ["pdu"]
[[power]]
id = "pdu"
budget = "5 kW"
serves = ["rack-01"]

[[mqtt]]
id = "bms"
url = "mqtt://127.0.0.1:1883"
[[modbus]]
id = "plant"
url = "tcp://127.0.0.1:1502"
[[modbus.register]]
name = "chws"
space = "input"
address = 10
type = "int16"
scale = 0.1
[[modbus.register]]
name = "chws-sp"
space = "holding"
address = 40
type = "int16"
scale = 0.1

[[equipment]]
id = "CDU-01"
kind = "cdu"
serves = ["rack-01"]
[[equipment]]
id = "CH-01"
kind = "chiller"
serves = ["CDU-01"]

[[point]]
id = "supply"
of = "CDU-01"
type = "LiquidTemperature"
area = ["Secondary", "Supply"]
unit = "degC"
max = "45 degC"
from = { mqtt = "bms" }
[[point]]
id = "chws"
of = "CH-01"
unit = "degC"
from = { modbus = "plant", register = "chws" }

[[actuator]]
id = "chws-request"
of = "CH-01"
unit = "degC"
range = ["10 degC", "30 degC"]
ramp = "1 K/5min"
fallback = "15 degC"
to = { modbus = "plant", register = "chws-sp" }

[[job]]
id = "train"
kind = "training"
nodes = ["n1"]
"#;

fn findings(text: &str) -> Vec<Finding> {
    read_site("site.toml", text, Path::new(".")).err().unwrap_or_default()
}

/// Line (from 1) of the first line that contains a text.
fn line_of(text: &str, what: &str) -> usize {
    text.lines().position(|l| l.contains(what)).map_or(0, |i| i + 1)
}

#[test]
fn the_good_one_is_good() {
    let site = read_site("site.toml", GOOD, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    assert_eq!(site.gpus.len(), 2);
    assert_eq!(site.gpus_of("CH-01").len(), 2);
    assert_eq!(site.power[1].parent, Some(crate::PowerId(0)));
    assert_eq!(site.power_of_nodes(), vec![Some(crate::PowerId(1))]);
    assert_eq!(site.actuators[0].group, "chiller");
    assert_eq!(site.actuators[0].saves, crate::model::Saves::Up);
}

#[test]
fn each_mistake_is_found_at_its_line() {
    let cases = [
        ("unit = \"degC\"\nmax", "unt = \"degC\"\nmax", "unknown key", "unt ="),
        ("unit = \"degC\"\nmax", "max", "missing unit", "id = \"supply\""),
        ("max = \"45 degC\"", "max = \"45\"", "no unit", "max = \"45\""),
        ("max = \"45 degC\"", "max = \"45 kPa\"", "not a unit of temperature", "max = \"45 kPa\""),
        ("[[job]]", "[meters]\nwater = [\"supply\"]\n[[job]]", "no flow or volume", "water = "),
        ("[[job]]", "[meters]\nit = \"supply\"\n[[job]]", "no power", "it = "),
        ("id = \"CH-01\"", "id = \"CDU-01\"", "duplicate id", "id = \"CDU-01\""),
        ("budget = \"5 kW\"", "budget = \"7 kW\"", "above that of", "budget = \"7 kW\""),
        ("budget = \"5 kW\"", "budget = \"1 kW\"", "cannot be kept", "budget = \"1 kW\""),
        ("nodes = [\"n1\"]", "nodes = [\"n2\"]", "unknown node", "nodes = "),
        ("register = \"chws-sp\"", "register = \"chws\"", "only be read", "register = \"chws\" }\n"),
        ("fallback = \"15 degC\"", "fallback = \"5 degC\"", "outside `range`", "fallback"),
        (
            "range = [\"10 degC\", \"30 degC\"]",
            "range = [\"30 degC\", \"10 degC\"]",
            "low end above",
            "range =",
        ),
    ];
    for (from, to, what, at) in cases {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let found = findings(&text);
        let hit = found.iter().find(|f| f.what.contains(what));
        assert!(hit.is_some(), "{to}: {found:#?}");
        let (hit, at) = (hit.unwrap(), at.trim_end());
        assert!(!hit.remedy.is_empty());
        // The finding stands at the line of the mistake (a missing key at its table's head, one line above).
        let lines: Vec<usize> =
            text.lines().enumerate().filter(|(_, l)| l.contains(at)).map(|(i, _)| i + 1).collect();
        assert!(
            lines.iter().any(|l| l.abs_diff(hit.line) <= 1),
            "{to}: line {} not near {lines:?}",
            hit.line
        );
    }
}

#[test]
fn how_long_a_contradiction_must_last() {
    let hold = |text: &str| read_site("site.toml", text, Path::new(".")).map(|s| s.plausibility_hold);
    assert_eq!(hold(GOOD).unwrap(), Span::from_s(120.0));
    let with = |hold: &str| format!("{GOOD}\n[plausibility]\nhold = \"{hold}\"\n");
    assert_eq!(hold(&with("5 min")).unwrap(), Span::from_s(300.0));
    for wrong in ["0 s", "2 h", "2"] {
        let found = findings(&with(wrong));
        assert!(found.len() == 1 && found[0].what.contains("plausibility.hold"), "{found:#?}");
    }
}

#[test]
fn what_cannot_settle_or_interlock() {
    let ramp = GOOD.lines().find(|l| l.starts_with("ramp = ")).unwrap();
    let state = "[[point]]\nid = \"trip\"\nof = \"CH-01\"\nunit = \"UNIT\"\nfrom = { mqtt = \"bms\" }\n";
    let with = |unit: &str, line: &str| {
        let text = GOOD.replacen(ramp, &format!("{ramp}\nreadback = \"supply\"\n{line}"), 1);
        text.replacen("[[actuator]]", &format!("{}[[actuator]]", state.replace("UNIT", unit)), 1)
    };
    let read =
        |text: &str| read_site("site.toml", text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    let site = read(&with("state", "interlock = [\"trip\"]\nsettle = \"2 s\""));
    let a = &site.actuators[0];
    assert_eq!((a.interlock.clone(), a.settle), (vec![site.point("trip").unwrap()], Some(Span::from_s(2.0))));
    for (unit, line, what) in [
        ("kW", "interlock = [\"trip\"]", "`trip` cannot say that an interlock stands"),
        ("state", "interlock = [\"tripp\"]", "unknown point `tripp`"),
        ("state", "settle = \"0 s\"", "`settle` is no time"),
        ("state", "settle = \"2 h\"", "`settle` is no time"),
    ] {
        let found = findings(&with(unit, line));
        assert!(found.len() == 1 && found[0].what.contains(what), "{line}: {found:#?}");
    }
    let blind = with("state", "settle = \"2 s\"").replacen("readback = \"supply\"", "", 1);
    assert!(findings(&blind).iter().any(|f| f.what.contains("`settle` without a `readback`")), "{blind}");
}

#[test]
fn amounts_and_periods_that_mean_nothing() {
    let ramp = GOOD.lines().find(|l| l.starts_with("ramp = ")).unwrap();
    for (line, what) in [
        ("ramp = \"-1 K/min\"".to_owned(), "`ramp` is not above zero"),
        ("ramp = \"0 K/min\"".to_owned(), "`ramp` is not above zero"),
        (format!("{ramp}\nstep = \"-1 K\""), "`step` is not above zero"),
        (format!("{ramp}\ndeadband = \"-1 K\""), "`deadband` is not above zero"),
    ] {
        let text = GOOD.replacen(ramp, &line, 1);
        let found = findings(&text);
        assert!(found.len() == 1 && found[0].what == what, "{line}: {found:#?}");
    }
    assert_eq!(findings(&GOOD.replacen(ramp, &format!("{ramp}\ndeadband = \"0 K\""), 1)), vec![]);
    // Three times the largest time there is would be none.
    for period in ["0 s", "25 h", "1e300 s"] {
        let found = findings(&format!("{GOOD}\n[periods]\npower = \"{period}\"\n"));
        assert!(found.len() == 1 && found[0].what.contains("`periods.power` is not"), "{found:#?}");
    }
}

#[test]
fn all_mistakes_in_one_run() {
    let text = GOOD
        .replace("max = \"45 degC\"", "max = \"45\"")
        .replace("budget = \"5 kW\"", "budget = \"7 kW\"")
        .replace("nodes = [\"n1\"]", "nodes = [\"n9\"]");
    let found = findings(&text);
    assert!(found.len() >= 3, "{found:#?}");
    assert!(found.iter().any(|f| f.line == line_of(&text, "max = \"45\"")));
}

#[test]
fn an_oversubscribed_feed_says_so() {
    let extra = "[[power]]\nid = \"pdu-2\"\nbudget = \"5 kW\"\n";
    let text = format!("{}{extra}", GOOD.replace("serves = [\"pdu\"]", "serves = [\"pdu\", \"pdu-2\"]"));
    assert!(findings(&text).iter().any(|f| f.what.contains("does not add up")));
    let text = text.replace("budget = \"6 kW\"", "budget = \"6 kW\"\noversubscribed = true");
    assert_eq!(findings(&text), vec![]);
}

/// Ends of the good site: a Sparkplug and a JSON connection, each with a point.
const MESSAGES: &str = r#"
[[mqtt]]
id = "plant"
url = "mqtt://10.0.0.7:1883"
dialect = "sparkplug"
group = "hall-7"
host = "headroom"
rebirth = false
reorder = "5 s"
[[mqtt]]
id = "plc"
url = "mqtt://10.0.0.7:1883"
dialect = "json"
[[point]]
id = "flow"
of = "CDU-01"
unit = "L/min"
from = { mqtt = "plant", edge = "E1", device = "CDU-01", metric = "Secondary/Flow" }
[[point]]
id = "dp"
of = "CDU-01"
unit = "kPa"
from = { mqtt = "plc", topic = "cdu/1", pointer = "/a/0/b~1c", time = "/ts", time-format = "iso8601" }
[[actuator]]
id = "flow-request"
of = "CDU-01"
unit = "L/min"
range = ["10 L/min", "90 L/min"]
ramp = "1 L/min/s"
fallback = "50 L/min"
to = { mqtt = "plant", edge = "E1", metric = "Flow Setpoint" }
"#;

#[test]
fn sparkplug_and_json_keys_are_read() {
    let text = format!("{GOOD}{MESSAGES}");
    let site = read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    let spec = &site.mqtt[1].sparkplug;
    assert_eq!((spec.group.as_str(), spec.host.as_str(), spec.rebirth), ("hall-7", "headroom", false));
    assert_eq!(spec.reorder, Span::from_s(5.0));
    assert!(
        matches!(&site.points[2].source, crate::model::Source::Sparkplug { device: Some(d), .. } if d == "CDU-01")
    );
    assert!(
        matches!(&site.actuators[1].sink, crate::model::Sink::Sparkplug { device: None, metric, .. } if metric == "Flow Setpoint")
    );
}

#[test]
fn sparkplug_and_json_mistakes_are_found_at_their_line() {
    let cases = [
        ("dialect = \"sparkplug\"", "dialect = \"sparkplugB\"", "cannot be `sparkplugB`", "sparkplugB"),
        ("group = \"hall-7\"\n", "", "has no `group`", "[[mqtt]]"),
        ("group = \"hall-7\"", "group = \"hall/7\"", "cannot be a level", "hall/7"),
        ("group = \"hall-7\"", "group = \"STATE\"", "is no group", "STATE"),
        ("reorder = \"5 s\"", "reorder = \"5 min\"", "longer than a minute", "5 min"),
        ("reorder = \"5 s\"", "integration = \"x\"", "key of the dialect dsx", "integration"),
        (
            "dialect = \"json\"",
            "dialect = \"json\"\nhost = \"x\"",
            "key of the dialect sparkplug",
            "host = \"x\"",
        ),
        ("device = \"CDU-01\"", "device = \"CDU+01\"", "cannot be a level", "CDU+01"),
        ("edge = \"E1\", device", "device", "edge", "Secondary/Flow"),
        ("metric = \"Secondary/Flow\"", "metric = \"\"", "`metric` is empty", "metric = \"\""),
        ("topic = \"cdu/1\"", "topic = \"cdu/+\"", "not one topic", "cdu/+"),
        ("/a/0/b~1c", "a/0", "not a JSON pointer", "\"a/0\""),
        ("/a/0/b~1c", "/a~b", "not a JSON pointer", "/a~b"),
        ("time = \"/ts\", ", "", "without `time`", "iso8601"),
        ("iso8601", "iso", "cannot be `iso`", "\"iso\""),
        ("edge = \"E1\", metric = \"Flow", "topic = \"x\", metric = \"Flow", "edge", "Flow Setpoint"),
    ];
    for (from, to, what, at) in cases {
        let text = format!("{GOOD}{}", MESSAGES.replacen(from, to, 1));
        let found = findings(&text);
        let hit = found.iter().find(|f| f.what.contains(what)).unwrap_or_else(|| panic!("{to}: {found:#?}"));
        assert!(!hit.remedy.is_empty());
        let near = text.lines().enumerate().any(|(i, l)| l.contains(at) && (i + 1).abs_diff(hit.line) <= 1);
        assert!(near, "{to}: {hit:#?}");
    }
    let twice = "[[mqtt]]\nid = \"again\"\nurl = \"mqtt://10.0.0.7:1883\"\ndialect = \"sparkplug\"\ngroup = \"hall-7\"\nhost = \"other\"\n";
    let found = findings(&format!("{GOOD}{MESSAGES}{twice}"));
    assert!(
        found.iter().any(|f| f.what.contains("another host"))
            && found.iter().any(|f| f.what.contains("reads this group")),
        "{found:#?}"
    );
}

mod engines;
mod modbus;

#[test]
fn mqtt_is_encrypted_where_the_address_says_so() {
    let with = |url: &str, tls: &str| {
        let text = format!("{GOOD}\n[[mqtt]]\nid = \"plant\"\nurl = \"{url}\"\ndialect = \"json\"\n{tls}\n");
        read_site("site.toml", &text, Path::new("."))
    };
    let site = with("mqtts://h:8883", "tls = { ca = \"Cargo.toml\" }").unwrap();
    let tls = site.mqtt.last().unwrap().tls.as_ref().unwrap();
    assert!(tls.ca.ends_with("Cargo.toml") && tls.own.is_none());
    for (url, tls, what) in [
        ("mqtts://h", "", "without `tls`"),
        ("mqtt://h", "tls = { ca = \"Cargo.toml\" }", "is not encrypted"),
        ("mqtts://h", "tls = { ca = \"gone.pem\" }", "gone.pem"),
        ("mqtts://h", "tls = { ca = \"Cargo.toml\", server-name = \"x\" }", "`server-name`"),
    ] {
        let found = with(url, tls).unwrap_err();
        assert!(found.iter().any(|f| f.what.contains(what)), "{url} {tls}: {found:#?}");
    }
}
