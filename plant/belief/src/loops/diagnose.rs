//! Which fault explains best what has changed.
//!
//! Responsible for: one look. Not for: how long it must last (`network`).
//!
//! ```text
//! d = m s + e                              a fault of size m, its signature s
//! m = s' W d / s' W s,   W = diag(w / sigma^2)            w: Huber's weight of what is left
//! J = sum rho(d / sigma) - sum rho((d - m s) / sigma)     what it explains;  rho(x) = min(x^2, CAP^2)
//! ```
//!
//! Generalised likelihood ratio (Willsky and Jones, *IEEE Trans. Automatic Control* 21, 1976) with a bounded loss: one
//! number that is off the scale must not outvote all others. Faults are taken one by one, what explains most first.

use super::equation::{Equation, Var};
use super::{Baseline, Deviation};

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A sensor shows another value: so much is added to it (K), or its logarithm.
    Sensor(Var),
    /// Two sensors show each other's values.
    Swapped(Var, Var),
    /// Equations move: (equation, by so much for each unit of the fault).
    Equations(Vec<(usize, f64)>),
}

/// A fault that may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// What it does.
    pub effect: Effect,
    /// Least size worth a word.
    pub least: f64,
    /// Only of this sign, if it is not 0.
    pub sign: f64,
    /// How much more than others it must explain: what is rare must be plainer.
    pub penalty: f64,
}

/// Off the scale, in standard deviations.
const CAP: f64 = 12.0;
/// From here on a deviation weighs less.
const HUBER: f64 = 3.0;
/// Rounds of weighting.
const ROUNDS: usize = 6;
/// Rounds of anew.
const ANEW: usize = 2;
/// Least that a fault must explain.
const LEAST: f64 = 14.0;
/// Most faults of one loop at a time.
const MOST: usize = 4;
/// Another fault that explains so little less may as well be it.
const NEAR: f64 = 6.0;
/// Least difference of values that are swapped, K or of the logarithm.
const SWAPPED: f64 = 0.8;

/// A fault that explains something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Explained {
    pub(super) hypothesis: usize,
    pub(super) size: f64,
    pub(super) sigma: f64,
    /// What it explains.
    pub(super) weight: f64,
    /// Another one that explains nearly as much.
    pub(super) or: Option<usize>,
}

/// What is looked at.
pub(super) struct Scene<'a> {
    equations: &'a [Equation],
    baselines: &'a [Baseline],
    z: &'a [f64],
    /// Is a variable one whose logarithm moves?
    logarithmic: &'a [bool],
    hypotheses: &'a [Hypothesis],
    /// Equations that each hypothesis moves.
    moves: &'a [Vec<usize>],
    base: Deviations,
}

/// Of all equations, where they say something.
pub(super) type Deviations = Vec<Option<Deviation>>;

