//! The same allocation elsewhere.
//!
//! Responsible for: an exact method that sorts breakpoints, proportional scaling, which is fast and not optimal, and Clarabel,
//! a general solver of quadratic programs. Not for: being fast in ways that these are not.

use super::case::Case;
use anyhow::{Context, Result};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SupportedConeT::NonnegativeConeT};

/// Exact by sorting: from the leaves up each branch sorts the prices at which one of its GPUs begins or ceases to give
/// way, and walks along them until it fits.
#[derive(Default)]
pub(super) struct Sorting {
    pub(super) watts: Vec<f64>,
    price: Vec<f64>,
    /// Price and by how much the slope changes there.
    breaks: Vec<(f64, f64)>,
}

impl Sorting {
    pub(super) fn solve(&mut self, case: &Case, turn: usize) {
        let p = case.problem(turn);
        let at = |i: usize, price: f64| (p.demand_w[i] - price * p.slope[i]).max(p.low_w[i]).min(p.high_w[i]);
        self.price.clear();
        self.price.resize(case.gpus, 0.0);
        self.watts.clear();
        self.watts.extend((0..case.gpus).map(|i| at(i, 0.0)));
        for (&(a, b), &room_w) in case.spans.iter().zip(&case.room_w).rev() {
            let mut over_w = self.watts[a..b].iter().sum::<f64>() - room_w;
            if over_w <= 0.0 {
                continue;
            }
            self.breaks.clear();
            for i in a..b {
                let begins = ((p.demand_w[i] - p.high_w[i]) / p.slope[i]).max(self.price[i]);
                let ends = (p.demand_w[i] - p.low_w[i]) / p.slope[i];
                if ends > begins {
                    self.breaks.extend([(begins, p.slope[i]), (ends, -p.slope[i])]);
                }
            }
            self.breaks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let (mut price, mut falls) = (0.0, 0.0);
            for &(next, change) in &self.breaks {
                let by_w = falls * (next - price);
                if by_w >= over_w {
                    break;
                }
                over_w -= by_w;
                (price, falls) = (next, falls + change);
            }
            if falls > 0.0 {
                price += over_w / falls;
            }
            for i in a..b {
                self.price[i] = self.price[i].max(price);
                self.watts[i] = at(i, self.price[i]);
            }
        }
    }
}

/// From the nodes up each branch that is over its budget scales down what its GPUs have above their floors.
#[derive(Default)]
pub(super) struct Proportional {
    pub(super) watts: Vec<f64>,
}

impl Proportional {
    pub(super) fn solve(&mut self, case: &Case, turn: usize) {
        let p = case.problem(turn);
        self.watts.clear();
        self.watts
            .extend(p.demand_w.iter().zip(p.low_w).zip(p.high_w).map(|((d, lo), hi)| d.max(*lo).min(*hi)));
        for (&(a, b), room_w) in case.spans.iter().zip(&case.room_w).rev() {
            let (watts, low) = (&mut self.watts[a..b], &p.low_w[a..b]);
            let (sum, floor) = (watts.iter().sum::<f64>(), low.iter().sum::<f64>());
            if sum > *room_w {
                let share = ((room_w - floor) / (sum - floor)).max(0.0);
                watts.iter_mut().zip(low).for_each(|(watts, low)| *watts = low + share * (*watts - low));
            }
        }
    }
}

/// Clarabel in units of the highest ceiling. Says the watts and how long it took, s.
///
/// # Errors
/// It refuses the problem.
pub(super) fn clarabel(case: &Case, turn: usize) -> Result<(Vec<f64>, f64)> {
    let (p, n, m) = (case.problem(turn), case.gpus, case.spans.len());
    let unit_w = p.high_w.iter().copied().fold(1.0, f64::max);
    let least = p.slope.iter().copied().fold(f64::INFINITY, f64::min);
    let weight: Vec<f64> = p.slope.iter().map(|slope| least / slope).collect();
    let wanted =
        weight.iter().zip(p.demand_w).map(|(weight, demand)| -weight * demand / unit_w).collect::<Vec<_>>();
    // a row of a branch is per GPU of it, so that all rows are of one size
    let mut columns = vec![Vec::new(); n];
    let mut bounds = Vec::with_capacity(m + 2 * n);
    for (row, (&(a, b), room_w)) in case.spans.iter().zip(&case.room_w).enumerate() {
        let per = 1.0 / (b - a) as f64;
        columns[a..b].iter_mut().for_each(|column| column.push((row, per)));
        bounds.push(room_w / unit_w * per);
    }
    bounds.extend(p.high_w.iter().map(|high| high / unit_w));
    bounds.extend(p.low_w.iter().map(|low| -low / unit_w));
    let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
    for (i, column) in columns.into_iter().enumerate() {
        for (row, value) in column.into_iter().chain([(m + i, 1.0), (m + n + i, -1.0)]) {
            rows.push(row);
            values.push(value);
        }
        starts.push(rows.len());
    }
    let quadratic = CscMatrix::new(n, n, (0..=n).collect(), (0..n).collect(), weight);
    let linear = CscMatrix::new(m + 2 * n, n, starts, rows, values);
    let settings =
        DefaultSettingsBuilder::default().verbose(false).build().context("settings of Clarabel")?;
    let start = std::time::Instant::now();
    let cones = [NonnegativeConeT(m + 2 * n)];
    let mut solver = DefaultSolver::new(&quadratic, &wanted, &linear, &bounds, &cones, settings)
        .map_err(|e| anyhow::anyhow!("Clarabel: {e}"))?;
    solver.solve();
    let took_s = start.elapsed().as_secs_f64();
    Ok((solver.solution.x.iter().map(|x| x * unit_w).collect(), took_s))
}
