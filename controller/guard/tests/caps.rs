//! Caps under a power tree: each rule by example, then the properties.
#![allow(clippy::float_cmp)]

use headroom_guard::{Branch, CapsVerdict, Gpus, Raise, Reason, Tree, caps};
use proptest::prelude::*;

const FREELY: Raise = Raise { allowed: true, max_w: 1e4 };

fn branch(budget_w: f64, first_span: usize, spans: usize) -> Branch {
    Branch { budget_w, other_w: 0.0, first_span, spans }
}

/// Four GPUs of 200 to 700 W in one branch.
fn four(budget_w: f64, applied: [f64; 4], mut asked: [f64; 4], raise: Raise) -> (CapsVerdict, [f64; 4]) {
    let tree = Tree { branches: &[branch(budget_w, 0, 1)], spans: &[(0, 4)] };
    let gpus = Gpus { min_w: &[200.0; 4], max_w: &[700.0; 4], applied_w: &applied };
    let verdict = caps(&tree, &gpus, raise, &mut asked);
    (verdict, asked)
}

fn narrow(reason: Reason) -> CapsVerdict {
    CapsVerdict::Narrow { reason, branch: None }
}

#[test]
fn what_fits_is_left_alone() {
    let asked = [200.0, 300.0, 700.0, 500.0];
    assert_eq!(four(1700.0, asked, asked, FREELY), (CapsVerdict::Allow, asked));
}

#[test]
fn what_is_too_much_comes_down_in_proportion() {
    let (verdict, out) = four(1200.0, [700.0; 4], [200.0, 300.0, 400.0, 700.0], FREELY);
    assert_eq!(verdict, CapsVerdict::Narrow { reason: Reason::Budget, branch: Some(0) });
    for (got, want) in out.iter().zip([200.0, 250.0, 300.0, 450.0]) {
        assert!((got - want).abs() < 1e-5 && *got <= want, "{out:?}");
    }
    // Exactly the floors.
    assert_eq!(four(800.0, [700.0; 4], [700.0; 4], FREELY).1, [200.0; 4]);
    assert!(matches!(four(800.0, [700.0; 4], [700.0; 4], FREELY).0, CapsVerdict::Narrow { .. }));
}

#[test]
fn what_cannot_fit_is_said_and_lowered_as_far_as_it_goes() {
    let (verdict, out) = four(799.0, [700.0; 4], [500.0; 4], FREELY);
    assert_eq!((verdict, out), (CapsVerdict::Infeasible { branch: 0, over_w: 1.0 }, [200.0; 4]));
    for budget in [f64::NAN, f64::INFINITY] {
        let (verdict, out) = four(budget, [700.0; 4], [500.0; 4], FREELY);
        assert_eq!(
            (verdict, out),
            (CapsVerdict::Infeasible { branch: 0, over_w: f64::INFINITY }, [200.0; 4])
        );
    }
}

