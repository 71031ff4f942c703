//! Problems at the edge of what may be asked, and beyond it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Kind, clarabel, random};
use headroom_solve::{Problem, Refused, Settings, Shape, Solver, Status};

fn solve(problem: &Problem) -> (Solver, f64) {
    let mut solver = Solver::new(problem.shape()).unwrap();
    let report = solver.solve(problem, &Settings::default()).unwrap();
    assert_eq!(report.status, Status::Solved, "{report:?}");
    (solver, report.certificate.cost)
}

/// Solves a problem and asks Clarabel whether the cost is right.
fn right(problem: &Problem) -> Solver {
    let (solver, cost) = solve(problem);
    let his = clarabel(problem, 1e-10).cost;
    assert!((cost - his).abs() <= 2e-6 * (1.0 + his.abs()), "{cost}, not {his}");
    solver
}

fn some(bounded: f64, seed: u64) -> Problem {
    random(Kind { shape: Shape::invariant(6, 3, 4, 15), stress: 2.0, bounded }, seed)
}

#[test]
fn no_bounds_at_all_is_one_step() {
    let problem = some(0.0, 1);
    let mut solver = Solver::new(problem.shape()).unwrap();
    let report = solver.solve(&problem, &Settings::default()).unwrap();
    assert_eq!((report.status, report.iterations), (Status::Solved, 1), "{report:?}");
    right(&problem);
}

#[test]
fn inputs_that_are_fixed_stay() {
    let mut problem = some(1.0, 2);
    problem.set_start(&[0.5; 6], &[0.2, 0.1, -0.3]).unwrap();
    for k in 0..15 {
        let stage = problem.stage_mut(k);
        (stage.lower[1], stage.upper[1]) = (0.1, 0.1);
        // One that is held for a while and then let go.
        if k < 6 {
            (stage.lower[2], stage.upper[2]) = (-0.3, -0.3);
        }
    }
    let solver = right(&problem);
    for k in 0..15 {
        assert!((solver.point().input(k)[1] - 0.1).abs() < 1e-12);
        assert!(k >= 6 || (solver.point().input(k)[2] + 0.3).abs() < 1e-12);
    }
    // All of them: nothing is left to decide.
    for k in 0..15 {
        let stage = problem.stage_mut(k);
        stage.lower.copy_from_slice(&[0.2, 0.1, -0.3]);
        stage.upper.copy_from_slice(&[0.2, 0.1, -0.3]);
    }
    solve(&problem);
}

#[test]
fn an_input_that_may_not_move_is_pinned_by_its_rates() {
    let mut problem = some(1.0, 3);
    problem.set_start(&[0.5; 6], &[0.2, 0.1, -0.3]).unwrap();
    for k in 0..15 {
        let stage = problem.stage_mut(k);
        (stage.rate_lower[0], stage.rate_upper[0]) = (0.0, 0.0);
    }
    let solver = right(&problem);
    assert!((0..15).all(|k| (solver.point().input(k)[0] - 0.2).abs() < 1e-12));
}

#[test]
fn limits_narrowed_behind_the_inputs_back_are_reached_as_fast_as_may_be() {
    let mut problem = some(1.0, 4);
    // Outside of its box, on the way in by its largest move: the first two stages have no choice.
    problem.set_start(&[0.5; 6], &[0.0, 0.0, 0.0]).unwrap();
    for k in 0..15 {
        let stage = problem.stage_mut(k);
        stage.rate_upper[0] = 0.1;
        stage.lower[0] = if k < 2 { -1.0 } else { 0.3 };
    }
    let solver = right(&problem);
    for (k, u) in [0.1, 0.2, 0.3].into_iter().enumerate() {
        assert!((solver.point().input(k)[0] - u).abs() < 1e-9);
    }
}

#[test]
fn weights_of_nothing_are_solved() {
    // No R, no S: the barrier alone decides between inputs that cost nothing.
    let mut problem = some(1.0, 5);
    let q: Vec<f64> = (0..36).map(|i| if i % 7 == 0 { 1.0 } else { 0.0 }).collect();
    problem.set_weights(0, &q, &[0.0; 9], &[0.0; 9]).unwrap();
    right(&problem);
    // Nor Q.
    problem.set_weights(0, &[0.0; 36], &[0.0; 9], &[0.0; 9]).unwrap();
    right(&problem);
}

#[test]
fn outputs_without_penalty_have_no_limits() {
    let mut problem = some(1.0, 6);
    for k in 0..15 {
        let outputs = problem.stage_mut(k).outputs;
        (outputs.rho1[0], outputs.rho2[0]) = (0.0, 0.0);
        (outputs.rho1[1], outputs.rho2[1]) = (0.0, 3.0);
    }
    right(&problem);
}

