//! The filter against a textbook one, and against plants that are not what it reckons with.

use super::*;
use crate::dice::Dice;
/// Power in steps, readings in whole degrees of a plant with its own figures.
struct Plant {
    model: GpuModel,
    offset: f64,
    memory_k: f64,
    plate_c: f64,
    fast_w: f64,
    power_w: f64,
    coolant_c: f64,
}

impl Plant {
    fn new(model: GpuModel, offset: f64, memory_k: f64) -> Self {
        Self { model, offset, memory_k, plate_c: 30.0, fast_w: 100.0, power_w: 100.0, coolant_c: 30.0 }
    }

    fn step(&mut self, dice: &mut Dice) -> GpuInput {
        if dice.draw() < 0.03 {
            self.power_w = dice.range(90.0, 700.0);
        }
        self.coolant_c += 0.01 * dice.normal();
        let m = &self.model;
        let (a, af) = (1.0 - (-1.0 / m.tau_s).exp(), 1.0 - (-1.0 / m.tau_fast_s).exp());
        self.fast_w += af * (self.power_w - self.fast_w);
        let end = self.coolant_c + (1.0 - m.fast) * m.resistance * self.power_w;
        self.plate_c += a * (end - self.plate_c);
        let shown = |c: f64| Some((c + self.offset).round());
        GpuInput {
            power_w: self.power_w,
            coolant_c: self.coolant_c,
            psi: 1.0,
            die_c: shown(self.die()),
            hbm_c: shown(self.hbm()),
        }
    }

    fn die(&self) -> f64 {
        self.plate_c + self.model.fast * self.model.resistance * self.fast_w
    }

    fn hbm(&self) -> f64 {
        self.plate_c
            + self.model.memory * self.model.fast * self.model.resistance * self.fast_w
            + self.memory_k
    }
}

#[test]
fn is_the_textbook_filter_and_the_same_bits_at_every_width() {
    let model = GpuModel::on_a_plate(0.05);
    let mut dice = Dice(3);
    let mut plants: Vec<Plant> = (0..19)
        .map(|_| Plant::new(GpuModel::on_a_plate(dice.range(0.04, 0.06)), 0.0, dice.range(4.0, 9.0)))
        .collect();
    let mut books: Vec<Textbook> = plants.iter().map(|_| Textbook::new(&model, 1.0)).collect();
    let mut batch = Batch::new(&model, plants.len(), 1.0);
    let mut scalar = batch.clone();
    for _ in 0..2_000 {
        for (i, (plant, book)) in plants.iter_mut().zip(&mut books).enumerate() {
            let input = plant.step(&mut dice);
            batch.show(i, &input);
            scalar.show(i, &input);
            book.step(&input);
        }
        batch.advance();
        scalar.advance_scalar();
        for (i, book) in books.iter().enumerate() {
            let (x, p) = batch.belief(i);
            assert_eq!((x, p), scalar.belief(i));
            // To 1e-9 of itself, or of how sure it is where it is near zero.
            let off = |k: usize| (x[k] - book.x[k]).abs() / x[k].abs().max(book.p[(k, k)].sqrt());
            assert!((0..4).all(|k| off(k) <= 1e-9), "{x:?} {}", book.x);
            for (k, l) in (0..4).flat_map(|k| (k..4).map(move |l| (k, l))) {
                assert!(
                    (p[at(k, l)] - book.p[(k, l)]).abs() <= 1e-9 * (book.p[(k, k)] * book.p[(l, l)]).sqrt(),
                    "{p:?} {}",
                    book.p
                );
            }
        }
    }
}

/// Runs a plant; gives the observers and the plant.
fn run(plant: Plant, prior: f64, steps: usize, seed: u64) -> (GpuObservers, Plant) {
    let (mut dice, mut plant) = (Dice(seed), plant);
    let mut obs = GpuObservers::new(&[GpuModel::on_a_plate(prior)], &[0], &[700.0]);
    for _ in 0..steps {
        obs.show(0, &plant.step(&mut dice));
        obs.advance(1.0);
    }
    (obs, plant)
}