#[test]
fn each_gpu_keeps_its_range_and_its_rise() {
    let raise = Raise { allowed: true, max_w: 50.0 };
    let ok = [300.0; 4];
    let cases = [
        (100.0, 300.0, raise, Reason::Low, 200.0),
        (900.0, 690.0, raise, Reason::High, 700.0),
        (700.0, 300.0, raise, Reason::Ramp, 350.0),
        (900.0, 650.0, raise, Reason::High, 700.0),
        (500.0, 100.0, raise, Reason::Ramp, 200.0),
        (301.0, 300.0, Raise { allowed: false, max_w: 50.0 }, Reason::Ramp, 300.0),
        (301.0, 300.0, Raise { allowed: true, max_w: f64::NAN }, Reason::Ramp, 300.0),
        (301.0, 300.0, Raise { allowed: true, max_w: f64::INFINITY }, Reason::Ramp, 300.0),
        (301.0, 300.0, Raise { allowed: true, max_w: -9.0 }, Reason::Ramp, 300.0),
        (300.0, f64::NAN, raise, Reason::NoReadBack, 200.0),
        (f64::NAN, 400.0, raise, Reason::NotANumber, 400.0),
        (f64::INFINITY, 900.0, raise, Reason::NotANumber, 700.0),
        (f64::NEG_INFINITY, f64::INFINITY, raise, Reason::NotANumber, 200.0),
    ];
    for (asked, applied, raise, reason, want) in cases {
        let (verdict, out) = four(9e3, [applied, 300.0, 300.0, 300.0], [asked, 300.0, 300.0, 300.0], raise);
        assert_eq!((verdict, out), (narrow(reason), [want, 300.0, 300.0, 300.0]));
    }
    assert_eq!(four(9e3, [290.0; 4], ok, raise), (CapsVerdict::Allow, ok));
    assert_eq!(four(9e3, ok, ok, Raise { allowed: false, max_w: 0.0 }), (CapsVerdict::Allow, ok));
    assert_eq!(four(9e3, [250.0; 4], ok, raise), (CapsVerdict::Allow, ok));
    // Exactly full, by raises alone or by lowerings alone.
    assert_eq!(four(1200.0, [250.0; 4], ok, raise), (CapsVerdict::Allow, ok));
    assert_eq!(four(1200.0, [700.0; 4], ok, raise), (CapsVerdict::Allow, ok));
}

#[test]
fn a_raise_waits_for_the_lowering_that_pays_for_it() {
    // 300 W move from the first to the last; the branch is full.
    let (from, to) = ([600.0, 300.0, 300.0, 200.0], [300.0, 300.0, 300.0, 500.0]);
    let (verdict, out) = four(1400.0, from, to, FREELY);
    assert_eq!(verdict, CapsVerdict::Narrow { reason: Reason::NotYetFree, branch: Some(0) });
    assert_eq!(out, [300.0, 300.0, 300.0, 200.0]);
    assert_eq!(four(1400.0, out, to, FREELY), (CapsVerdict::Allow, to));
    // With 60 W to spare, 60 W may go at once.
    let (_, out) = four(1460.0, from, to, FREELY);
    assert!((out[3] - 260.0).abs() < 1e-5 && out[3] <= 260.0);
    // Below its floor a GPU has to come up to it.
    assert_eq!(four(1400.0, [800.0, 300.0, 300.0, 0.0], to, FREELY).1, [300.0, 300.0, 300.0, 200.0]);
}

#[test]
fn the_silent_count_with_all_they_can_draw() {
    let (verdict, out) = four(1500.0, [f64::NAN, 400.0, 400.0, 400.0], [200.0, 400.0, 400.0, 400.0], FREELY);
    assert_eq!(verdict, CapsVerdict::Narrow { reason: Reason::Budget, branch: Some(0) });
    assert!(out[1..].iter().sum::<f64>() <= 800.0);
    let (verdict, _) = four(1299.0, [f64::NAN, 400.0, 400.0, 400.0], [200.0; 4], FREELY);
    assert_eq!(verdict, CapsVerdict::Infeasible { branch: 0, over_w: 1.0 });
    // They also leave less for a raise: 700 + 300 + 2 x 200 = 1,400 of 1,450 W.
    let (_, out) = four(1450.0, [f64::NAN, 300.0, 200.0, 200.0], [200.0, 200.0, 300.0, 200.0], FREELY);
    assert!((out[2] - 250.0).abs() < 1e-5, "{out:?}");
}

