//! What any allocation keeps to, whoever solved it.

use super::cases::{Case, Random};
use crate::propose::power::tree::{Allocation, Problem, Tree};
use proptest::prelude::*;

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Beginning with the prices of another problem changes nothing.
    #[test]
    fn warm_is_cold(seed in 0..1_000_000_u64) {
        let (mut case, random) = (Case::new(seed), &mut Random::new(seed + 7));
        let (tree, mut warm) = (case.tree(), Allocation::default());
        for _ in 0..3 {
            warm.solve(&tree, &case.room_w, &case.problem());
            prop_assert!(apart(&case.solve().watts, &warm.watts) < 1e-9);
            prop_assert_eq!(&case.solve().infeasible, &warm.infeasible);
            case.demand_w.iter_mut().for_each(|d| *d *= random.between(0.7, 1.3));
            case.room_w.iter_mut().for_each(|b| *b *= random.between(0.8, 1.2));
        }
    }

    /// GPUs that are numbered another way round get the same watts, and so do branches.
    #[test]
    fn numbering_does_not_matter(seed in 0..1_000_000_u64) {
        let (case, random) = (Case::new(seed), &mut Random::new(seed + 7));
        let mut place: Vec<usize> = (0..case.gpus()).collect();
        (0..case.gpus()).rev().for_each(|i| place.swap(i, random.below(i + 1)));
        let moved = |column: &[f64]| -> Vec<f64> { place.iter().map(|&i| column[i]).collect() };
        let mut other = Case {
            demand_w: moved(&case.demand_w),
            low_w: moved(&case.low_w),
            high_w: moved(&case.high_w),
            slope: moved(&case.slope),
            ..case.clone()
        };
        let mut at = vec![0; place.len()];
        place.iter().enumerate().for_each(|(new, &old)| at[old] = new);
        for gpus in &mut other.branches {
            gpus.iter_mut().for_each(|gpu| *gpu = at[*gpu]);
            gpus.sort_unstable();
        }
        // those of the same GPUs have one price between them, whichever comes first
        other.branches.reverse();
        other.room_w.reverse();
        prop_assert!(apart(&moved(&case.solve().watts), &other.solve().watts) < 1e-9);
    }

    /// Kilowatts and other units of the weights give the same watts.
    #[test]
    fn units_do_not_matter(seed in 0..1_000_000_u64, unit in 1e-3..1e3_f64, weight in 1e-3..1e3_f64) {
        let case = Case::new(seed);
        let mut other = case.clone();
        for column in [&mut other.demand_w, &mut other.low_w, &mut other.high_w, &mut other.room_w] {
            column.iter_mut().for_each(|w| *w *= unit);
        }
        other.slope.iter_mut().for_each(|s| *s *= weight);
        let watts: Vec<f64> = other.solve().watts.iter().map(|w| w / unit).collect();
        prop_assert!(apart(&case.solve().watts, &watts) < 1e-9);
    }

    /// A larger budget of the whole takes from nobody; one of a branch takes from nobody inside it.
    #[test]
    fn more_room_lowers_nobody(seed in 0..1_000_000_u64, more in 1.0..1000.0_f64) {
        let (case, random) = (Case::new(seed), &mut Random::new(seed + 7));
        let before = case.solve().watts;
        for branch in [0, random.below(case.branches.len())] {
            let mut other = case.clone();
            other.room_w[branch] += more;
            let after = other.solve().watts;
            for &gpu in &case.branches[branch] {
                prop_assert!(after[gpu] >= before[gpu] - 1e-9 * before[gpu].abs().max(1.0));
            }
        }
    }

    /// Branches that cross each other keep their budgets too, if not at the least cost.
    #[test]
    fn tangled_branches_keep_their_budgets(seed in 0..1_000_000_u64) {
        let (mut case, random) = (Case::new(seed), &mut Random::new(seed + 7));
        for _ in 0..3 {
            let (a, b) = (random.below(case.gpus()), random.below(case.gpus()));
            case.branches.push((a.min(b)..=a.max(b)).collect());
            let floor = case.sum(case.branches.len() - 1, &case.low_w);
            case.room_w.push(floor * random.between(1.0, 3.0));
        }
        let ours = case.solve();
        prop_assert_eq!(&ours.infeasible, &case.floors_exceed());
        for (branch, room_w) in case.raised_w().iter().enumerate() {
            prop_assert!(case.sum(branch, &ours.watts) <= room_w + 1e-9 * room_w.abs().max(1e-3));
        }
    }
}

/// Every width of vector gives the same bits.
#[test]
fn bits_do_not_depend_on_the_processor() {
    use super::super::Walk;
    use pulp::{Scalar, WithSimd};
    for seed in 0..300 {
        let case = Case::new(seed);
        let (tree, problem) = (case.tree(), case.problem());
        let vectors = case.solve();
        let mut scalars = Allocation::default();
        scalars.prepare(&tree);
        let walk = Walk { allocation: &mut scalars, tree: &tree, room_w: &case.room_w, problem: &problem };
        walk.with_simd(Scalar::new());
        assert_eq!(vectors.watts, scalars.watts, "tree {seed}");
        assert_eq!(vectors.price, scalars.price, "tree {seed}");
    }
}

#[test]
fn nothing_binds_nothing_moves() {
    let tree = Tree::new(3, [&[(0, 3)][..]]);
    let mut a = Allocation::default();
    let problem = Problem {
        demand_w: &[300.0, 400.0, 500.0],
        low_w: &[200.0; 3],
        high_w: &[700.0; 3],
        slope: &[1.0; 3],
    };
    a.solve(&tree, &[1300.0], &problem);
    assert_eq!(a.watts, vec![300.0, 400.0, 500.0]);
    a.solve(&tree, &[1050.0], &problem);
    assert_eq!(a.watts, vec![250.0, 350.0, 450.0]);
    assert!((a.shadow(&tree, 0) - 50.0).abs() < 1e-9);
}

/// A number that is none, in a demand or a budget, gives the floor.
#[test]
fn no_number_gets_the_floor() {
    let tree = Tree::new(2, [&[(0, 2)][..]]);
    let mut a = Allocation::default();
    let of = |demand_w| Problem { demand_w, low_w: &[200.0; 2], high_w: &[700.0; 2], slope: &[1.0; 2] };
    a.solve(&tree, &[900.0], &of(&[f64::NAN, 400.0]));
    assert_eq!(a.watts, vec![200.0, 400.0]);
    for room_w in [f64::NAN, f64::NEG_INFINITY] {
        a.solve(&tree, &[room_w], &of(&[300.0, 400.0]));
        assert_eq!((&a.watts[..], &a.infeasible[..]), (&[200.0, 200.0][..], &[0][..]));
    }
}

/// A branch without GPUs is over its budget where its other loads are.
#[test]
fn a_branch_without_gpus() {
    let tree = Tree::new(1, [&[(0, 1)][..], &[]]);
    let mut a = Allocation::default();
    let problem = Problem { demand_w: &[300.0], low_w: &[200.0], high_w: &[700.0], slope: &[1.0] };
    a.solve(&tree, &[f64::INFINITY, 1.0], &problem);
    assert!(a.infeasible.is_empty());
    a.solve(&tree, &[f64::INFINITY, -1.0], &problem);
    assert_eq!((a.watts[0], &a.infeasible[..]), (300.0, &[1][..]));
}
