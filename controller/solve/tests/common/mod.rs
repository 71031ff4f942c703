//! Random problems of control, and Clarabel's opinion of them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(dead_code, reason = "each test file uses its part")]

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT,
};
use headroom_solve::sparse::Sparse;
use headroom_solve::{Problem, Shape};

/// Uniform numbers: xorshift64* (Vigna 2016).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Between 0 and 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between -size and size.
    pub(crate) fn around(&mut self, size: f64) -> f64 {
        size * (2.0 * self.unit() - 1.0)
    }

    pub(crate) fn vector(&mut self, len: usize, size: f64) -> Vec<f64> {
        (0..len).map(|_| self.around(size)).collect()
    }
}

/// How a random problem is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) shape: Shape,
    /// Size of x_0.
    pub(crate) stress: f64,
    /// Share of bounds that are there.
    pub(crate) bounded: f64,
}

/// A stable plant driven by inputs and disturbances, with boxes, rates and soft outputs.
pub(crate) fn random(kind: Kind, seed: u64) -> Problem {
    let mut r = Random::new(seed);
    let shape = kind.shape;
    let Shape { states: n, inputs: m, outputs: p, .. } = shape;
    let mut problem = Problem::new(shape).unwrap();
    let base: Vec<f64> = r.vector(n * n, 0.4 / n as f64);
    let gain = r.vector(n * m, 0.3);
    for set in 0..shape.models {
        let mut a: Vec<f64> = base.iter().map(|a| a + r.around(0.05 / n as f64)).collect();
        for i in 0..n {
            a[i * n + i] += 0.6 + 0.3 * r.unit();
        }
        let b: Vec<f64> = gain.iter().map(|b| b + r.around(0.02)).collect();
        problem.set_model(set, &a, &b, &r.vector(p * n, 0.7), &r.vector(p * m, 0.2)).unwrap();
    }
    problem.set_terminal_output(&r.vector(p * n, 0.7)).unwrap();
    for set in 0..shape.weights {
        let (q, s) = (psd(&mut r, n, 1.0), psd(&mut r, m, 1.0));
        let w: Vec<f64> =
            (0..m * m).map(|i| if i % (m + 1) == 0 { 0.05 + 0.1 * r.unit() } else { 0.0 }).collect();
        problem.set_weights(set, &q, &w, &s).unwrap();
    }
    problem.set_terminal_weight(&psd(&mut r, n, 5.0)).unwrap();
    problem.set_start(&r.vector(n, kind.stress), &r.vector(m, 0.5)).unwrap();
    for k in 0..shape.stages {
        let mut stage = problem.stage_mut(k);
        stage.q.iter_mut().for_each(|x| *x = r.around(0.3));
        stage.r.iter_mut().for_each(|x| *x = r.around(0.3));
        stage.c.iter_mut().for_each(|x| *x = r.around(0.2));
        for a in 0..m {
            let mut some = |at: &mut f64, value: f64| {
                if r.unit() < kind.bounded {
                    *at = value;
                }
            };
            some(&mut stage.lower[a], -1.0);
            some(&mut stage.upper[a], 1.0);
            some(&mut stage.rate_lower[a], -0.15);
            some(&mut stage.rate_upper[a], 0.1);
        }
        soft(&mut r, &mut stage.outputs, kind);
    }
    let mut last = problem.terminal_mut();
    last.q.iter_mut().for_each(|x| *x = r.around(0.3));
    soft(&mut r, &mut last.outputs, kind);
    problem
}

fn soft(r: &mut Random, outputs: &mut headroom_solve::Outputs<'_>, kind: Kind) {
    for i in 0..outputs.e.len() {
        outputs.e[i] = r.around(0.1);
        if r.unit() < kind.bounded {
            outputs.lower[i] = -0.6;
        }
        if r.unit() < kind.bounded {
            outputs.upper[i] = 0.6;
        }
        outputs.rho1[i] = 2.0 + 8.0 * r.unit();
        outputs.rho2[i] = if r.unit() < 0.5 { 0.0 } else { r.unit() };
    }
}

/// A positive semidefinite matrix of half rank.
fn psd(r: &mut Random, size: usize, scale: f64) -> Vec<f64> {
    let rank = size.div_ceil(2);
    let f = r.vector(rank * size, (scale / rank as f64).sqrt());
    let mut out = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..size {
            out[i * size + j] = (0..rank).map(|k| f[k * size + i] * f[k * size + j]).sum();
        }
    }
    out
}

/// What Clarabel finds.
pub(crate) struct Opinion {
    pub(crate) cost: f64,
    pub(crate) z: Vec<f64>,
    pub(crate) sparse: Sparse,
}

/// Clarabel's solution.
pub(crate) fn clarabel(problem: &Problem, tolerance: f64) -> Opinion {
    let sparse = Sparse::of(problem);
    let triplets = |entries: &[(usize, usize, f64)], rows: usize| {
        let (i, (j, v)): (Vec<_>, (Vec<_>, Vec<_>)) = entries.iter().map(|(i, j, v)| (*i, (*j, *v))).unzip();
        CscMatrix::new_from_triplets(rows, sparse.columns, i, j, v)
    };
    let one = sparse.one_sided();
    let upper: Vec<_> = sparse.hessian.iter().filter(|(i, j, _)| i <= j).copied().collect();
    let (p, a) = (triplets(&upper, sparse.columns), triplets(&one.rows, one.bounds.len()));
    let cones = [ZeroConeT(one.equalities), NonnegativeConeT(one.bounds.len() - one.equalities)];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(tolerance)
        .tol_gap_rel(tolerance)
        .tol_feas(tolerance)
        .build()
        .unwrap();
    let mut solver = DefaultSolver::new(&p, &sparse.gradient, &a, &one.bounds, &cones, settings).unwrap();
    solver.solve();
    let status = solver.solution.status;
    assert!(matches!(status, SolverStatus::Solved | SolverStatus::AlmostSolved), "{status:?}");
    Opinion { cost: solver.solution.obj_val + sparse.constant, z: solver.solution.x.clone(), sparse }
}