#[test]
fn branches_nest_cross_and_have_several_spans() {
    // GPUs 0 and 3 on one feed, all on the busway, 1 on none of the racks.
    let branches = [branch(700.0, 0, 2), branch(1500.0, 2, 1), branch(0.0, 3, 0)];
    let tree = Tree { branches: &branches, spans: &[(0, 1), (3, 4), (0, 4)] };
    let gpus = Gpus { min_w: &[100.0; 4], max_w: &[700.0; 4], applied_w: &[700.0; 4] };
    let mut out = [600.0; 4];
    let verdict = caps(&tree, &gpus, FREELY, &mut out);
    assert_eq!(verdict, CapsVerdict::Narrow { reason: Reason::Budget, branch: Some(0) });
    assert!(out[0] + out[3] <= 700.0 && out.iter().sum::<f64>() <= 1500.0);
    assert!(out.iter().sum::<f64>() > 1499.99 && out[0] == out[3] && out[1] == out[2]);
    // A branch says more than a GPU.
    let mut out = [600.0, 800.0, 600.0, 600.0];
    let verdict = caps(&tree, &gpus, FREELY, &mut out);
    assert_eq!(verdict, CapsVerdict::Narrow { reason: Reason::Budget, branch: Some(0) });
    // The first infeasible branch is named, above all else.
    let branches = [branch(900.0, 0, 1), branch(150.0, 0, 1), branch(100.0, 0, 1), branch(900.0, 0, 1)];
    let tree = Tree { branches: &branches, spans: &[(0, 4)] };
    let mut out = [600.0; 4];
    let verdict = caps(&tree, &gpus, FREELY, &mut out);
    assert_eq!((verdict, out), (CapsVerdict::Infeasible { branch: 1, over_w: 250.0 }, [100.0; 4]));
}

#[test]
fn other_load_counts_and_unknown_load_leaves_nothing() {
    for (other_w, want) in [(100.0, 1300.0), (-500.0, 1400.0), (f64::NAN, 800.0), (f64::INFINITY, 800.0)] {
        let tree = Tree { branches: &[Branch { other_w, ..branch(1400.0, 0, 1) }], spans: &[(0, 4)] };
        let gpus = Gpus { min_w: &[200.0; 4], max_w: &[700.0; 4], applied_w: &[700.0; 4] };
        let mut out = [700.0; 4];
        let verdict = caps(&tree, &gpus, FREELY, &mut out);
        assert!((out.iter().sum::<f64>() - want).abs() < 1e-4, "{other_w}: {out:?}");
        assert_eq!(matches!(verdict, CapsVerdict::Infeasible { .. }), !other_w.is_finite());
        // A raise pays for other load, too.
        let gpus = Gpus { applied_w: &[325.0, 325.0, 325.0, 200.0], ..gpus };
        let mut out = [200.0, 200.0, 200.0, 700.0];
        let _ = caps(&tree, &gpus, FREELY, &mut out);
        let spare = (want - 1175.0).max(0.0);
        assert!((out[3] - 200.0 - spare).abs() < 1e-4, "{other_w}: {out:?}");
    }
}

