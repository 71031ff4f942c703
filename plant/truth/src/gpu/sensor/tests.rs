//! What the sensors must do: see their windows, answer late, agree at any step length, and be wrong the way boards are.

use super::super::{Fleet, Sku, Spread};
use super::*;

/// A fleet that only serves as a carrier of power.
fn carrier(text: &str, gpus: usize, gain: f32) -> Fleet {
    let mut fleet = Fleet::with_spread(&[(Sku::find(text).unwrap(), gpus)], 1, Spread::NONE);
    fleet.sensor_gain.fill(gain);
    fleet.power_w.fill(100.0);
    fleet
}

/// Steps the bank alone, at a power.
fn feed(bank: &mut SensorBank, fleet: &mut Fleet, power_w: f32, seconds: f64, dt_s: f64) {
    for _ in 0..(seconds / dt_s).round() as usize {
        fleet.power_w.fill(power_w);
        fleet.energy_mj.iter_mut().for_each(|e| *e += f64::from(power_w) * dt_s * 1e3);
        bank.step(fleet, dt_s);
    }
}

fn average(bank: &SensorBank, fleet: &Fleet, gpu: usize) -> f64 {
    bank.read(fleet, gpu).average_w.or_zero()
}

fn instant(bank: &SensorBank, fleet: &Fleet, gpu: usize) -> f64 {
    bank.read(fleet, gpu).instant_w.or_zero()
}

#[test]
fn the_average_ramps_over_a_second_and_the_instant_follows_at_once() {
    for dt_s in [0.001, 0.004, 0.01, 0.05] {
        let mut fleet = carrier("h100", 50, 1.0);
        let mut bank = SensorBank::new(&fleet, 3);
        feed(&mut bank, &mut fleet, 100.0, 2.0, dt_s);
        feed(&mut bank, &mut fleet, 500.0, 0.5, dt_s);
        for gpu in 0..50 {
            // 0.39 to 0.5 s of the last second, by phase and delay
            let seen = (average(&bank, &fleet, gpu) - 100.0) / 400.0;
            assert!((0.38..0.51).contains(&seen), "dt {dt_s}: {seen}");
            assert!((instant(&bank, &fleet, gpu) - 500.0).abs() < 0.1);
        }
        feed(&mut bank, &mut fleet, 500.0, 0.65, dt_s);
        assert!((0..50).all(|gpu| (average(&bank, &fleet, gpu) - 500.0).abs() < 0.1));
    }
}

/// The same power in steps of 1 ms to 10 s gives the same reading where the step resolves it, else the mean.
#[test]
fn any_step_length_reads_the_same() {
    let read = |dt_s: f64| {
        let mut fleet = carrier("h100", 40, 1.0);
        let mut bank = SensorBank::new(&fleet, 5);
        for k in 0..6 {
            feed(&mut bank, &mut fleet, if k % 2 == 0 { 400.0 } else { 150.0 }, 10.0, dt_s);
        }
        feed(&mut bank, &mut fleet, 600.0, if dt_s > 1.0 { dt_s } else { 1.0 }, dt_s);
        (0..40).map(|gpu| [average(&bank, &fleet, gpu), instant(&bank, &fleet, gpu)]).collect::<Vec<_>>()
    };
    let fine = read(0.001);
    assert!(fine.iter().any(|r| r[0] < 597.0) && fine.iter().all(|r| r[0] > 540.0));
    for dt_s in [0.01, 0.1, 0.25, 0.5, 1.0] {
        for (a, b) in read(dt_s).iter().zip(&fine) {
            // within 1 % of the step
            assert!((a[0] - b[0]).abs() < 4.5 && (a[1] - b[1]).abs() < 4.5, "dt {dt_s}: {a:?} {b:?}");
        }
    }
    for dt_s in [2.0, 5.0, 10.0] {
        assert!(read(dt_s).iter().all(|r| (r[0] - 600.0).abs() < 1e-3 && (r[1] - 600.0).abs() < 1e-3));
    }
}

