//! What ails the harness's plants, found under its right name: faults of every kind, one a run, in plants of their own.
//!
//! `HEADROOM_SEEDS=20 cargo test --release -p headroom ailments_ -- --nocapture` says it for more plants;
//! `HEADROOM_AILMENTS="fouling,air"` for kinds of choice.

use super::beside::{Beside, of_env};
use headroom_core::Line;
use headroom_core::health::{Finding, Whose};
use headroom_sim::scenario::Scenario;
use headroom_sim::world::WorldConfig;
use headroom_site::Site;
use std::collections::BTreeMap;

/// Hours before the fault comes, and after.
const BEFORE_H: f64 = 2.0;
const AFTER_H: f64 = 2.0;
const STEP_S: f64 = 10.0;

/// A fault: name of the case, event, what it is to be called, and whose.
struct Case {
    name: &'static str,
    event: &'static str,
    ailment: &'static str,
    whose: &'static str,
}

const fn case(name: &'static str, event: &'static str, ailment: &'static str, whose: &'static str) -> Case {
    Case { name, event, ailment, whose }
}

const CASES: [Case; 21] = [
    case(
        "fouling",
        "kind = \"fouling\"\ndevice = \"CDU-01\"\nshare = \"30 %\"\nramp = \"1 h\"",
        "fouling",
        "CDU-01",
    ),
    case("fouling-2", "kind = \"fouling\"\ndevice = \"CDU-02\"\nshare = \"25 %\"", "fouling", "CDU-02"),
    case(
        "pump-wear",
        "kind = \"pump-wear\"\ndevice = \"CDU-01\"\npump = 1\nshare = \"20 %\"\nramp = \"1 h\"",
        "pump-wear",
        "CDU-01",
    ),
    case(
        "pump-wear-2",
        "kind = \"pump-wear\"\ndevice = \"CDU-02\"\npump = 2\nshare = \"25 %\"",
        "pump-wear",
        "CDU-02",
    ),
    case(
        "pump-wear-fws",
        "kind = \"pump-wear\"\ndevice = \"FWS\"\npump = 1\nshare = \"25 %\"",
        "pump-wear",
        "FWS",
    ),
    case("pump-air", "kind = \"pump-air\"\ndevice = \"CDU-01\"\npump = 1\nshare = \"8 %\"", "air", "CDU-01"),
    case("air-pocket", "kind = \"air-pocket\"\ndevice = \"rack-01\"\nshare = \"30 %\"", "air", "rack-01"),
    case(
        "air-pocket-2",
        "kind = \"air-pocket\"\ndevice = \"rack-03\"\nshare = \"20 %\"\nramp = \"30 min\"",
        "air",
        "rack-03",
    ),
    case(
        "clogging",
        "kind = \"strainer-clogging\"\ndevice = \"CDU-01\"\nshare = \"70 %\"",
        "clogging",
        "CDU-01",
    ),
    case(
        "stiction",
        "kind = \"valve-stiction\"\ndevice = \"CDU-01\"\ndeadband = \"4 %\"",
        "valve-sticks",
        "CDU-01",
    ),
    case(
        "stiction-2",
        "kind = \"valve-stiction\"\ndevice = \"CDU-02\"\ndeadband = \"6 %\"",
        "valve-sticks",
        "CDU-02",
    ),
    case(
        "bias-supply",
        "kind = \"sensor-bias\"\npoint = \"CDU-01/secondary/supply/temperature\"\noffset = 2.0",
        "sensor-off",
        "CDU-01/secondary/supply/temperature",
    ),
    case(
        "bias-return",
        "kind = \"sensor-bias\"\npoint = \"CDU-02/secondary/return/temperature\"\noffset = -2.0",
        "sensor-off",
        "CDU-02/secondary/return/temperature",
    ),
    case(
        "bias-rack",
        "kind = \"sensor-bias\"\npoint = \"rack-02/liquid/returnTemperature\"\noffset = 1.5",
        "sensor-off",
        "row-1/rack-02/liquid/returnTemperature",
    ),
    case(
        "bias-inlet",
        "kind = \"sensor-bias\"\npoint = \"CDU-01/primary/inlet/temperature\"\noffset = 2.0",
        "sensor-off",
        "CDU-01/primary/inlet/temperature",
    ),
    case(
        "drift-facility",
        "kind = \"sensor-drift\"\npoint = \"facility-water/supply/temperature\"\nper-hour = 1.0",
        "sensor-off",
        "facility-water/supply/temperature",
    ),
    case(
        "drift-rack",
        "kind = \"sensor-drift\"\npoint = \"rack-01/liquid/supplyTemperature\"\nper-hour = -1.0",
        "sensor-off",
        "row-1/rack-01/liquid/supplyTemperature",
    ),
    case(
        "gain-flow",
        "kind = \"sensor-gain\"\npoint = \"CDU-01/secondary/flow\"\nfactor = 1.15",
        "sensor-off",
        "CDU-01/secondary/flow",
    ),
    case(
        "swapped-rack",
        "kind = \"sensors-swapped\"\npoint = \"rack-01/liquid/supplyTemperature\"\nwith = \"rack-01/liquid/returnTemperature\"",
        "sensors-swapped",
        "row-1/rack-01/liquid/supplyTemperature",
    ),
    case(
        "swapped-cdu",
        "kind = \"sensors-swapped\"\npoint = \"CDU-02/primary/inlet/temperature\"\nwith = \"CDU-02/primary/outlet/temperature\"",
        "sensors-swapped",
        "CDU-02/primary/inlet/temperature",
    ),
    case(
        "gpu-hot",
        "kind = \"gpu-hot\"\ndevice = \"node-003\"\ngpu = 5\nfactor = 1.6",
        "hot-gpu",
        "node-003",
    ),
];

