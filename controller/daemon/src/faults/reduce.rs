//! The smallest plan that still fails.
//!
//! Responsible for: dropping faults, shortening, shrinking and bringing forward what is left, as far as the same kind of
//! violation comes. Not for: judging.

use super::fault::{Fault, Plan};
use super::judge::Violation;
use super::run::run;
use super::stage::Start;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Halvings of a length, size or instant.
const HALVINGS: usize = 8;

/// Reduces a plan that fails in some way.
pub(super) fn reduce(start: &Start, plan: &Plan, seed: u64, failure: &Violation) -> Plan {
    let fails = |plan: &Plan| {
        // a run that breaks off fails only where breaking off is the failure
        let found = catch_unwind(AssertUnwindSafe(|| run(start, plan, seed)));
        match found {
            Ok(Ok(found)) => found.violations.iter().any(|v| v.is_like(failure)),
            Ok(Err(_)) => false,
            Err(_) => matches!(failure, Violation::Panic { .. }),
        }
    };
    let mut plan = plan.clone();
    let mut at = 0;
    while plan.0.len() > 1 && at < plan.0.len() {
        let mut less = plan.clone();
        less.0.remove(at);
        if fails(&less) {
            plan = less;
        } else {
            at += 1;
        }
    }
    for n in 0..plan.0.len() {
        let least_s = plan.0[n].kind.length_s.0.min(plan.0[n].for_s);
        smaller(&mut plan, n, &fails, |f, part| Fault {
            for_s: least_s + (f64::from(f.for_s - least_s) * part) as u32,
            ..f.clone()
        });
        smaller(&mut plan, n, &fails, |f, part| {
            let least = f.kind.size.map_or(0.0, |(low, high)| if low < 0.0 { 0.0 } else { low.min(high) });
            let size = least + (f.size - least) * part;
            Fault { size: (size * 1000.0).round() / 1000.0, ..f.clone() }
        });
        smaller(&mut plan, n, &fails, |f, part| Fault {
            at_s: (f64::from(f.at_s) * part) as u32,
            ..f.clone()
        });
    }
    plan
}

/// Bisects a share of what a fault has down to the least that still fails.
fn smaller(plan: &mut Plan, n: usize, fails: &impl Fn(&Plan) -> bool, with: impl Fn(&Fault, f64) -> Fault) {
    let whole = plan.0[n].clone();
    let (mut well, mut ill) = (0.0, 1.0);
    for halving in 0..HALVINGS {
        let part = if halving == 0 { 0.0 } else { 0.5 * (well + ill) };
        let mut less = plan.clone();
        less.0[n] = with(&whole, part);
        if less.0[n] == plan.0[n] {
            return;
        }
        if fails(&less) {
            *plan = less;
            ill = part;
        } else {
            well = part;
        }
        if ill <= 0.0 {
            return;
        }
    }
}