#[test]
fn lists_that_do_not_fit_are_refused_untouched() {
    let ok = [300.0; 4];
    let gpus = Gpus { min_w: &[200.0; 4], max_w: &[700.0; 4], applied_w: &ok };
    let refused = |branches: &[Branch], spans: &[(usize, usize)], gpus: Gpus<'_>| {
        let mut out = [999.0; 4];
        let verdict = caps(&Tree { branches, spans }, &gpus, FREELY, &mut out);
        assert_eq!(out, [999.0; 4]);
        verdict
    };
    let shape = CapsVerdict::Refuse(Reason::Shape);
    assert_eq!(refused(&[], &[], Gpus { min_w: &[1.0; 3], ..gpus }), shape);
    assert_eq!(refused(&[], &[], Gpus { max_w: &[1.0; 3], ..gpus }), shape);
    assert_eq!(refused(&[], &[], Gpus { applied_w: &[1.0; 3], ..gpus }), shape);
    assert_eq!(refused(&[branch(1.0, 0, 2)], &[(0, 4)], gpus), shape);
    assert_eq!(refused(&[branch(1.0, 2, 0)], &[(0, 4)], gpus), shape);
    assert_eq!(refused(&[branch(1.0, usize::MAX, 2)], &[(0, 4)], gpus), shape);
    assert_eq!(refused(&[branch(1.0, 0, 1)], &[(0, 5)], gpus), shape);
    assert_eq!(refused(&[branch(1.0, 0, 1)], &[(3, 2)], gpus), shape);
    let envelope = CapsVerdict::Refuse(Reason::Envelope);
    assert_eq!(refused(&[], &[], Gpus { min_w: &[-1.0; 4], ..gpus }), envelope);
    assert_eq!(refused(&[], &[], Gpus { min_w: &[f64::NAN; 4], ..gpus }), envelope);
    assert_eq!(refused(&[], &[], Gpus { min_w: &[701.0; 4], ..gpus }), envelope);
    assert_eq!(refused(&[], &[], Gpus { max_w: &[f64::INFINITY; 4], ..gpus }), envelope);
    assert_eq!(refused(&[], &[], Gpus { min_w: &[200.0, 200.0, 701.0, 200.0], ..gpus }), envelope);
    let mut edge = [0.0, 700.0];
    let gpus = Gpus { min_w: &[0.0, 700.0], max_w: &[0.0, 700.0], applied_w: &[0.0, 700.0] };
    let tree = Tree { branches: &[branch(700.0, 0, 1), branch(0.0, 1, 1)], spans: &[(0, 2), (2, 2)] };
    assert_eq!(caps(&tree, &gpus, FREELY, &mut edge), CapsVerdict::Allow);
}

#[derive(Debug, Clone)]
struct Case {
    branches: Vec<Branch>,
    spans: Vec<(usize, usize)>,
    min_w: Vec<f64>,
    max_w: Vec<f64>,
    applied_w: Vec<f64>,
    asked_w: Vec<f64>,
    raise: Raise,
}

impl Case {
    fn run(&self) -> (CapsVerdict, Vec<f64>) {
        self.run_on(&self.asked_w, &self.applied_w)
    }

    fn run_on(&self, asked_w: &[f64], applied_w: &[f64]) -> (CapsVerdict, Vec<f64>) {
        let mut out = asked_w.to_vec();
        let tree = Tree { branches: &self.branches, spans: &self.spans };
        let gpus = Gpus { min_w: &self.min_w, max_w: &self.max_w, applied_w };
        (caps(&tree, &gpus, self.raise, &mut out), out)
    }

    fn members(&self, b: &Branch) -> Vec<usize> {
        self.spans[b.first_span..b.first_span + b.spans].iter().flat_map(|&(s, e)| s..e).collect()
    }
}

fn odd(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![12 => range, 1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)]]
}

