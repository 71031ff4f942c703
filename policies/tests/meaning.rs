//! What a policy means at a site and at a time.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{FULL, policy, site};
use headroom_policies::{Mode, Policy, Prefer, read_policy};
use headroom_site::time::days_from_civil;
use headroom_site::{ActuatorId, JobId, PointId, Power, PowerId, Site, Span, Stamp};
use proptest::prelude::*;

/// An instant in UTC.
fn utc(y: i64, mo: i64, d: i64, h: i64, mi: i64) -> Stamp {
    Stamp::from_unix_ms((days_from_civil(y, mo, d) * 86_400 + h * 3600 + mi * 60) * 1000)
}

fn branch(site: &Site, id: &str) -> PowerId {
    PowerId(site.power.iter().position(|p| p.id == id).unwrap() as u32)
}

fn kilowatts(policy: &Policy, id: &str, at: Stamp) -> Option<f64> {
    let site = site();
    policy.budget_at(&site, branch(&site, id), at).map(Power::as_kilowatts)
}

fn with(extra: &str) -> Policy {
    policy(&format!("format = 1\nname = \"x\"\n{extra}"))
}

#[test]
fn an_empty_policy_wishes_modestly() {
    let p = with("");
    assert_eq!(p.modes.of("caps"), Mode::Shadow);
    assert_eq!(p.objective.prefer, Prefer::Balanced);
    assert!((p.objective.max_token_loss.as_percent() - 0.5).abs() < 1e-9);
    assert!((p.headroom.gpu.as_kelvin() - 10.0).abs() < 1e-9);
    assert!((p.headroom.k_sigma() - 1.645).abs() < 1e-3);
    assert_eq!(p.grid.ramp_up, None);
    assert_eq!(p.grid.notice, Span::from_s(600.0));
    // Defaults of `prefer` hold with and without the section.
    let w = with("[objective]\nprefer = \"watts\"\n");
    assert!((w.objective.max_token_loss.as_percent() - 3.0).abs() < 1e-9);
}

#[test]
fn every_key_arrives_in_its_type() {
    let p = policy(FULL);
    assert_eq!(
        (p.modes.of("caps"), p.modes.of("cdu"), p.modes.of("tower")),
        (Mode::Active, Mode::Shadow, Mode::Advisory)
    );
    let o = &p.objective;
    assert_eq!(o.currency, "EUR");
    assert!(
        (o.electricity.as_per_kwh() - 0.12).abs() < 1e-12 && (o.tokens.as_per_million() - 0.5).abs() < 1e-12
    );
    assert!((o.targets.pue.unwrap() - 1.12).abs() < 1e-12);
    assert_eq!(o.targets.throttled, Some(Span::from_s(1.0)));
    assert!((p.headroom.k_sigma() - 2.326).abs() < 1e-3);
    assert!((p.grid.ramp_up.unwrap().per_s - 50e3 / 60.0).abs() < 1e-9);
    let swing = p.grid.swing.unwrap();
    assert!(
        (swing.band.0.as_megahertz() - 0.1e-6).abs() < 1e-15 && swing.amplitude == Power::kilowatts(20.0)
    );
    let site = site();
    assert_eq!(p.job_priority(&site, JobId(0)), 5);
    assert_eq!(p.job_priority(&site, JobId(1)), 7);
}

#[test]
fn limits_narrow_and_never_widen() {
    let (p, site) = (policy(FULL), site());
    assert_eq!(p.actuator_range(&site, ActuatorId(0)), Some((22.0, 38.0)));
    assert_eq!(p.actuator_range(&site, ActuatorId(1)), Some((10.0, 30.0)));
    assert!((p.actuator_ramp_per_s(&site, ActuatorId(0)).unwrap() - 0.5 / 300.0).abs() < 1e-12);
    assert_eq!(p.point_limits(&site, PointId(0)), (Some(20.0), Some(43.0)));
    assert_eq!(p.point_limits(&site, PointId(1)), (Some(100.0), None));
    assert!((p.point_margin(&site, PointId(0), 43.0) - 2.0).abs() < 1e-12);
    assert!((p.point_margin(&site, PointId(1), 100.0) - 3.0).abs() < 1e-12);
    assert!((p.point_margin(&site, PointId(2), 40.0) - 1.5).abs() < 1e-12);
    // Even a policy that was not checked cannot widen.
    let wide = policy(&FULL.replace("\"43 degC\"", "\"60 degC\"").replace("\"22 degC\"", "\"1 degC\""));
    assert_eq!(wide.point_limits(&site, PointId(0)).1, Some(45.0));
    assert_eq!(wide.actuator_range(&site, ActuatorId(0)), Some((20.0, 38.0)));
}

#[test]
fn the_budget_in_force() {
    let p = policy(FULL);
    // Thursday 2026-12-03, winter: 17:00 local is 16:00 UTC.
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 3, 15, 59)), Some(8.0));
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 3, 16, 0)), Some(6.0));
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 3, 18, 59)), Some(6.0));
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 3, 19, 0)), Some(8.0));
    // In summer 15:00 UTC. Not on Saturday 2026-07-04.
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 7, 2, 15, 0)), Some(6.0));
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 7, 4, 15, 30)), Some(8.0));
    // Once, with the higher priority, instead of the lower ones.
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 24, 16, 0)), Some(9.0));
    assert_eq!(kilowatts(&p, "busway-1", utc(2026, 12, 24, 20, 0)), Some(8.0));
    // The site's own, where the policy says nothing; nothing where neither does.
    assert_eq!(kilowatts(&p, "feed-a", utc(2026, 12, 3, 17, 0)), Some(12.0));
    assert_eq!(kilowatts(&p, "spare", utc(2026, 12, 3, 17, 0)), None);
    // Never above the site's.
    let wide = with("[[budget]]\nbranch = \"busway-1\"\nlimit = \"99 kW\"\n");
    assert_eq!(kilowatts(&wide, "busway-1", utc(2026, 12, 3, 17, 0)), Some(10.0));
}

