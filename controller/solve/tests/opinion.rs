//! What is found is what Clarabel finds.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Kind, clarabel, random};
use headroom_solve::{Settings, Shape, Solver, Status};

/// Solves a problem with both, and compares.
fn compare(kind: Kind, seed: u64) {
    let shape = kind.shape;
    let problem = random(kind, seed);
    let his = clarabel(&problem, 1e-10);
    let mut solver = Solver::new(shape).unwrap();
    let report = solver.solve(&problem, &Settings::default()).unwrap();
    let about = format!("{kind:?}, seed {seed}: {report:?}");
    assert_eq!(report.status, Status::Solved, "{about}");
    assert!(report.certificate.worst() <= 1e-6, "{about}");
    let cost = report.certificate.cost;
    assert!((cost - his.cost).abs() <= 1e-6 * (1.0 + his.cost.abs()), "{about}: {} is right", his.cost);

    let exact = Settings { tolerance: 1e-9, ..Settings::default() };
    let report = solver.solve(&problem, &exact).unwrap();
    assert_eq!(report.status, Status::Solved, "{about}: {report:?}");
    let theirs = his.sparse.input(shape, &his.z, 0);
    for (ours, theirs) in solver.point().input(0).iter().zip(theirs) {
        assert!((ours - theirs).abs() < 1e-4, "{about}: {ours}, not {theirs}");
    }
}

#[test]
fn of_plants_that_do_not_change() {
    for seed in 0..100 {
        let stress = if seed % 2 == 0 { 1.0 } else { 10.0 };
        compare(Kind { shape: Shape::invariant(8, 3, 4, 25), stress, bounded: 0.9 }, seed);
    }
}

#[test]
fn of_plants_that_change_with_the_stage() {
    for seed in 100..180 {
        let stress = if seed % 2 == 0 { 1.0 } else { 10.0 };
        let shape = Shape { weights: 20, ..Shape::varying(6, 4, 3, 20) };
        compare(Kind { shape, stress, bounded: 0.8 }, seed);
    }
}

#[test]
fn of_other_sizes() {
    for (at, shape) in [
        Shape::invariant(1, 1, 1, 1),
        Shape::invariant(1, 9, 0, 5),
        Shape::invariant(9, 1, 9, 12),
        Shape { models: 3, weights: 2, ..Shape::invariant(5, 2, 1, 8) },
        Shape::invariant(16, 6, 6, 60),
        Shape::invariant(17, 2, 10, 15),
    ]
    .into_iter()
    .enumerate()
    {
        for seed in 0..4 {
            let stress = if seed < 2 { 1.0 } else { 10.0 };
            compare(Kind { shape, stress, bounded: 0.7 }, 200 + 10 * at as u64 + seed);
        }
    }
}
