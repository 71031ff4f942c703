use super::*;
use crate::tests::Bench;

/// Feeds a point once a second, and looks at health; what is done last is done at the end.
fn watch(
    bench: &mut Bench,
    health: &mut Health,
    seconds: std::ops::Range<u32>,
    readings: impl Fn(f64) -> Vec<(&'static str, f64)>,
) {
    for s in seconds {
        let now = f64::from(s);
        let readings: Vec<_> = readings(now).into_iter().map(|(id, x)| (id, now, x)).collect();
        bench.tick(now, &readings, vec![]);
        health.look(&bench.site, bench.align.last(), bench.estimator.last());
    }
}

#[test]
fn a_site_that_measures_little_is_asked_little() {
    let mut bench = Bench::new("");
    let mut health = Health::new(&bench.site, &bench.topology);
    watch(&mut bench, &mut health, 0..1_200, |s| {
        vec![("cdu-supply", 30.0 + (s / 60.0).sin()), ("rack-flow", 6.0)]
    });
    assert!(health.findings().is_empty() && health.unmetered().is_empty(), "{:?}", health.findings());
    assert_eq!(health.changes(), 0);
}

#[test]
fn a_step_is_no_unrest_and_a_surge_is() {
    let point = PointId(0);
    let course = |surge: f64, step: f64| {
        let mut bench = Bench::new("");
        let mut unrest = Unrest::new(std::iter::once(bench.site.point("dp").unwrap()));
        for k in 0..600_u32 {
            let late = k > 400;
            let x = 90.0 + 0.3 * f64::from(k % 3) + if late { step + surge * f64::from(k % 2) } else { 0.0 };
            let now = 5.0 * f64::from(k);
            bench.tick(now, &[("dp", now, x)], vec![]);
            unrest.take(bench.align.last());
            if k % 12 == 11 {
                unrest.turn();
            }
        }
        unrest.restless(bench.site.point("dp").unwrap())
    };
    assert!(!course(0.0, 0.0) && !course(0.0, -30.0) && course(8.0, 0.0));
    assert!(!Unrest::new(std::iter::empty()).restless(point));
}

#[test]
fn sizes_are_said_in_words_that_people_use() {
    let said = |size: Size| size.to_string();
    assert_eq!(said(Size::Share { lost: 0.31, sigma: 0.04 }), "31 +- 4 % lost");
    assert_eq!(
        said(Size::Off { by: -2.04, sigma: 0.1, dimension: Dimension::Temperature }),
        "-2.0 +- 0.1 K off"
    );
    assert_eq!(said(Size::Factor { factor: 1.15, sigma: 0.02 }), "1.15 +- 0.02 times");
    assert_eq!(said(Size::Factor { factor: 3.1e34, sigma: 0.02 }), "3e34 times");
    let witness = Witness { what: "heat".to_owned(), by: 0.182, sigma: 0.03, in_kelvin: false };
    assert_eq!(witness.to_string(), "heat +20 +- 3 %");
}