#[test]
fn the_step_length_may_change_under_way() {
    let mut fleet = carrier("h100", 40, 1.0);
    let mut bank = SensorBank::new(&fleet, 5);
    feed(&mut bank, &mut fleet, 200.0, 5.0, 1.0);
    feed(&mut bank, &mut fleet, 500.0, 1.0, 1.0);
    feed(&mut bank, &mut fleet, 500.0, 0.05, 0.01);
    let seen: Vec<f64> = (0..40).map(|gpu| average(&bank, &fleet, gpu)).collect();
    assert!(seen.iter().all(|w| (470.0..500.1).contains(w)), "{seen:?}");
    feed(&mut bank, &mut fleet, 300.0, 3.0, 0.01);
    feed(&mut bank, &mut fleet, 300.0, 1.0, 1.0);
    assert!((0..40).all(|gpu| (average(&bank, &fleet, gpu) - 300.0).abs() < 0.5));
}

/// Load with a period of ten refreshes aliases: the part-time sensor is off by far more than its gain.
#[test]
fn a_part_time_sensor_aliases_with_periodic_load() {
    let mut fleet = carrier("a100", 60, 1.0);
    let mut bank = SensorBank::new(&fleet, 9);
    let mut sum = vec![0.0; 60];
    for k in 0..500 {
        // 51 ms on, 51 ms off: half of the power on the mean
        feed(&mut bank, &mut fleet, if k % 2 == 0 { 400.0 } else { 100.0 }, 0.051, 0.001);
        for (gpu, sum) in sum.iter_mut().enumerate() {
            *sum += bank.read(&fleet, gpu).power_w / 500.0;
        }
    }
    assert!(sum.iter().any(|w| *w > 300.0) && sum.iter().any(|w| *w < 200.0), "{sum:?}");
}

#[test]
fn gain_and_energy_are_the_boards_own() {
    let mut fleet = carrier("h100", 4, 0.95);
    let mut bank = SensorBank::new(&fleet, 2);
    feed(&mut bank, &mut fleet, 400.0, 10.0, 0.004);
    let readout = bank.read(&fleet, 0);
    assert!((readout.power_w - 380.0).abs() < 0.01);
    let mj = readout.energy_mj.or_zero() as f64;
    // the counter shows the state of its last refresh, up to 100 ms ago
    assert!((3_762_000.0 - 1.0..3_800_001.0).contains(&mj), "{mj}");
    feed(&mut bank, &mut fleet, 400.0, 0.004, 0.004);
    assert!(bank.read(&fleet, 1).energy_mj.or_zero() as f64 - mj < 40_000.0);
}

#[test]
fn products_and_quirks_decide_what_is_answered() {
    let mut fleet = carrier("v100-sxm2", 3, 1.0);
    let mut bank = SensorBank::new(&fleet, 2);
    feed(&mut bank, &mut fleet, 250.0, 1.0, 0.01);
    let readout = bank.read(&fleet, 0);
    assert!((readout.power_w - 250.0).abs() < 0.01, "the plain call reads the instant window");
    assert_eq!(readout.average_w, Answer::NotSupported);
    assert_eq!(readout.margin_k, Answer::NotSupported);
    bank.quirks[1] = Quirk { missing: Fields::ENERGY, zeros: false };
    bank.quirks[2] = Quirk { missing: Fields::NONE, zeros: true };
    assert_eq!(bank.read(&fleet, 1).energy_mj, Answer::NotSupported);
    assert_eq!(bank.read(&fleet, 2).energy_mj, Answer::Zero);
    assert!(bank.read(&fleet, 2).power_w.abs() < 1e-9);
}

#[test]
fn seeds_decide_the_phases() {
    let read = |seed| {
        let mut fleet = carrier("h100", 30, 1.0);
        let mut bank = SensorBank::new(&fleet, seed);
        feed(&mut bank, &mut fleet, 100.0, 1.0, 0.01);
        feed(&mut bank, &mut fleet, 500.0, 0.3, 0.01);
        (0..30).map(|gpu| average(&bank, &fleet, gpu).to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(read(1), read(1));
    assert_ne!(read(1), read(2));
}
