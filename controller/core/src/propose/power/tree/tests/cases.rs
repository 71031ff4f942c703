//! Random trees: of every shape that a site may have, and of some that it should not.

use super::super::{Allocation, Problem, Tree};

/// xorshift64 (Marsaglia 2003).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (0..4).for_each(|_| _ = random.draw());
        random
    }

    /// Between 0 and 1.
    pub(super) fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn between(&mut self, a: f64, b: f64) -> f64 {
        a + (b - a) * self.draw()
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.draw() * n as f64) as usize
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.draw() < share
    }
}

/// A problem on a tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) demand_w: Vec<f64>,
    pub(super) low_w: Vec<f64>,
    pub(super) high_w: Vec<f64>,
    pub(super) slope: Vec<f64>,
    /// GPUs of each branch, parents first.
    pub(super) branches: Vec<Vec<usize>>,
    pub(super) room_w: Vec<f64>,
}

impl Case {
    pub(super) fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let gpus = 200_f64.powf(random.draw()) as usize;
        let mut case = Self::default();
        case.draw_gpus(random, gpus);
        // where GPUs are numbered across branches these have many spans
        let mut number: Vec<usize> = (0..gpus).collect();
        let mixed = if random.chance(0.3) { random.below(2 * gpus) } else { 0 };
        for _ in 0..mixed {
            let (a, b) = (random.below(gpus), random.below(gpus));
            number.swap(a, b);
        }
        let levels = 1 + random.below(5);
        case.split(random, &number, levels);
        let odd = random.chance(0.3);
        for branch in 0..case.branches.len() {
            let room = case.draw_room(random, branch, odd);
            case.room_w.push(room);
        }
        case
    }

    fn draw_gpus(&mut self, random: &mut Random, gpus: usize) {
        let (alike, weights, odd) = (random.chance(0.1), random.below(3), random.chance(0.3));
        for gpu in 0..gpus {
            if alike && gpu > 0 {
                for column in [&mut self.demand_w, &mut self.low_w, &mut self.high_w, &mut self.slope] {
                    column.push(column[0]);
                }
                continue;
            }
            let low = if odd && random.chance(0.3) { 0.0 } else { random.between(50.0, 200.0).round() };
            let fixed = odd && random.chance(0.1);
            let high = if fixed { low } else { random.between(low, 1200.0) };
            let demand = if odd { random.between(0.0, 1400.0) } else { random.between(low, high) };
            // and often exactly at a bound
            let demand = if random.chance(0.1) { low } else { demand };
            self.demand_w.push(if random.chance(0.1) { high } else { demand });
            self.low_w.push(low);
            self.high_w.push(high);
            self.slope.push(match weights {
                0 => 1.0,
                1 => 2.0_f64.powi(random.below(9) as i32 - 4),
                _ => 10.0_f64.powf(random.between(-2.0, 2.0)),
            });
        }
    }

    /// Cuts GPUs into branches, these into further ones.
    fn split(&mut self, random: &mut Random, gpus: &[usize], levels: usize) {
        let mut own = gpus.to_vec();
        own.sort_unstable();
        self.branches.push(own);
        if levels <= 1 {
            return;
        }
        let parts = 1 + random.below(5.min(gpus.len()));
        for part in gpus.chunks(gpus.len().div_ceil(parts)) {
            // some stand right under the branch, some branches are in line
            if random.chance(0.9) {
                self.split(random, part, levels - 1);
            }
        }
    }

    fn draw_room(&self, random: &mut Random, branch: usize, odd: bool) -> f64 {
        let sum = |column: &[f64]| self.branches[branch].iter().map(|&i| column[i]).sum::<f64>();
        let (low, wanted) = (sum(&self.low_w), sum(&self.wanted_w()));
        match random.below(if odd { 8 } else { 4 }) {
            0 => f64::INFINITY,
            1..=3 => low + (wanted - low) * random.between(0.02, 1.2),
            // no slack at all, above or below
            4 => wanted,
            5 => low,
            // floors that do not fit
            6 => low * random.draw(),
            _ => low - random.between(0.0, 100.0),
        }
    }

    /// What each GPU would draw without budgets.
    pub(super) fn wanted_w(&self) -> Vec<f64> {
        (0..self.gpus()).map(|i| self.demand_w[i].max(self.low_w[i]).min(self.high_w[i])).collect()
    }

    pub(super) fn gpus(&self) -> usize {
        self.demand_w.len()
    }

    pub(super) fn tree(&self) -> Tree {
        let spans: Vec<Vec<(usize, usize)>> = self
            .branches
            .iter()
            .map(|gpus| {
                gpus.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0], run[run.len() - 1] + 1)).collect()
            })
            .collect();
        Tree::new(self.gpus(), spans.iter().map(Vec::as_slice))
    }

    pub(super) fn problem(&self) -> Problem<'_> {
        Problem { demand_w: &self.demand_w, low_w: &self.low_w, high_w: &self.high_w, slope: &self.slope }
    }

    pub(super) fn solve(&self) -> Allocation {
        let mut allocation = Allocation::default();
        allocation.solve(&self.tree(), &self.room_w, &self.problem());
        allocation
    }

    /// The cost of watts.
    pub(super) fn cost(&self, watts: &[f64]) -> f64 {
        (0..self.gpus()).map(|i| (self.demand_w[i] - watts[i]).powi(2) / self.slope[i] / 2.0).sum()
    }

    pub(super) fn sum(&self, branch: usize, column: &[f64]) -> f64 {
        self.branches[branch].iter().map(|&i| column[i]).sum()
    }

    /// Branches whose floors alone exceed their budgets.
    pub(super) fn floors_exceed(&self) -> Vec<usize> {
        let exceeds = |b: &usize| self.sum(*b, &self.low_w) - self.room_w[*b] > 1e-11 * self.room_w[*b].abs();
        (0..self.branches.len()).filter(exceeds).collect()
    }

    /// Budgets of which those that floors exceed are their floors.
    pub(super) fn raised_w(&self) -> Vec<f64> {
        let raised = |b: usize| self.room_w[b].max(self.sum(b, &self.low_w));
        (0..self.branches.len()).map(raised).collect()
    }
}
