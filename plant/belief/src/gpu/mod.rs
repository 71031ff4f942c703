//! GPU observers: a Kalman filter per GPU over cold plate, memory, thermal resistance and offset, many at a time.
//!
//! Responsible for: temperatures between and beyond the 1 degC readings, and each GPU's own parameters, with their
//! covariance. Not for: limits (`headroom`), demand, or what coolant a GPU has. Rooms: `model` (what is reckoned with),
//! `vector` and `kernel` (the arithmetic), `learn` (time constants and noises, by maximum likelihood), `look` and `ahead` (what follows
//! for later), `batch` and `textbook` (the arithmetic alone, to be measured and compared).
//!
//! # States and readings
//!
//! With coolant T_c and power P as inputs, x = \[T_p, h, R, c\]:
//!
//! | symbol | unit | what |
//! |---|---|---|
//! | T_p | degC | what the slow part of the heat's path ends at: cold plate, or heat sink |
//! | h | K | the memory's own rise over what the die gives it: its own power, and its lag |
//! | R | K/W | thermal resistance from die to coolant per watt *shown*: a wrong gain of the power sensor is in it |
//! | c | K | offset of all of it: a biased die or coolant sensor, coolant warmed on its way |
//!
//! The path has a fast part phi (junction, interface: tau_f about a second) and a slow one (plate or sink: tau):
//!
//! ```text
//! T_p+ = T_p + a (T_c + c + (1 - phi) psi R P - T_p) + w_T  a = 1 - exp(-dt/tau)
//! h+   = h + w_h        R+ = R + w_R        c+ = c + w_c     (random walks)
//! P_f+ = P_f + a_f (P - P_f)                                 a_f = 1 - exp(-dt/tau_f)
//!
//! T_die = T_p + phi R P_f                 y_die = T_die + v
//! T_hbm = T_p + kappa phi R P_f + h       y_hbm = T_hbm + v
//! ```
//!
//! psi (1 at the flow of reference) says how much more the slow part resists at the flow of now; whoever knows flows gives it.
//! P is known, so all of it is linear in x, with coefficients that change with time: the filter is exact (Kalman 1960), not
//! extended. Two thermal modes behind a plate are what step responses of A100 boards show (0.15 and 1.7 s; here one), and
//! 5-20 s of a cold plate, 30-90 s of a heat sink. v has the variance of the reading (1 degC steps: 1/12 and the
//! sensor's own) and (eta phi R (P - P_f))^2 (kappa eta phi for the memory): while the power moves, power and temperature of
//! one report are not of one instant. For the same reason it is part of how unsure T_die and T_hbm are.
//!
//! One wrong reading moves as much as one at five standard deviations. Three in a row are no wrong readings but another
//! plant (flow that is gone, a plate that dried out): variances then grow by a quarter of what they were before the first
//! reading with every step, until the readings are believed again.
//!
//! Variances grow no further than they were before the first reading: a GPU that idles for a week forgets its R, but not
//! beyond what its product tells. R and c are told apart by loads that differ; under a steady one the covariance says
//! that only their sum is known, and what is predicted for full load is as unsure as that makes it.

mod ahead;
mod batch;
mod kernel;
mod learn;
mod look;
mod model;
mod textbook;
mod vector;

pub use ahead::{Course, Rise};
pub use batch::Batch;
pub use model::{GpuModel, Parameter};
pub use textbook::Textbook;

use kernel::{Advance, Block, OFFSET, RESISTANCE, Shown, at};
use learn::Learner;
use look::{Figures, Look};
use pulp::Arch;
use std::ops::Range;
use vector::{Eight, LANES};

/// One GPU's inputs for a step, all finite.
#[derive(Debug, Clone, Copy)]
pub struct GpuInput {
    /// Power, W.
    pub power_w: f64,
    /// Coolant supply, degC.
    pub coolant_c: f64,
    /// psi: the slow part of the resistance over that at the flow of reference; 1 where no flow is known.
    pub psi: f64,
    /// Die temperature reading, degC, if there is a fresh one.
    pub die_c: Option<f64>,
    /// Memory temperature reading, degC, if there is a fresh one.
    pub hbm_c: Option<f64>,
}

/// What every loop asks of every GPU in every tick; by [`Rise`], each with its standard deviation.
#[derive(Debug, Clone, Copy)]
pub struct GpuFigures {
    /// Has it ever been read?
    pub seen: bool,
    /// Has its memory ever been read? What is said of a memory that was never read means nothing.
    pub hbm_seen: bool,
    /// Temperatures now, degC.
    pub now: [(f64, f64); 2],
    /// Rises over the coolant after long at its highest power, K.
    pub full: [(f64, f64); 2],
}

