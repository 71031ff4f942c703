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

/// One GPU of a problem.
#[derive(Debug, Clone, Copy)]
struct Member {
    demand_w: f64,
    low_w: f64,
    high_w: f64,
    slope: f64,
}

impl Member {
    /// Its power at a price.
    fn at(self, price: f64) -> f64 {
        let p = self.demand_w - price * self.slope;
        let p = if p > self.high_w { self.high_w } else { p };
        // what is not a number gets the floor
        if p > self.low_w { p } else { self.low_w }
    }

    /// How fast its power falls with its price there.
    fn falls(self, price: f64) -> f64 {
        let p = self.demand_w - price * self.slope;
        if p > self.low_w && p < self.high_w { self.slope } else { 0.0 }
    }

    /// The price from which on it stands at its floor.
    fn floor_price(self) -> f64 {
        (self.demand_w - self.low_w).max(0.0) / self.slope
    }
}

impl Problem<'_> {
    /// The GPUs of a span.
    fn members(&self, (start, end): (usize, usize)) -> impl Iterator<Item = Member> + '_ {
        let wanted = self.demand_w[start..end].iter().zip(&self.slope[start..end]);
        let bounds = self.low_w[start..end].iter().zip(&self.high_w[start..end]);
        wanted.zip(bounds).map(|((&demand_w, &slope), (&low_w, &high_w))| Member {
            demand_w,
            low_w,
            high_w,
            slope,
        })
    }

    /// Watts of some spans and how fast they fall, if no price is below this one.
    fn sums(&self, spans: &[(usize, usize)], prices: &[f64], price: f64) -> (f64, f64) {
        let (mut sum, mut slope) = (0.0, 0.0);
        for &(start, end) in spans {
            for (gpu, own) in self.members((start, end)).zip(&prices[start..end]) {
                sum += gpu.at(own.max(price));
                slope += if price >= *own { gpu.falls(price) } else { 0.0 };
            }
        }
        (sum, slope)
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
        self.watts.extend(problem.members((0, n)).map(|gpu| gpu.at(0.0)));
        self.add_up();
        for (branch, &room_w) in room_w.iter().enumerate().rev() {
            let spans = topology.spans_of_branch(branch);
            if self.surely_fits(spans, room_w) {
                self.shadow[branch] = 0.0;
            } else {
                self.meet(spans, branch, room_w, problem);
            }
        }
    }

    /// Sums of the unpriced watts, so that each GPU is looked at once and not once a level.
    fn add_up(&mut self) {
        self.before_w.clear();
        let mut sum = 0.0;
        self.before_w.push(sum);
        self.before_w.extend(self.watts.iter().map(|watts| {
            sum += watts;
            sum
        }));
    }

    /// Does a branch carry what is wanted? A price only lowers it, so what fits without prices fits.
    fn surely_fits(&self, spans: &[(usize, usize)], room_w: f64) -> bool {
        let carried = || -> f64 { spans.iter().map(|&(a, b)| self.before_w[b] - self.before_w[a]).sum() };
        // where rounding could decide, the exact way does
        !room_w.is_finite() || carried() <= room_w - 1e-6
    }

    /// Raises the price of a branch's GPUs until they fit.
    fn meet(&mut self, spans: &[(usize, usize)], branch: usize, room_w: f64, problem: &Problem<'_>) {
        let carried: f64 = spans.iter().flat_map(|&(a, b)| &self.watts[a..b]).sum();
        if carried <= room_w {
            self.shadow[branch] = 0.0;
            return;
        }
        let (price, sum) = self.price_of(spans, branch, room_w, problem);
        let floor = || -> f64 { spans.iter().flat_map(|&(a, b)| &problem.low_w[a..b]).sum() };
        if sum > room_w && floor() > room_w {
            self.infeasible.push(branch);
        }
        self.shadow[branch] = price;
        for &(start, end) in spans {
            let own = self.price[start..end].iter_mut().zip(&mut self.watts[start..end]);
            for (gpu, (own, watts)) in problem.members((start, end)).zip(own) {
                *own = own.max(price);
                *watts = gpu.at(*own);
            }
        }
    }

    /// The least price at which a branch fits, sought from its last one, and the watts there.
    fn price_of(
        &self,
        spans: &[(usize, usize)],
        branch: usize,
        room_w: f64,
        gpus: &Problem<'_>,
    ) -> (f64, f64) {
        let enough = 1e-9 * room_w.abs().max(1.0);
        // mostly the last price leads there, so that the highest is not asked for
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut price = self.shadow[branch].max(0.0);
        let (mut sum, mut slope) = gpus.sums(spans, &self.price, price);
        for _ in 0..100 {
            if (sum - room_w).abs() <= enough || high - low <= 1e-12 * price.max(1.0) {
                break;
            }
            if sum > room_w {
                low = price;
            } else {
                high = price;
            }
            let newton = price + (sum - room_w) / slope;
            price = if slope > 0.0 && newton > low && newton < high {
                newton
            } else {
                high = high.min(self.highest(spans, gpus)).max(low);
                0.5 * (low + high)
            };
            (sum, slope) = gpus.sums(spans, &self.price, price);
        }
        // End on the side that fits, where the iteration has not met the budget.
        if sum - room_w > enough && high.is_finite() { (high, sum) } else { (price, sum) }
    }

    /// A price at which every GPU of a branch stands at its floor, and not below the price that it has.
    fn highest(&self, spans: &[(usize, usize)], gpus: &Problem<'_>) -> f64 {
        let own = |&(start, end): &(usize, usize)| gpus.members((start, end)).zip(&self.price[start..end]);
        spans.iter().flat_map(own).map(|(gpu, own)| gpu.floor_price().max(*own)).fold(0.0, f64::max)
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

    #[test]
    fn no_number_gets_the_floor() {
        let gpu = Member { demand_w: f64::NAN, low_w: 200.0, high_w: 700.0, slope: 1.0 };
        assert!((gpu.at(0.0) - 200.0).abs() < f64::EPSILON);
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
