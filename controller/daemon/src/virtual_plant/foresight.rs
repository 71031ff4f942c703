//! A model that was learned of a plant, beside that plant: what it foresees against what comes.

use super::VirtualPlant;
use crate::identify::recorder::Recorder;
use crate::identify::table_file;
use headroom_belief::identify::identify;
use headroom_belief::model::Model;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox, Site, Span};
use std::path::Path;

const STEP_S: f64 = 10.0;
/// Hours of which it is learned, the first three excited, and of which it is held against what comes.
const LEARNED_H: f64 = 6.0;
const HELD_H: f64 = 2.5;

fn line(site: &Site, policy: &str) -> Line {
    let (_, wants) = crate::files::load_policy(site, policy, None).unwrap().unwrap();
    Line::with_wants(site, wants, Identity { who: "foresight".to_owned(), epoch: 1 })
}

fn run(line: &mut Line, plant: &mut VirtualPlant, hours: f64, mut then: impl FnMut(&Line)) {
    let mut inbox = Inbox::default();
    for _ in 0..(hours * 3600.0 / STEP_S) as u32 {
        plant.step();
        inbox.clear();
        plant.drain(&mut inbox);
        let tick = line.tick(&inbox, plant.now());
        tick.commands.iter().for_each(|c| plant.send(c));
        if tick.verified {
            plant.beat();
        }
        then(line);
    }
}

fn learned(site: &Site, plant: &mut VirtualPlant) -> Model {
    let folder = std::env::temp_dir().join(format!("headroom-foresight-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let table = folder.join("table.csv");
    let mut recorder = Recorder::open(&table, site).unwrap();
    let mut active = line(site, "balanced");
    active.excite(Span::from_s(3.0 * 3600.0));
    run(&mut active, plant, LEARNED_H, |line| recorder.take(line).unwrap());
    let read = table_file::read(&table, site).unwrap();
    let found = identify(site, &read.table);
    std::fs::remove_dir_all(&folder).unwrap();
    found.model.unwrap_or_else(|| panic!("{:#?}", found.findings))
}

/// Setpoints stay where they are: nothing but load and weather moves. An hour before, the model has said what temperatures and
/// pressures will be.
#[test]
fn an_hour_ahead_comes_as_foreseen() {
    let scenario = Scenario::shipped("quiet").unwrap();
    let config = WorldConfig { gpus: 64, dt_s: STEP_S, warmup_s: 900.0, seed: 3, ..WorldConfig::default() };
    let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let model = learned(&site, &mut plant);
    let mut watch = line(&site, "watch");
    watch.believe(&model).unwrap();
    let mut course: Vec<Vec<(f64, f64, f64)>> = Vec::new();
    let mut periods = 0;
    run(&mut watch, &mut plant, HELD_H, |line| {
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