/// GPUs that have one model: of a product, cooled alike.
#[derive(Debug, Clone)]
struct Class {
    blocks: Range<usize>,
    model: GpuModel,
    learner: Learner,
}

/// All observers of a site, in blocks of eight.
#[derive(Debug, Clone)]
pub struct GpuObservers {
    arch: Arch,
    classes: Vec<Class>,
    /// Class and place (block times eight plus lane) of each GPU.
    class_of: Vec<u32>,
    place: Vec<u32>,
    blocks: Vec<Block>,
    shown: Vec<Shown>,
    most_w: Vec<Eight>,
    figures: Vec<Figures>,
    seen: Vec<bool>,
    hbm_seen: Vec<bool>,
}

impl GpuObservers {
    /// Observers of GPUs, given the model of each class, and the class and the highest power (W) of each GPU.
    #[must_use]
    pub fn new(models: &[GpuModel], class_of: &[usize], most_w: &[f64]) -> Self {
        let mut place = vec![0; class_of.len()];
        let (mut blocks, mut classes) = (Vec::new(), Vec::new());
        for (class, model) in models.iter().enumerate() {
            let first = blocks.len();
            let members = class_of.iter().enumerate().filter(|&(_, &of)| of == class);
            for (n, (gpu, _)) in members.enumerate() {
                if n % LANES == 0 {
                    blocks.push(model.before());
                }
                place[gpu] = ((blocks.len() - 1) * LANES + n % LANES) as u32;
            }
            let learner = Learner::new(*model);
            classes.push(Class { blocks: first..blocks.len(), model: *model, learner });
        }
        let mut most = vec![[0.0; LANES]; blocks.len()];
        for (&place, &most_w) in place.iter().zip(most_w) {
            most[place as usize / LANES][place as usize % LANES] = most_w;
        }
        Self {
            arch: Arch::new(),
            classes,
            most_w: most,
            figures: vec![Figures::default(); blocks.len()],
            class_of: class_of.iter().map(|&c| c as u32).collect(),
            place,
            shown: vec![Shown::default(); blocks.len()],
            blocks,
            seen: vec![false; class_of.len()],
            hbm_seen: vec![false; class_of.len()],
        }
    }

    /// Number of GPUs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Says what a GPU shows, for the next [`Self::advance`].
    #[inline(always)]
    pub fn show(&mut self, gpu: usize, input: &GpuInput) {
        let (block, lane) = self.home(gpu);
        let shown = &mut self.shown[block];
        shown.power_w[lane] = input.power_w;
        shown.coolant_c[lane] = input.coolant_c;
        shown.psi[lane] = input.psi;
        shown.die_c[lane] = input.die_c.unwrap_or(f64::NAN);
        shown.hbm_c[lane] = input.hbm_c.unwrap_or(f64::NAN);
        self.seen[gpu] |= input.die_c.is_some();
        self.hbm_seen[gpu] |= input.hbm_c.is_some();
    }

    /// Takes what all GPUs show, `dt_s` seconds after the last time.
    pub fn advance(&mut self, dt_s: f64) {
        for class in &mut self.classes {
            let shown = &self.shown[class.blocks.clone()];
            let blocks = &mut self.blocks[class.blocks.clone()];
            let step = class.model.step(dt_s);
            self.arch.dispatch(Advance { blocks, shown, step: &step, trace: None });
            let (most_w, figures) =
                (&self.most_w[class.blocks.clone()], &mut self.figures[class.blocks.clone()]);
            self.arch.dispatch(Look { blocks, shown, most_w, step: &step, figures });
            if let Some(better) = class.learner.look(self.arch, dt_s, blocks, shown) {
                class.model = better;
            }
        }
    }

    #[inline(always)]
    fn home(&self, gpu: usize) -> (usize, usize) {
        let place = self.place[gpu] as usize;
        (place / LANES, place % LANES)
    }

    /// The model of a GPU's class, as learned so far.
    #[must_use]
    #[inline]
    pub fn model(&self, gpu: usize) -> &GpuModel {
        &self.classes[self.class_of[gpu] as usize].model
    }

    /// Has this GPU ever been read?
    #[must_use]
    #[inline]
    pub fn seen(&self, gpu: usize) -> bool {
        self.seen[gpu]
    }

