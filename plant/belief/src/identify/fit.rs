//! The fit of one output: gains by regularised least squares on what is predicted ahead, shapes and lambda by search.
//!
//! Responsible for: gains g of answers x_j (`lag`), their covariance, and the search over shapes. Not for: which inputs may
//! act (`structure`) or whether it is believed (`validate`).
//!
//! Maximum a posteriori over several horizons H at once:
//!
//! ```text
//! J(g) = sum over H of  1/(L_H s_H^2)  sum over k of  w (e_H[y] - sum_j g_j e_H[x_j])^2  +  sum_j (g_j - p_j)^2 / q_j^2
//! ```
//!
//! L_H counts rows per independent error (errors an hour ahead, looked at every minute, say the same thing some sixty
//! times), s_H^2 is the variance of what is left, and p_j, q_j are what physics says of a gain beforehand. w are Huber's
//! weights: a trip or a sensor that jumps must not bend the model. A gain whose sign physics knows is not let through zero.
//! Shapes are chosen by the error on blocks of time that the gains have not seen (cross-validation over five blocks).

use super::ahead::{ahead, known, rows};
use super::lag::{Shape, around, coarse};
use super::structure::{Candidate, Class};
use nalgebra::{DMatrix, DVector};

/// Blocks of the cross-validation.
const BLOCKS: usize = 5;
/// Gains with which a disturbance may be followed.
const LAMBDAS: [f64; 6] = [0.1, 0.4, 0.7, 0.85, 0.93, 0.97];
/// Errors beyond so many robust standard deviations count less (Huber).
const HUBER: f64 = 3.0;
/// Relative gain of error for which a more complicated shape is taken.
const WORTH: f64 = 0.995;

/// Where a search stands: what is tried together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// Candidates that act, indices.
    pub active: Vec<usize>,
    /// Shape of each class.
    pub shapes: Vec<(Class, Shape)>,
    /// Share of the old disturbance that is kept per period.
    pub lambda: f64,
}

impl Choice {
    /// Shape of a class.
    pub(super) fn shape(&self, class: Class) -> Shape {
        self.shapes.iter().find(|(c, _)| *c == class).map_or(Shape::STATIC, |(_, s)| *s)
    }
}

/// What came of a fit.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub choice: Choice,
    /// Gain of each active candidate.
    pub gains: Vec<f64>,
    /// Standard deviation of each, prior included.
    pub sigmas: Vec<f64>,
    /// The same by the data alone; infinite where they say nothing.
    pub data_sigmas: Vec<f64>,
    /// Error on unseen blocks over that of "it stays as it is", per horizon averaged.
    pub score: f64,
    /// Variance of the error at each horizon.
    pub variances: Vec<f64>,
}

/// Data of one output.
pub(super) struct Data<'a> {
    pub y: &'a [f64],
    /// Candidate inputs, already of the candidates' terms.
    pub inputs: Vec<&'a [f64]>,
    pub candidates: &'a [Candidate],
    pub period_s: f64,
    /// Rows that may be learned from: up to here.
    pub train: usize,
    pub horizons: Vec<usize>,
}

/// Errors of one horizon: regressors, target, weights, block of each row.
struct Stage {
    horizon: usize,
    rows: Vec<usize>,
    blocks: Vec<usize>,
    weights: Vec<f64>,
    /// Rows per independent error.
    same: f64,
    /// Variance of "it stays as it is".
    plain: f64,
    variance: f64,
}

/// Normal equations of a block at a horizon.
#[derive(Clone)]
struct Gram {
    xx: DMatrix<f64>,
    xy: DVector<f64>,
    yy: f64,
    weight: f64,
}

impl Gram {
    fn zero(n: usize) -> Self {
        Self { xx: DMatrix::zeros(n, n), xy: DVector::zeros(n), yy: 0.0, weight: 0.0 }
    }

    fn add(&mut self, other: &Self, factor: f64) {
        self.xx += &other.xx * factor;
        self.xy += &other.xy * factor;
        self.yy += other.yy * factor;
        self.weight += other.weight * factor;
    }

    /// Sum of squared errors with gains.
    fn error(&self, g: &DVector<f64>) -> f64 {
        (self.yy - 2.0 * g.dot(&self.xy) + (&self.xx * g).dot(g)).max(0.0)
    }
}

/// A search in progress.
pub(super) struct Search<'a> {
    data: &'a Data<'a>,
    known: Vec<bool>,
    stages: Vec<Stage>,
}

