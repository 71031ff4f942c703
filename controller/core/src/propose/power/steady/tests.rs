use super::*;
use crate::tests::{Bench, reports};

/// A belief in which these are the loads at the highest clock.
fn loaded(policy: &str, power_w: [f32; 4]) -> Bench {
    let mut bench = Bench::new(policy);
    for s in 0..3 {
        let s = f64::from(s);
        bench.tick(s, &[("cdu-supply", s, 25.0)], reports(s, power_w));
    }
    bench
}

fn propose(bench: &Bench, budget_w: f64) -> CapProposal {
    let mut steady = Steady::new(&bench.site, &bench.topology, &bench.wants);
    let e = bench.estimator.last();
    let known = (bench.snapshot(), e);
    steady.propose((&bench.topology, &bench.wants), known, &[budget_w], &[]).clone()
}

const LOADS: [f32; 4] = [500.0, 620.0, 450.0, 450.0];

#[test]
fn nothing_bound_nothing_held() {
    let bench = loaded("", LOADS);
    for budget_w in [f64::INFINITY, 4000.0] {
        let p = propose(&bench, budget_w);
        assert!(!p.binds && p.infeasible.is_empty(), "{p:?}");
        assert_eq!(p.lock_mhz, [None; 4]);
        assert_eq!(p.cap_w, [700.0; 4]);
    }
}

#[test]
fn one_clock_inside_a_training_job_under_a_tight_budget() {
    let bench = loaded("", LOADS);
    let e = bench.estimator.last();
    let p = propose(&bench, 1800.0);
    assert!(p.binds);
    let clock = p.lock_mhz[0].unwrap();
    assert_eq!(p.lock_mhz[1], Some(clock));
    assert!(clock < 1980.0 && (clock / 15.0).fract() == 0.0, "{clock}");
    assert!(p.cap_w.iter().sum::<f64>() <= 1600.0 * (1.0 + 1e-9), "{p:?}");
    for i in 0..4 {
        // The cap stands above what the clock needs, so that the firmware has nothing to throttle.
        assert!(p.cap_w[i] >= e.demand.power_at(i, p.lock_mhz[i].unwrap()) - 1e-6, "{i}: {p:?}");
    }
    // The GPU of the job with the heavier load gets more watts for the same clock.
    assert!(p.cap_w[1] > p.cap_w[0] + 10.0, "{p:?}");
}

#[test]
fn the_higher_priority_gives_up_less() {
    let even = propose(&loaded("", [500.0; 4]), 1800.0);
    assert!((even.lock_mhz[0].unwrap() - even.lock_mhz[2].unwrap()).abs() < 1e-9, "{even:?}");
    let bench = loaded("[[job]]\nid = \"serve\"\npriority = 3\n", [500.0; 4]);
    let ranked = propose(&bench, 1800.0);
    assert!(ranked.lock_mhz[0].unwrap() < even.lock_mhz[0].unwrap(), "{ranked:?}");
    let serve = |p: &CapProposal| p.lock_mhz[2].unwrap_or(1980.0);
    assert!(serve(&ranked) > serve(&even), "{ranked:?}");
}

#[test]
fn floors_above_the_budget_are_said() {
    let p = propose(&loaded("", LOADS), 900.0);
    assert_eq!(p.infeasible, [0]);
    assert_eq!(p.cap_w, [200.0; 4]);
}

#[test]
fn heat_lowers_the_ceiling_without_a_budget() {
    let bench = loaded("", LOADS);
    let mut e = bench.estimator.last().clone();
    let sku = &bench.site.skus[bench.site.gpus[1].sku];
    // Coolant so warm that the second GPU may draw 500 W of the 620 W that it wants, three kelvin below its limit.
    let (rise, sigma) = e.gpus.steady(1, Rise::Die, 500.0, 0.0);
    e.coolant_c[1] = sku.max_operating_c - 3.0 - rise - bench.wants.k_sigma * sigma;
    let mut steady = Steady::new(&bench.site, &bench.topology, &bench.wants);
    let p = steady.propose((&bench.topology, &bench.wants), (bench.snapshot(), &e), &[f64::INFINITY], &[]);
    assert!(p.binds && p.cap_w[1] <= 500.0 + 1e-9, "{p:?}");
    assert!(p.lock_mhz[1].is_some_and(|clock| clock < 1980.0), "{p:?}");
    assert_eq!(p.lock_mhz[0], p.lock_mhz[1]);
    assert_eq!((p.lock_mhz[2], p.cap_w[2]), (None, 700.0));
}
