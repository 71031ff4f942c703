//! Toward the grid: a site that may rise only so fast, and a quarter less for hours.
//!
//! `HEADROOM_SEEDS=10 cargo test --release -p headroom toward_the_grid -- --nocapture` says it for more plants.

use super::beside::{Beside, of_env};
use headroom_core::ledger::{Accounts, Hour};
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;

/// Every GPU steps between a fifth and all of dense work, and a training job stands for ten minutes.
const STEPS: &str = r#"
name = "steps"
description = ""
hours = 2.0
start = "2025-07-18T13:00"
[[event]]
at = "10 min"
for = "40 min"
kind = "load-square"
device = "site"
low = "20 %"
high = "100 %"
period = "20 min"
[[event]]
at = "60 min"
for = "10 min"
kind = "job-stop"
job = "train-a"
"#;

/// A quarter less than is drawn, at once, for three hours.
const RESPONSE: &str = r#"
name = "response"
description = ""
hours = 5.0
start = "2025-07-18T13:00"
[[event]]
at = "30 min"
for = "3 h"
kind = "curtailment"
limit = "-25 %"
"#;

/// Rate of the policies below, W/s.
const RATE_W_PER_S: f64 = 20e3 / 60.0;

/// The default policy with its `[grid]`, in a file of its own.
pub(super) fn policy(name: &str, grid: &str) -> String {
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/library/balanced.toml"),
    )
    .unwrap();
    let path = std::env::temp_dir().join(format!("headroom-grid-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, format!("{text}\n{grid}")).unwrap();
    path.display().to_string()
}

/// What a site drew each second, W, and the tokens that it made.
struct Drawn {
    watts: Vec<f64>,
    tokens: f64,
    /// What the grid allowed, W.
    limit_w: Vec<f64>,
    /// What the connection may carry, W.
    feed_w: f64,
    /// What the ledger says of it all.
    booked: Hour,
}

fn run(scenario: &str, policy: &str, seed: u64, minutes: usize) -> Drawn {
    let config =
        WorldConfig { gpus: 128, dt_s: 1.0, warmup_s: 600.0, seed: 900 + seed, ..WorldConfig::default() };
    let mut beside = Beside::new(Scenario::parse(scenario).unwrap(), config, policy);
    let mut accounts = Accounts::new(&beside.line, 1);
    let mut drawn =
        Drawn { watts: Vec::new(), tokens: 0.0, limit_w: Vec::new(), feed_w: 0.0, booked: Hour::default() };
    for s in 0..minutes * 60 {
        beside.step();
        accounts.book(&beside.line);
        let world = beside.plant.world();
        drawn.watts.push(world.powers.facility_w);
        drawn.limit_w.push(world.import_limit_w());
        let every = of_env("HEADROOM_TELL", 0) as usize;
        if every > 0 && s % every == 0 {
            println!(
                "{s} s: {:.1} kW of {:.1} kW",
                world.powers.facility_w / 1e3,
                world.import_limit_w() / 1e3
            );
        }
    }
    while let Some(hour) = accounts.closed() {
        drawn.booked.add(&hour);
    }
    drawn.booked.add(&accounts.open(&beside.line));
    drawn.feed_w = beside.plant.world().tree.branches[0].budget_w;
    drawn.tokens = beside.plant.world().workload.jobs.iter().map(|j| j.stats.tokens).sum();
    drawn
}

/// Means over some seconds.
fn means(watts: &[f64], over: usize) -> Vec<f64> {
    watts.windows(over).map(|w| w.iter().sum::<f64>() / over as f64).collect()
}

/// The fastest rise of 10 s means within a minute, as a share of what the rate allows, and the share of all seconds above it.
fn fastest(watts: &[f64]) -> (f64, f64) {
    let means = means(watts, 10);
    let rises: Vec<f64> = means
        .iter()
        .zip(&means[60..])
        .map(|(before, after)| (after - before) / (60.0 * RATE_W_PER_S))
        .collect();
    let above = rises.iter().filter(|r| **r > 1.0).count() as f64 / rises.len() as f64;
    (rises.iter().copied().fold(f64::MIN, f64::max), above)
}

#[test]
fn toward_the_grid_a_site_rises_no_faster_than_it_may() {
    let held = policy("up", "[grid]\nramp-up = \"20 kW/min\"\n");
    for seed in of_env("HEADROOM_FROM", 0)..of_env("HEADROOM_SEEDS", 1) {
        let (free, ramped) = (run(STEPS, "balanced", seed, 80), run(STEPS, &held, seed, 80));
        let (free_fastest, _) = fastest(&free.watts);
        let (most, above) = fastest(&ramped.watts);
        println!(
            "seed {seed}: fastest rise {most:.2} of the ramp, {:.2} % of the time above it ({free_fastest:.2} free); tokens {:+.2} %",
            100.0 * above,
            100.0 * (ramped.tokens / free.tokens - 1.0)
        );
        assert!(free_fastest > 1.5, "the free site is slow: {free_fastest}");
        assert!(above <= 0.0 && most <= 1.0, "{above} {most}");
        assert!(ramped.tokens > 0.8 * free.tokens);
    }
    std::fs::remove_file(held).unwrap();
}

#[test]
fn toward_the_grid_a_known_cut_is_walked_down_to() {
    let cut =
        "[[budget]]\nkind = \"root\"\nlimit = \"50 %\"\nat = \"2025-07-18T13:45:00Z\"\nfor = \"40 min\"\n";
    let held = policy("down", &format!("{cut}[grid]\nramp-up = \"20 kW/min\"\nramp-down = \"5 kW/min\"\n"));
    for seed in of_env("HEADROOM_FROM", 0)..of_env("HEADROOM_SEEDS", 1) {
        let drawn = run(
            "name = \"quiet\"\ndescription = \"\"\nhours = 5.0\nstart = \"2025-07-18T13:00\"\n",
            &held,
            seed,
            120,
        );
        let minute = means(&drawn.watts, 60);
        let (begin, cut) = (20 * 60, 45 * 60);
        let fall = (begin..cut).map(|s| minute[s] - minute[s + 300]).fold(f64::MIN, f64::max) / 5.0;
        let limit_w = 0.5 * drawn.feed_w;
        println!(
            "seed {seed}: {:.1} kW five minutes before, {:.1} kW at the cut to {:.1} kW; falls by {:.1} kW/min at most",
            minute[cut - 300] / 1e3,
            minute[cut] / 1e3,
            limit_w / 1e3,
            fall / 1e3
        );
        assert!(means(&drawn.watts, 5)[cut..cut + 2_400 - 5].iter().all(|w| *w <= limit_w));
        assert!(minute[cut - 300] > limit_w + 9e3, "it fell too early");
        assert!(fall <= 1.2 * 5e3, "{fall}");
    }
    std::fs::remove_file(held).unwrap();
}

#[test]
fn toward_the_grid_a_quarter_less_is_met_and_comes_back_slowly() {
    let held = policy("less", "[grid]\nramp-up = \"20 kW/min\"\n");
    for seed in of_env("HEADROOM_FROM", 0)..of_env("HEADROOM_SEEDS", 1) {
        let minutes = 240;
        let (free, less) = (
            run("name = \"quiet\"\ndescription = \"\"\nhours = 5.0\n", &held, seed, minutes),
            run(RESPONSE, &held, seed, minutes),
        );
        let (begin, end) = (30 * 60, 210 * 60);
        let mean5 = means(&less.watts, 5);
        let over = |s: usize| mean5[s - 5] > less.limit_w[s];
        let met = (begin..end).rev().find(|&s| over(s)).map_or(0, |s| s + 1 - begin);
        let (most, _) = fastest(&less.watts[end - 120..]);
        println!(
            "seed {seed}: met after {met} s; coming back at {most:.2} of the ramp; tokens {:+.2} %",
            100.0 * (less.tokens / free.tokens - 1.0)
        );
        assert!(met <= 30, "{met} s");
        assert!(most <= 1.0, "{most}");
        accounted(&less, free.tokens - less.tokens, (met as f64, most));
        assert!(free.booked.responses.is_empty(), "nothing was asked of it");
    }
    std::fs::remove_file(held).unwrap();
}

/// Does the ledger say of the response what is true of it?
fn accounted(less: &Drawn, lost: f64, (met_s, rise): (f64, f64)) {
    let [r] = less.booked.responses.as_slice() else { panic!("{:#?}", less.booked.responses) };
    let rise_told = r.rise_w_per_s / RATE_W_PER_S;
    println!(
        "   booked: met after {:?} s, under it {:.2} % of {:.0} s, back at {rise_told:.2} of the ramp; {:.2} M tokens \
         of truly {:.2} M (most: {}), {:.2} M by the pace before; {:.1} kWh less than before, at most {:.1}",
        r.met_s,
        100.0 * r.under.kept_s / r.under.seen_s,
        r.under.seen_s,
        r.lost_tokens * 1e-6,
        lost * 1e-6,
        r.at_most,
        r.below_before_tokens * 1e-6,
        r.below_before_j / 3.6e6,
        r.below_need_j / 3.6e6,
    );
    assert!((r.under.seen_s - 10_800.0).abs() < 10.0 && r.to_unix_ms.is_some());
    // A meter is seconds behind.
    assert!(r.met_s.is_some_and(|s| (s - met_s).abs() <= 8.0) && !r.unmet, "{r:?}");
    assert!(r.under.kept_s > 0.98 * r.under.seen_s);
    assert!((rise_told - rise).abs() < 0.2, "{rise_told} {rise}");
    // Jobs that serve are booked with all that their clocks say, which is the most.
    assert!((0.95..1.6).contains(&(r.lost_tokens / lost)) && r.at_most, "{} of {lost}", r.lost_tokens);
    assert!((r.below_before_tokens / lost - 1.0).abs() < 0.25, "{} of {lost}", r.below_before_tokens);
    assert!(r.below_need_j >= r.below_before_j, "{r:?}");
}