impl<'a> Search<'a> {
    /// `None` where the output is not known often enough.
    pub(super) fn new(data: &'a Data<'a>) -> Option<Self> {
        let known = known(data.y);
        let stages: Option<Vec<Stage>> = data
            .horizons
            .iter()
            .map(|&horizon| {
                let stride = (horizon / 24).clamp(1, 4);
                let rows = rows(&known, 0, data.train, horizon, stride);
                if rows.len() < 20 {
                    return None;
                }
                let blocks = rows.iter().map(|k| (k * BLOCKS / data.train).min(BLOCKS - 1)).collect();
                let change = |k: &usize| (data.y[k + horizon] - data.y[*k]).powi(2);
                let plain = rows.iter().map(change).sum::<f64>() / rows.len() as f64;
                let scale = rows.iter().map(|k| data.y[*k].abs()).sum::<f64>() / rows.len() as f64;
                let plain = plain.max((1e-4 * scale).powi(2)).max(1e-18);
                let same = (horizon as f64 / stride as f64).max(1.0);
                let weights = vec![1.0; rows.len()];
                Some(Stage { horizon, rows, blocks, weights, same, plain, variance: plain })
            })
            .collect();
        Some(Self { data, known, stages: stages? })
    }

    /// The best shapes for these candidates, from a start.
    pub(super) fn shapes(&mut self, start: &Choice) -> Option<Fitted> {
        let mut best = self.evaluate(start)?;
        for round in 0..3 {
            let before = best.score;
            for class in Class::ALL {
                if !best.choice.active.iter().any(|&j| self.data.candidates[j].class == class) {
                    continue;
                }
                best = self.turn(best, class, round == 0)?;
            }
            for lambda in LAMBDAS {
                let choice = Choice { lambda, ..best.choice.clone() };
                best = self.better(best, &choice)?;
            }
            self.settle(&best);
            best = self.evaluate(&best.choice)?;
            if round > 0 && best.score > WORTH * before {
                break;
            }
        }
        Some(best)
    }

    /// Tries shapes for a class.
    fn turn(&self, mut best: Fitted, class: Class, wide: bool) -> Option<Fitted> {
        let may = |shape: &Shape| shape.tau_s.0 + shape.tau_s.1 <= class.longest_s();
        let with = |best: &Fitted, shape: Shape| {
            let mut choice = best.choice.clone();
            choice.shapes.retain(|(c, _)| *c != class);
            choice.shapes.push((class, shape));
            choice
        };
        if wide {
            for shape in coarse().into_iter().filter(may) {
                let choice = with(&best, shape);
                best = self.better(best, &choice)?;
            }
        }
        for _ in 0..4 {
            let before = best.choice.shape(class);
            for shape in around(before, self.data.period_s).into_iter().filter(may) {
                let choice = with(&best, shape);
                best = self.better(best, &choice)?;
            }
            if best.choice.shape(class) == before {
                break;
            }
        }
        Some(best)
    }

    fn better(&self, best: Fitted, choice: &Choice) -> Option<Fitted> {
        if *choice == best.choice {
            return Some(best);
        }
        let other = self.evaluate(choice)?;
        Some(if other.score < WORTH * best.score { other } else { best })
    }

    /// Weights and variances by what a fit leaves.
    fn settle(&mut self, fitted: &Fitted) {
        let errors = self.errors(fitted);
        for (stage, e) in self.stages.iter_mut().zip(errors) {
            let mut size: Vec<f64> = e.iter().map(|e| e.abs()).collect();
            size.sort_by(f64::total_cmp);
            // Median of absolute deviations to standard deviation.
            let sigma = (1.4826 * size[size.len() / 2]).max(1e-3 * stage.plain.sqrt());
            stage.weights = e.iter().map(|e| (HUBER * sigma / e.abs().max(1e-300)).min(1.0)).collect();
            let sum: f64 = e.iter().zip(&stage.weights).map(|(e, w)| w * e * e).sum();
            stage.variance = (sum / e.len() as f64).max(1e-6 * stage.plain);
        }
    }

    /// Errors of a fit at every horizon.
    pub(super) fn errors(&self, fitted: &Fitted) -> Vec<Vec<f64>> {
        let mut v = self.data.y.to_vec();
        for (&j, gain) in fitted.choice.active.iter().zip(&fitted.gains) {
            let shape = fitted.choice.shape(self.data.candidates[j].class);
            let x = shape.apply(self.data.inputs[j], self.data.period_s);
            v.iter_mut().zip(x).for_each(|(v, x)| *v -= gain * x);
        }
        let lambda = fitted.choice.lambda;
        self.stages.iter().map(|s| ahead(&v, &self.known, lambda, s.horizon, &s.rows)).collect()
    }

