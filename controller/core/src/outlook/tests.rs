use super::*;
use crate::tests::{Bench, reports};

fn budget(bench: &Bench) -> f64 {
    Outlook::default().look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last()).budget_w[0]
}

#[test]
fn a_silent_or_bad_limit_point_keeps_its_last_limit() {
    let mut bench = Bench::new("");
    let keep = 1.0 - bench.wants.budget_reserve;
    assert!(keep < 1.0);
    let mut outlook = Outlook::default();
    let mut now = |bench: &Bench| {
        outlook.look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last()).budget_w[0]
    };
    bench.tick(0.0, &[], vec![]);
    assert!((now(&bench) - 4000.0 * keep).abs() < 1e-9);
    bench.tick(1.0, &[("feed-limit", 1.0, 2500.0)], vec![]);
    assert!((now(&bench) - 2500.0 * keep).abs() < 1e-9);
    bench.tick(2.0, &[("feed-limit", 2.0, f64::NAN)], vec![]);
    assert!((now(&bench) - 2500.0 * keep).abs() < 1e-9, "what is not a number is no limit");
    bench.tick(3600.0, &[], vec![]);
    assert!(bench.snapshot().good(bench.site.point("feed-limit").unwrap()).is_none());
    assert!((now(&bench) - 2500.0 * keep).abs() < 1e-9);
    bench.tick(3601.0, &[("feed-limit", 3601.0, 9000.0)], vec![]);
    assert!((now(&bench) - 4000.0 * keep).abs() < 1e-9, "never above what the site allows");
}

#[test]
fn what_the_policy_schedules_counts_from_its_notice_on() {
    // The tests begin on 15 June 2025 at 15:06:40 UTC; the default notice is ten minutes.
    let mut bench =
        Bench::new("[[budget]]\nbranch = \"feed\"\nlimit = \"2 kW\"\nfrom = \"16:00\"\nto = \"17:00\"\n");
    let keep = 1.0 - bench.wants.budget_reserve;
    for (s, watts) in [(0.0, 4000.0), (2_500.0, 4000.0), (2_700.0, 2000.0), (6_900.0, 4000.0)] {
        bench.tick(s, &[], vec![]);
        assert!((budget(&bench) - watts * keep).abs() < 1e-9, "{s} s: {}", budget(&bench));
    }
}

#[test]
fn the_least_budget_of_the_hour_is_known_with_its_beginning() {
    // 16:00 is 3,200 s after the tests begin.
    let mut bench =
        Bench::new("[[budget]]\nbranch = \"feed\"\nlimit = \"2 kW\"\nfrom = \"16:00\"\nto = \"17:00\"\n");
    let keep = 1.0 - bench.wants.budget_reserve;
    let mut outlook = Outlook::new(&bench.site, &bench.topology, &bench.wants);
    let mut ahead = |bench: &Bench| {
        outlook.look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last()).budget_ahead[0]
    };
    for (s, watts, begins) in
        [(0.0, 2000.0, Some("2025-06-15T16:00:00.000Z")), (3_300.0, 2000.0, None), (6_900.0, 4000.0, None)]
    {
        bench.tick(s, &[], vec![]);
        let found = ahead(&bench);
        assert!((found.least_w - watts * keep).abs() < 1e-9, "{s} s: {found:?}");
        assert_eq!(found.begins.map(|b| b.to_string()).as_deref(), begins, "{s} s");
    }
    // A limit that is said counts for the hour, and the schedule only where it is lower.
    bench.tick(7_000.0, &[("feed-limit", 7_000.0, 1500.0)], vec![]);
    let found = ahead(&bench);
    assert!((found.least_w - 1500.0 * keep).abs() < 1e-9 && found.begins.is_none(), "{found:?}");
}

