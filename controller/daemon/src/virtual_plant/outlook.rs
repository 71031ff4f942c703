//! The outlook in plants that it knows nothing of: how often what came lay inside what was said.
//!
//! `HEADROOM_SEEDS=20 cargo test --release -p headroom outlook_ -- --nocapture` says it for more plants; `HEADROOM_HOURS` and
//! `HEADROOM_SCENARIOS` for longer and in others.

mod weather;

use super::beside::{Beside, of_env};
use headroom_belief::outlook::{Band, By, HORIZONS, HORIZONS_MIN};
use headroom_core::Line;
use headroom_core::outlook::What;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;

/// Seconds of a step, and steps of a minute.
const STEP_S: f64 = 10.0;
const MINUTE: u32 = 6;

/// Bands judged, those that held, and their widths, at each horizon.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    judged: [f64; HORIZONS],
    held: [f64; HORIZONS],
    width: [f64; HORIZONS],
    /// Said by something better than persistence.
    better: [f64; HORIZONS],
}

impl Held {
    fn add(&mut self, more: &Self) {
        for h in 0..HORIZONS {
            self.judged[h] += more.judged[h];
            self.held[h] += more.held[h];
            self.width[h] += more.width[h];
            self.better[h] += more.better[h];
        }
    }

    fn per_band(&self, sums: [f64; HORIZONS]) -> [f64; HORIZONS] {
        std::array::from_fn(|h| sums[h] / self.judged[h])
    }
}

/// What was seen in each minute, and what had been said by then.
#[derive(Debug, Default)]
struct Minutes {
    seen: Vec<f64>,
    said: Vec<[Option<Band>; HORIZONS]>,
}

impl Minutes {
    fn look(&mut self, line: &Line, what: What) {
        let future = line.outlook().futures.find(what).unwrap();
        let mut said = [None; HORIZONS];
        for (said, band) in said.iter_mut().zip(future.bands()) {
            *said = band.ok();
        }
        self.seen.push(future.series().now().unwrap_or(f64::NAN));
        self.said.push(said);
    }

    fn judge(&self) -> Held {
        let mut out = Held::default();
        for (m, said) in self.said.iter().enumerate() {
            for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
                let (Some(band), Some(then)) = (said[h], self.seen.get(m + minutes)) else { continue };
                out.judged[h] += 1.0;
                out.held[h] += f64::from(u8::from((band.q[0]..=band.q[2]).contains(then)));
                out.width[h] += band.q[2] - band.q[0];
                out.better[h] += f64::from(u8::from(band.by != By::Persistence));
            }
        }
        out
    }
}

/// Bands of the IT's power and of the wet bulb in one plant.
fn run(scenario: &str, gpus: usize, seed: u64, hours: u32) -> [Held; 2] {
    let config = WorldConfig { gpus, dt_s: STEP_S, warmup_s: 600.0, seed, ..WorldConfig::default() };
    let mut b = Beside::new(Scenario::shipped(scenario).unwrap(), config, "balanced");
    let (mut it, mut wet) = (Minutes::default(), Minutes::default());
    for s in 0..hours * 60 * MINUTE {
        b.step();
        if s % MINUTE == MINUTE - 1 {
            it.look(&b.line, What::ItPower);
            wet.look(&b.line, What::WetBulb);
        }
    }
    [it.judge(), wet.judge()]
}

#[test]
fn outlook_holds_nine_in_ten_in_a_plant() {
    let seeds = of_env("HEADROOM_SEEDS", 1);
    let scenarios = std::env::var("HEADROOM_SCENARIOS").unwrap_or_else(|_| "quiet,heat-wave".into());
    let gpus = if seeds > 1 { 64 } else { 16 };
    let hours = of_env("HEADROOM_HOURS", 12);
    for scenario in scenarios.split(',') {
        let mut all = [Held::default(); 2];
        for seed in 1..=seeds {
            for (all, one) in all.iter_mut().zip(run(scenario, gpus, seed, hours as u32)) {
                all.add(&one);
            }
        }
        for (held, what) in all.iter().zip(["IT power, W", "wet bulb, K"]) {
            let [coverage, widths, better] =
                [held.held, held.width, held.better].map(|sums| held.per_band(sums));
            println!("{scenario}: {seeds} plants, {hours} h, {what}: held {coverage:.3?}, wide {widths:.3?}");
            println!("  said by more than persistence: {better:.2?}");
            for (c, minutes) in coverage.iter().zip(HORIZONS_MIN) {
                // Half a day holds few hours that know nothing of each other: the bounds are wider there, and of one plant all
                // dozen may be held by chance (0.9^12 is 0.28).
                let most = if seeds > 1 { 0.999 } else { 1.0 };
                let bounds = if minutes > 15 { 0.75..=most } else { 0.85..=0.96 };
                assert!(bounds.contains(c), "{scenario}, {what}, {minutes} min: {c:.3}");
            }
        }
    }
}
