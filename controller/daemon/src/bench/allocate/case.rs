//! What allocation is measured on: a tree of five levels, and how scarce watts are in it.
//!
//! Eight GPUs a node, nine nodes a rack, eight racks a busway, six busways a feed, one site. Jobs differ in how much they
//! want, nodes and GPUs a little; weights are of three priorities.

use headroom_core::propose::power::tree::{Problem, Tree};

/// GPUs of a branch of each level, from the node to the feed.
const SIZES: [usize; 4] = [8, 8 * 9, 8 * 9 * 8, 8 * 9 * 8 * 6];
/// GPUs of a job.
const JOB: usize = 1_024;
/// How much each demand moves from one solve to the next, and so often.
const MOVES: f64 = 0.02;
const TURNS: usize = 8;

/// How scarce watts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scarcity {
    /// Nothing binds.
    Idle,
    /// Oversubscribed: branches of all levels bind.
    Typical,
    /// And 35 % of the site's watts are gone.
    Emergency,
}

impl Scarcity {
    pub(super) const ALL: [Self; 3] = [Self::Idle, Self::Typical, Self::Emergency];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Typical => "typical",
            Self::Emergency => "emergency",
        }
    }
}

/// A problem and its tree.
pub(super) struct Case {
    pub(super) gpus: usize,
    pub(super) tree: Tree,
    /// Span of each branch; each level before those below it.
    pub(super) spans: Vec<(usize, usize)>,
    pub(super) room_w: Vec<f64>,
    /// Demands, which go round.
    demands_w: Vec<Vec<f64>>,
    low_w: Vec<f64>,
    high_w: Vec<f64>,
    slope: Vec<f64>,
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Case {
    pub(super) fn new(gpus: usize, scarcity: Scarcity) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut job_w, mut node_w, mut demand_w) = (0.0, 0.0, Vec::with_capacity(gpus));
        for gpu in 0..gpus {
            if gpu % JOB == 0 {
                job_w = 250.0 + 300.0 * random.draw();
            }
            if gpu % SIZES[0] == 0 {
                node_w = 100.0 * random.draw();
            }
            demand_w.push(job_w + node_w + 50.0 * random.draw());
        }
        let slope = (0..gpus).map(|_| [0.5, 1.0, 2.0][(3.0 * random.draw()) as usize]).collect();
        let mut spans = vec![(0, gpus)];
        let mut room_w = vec![if scarcity == Scarcity::Emergency { 0.65 } else { 1.0 }];
        // a node has room to spare on average, what is above it less and less
        for (size, share, spread) in SIZES
            .iter()
            .zip([1.03, 1.01, 1.0, 0.99])
            .zip([0.3, 0.1, 0.05, 0.02])
            .rev()
            .map(|((a, b), c)| (*a, b, c))
        {
            for first in (0..gpus).step_by(size) {
                spans.push((first, gpus.min(first + size)));
                room_w.push(share * (1.0 + spread * (random.draw() - 0.4)));
            }
        }
        let mean_w = demand_w.iter().sum::<f64>() / gpus as f64;
        for (room_w, (first, end)) in room_w.iter_mut().zip(&spans) {
            *room_w *= mean_w * (end - first) as f64;
            if scarcity == Scarcity::Idle {
                *room_w *= 4.0;
            }
        }
        let mut moved = || demand_w.iter().map(|w| w * (1.0 + MOVES * (2.0 * random.draw() - 1.0))).collect();
        Self {
            gpus,
            demands_w: (0..TURNS).map(|_| moved()).collect(),
            tree: Tree::new(gpus, spans.iter().map(std::slice::from_ref)),
            spans,
            room_w,
            low_w: vec![200.0; gpus],
            high_w: vec![700.0; gpus],
            slope,
        }
    }

    /// The problem of a turn.
    pub(super) fn problem(&self, turn: usize) -> Problem<'_> {
        Problem {
            demand_w: &self.demands_w[turn % TURNS],
            low_w: &self.low_w,
            high_w: &self.high_w,
            slope: &self.slope,
        }
    }

    /// What watts cost in the first turn.
    pub(super) fn cost(&self, watts: &[f64]) -> f64 {
        let p = self.problem(0);
        let short = p.demand_w.iter().zip(watts).zip(p.slope);
        short.map(|((demand, watts), slope)| (demand - watts).powi(2) / slope / 2.0).sum()
    }

    /// Largest share by which a budget is exceeded.
    pub(super) fn excess(&self, watts: &[f64]) -> f64 {
        let share =
            |(&(a, b), room_w): (&(usize, usize), &f64)| watts[a..b].iter().sum::<f64>() / room_w - 1.0;
        self.spans.iter().zip(&self.room_w).map(share).fold(0.0, f64::max)
    }
}
