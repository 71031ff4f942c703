//! Swings toward the grid: jobs in step between two loads, at steps that show them, with and without `swing` of the policy.
//!
//! `HEADROOM_SEEDS=10 cargo test --release -p headroom swing_toward_the_grid -- --nocapture` says it for more plants.

use super::beside::{Beside, of_env};
use super::grid::policy;
use headroom_core::propose::power::SiteSwing;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_site::Span;
use std::collections::VecDeque;

/// Steps of the plant in a second: 20 Hz by its corners, twice the rate of what is told of it.
const STEPS: usize = 40;
/// Reports of an agent in a second.
const LOOKS: u64 = 10;
/// The lowest frequency of the band is a period of so long, s.
const WINDOW_S: usize = 10;
const MINUTES: usize = 16;
/// What is learned of a swing is learned in this time, min.
const LEARNS: usize = 3;

/// Half of the GPUs step between a fifth and all of dense work; the others do what they do.
fn scenario(low: &str, period: &str, device: &str) -> String {
    format!(
        "name = \"swings\"\ndescription = \"\"\nhours = 1.0\nstart = \"2025-07-18T13:00\"\n[[event]]\nat = \"10 s\"\nfor = \"50 min\"\n\
         kind = \"load-square\"\ndevice = \"{device}\"\nlow = \"{low}\"\nhigh = \"100 %\"\nperiod = \"{period}\"\n"
    )
}

const QUIET: &str = "name = \"quiet\"\ndescription = \"\"\nhours = 5.0\n";

/// Nothing is asked.
const NONE: SiteSwing = SiteSwing { allowed_w: 0.0, free_w: 0.0, held_w: 0.0, kept: true, blind: 0 };

/// What came of a plant: peak to peak of each stretch of ten seconds, W, as of each second; work done, and whether it was told that
/// the mask cannot be kept.
struct Came {
    swings_w: Vec<f64>,
    work: f64,
    tokens: f64,
    kept: f64,
    told: SiteSwing,
}

fn run(scenario: &str, policy: &str, seed: u64) -> Came {
    let config = WorldConfig {
        gpus: 128,
        dt_s: 1.0 / STEPS as f64,
        warmup_s: 120.0,
        seed: 700 + seed,
        ..WorldConfig::default()
    };
    let looks = of_env("HEADROOM_LOOKS", LOOKS) as usize;
    let report = Some(Span::from_ms(1_000 / looks as i64 - 1));
    let mut beside = Beside::reporting(Scenario::parse(scenario).unwrap(), config, policy, report);
    let mut seconds: VecDeque<(f64, f64)> = VecDeque::new();
    let mut came = Came { swings_w: Vec::new(), work: 0.0, tokens: 0.0, kept: 0.0, told: NONE };
    for s in 0..MINUTES * 60 {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        beside.second(STEPS, looks, |world| {
            (least, most) = (least.min(world.powers.facility_w), most.max(world.powers.facility_w));
        });
        seconds.push_back((least, most));
        if seconds.len() > WINDOW_S {
            seconds.pop_front();
        }
        if s >= LEARNS * 60 {
            let (least, most) =
                seconds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (least, most)| {
                    (a.min(*least), b.max(*most))
                });
            came.swings_w.push(most - least);
            let fleet = &beside.plant.world().fleet;
            let work = fleet.clock_mhz.iter().zip(&fleet.activity).map(|(mhz, use_)| f64::from(*mhz * *use_));
            came.work += work.sum::<f64>();
            came.kept += f64::from(u8::from(beside.line.swing().is_none_or(|s| s.kept)));
        }
    }
    came.told = beside.line.swing().unwrap_or(NONE);
    came.kept /= came.swings_w.len() as f64;
    came.tokens = beside.plant.world().workload.jobs.iter().map(|j| j.stats.tokens).sum();
    came
}

/// The most, and the share of stretches within what is allowed.
fn told(came: &Came, allowed_w: f64) -> (f64, f64) {
    let within = came.swings_w.iter().filter(|w| **w <= allowed_w).count();
    (came.swings_w.iter().copied().fold(0.0, f64::max), within as f64 / came.swings_w.len() as f64)
}

fn compare(name: &str, scenario: &str, allowed_w: f64, seed: u64) -> (f64, f64) {
    let held = policy(
        &format!("swing-{name}"),
        &format!(
            "[grid]\nswing = {{ band = [\"0.1 Hz\", \"20 Hz\"], amplitude = \"{:.1} kW\" }}\n",
            allowed_w / 1e3
        ),
    );
    let (free, kept) = (run(scenario, "balanced", seed), run(scenario, &held, seed));
    std::fs::remove_file(held).unwrap();
    let ((free_most, free_within), (most, within)) = (told(&free, allowed_w), told(&kept, allowed_w));
    println!(
        "{name}, seed {seed}: {allowed_w:.0} W allowed; within {:.2} % (free {:.2} %), at most {:.1} kW (free {:.1} kW); \
         told at most {:.1} kW (free {:.1}), {} blind; \
         tokens {:+.1} %, clock times activity {:+.1} %; told kept {:.0} % of the time",
        100.0 * within,
        100.0 * free_within,
        most / 1e3,
        free_most / 1e3,
        kept.told.held_w / 1e3,
        kept.told.free_w / 1e3,
        kept.told.blind,
        100.0 * (kept.tokens / free.tokens - 1.0),
        100.0 * (kept.work / free.work - 1.0),
        100.0 * kept.kept,
    );
    (free_within, within)
}

#[test]
fn swing_toward_the_grid_is_kept_at_any_period_that_is_seen() {
    let watts = 1e3 * of_env("HEADROOM_KW", 20) as f64;
    for seed in of_env("HEADROOM_FROM", 0)..of_env("HEADROOM_SEEDS", 1) {
        for period in ["4 s", "1 s", "700 ms", "250 ms"] {
            let (free, held) = compare(period, &scenario("20 %", period, "site"), watts, seed);
            assert!(free < 0.05, "nothing swings: {free}");
            assert!(held > 0.99, "{period}: {held}");
        }
        let (free, held) = compare("jobs", QUIET, watts, seed);
        assert!(free < 0.5 && held > 0.99, "{free} {held}");
    }
}

#[test]
fn swing_toward_the_grid_that_caps_cannot_keep_is_said() {
    let held =
        policy("swing-never", "[grid]\nswing = { band = [\"0.1 Hz\", \"20 Hz\"], amplitude = \"8 kW\" }\n");
    let came = run(&scenario("0 %", "4 s", "site"), &held, 0);
    std::fs::remove_file(held).unwrap();
    let (most, within) = told(&came, 8e3);
    assert!(within < 0.5 && most > 8e3, "{most} {within}");
    assert!(came.kept < 0.05 && came.told.held_w > 8e3, "{} {:?}", came.kept, came.told);
}