/// Deviations of all equations at these values.
fn deviations(equations: &[Equation], baselines: &[Baseline], z: &[f64]) -> Deviations {
    let one = |(e, b): (&Equation, &Baseline)| e.seen(z).map(|seen| b.deviation(&seen));
    equations.iter().zip(baselines).map(one).collect()
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        equations: &'a [Equation],
        baselines: &'a [Baseline],
        z: &'a [f64],
        (logarithmic, hypotheses, moves): (&'a [bool], &'a [Hypothesis], &'a [Vec<usize>]),
    ) -> Self {
        let base = deviations(equations, baselines, z);
        Self { equations, baselines, z, logarithmic, hypotheses, moves, base }
    }

    /// Deviations as they are.
    pub(super) fn base(&self) -> &Deviations {
        &self.base
    }

    fn moved(&self, var: Var, by: f64) -> f64 {
        if self.logarithmic[var] { self.z[var] * by.exp() } else { self.z[var] + by }
    }

    /// The faults that explain the deviations, what explains most first, and what is left of them.
    pub(super) fn explain(&self, deviations: &Deviations) -> (Vec<Explained>, Deviations) {
        let mut left = deviations.clone();
        let mut found: Vec<Explained> = Vec::new();
        let mut z = self.z.to_vec();
        let all_left = |left: &Deviations| left.iter().flatten().copied().map(off).sum::<f64>();
        // What is left in all is the most that any fault can explain.
        while found.len() < MOST && all_left(&left) >= LEAST {
            let taken = |h: usize| found.iter().any(|f| f.hypothesis == h);
            let open = (0..self.hypotheses.len()).filter(|&h| !taken(h));
            let mut all: Vec<Explained> = open.filter_map(|h| self.one(h, &left, &mut z)).collect();
            let worth = |e: &Explained| e.weight - self.hypotheses[e.hypothesis].penalty;
            all.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
            let Some(mut best) = all.first().copied().filter(|e| worth(e) >= LEAST) else { break };
            best.or = all.get(1).filter(|e| worth(&best) - worth(e) < NEAR).map(|e| e.hypothesis);
            for (e, after) in self.without(best.hypothesis, best.size, &left, &mut z) {
                left[e] = Some(after);
            }
            found.push(best);
        }
        (found, left)
    }

    /// Size and weight of one fault; none if it is not worth a word.
    fn one(&self, index: usize, left: &Deviations, z: &mut [f64]) -> Option<Explained> {
        let h = &self.hypotheses[index];
        let before: f64 = self.moves[index].iter().filter_map(|e| left[*e]).map(off).sum();
        if before < LEAST {
            return None;
        }
        let (size, sigma) = match &h.effect {
            Effect::Swapped(a, b) if self.logarithmic[*a] => ((self.z[*a] / self.z[*b]).ln(), 0.0),
            Effect::Swapped(a, b) => (self.z[*a] - self.z[*b], 0.0),
            _ => self.size(index, left, z)?,
        };
        let least = if matches!(h.effect, Effect::Swapped(..)) { SWAPPED } else { h.least };
        let fits = size.is_finite() && size.abs() >= least && size * h.sign >= 0.0;
        if !fits {
            return None;
        }
        let after: f64 = self.without(index, size, left, z).into_iter().map(|(_, d)| off(d)).sum();
        Some(Explained { hypothesis: index, size, sigma, weight: before - after, or: None })
    }

    /// What is left of the deviations that a fault moves if one of this size is taken off. `z` holds the values, and holds
    /// them again afterwards.
    fn without(&self, index: usize, size: f64, left: &Deviations, z: &mut [f64]) -> Vec<(usize, Deviation)> {
        match &self.hypotheses[index].effect {
            Effect::Sensor(var) => {
                z[*var] = self.moved(*var, -size);
                let after = self.anew(index, z, left);
                z[*var] = self.z[*var];
                after
            }
            Effect::Swapped(a, b) => {
                z.swap(*a, *b);
                let after = self.anew(index, z, left);
                z.swap(*a, *b);
                after
            }
            Effect::Equations(list) => {
                let one = |(e, per): &(usize, f64)| {
                    left[*e].map(|d| (*e, Deviation { by: d.by - size * per, ..d }))
                };
                list.iter().filter_map(one).collect()
            }
        }
    }

    /// Deviations at other values; an equation that falls silent stays as it was.
    fn anew(&self, index: usize, z: &[f64], left: &Deviations) -> Vec<(usize, Deviation)> {
        let one = |&e: &usize| {
            let before = left[e]?;
            let moved = self.at(e, z).zip(self.base[e]).map_or(0.0, |(now, base)| now.by - base.by);
            Some((e, Deviation { by: before.by + moved, ..before }))
        };
        self.moves[index].iter().filter_map(one).collect()
    }

    fn at(&self, equation: usize, z: &[f64]) -> Option<Deviation> {
        self.equations[equation].seen(z).map(|seen| self.baselines[equation].deviation(&seen))
    }

    /// Size and standard deviation of a fault. What a sensor does to an equation is not in proportion to how far it is off:
    /// once more, from where the first answer leads.
    fn size(&self, index: usize, left: &Deviations, z: &mut [f64]) -> Option<(f64, f64)> {
        let known = |e: usize| left[e].map(|d| (e, d));
        let first: Vec<(usize, Deviation)> = self.moves[index].iter().filter_map(|e| known(*e)).collect();
        let (mut size, mut sigma) = fitted(&self.signature(index, 0.0, &first, z), &first)?;
        if matches!(self.hypotheses[index].effect, Effect::Sensor(_)) {
            for _ in 0..ANEW {
                let rest = self.without(index, size, left, z);
                let (more, of_more) = fitted(&self.signature(index, size, &rest, z), &rest)?;
                (size, sigma) = (size + more, of_more);
            }
        }
        Some((size, sigma))
    }

    /// How each of these equations moves with a unit of the fault, where it is of this size.
    fn signature(&self, index: usize, at: f64, of: &[(usize, Deviation)], z: &mut [f64]) -> Vec<f64> {
        match &self.hypotheses[index].effect {
            Effect::Equations(list) => {
                let per = |e: usize| list.iter().find(|l| l.0 == e).map_or(0.0, |l| l.1);
                of.iter().map(|(e, _)| per(*e)).collect()
            }
            Effect::Sensor(var) => {
                let step = if self.logarithmic[*var] { 0.02 } else { 0.1 };
                z[*var] = self.moved(*var, -at);
                let now: Vec<Option<Deviation>> = of.iter().map(|(e, _)| self.at(*e, z)).collect();
                z[*var] = self.moved(*var, -at - step);
                let one = |(a, (e, _)): (Option<Deviation>, &(usize, Deviation))| {
                    a.zip(self.at(*e, z)).map_or(0.0, |(a, b)| (a.by - b.by) / step)
                };
                let signature = now.into_iter().zip(of).map(one).collect();
                z[*var] = self.z[*var];
                signature
            }
            Effect::Swapped(..) => vec![0.0; of.len()],
        }
    }
}

/// Size and standard deviation of a fault, by weighted least squares in rounds.
fn fitted(signature: &[f64], left: &[(usize, Deviation)]) -> Option<(f64, f64)> {
    let known = || signature.iter().zip(left).filter(|(s, _)| **s != 0.0).map(|(s, (_, d))| (*s, *d));
    // From the middle of what each equation alone would say.
    let mut alone: Vec<f64> = known().map(|(s, d)| d.by / s).collect();
    if alone.is_empty() {
        return None;
    }
    alone.sort_unstable_by(f64::total_cmp);
    let mut size = alone[alone.len() / 2];
    let mut sigma = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (mut sd, mut ss) = (0.0, 0.0);
        for (s, d) in known() {
            let off = ((d.by - size * s) / d.sigma).abs();
            let w = if off > HUBER { HUBER / off } else { 1.0 } / (d.sigma * d.sigma);
            (sd, ss) = (sd + w * s * d.by, ss + w * s * s);
        }
        if ss <= 0.0 {
            return None;
        }
        (size, sigma) = (sd / ss, ss.sqrt().recip());
    }
    Some((size, sigma))
}

fn off(d: Deviation) -> f64 {
    (d.by / d.sigma).abs().min(CAP).powi(2)
}
