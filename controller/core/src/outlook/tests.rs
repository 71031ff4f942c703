use super::*;
use crate::tests::Bench;

fn budget(bench: &Bench) -> f64 {
    Outlook::default().look(&bench.site, &bench.wants, bench.snapshot()).budget_w[0]
}

#[test]
fn a_silent_or_bad_limit_point_keeps_its_last_limit() {
    let mut bench = Bench::new("");
    let keep = 1.0 - bench.wants.budget_reserve;
    assert!(keep < 1.0);
    let mut outlook = Outlook::default();
    let mut now = |bench: &Bench| outlook.look(&bench.site, &bench.wants, bench.snapshot()).budget_w[0];
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
