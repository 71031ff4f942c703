//! What is found is what Clarabel finds.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Kind, clarabel, random};
use headroom_solve::{Certificate, Settings, Shape, Solver, Status};

#[test]
fn look() {
    let mut total = 0;
    for seed in 0..60 {
        let shape = Shape::invariant(8, 3, 4, 30);
        let kind = Kind { shape, stress: if seed % 2 == 0 { 1.0 } else { 10.0 }, bounded: 0.9 };
        let problem = random(kind, seed);
        let mut solver = Solver::new(shape).unwrap();
        let tol: f64 = std::env::var("TOL").ok().and_then(|t| t.parse().ok()).unwrap_or(1e-6);
        let report = match solver.solve(&problem, &Settings { tolerance: tol, ..Settings::default() }) {
            Ok(r) => r,
            Err(e) => { println!("{seed} refused {e}"); continue }
        };
        total += report.iterations;
        let his = clarabel(&problem, 1e-10);
        let c = report.certificate;
        let du = solver.point().input(0).iter().zip(his.sparse.input(shape, &his.z, 0)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{seed} {:?} it {} worst {:.1e} stat {:.1e}@{} dyn {:.1e} b {:.1e} mul {:.1e} comp {:.1e} cost {:.6} rel {:.1e} du {du:.1e}", report.status, report.iterations, c.worst(), c.stationarity.value, c.stationarity.stage, c.dynamics.value, c.bounds.value, c.multipliers.value, c.complementarity.value, c.cost, (c.cost - his.cost) / (1.0 + his.cost.abs()));
    }
    println!("total {total}");
}
