//! Prints what a step of the facility costs on this machine:
//! `cargo run --release -p headroom-truth --example facility_speed`.

use std::time::Instant;

use headroom_truth::facility::cdu::Cdu;
use headroom_truth::facility::hall::Aisle;
use headroom_truth::facility::rack_loop::RackLoop;
use headroom_truth::facility::{Facility, FacilityInputs, FacilitySpec, Outdoor, RackSpec};

const RACK_W: f64 = 32_000.0;
const GPUS_PER_RACK: f64 = 32.0;

/// Median time of a step in seconds over five runs.
fn measure(racks: usize, dt_s: f64, steps: usize) -> (f64, Facility) {
    let mut spec = FacilitySpec::uniform(racks, 4, 8, RACK_W, 0.86, 1);
    spec.tank_m3 = 50.0;
    let mut facility = Facility::new(spec);
    let mut commands = facility.idle_commands();
    commands.chillers.iter_mut().for_each(|c| c.run = true);
    (commands.economiser, commands.tower_fan) = (0.7, 0.6);
    let (mut power, mut liquid) = (vec![0.0; racks], vec![0.0; racks]);
    let mut all = Vec::new();
    for run in 0..5 {
        let begin = Instant::now();
        for k in 0..steps {
            // Load and valves move, so that nothing lives off last step's values.
            let load = 0.6 + 0.3 * ((k + run) % 97) as f64 / 97.0;
            power.fill(load * RACK_W);
            liquid.fill(0.86 * load * RACK_W);
            commands.cdus.iter_mut().for_each(|c| c.valve = 0.4 + 0.2 * load);
            facility.step(
                &FacilityInputs {
                    rack_power_w: &power,
                    rack_liquid_w: &liquid,
                    rack_air_w: 0.14 * load * RACK_W * racks as f64,
                    server_air_m3s: 0.3 * racks as f64,
                    outdoor: Outdoor { dry_bulb_c: 24.0, wet_bulb_c: 17.0, dew_point_c: 13.0 },
                    commands: &commands,
                },
                dt_s,
            );
        }
        all.push(begin.elapsed().as_secs_f64() / steps as f64);
    }
    all.sort_by(f64::total_cmp);
    (all[2], facility)
}

fn main() {
    let rack = size_of::<RackLoop>() + size_of::<RackSpec>() + size_of::<usize>();
    let per_rack = rack as f64 + size_of::<Cdu>() as f64 / 4.0 + size_of::<Aisle>() as f64 / 8.0;
    println!("memory: {:.1} bytes per GPU", per_rack / GPUS_PER_RACK);
    for (racks, dt_s, steps) in
        [(16, 1.0, 40_000), (32, 10.0, 20_000), (320, 1.0, 2000), (3125, 1.0, 300), (3125, 10.0, 300)]
    {
        let (step_s, facility) = measure(racks, dt_s, steps);
        let per_gpu = step_s * 1e9 / (racks as f64 * GPUS_PER_RACK);
        println!(
            "{racks:>5} racks, steps of {dt_s:>4} s: {:>9.2} us per step, {per_gpu:.2} ns per GPU and step; supply {:.1} C",
            step_s * 1e6,
            facility.cdus[0].supply_c()
        );
    }
}
