//! A loop of four racks whose physics is written here once more, and faults in it.

use super::*;
use crate::dice::Dice;
use headroom_site::Dimension::{Flow, Power, Pressure, Ratio, Temperature};
use headroom_site::Stamp;

const RACKS: usize = 4;
const OF_RACK: usize = 5;
/// Variables of the unit, after those of the racks.
const SUPPLY: usize = RACKS * OF_RACK;
const BACK: usize = SUPPLY + 1;
const INLET: usize = SUPPLY + 2;
const OUTLET: usize = SUPPLY + 3;
const FLOW: usize = SUPPLY + 4;
const PRIMARY: usize = SUPPLY + 5;
const DP: usize = SUPPLY + 6;
const SPEED: usize = SUPPLY + 7;
const WATTS: usize = SUPPLY + 8;

fn rack(i: usize) -> [usize; OF_RACK] {
    std::array::from_fn(|k| i * OF_RACK + k)
}

fn network() -> Network {
    let of_rack = [Power, Temperature, Temperature, Flow, Pressure];
    let of_unit = [Temperature, Temperature, Temperature, Temperature, Flow, Flow, Pressure, Ratio, Power];
    let dimensions = std::iter::repeat_n(of_rack, RACKS).flatten().chain(of_unit);
    let variables: Vec<_> = dimensions.map(|dimension| Variable { dimension }).collect();
    let (mut equations, mut hypotheses) = (Vec::new(), Vec::new());
    for i in 0..RACKS {
        let [power, supply, back, flow, dp] = rack(i);
        equations.push(Equation::SameWater { a: supply, b: SUPPLY });
        equations.push(Equation::Heat { flow, supply, back, power });
        equations.push(Equation::Resistance { dp, flow, valve: None });
        equations.push(Equation::Branch { dp, header: DP, flow });
    }
    let of = |k: usize| (0..RACKS).map(move |i| rack(i)[k]);
    equations.push(Equation::Mixing { back: BACK, parts: of(3).zip(of(2)).collect() });
    equations.push(Equation::Mass { whole: FLOW, parts: of(3).collect() });
    let hot = Side { flow: FLOW, enters: BACK, leaves: SUPPLY };
    let cold = Side { flow: PRIMARY, enters: INLET, leaves: OUTLET };
    equations.push(Equation::Exchange { hot, cold });
    equations.push(Equation::Conductance { hot, cold });
    equations.push(Equation::Head { dp: DP, flow: FLOW, speeds: vec![SPEED] });
    equations.push(Equation::PumpPower { power: WATTS, flow: FLOW, speeds: vec![SPEED] });
    for (v, variable) in variables.iter().enumerate() {
        let least = if variable.dimension == Temperature { 0.7 } else { 0.05 };
        hypotheses.push(Hypothesis { effect: Effect::Sensor(v), least, sign: 0.0, penalty: 0.0 });
    }
    Network::new(variables, equations, hypotheses)
}

fn at(minute: i32) -> Stamp {
    Stamp::from_tai_ns(i64::from(minute) * 60_000_000_000)
}

/// What shows with so much load, and a noise of the sensors.
fn shown(dice: &mut Dice, load: f64) -> Vec<f64> {
    let k = equation::W_PER_LPM_K;
    let n = 0.5 + 0.3 * load;
    let flow_of = |i: usize| 90.0 * n * (1.0 + 0.02 * i as f64);
    let supply = 30.0 + load;
    let mut z = Vec::new();
    let (mut heat, mut flow, mut mixed) = (0.0, 0.0, 0.0);
    for i in 0..RACKS {
        let (power, v) = (40_000.0 * load + 8_000.0, flow_of(i));
        let q = 40_000.0 * load + 2_000.0;
        let back = supply + q / (k * v);
        (heat, flow, mixed) = (heat + q, flow + v, mixed + v * back);
        let dp = 80.0 * n * n;
        z.extend([power, supply + 0.4, back, v, dp]);
    }
    let back = mixed / flow;
    let inlet = 24.0 - load;
    // A conductance that goes with V^0.8, and the primary flow that it takes.
    let ua = 40_000.0 * (flow / 400.0).powf(0.5);
    let mut primary = 300.0;
    for _ in 0..200 {
        let outlet = inlet + heat / (k * primary);
        let (a, b) = (back - outlet, supply - inlet);
        let mean = (a - b) / (a / b).ln();
        primary *= if heat / mean > ua { 1.0 + 0.02 * (heat / mean / ua - 1.0).min(5.0) } else { 0.998 };
    }
    let outlet = inlet + heat / (k * primary);
    let watts = 900.0 * n.powi(3);
    z.extend([supply, back, inlet, outlet, flow, primary, 90.0 * n * n, n, watts]);
    for (v, x) in z.iter_mut().enumerate() {
        let temperature = (v < SUPPLY && matches!(v % OF_RACK, 1 | 2)) || (SUPPLY..FLOW).contains(&v);
        *x = if temperature { *x + 0.03 * dice.normal() } else { *x * (1.0 + 0.004 * dice.normal()) };
    }
    z
}

