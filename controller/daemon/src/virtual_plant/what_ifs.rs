//! What was said would be, against what was: the same plant twice, in one of which a setpoint is moved.
//!
//! `cargo test --release -p headroom what_if_came -- --nocapture` prints what was said and what came.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_core::what_if::{Change, Effect};
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::command::SetpointCommand;
use headroom_site::{ActuatorId, Command, Field, Inbox};
use std::path::Path;

/// Ticks of 10 s: until it is asked, until the plant has settled again, and over which it is looked at.
const ASKED: u64 = 360;
const SETTLED: u64 = 360;
const LOOKED: u64 = 180;

/// A plant with a controller that only looks.
struct Beside {
    plant: VirtualPlant,
    line: Line,
    inbox: Inbox,
}

/// What came, means over the last half an hour.
#[derive(Debug, Default)]
struct Came {
    die_c: Vec<f64>,
    /// All but IT, its losses and the house, W.
    cooling_w: f64,
    /// Pumps of that, W.
    pumps_w: f64,
}

impl Beside {
    fn new(seed: u64) -> Self {
        let scenario = Scenario::parse("name = \"steady\"\nhours = 6.0\n").unwrap();
        let config = WorldConfig { gpus: 192, dt_s: 10.0, warmup_s: 3600.0, seed, ..WorldConfig::default() };
        let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
        let site = crate::score::site_of(&world).unwrap();
        let (_, wants) = crate::files::load_policy(&site, "watch", None).unwrap().unwrap();
        let line = Line::with_wants(&site, wants, Identity { who: "what-if".to_owned(), epoch: 1 });
        Self { plant: VirtualPlant::new(world, &site).unwrap(), line, inbox: Inbox::default() }
    }

    fn tick(&mut self, sequence: u64, moved: Option<(usize, f64)>) {
        self.plant.step();
        self.inbox.clear();
        self.plant.drain(&mut self.inbox);
        let now = self.plant.now();
        let _ = self.line.tick(&self.inbox, now);
        if let Some((actuator, value)) = moved {
            self.plant.send(&Command::Setpoint(SetpointCommand {
                actuator: ActuatorId(actuator as u32),
                value: Some(value),
                epoch: 1,
                sequence,
                stamp: now,
                ttl_ms: 90_000,
                reason: String::new(),
            }));
            self.plant.beat();
        }
    }

    fn look(&self, came: &mut Came) {
        let world = self.plant.world();
        let p = &world.facility().powers;
        let share = 1.0 / LOOKED as f64;
        came.die_c.resize(world.fleet.die_c.len(), 0.0);
        came.die_c.iter_mut().zip(&world.fleet.die_c).for_each(|(sum, c)| *sum += f64::from(*c) * share);
        came.pumps_w += p.pumps_w * share;
        came.cooling_w += (p.chillers_w + p.pumps_w + p.fans_w) * share;
    }
}

/// Moves an actuator by so many units of its own: what was said, and what came of both plants.
fn moved(seed: u64, id: &str, by: f64) -> (Effect, Came, Came) {
    let (mut stays, mut goes) = (Beside::new(seed), Beside::new(seed));
    for n in 0..ASKED {
        stays.tick(n, None);
        goes.tick(n, None);
    }
    let actuator = goes.line.site().actuators.iter().position(|a| a.id.contains(id)).unwrap();
    let value = goes.line.stands(actuator).unwrap() + by;
    let said = goes.line.what_if(Change::Setpoint { actuator, value }).unwrap();
    let (mut without, mut with) = (Came::default(), Came::default());
    for n in ASKED..ASKED + SETTLED + LOOKED {
        stays.tick(n, None);
        goes.tick(n, Some((actuator, value)));
        if n >= ASKED + SETTLED {
            stays.look(&mut without);
            goes.look(&mut with);
        }
    }
    (said, without, with)
}

/// Kelvins that a die may come otherwise than said, and that it may move where it was said to be held.
const DIE_K: f64 = 1.0;
const HELD_K: f64 = 0.2;

#[test]
fn what_if_came_true() {
    for seed in [3, 4] {
        for (id, by) in [("CDU-01/supply", 2.0), ("CDU-01/diff", -25.0), ("facility-water", 2.0)] {
            let (said, without, with) = moved(seed, id, by);
            let (heat, cooling_w) = (said.heat.unwrap(), with.cooling_w - without.cooling_w);
            let pumps_w = with.pumps_w - without.pumps_w;
            let die_k = |g: usize| with.die_c[g] - without.die_c[g];
            let mean_k = (0..with.die_c.len()).map(die_k).sum::<f64>() / with.die_c.len() as f64;
            let (least, most) = said.facility_w.unwrap();
            println!(
                "seed {seed} {id} {by:+}: cooling said {least:.0} to {most:.0} W, came {cooling_w:.0} W, {pumps_w:.0} W of it pumps; \
                 dies moved {mean_k:.2} K on the whole"
            );
            // Chillers wander by a hundred watts by themselves: a pressure is seen in its pumps.
            let came_w = if id.ends_with("diff") { pumps_w } else { cooling_w };
            assert!((least..=most).contains(&came_w), "{id}: {came_w}");
            match heat.present {
                Some(room) => {
                    let (said_k, came_k) = (room.before_k - room.after_k, die_k(room.of));
                    println!("    the GPU with the least room: said {said_k:.2} K, came {came_k:.2} K");
                    assert!((said_k - came_k).abs() < DIE_K, "{id}");
                }
                None => assert!(heat.held_between && mean_k.abs() < HELD_K, "{id}"),
            }
        }
    }
}
