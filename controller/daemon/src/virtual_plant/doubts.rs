//! What the rules of plausibility make of the harness's plants: whose points are doubted while they run under control.
//!
//! `HEADROOM_DOUBTS="quiet,wrong-sensor" cargo test --release -p headroom doubts -- --nocapture` prints it for shipped
//! scenarios of choice, or for `all` of them; `HEADROOM_DOUBTS_HOURS` and `HEADROOM_DOUBTS_STEP` (seconds) say how much of
//! them.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox, Span};
use std::collections::BTreeMap;
use std::path::Path;

/// A point that was doubted: by which rule and how, first and last hour, points-hours, and what was said first.
#[derive(Debug, Clone, PartialEq)]
struct Doubted {
    quality: String,
    first_h: f64,
    last_h: f64,
    hours: f64,
    why: String,
}

type Found = BTreeMap<(String, &'static str), Doubted>;

/// Runs a scenario under control; points in doubt, and point-hours altogether.
fn run(scenario: Scenario, gpus: usize, step_s: f64, hours: f64) -> (Found, f64) {
    let config = WorldConfig { gpus, dt_s: step_s, ..WorldConfig::default() };
    let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
    let mut line = Line::with_wants(&site, wants, Identity { who: "doubts".to_owned(), epoch: 1 });
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let (mut inbox, mut found) = (Inbox::default(), Found::new());
    let begin = plant.now();
    let mut due = begin;
    for _ in 0..(hours * 3600.0 / step_s) as u64 {
        plant.step();
        if plant.now() < due {
            continue;
        }
        due = plant.now() + site.power_period;
        inbox.clear();
        plant.drain(&mut inbox);
        let tick = line.tick(&inbox, plant.now());
        tick.commands.iter().for_each(|c| plant.send(c));
        if tick.verified {
            plant.beat();
        }
        let hour = plant.now().since(begin).s() / 3600.0;
        for d in line.plausible().doubts() {
            let key = (site.points[d.point.index()].id.clone(), d.lie.rule());
            let doubted = found.entry(key).or_insert_with(|| Doubted {
                quality: d.quality.to_string(),
                first_h: hour,
                last_h: hour,
                hours: 0.0,
                why: d.lie.to_string(),
            });
            doubted.hours += Span::from_ns(site.power_period.ns()).s() / 3600.0;
            doubted.last_h = hour;
        }
    }
    (found, hours * site.points.len() as f64)
}

fn print(name: &str, found: &Found, point_hours: f64) {
    println!("{name}: {} points in doubt in {point_hours:.0} point-hours", found.len());
    for ((point, rule), d) in found {
        let Doubted { quality, first_h, last_h, hours, why } = d;
        println!("  {point}  {rule}  {quality}  {first_h:.2} to {last_h:.2} h, {hours:.2} h  {why}");
    }
}

#[test]
fn an_honest_plant_is_believed_and_a_lie_in_it_found() {
    let lie = "name = \"lie\"\nhours = 1\n[[event]]\nat = \"5 min\"\nfor = \"20 min\"\nkind = \"sensor-lies\"\n\
               point = \"CDU-01/secondary/flow\"\nvalue = 0.0\n\
               [[event]]\nat = \"6 min\"\nfor = \"4 min\"\nkind = \"load-step\"\nfactor = 1.5\n";
    let (found, point_hours) = run(Scenario::parse(lie).unwrap(), 64, 5.0, 0.4);
    print("lie", &found, point_hours);
    let points: Vec<_> = found.keys().map(|(point, rule)| (point.as_str(), *rule)).collect();
    assert_eq!(points, [("CDU-01/secondary/flow", "moving-fluid")], "{found:#?}");
}

#[test]
fn shipped_scenarios_of_choice() {
    let Ok(choice) = std::env::var("HEADROOM_DOUBTS") else {
        println!("skipped: HEADROOM_DOUBTS names no scenario");
        return;
    };
    let number = |key: &str, default: f64| {
        std::env::var(key).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let step_s = number("HEADROOM_DOUBTS_STEP", 10.0);
    let names: Vec<String> = match choice.as_str() {
        "all" => Scenario::names().map(|n| n.to_string()).collect(),
        list => list.split(',').map(str::to_owned).collect(),
    };
    for name in names {
        let scenario = Scenario::shipped(&name).unwrap();
        let hours = number("HEADROOM_DOUBTS_HOURS", 24.0).min(scenario.hours);
        let (found, point_hours) = run(scenario, 512, step_s, hours);
        print(&format!("{name} ({hours} h)"), &found, point_hours);
    }
}
