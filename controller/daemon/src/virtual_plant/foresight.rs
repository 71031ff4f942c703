//! A model that was learned of a plant, beside that plant: what it foresees against what comes.

use super::beside::Beside;
use crate::identify::recorder::Recorder;
use crate::identify::table_file;
use headroom_belief::identify::identify;
use headroom_belief::model::Model;
use headroom_core::Line;
use headroom_core::propose::cooling::predictive::Outcome;
use headroom_sim::scenario::Scenario;
use headroom_sim::score::{Prices, Score, StrategyScore};
use headroom_sim::world::WorldConfig;
use headroom_site::Span;
use std::sync::atomic::{AtomicU32, Ordering};

const STEP_S: f64 = 10.0;
/// Hours of which it is learned, the first three excited, and of which it is held against what comes.
const LEARNED_H: f64 = 6.0;
const HELD_H: f64 = 2.5;

fn run(b: &mut Beside, hours: f64, mut then: impl FnMut(&Line)) {
    for _ in 0..(hours * 3600.0 / STEP_S) as u32 {
        b.step();
        then(&b.line);
    }
}

pub(super) fn learned(b: &mut Beside) -> Model {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run_of = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("headroom-foresight-{}-{run_of}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let table = folder.join("table.csv");
    let mut recorder = Recorder::open(&table, &b.site).unwrap();
    b.line.excite(Span::from_s(3.0 * 3600.0));
    run(b, LEARNED_H, |line| recorder.take(line).unwrap());
    let read = table_file::read(&table, &b.site).unwrap();
    let found = identify(&b.site, &read.table);
    std::fs::remove_dir_all(&folder).unwrap();
    found.model.unwrap_or_else(|| panic!("{:#?}", found.findings))
}

/// Setpoints stay where they are: nothing but load and weather moves. An hour before, the model has said what temperatures and
/// pressures will be.
#[test]
fn an_hour_ahead_comes_as_foreseen() {
    let scenario = Scenario::shipped("quiet").unwrap();
    let config = WorldConfig { gpus: 64, dt_s: STEP_S, warmup_s: 900.0, seed: 3, ..WorldConfig::default() };
    let mut b = Beside::new(scenario, config, "balanced");
    let model = learned(&mut b);
    b.hand_over("watch");
    b.line.believe(&model).unwrap();
    let mut course: Vec<Vec<(f64, f64, f64)>> = Vec::new();
    let mut periods = 0;
    run(&mut b, HELD_H, |line| {
        let filter = line.foresight().unwrap();
        if filter.periods() > periods {
            periods = filter.periods();
            let of = |f: &headroom_core::site_filter::Foreseen| (f.now.value, f.ahead[1].value, f.nis);
            course.push(filter.foreseen().iter().map(of).collect());
        }
    });
    let hour = (3600.0 / model.period_s).round() as usize;
    let settled = hour / 2;
    for (i, output) in model.outputs.iter().enumerate().filter(|(_, o)| !o.name.starts_with("meters:")) {
        let (mut square, mut sum, mut n) = (0.0_f64, 0.0, 0.0);
        for k in settled..course.len() - hour {
            let (said, came) = (course[k][i].1, course[k + hour][i].0);
            (square, sum, n) = (square + (said - came).powi(2), sum + came, n + 1.0);
        }
        let cv = 100.0 * (square / n).sqrt() / (sum / n).abs();
        let nis = course[course.len() - 1][i].2;
        println!("{}: CV(RMSE) {cv:.2} % an hour ahead, NIS {nis:.2}", output.name);
        assert!(cv < 2.7, "{}: {cv}", output.name);
        assert!((0.004..9.0).contains(&nis), "{}: NIS {nis}", output.name);
    }
}

/// The plant under a policy for some hours: its score, and how many plans there were with a certificate and without.
fn under(b: &mut Beside, policy: &str, model: &Model) -> (StrategyScore, [u32; 2]) {
    b.hand_over(policy);
    b.line.believe(model).unwrap();
    let (mut score, mut plans) = (Score::new(b.plant.world(), Prices::default()), [0; 2]);
    let mut seen = 0;
    for _ in 0..(HELD_H * 3600.0 / STEP_S) as u32 {
        b.step();
        score.observe(b.plant.world());
        let cooled = b.line.advice().first().map_or(seen, |_| b.line.foresight().unwrap().periods());
        if cooled > seen {
            seen = cooled;
            plans[0] += u32::from(matches!(b.line.plan(), Outcome::Planned(_)));
            plans[1] += u32::from(matches!(b.line.plan(), Outcome::NotSolved(_) | Outcome::Refused));
        }
    }
    (score.finish(b.plant.world()), plans)
}

/// Moves that are planned on the model keep every limit of the plant, and spend no more on cooling than the ordinary ones.
#[test]
fn planned_moves_keep_every_limit_and_cost_no_more() {
    let scenario = Scenario::shipped("quiet").unwrap();
    let config = WorldConfig { gpus: 64, dt_s: STEP_S, warmup_s: 900.0, seed: 5, ..WorldConfig::default() };
    let begin = || Beside::new(scenario.clone(), config.clone(), "balanced");
    let (mut first, mut second) = (begin(), begin());
    let (model, same) = (learned(&mut first), learned(&mut second));
    assert_eq!(model, same, "the same plant teaches the same");
    let (planned, plans) = under(&mut first, "predictive", &model);
    let (ordinary, none) = under(&mut second, "balanced", &model);
    let cooling = planned.cooling_kwh / ordinary.cooling_kwh;
    println!(
        "plans {plans:?}; cooling {cooling:.3} of the ordinary; travel {} against {}",
        planned.setpoint_travel, ordinary.setpoint_travel
    );
    assert!(plans[0] > 100 && plans[1] * 50 < plans[0], "{plans:?}");
    assert_eq!(none, [0, 0]);
    let v = &planned.violations;
    let seconds = [v.temperature_k_s, v.flow_s, v.dew_point_s, v.ramp_s];
    assert!(seconds.iter().all(|s| *s <= 0.0), "{v:?}");
    assert!(cooling < 1.1, "{cooling}");
}