#[test]
fn past_midnight_the_day_is_that_of_the_begin() {
    let p = with(
        "[[budget]]\nbranch = \"spare\"\nlimit = \"1 kW\"\nfrom = \"22:00\"\nto = \"06:00\"\ndays = [\"fri\"]\n",
    );
    let on = |d, h| kilowatts(&p, "spare", utc(2026, 12, d, h, 0)).is_some();
    assert!(!on(4, 21) && on(4, 22) && on(5, 0) && on(5, 5) && !on(5, 6) && !on(5, 22) && !on(4, 1));
}

#[test]
fn summer_time_begins_and_ends_by_the_law() {
    // A budget from local noon on shows the offset: EU 2026-03-29 to 2026-10-25, US 2026-03-08 to 2026-11-01.
    let noon = |clock: &str| {
        with(&format!(
            "[clock]\n{clock}\n[[budget]]\nbranch = \"spare\"\nlimit = \"1 kW\"\nfrom = \"12:00\"\nto = \"24:00\"\n"
        ))
    };
    let eu = noon("utc-offset = \"+01:00\"\nsummer-time = \"eu\"");
    let begins = |p: &Policy, mo, d, h| {
        kilowatts(p, "spare", utc(2026, mo, d, h, 0)).is_some()
            && kilowatts(p, "spare", utc(2026, mo, d, h - 1, 59)).is_none()
    };
    assert!(
        begins(&eu, 3, 28, 11)
            && begins(&eu, 3, 29, 10)
            && begins(&eu, 10, 24, 10)
            && begins(&eu, 10, 25, 11)
    );
    let us = noon("utc-offset = \"-06:00\"\nsummer-time = \"us\"");
    assert!(
        begins(&us, 3, 7, 18) && begins(&us, 3, 8, 17) && begins(&us, 10, 31, 17) && begins(&us, 11, 1, 18)
    );
    let none = noon("utc-offset = \"+05:30\"");
    assert!(kilowatts(&none, "spare", utc(2026, 7, 1, 6, 30)).is_some());
    assert!(kilowatts(&none, "spare", utc(2026, 7, 1, 6, 29)).is_none());
}

#[test]
fn what_is_coming_is_known_ahead() {
    let (p, site) = (policy(FULL), site());
    let b = branch(&site, "busway-1");
    let now = utc(2026, 12, 3, 15, 50);
    assert_eq!(p.next_budget_change(&site, b, now), Some(utc(2026, 12, 3, 16, 0)));
    assert_eq!(p.lowest_budget(&site, b, now, Span::from_s(300.0)), Some(Power::kilowatts(8.0)));
    assert_eq!(p.lowest_budget(&site, b, now, p.grid.notice), Some(Power::kilowatts(6.0)));
    // From Friday evening the next change is on Monday.
    assert_eq!(p.next_budget_change(&site, b, utc(2026, 12, 4, 19, 0)), Some(utc(2026, 12, 7, 16, 0)));
    assert_eq!(p.next_budget_change(&site, branch(&site, "spare"), now), None);
}

proptest! {
    /// Between a stamp and the next change nothing changes, and at the next change the schedule does.
    #[test]
    fn next_change_is_the_next_change(
        hour in 0_i64..24 * 400, from in 0..24_u32, to in 0..24_u32, day in 0..7_usize,
        summer in prop::sample::select(vec!["none", "eu", "us"]), step in 1..60_i64,
    ) {
        prop_assume!(from != to);
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let p = with(&format!(
            "[clock]\nutc-offset = \"-05:00\"\nsummer-time = \"{summer}\"\n[[budget]]\nbranch = \"spare\"\n\
             limit = \"1 kW\"\nfrom = \"{from:02}:30\"\nto = \"{to:02}:30\"\ndays = [\"{}\", \"{}\"]\n",
            days[day], days[(day + 3) % 7]
        ));
        let site = site();
        let b = branch(&site, "spare");
        let mut at = utc(2026, 1, 1, 0, 0) + Span::from_s(hour as f64 * 3600.0);
        let now = p.budget_at(&site, b, at);
        let next = p.next_budget_change(&site, b, at).unwrap();
        prop_assert!(next > at);
        prop_assert_ne!(p.budget_at(&site, b, next), now);
        while at < next {
            prop_assert_eq!(p.budget_at(&site, b, at), now);
            at = at + Span::from_s(step as f64 * 60.0);
        }
    }

    /// Whatever a policy says, a branch never gets more than the site gives it.
    #[test]
    fn never_above_the_site(kw in 0.1..100.0_f64, share in 1.0..100.0_f64, priority in -3..3_i64, hour in 0..200_i64) {
        let text = format!(
            "format = 1\nname = \"x\"\n[[budget]]\nbranch = \"busway-1\"\nlimit = \"{kw} kW\"\n\
             [[budget]]\nkind = \"busway\"\nlimit = \"{share} %\"\npriority = {priority}\nfrom = \"08:00\"\nto = \"09:00\"\n"
        );
        let p = read_policy("x", &text).unwrap();
        let got = kilowatts(&p, "busway-1", utc(2026, 5, 1, hour, 30)).unwrap();
        prop_assert!(got <= 10.0);
    }
}