    /// Gains and error of a choice.
    pub(super) fn evaluate(&self, choice: &Choice) -> Option<Fitted> {
        let grams: Vec<Vec<Gram>> = {
            let answers: Vec<Vec<f64>> = choice
                .active
                .iter()
                .map(|&j| {
                    let shape = choice.shape(self.data.candidates[j].class);
                    shape.apply(self.data.inputs[j], self.data.period_s)
                })
                .collect();
            self.stages.iter().map(|stage| self.grams(stage, choice.lambda, &answers)).collect()
        };
        let candidates: Vec<&Candidate> = choice.active.iter().map(|&j| &self.data.candidates[j]).collect();
        let n = candidates.len();
        let total = |without: Option<usize>| -> Gram {
            let mut sum = Gram::zero(n);
            for (stage, blocks) in self.stages.iter().zip(&grams) {
                let factor = 1.0 / (stage.same * stage.variance);
                let taken = blocks.iter().enumerate().filter(|(b, _)| Some(*b) != without);
                taken.for_each(|(_, gram)| sum.add(gram, factor));
            }
            sum
        };
        let mut score = 0.0;
        let mut folds: Vec<(f64, f64)> = vec![(0.0, 0.0); self.stages.len()];
        for block in 0..BLOCKS {
            let (g, _) = solve(&total(Some(block)), &candidates)?;
            for (fold, blocks) in folds.iter_mut().zip(&grams) {
                fold.0 += blocks[block].error(&g);
                fold.1 += blocks[block].weight;
            }
        }
        for (fold, stage) in folds.iter().zip(&self.stages) {
            score += (fold.0 / fold.1.max(1e-9) / stage.plain).sqrt() / self.stages.len() as f64;
        }
        let whole = total(None);
        let (g, covariance) = solve(&whole, &candidates)?;
        let variances = grams.iter().map(|blocks| {
            let (e, w) = blocks.iter().fold((0.0, 0.0), |(e, w), b| (e + b.error(&g), w + b.weight));
            e / w.max(1e-9)
        });
        Some(Fitted {
            choice: choice.clone(),
            gains: g.iter().copied().collect(),
            sigmas: (0..n).map(|j| covariance[(j, j)].max(0.0).sqrt()).collect(),
            data_sigmas: alone(&whole.xx),
            score,
            variances: variances.collect(),
        })
    }

    fn grams(&self, stage: &Stage, lambda: f64, answers: &[Vec<f64>]) -> Vec<Gram> {
        let n = answers.len();
        let target = ahead(self.data.y, &self.known, lambda, stage.horizon, &stage.rows);
        let columns: Vec<Vec<f64>> =
            answers.iter().map(|x| ahead(x, &self.known, lambda, stage.horizon, &stage.rows)).collect();
        let mut out = vec![Gram::zero(n); BLOCKS];
        let mut row = vec![0.0; n];
        for (k, block) in stage.blocks.iter().enumerate() {
            let (gram, w) = (&mut out[*block], stage.weights[k]);
            row.iter_mut().zip(&columns).for_each(|(r, c)| *r = c[k]);
            for i in 0..n {
                let wi = w * row[i];
                gram.xy[i] += wi * target[k];
                for (j, x) in row[..=i].iter().enumerate() {
                    gram.xx[(i, j)] += wi * x;
                }
            }
            gram.yy += w * target[k] * target[k];
            gram.weight += w;
        }
        for gram in &mut out {
            for i in 0..n {
                for j in 0..i {
                    gram.xx[(j, i)] = gram.xx[(i, j)];
                }
            }
        }
        out
    }
}

/// Gains with their priors and signs, and their covariance. One whose sign cannot be is held at zero.
fn solve(gram: &Gram, candidates: &[&Candidate]) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let n = candidates.len();
    let mut held = vec![false; n];
    loop {
        let mut a = gram.xx.clone();
        let mut b = gram.xy.clone();
        for (j, c) in candidates.iter().enumerate() {
            let sure = if held[j] { 1e12 } else { 1.0 } / c.prior.1.powi(2);
            a[(j, j)] += sure;
            b[j] += if held[j] { 0.0 } else { c.prior.0 * sure };
        }
        let factor = a.cholesky()?;
        let g = factor.solve(&b);
        let wrong = |j: &usize| !held[*j] && candidates[*j].sign * g[*j] < 0.0;
        let worst = (0..n).filter(wrong).min_by(|i, j| {
            let size = |k: usize| candidates[k].sign * g[k] / candidates[k].prior.1;
            size(*i).total_cmp(&size(*j))
        });
        match worst {
            Some(j) => held[j] = true,
            None => {
                let exact = DVector::from_fn(n, |j, _| if held[j] { 0.0 } else { g[j] });
                return Some((exact, factor.inverse()));
            }
        }
    }
}

/// Standard deviation of each gain by the data alone, others unknown.
fn alone(xx: &DMatrix<f64>) -> Vec<f64> {
    let n = xx.nrows();
    // A whisper of a prior keeps what was never moved from breaking the others' inverse.
    let scale: f64 = (0..n).map(|j| xx[(j, j)]).fold(0.0, f64::max).max(1e-30);
    let mut a = xx.clone();
    (0..n).for_each(|j| a[(j, j)] += 1e-9 * xx[(j, j)].max(1e-9 * scale));
    match a.cholesky() {
        Some(factor) => {
            let inverse = factor.inverse();
            (0..n).map(|j| if xx[(j, j)] > 0.0 { inverse[(j, j)].sqrt() } else { f64::INFINITY }).collect()
        }
        None => vec![f64::INFINITY; n],
    }
}
