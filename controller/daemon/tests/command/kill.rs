//! Death of each party while caps and setpoints are held: what goes back, by itself, and how soon.
//!
//! Times are plant time. Held are caps and clock locks on every GPU (a curtailment), the CDU's pressure (DSX) and the
//! facility water's setpoint (Modbus).

use crate::common::ear::Ear;
use crate::common::modbus::Device;
use crate::common::{CURTAILED, GPUS, Mosquitto, OURS, Party, Place, Plant, Recipe, python, turn, until};
use headroom_nvml_abi::page::{GpuRequests, PageReader};
use headroom_site::Stamp;
use std::time::Duration;

/// Patience with a machine that is busy (wall time).
const SOON: Duration = Duration::from_secs(40);
/// The lease of the plant's site file, and the agents' period on top.
const LEASE_S: f64 = 30.0 + 1.0;
/// The BMS's patience with a silent integration, and its step on top.
const SILENCE_S: f64 = 30.0 + 1.0;
/// The BMS shows a setpoint in force on the bus this often.
const SHOWN_S: f64 = 5.0;
/// The BMS's own pressure at a CDU, kPa.
const OWN_DP_KPA: f64 = 90.0;
const DP: &str = "hall-1/CDU-01/dp/finalSetpoint";
const SUPPLY: &str = "hall-1/CDU-01/temperature/finalSetpoint";

/// What the GPUs are asked for.
fn asked(page: &PageReader) -> Vec<GpuRequests> {
    (0..GPUS).map(|g| page.requests(g).unwrap()).collect()
}

fn limits(page: &PageReader) -> Vec<u32> {
    asked(page).iter().map(|r| r.enforced_limit_mw).collect()
}

/// Everything is as it was found.
fn is_back(page: &PageReader, found: &[u32]) -> bool {
    asked(page).iter().zip(found).all(|(r, f)| r.enforced_limit_mw == *f && r.lock_mhz.is_none())
}

/// Time under thermal slowdown since the start, of all GPUs, ns.
fn thermal_ns(page: &PageReader) -> u64 {
    (0..GPUS).map(|g| page.outputs(g).unwrap()).map(|o| o.sw_thermal_ns + o.hw_thermal_ns).sum()
}

/// Keeps a value that is not the last one.
fn note(history: &mut Vec<(f64, f64)>, value: f64, now_s: f64) {
    if history.last().is_some_and(|(_, last)| (last - value).abs() > 1e-9) {
        history.push((now_s, value));
    }
}

/// The largest step in a direction (1 up, -1 down): when, and how far.
fn largest_step(history: &[(f64, f64)], direction: f64) -> (f64, f64) {
    let steps = history.windows(2).map(|w| (w[1].0, w[1].1 - w[0].1));
    steps.max_by(|a, b| (a.1 * direction).total_cmp(&(b.1 * direction))).unwrap_or((f64::INFINITY, 0.0))
}

/// GPUs below what was found.
fn capped(page: &PageReader, found: &[u32]) -> usize {
    limits(page).iter().zip(found).filter(|(l, f)| l < f).count()
}

struct Scene {
    controller: Party,
    agents: Vec<Party>,
    ear: Ear,
    page: PageReader,
    found: Vec<u32>,
    plant: Plant,
}

impl Scene {
    /// A plant under curtailment, where every third GPU had a limit before we came.
    fn new(test: &str, more: Vec<String>) -> Self {
        let plant = Plant::start(test, &Recipe { scenario: CURTAILED, more, ..Recipe::default() });
        let library = headroom_nvml_abi::library_path().unwrap().display().to_string();
        // Without Python, every GPU starts at its factory limit.
        let page = plant.folder.join("gpus.page").display().to_string();
        let args = [page, library, "650".into()];
        if let Some((fine, said)) = python("set_limits.py", &["ctypes"], &args) {
            assert!(fine, "{said}");
        }
        let page = plant.page();
        let found = limits(&page);
        let ear = Ear::on(&plant.broker(), &["BMS/v1/#", "headroom/v1/#"]);
        let (agents, controller) = (plant.agents(), plant.controller());
        Self { controller, agents, ear, page, found, plant }
    }

