//! Promises to the users of served models, while clocks go down for watts: are they kept, and what is saved?
//!
//! `HEADROOM_SEEDS=10 HEADROOM_HOURS=6 cargo test --release -p headroom promises_ -- --nocapture` says it for more plants.

use super::beside::{Beside, of_env};
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_truth::work::{Latency, Sketch};

const QUIET: &str = "name = \"quiet\"\ndescription = \"\"\nhours = 12.0\n";

/// What came of one plant.
struct Came {
    it_kwh: f64,
    /// Shares of requests that took longer than promised: to the first token, and per token.
    late: [f64; 2],
    tokens: f64,
}

fn later_than(sketch: &Sketch, promised_s: f64) -> f64 {
    let mut count = [0];
    sketch.at_most(&[promised_s], &mut count);
    1.0 - count[0] as f64 / sketch.count().max(1) as f64
}

fn run(policy: &str, seed: u64, hours: u64) -> Came {
    let config =
        WorldConfig { gpus: 128, dt_s: 2.0, warmup_s: 600.0, seed: 500 + seed, ..WorldConfig::default() };
    let mut beside = Beside::new(Scenario::parse(QUIET).unwrap(), config, policy);
    let mut it_j = 0.0;
    let latencies = |beside: &Beside| -> Latency {
        let mut all = Latency::default();
        for job in &beside.plant.world().workload.jobs {
            if let Some(latency) = job.latency() {
                all.first_token.merge(&latency.first_token);
                all.token.merge(&latency.token);
            }
        }
        all
    };
    let tokens = |b: &Beside| b.plant.world().workload.jobs.iter().map(|j| j.stats.tokens).sum::<f64>();
    // the first half hour is for learning
    for _ in 0..900 {
        beside.step();
    }
    let (before, tokens_before) = (latencies(&beside), tokens(&beside));
    for s in 0..hours * 1800 {
        beside.step();
        it_j += beside.plant.world().powers.it_w * 2.0;
        if of_env("HEADROOM_TELL", 0) > 0 && s % 300 == 0 {
            for (job, clock) in beside.site.jobs.iter().zip(beside.line.job_clocks()) {
                println!("{:>5} min {:<10} {:?} {}", s / 30, job.id, clock.wanted_mhz, clock.why);
            }
        }
    }
    let all = latencies(&beside);
    let late = [
        later_than(&all.first_token.since(&before.first_token), 2.5),
        later_than(&all.token.since(&before.token), 0.150),
    ];
    Came { it_kwh: it_j / 3.6e6, late, tokens: tokens(&beside) - tokens_before }
}

#[test]
fn promises_are_kept_while_clocks_are_low() {
    let (seeds, hours) = (of_env("HEADROOM_SEEDS", 1), of_env("HEADROOM_HOURS", 1));
    for seed in 0..seeds {
        // its policy promises nothing, so that clocks stay free
        let (free, low) = (run("most-tokens", seed, hours), run("balanced", seed, hours));
        let saved = 1.0 - low.it_kwh / free.it_kwh;
        println!(
            "seed {seed}: IT {:+.2} %, tokens {:+.3} %; later than promised: first token {:.2} % ({:.2} % free), per token {:.2} %",
            -100.0 * saved,
            100.0 * (low.tokens / free.tokens - 1.0),
            100.0 * low.late[0],
            100.0 * free.late[0],
            100.0 * low.late[1],
        );
        assert!(low.late.iter().all(|late| *late <= 0.05), "{:?}", low.late);
        assert!(saved > 0.03 && low.tokens > 0.998 * free.tokens, "{saved}");
    }
}