#[test]
fn a_plant_that_is_unstable_is_held() {
    let shape = Shape::invariant(1, 1, 1, 30);
    let mut problem = Problem::new(shape).unwrap();
    problem.set_model(0, &[1.2], &[1.0], &[1.0], &[0.0]).unwrap();
    problem.set_weights(0, &[1.0], &[0.1], &[0.1]).unwrap();
    problem.set_terminal_weight(&[1.0]).unwrap();
    problem.set_start(&[1.0], &[0.0]).unwrap();
    for k in 0..30 {
        let stage = problem.stage_mut(k);
        (stage.lower[0], stage.upper[0]) = (-0.5, 0.5);
        (stage.outputs.lower[0], stage.outputs.upper[0], stage.outputs.rho1[0]) = (-2.0, 2.0, 10.0);
    }
    let solver = right(&problem);
    assert!(solver.point().state(30)[0].abs() < 0.01);
}

#[test]
fn weights_that_are_not_convex_are_named() {
    let mut problem = some(1.0, 7);
    problem.set_weights(0, &[0.0; 36], &[0.0, 5.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0], &[0.0; 9]).unwrap();
    let mut solver = Solver::new(problem.shape()).unwrap();
    let report = solver.solve(&problem, &Settings::default()).unwrap();
    assert!(matches!(report.status, Status::NotConvex { input: 1, .. }), "{report:?}");
}

#[test]
fn figures_too_far_apart_end_without_harm() {
    let mut problem = some(1.0, 8);
    let q: Vec<f64> = (0..36).map(|i| if i % 7 == 0 { 1e300 } else { 0.0 }).collect();
    problem.set_weights(0, &q, &[0.0; 9], &[0.0; 9]).unwrap();
    let mut solver = Solver::new(problem.shape()).unwrap();
    let report = solver.solve(&problem, &Settings::default()).unwrap();
    assert_ne!(report.status, Status::Solved);
    assert!(solver.point().u.iter().all(|u| (-1.0..=1.0).contains(u)));
}

#[test]
fn what_is_unsound_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Problem)| {
        let mut problem = some(1.0, 9);
        problem.set_start(&[0.0; 6], &[0.0; 3]).unwrap();
        change(&mut problem);
        Solver::new(problem.shape()).unwrap().solve(&problem, &Settings::default()).unwrap_err().to_string()
    };
    assert_eq!(refused(&|p| p.stage_mut(4).c[2] = f64::NAN), "c of stage 4, row 2, is no finite number");
    assert_eq!(
        refused(&|p| p.stage_mut(4).lower[2] = f64::NAN),
        "input of stage 4, row 2, is no finite number"
    );
    assert_eq!(
        refused(&|p| p.stage_mut(1).upper[0] = -2.0),
        "input 0 of stage 1 would be at least -1 and at most -2"
    );
    assert_eq!(refused(&|p| p.terminal_mut().outputs.rho1[3] = -1.0), "rho1 of stage 15, row 3, is negative");
    assert_eq!(
        refused(&|p| p.terminal_mut().outputs.lower[3] = 0.7),
        "output 3 of stage 15 would be at least 0.7 and at most 0.6"
    );
    assert_eq!(
        refused(&|p| p.stage_mut(2).lower[1] = 0.5),
        "input 1 can be -0.44999999999999996 to 0.30000000000000004 at stage 2 by its rates, 0.5 to 1 by its box"
    );
}

#[test]
fn matrices_that_are_unsound_are_refused_when_they_are_set() {
    let mut problem = some(1.0, 10);
    let bad = |r: Result<(), Refused>| r.unwrap_err().to_string();
    assert_eq!(
        bad(problem.set_model(0, &[0.0; 35], &[0.0; 18], &[0.0; 24], &[0.0; 12])),
        "A has 35 entries, not 36"
    );
    assert_eq!(bad(problem.set_model(1, &[], &[], &[], &[])), "there is no set 1 of models");
    assert_eq!(
        bad(problem.set_weights(0, &[0.0; 36], &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], &[0.0; 9])),
        "R of set 0 is not symmetric at row 1, column 0"
    );
    assert_eq!(bad(problem.set_terminal_weight(&[-1.0; 36])), "P of stage 0, row 0, is negative");
    assert_eq!(
        bad(problem.set_start(&[f64::INFINITY; 6], &[0.0; 3])),
        "x_0 of stage 0, row 0, is no finite number"
    );
    assert!(
        Solver::new(Shape::invariant(0, 1, 0, 1)).is_err()
            && Problem::new(Shape::invariant(1, 0, 0, 1)).is_err()
    );
    let mut other = Solver::new(Shape::invariant(6, 3, 4, 14)).unwrap();
    assert_eq!(other.solve(&problem, &Settings::default()), Err(Refused::OtherShape));
}
