use super::*;
use crate::tests::Bench;
use headroom_belief::model::{Evidence, FORMAT, Input, Output, Role, Signal, Sparse, Structure, Term};

/// Supply follows its setpoint with a time constant of ten periods.
pub(crate) fn model(column: &str) -> Model {
    let sparse =
        |rows: usize, columns: usize, entries: Vec<(usize, usize, f64)>| Sparse { rows, columns, entries };
    Model {
        format: FORMAT,
        site: "small".to_owned(),
        structure: Structure::Grey,
        period_s: 10.0,
        learned_unix_s: (0.0, 1.0),
        a: sparse(1, 1, vec![(0, 0, 0.9)]),
        b: sparse(1, 1, vec![(0, 0, 0.1)]),
        c: sparse(1, 1, vec![(0, 0, 1.0)]),
        d: sparse(1, 1, vec![]),
        state_noise: vec![1e-6],
        signals: vec![Signal {
            name: "cdu-supply".to_owned(),
            columns: vec!["cdu-setpoint".to_owned()],
            unit: "degC".to_owned(),
            role: Role::Setpoint,
            range: (20.0, 40.0),
        }],
        inputs: vec![Input { name: "cdu-supply".to_owned(), term: Term::Signal(0), stood: 30.0 }],
        outputs: vec![Output {
            name: "cdu-supply".to_owned(),
            columns: vec![column.to_owned()],
            unit: "degC".to_owned(),
            stood: 30.0,
            range: (20.0, 40.0),
            noise: 1e-4,
            drift: 1e-6,
            evidence: Evidence::default(),
        }],
    }
}

#[test]
fn what_was_set_is_foreseen_and_a_steady_error_vanishes() {
    let mut bench = Bench::new("");
    let mut filter = SiteFilter::new(&bench.site, &model("cdu-supply")).unwrap();
    let mut x = 30.0;
    for s in 0..1_200_u32 {
        let set = if s < 600 { 30.0 } else { 33.0 };
        if s % 10 == 0 {
            x += 0.1 * (set - x);
        }
        // The plant stands half a kelvin above what the model knows.
        let now = f64::from(s);
        bench.tick(now, &[("cdu-supply", now, x + 0.5), ("cdu-setpoint", now, set)], vec![]);
        filter.look(bench.snapshot(), bench.estimator.last());
        if s == 650 {
            let f = filter.foreseen()[0];
            assert!((f.disturbance - 0.5).abs() < 0.1, "{f:?}");
            assert!(f.now.value < 32.0 && (f.ahead[1].value - 33.5).abs() < 0.15, "{f:?}");
            assert!(f.ahead[1].sigma > f.now.sigma);
        }
    }
    let f = filter.foreseen()[0];
    assert!((f.now.value - 33.5).abs() < 0.05 && (f.ahead[0].value - 33.5).abs() < 0.05, "{f:?}");
    assert_eq!(filter.periods(), 119);
}

#[test]
fn a_model_of_another_site_is_refused_by_the_name_of_what_lacks() {
    let bench = Bench::new("");
    let refused = SiteFilter::new(&bench.site, &model("cdu-07/supply")).unwrap_err();
    assert!(refused.to_string().contains("`cdu-07/supply`"), "{refused}");
    let other = Model { site: "large".to_owned(), ..model("cdu-supply") };
    let refused = SiteFilter::new(&bench.site, &other).unwrap_err();
    assert!(refused.to_string().contains("`large`"), "{refused}");
}
