//! Heat, leakage and clocks of single GPUs.
//!
//! Sources stand beside each figure. Temperatures are read in whole degrees by the sources, so half a kelvin is granted on
//! each.

use headroom_truth::gpu::Fleet;

use super::{Check, Tolerance, check, fleet_of};

const STEP: &str = "A100 PCIe load step 60 -> 190 W, sampled at 15 ms (benchmark data of arXiv 2312.02741)";
const SERVING: &str = "8 x H100 SXM serving log at 250 ms (public benchmark logs)";
const CLOCKS: &str = "A100 power over clock, public GROMACS and PerfPerTCO fits";
const GEMM: &str = "GB300 dense matrix products under a 500 W cap (published benchmark)";

fn run(fleet: &mut Fleet, seconds: f64, dt_s: f64) {
    for _ in 0..(seconds / dt_s).round() as usize {
        fleet.step(dt_s);
    }
}

/// Sets the activity at which a settled GPU draws `power_w`.
fn draw(fleet: &mut Fleet, power_w: f64) {
    let (mut low, mut high) = (0.0f32, 1.0f32);
    for _ in 0..12 {
        fleet.activity[0] = 0.5 * (low + high);
        fleet.settle();
        if f64::from(fleet.power_w[0]) > power_w { high = fleet.activity[0] } else { low = fleet.activity[0] }
    }
}

/// Rise at times after a step, for 130 W of step, K.
fn response(fleet: &mut Fleet, activity: f32, times_s: [f64; 4]) -> [f64; 4] {
    let (from_c, from_w) = (f64::from(fleet.die_c[0]), f64::from(fleet.power_w[0]));
    fleet.activity[0] = activity;
    let mut now_s = 0.0;
    times_s.map(|time_s| {
        run(fleet, time_s - now_s, 0.01);
        now_s = time_s;
        let step_w = f64::from(fleet.power_w[0]) - from_w;
        (f64::from(fleet.die_c[0]) - from_c) * 130.0 / step_w.abs()
    })
}

fn a100_step() -> Vec<Check> {
    let Some(mut fleet) = fleet_of("a100-pcie", 1) else { return Vec::new() };
    fleet.context[0] = true;
    draw(&mut fleet, 190.0);
    let activity = fleet.activity[0];
    fleet.activity[0] = 0.0;
    fleet.settle();
    let up_s = [0.2, 0.8, 1.7, 3.6];
    let up = response(&mut fleet, activity, up_s);
    let down_s = [0.15, 0.35, 2.5, 7.0];
    let down = response(&mut fleet, 0.0, down_s);
    let line = |what: &str, time_s: f64, published: f64, ours: f64| {
        let tolerance = (Tolerance::Absolute(0.1 * published.abs() + 0.5), STEP);
        check("gpu thermal", format!("A100 {what} after {time_s} s"), "K", (published, ours), tolerance)
    };
    let rise =
        [5.0, 7.0, 8.0, 9.0].iter().zip(up_s.iter().zip(up)).map(|(p, (t, o))| line("rise", *t, *p, o));
    let fall = [-5.0, -6.0, -8.0, -9.0]
        .iter()
        .zip(down_s.iter().zip(down))
        .map(|(p, (t, o))| line("fall", *t, *p, o));
    rise.chain(fall).collect()
}

/// Idle with a context at full clock, settled in water of a temperature: power and die temperature.
fn h100_idle(coolant_c: f32) -> Option<(Fleet, f64, f64)> {
    let mut fleet = fleet_of("h100", 1)?;
    fleet.context[0] = true;
    fleet.coolant_c[0] = coolant_c;
    fleet.settle();
    let (power_w, die_c) = (f64::from(fleet.power_w[0]), f64::from(fleet.die_c[0]));
    Some((fleet, power_w, die_c))
}

fn h100() -> Vec<Check> {
    // the water in which this GPU idles at 38 degC
    let Some((_, _, idle_c)) = h100_idle(32.0) else { return Vec::new() };
    let water_c = (32.0 + 38.0 - idle_c) as f32;
    let (Some((mut fleet, cool_w, cool_c)), Some((_, warm_w, warm_c))) =
        (h100_idle(water_c), h100_idle(water_c + 7.5))
    else {
        return Vec::new();
    };
    let per_k = 100.0 * (warm_w / cool_w - 1.0) / (warm_c - cool_c);
    fleet.memory[0] = 0.3;
    draw(&mut fleet, 376.0);
    let loaded_c = f64::from(fleet.die_c[0]);
    fleet.activity[0] = 0.0;
    fleet.memory[0] = 0.0;
    run(&mut fleet, 2.0, 0.05);
    let fall_k = loaded_c - f64::from(fleet.die_c[0]);
    let line = |what: &str, unit, pair, tolerance| {
        check("gpu thermal", what.to_owned(), unit, pair, (tolerance, SERVING))
    };
    vec![
        line("H100 idle with a context at 38 degC", "W", (118.7, cool_w), Tolerance::Relative(0.03)),
        line("H100 idle power per kelvin of the die", "%/K", (1.1, per_k), Tolerance::Range(1.0, 1.3)),
        line("H100 at 376 W in the same water", "degC", (50.5, loaded_c), Tolerance::Absolute(1.0)),
        line(
            "H100 fall within 2 s of the end of a load (221 W: 4 K, slower in air)",
            "K",
            (4.7, fall_k),
            Tolerance::Range(3.5, 7.0),
        ),
    ]
}

fn a100_clocks() -> Vec<Check> {
    let at = |mhz: f32| {
        let mut fleet = fleet_of("a100", 1)?;
        (fleet.activity[0], fleet.memory[0], fleet.cap_w[0]) = (0.75, 0.3, 1000.0);
        fleet.lock_max_mhz[0] = mhz;
        fleet.settle();
        Some(f64::from(fleet.power_w[0]))
    };
    let full_w = at(1410.0).unwrap_or(f64::NAN);
    let published = [
        (810.0, 0.45, 0.52),
        (1005.0, 0.50, 0.56),
        (1110.0, 0.57, 0.63),
        (1215.0, 0.68, 0.73),
        (1305.0, 0.81, 0.84),
    ];
    let line = |&(mhz, low, high): &(f32, f64, f64)| {
        let quantity = format!("A100 at {mhz:.0} MHz: power over power at 1410 MHz");
        let pair = (0.5 * (low + high), at(mhz).unwrap_or(f64::NAN) / full_w);
        check("gpu clock", quantity, "1", pair, (Tolerance::Range(low, high), CLOCKS))
    };
    published.iter().map(line).collect()
}

fn gb300_gemm() -> Option<Check> {
    let mut fleet = fleet_of("gb300", 1)?;
    (fleet.activity[0], fleet.memory[0]) = (1.0, 0.5);
    fleet.settle();
    let full_mhz = f64::from(fleet.clock_mhz[0]);
    fleet.cap_w[0] = 500.0;
    fleet.settle();
    let pair = (0.335, f64::from(fleet.clock_mhz[0]) / full_mhz);
    let quantity = "GB300 at 500 of 1400 W: clock over clock, dense matrix product".to_owned();
    Some(check("gpu power cap", quantity, "1", pair, (Tolerance::Range(0.28, 0.39), GEMM)))
}

pub(super) fn checks() -> Vec<Check> {
    let mut all = a100_step();
    all.extend(h100());
    all.extend(a100_clocks());
    all.extend(gb300_gemm());
    all
}
