//! The GPU observers in a plant whose boards, loads and sensors are their own: how far they are off, and whether they know.
//!
//! `HEADROOM_SEEDS=100 cargo test --release -p headroom observers_ -- --nocapture` says it for as many plants as wanted.

use super::beside::{Beside, of_env};
use headroom_belief::gpu::Rise;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;

/// What came of a campaign, summed over GPUs and ticks.
#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    n: f64,
    die: f64,
    hbm: f64,
    nees: f64,
    nis: f64,
}

impl Sums {
    fn add(&mut self, more: &Self) {
        self.n += more.n;
        self.die += more.die;
        self.hbm += more.hbm;
        self.nees += more.nees;
        self.nis += more.nis;
    }

    fn die_rms(&self) -> f64 {
        (self.die / self.n).sqrt()
    }

    fn hbm_rms(&self) -> f64 {
        (self.hbm / self.n).sqrt()
    }
}

/// Seconds before it counts: what is learned of the class is learned then.
const SETTLE_S: u32 = 3_600;

/// Sums over the seconds that count.
fn run(scenario: &str, seed: u64, seconds: u32) -> Sums {
    let config = WorldConfig { gpus: 64, dt_s: 1.0, warmup_s: 300.0, seed, ..WorldConfig::default() };
    let mut b = Beside::new(Scenario::shipped(scenario).unwrap(), config, "balanced");
    let mut sums = Sums::default();
    for s in 0..SETTLE_S + seconds {
        b.step();
        if s < SETTLE_S {
            continue;
        }
        let (gpus, fleet) = (&b.line.estimate().gpus, &b.plant.world().fleet);
        for g in (0..gpus.len()).filter(|&g| fleet.present[g] && gpus.seen(g)) {
            let die = f64::from(fleet.die_c[g]) - gpus.now(g, Rise::Die).0;
            let hbm = f64::from(fleet.hbm_c[g]) - gpus.now(g, Rise::Memory).0;
            let [dd, dh, hh] = gpus.covariance(g);
            let nees = (hh * die * die - 2.0 * dh * die * hbm + dd * hbm * hbm) / (dd * hh - dh * dh);
            sums.add(&Sums {
                n: 1.0,
                die: die * die,
                hbm: hbm * hbm,
                nees: nees / 2.0,
                nis: gpus.nis(g) / 2.0,
            });
        }
    }
    sums
}

#[test]
fn observers_are_as_near_as_they_say() {
    let seeds = of_env("HEADROOM_SEEDS", 2);
    let scenarios = std::env::var("HEADROOM_SCENARIOS").unwrap_or_else(|_| "load-steps".into());
    for scenario in scenarios.split(',') {
        let mut all = Sums::default();
        for seed in 1..=seeds {
            all.add(&run(scenario, seed, 1_200));
        }
        let (die, hbm) = (all.die_rms(), all.hbm_rms());
        let (nees, nis) = (all.nees / all.n, all.nis / all.n);
        println!(
            "{scenario}: {seeds} plants: die {die:.2} K rms, memory {hbm:.2} K rms, NEES {nees:.2}, NIS {nis:.2} a reading"
        );
        assert!(die < 1.0 && hbm < 2.0, "{die} {hbm}");
        // Under loads that stand still for minutes whole degrees repeat themselves: innovations are then smaller.
        assert!((0.3..1.21).contains(&nis) && (0.5..1.5).contains(&nees), "{nis} {nees}");
    }
}