/// Two hours of both jobs, ticks of 10 s.
fn two_hours(bench: &mut Bench, outlook: &mut Outlook) {
    for k in 0..720 {
        let s = f64::from(k) * 10.0;
        let serving = 300.0 + 20.0 * (f64::from(k) * 0.37).sin() as f32;
        bench.tick(s, &[], reports(s, [600.0, 620.0, serving, 250.0]));
        outlook.look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last());
    }
}

#[test]
fn jobs_and_cooling_places_have_their_next_hour() {
    let mut bench = Bench::new("[objective]\nelectricity = \"0.12 EUR/kWh\"\n");
    let mut outlook = Outlook::new(&bench.site, &bench.topology, &bench.wants);
    two_hours(&mut bench, &mut outlook);
    let of = |what: What, of: &str| {
        let found = outlook.futures.iter().find(|f| f.what == what && f.of == of);
        found.unwrap_or_else(|| panic!("{what:?} of {of}")).band(1).unwrap()
    };
    let train = of(What::JobPower, "train");
    assert!(train.q[0] <= 1220.0 && 1220.0 <= train.q[2] && train.q[2] - train.q[0] < 30.0, "{train:?}");
    let serve = of(What::JobPower, "serve");
    assert!((serve.q[1] - 550.0).abs() < 10.0, "{serve:?}");
    // Both nodes draw 100 W beside their GPUs.
    let heat = of(What::Heat, "CDU-01");
    assert!((heat.q[1] - 1970.0).abs() < 15.0, "{heat:?}");
    let it = of(What::ItPower, "small");
    assert!((it.q[1] - 1970.0).abs() < 15.0, "{it:?}");
    let price = outlook.futures.find(What::Price).unwrap();
    let known = price.band(4).unwrap();
    assert!((known.q[0] - 0.12).abs() < 1e-12 && (known.q[2] - 0.12).abs() < 1e-12, "{known:?}");
    assert_eq!(price.unit, "EUR/kWh");
    assert!(outlook.futures.find(What::WetBulb).is_none(), "no weather is seen here");
}

#[test]
fn what_is_silent_says_so_and_looking_changes_no_budget() {
    let mut bench = Bench::new("");
    let mut outlook = Outlook::new(&bench.site, &bench.topology, &bench.wants);
    two_hours(&mut bench, &mut outlook);
    let budgets = outlook.budget_w.clone();
    assert_eq!(budgets, vec![budget(&bench)]);
    // The agents fall silent for ten minutes.
    for k in 0..60 {
        bench.tick(7_200.0 + f64::from(k) * 10.0, &[], vec![]);
        outlook.look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last());
    }
    let job = outlook.futures.find(What::JobPower).unwrap();
    let why = job.band(0).unwrap_err().to_string();
    assert!(why.starts_with("source silent since 2025-06-15T17:0"), "{why}");
    assert_eq!(outlook.budget_w, budgets);
}

#[test]
fn a_price_point_is_followed_in_place_of_the_price_of_the_policy() {
    let text = "[objective]\nelectricity = \"0.12 EUR/kWh\"\n[outlook]\nprice-point = \"tokens\"\n";
    let mut bench = Bench::new(text);
    let mut outlook = Outlook::new(&bench.site, &bench.topology, &bench.wants);
    let never = outlook.futures.find(What::Price).unwrap().band(0);
    assert_eq!(never, Err(headroom_belief::outlook::Absent::NeverSeen));
    for k in 0..240 {
        let s = f64::from(k) * 10.0;
        bench.tick(s, &[("tokens", s, 0.25)], vec![]);
        outlook.look(&bench.site, &bench.wants, bench.snapshot(), bench.estimator.last());
    }
    let price = outlook.futures.find(What::Price).unwrap();
    let band = price.band(0).unwrap();
    assert!((band.q[0] - 0.25).abs() < 1e-6 && (band.q[2] - 0.25).abs() < 1e-6, "{band:?}");
    assert_eq!((price.of.as_str(), price.unit.as_str()), ("tokens", "EUR/kWh"));
}
