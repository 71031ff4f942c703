//! The house: who may depend on whom, how long a file may be, what may not stand in it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_tests::graph::{Edges, Graph};
use headroom_tests::tree::{code, is_test, text, tracked, with_extension};
use std::collections::BTreeMap;
use std::path::Path;

/// What each crate of the house may name of the others. `true` stands for "everything" (top of the house).
///
/// ```text
/// site <- belief <- core <- daemon        site <- truth <- sim-harness <- daemon (demo, score)
/// site <- policies <- core                site <- drivers <- daemon             tests -> all
/// guard <- core, daemon, drivers (agent side); guard depends on nothing
/// solve <- core, daemon; solve names nothing of the house
/// ```
const MAY_NAME: &[(&str, &[&str])] = &[
    ("headroom-site", &[]),
    ("headroom-guard", &[]),
    ("headroom-solve", &[]),
    ("headroom-belief", &["headroom-site"]),
    ("headroom-truth", &["headroom-site"]),
    ("headroom-policies", &["headroom-site"]),
    (
        "headroom-core",
        &["headroom-site", "headroom-belief", "headroom-policies", "headroom-guard", "headroom-solve"],
    ),
    ("headroom-drivers", &["headroom-site", "headroom-guard"]),
    ("headroom-nvml-abi", &[]),
    ("headroom-sim", &["headroom-site", "headroom-truth", "headroom-nvml-abi"]),
];

/// May name everything; nothing may name them.
const TOP: [&str; 2] = ["headroom", "headroom-tests"];

/// What the tests of a crate may name beside that: the library that stands in for a driver's.
const TESTS_MAY_NAME: &[(&str, &[&str])] = &[("headroom-drivers", &["headroom-nvml-abi"])];

/// Never, however far below, in code or in tests.
const NEVER: &[(&str, &[&str])] = &[
    ("headroom-core", &["tokio", "headroom-drivers", "headroom-truth", "headroom-sim"]),
    ("headroom-truth", &["headroom-belief", "headroom-core", "headroom-policies", "headroom-guard"]),
    ("headroom-belief", &["headroom-truth", "headroom-core", "headroom-sim"]),
    ("headroom-drivers", &["headroom-core", "headroom-belief", "headroom-truth", "headroom-sim"]),
    ("headroom-sim", &["headroom-core", "headroom-drivers", "headroom-belief"]),
    ("headroom-nvml-abi", &["headroom-core", "headroom-drivers", "headroom-truth"]),
];

/// Crates that decide: nothing below them does I/O, keeps time or draws numbers.
const PURE: [&str; 7] = [
    "headroom-core",
    "headroom-guard",
    "headroom-solve",
    "headroom-belief",
    "headroom-policies",
    "headroom-site",
    "headroom-truth",
];
const IMPURE: [&str; 10] = [
    "tokio",
    "mio",
    "hyper",
    "axum",
    "rumqttc-v4-next",
    "tokio-modbus",
    "nvml-wrapper",
    "rand",
    "jiff",
    "chrono",
];

fn graph() -> Graph {
    Graph::read().unwrap()
}

#[test]
fn every_crate_of_the_workspace_has_its_place() {
    let members = graph().members;
    let placed: Vec<&str> = MAY_NAME.iter().map(|(name, _)| *name).chain(TOP).collect();
    let homeless: Vec<_> = members.iter().filter(|m| !placed.contains(&m.as_str())).collect();
    assert!(homeless.is_empty(), "say in MAY_NAME what these may depend on: {homeless:?}");
    let gone: Vec<_> = placed.iter().filter(|p| !members.contains(**p)).collect();
    assert!(gone.is_empty(), "named in this test, but not in the workspace: {gone:?}");
}

