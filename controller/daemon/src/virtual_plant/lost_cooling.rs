//! Loops whose cooling is lost: what the GPUs give up carries them until the water comes back.
//!
//! `HEADROOM_SEEDS=5 cargo test --release -p headroom lost_cooling -- --nocapture` says it for more plants.

use super::beside::{Beside, of_env};
use headroom_sim::scenario::Scenario;
use headroom_sim::score::{Prices, Score};
use headroom_sim::world::WorldConfig;

/// The generator comes a minute and a half late, and chillers and pumps stand for as long.
const LATE: &str = r#"
name = "late"
description = ""
hours = 1.0
start = "2025-07-18T12:00"
[plant]
generator-start = "12 s"
battery = "5 min"
[[event]]
at = "20 min"
for = "10 min"
kind = "feed-loss"
generator = "late"
late-by = "90 s"
"#;

/// Kelvin-seconds over limits, and the share of its tokens that the plant makes in ten minutes around the loss.
fn run(policy: &str, seed: u64) -> (f64, f64) {
    let config =
        WorldConfig { gpus: 128, dt_s: 1.0, warmup_s: 600.0, seed: 700 + seed, ..WorldConfig::default() };
    let mut beside = Beside::new(Scenario::parse(LATE).unwrap(), config, policy);
    let mut score = Score::new(beside.plant.world(), Prices::default());
    let tokens = |b: &Beside| b.plant.world().workload.jobs.iter().map(|j| j.stats.tokens).sum::<f64>();
    let mut before = 0.0;
    for s in 0..35 * 60 {
        if s == 20 * 60 {
            before = tokens(&beside);
        }
        beside.step();
        score.observe(beside.plant.world());
        if of_env("HEADROOM_TELL", 0) > 0 && (1190..1400).contains(&s) && s % 5 == 0 {
            let supply =
                beside.site.points.iter().position(|p| p.id.contains("rack-01/liquid/supply")).unwrap();
            let value = &beside.line.snapshot().points[supply];
            let drawn: f64 = beside.line.estimate().power_w.iter().sum();
            println!(
                "{s} s: {:.2} degC {:?} {:.0} s old, {:.1} kW, caps {:?}",
                value.value,
                value.quality,
                value.age.s(),
                drawn / 1e3,
                beside.line.caps().cap_w[0]
            );
        }
    }
    (score.finish(beside.plant.world()).violations.temperature_k_s, tokens(&beside) - before)
}

#[test]
fn lost_cooling_is_carried_by_the_gpus() {
    for seed in 0..of_env("HEADROOM_SEEDS", 1) {
        let ((own_k_s, own_tokens), (k_s, tokens)) = (run("watch", seed), run("balanced", seed));
        println!(
            "seed {seed}: {k_s:.0} K s over limits, {own_k_s:.0} on its own; tokens {:+.1} %",
            100.0 * (tokens / own_tokens - 1.0)
        );
        assert!(k_s < 0.6 * own_k_s, "{k_s} of {own_k_s}");
        assert!(tokens > 0.6 * own_tokens);
    }
}
