//! A certificate sees what is wrong.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Kind, random};
use headroom_solve::{Certificate, Point, Problem, Refused, Settings, Shape, Solver, Status};

const SHAPE: Shape = Shape::invariant(6, 3, 4, 20);

fn solved() -> (Problem, Point, Certificate) {
    let problem = random(Kind { shape: SHAPE, stress: 3.0, bounded: 1.0 }, 7);
    let mut solver = Solver::new(SHAPE).unwrap();
    let exact = Settings { tolerance: 1e-8, ..Settings::default() };
    let report = solver.solve(&problem, &exact).unwrap();
    assert_eq!(report.status, Status::Solved);
    (problem, solver.point().clone(), report.certificate)
}

#[test]
fn it_is_the_same_whoever_asks() {
    let (problem, point, certificate) = solved();
    assert_eq!(Certificate::of(&problem, &point).unwrap(), certificate);
    assert!(certificate.worst() <= 1e-8, "{certificate:?}");
}

/// Changes a point, and gives what is then said of it.
fn after(change: impl Fn(&mut Point)) -> Certificate {
    let (problem, mut point, _) = solved();
    change(&mut point);
    Certificate::of(&problem, &point).unwrap()
}

#[test]
fn a_move_that_is_off_is_seen() {
    let certificate = after(|p| p.u[4] += 1e-3);
    assert!(certificate.stationarity.value > 1e-5 && certificate.dynamics.value > 1e-6, "{certificate:?}");
    assert_eq!(certificate.dynamics.stage, 1);
    let certificate = after(|p| p.u[SHAPE.inputs * 5] = 1.5);
    assert!(certificate.bounds.value > 0.1, "{certificate:?}");
    assert!((5..=6).contains(&certificate.bounds.stage));
}

#[test]
fn a_state_that_is_off_is_seen() {
    let certificate = after(|p| p.x[SHAPE.states * 9 + 2] += 1e-3);
    assert!(certificate.dynamics.value > 1e-5 && (8..=9).contains(&certificate.dynamics.stage));
    assert!(after(|p| p.x[0] += 1e-3).dynamics.value > 1e-5);
}

#[test]
fn multipliers_that_are_off_are_seen() {
    let certificate = after(|p| p.input_upper[2] += 0.1);
    assert!(certificate.stationarity.value > 1e-4, "{certificate:?}");
    assert!(certificate.complementarity.value > 1e-4, "{certificate:?}");
    assert!(after(|p| p.rate_lower[3] = -0.1).multipliers.value > 1e-4);
    // More than the penalty can ever be.
    assert!(after(|p| p.output_upper[5] = 1e3).multipliers.value > 1e-2);
}

#[test]
fn what_is_no_number_is_seen() {
    assert!(after(|p| p.u[0] = f64::NAN).worst().is_nan());
    assert!(after(|p| p.output_lower[1] = f64::NAN).worst().is_nan());
}

#[test]
fn a_point_of_another_shape_is_refused() {
    let (problem, ..) = solved();
    let other = Point::new(Shape { stages: 19, ..SHAPE });
    assert_eq!(Certificate::of(&problem, &other), Err(Refused::OtherShape));
}
