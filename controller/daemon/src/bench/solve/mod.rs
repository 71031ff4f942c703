//! Solve: the quadratic programme of model predictive control, beside solvers that other people wrote.
//!
//! Responsible for: time, iterations, memory and residuals of a closed loop's problems, cold and warm; Clarabel on the same problems; on
//! request PIQP, OSQP and DAQP. Not for: whether the loop is any good at cooling.

mod case;
mod clarabel;
mod peers;

use super::{alloc, cpu};
use anyhow::{Result, bail};
use case::Case;
use headroom_solve::sparse::Sparse;
use headroom_solve::{Problem, Report, Settings, Solver, Start, Status};
use serde::Serialize;
use std::path::Path;

/// Times faster than Clarabel that a cold solve has to be.
const TIMES: f64 = 8.0;
/// Each solve is timed this often, in time of the thread, and the shortest counts: what else the machine does is not the solver's.
const REPEATS: usize = 7;
/// Periods of a loop, per second of wall time that was asked for.
const PERIODS_PER_S: f64 = 20.0;

/// Somebody else's solver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Other {
    name: String,
    ns_per_solve_median: f64,
    ns_per_solve_p99: f64,
    /// How many times our cold solve it takes.
    times_ours: f64,
    iterations_mean: f64,
    /// Distance of the first move from the best one where it was solved, shares of the inputs' spans: median and largest.
    move_error_median: f64,
    move_error_max: f64,
    /// Solves that it did not call solved.
    failed: usize,
}

/// One way to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Run {
    ns_per_solve_median: f64,
    ns_per_solve_p99: f64,
    iterations_mean: f64,
    iterations_max: u32,
    /// Largest residual of any certificate.
    residual_max: f64,
    move_error_median: f64,
    move_error_max: f64,
    failed: usize,
}

/// What came of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    bench: &'static str,
    states: usize,
    inputs: usize,
    outputs: usize,
    stages: usize,
    solves: usize,
    /// Cold, as a controller's first solve.
    ns_per_solve_median: f64,
    ns_per_solve_p99: f64,
    limit_ns_per_solve: f64,
    cold: Run,
    /// From the shifted solution of the period before.
    warm: Run,
    /// A model per stage, all of them new in each period; setting them is not counted.
    varying_cold: Run,
    varying_warm: Run,
    /// Problem and solver, after the first solve.
    bytes: i64,
    allocations_per_solve: f64,
    others: Vec<Other>,
}

/// Times, iterations and errors of many solves.
#[derive(Debug, Default)]
struct Log {
    ns: Vec<f64>,
    errors: Vec<f64>,
    iterations: Vec<u32>,
    residual: f64,
    failed: usize,
}

impl Log {
    fn see(&mut self, ns: f64, report: &Report, error: f64) {
        self.ns.push(ns);
        self.errors.push(error);
        self.iterations.push(report.iterations);
        self.residual = self.residual.max(report.certificate.worst());
        self.failed += usize::from(report.status != Status::Solved);
    }

    fn run(mut self) -> Run {
        self.ns.sort_by(f64::total_cmp);
        self.errors.sort_by(f64::total_cmp);
        let sum: u32 = self.iterations.iter().sum();
        Run {
            ns_per_solve_median: at(&self.ns, 0.5),
            ns_per_solve_p99: at(&self.ns, 0.99),
            iterations_mean: f64::from(sum) / self.iterations.len() as f64,
            iterations_max: self.iterations.iter().copied().max().unwrap_or(0),
            residual_max: self.residual,
            move_error_median: at(&self.errors, 0.5),
            move_error_max: at(&self.errors, 1.0),
            failed: self.failed,
        }
    }
}

/// A quantile; of nothing, no number.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(f64::NAN)
}

/// What a loop gives: its problems without structure, the best first moves, and how our solves went.
struct Loop {
    problems: Vec<Sparse>,
    best: Vec<Vec<f64>>,
    cold: Run,
    warm: Run,
    bytes: i64,
    allocations: f64,
}

/// Measures one size.
///
/// # Errors
/// The interpreter asked for cannot be run or lacks its solvers.
pub(super) fn measure(states: usize, wall_s: f64, python: Option<&Path>) -> Result<Figures> {
    let periods = (PERIODS_PER_S * wall_s).clamp(10.0, 1000.0) as usize;
    let case = Case::new(states, false);
    let shape = case.shape;
    let steady = close(case, periods)?;
    let varying = close(Case::new(states, true), periods)?;
    let mut figures = Figures {
        bench: "solve",
        states,
        inputs: shape.inputs,
        outputs: shape.outputs,
        stages: shape.stages,
        solves: periods,
        ns_per_solve_median: steady.cold.ns_per_solve_median,
        ns_per_solve_p99: steady.cold.ns_per_solve_p99,
        limit_ns_per_solve: 0.0,
        cold: steady.cold,
        warm: steady.warm,
        varying_cold: varying.cold,
        varying_warm: varying.warm,
        bytes: steady.bytes,
        allocations_per_solve: steady.allocations,
        others: Vec::new(),
    };
    let ours = figures.ns_per_solve_median;
    let mut peers = vec![clarabel::run(shape, &steady.problems, &steady.best)?];
    figures.limit_ns_per_solve = peers[0].ns_median() / TIMES;
    if let Some(python) = python {
        peers.extend(peers::run(python, shape, &steady.problems, &steady.best)?);
    }
    figures.others.extend(peers.into_iter().map(|peer| peer.other(ours)));
    Ok(figures)
}