    /// Has its memory ever been read? Not every product tells.
    #[must_use]
    #[inline]
    pub fn hbm_seen(&self, gpu: usize) -> bool {
        self.hbm_seen[gpu]
    }

    /// Normalised innovation squared of the last step, summed over its readings: their number on average, if the filter is
    /// honest.
    #[must_use]
    pub fn nis(&self, gpu: usize) -> f64 {
        let (block, lane) = self.home(gpu);
        self.blocks[block].nis[lane]
    }

    /// A temperature now and its standard deviation, degC.
    #[must_use]
    #[inline]
    pub fn now(&self, gpu: usize, of: Rise) -> (f64, f64) {
        self.both_now(gpu)[of as usize]
    }

    /// Rise over the coolant after long at its highest power, and its standard deviation, K.
    #[must_use]
    #[inline]
    pub fn full_rise(&self, gpu: usize, of: Rise) -> (f64, f64) {
        self.both_full_rises(gpu)[of as usize]
    }

    /// [`Self::now`] of die and memory; what is said of a memory that was never read means nothing.
    #[must_use]
    #[inline]
    pub fn both_now(&self, gpu: usize) -> [(f64, f64); 2] {
        let (block, lane) = self.home(gpu);
        let f = &self.figures[block];
        [0, 1].map(|of| (f.now[of][lane], f.now_sigma[of][lane]))
    }

    /// [`Self::full_rise`] of die and memory, likewise.
    #[must_use]
    #[inline]
    pub fn both_full_rises(&self, gpu: usize) -> [(f64, f64); 2] {
        let (block, lane) = self.home(gpu);
        let f = &self.figures[block];
        [0, 1].map(|of| (f.full[of][lane], f.full_sigma[of][lane]))
    }

    /// What is asked of every GPU in every tick.
    #[must_use]
    #[inline(always)]
    pub fn figures(&self, gpu: usize) -> GpuFigures {
        let (block, lane) = self.home(gpu);
        let f = &self.figures[block];
        GpuFigures {
            seen: self.seen[gpu],
            hbm_seen: self.hbm_seen[gpu],
            now: [0, 1].map(|of| (f.now[of][lane], f.now_sigma[of][lane])),
            full: [0, 1].map(|of| (f.full[of][lane], f.full_sigma[of][lane])),
        }
    }

    /// eta phi R (P - P_f): how unsure the fast part is, K.
    #[inline]
    fn moving(&self, gpu: usize) -> f64 {
        let ((block, lane), model) = (self.home(gpu), self.model(gpu));
        let to_go_w = self.shown[block].power_w[lane] - self.blocks[block].fast_w[lane];
        model.moving * model.fast * self.blocks[block].x[RESISTANCE][lane] * to_go_w
    }

    /// Covariance of die and memory temperature now, K^2: \[die, both, memory\].
    #[must_use]
    pub fn covariance(&self, gpu: usize) -> [f64; 3] {
        let ((block, lane), model) = (self.home(gpu), self.model(gpu));
        let p = |i, j| self.blocks[block].p[at(i, j)][lane];
        let die = model.fast * self.blocks[block].fast_w[lane];
        let hbm = die * model.memory;
        let both = p(0, 0) + p(0, 1) + (die + hbm) * p(0, 2) + die * (p(1, 2) + hbm * p(2, 2));
        let both = both + model.memory * self.moving(gpu).powi(2);
        let (die, hbm) = (self.now(gpu, Rise::Die).1, self.now(gpu, Rise::Memory).1);
        [die * die, both, hbm * hbm]
    }

    /// Resistance and its standard deviation, K/W.
    #[must_use]
    #[inline]
    pub fn resistance(&self, gpu: usize) -> (f64, f64) {
        self.state(gpu, RESISTANCE)
    }

    /// Offset and its standard deviation, K.
    #[must_use]
    #[inline]
    pub fn offset(&self, gpu: usize) -> (f64, f64) {
        self.state(gpu, OFFSET)
    }

    #[inline]
    fn state(&self, gpu: usize, i: usize) -> (f64, f64) {
        let (block, lane) = self.home(gpu);
        let Block { x, p, .. } = &self.blocks[block];
        (x[i][lane], p[at(i, i)][lane].max(0.0).sqrt())
    }

    /// Power that the fast part follows, W.
    #[inline]
    fn fast_w(&self, gpu: usize) -> f64 {
        let (block, lane) = self.home(gpu);
        self.blocks[block].fast_w[lane]
    }
}

#[cfg(test)]
mod tests;
