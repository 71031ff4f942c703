//! Solves that follow each other: warm and cold, short of iterations, bit for bit.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Kind, Random, random};
use headroom_solve::{Problem, Report, Settings, Shape, Solver, Start, Status};
use proptest::prelude::*;

const SHAPE: Shape = Shape::invariant(8, 3, 4, 30);

fn loose(seed: u64) -> Problem {
    random(Kind { shape: SHAPE, stress: 2.0, bounded: 1.0 }, seed)
}

/// A loop of some periods, each with its own state and disturbances, started as asked.
fn periods(start: Start, tolerance: f64) -> Vec<(Report, Vec<f64>)> {
    let (mut problem, mut random) = (loose(3), Random::new(5));
    let mut solver = Solver::new(SHAPE).unwrap();
    let mut x = vec![1.0; SHAPE.states];
    let mut u = vec![0.0; SHAPE.inputs];
    let mut out = Vec::new();
    for _ in 0..20 {
        problem.set_start(&x, &u).unwrap();
        let report = solver.solve(&problem, &Settings { tolerance, start, iterations: 60 }).unwrap();
        assert_eq!(report.status, Status::Solved, "{report:?}");
        out.push((report, solver.point().input(0).to_vec()));
        // Not warm from its own moves, so that both kinds of start see the same problems.
        x = x.iter().map(|x| 0.9 * x + random.around(0.1)).collect();
        u.iter_mut().for_each(|u| *u = (*u + random.around(0.05)).clamp(-0.9, 0.9));
    }
    out
}

#[test]
fn warm_and_cold_find_the_same() {
    let (cold, warm) = (periods(Start::Cold, 1e-9), periods(Start::Shifted, 1e-9));
    for ((cold, of_cold), (warm, of_warm)) in cold.iter().zip(&warm) {
        let (a, b) = (cold.certificate.cost, warm.certificate.cost);
        assert!((a - b).abs() <= 2e-9 * (1.0 + a.abs()), "{a} {b}");
        for (a, b) in of_cold.iter().zip(of_warm) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
    let sum = |start| periods(start, 1e-6)[1..].iter().map(|(report, _)| report.iterations).sum::<u32>();
    let (cold, last, shifted) = (sum(Start::Cold), sum(Start::Last), sum(Start::Shifted));
    assert!(last < cold, "{last} from the last, {cold} cold");
    // Disturbances stay with their stage here, so a shifted plan does not fit at all; it must cost little.
    assert!(f64::from(shifted) < 1.2 * f64::from(cold), "{shifted} shifted, {cold} cold");
}

#[test]
fn the_same_problem_gives_the_same_bits() {
    let bits = |start| {
        let periods = periods(start, 1e-6);
        periods.into_iter().flat_map(|(_, u)| u).map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(Start::Cold), bits(Start::Cold));
    assert_eq!(bits(Start::Shifted), bits(Start::Shifted));
}

#[test]
fn a_solution_is_where_the_next_solve_starts() {
    let problem = loose(4);
    let mut solver = Solver::new(SHAPE).unwrap();
    let cold = solver.solve(&problem, &Settings::default()).unwrap();
    let again = solver.solve(&problem, &Settings { start: Start::Last, ..Settings::default() }).unwrap();
    assert!(again.iterations < cold.iterations, "{cold:?} {again:?}");
}

/// Are all moves within box and rates?
fn kept(problem: &mut Problem, solver: &Solver, u_before: &[f64]) -> bool {
    let mut before = u_before.to_vec();
    (0..SHAPE.stages).all(|k| {
        let stage = problem.stage_mut(k);
        let u = solver.point().input(k);
        let kept = (0..u.len()).all(|a| {
            let (du, slip) = (u[a] - before[a], 1e-12);
            let rates = stage.rate_lower[a] - slip..=stage.rate_upper[a] + slip;
            (stage.lower[a]..=stage.upper[a]).contains(&u[a]) && rates.contains(&du)
        });
        before = u.to_vec();
        kept
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the budget: no more iterations than that, and moves that may be made.
    #[test]
    fn a_budget_is_kept_and_so_are_the_bounds(seed in 0_u64..1_000_000, iterations in 0_u32..30) {
        let mut problem = loose(seed);
        let before = [0.3, -0.2, 0.95];
        problem.set_start(&[1.5; 8], &before).unwrap();
        let mut solver = Solver::new(SHAPE).unwrap();
        let report = solver.solve(&problem, &Settings { iterations, ..Settings::default() }).unwrap();
        prop_assert!(report.iterations <= iterations);
        let within = report.certificate.worst() <= 1e-6;
        prop_assert_eq!(report.status, if within { Status::Solved } else { Status::Budget });
        prop_assert!(report.certificate.bounds.value < 1e-12 && report.certificate.dynamics.value < 1e-12);
        prop_assert!(kept(&mut problem, &solver, &before));
    }

    /// Any shape and stress: certified.
    #[test]
    fn all_are_certified(
        seed in 0_u64..1_000_000,
        (n, m, p, stages) in (1_usize..14, 1_usize..10, 0_usize..10, 1_usize..25),
        stress in 0.1_f64..30.0,
        bounded in 0.0_f64..1.0,
    ) {
        let shape = Shape::varying(n, m, p, stages);
        let problem = random(Kind { shape, stress, bounded }, seed);
        let mut solver = Solver::new(shape).unwrap();
        let report = solver.solve(&problem, &Settings::default()).unwrap();
        prop_assert_eq!(report.status, Status::Solved, "{:?}", report);
    }
}
