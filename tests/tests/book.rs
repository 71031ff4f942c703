//! README and book say what is there: links lead somewhere, every chapter is listed, every key is explained.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_drivers::node_report::{Names, decode_command, decode_report, decode_status};
use headroom_sim::scenario::Scenario;
use headroom_tests::tree::{root, text, with_extension};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pages() -> Vec<PathBuf> {
    let mut pages = with_extension("book", "md");
    pages.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from));
    pages
}

/// Targets of `[..](..)` outside of code blocks.
fn links(text: &str) -> Vec<String> {
    let mut code = false;
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        out.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned));
    }
    out
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        assert!(root().join(&page).is_file(), "{} is missing", page.display());
        for link in links(&text(&page)) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            if !root().join(page.parent().unwrap()).join(file).exists() {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_chapter_is_listed() {
    let listed: BTreeSet<String> = links(&text(Path::new("book/src/SUMMARY.md"))).into_iter().collect();
    for page in with_extension("book/src", "md") {
        let name = page.strip_prefix("book/src").unwrap().to_string_lossy().into_owned();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "{name} is not in SUMMARY.md");
    }
}

/// By mdbook where it is installed; else by what it calls for each page.
#[test]
fn mdbook_test_passes() {
    let run = |program: &str, args: &[&str]| Command::new(program).args(args).current_dir(root()).output();
    if run("mdbook", &["--version"]).is_ok() {
        let tested = run("mdbook", &["test", "book"]).unwrap();
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
        return;
    }
    for page in with_extension("book/src", "md") {
        let tested = run("rustdoc", &["--test", &page.to_string_lossy()]).unwrap();
        let said = String::from_utf8_lossy(&tested.stdout);
        assert!(tested.status.success(), "{}: {said}", page.display());
    }
}

/// Every key that a schema knows.
fn keys(schema: &Value, out: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                out.extend(properties.keys().cloned());
            }
            object.values().for_each(|inner| keys(inner, out));
        }
        Value::Array(items) => items.iter().for_each(|inner| keys(inner, out)),
        _ => {}
    }
}

#[test]
fn every_key_is_explained() {
    for (schema, page) in [("site", "book/src/site-file.md"), ("policy", "book/src/policy-file.md")] {
        let json = text(Path::new(&format!("policies/schema/{schema}.schema.json")));
        let mut known = BTreeSet::new();
        keys(&serde_json::from_str(&json).unwrap(), &mut known);
        assert!(known.len() > 50, "{schema}: {known:?}");
        let page_text = text(Path::new(page));
        let explains = |key: &str| {
            page_text.contains(&format!("`{key}`"))
                || page_text.contains(&format!("[{key}]"))
                || page_text.contains(&format!(".{key}]"))
        };
        let silent: Vec<_> = known.iter().filter(|key| !explains(key)).collect();
        assert!(silent.is_empty(), "{page} says nothing of {silent:?}");
    }
}

#[test]
fn the_terms_are_those_of_the_code() {
    let glossary = text(Path::new("book/src/glossary.md"));
    for word in
        ["headroom", "snapshot", "estimate", "outlook", "proposal", "verdict", "lease", "receipt", "record"]
    {
        assert!(glossary.contains(&format!("**{word}**")), "{word}");
    }
}

#[test]
fn the_messages_are_those_of_the_wire() {
    let page = text(Path::new("book/src/messages.md"));
    let blocks: Vec<&str> =
        page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let report = decode_report(blocks[0].as_bytes(), &mut Names::default()).unwrap();
    assert_eq!((report.gpus.len(), report.sequence, report.receipt.unwrap().sequence), (2, 42, 311));
    assert_eq!(report.gpus[0].1.throttle_ns[0].get(), Some(1_700_000));
    let command = decode_command(blocks[1].as_bytes()).unwrap();
    assert_eq!((command.gpus[0].cap_w, command.gpus[1].cap_w), (Some(640.0), None));
    assert!(decode_status(blocks[2].as_bytes()).unwrap().online);
    let advice: Value = serde_json::from_str(blocks[3]).unwrap();
    assert!(advice["advice"]["admitted"].is_number());
}

