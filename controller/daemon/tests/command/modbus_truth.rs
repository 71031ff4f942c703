//! Registers and bus of the plant tell one story: a foreign Modbus client (pymodbus) reads every input register as the
//! written site file describes it, and finds what the BMS shows on the bus.

use crate::common::{CURTAILED, Plant, Recipe, python, turn};

/// Slow enough that a client's own time does not matter.
const SPEED: f64 = 10.0;

#[test]
fn a_foreign_client_reads_what_the_bus_says() {
    let _turn = turn();
    let plant = Plant::start("truth", &Recipe { scenario: CURTAILED, speed: SPEED, ..Recipe::default() });
    let args = [plant.site_path().display().to_string(), SPEED.to_string()];
    let Some((fine, said)) = python("read_modbus.py", &["paho.mqtt", "pymodbus", "tomllib"], &args) else {
        return;
    };
    println!("{said}");
    assert!(fine, "{said}");
    let counts: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let inputs: usize = plant.site()["modbus"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|d| d["register"].as_array().unwrap())
        .filter(|r| r["space"].as_str() == Some("input"))
        .count();
    assert_eq!((counts["devices"].as_u64(), counts["registers"].as_u64()), (Some(3), Some(inputs as u64)));
    assert!(inputs > 25, "{inputs}");
}
