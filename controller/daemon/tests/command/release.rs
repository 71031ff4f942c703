//! Everything let go in one step by an operator, and taken again: caps over the agents and NVML, setpoints over DSX and Modbus.

use crate::common::ear::Ear;
use crate::common::modbus::Device;
use crate::common::{CURTAILED, GPUS, Plant, Recipe, turn, until};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
/// The lease of the plant's site file, and the agents' period on top.
const LEASE_S: f64 = 30.0 + 1.0;
/// Well before the plant takes back by itself what a silent controller holds (31 s); a tick and the BMS's next word on the bus
/// where the machine is not busy.
const AT_ONCE_S: f64 = 25.0;
const OWN_DP_KPA: f64 = 90.0;
const DP: &str = "hall-1/CDU-01/dp/finalSetpoint";

struct Scene {
    plant: Plant,
    state: String,
    ear: Ear,
    water: Device,
    own_c: f64,
    found: Vec<u32>,
}

impl Scene {
    fn limits(&self) -> Vec<u32> {
        let page = self.plant.page();
        (0..GPUS).map(|g| page.requests(g).unwrap().enforced_limit_mw).collect()
    }

    fn capped(&self) -> bool {
        self.limits().iter().zip(&self.found).filter(|(l, f)| l < f).count() > GPUS / 4
    }

    fn dp_is_ours(&self) -> bool {
        self.ear.value(DP).and_then(|d| d.value) < Some(OWN_DP_KPA - 1.0)
    }

    fn water_is_ours(&mut self) -> bool {
        self.water.value("remote-enable") > 0.5 && self.water.value("/applied") > self.own_c + 0.45
    }

    fn until_all_is_ours(&mut self) {
        until(SOON, "caps are held", || self.capped());
        until(2 * SOON, "the CDU's pressure is ours", || self.dp_is_ours());
        until(2 * SOON, "the facility water is ours", || self.water_is_ours());
    }

    fn say(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        let output = command.args(words).args(["--state", &self.state]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
    }
}

#[test]
fn one_step_lets_everything_go_and_one_takes_it_again() {
    let _turn = turn();
    let plant = Plant::start("release", &Recipe { scenario: CURTAILED, ..Recipe::default() });
    let ear = Ear::on(&plant.broker(), &["BMS/v1/#"]);
    let mut water = Device::of(&plant.site(), "chiller-plant");
    let own_c = water.value("/applied");
    let state = plant.controller_option("--state").unwrap()[1].clone();
    let mut s = Scene { plant, state, ear, water, own_c, found: Vec::new() };
    s.found = s.limits();
    let (_agents, mut controller) = (s.plant.agents(), s.plant.controller());
    s.until_all_is_ours();

    let at = s.plant.now();
    let (fine, said) = s.say(&["release", "--why", "a leak in rack 3"]);
    assert!(fine && said.contains("setpoints are the plant's own again"), "{said}");
    until(SOON, "the water's setpoint is the plant's own", || s.water.value("remote-enable") < 0.5);
    until(SOON, "the pressure is the BMS's own", || {
        s.ear.value(DP).and_then(|d| d.value) >= Some(OWN_DP_KPA)
    });
    let cooling_s = s.plant.since(at);
    until(SOON, "the GPUs have what was found", || s.limits() == s.found);
    let caps_s = s.plant.since(at);
    println!("let go: cooling within {cooling_s:.1} s, caps within {caps_s:.1} s of plant time");
    assert!(cooling_s < AT_ONCE_S && caps_s < LEASE_S + AT_ONCE_S, "{cooling_s} {caps_s}");

    // It stays so, over a restart too, and everybody is told.
    s.plant.pass(60.0);
    assert!(controller.terminate().success());
    let _again = s.plant.controller();
    s.plant.pass(90.0);
    assert!(s.limits() == s.found && !s.dp_is_ours() && s.water.value("remote-enable") < 0.5);
    let address = std::fs::read_to_string(format!("{}/http.addr", s.state)).unwrap();
    let url = format!("http://{}", address.trim());
    let status =
        Command::new(env!("CARGO_BIN_EXE_headroom")).args(["status", "--url", &url]).output().unwrap();
    let screen = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(screen.contains("RELEASED") && screen.contains("a leak in rack 3"), "{screen}");
    assert!(screen.contains("advisory"), "it goes on to advise: {screen}");

    let (fine, said) = s.say(&["resume"]);
    assert!(fine && said.contains("resumed"), "{said}");
    s.until_all_is_ours();
    let (fine, said) = s.say(&["resume"]);
    assert!(fine && said.contains("nothing is released"), "{said}");
}

#[test]
fn where_nobody_runs_it_is_said_for_the_next_start_and_a_wrong_folder_is_told() {
    let place = crate::common::Place::new("release-alone");
    let run = |folder: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.args(["release", "--state", folder]).output().unwrap()
    };
    let output = run(&place.0.display().to_string());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("begins released"), "{text}");
    assert!(place.join("released").exists() && !place.join("released.new").exists());
    let output = run("/nowhere/headroom");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("give --state as the controller has it"), "{text}");
}