/// Rows of the tables of a page, each as its cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    page.lines()
        .filter(|l| l.starts_with("| ") && !l.starts_with("| ---"))
        .map(|l| l.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_row_of_conformance_has_its_test() {
    let page = text(Path::new("book/src/conformance.md"));
    let sources: String = with_extension(".", "rs").iter().map(|p| text(p)).collect();
    let mut count = 0;
    for row in rows(&page).iter().filter(|r| r.last() != Some(&"test")) {
        let names = row.last().unwrap().split('`').skip(1).step_by(2);
        let mut named = false;
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test `{name}`");
            (named, count) = (true, count + 1);
        }
        assert!(named, "a row names no test: {row:?}");
    }
    assert!(count > 30, "{count}");
}

#[test]
fn the_listing_is_the_file() {
    let page = text(Path::new("book/src/beside-a-device.md"));
    let file = text(Path::new("book/examples/modbus-chiller/plant.py"));
    assert!(
        page.contains(&format!("```python\n{}\n```", file.trim_end())),
        "copy plant.py into the page again"
    );
    let site = text(Path::new("book/examples/modbus-chiller/site.toml"));
    let map = text(Path::new("book/examples/modbus-chiller/map.toml"));
    for block in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        assert!(
            site.contains(block.trim()) || map.contains(block.trim()),
            "neither site nor map says\n{block}"
        );
    }
}

#[test]
fn the_scenario_reference_is_the_codes() {
    assert!(
        text(Path::new("book/src/scenario-reference.md")) == Scenario::reference(),
        "write it again: cargo run -p headroom-sim --example scenario_reference > book/src/scenario-reference.md"
    );
}

#[test]
fn the_scenarios_chapter_is_right() {
    let page = text(Path::new("book/src/scenarios.md"));
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let scenario = Scenario::parse(example).map_err(|found| format!("{found:#?}")).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.events.len()), ("thursday", 3));
    for name in Scenario::names() {
        let hours = Scenario::shipped(name).unwrap().hours;
        assert!(page.contains(&format!("| `{name}` | {hours} |")), "{name} of {hours} h is not in the table");
    }
}

#[test]
fn every_product_and_piece_of_plant_is_in_the_book() {
    let gpus = text(Path::new("book/src/plant-gpus.md"));
    for path in with_extension("plant/truth/skus", "toml") {
        let product = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(gpus.contains(&format!("`{product}`")), "{product}");
    }
    let plant = text(Path::new("book/src/plant.md"));
    for path in with_extension("plant/truth/src/facility", "rs") {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_equipment = !PLUMBING.contains(&file.as_str());
        assert!(!is_equipment || plant.contains(&format!("`{file}`")), "{file}");
    }
}

/// Files of the facility that hold no equipment.
const PLUMBING: [&str; 8] =
    ["balance.rs", "build.rs", "mod.rs", "plant.rs", "plant_tests.rs", "power.rs", "rejection.rs", "spec.rs"];

/// What the binary does.
const VERBS: [&str; 30] = [
    "agent",
    "backtest",
    "bench",
    "calibrate",
    "check",
    "commission",
    "completions",
    "demo",
    "discover",
    "explain",
    "export",
    "faults",
    "identify",
    "instruct",
    "man",
    "map",
    "points",
    "release",
    "replay",
    "report",
    "resume",
    "run",
    "score",
    "sequence",
    "status",
    "tap",
    "timeline",
    "top",
    "verify",
    "what-if",
];

/// A variant as the command line has it.
fn kebab(variant: &str) -> String {
    let mut out = String::new();
    for c in variant.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_command_shown_exists() {
    for page in pages() {
        for line in text(&page).lines().filter(|l| l.trim_start().starts_with("$ ")) {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let verb = match words.as_slice() {
                ["headroom", verb, ..] | ["cargo", "run", "--release", "--", verb, ..] => verb,
                ["cargo", ..] => panic!("{}: {line}", page.display()),
                [path, ..] if path.contains('/') => {
                    assert!(root().join(path).is_file(), "{}: {line}", page.display());
                    continue;
                }
                _ => continue,
            };
            assert!(VERBS.contains(verb), "{}: {line}", page.display());
        }
    }
    // The other way round: no verb without a word about it.
    let main = text(Path::new("controller/daemon/src/main.rs"));
    let body = main.split("enum Verb {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let verbs: Vec<String> = body
        .lines()
        .filter(|l| l.starts_with("    ") && l.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase))
        .map(|l| kebab(l.trim().split(['(', ' ', ',']).next().unwrap_or_default()))
        .collect();
    assert!(verbs.iter().any(|v| v == "check"), "{verbs:?}");
    let book: String = pages().iter().map(|p| text(p)).collect();
    for verb in verbs {
        assert!(book.contains(&format!("headroom {verb}")), "the book says nothing of `headroom {verb}`");
    }
}