    fn held(&self) -> bool {
        let locked = asked(&self.page).iter().filter(|r| r.lock_mhz.is_some()).count();
        capped(&self.page, &self.found) > GPUS / 4 && locked > GPUS / 4
    }

    fn until_held(&self) {
        until(SOON, "caps and locks are held", || self.held());
    }

    /// Waits for `is_so` and gives the plant time it took since `at`.
    fn took(&self, at: Stamp, what: &str, is_so: impl FnMut() -> bool) -> f64 {
        until(SOON, what, is_so);
        self.plant.since(at)
    }
}

#[test]
fn a_dead_controller_leaves_limits_and_cooling_as_they_were_without_it() {
    let _turn = turn();
    let mut s = Scene::new("controller", vec![]);
    let mut chillers = Device::of(&s.plant.site(), "chiller-plant");
    // Nobody has asked for anything yet: this is the BMS's own.
    let own_c = chillers.value("/applied");
    s.until_held();
    // Below what the BMS's ramp could make up between two words of it on the bus.
    until(2 * SOON, "the CDU's pressure is ours", || {
        s.ear.value(DP).and_then(|d| d.value) < Some(OWN_DP_KPA - 1.0)
    });
    until(2 * SOON, "the facility water's setpoint is ours", || {
        chillers.value("remote-enable") > 0.5 && chillers.value("/applied") > own_c + 0.45
    });
    let (held, dp) = (capped(&s.page, &s.found), s.ear.value(DP).unwrap().value.unwrap());
    let water = chillers.value("/applied");
    let thermal = thermal_ns(&s.page);
    s.controller.kill();
    let at = s.plant.now();
    let (mut limits_s, mut dps, mut waters) = (None, vec![(0.0, dp)], vec![(0.0, water)]);
    until(SOON, "40 s pass", || {
        let now_s = s.plant.since(at);
        if is_back(&s.page, &s.found) {
            limits_s = limits_s.or(Some(now_s));
        }
        note(&mut dps, s.ear.value(DP).unwrap().value.unwrap(), now_s);
        note(&mut waters, chillers.value("/applied"), now_s);
        now_s > 40.0
    });
    let (dsx, modbus) = (largest_step(&dps, 1.0), largest_step(&waters, -1.0));
    println!(
        "held: {held} caps, {dp} kPa, {water:.1} degC; GPUs back after {limits_s:?} s, CDU pressure after {:.1} s by {:.2} kPa, facility water after {:.1} s by {:.1} K",
        dsx.0, dsx.1, modbus.0, modbus.1
    );
    assert!(limits_s.is_some_and(|t| t <= LEASE_S), "{limits_s:?}");
    // Pressure comes back in one step, not by the ramp of 5 kPa/min; the water's setpoint likewise.
    assert!(dsx.0 <= SILENCE_S + SHOWN_S && dsx.1 > 1.0 && dps.last().unwrap().1 >= OWN_DP_KPA, "{dps:?}");
    assert!(modbus.0 <= SILENCE_S && modbus.1 < -0.35, "{waters:?}");
    assert!(waters.last().unwrap().1 <= own_c + 0.05, "{waters:?}");
    assert!(
        (chillers.value("/setpoint") - chillers.value("/applied")).abs() < 0.01,
        "the register is forgotten"
    );
    let supply = s.ear.value(SUPPLY).unwrap().value.unwrap();
    assert!(supply <= 30.0 + 1e-9, "{supply}");
    // Colder at once, or the BMS's own reset was there already.
    s.plant.pass(60.0);
    assert!(chillers.value("/applied") <= water + 0.05, "{} after {water}", chillers.value("/applied"));
    assert!(is_back(&s.page, &s.found), "and nothing comes back");
    assert_eq!(thermal_ns(&s.page), thermal, "nothing throttles thermally");
}

