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
    pub(super) equations: &'a [Equation],
    pub(super) baselines: &'a [Baseline],
    pub(super) z: &'a [f64],
    /// Is a variable one whose logarithm moves?
    pub(super) logarithmic: &'a [bool],
    /// Equations that each hypothesis moves.
    pub(super) moves: &'a [Vec<usize>],
}

impl Scene<'_> {
    /// Deviations of all equations, where they say something.
    pub(super) fn deviations(&self, z: &[f64]) -> Vec<Option<Deviation>> {
        let one = |(e, b): (&Equation, &Baseline)| e.seen(z).map(|seen| b.deviation(&seen));
        self.equations.iter().zip(self.baselines).map(one).collect()
    }

    fn moved(&self, var: Var, by: f64) -> f64 {
        if self.logarithmic[var] { self.z[var] * by.exp() } else { self.z[var] + by }
    }

    /// What is left of the deviations if a fault of this size is taken off.
    fn without(&self, effect: &Effect, size: f64, before: &[Option<Deviation>]) -> Vec<Option<Deviation>> {
        match effect {
            Effect::Sensor(var) => {
                let mut z = self.z.to_vec();
                z[*var] = self.moved(*var, -size);
                self.anew(&z, before)
            }
            Effect::Swapped(a, b) => {
                let mut z = self.z.to_vec();
                z.swap(*a, *b);
                self.anew(&z, before)
            }
            Effect::Equations(list) => {
                let mut left = before.to_vec();
                for (e, per) in list {
                    if let Some(d) = &mut left[*e] {
                        d.by -= size * per;
                    }
                }
                left
            }
        }
    }

    /// Deviations at other values; an equation that said nothing before says nothing now, and one that falls silent stays
    /// as it was.
    fn anew(&self, z: &[f64], before: &[Option<Deviation>]) -> Vec<Option<Deviation>> {
        let base = self.deviations(self.z);
        let now = self.deviations(z);
        let one = |((before, base), now): ((&Option<Deviation>, Option<Deviation>), Option<Deviation>)| {
            let before = (*before)?;
            let (Some(base), Some(now)) = (base, now) else { return Some(before) };
            Some(Deviation { by: before.by + now.by - base.by, ..before })
        };
        before.iter().zip(base).zip(now).map(one).collect()
    }

    /// The faults that explain the deviations, what explains most first, and what is left of them.
    pub(super) fn explain(
        &self,
        hypotheses: &[Hypothesis],
        deviations: &[Option<Deviation>],
    ) -> (Vec<Explained>, Vec<Option<Deviation>>) {
        let mut left = deviations.to_vec();
        let mut found: Vec<Explained> = Vec::new();
        // What is left in all is the most that any fault can explain.
        while found.len() < MOST && loss(&left) >= LEAST {
            let taken = |h: usize| found.iter().any(|f| f.hypothesis == h);
            let open = (0..hypotheses.len()).filter(|&h| !taken(h));
            let mut all: Vec<Explained> = open.filter_map(|h| self.one(h, &hypotheses[h], &left)).collect();
            let worth = |e: &Explained| e.weight - hypotheses[e.hypothesis].penalty;
            all.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
            let Some(mut best) = all.first().copied().filter(|e| worth(e) >= LEAST) else { break };
            best.or = all.get(1).filter(|e| worth(&best) - worth(e) < NEAR).map(|e| e.hypothesis);
            left = self.without(&hypotheses[best.hypothesis].effect, best.size, &left);
            found.push(best);
        }
        (found, left)
    }

    /// Size and weight of one fault; none if it is not worth a word.
    fn one(&self, index: usize, h: &Hypothesis, left: &[Option<Deviation>]) -> Option<Explained> {
        let most: f64 = self.moves[index].iter().filter_map(|e| left[*e]).map(off).sum();
        if most < LEAST {
            return None;
        }
        let (size, sigma) = match &h.effect {
            Effect::Swapped(a, b) => {
                let apart = if self.logarithmic[*a] {
                    (self.z[*a] / self.z[*b]).ln()
                } else {
                    self.z[*a] - self.z[*b]
                };
                (apart, 0.0)
            }
            effect => self.size(effect, left)?,
        };
        let least = if matches!(h.effect, Effect::Swapped(..)) { SWAPPED } else { h.least };
        let fits = size.is_finite() && size.abs() >= least && size * h.sign >= 0.0;
        if !fits {
            return None;
        }
        let after = self.without(&h.effect, size, left);
        let weight = loss(left) - loss(&after);
        Some(Explained { hypothesis: index, size, sigma, weight, or: None })
    }

    /// Size and standard deviation of a fault. What a sensor does to an equation is not in proportion to how far it is off:
    /// once more, from where the first answer leads.
    fn size(&self, effect: &Effect, left: &[Option<Deviation>]) -> Option<(f64, f64)> {
        let (mut size, mut sigma) = fitted(&self.signature(effect, 0.0, left), left)?;
        if matches!(effect, Effect::Sensor(_)) {
            for _ in 0..ANEW {
                let rest = self.without(effect, size, left);
                let (more, of_more) = fitted(&self.signature(effect, size, left), &rest)?;
                (size, sigma) = (size + more, of_more);
            }
        }
        Some((size, sigma))
    }

    /// How each equation moves with a unit of the fault, where it is of this size.
    fn signature(&self, effect: &Effect, at: f64, left: &[Option<Deviation>]) -> Vec<f64> {
        match effect {
            Effect::Equations(list) => {
                let mut s = vec![0.0; left.len()];
                list.iter().for_each(|(e, per)| s[*e] = *per);
                s
            }
            Effect::Sensor(var) => {
                let step = if self.logarithmic[*var] { 0.02 } else { 0.1 };
                let mut z = self.z.to_vec();
                z[*var] = self.moved(*var, -at);
                let now = self.deviations(&z);
                z[*var] = self.moved(*var, -at - step);
                let then = self.deviations(&z);
                let one = |(a, b): (Option<Deviation>, Option<Deviation>)| match (a, b) {
                    (Some(a), Some(b)) => (a.by - b.by) / step,
                    _ => 0.0,
                };
                now.into_iter().zip(then).map(one).collect()
            }
            Effect::Swapped(..) => vec![0.0; left.len()],
        }
    }
}

/// Size and standard deviation of a fault, by weighted least squares in rounds.
fn fitted(signature: &[f64], left: &[Option<Deviation>]) -> Option<(f64, f64)> {
    let known = || signature.iter().zip(left).filter_map(|(s, d)| d.filter(|_| *s != 0.0).map(|d| (*s, d)));
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

fn loss(deviations: &[Option<Deviation>]) -> f64 {
    deviations.iter().flatten().copied().map(off).sum()
}

fn off(d: Deviation) -> f64 {
    (d.by / d.sigma).abs().min(CAP).powi(2)
}