#[test]
fn learns_resistance_and_offset_apart() {
    for (n, r, offset) in [(1, 0.035, 0.0), (2, 0.05, 2.0), (3, 0.065, -1.5), (4, 0.05, -2.0)] {
        let plant = Plant::new(GpuModel { resistance: r, ..GpuModel::on_a_plate(r) }, offset, 6.0);
        let (obs, plant) = run(plant, 0.05, 3_600, n);
        let ((found, sigma), (c, sigma_c)) = (obs.resistance(0), obs.offset(0));
        assert!((found - r).abs() < 3.0 * sigma && sigma < 0.002, "{found} +- {sigma}, not {r}");
        assert!((c - offset).abs() < 3.0 * sigma_c && sigma_c < 0.7, "{c} +- {sigma_c}, not {offset}");
        let ((die, _), (hbm, _)) = (obs.now(0, Rise::Die), obs.now(0, Rise::Memory));
        assert!((die - plant.die() - offset).abs() < 1.0 && (hbm - plant.hbm() - offset).abs() < 1.5);
    }
}

#[test]
fn a_steady_load_leaves_resistance_and_offset_in_doubt() {
    let mut obs = GpuObservers::new(&[GpuModel::on_a_plate(0.05)], &[0], &[700.0]);
    for _ in 0..3_600 {
        obs.show(0, &GpuInput { power_w: 400.0, coolant_c: 30.0, psi: 1.0, die_c: Some(53.0), hbm_c: None });
        obs.advance(1.0);
    }
    let ((now, known), (_, unknown)) =
        (obs.steady(0, Rise::Die, 400.0, 30.0), obs.steady(0, Rise::Die, 700.0, 30.0));
    assert!((now - 53.0).abs() < 0.3 && known < 0.4, "{now} +- {known}");
    assert!(unknown > 1.0 && obs.offset(0).1 > 1.0, "{unknown} {:?}", obs.offset(0));
    let (rise, sigma) = obs.full_rise(0, Rise::Die);
    assert!(
        (rise + 30.0 - obs.steady(0, Rise::Die, 700.0, 30.0).0).abs() < 1e-9
            && (sigma - unknown).abs() < 1e-9
    );
    // The power that keeps a limit stands off by just that doubt.
    let most_w = obs.most_w(0, Rise::Die, 70.0, 30.0, 2.0);
    let (at, sigma) = obs.steady(0, Rise::Die, most_w, 30.0);
    assert!((at + 2.0 * sigma - 70.0).abs() < 1e-6, "{most_w} W: {at} +- {sigma}");
}

#[test]
fn finds_the_time_constants_of_a_heat_sink() {
    let truth = GpuModel { tau_s: 45.0, fast: 0.35, ..GpuModel::on_a_plate(0.07) };
    let models = [GpuModel::on_a_plate(0.06)];
    let mut obs = GpuObservers::new(&models, &[0; 16], &[700.0; 16]);
    let mut dice = Dice(7);
    let mut plants: Vec<Plant> = (0..16)
        .map(|_| {
            let r = dice.range(0.06, 0.08);
            Plant::new(GpuModel { resistance: r, ..truth }, dice.range(-1.0, 1.0), 5.0)
        })
        .collect();
    let mut nis = (0.0, 0.0);
    for s in 0..30_000 {
        for (i, plant) in plants.iter_mut().enumerate() {
            obs.show(i, &plant.step(&mut dice));
        }
        obs.advance(1.0);
        let sum: f64 = (0..16).map(|i| obs.nis(i)).sum();
        if s < 600 {
            nis.0 += sum / (600.0 * 32.0);
        } else if s >= 27_000 {
            nis.1 += sum / (3_000.0 * 32.0);
        }
    }
    let m = obs.model(0);
    assert!((m.tau_s / truth.tau_s).ln().abs() < 0.35 && (m.fast - truth.fast).abs() < 0.1, "{m:?}");
    // Innovations are no larger than it says (smaller: whole degrees repeat themselves), and were at first.
    assert!((0.3..1.2).contains(&nis.1) && nis.0 > 1.2, "{nis:?}");
}