/// GPUs, and branches of up to three disjoint spans each that cross each other at will.
fn case() -> impl Strategy<Value = Case> {
    (1usize..24).prop_flat_map(|n| {
        let gpu = (50.0..300.0f64, 0.0..500.0f64, odd(0.0..900.0), odd(0.0..900.0));
        let cut = prop::collection::btree_set(0..=n, 0..=6);
        let branch = (cut, odd(-200.0..14_000.0), odd(-50.0..900.0));
        (prop::collection::vec(gpu, n), prop::collection::vec(branch, 0..6), any::<bool>(), odd(0.0..300.0))
            .prop_map(|(gpus, tree, allowed, max_w)| {
                let (mut branches, mut spans) = (Vec::new(), Vec::new());
                for (cut, budget_w, other_w) in tree {
                    let cut: Vec<usize> = cut.into_iter().collect();
                    let first_span = spans.len();
                    spans.extend(cut.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                    branches.push(Branch { budget_w, other_w, first_span, spans: cut.len() / 2 });
                }
                Case {
                    branches,
                    spans,
                    min_w: gpus.iter().map(|g| g.0).collect(),
                    max_w: gpus.iter().map(|g| g.0 + g.1).collect(),
                    applied_w: gpus.iter().map(|g| g.2).collect(),
                    asked_w: gpus.iter().map(|g| g.3).collect(),
                    raise: Raise { allowed, max_w },
                }
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_branch_over_its_budget(case in case()) {
        let (verdict, out) = case.run();
        let mut infeasible = None;
        for (index, b) in case.branches.iter().enumerate() {
            let gpus = case.members(b);
            let count = |of: &dyn Fn(usize) -> f64| -> f64 {
                let each = |&g: &usize| if case.applied_w[g].is_finite() { of(g) } else { case.max_w[g] };
                gpus.iter().map(each).sum::<f64>() + b.other_w.max(0.0)
            };
            let floors = count(&|g| case.min_w[g]);
            let unknown = !b.budget_w.is_finite() || !b.other_w.is_finite();
            // A hair's breadth decides at exact equality only.
            if unknown || floors > b.budget_w + 1e-9 {
                infeasible = infeasible.or(Some(index));
                prop_assert!(gpus.iter().all(|&g| out[g] == case.min_w[g]));
                continue;
            }
            prop_assert!(count(&|g| out[g]) <= b.budget_w + 1e-9, "branch {index}");
            // Whatever mixture of old and new arrives, no raise makes it worse than what stands.
            let stands = count(&|g| case.applied_w[g].max(case.min_w[g]));
            let worst = count(&|g| out[g].max(case.applied_w[g]));
            prop_assert!(worst <= b.budget_w.max(stands) + 1e-9, "branch {index} on the way");
        }
        let named = match verdict { CapsVerdict::Infeasible { branch, .. } => Some(branch), _ => None };
        prop_assert_eq!(named, infeasible);
    }

    #[test]
    fn caps_only_come_down_and_stay_in_range(case in case()) {
        let (verdict, out) = case.run();
        for (g, &cap) in out.iter().enumerate() {
            prop_assert!(case.min_w[g] <= cap && cap <= case.max_w[g]);
            let (asked, applied) = (case.asked_w[g], case.applied_w[g]);
            if asked.is_finite() { prop_assert!(cap <= asked.max(case.min_w[g])); }
            let rise = if case.raise.allowed && case.raise.max_w.is_finite() { case.raise.max_w } else { 0.0 };
            let start = if applied.is_finite() { applied + rise } else { 0.0 };
            prop_assert!(cap <= start.max(case.min_w[g]) + 1e-9);
        }
        if verdict == CapsVerdict::Allow { prop_assert_eq!(&out, &case.asked_w); }
    }

    #[test]
    fn twice_is_once(case in case()) {
        let (_, once) = case.run();
        let (_, twice) = case.run_on(&once, &case.applied_w);
        for (a, b) in once.iter().zip(&twice) { prop_assert!((a - b).abs() <= 1e-5 && b <= a); }
        prop_assert_eq!(case.run().1, once);
    }

    #[test]
    fn one_voice_less_never_frees_watts(mut case in case(), who in any::<prop::sample::Index>()) {
        let who = who.index(case.asked_w.len());
        // What stands above its most was not put there by anyone this check can answer for.
        if case.applied_w[who] > case.max_w[who] { case.applied_w[who] = case.max_w[who]; }
        let mut applied = case.applied_w.clone();
        applied[who] = f64::NAN;
        let (_, full) = case.run();
        let (_, less) = case.run_on(&case.asked_w, &applied);
        prop_assert!(less[who] <= full[who] + 1e-9);
        for b in case.branches.iter().filter(|b| case.members(b).contains(&who)) {
            let sum = |caps: &[f64]| case.members(b).iter().filter(|&&g| g != who).map(|&g| caps[g]).sum::<f64>();
            // Alone in this tree, nothing else can shift watts between the others.
            if case.branches.len() == 1 { prop_assert!(sum(&less) <= sum(&full) + 1e-5); }
        }
    }
}