#[test]
fn a_dead_agent_started_again_knows_what_its_first_life_found() {
    let _turn = turn();
    let mut s = Scene::new("agent", vec![]);
    s.until_held();
    let state = s.plant.folder.join("agent-1");
    let file = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
    let found = || -> serde_json::Value {
        let all: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        all["found"].clone()
    };
    let first = found();
    let entry = |g: usize| first[&s.page.uuid(g).unwrap()]["limit_mw"].as_u64();
    let mine: Vec<usize> = (0..GPUS).filter(|g| entry(*g).is_some()).collect();
    assert!(!mine.is_empty() && mine.iter().all(|g| entry(*g) == Some(u64::from(s.found[*g]))), "{first}");
    let writes = || -> u64 { mine.iter().map(|g| s.page.requests(*g).unwrap().limit_writes).sum() };
    s.agents[0].kill();
    let (before, held) = (writes(), limits(&s.page));
    s.plant.pass(40.0);
    let now = limits(&s.page);
    assert!(mine.iter().all(|g| now[*g] == held[*g]), "nobody is there to let go");
    assert_eq!(writes(), before);
    let at = s.plant.now();
    let again = s.plant.agent(0);
    s.agents[0] = again;
    let resumed_s = s.took(at, "it commands the agent's GPUs again", || {
        let now = limits(&s.page);
        writes() > before + mine.len() as u64 && mine.iter().any(|g| now[*g] < s.found[*g])
    });
    until(SOON, "what was found first stands in the file again", || found() == first);
    println!(
        "{} GPUs of a killed agent are commanded again {resumed_s:.1} s after its new start",
        mine.len()
    );
    assert!(s.controller.terminate().success());
    let at = s.plant.now();
    let back_s = s.took(at, "all limits are as found", || is_back(&s.page, &s.found));
    println!("after the controller's farewell all limits are back in {back_s:.1} s");
    assert!(back_s <= LEASE_S, "{back_s}");
}

#[test]
fn a_dead_broker_costs_nothing_but_time() {
    let _turn = turn();
    let place = Place::new("mosquitto");
    let Some(mut broker) = Mosquitto::start(&place.0) else { return };
    let mut s = Scene::new("broker", vec!["--broker".into(), broker.url()]);
    s.until_held();
    let mut chillers = Device::of(&s.plant.site(), "chiller-plant");
    let thermal = thermal_ns(&s.page);
    broker.kill();
    let at = s.plant.now();
    let back_s = s.took(at, "agents without a bus let go", || is_back(&s.page, &s.found));
    assert!(back_s <= LEASE_S, "{back_s}");
    s.plant.pass(30.0);
    assert!(chillers.value("water/supply/temperature") < 32.0);
    assert_eq!(thermal_ns(&s.page), thermal, "the plant stays inside its limits");
    assert!(s.controller.runs() && s.agents.iter_mut().all(Party::runs) && s.plant.demo.runs());
    let heard = |prefix: &str| s.ear.count(prefix);
    let (values, ours) = (heard("BMS/v1/PUB/Value/"), heard(OURS));
    let telemetry = || -> u64 {
        s.ear.counts("headroom/v1/").iter().filter(|(t, _)| t.ends_with("/telemetry")).map(|(_, n)| n).sum()
    };
    let reports = telemetry();
    broker.again();
    let at = s.plant.now();
    let bms_s = s.took(at, "the BMS is heard again", || heard("BMS/v1/PUB/Value/") > values + 50);
    let agents_s = s.took(at, "agents report again", || telemetry() > reports + 8);
    let ours_s = s.took(at, "we ask again", || {
        s.ear.counts(OURS).iter().any(|(t, _)| t.contains("Request") || t.contains("GenericPoint"))
            && heard(OURS) > ours
    });
    let held_s = s.took(at, "caps and locks are held again", || s.held());
    println!(
        "limits back {back_s:.1} s after the broker's death; after its return heard again: BMS {bms_s:.1} s, agents {agents_s:.1} s, requests {ours_s:.1} s, all held {held_s:.1} s"
    );
    assert_eq!(thermal_ns(&s.page), thermal);
}
