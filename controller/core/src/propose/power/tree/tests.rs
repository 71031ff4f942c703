//! Random trees beside a general solver, and the conditions of the optimum from their definition: two thousand, or as many as
//! `HEADROOM_TREES` says.

mod cases;
mod general;
mod laws;

use super::*;
use cases::Case;

/// Random trees that are solved.
fn trees() -> u64 {
    std::env::var("HEADROOM_TREES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// Price of each GPU by the multipliers of the budgets above it, and the multipliers.
fn prices(case: &Case, allocation: &Allocation) -> (Vec<f64>, Vec<f64>) {
    let tree = case.tree();
    let nu: Vec<f64> = (0..tree.branches()).map(|branch| allocation.shadow(&tree, branch)).collect();
    let mut price = vec![0.0; case.gpus()];
    for (gpus, nu) in case.branches.iter().zip(&nu) {
        gpus.iter().for_each(|&i| price[i] += nu);
    }
    (price, nu)
}

/// The conditions of Karush, Kuhn and Tucker, from their definition; the largest violation relative to the sizes involved.
fn violation(case: &Case, allocation: &Allocation) -> f64 {
    let (price, nu) = prices(case, allocation);
    let mut worst: f64 = 0.0;
    for (i, &watts) in allocation.watts.iter().enumerate() {
        let (low, high) = (case.low_w[i], case.high_w[i]);
        assert!(watts >= low.min(high) && watts <= high, "bounds of GPU {i}: {low} {watts} {high}");
        // gradient of cost and prices in watts: pushes up at the ceiling, down at the floor, not at all between
        let push = case.demand_w[i] - price[i] * case.slope[i] - watts;
        let free = if watts >= high { (-push).max(0.0) } else { push.abs() };
        let free = if watts <= low { push.max(0.0).min(free) } else { free };
        worst = worst.max(free / (case.demand_w[i].abs() + price[i] * case.slope[i] + high.abs()).max(1.0));
    }
    for (b, &room_w) in case.raised_w().iter().enumerate() {
        if room_w.is_finite() {
            let (sum, nu) = (case.sum(b, &allocation.watts), nu[b]);
            let over = (sum - room_w) / room_w.abs().max(1e-3);
            worst = worst.max(if nu > 0.0 { over.abs() } else { over });
        }
    }
    worst
}

/// What came of some trees.
#[derive(Debug, Default)]
struct Tally {
    trees: usize,
    binding: usize,
    infeasible: usize,
    /// Clarabel says that it has solved it.
    solved: usize,
    /// Its cost is ours.
    alike: usize,
    /// Its multipliers prove that nothing costs less than ours.
    proven: usize,
    worst_violation: f64,
}

impl Tally {
    fn add(&mut self, seed: u64) {
        let case = Case::new(seed);
        let ours = case.solve();
        assert_eq!(ours.infeasible, case.floors_exceed(), "tree {seed}");
        let violation = violation(&case, &ours);
        assert!(violation < 1e-9, "tree {seed}: {violation:e} off the conditions of the optimum");
        let cost = case.cost(&ours.watts);
        let full: f64 = (0..case.gpus()).map(|i| case.high_w[i].powi(2) / case.slope[i] / 2.0).sum();
        let same = |other: f64| (other - cost).abs() <= 1e-9 * cost + 1e-14 * full;
        // where a tolerance is not enough to be sure, the next one is tried
        let (mut alike, mut proven) = (false, cost <= 0.0);
        for (attempt, tolerance) in [1e-12, 1e-14, 1e-16].into_iter().enumerate() {
            let theirs = general::solve(&case, tolerance);
            if attempt == 0 {
                assert!(theirs.bound <= cost * (1.0 + 1e-9) + 1e-12 * full, "tree {seed}: above the optimum");
                self.solved += usize::from(theirs.solved);
            }
            alike |= theirs.solved && same(theirs.cost);
            proven |= same(theirs.bound);
            if proven && alike {
                break;
            }
        }
        assert!(proven, "tree {seed}: nothing says that less than {cost} cannot be");
        self.trees += 1;
        self.binding += ours.price.iter().filter(|price| **price > 0.0).count();
        self.infeasible += usize::from(!ours.infeasible.is_empty());
        self.alike += usize::from(alike);
        self.proven += usize::from(proven);
        self.worst_violation = self.worst_violation.max(violation);
    }
}

#[test]
fn equal_to_a_general_solver_on_random_trees() {
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let wanted = trees();
    let of = |worker: u64| {
        let mut tally = Tally::default();
        (worker..wanted).step_by(workers as usize).for_each(|seed| tally.add(seed));
        tally
    };
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..workers).map(|worker| scope.spawn(move || of(worker))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let all = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let (trees, proven) = (all(|t| t.trees), all(|t| t.proven));
    println!(
        "{trees} trees, {} branches bind, floors exceed budgets in {}; Clarabel solves {}, to the same cost {}, proves {proven}; \
         at most {:.0e} off the conditions of the optimum",
        all(|t| t.binding),
        all(|t| t.infeasible),
        all(|t| t.solved),
        all(|t| t.alike),
        tallies.iter().map(|t| t.worst_violation).fold(0.0, f64::max)
    );
    assert!(proven == wanted as usize && all(|t| t.alike) > trees * 98 / 100);
}