/// Runs two quiet hours and one with something done to the values; what is found at its end.
fn found(seed: u64, wrong: impl Fn(&mut [f64])) -> Vec<Found> {
    let mut dice = Dice(seed);
    let mut network = network();
    for minute in 0..180 {
        let load = 0.6 + 0.35 * (f64::from(minute) / 17.0).sin();
        let mut z = shown(&mut dice, load);
        if minute >= 120 {
            wrong(&mut z);
        }
        network.look(&z, at(minute));
        if minute < 120 {
            assert_eq!(network.found().count(), 0, "{minute}: {:?}", network.found().collect::<Vec<_>>());
        }
    }
    network.found().cloned().collect()
}

#[test]
fn what_is_sound_is_left_alone() {
    for seed in 0..20 {
        let all = found(seed, |_| {});
        assert!(all.is_empty(), "{all:?}");
    }
}

#[test]
fn the_sensor_that_is_off_is_named_and_by_how_much() {
    let cases = [(rack(1)[1], 2.0), (rack(2)[2], -1.5), (SUPPLY, 2.0), (BACK, 1.5), (INLET, 0.0)];
    for (v, off) in cases.into_iter().filter(|c| c.1 != 0.0) {
        for seed in 0..5 {
            let all = found(seed, |z| z[v] += off);
            assert_eq!(all.len(), 1, "{v} {off}: {all:?}");
            assert_eq!(all[0].hypothesis, v, "{all:?}");
            assert!((all[0].size - off).abs() < 0.3, "{} for {off}", all[0].size);
            assert!((at(118)..=at(128)).contains(&all[0].since), "{}", all[0].since);
        }
    }
}

#[test]
fn a_meter_of_the_wrong_scale_is_named() {
    for (v, factor) in [(rack(0)[3], 1.12_f64), (FLOW, 0.9), (DP, 1.15)] {
        for seed in 0..5 {
            let all = found(seed, |z| z[v] *= factor);
            assert_eq!(all.len(), 1, "{v} {factor}: {all:?}");
            assert_eq!(all[0].hypothesis, v, "{all:?}");
            assert!((all[0].size - factor.ln()).abs() < 0.03, "{} for {factor}", all[0].size);
        }
    }
}

#[test]
fn flows_that_nobody_meters_are_known_to_five_percent() {
    for (v, least) in [(rack(0)[3], 30), (FLOW, 30), (PRIMARY, 30)] {
        let mut dice = Dice(7);
        let mut network = network();
        let (mut sum, mut n) = (0.0, 0.0);
        for minute in 0..120 {
            let mut z = shown(&mut dice, 0.6 + 0.35 * (f64::from(minute) / 17.0).sin());
            let flow = std::mem::replace(&mut z[v], f64::NAN);
            network.look(&z, at(minute));
            if minute >= least {
                let (known, sigma) = network.flow(v, &z).expect("something tells");
                (sum, n) = (sum + (known / flow - 1.0).powi(2), n + 1.0);
                assert!(sigma / known < 0.12, "{known} +- {sigma}");
            }
        }
        let rms = (sum / n).sqrt();
        assert!(rms < 0.05, "variable {v}: {rms:.3}");
    }
}

/// A stem that follows its drive for an hour and then has so much static friction (He et al. 2007), or stands for good, under a
/// loop whose load swings and, where it stands, rises.
fn driven(friction: f64, stuck: bool, hours: f64) -> Valve {
    let mut dice = Dice(3);
    let (mut valve, mut stem, mut drive, mut error) = (Valve::default(), 0.5_f64, 0.5_f64, 0.0_f64);
    for k in 0..(hours * 720.0) as u32 {
        let ailing = k > 720;
        let more = if stuck && ailing { 0.1 } else { 0.0 };
        let load = 0.5 + more + 0.04 * (f64::from(k) / 90.0).sin();
        error += 0.05 * (20.0 * (load - stem) - error);
        drive += 0.0004 * error;
        let away = drive - stem;
        stem = match (ailing, stuck) {
            (true, true) => stem,
            (true, false) if friction > 0.0 && away.abs() <= friction => stem,
            (true, false) if friction > 0.0 => drive - away.signum() * 0.5 * friction,
            _ => drive,
        };
        valve.take(5.0 * f64::from(k), (1e3 * stem).round() / 1e3, error + 0.02 * dice.normal());
        assert!(ailing || valve.verdict().is_none(), "{k}: {:?}", valve.verdict());
    }
    valve
}

#[test]
fn a_stem_that_slips_or_stands_is_told_from_one_that_follows() {
    assert_eq!(driven(0.0, false, 6.0).verdict(), None);
    let slips = driven(0.05, false, 6.0);
    assert_eq!(slips.verdict().map(|v| v.0), Some(Stem::Sticks), "{}", slips.least_step());
    assert!((0.02..0.06).contains(&slips.least_step()), "{}", slips.least_step());
    let stuck = driven(0.0, true, 3.0);
    assert_eq!(stuck.verdict().map(|v| v.0), Some(Stem::Stuck), "{} K off", stuck.error());
}