/// Whose a finding is, in the site's words.
fn whose(site: &Site, line: &Line, whose: Whose) -> String {
    let point = |p: headroom_site::PointId| site.points[p.index()].id.clone();
    match whose {
        Whose::Equipment(e) => site.equipment[e].id.clone(),
        Whose::Rack(r) => line.topology().racks[r].id.clone(),
        Whose::Point(p) | Whose::Points(p, _) => point(p),
        Whose::Gpu(g) => site.nodes[site.gpus[g].node.index()].id.clone(),
    }
}

/// What was found: (ailment, whose) with the hour of the first time and what was said then.
type All = BTreeMap<(String, String), (f64, String)>;

fn say(f: &Finding) -> String {
    let evidence: Vec<String> = f.evidence.iter().map(ToString::to_string).collect();
    format!("{} or {:?}: {}", f.size, f.or.map(|o| o.0.name()), evidence.join("; "))
}

fn beside(text: &str, gpus: usize, seed: u64) -> Beside {
    let config = WorldConfig { gpus, dt_s: STEP_S, warmup_s: 900.0, seed, ..WorldConfig::default() };
    Beside::new(Scenario::parse(text).unwrap(), config, "balanced")
}

fn run(text: &str, gpus: usize, seed: u64, hours: f64) -> All {
    let mut b = beside(text, gpus, seed);
    let (begin, mut all) = (b.plant.now(), All::new());
    for _ in 0..(hours * 3600.0 / STEP_S) as u64 {
        b.step();
        let hour = b.plant.now().since(begin).s() / 3600.0;
        for f in b.line.health().findings() {
            let key = (f.ailment.name().to_owned(), whose(&b.site, &b.line, f.whose));
            all.entry(key).or_insert_with(|| (hour, say(f)));
        }
    }
    all
}

