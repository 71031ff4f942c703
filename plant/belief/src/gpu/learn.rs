//! Time constants, shares and noises of a class, learned on a sample of its GPUs by maximum likelihood.
//!
//! Responsible for: running filters with other figures beside the one in force on the same readings, and saying which
//! explains them best. Not for: each GPU's own R, h and c, which the filters estimate themselves.
//!
//! The likelihood of a model is that of its innovations (Schweppe, *IEEE Trans. Inf. Theory* 11, 1965):
//!
//! ```text
//! ln L = -1/2 sum (e^2 / s + ln s)
//! ```
//!
//! A round takes some figures, and tries each a step up and a step down: pattern search (Hooke and Jeeves, *J. ACM* 8,
//! 1961) on a criterion that is a new sample each time. The best takes over if it beats the one in force by
//! [`WINS`], so that noise alone moves nothing; steps that win grow, steps that lose shrink. When all are small it looks
//! only now and then: sites change slowly.
//!
//! Of all noises together the best scale is known in closed form: with Q and R (and so s) times f^2, ln L is greatest at
//! f^2 = mean of e^2 / s, which is one where the filter is honest. It is only ever used to grow: readings in whole degrees
//! repeat themselves while a load is steady, and innovations are then smaller than errors.

use super::GpuModel;
use super::kernel::{Advance, Block, PACKED, STATES, Shown, Trace, WILD};
use super::model::Parameter;
use super::vector::LANES;
use pulp::Arch;

/// Blocks of GPUs that are looked at.
const BLOCKS: usize = 2;
/// GPUs that are looked at.
const SAMPLE: usize = BLOCKS * LANES;
/// Figures tried in a round, each up and down.
const TRIED: usize = 3;
/// Models that run side by side: the one in force first.
const RIVALS: usize = 1 + 2 * TRIED;
/// Steps of a round before it counts, and in which it counts.
const ROUND: (u32, u32) = (40, 300);
/// Log-likelihood by which a rival must win: one in e^5 by chance.
const WINS: f64 = 5.0;
/// Steps of a figure, as logarithms: first, least, most.
const STRIDE: (f64, f64, f64) = (0.5, 0.04, 0.7);
/// Growth and shrinkage of a step.
const PACE: (f64, f64) = (1.3, 0.6);
/// Scale of all noises: the least growth (as a logarithm) that is made, and the largest factor in a round.
const SCALE: (f64, f64) = (0.02, 1.5);
/// Steps between two rounds once all strides are small.
const REST: u32 = 6_000;

/// Looks for a better model of a class.
#[derive(Debug, Clone)]
pub(super) struct Learner {
    rivals: Vec<Rival>,
    shown: [Shown; BLOCKS],
    trace: [Trace; BLOCKS],
    /// Readings that counted in this round.
    readings: usize,
    strides: [f64; Parameter::ALL.len()],
    /// First of the figures of this round.
    first: usize,
    /// Steps of this round so far; rests while negative.
    taken: i64,
    members: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Rival {
    model: GpuModel,
    blocks: [Block; BLOCKS],
    likelihood: f64,
    nis: f64,
}

impl Learner {
    pub(super) fn new(model: GpuModel) -> Self {
        let rival = Rival { model, blocks: [model.before(); BLOCKS], likelihood: 0.0, nis: 0.0 };
        Self {
            rivals: vec![rival; RIVALS],
            shown: [Shown::default(); BLOCKS],
            trace: [Trace::default(); BLOCKS],
            readings: 0,
            strides: [STRIDE.0; Parameter::ALL.len()],
            first: 0,
            taken: 0,
            members: Vec::with_capacity(SAMPLE),
        }
    }

    /// Looks at a step of the class; gives a model that is better than the one in force, if one was found.
    pub(super) fn look(
        &mut self,
        arch: Arch,
        dt_s: f64,
        blocks: &[Block],
        shown: &[Shown],
    ) -> Option<GpuModel> {
        self.taken += 1;
        if self.taken <= 0 || blocks.is_empty() {
            return None;
        }
        if self.taken == 1 {
            self.begin(blocks);
        }
        self.gather(shown);
        let counts = self.taken > i64::from(ROUND.0);
        if counts {
            let all = self.shown.iter().flat_map(|s| s.die_c.iter().chain(&s.hbm_c));
            self.readings += all.filter(|c| c.is_finite()).count();
        }
        for rival in &mut self.rivals {
            let step = rival.model.step(dt_s);
            let trace = Some(&mut self.trace[..]);
            arch.dispatch(Advance { blocks: &mut rival.blocks, shown: &self.shown, step: &step, trace });
            if counts {
                let nis = innovations(&rival.blocks);
                rival.nis += nis;
                rival.likelihood -= 0.5 * (nis + ln_s(&self.trace));
            }
        }
        (self.taken >= i64::from(ROUND.0 + ROUND.1)).then(|| self.decide()).flatten()
    }

