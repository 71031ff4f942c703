//! A model that was learned of a plant, beside that plant: what it foresees against what comes.

use super::beside::Beside;
use crate::identify::recorder::Recorder;
use crate::identify::table_file;
use headroom_belief::identify::identify;
use headroom_belief::model::Model;
use headroom_core::Line;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_site::Span;

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

fn learned(b: &mut Beside) -> Model {
    let folder = std::env::temp_dir().join(format!("headroom-foresight-{}", std::process::id()));
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