#[test]
fn ailments_are_found_by_name() {
    let seeds = of_env("HEADROOM_SEEDS", 1);
    // Two that show at once, if none are chosen.
    let chosen = std::env::var("HEADROOM_AILMENTS").ok();
    let after_h = if chosen.is_some() { AFTER_H } else { 0.3 };
    let choice = chosen.unwrap_or_else(|| "bias-supply,air-pocket".into());
    let (mut right, mut total, mut beside) = (0, 0, 0);
    let is_chosen = |c: &&Case| choice == "all" || choice.split(',').any(|name| name == c.name);
    for c in CASES.iter().filter(is_chosen) {
        let mut of_case = 0;
        for seed in 1..=seeds {
            let text = format!(
                "name = \"ailment\"\nhours = 4\nstart = \"2025-07-18T10:00\"\n[[event]]\nat = \"{BEFORE_H} h\"\n{}\n",
                c.event
            );
            let all = run(&text, 256, seed, BEFORE_H + after_h);
            let key = (c.ailment.to_owned(), c.whose.to_owned());
            of_case += u64::from(all.get(&key).is_some_and(|f| f.0 > BEFORE_H));
            for ((ailment, whose), (hour, said)) in &all {
                let wanted = ailment == c.ailment && whose == c.whose && *hour > BEFORE_H;
                beside += u64::from(!wanted);
                let mark = if wanted { "+" } else { "-" };
                println!("  {mark} {} seed {seed}: {hour:.2} h {ailment} {whose}: {said}", c.name);
            }
            if !all.contains_key(&key) {
                println!("  ! {} seed {seed}: not found", c.name);
            }
        }
        println!("{}: {of_case} of {seeds}", c.name);
        (right, total) = (right + of_case, total + seeds);
    }
    println!("{right} of {total} found by name; {beside} findings beside");
    assert!(right * 10 >= total * 9, "{right} of {total}");
    assert!(beside * 20 <= total, "{beside} beside {total}");
}

#[test]
fn a_sound_plant_is_left_alone() {
    let seeds = of_env("HEADROOM_SEEDS", 1);
    let hours = of_env("HEADROOM_HOURS", 2);
    let scenarios = std::env::var("HEADROOM_SCENARIOS").unwrap_or_else(|_| "quiet".into());
    let mut found = 0;
    for name in scenarios.split(',') {
        let text = std::fs::read_to_string(format!("../../sim-harness/scenarios/{name}.toml")).unwrap();
        for seed in 1..=seeds {
            let all = run(&text, 256, seed, hours as f64);
            for ((ailment, whose), (hour, said)) in &all {
                println!("  - {name} seed {seed}: {hour:.2} h {ailment} {whose}: {said}");
            }
            found += all.len();
        }
    }
    println!("{found} findings in {seeds} x {hours} h of {scenarios}");
    assert!(found == 0 || scenarios != "quiet", "{found}");
}

/// Flows whose meters are silent from the start: how far what is told of them is off what is so.
#[test]
fn flows_that_nobody_meters_are_known() {
    let seeds = of_env("HEADROOM_SEEDS", 1);
    let silent = ["rack-01/liquid/flow", "CDU-01/primary/flow", "CDU-02/secondary/flow"];
    let events =
        silent.map(|p| format!("[[event]]\nat = \"0 s\"\nkind = \"sensor-dropout\"\npoint = \"{p}\"\n"));
    let text = format!("name = \"unmetered\"\nhours = 4\nstart = \"2025-07-18T10:00\"\n{}", events.concat());
    let (mut square, mut within, mut n) = ([0.0_f64; 3], 0.0_f64, 0.0_f64);
    for seed in 1..=seeds {
        let mut b = beside(&text, 256, seed);
        for step in 0..(2.0 * 3600.0 / STEP_S) as u32 {
            b.step();
            if step < 360 || step % 30 != 0 {
                continue;
            }
            let facility = b.plant.world().facility();
            let so =
                [facility.rack(0).flow_lpm, facility.cdus[0].primary_flow_lpm, facility.cdus[1].flow_lpm];
            for (k, (point, so)) in silent.iter().zip(so).enumerate() {
                let told = b.line.health().unmetered().iter().find(|u| u.of.ends_with(point));
                let told = told
                    .unwrap_or_else(|| panic!("{point} at step {step}: {:?}", b.line.health().unmetered()));
                square[k] += (told.lpm / so - 1.0).powi(2);
                within += f64::from(u8::from((told.lpm - so).abs() < 2.0 * told.sigma));
                n += 1.0;
            }
        }
    }
    let rms = square.map(|s| (3.0 * s / n).sqrt());
    println!("{silent:?}: {rms:.3?} rms, {:.2} within 2 sigma", within / n);
    assert!(rms.iter().all(|r| *r < 0.05), "{rms:?}");
    assert!(within / n > 0.9, "{}", within / n);
}