    /// A round begins: who is looked at, what is tried.
    fn begin(&mut self, blocks: &[Block]) {
        let lanes = blocks.len() * LANES;
        self.readings = 0;
        self.members.clear();
        self.members.extend((0..SAMPLE.min(lanes)).map(|n| n * lanes / SAMPLE.min(lanes)));
        let force = self.rivals[0].model;
        for (n, rival) in self.rivals.iter_mut().enumerate() {
            (rival.likelihood, rival.nis) = (0.0, 0.0);
            rival.model = match n.checked_sub(1) {
                None => force,
                Some(n) => {
                    let tried = (self.first + n / 2) % Parameter::ALL.len();
                    let stride = if n % 2 == 0 { self.strides[tried] } else { -self.strides[tried] };
                    force.with(Parameter::ALL[tried], stride.exp())
                }
            };
            for (lane, &member) in self.members.iter().enumerate() {
                copy(&blocks[member / LANES], member % LANES, &mut rival.blocks[lane / LANES], lane % LANES);
            }
        }
    }

    fn gather(&mut self, shown: &[Shown]) {
        for (n, &member) in self.members.iter().enumerate() {
            let (from, i) = (&shown[member / LANES], member % LANES);
            let (to, j) = (&mut self.shown[n / LANES], n % LANES);
            to.power_w[j] = from.power_w[i];
            to.coolant_c[j] = from.coolant_c[i];
            to.psi[j] = from.psi[i];
            to.die_c[j] = from.die_c[i];
            to.hbm_c[j] = from.hbm_c[i];
        }
    }

    /// The round ends: which figures move?
    fn decide(&mut self) -> Option<GpuModel> {
        let before = self.rivals[0].model;
        let (mut model, mut best) = (before, 0);
        for n in 0..TRIED {
            let tried = (self.first + n) % Parameter::ALL.len();
            let (up, down) = (1 + 2 * n, 2 + 2 * n);
            let likelier = |a: usize, b: usize| self.rivals[a].likelihood > self.rivals[b].likelihood;
            let rival = if likelier(up, down) { up } else { down };
            let wins = self.rivals[rival].likelihood > self.rivals[0].likelihood + WINS;
            let stride = self.strides[tried];
            if wins {
                let sign = if rival == up { 1.0 } else { -1.0 };
                model = model.with(Parameter::ALL[tried], (sign * stride).exp());
                best = if likelier(rival, best) { rival } else { best };
            }
            let pace = if wins { PACE.0 } else { PACE.1 };
            self.strides[tried] = (stride * pace).clamp(STRIDE.1, STRIDE.2);
        }
        self.first = (self.first + TRIED) % Parameter::ALL.len();
        let settled = self.strides.iter().all(|s| *s <= STRIDE.1 * 1.01);
        self.taken = if settled { -i64::from(REST) } else { 0 };
        let model = model.noisier(self.scale(best));
        self.rivals[0].model = model;
        (model != before).then_some(model)
    }

    /// Factor of all noises that the innovations of a rival ask for.
    fn scale(&self, rival: usize) -> f64 {
        // Fewer readings than one GPU gives in a round say nothing.
        if self.readings < ROUND.1 as usize {
            return 1.0;
        }
        let factor = (self.rivals[rival].nis / self.readings as f64).sqrt();
        if factor.ln() > SCALE.0 { factor.min(SCALE.1) } else { 1.0 }
    }
}

/// Sum of e^2 / s over a step; a wild reading counts as one that is just not.
fn innovations(blocks: &[Block; BLOCKS]) -> f64 {
    blocks.iter().flat_map(|b| b.nis).map(|nis| nis.min(2.0 * WILD)).sum()
}

/// Sum of ln s over a step.
fn ln_s(trace: &[Trace; BLOCKS]) -> f64 {
    trace.iter().map(|t| t.die.iter().chain(&t.hbm).product::<f64>().ln()).sum()
}

fn copy(from: &Block, i: usize, to: &mut Block, j: usize) {
    (0..STATES).for_each(|k| to.x[k][j] = from.x[k][i]);
    (0..PACKED).for_each(|k| to.p[k][j] = from.p[k][i]);
    (to.fast_w[j], to.wild[j]) = (from.fast_w[i], from.wild[i]);
}
