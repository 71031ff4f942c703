#![allow(dead_code)]
#[path = "../../daemon/src/bench/solve/case.rs"]
mod case;
mod common;
use headroom_solve::*;
use std::time::Instant;

#[test]
fn speed() {
    for (n, varying) in [(8, false), (16, false), (16, true), (30, false)] {
        for start in [Start::Cold, Start::Shifted] {
            let mut case = case::Case::new(n, varying);
            let mut problem = case.problem().unwrap();
            let mut solver = Solver::new(case.shape).unwrap();
            let (mut times, mut its, mut worst) = (vec![], 0, 0.0_f64);
            let (mut atb, mut ylim, mut sl, mut most) = (0, 0, 0, 0);
            for _ in 0..100 {
                case.show(&mut problem).unwrap();
                let mut best = f64::INFINITY;
                let reps = 12;
                let mut used = None;
                for _ in 0..reps {
                    let mut solver = solver.clone();
                    let t = Instant::now();
                    let r = solver.solve(&problem, &Settings { start, ..Settings::default() }).unwrap();
                    best = best.min(t.elapsed().as_secs_f64());
                    used = Some((r, solver));
                }
                let (r, s) = used.unwrap();
                solver = s;
                times.push(best * 1e3);
                its += r.iterations;
                most = most.max(r.iterations);
                worst = worst.max(r.certificate.worst());
                assert_eq!(r.status, Status::Solved, "{r:?}");
                atb += solver.point().input_upper.iter().chain(&solver.point().input_lower).chain(&solver.point().rate_lower).chain(&solver.point().rate_upper).filter(|l| **l > 1e-4).count();
                ylim += solver.point().output_upper.iter().filter(|l| **l > 1e-4).count();
                sl += solver.point().output_upper.iter().filter(|l| **l > 5.0).count();
                case.advance(solver.point().input(0));
            }
            times.sort_by(f64::total_cmp);
            println!("n {n} varying {varying} {start:?}: median {:.3} ms p99 {:.3} it {:.1} max {most} per it {:.4} worst {worst:.1e} bytes {} + {}; active {} of 360, y {} of 366, slack {}", times[50], times[98], its as f64 / 100.0, times.iter().sum::<f64>() / its as f64, solver.bytes(), problem.bytes(), atb / 100, ylim / 100, sl / 100);
        }
    }
}
