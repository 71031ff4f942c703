//! Warnings of heat in plants that run on their own BMS while cold is lost in many ways: are they in time, and are they true?
//!
//! `HEADROOM_SEEDS=20 cargo test --release -p headroom warnings_ -- --nocapture` says it for more plants.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::gpu::ThrottleReason;
use headroom_site::{Field, Inbox};
use std::path::Path;

/// A warning must stand so long before the clock falls.
const LEAD_S: u32 = 30;
/// A throttle so long after the last one is a new one.
const APART_S: u32 = 300;
/// A warning is true if heat slows the GPU down while it stands or so long after, or if its die or memory comes that near
/// to its limit, K: half of what a reading in whole degrees, a sensor and a forecast of minutes are off together.
const TRUE_S: u32 = 300;
const NEAR_K: f32 = 3.0;

/// What came of plants.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    throttles: usize,
    in_time: usize,
    alarms: usize,
    false_alarms: usize,
    gpu_days: f64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Gpu {
    warned: Option<u32>,
    throttled: Option<u32>,
    /// Heat slowed it down since the warning began.
    proved: bool,
    /// The warning that was taken back last, unproved, and when.
    open: Option<u32>,
    /// Since when it has been near its limit.
    near: Option<u32>,
}

fn thermal(bits: u32) -> bool {
    [ThrottleReason::SwThermal, ThrottleReason::HwThermal].iter().any(|r| bits & r.bit() != 0)
}

fn run(text: &str, gpus: usize, seed: u64, hours: u32) -> Told {
    let scenario = Scenario::parse(text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let config = WorldConfig { gpus, dt_s: 1.0, warmup_s: 600.0, seed, ..WorldConfig::default() };
    let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
    let mut line = Line::with_wants(&site, wants, Identity { who: "throttles".to_owned(), epoch: 1 });
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let mut inbox = Inbox::default();
    let mut gpus = vec![Gpu::default(); site.gpus.len()];
    let mut told = Told { gpu_days: site.gpus.len() as f64 * f64::from(hours) / 24.0, ..Told::default() };
    for s in 0..hours * 3600 {
        plant.step();
        inbox.clear();
        plant.drain(&mut inbox);
        // Nothing is commanded: the plant runs on its own BMS.
        let _ = line.tick(&inbox, plant.now());
        let mut standing = vec![false; gpus.len()];
        line.warnings().standing().for_each(|w| standing[w.gpu] = true);
        let fleet = &plant.world().fleet;
        for (g, gpu) in gpus.iter_mut().enumerate() {
            gpu.look(s, standing[g], thermal(fleet.reasons[g]), near(&plant, g), &mut told);
        }
    }
    told.false_alarms += gpus.iter().filter(|g| g.open.is_some()).count();
    told
}

/// Is a die or a memory near its limit?
fn near(plant: &VirtualPlant, g: usize) -> bool {
    let (fleet, sku) = (&plant.world().fleet, plant.world().fleet.sku(g));
    let off = (sku.max_operating_c as f32 - fleet.die_c[g]).min(sku.hbm_max_c as f32 - fleet.hbm_c[g]);
    off < NEAR_K
}

impl Gpu {
    fn look(&mut self, s: u32, stands: bool, slowed: bool, near: bool, told: &mut Told) {
        self.near = if near { self.near.or(Some(s)) } else { None };
        if near {
            (self.proved, self.open) = (true, None);
        }
        if slowed {
            let new = self.throttled.is_none_or(|at| s - at > APART_S);
            self.throttled = Some(s);
            (self.proved, self.open) = (true, None);
            if new {
                told.throttles += 1;
                told.in_time += usize::from(self.warned.is_some_and(|at| at + LEAD_S <= s));
            }
        }
        match (self.warned, stands) {
            (None, true) => {
                told.alarms += 1;
                self.warned = Some(s);
                self.proved = self.throttled.is_some_and(|at| s - at <= TRUE_S);
            }
            (Some(_), false) => {
                self.warned = None;
                self.open = (!self.proved).then_some(s);
            }
            _ => {}
        }
        if self.open.is_some_and(|at| s - at > TRUE_S) {
            self.open = None;
            told.false_alarms += 1;
        }
    }
}

/// Kind, device, more, and start, end and ramp in minutes.
type Event = (&'static str, &'static str, &'static str, u32, u32, u32);

/// Ways to lose cold.
const WAYS: [(&str, &[Event]); 6] = [
    (
        "chillers",
        &[
            ("fouling", "CDU-01", "share = \"60 %\"", 60, 175, 5),
            ("chiller-trip", "CH-01", "", 70, 170, 0),
            ("chiller-trip", "CH-02", "", 71, 170, 0),
            ("cell-loss", "CT-01", "share = \"85 %\"", 75, 170, 0),
        ],
    ),
    ("strainer", &[("strainer-clogging", "CDU-01", "share = \"94 %\"", 70, 170, 30)]),
    ("fouling", &[("fouling", "CDU-01", "share = \"90 %\"", 70, 170, 45)]),
    ("air", &[("air-pocket", "rack-01", "share = \"88 %\"", 70, 170, 40)]),
    ("dry", &[("gpu-hot", "node-001", "gpu = 3\nfactor = 2.6", 70, 170, 0)]),
    ("nothing", &[]),
];

/// A summer's day with these events.
fn scenario(name: &str, events: &[Event]) -> String {
    let mut text = format!("name = \"{name}\"\nhours = 3\nstart = \"2025-07-18T11:00\"\n");
    for (kind, device, more, from, to, ramp) in events {
        text += &format!("[[event]]\nkind = \"{kind}\"\ndevice = \"{device}\"\n{more}\n");
        text += &format!("at = \"{from} min\"\nfor = \"{} min\"\n", to - from);
        if *ramp > 0 {
            text += &format!("ramp = \"{ramp} min\"\n");
        }
    }
    text
}

#[test]
fn warnings_are_in_time_and_true() {
    let seeds: u64 = std::env::var("HEADROOM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let (mut all, mut sudden) = (Told::default(), Told::default());
    for (name, events) in WAYS {
        let text = scenario(name, events);
        let mut sum = Told::default();
        for seed in 1..=seeds {
            sum.add(&run(&text, 64, seed, 3));
        }
        println!("{name}: {sum:?}");
        all.add(&sum);
        if name == "dry" {
            sudden = sum;
        }
    }
    println!("all: {all:?}");
    // A plant with nothing to warn of, for long.
    let hours = if seeds > 1 { 48 } else { 2 };
    let calm = run(&scenario("calm", &[]), if seeds > 1 { 512 } else { 64 }, 1, hours);
    println!("calm: {calm:?}");
    assert_eq!(calm.false_alarms, 0);
    // A plate that dries out in a second is a throttle that nobody can foresee.
    let (foreseeable, in_time) = (all.throttles - sudden.throttles, all.in_time - sudden.in_time);
    assert!(foreseeable > 0 && in_time * 100 >= foreseeable * 95, "{all:?}");
    assert!(all.false_alarms * 2 < all.alarms, "{all:?}");
}

impl Told {
    fn add(&mut self, more: &Self) {
        self.throttles += more.throttles;
        self.in_time += more.in_time;
        self.alarms += more.alarms;
        self.false_alarms += more.false_alarms;
        self.gpu_days += more.gpu_days;
    }
}