#[test]
fn dependencies_point_downwards_only() {
    let graph = graph();
    let of_the_house = |name: &str, edges: Edges| -> Vec<String> {
        let named = graph.direct(name, edges);
        named.into_iter().filter(|d| graph.members.contains(*d)).map(str::to_owned).collect()
    };
    let mut wrong = Vec::new();
    for (name, may) in MAY_NAME {
        let tests: &[&str] = TESTS_MAY_NAME.iter().find(|(n, _)| n == name).map_or(&[], |(_, list)| list);
        let code = of_the_house(name, Edges::Normal);
        wrong.extend(code.iter().filter(|d| !may.contains(&d.as_str())).map(|d| format!("{name} -> {d}")));
        let all = of_the_house(name, Edges::WithTests);
        let beyond = all.iter().filter(|d| !may.contains(&d.as_str()) && !tests.contains(&d.as_str()));
        wrong.extend(beyond.map(|d| format!("tests of {name} -> {d}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_must_never_meet_does_not() {
    let graph = graph();
    let mut wrong = Vec::new();
    for (name, never) in NEVER {
        let below = graph.below(name, Edges::WithTests);
        wrong.extend(never.iter().filter(|n| below.contains(**n)).map(|n| format!("{name} reaches {n}")));
    }
    for name in PURE {
        let below = graph.below(name, Edges::Normal);
        wrong.extend(IMPURE.iter().filter(|n| below.contains(**n)).map(|n| format!("{name} reaches {n}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_guard_depends_on_nothing_and_site_on_parsers_only() {
    let graph = graph();
    assert!(graph.direct("headroom-guard", Edges::Normal).is_empty());
    assert_eq!(graph.direct("headroom-solve", Edges::Normal).into_iter().collect::<Vec<_>>(), ["pulp"]);
    let site = graph.direct("headroom-site", Edges::Normal);
    assert!(site.iter().all(|d| ["serde", "toml", "thiserror"].contains(d)), "{site:?}");
}

/// The most lines of a file.
const LINES: usize = 400;

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    for path in with_extension(".", "rs").iter().filter(|p| !is_test(p)) {
        let lines = text(path).lines().count();
        if lines > LINES {
            wrong.push(format!("{}: {lines} lines, at most {LINES}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rooms that run beside a real plant. They must not know whether the plant is one.
const FIELD_ROOMS: [&str; 7] = [
    "controller/guard/src",
    "controller/core/src",
    "controller/daemon/src/run",
    "controller/daemon/src/agent",
    "drivers/src",
    "plant/belief/src",
    "plant/site/src",
];
const NOT_OF_THE_FIELD: [&str; 7] =
    ["simulat", "headroom_sim", "headroom_truth", "nvml_abi", "harness", "mock", "is_real"];

#[test]
fn nothing_in_the_field_asks_whether_it_is_real() {
    let found = lines_with(&FIELD_ROOMS, &NOT_OF_THE_FIELD);
    assert!(found.is_empty(), "{found:#?}");
}

/// Words for I/O, clocks, chance and unordered maps.
const NOT_PURE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::time",
    "std::process",
    "Instant::now",
    "SystemTime",
    "async fn",
    "HashMap",
    "HashSet",
    "println!",
];

#[test]
fn what_decides_is_pure() {
    let rooms = [
        "controller/core/src",
        "controller/guard/src",
        "controller/solve/src",
        "plant/belief/src",
        "policies/src",
    ];
    let found = lines_with(&rooms, &NOT_PURE);
    assert!(found.is_empty(), "{found:#?}");
    // The words do one thing with the outside: files are read, within a limit, in one place.
    let found = lines_with(&["plant/site/src"], &NOT_PURE);
    assert!(found.iter().all(|f| f.starts_with("plant/site/src/file/disk.rs")), "{found:#?}");
}

/// Code lines of the rooms that hold one of the words, as `file:line: text`.
fn lines_with(rooms: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in rooms.iter().flat_map(|room| with_extension(room, "rs")).filter(|p| !is_test(p)) {
        for (number, line) in code(&text(&path)) {
            let low = line.to_lowercase();
            if words.iter().any(|w| low.contains(&w.to_lowercase())) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

#[test]
fn the_rooms_exist() {
    for room in FIELD_ROOMS {
        assert!(!with_extension(room, "rs").is_empty(), "{room} holds no source: correct this test");
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    let mut wrong = Vec::new();
    for path in
        with_extension(".", "toml").iter().filter(|p| p.file_name().is_some_and(|n| n == "Cargo.toml"))
    {
        let manifest: toml::Table = text(path).parse().unwrap();
        if !manifest.contains_key("package") {
            continue;
        }
        let lints = manifest.get("lints").and_then(|l| l.get("workspace")).and_then(toml::Value::as_bool);
        if lints != Some(true) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "no `[lints] workspace = true` in {wrong:?}");
}

/// First folders of absolute paths that mean somebody's own machine.
const OWN_FOLDERS: [&str; 4] = ["home", "root", "Users", "work"];

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for path in tracked() {
        let text = text(&path);
        for folder in OWN_FOLDERS {
            let word = format!("/{folder}/");
            for (at, _) in text.match_indices(&word) {
                if begins_a_path(&text[..at]) {
                    let line = text[..at].matches('\n').count() + 1;
                    wrong.insert(format!("{}:{line}", path.display()), word.clone());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Is what follows this text the beginning of a path, rather than the middle of one?
fn begins_a_path(before: &str) -> bool {
    before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"-_./}*".contains(c))
}

#[test]
fn the_tests_own_tools_see() {
    assert!(begins_a_path("see ") && begins_a_path("\"") && begins_a_path(""));
    assert!(!begins_a_path("plant/truth/src") && !begins_a_path(".."));
    let lines = code("use a; // b\n// c\nfn d() {}\n#[cfg(test)]\nmod tests {\nfn e() {}\n}\n");
    assert_eq!(lines, [(1, "use a; ".to_owned()), (3, "fn d() {}".to_owned())]);
    assert!(
        is_test(Path::new("a/tests/b.rs"))
            && is_test(Path::new("a/b_tests.rs"))
            && !is_test(Path::new("a/b.rs"))
    );
    assert!(tracked().contains(&Path::new("Cargo.toml").to_path_buf()));
}
