//! Files as users write them.

use super::*;

#[test]
fn every_shipped_file_reads() {
    for (name, text) in shipped::SHIPPED {
        let scenario = Scenario::parse(text).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(scenario.name, *name);
        assert!(!scenario.description.is_empty(), "{name}");
        let end_s = scenario.hours * 3600.0;
        let late = scenario.events.iter().filter(|e| e.for_s.is_finite()).find(|e| e.at_s + e.for_s > end_s);
        assert!(late.is_none(), "{name}: {late:?}");
    }
}

#[test]
fn findings_name_line_and_remedy_all_at_once() {
    let text = r#"name = "bad"
hours = 1.0
[[event]]
at = "ten minutes"
kind = "chiller-trip"
device = "CH-01"
[[event]]
at = "10 min"
kind = "chiler-trip"
[[event]]
at = "10 min"
kind = "fouling"
device = "CDU-01"
share = "30 K"
rise = "3 K"
[[event]]
at = "10 min"
for = "1 h"
repeat = "30 min"
kind = "pump-failure"
device = "CDU-01"
"#;
    let findings = Scenario::parse(text).unwrap_err();
    let lines: Vec<usize> = findings.iter().map(|f| f.line).collect();
    assert_eq!(lines, [4, 9, 14, 15, 16, 19], "{findings:#?}");
    assert!(findings[1].remedy.contains("write `chiller-trip`"), "{}", findings[1]);
    assert!(findings[4].to_string().contains("pump"), "{}", findings[4]);
    let broken = Scenario::parse("name = \"x\"\nhours = = 3\n").unwrap_err();
    assert!(broken.iter().any(|f| f.line == 2), "{broken:?}");
    assert_eq!(Scenario::parse("name = \"x\"\nhours = 1\nevents = 3\n").unwrap_err()[0].line, 3);
}

#[test]
fn events_repeat() {
    let text =
        "name=\"r\"\nhours=48\n[[event]]\nat=\"1 h\"\nfor=\"10 min\"\nrepeat=\"24 h\"\nkind=\"feed-loss\"\n";
    let event = &Scenario::parse(text).unwrap().events[0];
    assert_eq!(event.active_for_s(3599.0), None);
    assert!(event.active_for_s(3600.0 + 599.0).is_some());
    assert_eq!(event.active_for_s(3600.0 + 600.0), None);
    assert!(event.active_for_s(25.0 * 3600.0 + 5.0).is_some());
}

#[test]
fn a_file_changes_what_the_world_is_built_from() {
    let text = "name=\"r\"\nhours=1\nseed=9\nstart=\"01-02\"\n[plant]\ngpus=[{sku=\"B200\",count=64}]\n\
        [weather]\nclimate=\"desert\"\n[work]\nload=2\n";
    let scenario = Scenario::parse(text).unwrap();
    let config = scenario.configure(WorldConfig::default(), Path::new(".")).unwrap();
    assert_eq!((config.gpus, config.seed), (64, 9));
    assert!((config.start_s - 86_400.0).abs() < 1e-9 && (config.serving_load - 2.0).abs() < 1e-9);
    assert_eq!(config.weather.unwrap().place, "desert");
    let text = "name=\"r\"\nhours=1\n[weather]\nepw=\"none.epw\"\n";
    let missing = Scenario::parse(text).unwrap().configure(WorldConfig::default(), Path::new("/nowhere"));
    assert!(missing.unwrap_err().to_string().contains("/nowhere/none.epw"));
}

#[test]
fn the_reference_names_every_kind_and_field() {
    let text = Scenario::reference();
    for kind in kinds() {
        assert!(text.contains(&format!("### `{}`", kind.name)), "{}", kind.name);
        assert!(kind.doc.ends_with('.') && kind.fields.iter().all(|f| f.doc.ends_with('.')), "{}", kind.name);
    }
    for key in plant::KEYS {
        assert!(text.contains(&format!("`{key}`")), "{key}");
    }
}
