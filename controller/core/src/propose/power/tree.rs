//! Exact allocation of watts on a power tree.
//!
//! ```text
//! min  sum_i w_i/2 (d_i - p_i)^2    s.t.  lo_i <= p_i <= hi_i,   sum_{i in g} p_i <= B_g  for every branch g
//! ```
//!
//! Separable over laminar constraints (Hochbaum & Hong 1995): with the price of a GPU the highest multiplier of the
//! branches above it, p_i(mu) = clamp(d_i - mu/w_i, lo_i, hi_i). Bottom-up, each branch raises the price of its GPUs to
//! the least that keeps its budget; the sum is piecewise linear and falling in the price, so a safeguarded Newton
//! iteration meets it exactly in a few steps. The multiplier is the branch's shadow price.

use crate::topology::Topology;

/// One problem; the buffers are kept between ticks.
#[derive(Debug, Clone, Default)]
pub struct Allocation {
    /// Price of each GPU.
    pub price: Vec<f64>,
    /// Watts of each GPU.
    pub watts: Vec<f64>,
    /// Branches whose floors alone exceed the budget.
    pub infeasible: Vec<usize>,
    /// Multiplier of each branch; the next solve begins with it.
    pub shadow: Vec<f64>,
    /// Sums of the unpriced watts of the GPUs before each one.
    before_w: Vec<f64>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Wanted power, W.
    pub demand_w: &'a [f64],
    /// Floors, W.
    pub low_w: &'a [f64],
    /// Ceilings, W.
    pub high_w: &'a [f64],
    /// Inverse weights: the smaller, the dearer a watt short.
    pub slope: &'a [f64],
}

impl Problem<'_> {
    fn at(&self, i: usize, price: f64) -> f64 {
        (self.demand_w[i] - price * self.slope[i]).max(self.low_w[i]).min(self.high_w[i].max(self.low_w[i]))
    }

    /// Does the power of this GPU move with its price there?
    fn moves(&self, i: usize, price: f64) -> bool {
        let p = self.demand_w[i] - price * self.slope[i];
        p > self.low_w[i] && p < self.high_w[i]
    }
}

impl Allocation {
    /// Solves for room `B_g - other_g` of each branch (infinite: none).
    pub fn solve(&mut self, topology: &Topology, room_w: &[f64], problem: &Problem<'_>) {
        let n = problem.demand_w.len();
        self.price.clear();
        self.price.resize(n, 0.0);
        self.infeasible.clear();
        self.shadow.resize(room_w.len(), 0.0);
        self.watts.clear();
        self.watts.extend((0..n).map(|i| problem.at(i, 0.0)));
        if self.all_fit(topology, room_w) {
            self.shadow.fill(0.0);
            return;
        }
        for branch in (0..room_w.len()).rev() {
            if room_w[branch].is_finite() {
                self.meet(topology, branch, room_w[branch], problem);
            }
        }
        self.watts.clear();
        self.watts.extend((0..n).map(|i| problem.at(i, self.price[i])));
    }

    /// Does every branch carry what is wanted? Most ticks end here, so each GPU is looked at once and not once a level.
    fn all_fit(&mut self, topology: &Topology, room_w: &[f64]) -> bool {
        self.before_w.clear();
        let mut sum = 0.0;
        self.before_w.push(sum);
        for watts in &self.watts {
            sum += watts;
            self.before_w.push(sum);
        }
        let carried = |branch: usize| -> f64 {
            let spans = topology.spans_of_branch(branch).iter();
            spans.map(|&(start, end)| self.before_w[end] - self.before_w[start]).sum()
        };
        // where rounding could decide, the exact way does
        let fits = |(branch, room): (usize, &f64)| !room.is_finite() || carried(branch) <= room - 1e-6;
        room_w.iter().enumerate().all(fits)
    }

