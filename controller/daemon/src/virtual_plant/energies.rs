//! Energies of GPUs beside rack meters: what the line makes of sensors with a gain of their own, against the truth.
//!
//! `HEADROOM_ENERGIES="512 2.0 training-steps" cargo test --release -p headroom energies -- --nocapture` says it for so many
//! GPUs, hours and a shipped scenario.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox};
use std::path::Path;

/// What came of a run: shares of 10 s windows within 2 % with the gains and without, share of factors within 1.96 deviations.
#[derive(Debug)]
struct Found {
    within: f64,
    raw: f64,
    inside: f64,
    sigma: f64,
}

fn run(scenario: Scenario, gpus: usize, learn_s: u64, judge_s: u64) -> Found {
    let config = WorldConfig { gpus, dt_s: 1.0, ..WorldConfig::default() };
    let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
    let mut line = Line::with_wants(&site, wants, Identity { who: "energies".to_owned(), epoch: 1 });
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let mut inbox = Inbox::default();
    let n = site.gpus.len();
    let energies = |line: &Line, plant: &VirtualPlant| -> Vec<[f64; 3]> {
        let fleet = &plant.world().fleet;
        let one = |g| (line.metering().energy(g), fleet.energy_mj[g] * 1e-3);
        (0..n).map(one).map(|(e, true_j)| [e.true_j, e.shown_j, true_j]).collect()
    };
    let (mut before, mut windows, mut good) = (Vec::new(), 0.0, [0.0; 2]);
    for k in 0..=learn_s + judge_s {
        plant.step();
        inbox.clear();
        plant.drain(&mut inbox);
        let tick = line.tick(&inbox, plant.now());
        tick.commands.iter().for_each(|c| plant.send(c));
        if tick.verified {
            plant.beat();
        }
        if k >= learn_s && (k - learn_s).is_multiple_of(10) {
            let now = energies(&line, &plant);
            for (now, before) in now.iter().zip(&before) {
                let before: &[f64; 3] = before;
                let truth = now[2] - before[2];
                windows += 1.0;
                for (good, k) in good.iter_mut().zip(0..) {
                    *good += f64::from(u8::from(((now[k] - before[k]) / truth - 1.0).abs() <= 0.02));
                }
            }
            before = now;
        }
    }
    let fleet = &plant.world().fleet;
    let inside = |g: &usize| {
        let gain = line.metering().gain(*g);
        (gain.factor * f64::from(fleet.sensor_gain[*g]) - 1.0).abs() <= 1.96 * gain.sigma
    };
    let sigma = (0..n).map(|g| line.metering().gain(g).sigma).sum::<f64>() / n as f64;
    Found {
        within: good[0] / windows,
        raw: good[1] / windows,
        inside: (0..n).filter(inside).count() as f64 / n as f64,
        sigma,
    }
}

#[test]
fn factors_are_as_sure_as_they_say_and_no_energy_is_worse_for_them() {
    let found = run(Scenario::shipped("quiet").unwrap(), 64, 1200, 200);
    println!("{found:?}");
    assert!(found.inside >= 0.9 && found.sigma < 0.05, "{found:?}");
    assert!(found.within > found.raw - 0.05 && found.raw > 0.2, "{found:?}");
}

#[test]
fn energies_of_choice() {
    let Ok(choice) = std::env::var("HEADROOM_ENERGIES") else {
        println!("skipped: HEADROOM_ENERGIES names no run");
        return;
    };
    let words: Vec<&str> = choice.split_whitespace().collect();
    let (gpus, hours): (usize, f64) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    let found = run(Scenario::shipped(words[2]).unwrap(), gpus, (hours * 3600.0) as u64, 600);
    println!("{choice}: {found:?}");
}