/// Runs a loop with our cold moves, and a warm solver beside it.
fn close(mut case: Case, periods: usize) -> Result<Loop> {
    let before = alloc::in_use();
    let mut problem = case.problem()?;
    case.show(&mut problem)?;
    let mut cold = Solver::new(case.shape)?;
    cold.solve(&problem, &Settings::default())?;
    let bytes = alloc::in_use() - before;
    let (mut warm, mut exact) = (cold.clone(), cold.clone());
    let (mut colds, mut warms) = (Log::default(), Log::default());
    let (mut problems, mut best) = (Vec::new(), Vec::new());
    let mut allocations = 0;
    for _ in 0..periods {
        case.show(&mut problem)?;
        exact.solve(&problem, &Settings { tolerance: 1e-10, iterations: 100, start: Start::Cold })?;
        let first = exact.point().input(0).to_vec();
        for (solver, log, start) in
            [(&mut cold, &mut colds, Start::Cold), (&mut warm, &mut warms, Start::Shifted)]
        {
            let (ns, report, calls) = time(solver, &problem, start)?;
            allocations += calls;
            log.see(ns, &report, distance(solver.point().input(0), &first));
        }
        if case.shape.models == 1 {
            problems.push(Sparse::of(&problem));
            best.push(first);
        }
        case.advance(cold.point().input(0));
    }
    let allocations = allocations as f64 / (2 * periods) as f64;
    Ok(Loop { problems, best, cold: colds.run(), warm: warms.run(), bytes, allocations })
}

/// The shortest of some solves from the same start, and the allocations of one.
fn time(solver: &mut Solver, problem: &Problem, start: Start) -> Result<(f64, Report, u64)> {
    let settings = Settings { start, ..Settings::default() };
    let from = solver.clone();
    let (mut shortest, mut last) = (f64::INFINITY, None);
    for _ in 0..REPEATS {
        solver.clone_from(&from);
        let calls = alloc::calls();
        let begin = cpu::thread_ns();
        let report = solver.solve(problem, &settings)?;
        shortest = shortest.min(cpu::thread_ns() - begin);
        last = Some((report, alloc::calls() - calls));
    }
    let Some((report, calls)) = last else { bail!("nothing was timed") };
    Ok((shortest, report, calls))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The figures as a person reads them.
pub(super) fn table(all: &[Figures]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for f in all {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{} states, {} inputs, {} soft outputs, {} stages; {} solves, {} KiB, {} allocations each:",
            f.states,
            f.inputs,
            f.outputs,
            f.stages,
            f.solves,
            f.bytes / 1024,
            f.allocations_per_solve
        );
        let _ = writeln!(
            out,
            "  {:<28} {:>9} {:>9} {:>6} {:>11} {:>17} {:>7}",
            "", "median ms", "p99 ms", "iter.", "cold ours x", "move off med/max", "failed"
        );
        for (name, run) in [
            ("cold", f.cold),
            ("warm", f.warm),
            ("cold, model per stage", f.varying_cold),
            ("warm, model per stage", f.varying_warm),
        ] {
            let other = Other {
                name: name.into(),
                ns_per_solve_median: run.ns_per_solve_median,
                ns_per_solve_p99: run.ns_per_solve_p99,
                times_ours: run.ns_per_solve_median / f.ns_per_solve_median,
                iterations_mean: run.iterations_mean,
                move_error_median: run.move_error_median,
                move_error_max: run.move_error_max,
                failed: run.failed,
            };
            row(&mut out, &other);
        }
        f.others.iter().for_each(|other| row(&mut out, other));
        let residual = f.cold.residual_max.max(f.warm.residual_max);
        let _ = writeln!(
            out,
            "  limit: a {TIMES}th of Clarabel, {:.2} ms; largest residual of a certificate {residual:.0e}",
            f.limit_ns_per_solve / 1e6
        );
    }
    out
}

fn row(out: &mut String, o: &Other) {
    use std::fmt::Write;
    let _ = writeln!(
        out,
        "  {:<28} {:>9.2} {:>9.2} {:>6.1} {:>11.2} {:>8.0e} /{:>7.0e} {:>7}",
        o.name,
        o.ns_per_solve_median / 1e6,
        o.ns_per_solve_p99 / 1e6,
        o.iterations_mean,
        o.times_ours,
        o.move_error_median,
        o.move_error_max,
        o.failed
    );
}
