//! One loop over time.
//!
//! Responsible for: a look a minute at its variables, learning what is usual while nothing is suspected, and telling what
//! lasts from what passes. Not for: where values come from.
//!
//! ```text
//!            explains something           in RAISED looks
//!   nothing -------------------> suspected -------------> found
//!      ^      not in as many looks   |                      |
//!      +-----------------------------+----------------------+
//! ```

use super::baseline::Baseline;
use super::diagnose::{Effect, Explained, Hypothesis, Scene};
use super::equation::{Equation, Var};
use super::unmetered;
use headroom_site::{Dimension, Stamp};

/// Looks in which a fault must explain something before it is found, and looks that are remembered.
const RAISED: u32 = 8;
const KEPT: u32 = 20;
/// Looks after which what is usual is known well enough to be held against.
const KNOWN: u32 = 30;
/// Deviation from which on nothing is learned, in standard deviations.
const SUSPECT: f64 = 2.0;

/// A variable of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its dimension: temperatures are off by kelvins, everything else by a factor.
    pub dimension: Dimension,
}

/// An equation that speaks for a finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Index of the equation.
    pub equation: usize,
    /// Deviation, K or logarithm.
    pub by: f64,
    /// Its standard deviation.
    pub sigma: f64,
}

/// A fault that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Index of the hypothesis.
    pub hypothesis: usize,
    /// Size: K, or the logarithm of a factor.
    pub size: f64,
    /// Its standard deviation.
    pub sigma: f64,
    /// Since when.
    pub since: Stamp,
    /// Another one that may be it.
    pub or: Option<usize>,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// What is kept of a hypothesis.
#[derive(Debug, Clone, Default)]
struct Watched {
    looks: u32,
    found: Option<Found>,
    since: Option<Stamp>,
}

/// A loop.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) variables: Vec<Variable>,
    logarithmic: Vec<bool>,
    pub(super) equations: Vec<Equation>,
    pub(super) baselines: Vec<Baseline>,
    hypotheses: Vec<Hypothesis>,
    /// Equations that each of them moves.
    moves: Vec<Vec<usize>>,
    watched: Vec<Watched>,
}

impl Network {
    /// With nothing known of it but its structure.
    #[must_use]
    pub fn new(variables: Vec<Variable>, equations: Vec<Equation>, hypotheses: Vec<Hypothesis>) -> Self {
        let moved = |h: &Hypothesis| {
            let all = equations.iter().enumerate();
            all.filter(|(i, e)| moves(&h.effect, *i, e)).map(|(i, _)| i).collect()
        };
        Self {
            moves: hypotheses.iter().map(moved).collect(),
            logarithmic: variables.iter().map(|v| v.dimension != Dimension::Temperature).collect(),
            baselines: equations.iter().map(|e| Baseline::new(e.prior())).collect(),
            watched: vec![Watched::default(); hypotheses.len()],
            variables,
            equations,
            hypotheses,
        }
    }

    /// Looks at means of the last minutes, base units; what is not known is not a number. Looks are a minute apart.
    ///
    /// # Panics
    /// If there are not as many values as variables.
    pub fn look(&mut self, z: &[f64], now: Stamp) {
        assert_eq!(z.len(), self.variables.len(), "a value for each variable");
        let scene = Scene::new(
            &self.equations,
            &self.baselines,
            z,
            (&self.logarithmic, &self.hypotheses, &self.moves),
        );
        let known = |(d, (e, b)): (&Option<super::Deviation>, (&Equation, &Baseline))| {
            let mode = e.seen(z)?.mode;
            // What the prior tells needs no learning.
            let usual = b.looks(mode) >= KNOWN || e.prior().r.1 < 1.0;
            (usual && !b.scatters()).then_some(*d).flatten()
        };
        let deviations: Vec<_> =
            scene.base().iter().zip(self.equations.iter().zip(&self.baselines)).map(known).collect();
        let (explained, left) = scene.explain(&deviations);
        let quiet: Vec<bool> = deviations
            .iter()
            .zip(&left)
            .map(|(d, left)| {
                let near = |d: &Option<super::Deviation>| d.is_none_or(|d| d.by.abs() < SUSPECT * d.sure);
                near(d) && near(left)
            })
            .collect();
        let touched = self.touched();
        for (w, h) in self.watched.iter_mut().zip(0..) {
            match explained.iter().find(|e| e.hypothesis == h) {
                Some(what) => {
                    let evidence = evidence(&self.moves[h], &deviations);
                    w.take(now, what, evidence);
                }
                None => w.miss(),
            }
        }
        for (i, (e, b)) in self.equations.iter().zip(&mut self.baselines).enumerate() {
            if let (Some(seen), true, false) = (e.seen(z), quiet[i], touched[i]) {
                b.learn(&seen);
            }
        }
    }

    /// Equations that suspected faults move: they learn nothing.
    fn touched(&self) -> Vec<bool> {
        let mut out = vec![false; self.equations.len()];
        let suspected = self.watched.iter().zip(&self.moves).filter(|(w, _)| w.looks > 0);
        suspected.for_each(|(_, moves)| moves.iter().for_each(|e| out[*e] = true));
        out
    }

    /// Faults that were found and stand.
    pub fn found(&self) -> impl Iterator<Item = &Found> {
        self.watched.iter().filter_map(|w| w.found.as_ref())
    }

    /// Its equations.
    #[must_use]
    pub fn equations(&self) -> &[Equation] {
        &self.equations
    }

    /// A flow that is not metered, L/min, and its standard deviation, from everything that tells.
    #[must_use]
    pub fn flow(&self, var: Var, z: &[f64]) -> Option<(f64, f64)> {
        unmetered::flow(self, var, z)
    }
}

impl Watched {
    fn take(&mut self, now: Stamp, what: &Explained, evidence: Vec<Evidence>) {
        let since = *self.since.get_or_insert(now);
        self.looks = (self.looks + 1).min(KEPT);
        if self.looks >= RAISED || self.found.is_some() {
            let Explained { hypothesis, size, sigma, or, .. } = *what;
            self.found = Some(Found { hypothesis, size, sigma, since, or, evidence });
        }
    }

    fn miss(&mut self) {
        self.looks = self.looks.saturating_sub(1);
        if self.looks == 0 {
            *self = Self::default();
        }
    }
}

fn moves(effect: &Effect, index: usize, equation: &Equation) -> bool {
    match effect {
        Effect::Sensor(v) => equation.has(*v),
        Effect::Swapped(a, b) => equation.has(*a) || equation.has(*b),
        Effect::Equations(list) => list.iter().any(|(e, _)| *e == index),
    }
}

/// The deviations that a fault explains, farthest off first.
fn evidence(moves: &[usize], deviations: &[Option<super::Deviation>]) -> Vec<Evidence> {
    let known =
        |&equation: &usize| deviations[equation].map(|d| Evidence { equation, by: d.by, sigma: d.sigma });
    let mut out: Vec<Evidence> = moves.iter().filter_map(known).collect();
    out.sort_by(|a, b| (b.by / b.sigma).abs().total_cmp(&(a.by / a.sigma).abs()));
    out.truncate(4);
    out
}
