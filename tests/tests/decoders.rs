//! Every decoder over its seeds, the shipped files, and what fuzzing found: the same functions that libFuzzer runs.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_tests::memory::Counting;
use headroom_tests::targets::{ALL, Target};
use headroom_tests::tree::{files, root, text, with_extension};
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[global_allocator]
static MEMORY: Counting = Counting;

/// Shipped files that are seeds of a target too.
fn shipped(name: &str) -> Vec<PathBuf> {
    let list = text(Path::new("tests/fuzz/shipped"));
    let rows = list.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(' ').collect::<Vec<_>>());
    let mut out = Vec::new();
    for row in rows {
        let [target, folder, ending] = row[..] else { panic!("tests/fuzz/shipped: {row:?}") };
        let found = with_extension(folder, ending);
        assert!(ALL.iter().any(|t| t.name == target) && !found.is_empty(), "tests/fuzz/shipped: {row:?}");
        out.extend(found.into_iter().filter(|_| target == name));
    }
    out
}

/// Inputs of a target that stand in the repository.
fn inputs(target: &Target) -> Vec<PathBuf> {
    let own = ["seeds", "regressions"].map(|kind| files(&format!("tests/fuzz/{kind}/{}", target.name)));
    own.into_iter().flatten().chain(shipped(target.name)).collect()
}

#[test]
fn seeds_and_regressions_hold() {
    let mut broken = Vec::new();
    for target in &ALL {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{} has no seed", target.name);
        for path in inputs {
            let input = std::fs::read(root().join(&path)).unwrap();
            if catch_unwind(|| target.run(&input)).is_err() {
                broken.push(format!("{}: {}", target.name, path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Every seed cut short at some places, and with some bytes changed: what a fuzzer does first.
#[test]
fn damaged_seeds_hold() {
    let mut broken = Vec::new();
    for target in &ALL {
        for path in inputs(target) {
            let whole = std::fs::read(root().join(&path)).unwrap();
            let step = (whole.len() / 24).max(1);
            for at in (0..whole.len()).step_by(step) {
                let mut changed = whole.clone();
                changed[at] ^= 1 << (at % 8);
                for input in [&whole[..at], &changed] {
                    if catch_unwind(|| target.run(input)).is_err() {
                        broken.push(format!("{}: {} at byte {at}", target.name, path.display()));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_is_built_and_nothing_is_left_over() {
    let names: BTreeSet<&str> = ALL.iter().map(|t| t.name).collect();
    assert_eq!(names.len(), ALL.len(), "two targets of one name");
    let manifest = std::fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let bins = manifest["bin"].as_array().unwrap();
    let built: BTreeSet<&str> = bins.iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(built, names);
    for target in &ALL {
        let text =
            std::fs::read_to_string(root().join(format!("tests/fuzz/fuzz_targets/{}.rs", target.name)));
        let call = format!("targets::{}.run(input)", target.name.to_uppercase());
        assert!(text.unwrap().contains(&call), "{} runs another target", target.name);
    }
    for kind in ["seeds", "regressions", "dictionaries"] {
        for path in files(&format!("tests/fuzz/{kind}")) {
            let of = path.components().nth(3).unwrap().as_os_str().to_str().unwrap();
            let of = of.strip_suffix(".dict").unwrap_or(of);
            assert!(names.contains(of), "{}: no target `{of}`", path.display());
        }
    }
}

/// The checks that every target makes can fail: memory out of proportion, and a property that does not hold.
#[test]
fn what_is_counted_is_counted() {
    let most = headroom_tests::memory::most_bytes(|| drop(std::hint::black_box(vec![0_u8; 3 << 20])));
    assert!((3 << 20..4 << 20).contains(&most), "{most}");
    assert_eq!(headroom_tests::memory::most_bytes(|| ()), 0);
}