    /// Raises the price of a branch's GPUs until they fit.
    fn meet(&mut self, topology: &Topology, branch: usize, room_w: f64, problem: &Problem<'_>) {
        let sums = |prices: &[f64], price: f64| {
            let (mut sum, mut slope) = (0.0, 0.0);
            for i in topology.gpus_of_branch(branch) {
                let own = prices[i].max(price);
                sum += problem.at(i, own);
                if price >= prices[i] && problem.moves(i, own) {
                    slope += problem.slope[i];
                }
            }
            (sum, slope)
        };
        let (sum, _) = sums(&self.price, 0.0);
        if sum <= room_w {
            self.shadow[branch] = 0.0;
            return;
        }
        let floor: f64 = topology.gpus_of_branch(branch).map(|i| problem.low_w[i]).sum();
        if floor > room_w {
            self.infeasible.push(branch);
        }
        let mut low = 0.0;
        let mut high = topology
            .gpus_of_branch(branch)
            .map(|i| {
                ((problem.demand_w[i] - problem.low_w[i]).max(0.0) / problem.slope[i]).max(self.price[i])
            })
            .fold(0.0, f64::max);
        let mut price = self.shadow[branch].clamp(0.0, high);
        let (mut sum, mut slope) = sums(&self.price, price);
        for _ in 0..100 {
            if (sum - room_w).abs() <= 1e-9 * room_w.abs().max(1.0) || high - low <= 1e-12 * high.max(1.0) {
                break;
            }
            if sum > room_w {
                low = price;
            } else {
                high = price;
            }
            let newton = price + (sum - room_w) / slope;
            price = if slope > 0.0 && newton > low && newton < high { newton } else { 0.5 * (low + high) };
            (sum, slope) = sums(&self.price, price);
        }
        // End on the side that fits, where the iteration has not met the budget.
        if sum - room_w > 1e-9 * room_w.abs().max(1.0) {
            price = high;
        }
        self.shadow[branch] = price;
        for i in topology.gpus_of_branch(branch) {
            self.price[i] = self.price[i].max(price);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Branch 0 over everything, then one branch per listed span.
    fn topology(n: usize, spans: &[(usize, usize)]) -> Topology {
        let mut all = vec![(0, n)];
        all.extend_from_slice(spans);
        Topology {
            coolant: vec![Vec::new(); n],
            branch_spans: (0..all.len()).map(|i| (i, 1)).collect(),
            branch_other_w: vec![0.0; all.len()],
            spans: all,
            reach: Vec::new(),
            racks: Vec::new(),
        }
    }

    #[test]
    fn nothing_binds_nothing_moves() {
        let t = topology(3, &[]);
        let mut a = Allocation::default();
        let p = Problem {
            demand_w: &[300.0, 400.0, 500.0],
            low_w: &[200.0; 3],
            high_w: &[700.0; 3],
            slope: &[1.0; 3],
        };
        a.solve(&t, &[1300.0], &p);
        assert_eq!(a.watts, vec![300.0, 400.0, 500.0]);
        a.solve(&t, &[1050.0], &p);
        assert!((a.watts.iter().sum::<f64>() - 1050.0).abs() < 1e-6);
    }

    proptest! {
        /// Budgets hold, bounds hold, and no other feasible exchange between two GPUs is better (KKT).
        #[test]
        fn optimal_on_random_trees(
            demand in prop::collection::vec(100.0..700.0f64, 12),
            root in 2400.0..7000.0f64, left in 1200.0..4000.0f64, right in 1200.0..4000.0f64,
        ) {
            let t = topology(12, &[(0, 6), (6, 12)]);
            let (low, high, w) = (vec![200.0; 12], vec![700.0; 12], vec![1.0; 12]);
            let p = Problem { demand_w: &demand, low_w: &low, high_w: &high, slope: &w };
            let mut a = Allocation::default();
            a.solve(&t, &[root, left, right], &p);
            let sum = |r: std::ops::Range<usize>| a.watts[r].iter().sum::<f64>();
            prop_assert!(sum(0..12) <= root * (1.0 + 1e-6));
            prop_assert!(sum(0..6) <= left * (1.0 + 1e-6) && sum(6..12) <= right * (1.0 + 1e-6));
            let full = |s: f64, b: f64| s >= b * (1.0 - 1e-6);
            for (i, wanted) in demand.iter().enumerate() {
                prop_assert!(a.watts[i] >= 200.0 - 1e-9 && a.watts[i] <= 700.0 + 1e-9);
                // A GPU short of its demand sits under a full branch.
                let short = a.watts[i] < wanted.clamp(200.0, 700.0) - 1e-6;
                let side = if i < 6 { full(sum(0..6), left) } else { full(sum(6..12), right) };
                prop_assert!(!short || side || full(sum(0..12), root));
            }
        }
    }
}
