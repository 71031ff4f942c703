//! Tables that are not what they say, and tables that are.

use super::plant::{Kind, Synthetic};
use super::*;

fn change(table: &mut Table, name: &str, f: impl Fn(f64) -> f64) {
    let column = table.columns.iter_mut().find(|c| c.name == name).unwrap();
    column.values.iter_mut().for_each(|v| *v = f(*v));
}

fn swap(table: &mut Table, a: &str, b: &str) {
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).unwrap();
    let (i, j) = (at(a), at(b));
    let (x, y) = (table.columns[i].values.clone(), table.columns[j].values.clone());
    (table.columns[i].values, table.columns[j].values) = (y, x);
}

/// Findings that refuse a changed table of a plant; there must be no model.
fn refusals(seed: u64, kind: Kind, edit: impl Fn(&mut Table)) -> Vec<Finding> {
    let plant = Synthetic::draw(seed, kind);
    let mut table = plant.table();
    edit(&mut table);
    let found = identify(&plant.site(), &table);
    assert!(found.model.is_none(), "seed {seed}: it was believed");
    found.findings.into_iter().filter(Finding::refuses).collect()
}

#[test]
fn true_tables_are_not_refused() {
    for seed in 30..40 {
        let plant = Synthetic::draw(seed, Kind::Excited);
        let found = identify(&plant.site(), &plant.table());
        assert!(found.model.is_some(), "seed {seed}: {:?}", found.findings);
        assert!(!found.findings.iter().any(Finding::refuses), "seed {seed}: {:?}", found.findings);
    }
}

#[test]
fn a_still_day_is_refused_and_told_what_to_do() {
    for seed in 0..3 {
        let plant = Synthetic::draw(seed, Kind::Still);
        let found = identify(&plant.site(), &plant.table());
        assert!(found.model.is_none());
        assert!(
            found.findings.iter().any(|f| matches!(f, Finding::NothingMoved { .. })),
            "{:?}",
            found.findings
        );
        for answer in &found.answers {
            let advice = answer.advice.unwrap_or_else(|| panic!("{answer:?}"));
            assert!(!answer.identifiable && advice.amplitude > 0.0 && advice.amplitude <= 3.5, "{answer:?}");
            assert!(advice.length_s >= 3.0 * 3600.0 && advice.period_s >= 900.0, "{answer:?}");
        }
    }
}

#[test]
fn swapped_supply_and_return_are_named() {
    for seed in 0..5 {
        let found = refusals(seed, Kind::Excited, |t| swap(t, "supply-1", "return-1"));
        let named = |f: &Finding| matches!(f, Finding::Swapped { supply, back, .. } if supply == "supply-1" && back == "return-1");
        assert!(found.iter().any(named), "seed {seed}: {found:?}");
    }
}

#[test]
fn a_wrong_unit_is_named_with_the_likely_one() {
    let kilo = |v: f64| v / 1e3;
    type Case = (&'static str, fn(f64) -> f64, &'static str);
    let cases: [Case; 6] = [
        ("supply-0", |v| 1.8 * v + 32.0, "degF"),
        ("return-1", |v| 1.8 * v + 32.0, "degF"),
        ("it", kilo, "kW"),
        ("facility", kilo, "kW"),
        ("flow-0", |v| v * 0.06, "m3/h"),
        ("flow-1", |v| v / 60.0, "L/s"),
    ];
    for seed in 0..4 {
        for (name, f, unit) in cases {
            let found = refusals(seed, Kind::Excited, |t| change(t, name, f));
            let right = |f: &Finding| matches!(f, Finding::Unit { point, slip, .. } if point == name && *slip == Slip::NumbersAre(unit));
            assert!(found.iter().any(right), "seed {seed} {name}: {found:?}");
        }
    }
}

#[test]
fn gpu_power_in_kilowatts_is_named() {
    let found = refusals(2, Kind::Excited, |t| change(t, "gpu_power:rack-0-0", |v| v / 1e3));
    let right = |f: &Finding| matches!(f, Finding::Unit { point, slip, .. } if point == "gpu_power:rack-0-0" && *slip == Slip::NumbersAre("kW"));
    assert!(found.iter().any(right), "{found:?}");
}

#[test]
fn points_with_each_others_address_are_named() {
    for seed in 0..4 {
        // With both temperatures the heat still balances: only the answer to the setpoint tells.
        let found = refusals(seed, Kind::Excited, |t| {
            swap(t, "supply-0", "supply-1");
            swap(t, "return-0", "return-1");
            swap(t, "flow-0", "flow-1");
        });
        let right = |f: &Finding| matches!(f, Finding::WrongPlace { measures, answers, .. } if measures == "supply-0" && answers == "supply-1");
        let balance = |f: &Finding| matches!(f, Finding::Balance { .. } | Finding::Unit { .. });
        assert!(found.iter().any(|f| right(f) || balance(f)), "seed {seed}: {found:?}");
    }
}

#[test]
fn tables_that_are_none_are_told() {
    let column = |n: usize| vec![Column { name: "x".into(), unit: "W".into(), values: vec![1.0; n] }];
    let times = |n: usize, step: f64| (0..n).map(|k| step * k as f64).collect::<Vec<f64>>();
    assert_eq!(Table::new(&times(10, 30.0), column(10)), Err(TableError::Few(10, 60)));
    assert_eq!(Table::new(&times(100, 3600.0), column(100)), Err(TableError::Coarse(3600.0)));
    let mut back = times(100, 30.0);
    back[50] = 0.0;
    assert_eq!(Table::new(&back, column(100)), Err(TableError::Order(51)));
    let mut gap = times(100, 30.0);
    gap[99] = 1e9;
    assert!(matches!(Table::new(&gap, column(100)), Err(TableError::Gaps(..))));
}
