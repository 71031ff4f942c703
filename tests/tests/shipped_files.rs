//! Every file that is shipped reads clean: policies at the demo's own site, register maps, scenarios, the book's examples.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_policies::read_policy;
use headroom_sim::scenario::Scenario;
use headroom_sim::site_file::{SiteAddresses, SiteSource, site_file};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::file::{read_register_map, read_site};
use headroom_site::{Inbox, Site, Span, Stamp};
use headroom_tests::tree::{root, text, with_extension};
use std::path::Path;

/// The site file that the demo's plant writes about itself.
fn demo_text() -> String {
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

fn site(name: &str, text: &str, base: &Path) -> Site {
    read_site(name, text, base).map_err(|found| format!("{found:#?}")).unwrap()
}

#[test]
fn every_policy_fits_the_demos_site() {
    let text_of_site = demo_text();
    // Left for `.ci/run`, which shows it to the binary's own `check`.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo-site.toml");
    std::fs::write(kept, &text_of_site).unwrap();
    let site = site("demo-site.toml", &text_of_site, Path::new("."));
    assert_eq!((site.gpus.len(), site.places.values().filter(|(kind, _)| kind == "rack").count()), (512, 16));
    assert!(site.actuators.len() > 8 && site.meters.facility.is_some());
    let policies = with_extension("policies/library", "toml");
    assert!(policies.len() >= 6, "{policies:?}");
    for path in policies {
        let name = path.display().to_string();
        let policy = read_policy(&name, &text(&path)).map_err(|found| format!("{found:#?}")).unwrap();
        let found = policy.check_against(&site, &name, &text(&path));
        assert!(found.is_empty(), "{found:#?}");
        // Before anything was heard nothing is asked, whatever the policy wants.
        let mut line = Line::new(&site, &policy, Identity { who: "tests".to_owned(), epoch: 1 });
        for second in 1..120 {
            let now = Stamp::from_unix_ms(1_752_840_000_000) + Span::from_s(f64::from(second));
            let tick = line.tick(&Inbox::default(), now);
            assert!(tick.commands.is_empty(), "{name}: {:?}", tick.commands);
        }
    }
}

#[test]
fn every_register_map_is_clean() {
    let maps = with_extension("drivers/maps", "toml");
    if maps.is_empty() {
        println!("skipped: no register maps are shipped");
    }
    for path in maps {
        let name = path.display().to_string();
        let registers =
            read_register_map(&name, &text(&path)).map_err(|found| format!("{found:#?}")).unwrap().registers;
        assert!(!registers.is_empty(), "{name} names no register");
    }
}

#[test]
fn every_scenario_is_clean_and_shipped() {
    let scenarios = with_extension("sim-harness/scenarios", "toml");
    assert!(scenarios.len() >= 4, "{scenarios:?}");
    for path in scenarios {
        let read = Scenario::parse(&text(&path)).map_err(|found| format!("{}: {found:#?}", path.display()));
        assert!(read.is_ok(), "{read:?}");
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap();
        assert!(
            Scenario::shipped(stem).is_some(),
            "{stem} lies in the folder, but the binary does not carry it"
        );
    }
}

#[test]
fn the_books_sites_are_clean() {
    let files = with_extension("book/examples", "toml");
    let mut sites = 0;
    for path in &files {
        let text = text(path);
        let name = path.display().to_string();
        if !text.contains("[site]") {
            continue;
        }
        let base = root().join(path.parent().unwrap());
        let site = site(&name, &text, &base);
        sites += 1;
        for policy in ["watch", "hold", "balanced"] {
            let shipped = headroom_policies::shipped(policy).unwrap();
            let policy = read_policy(policy, shipped.text).map_err(|found| format!("{found:#?}")).unwrap();
            assert_eq!(policy.check_against(&site, &name, &text), vec![], "{name}");
        }
    }
    assert!(sites >= 1, "{files:?}");
}