#[test]
fn silence_widens_the_belief_and_no_further_than_before() {
    let plant = Plant::new(GpuModel::on_a_plate(0.05), 0.0, 6.0);
    let (mut obs, _) = run(plant, 0.05, 2_000, 5);
    let (before, first) = (obs.now(0, Rise::Die).1, obs.steady(0, Rise::Die, 700.0, 30.0).1);
    for _ in 0..100 {
        obs.show(0, &GpuInput { power_w: 600.0, coolant_c: 30.0, psi: 1.0, die_c: None, hbm_c: None });
        obs.advance(1.0);
    }
    assert!(obs.now(0, Rise::Die).1 > before);
    for _ in 0..20_000 {
        obs.show(0, &GpuInput { power_w: 600.0, coolant_c: 30.0, psi: 1.0, die_c: None, hbm_c: None });
        obs.advance(60.0);
    }
    let (_, long) = obs.steady(0, Rise::Die, 700.0, 30.0);
    let most = ((0.3 * 0.05 * 700.0_f64).powi(2) + 4.0).sqrt();
    assert!(long > first && long <= most * 1.001, "{first} {long} {most}");
}

#[test]
fn one_wrong_reading_moves_little() {
    let (mut obs, plant) = run(Plant::new(GpuModel::on_a_plate(0.05), 0.0, 6.0), 0.05, 2_000, 6);
    let (r, die) = (obs.resistance(0).0, obs.now(0, Rise::Die).0);
    let wild = Some(plant.die() + 60.0);
    obs.show(0, &GpuInput { power_w: plant.power_w, coolant_c: 30.0, psi: 1.0, die_c: wild, hbm_c: None });
    obs.advance(1.0);
    assert!((obs.resistance(0).0 - r).abs() < 1e-3);
    assert!(obs.now(0, Rise::Die).0 - die < 2.0, "{}", obs.now(0, Rise::Die).0 - die);
}

/// A plate that dries out, or flow that is gone where no flow is read: what cools is another from one second to the next.
#[test]
fn a_sudden_change_is_followed_within_a_minute() {
    for (factor, seconds) in [(1.5, 60), (2.0, 60), (3.0, 90)] {
        let mut plant = Plant::new(GpuModel::on_a_plate(0.045), 0.0, 6.0);
        let mut dice = Dice(9);
        let mut obs = GpuObservers::new(&[GpuModel::on_a_plate(0.05)], &[0], &[700.0]);
        for s in 0..14_400 + seconds {
            if s == 14_400 {
                plant.model.resistance *= factor;
            }
            // A steady load: nothing but the readings tells.
            plant.power_w = 600.0;
            let mut input = plant.step(&mut dice);
            input.power_w = 600.0;
            plant.power_w = 600.0;
            obs.show(0, &input);
            obs.advance(1.0);
        }
        let ((now, _), (full, sigma)) = (obs.now(0, Rise::Die), obs.full_rise(0, Rise::Die));
        assert!((now - plant.die()).abs() < 1.5, "x{factor}: {now}, not {}", plant.die());
        let truth = 700.0 * plant.model.resistance;
        assert!(full + 2.0 * sigma > truth - 1.0, "x{factor}: {full} +- {sigma}, not {truth}");
    }
}

#[test]
fn products_keep_to_themselves() {
    // Interleaved GPUs of two classes, more than a block of each.
    let class_of: Vec<usize> = (0..22).map(|i| i % 2).collect();
    let mut obs =
        GpuObservers::new(&[GpuModel::on_a_plate(0.04), GpuModel::on_a_plate(0.08)], &class_of, &[700.0; 22]);
    for _ in 0..600 {
        for (i, class) in class_of.iter().enumerate() {
            let r = [0.04, 0.08][*class];
            let power_w = 200.0 + 20.0 * i as f64;
            obs.show(
                i,
                &GpuInput {
                    power_w,
                    coolant_c: 25.0,
                    psi: 1.0,
                    die_c: Some(25.0 + r * power_w),
                    hbm_c: None,
                },
            );
        }
        obs.advance(1.0);
    }
    for (i, class) in class_of.iter().enumerate() {
        let power_w = 200.0 + 20.0 * i as f64;
        let (t, _) = obs.steady(i, Rise::Die, power_w, 25.0);
        assert!((t - 25.0 - [0.04, 0.08][*class] * power_w).abs() < 0.2, "{i}: {t}");
    }
}
