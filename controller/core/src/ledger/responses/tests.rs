use super::super::{Accounts, Hour};
use crate::Line;
use crate::line::tests::{inbox, line};
use crate::tests::{at, reading, site};
use headroom_site::Offered;
use std::ops::Range;

/// A line under a policy, its draw following its caps, its limit point saying `limit_w`; what was booked.
fn booked(
    line: &mut Line,
    accounts: &mut Accounts,
    seconds: Range<u32>,
    limit_w: impl Fn(f64) -> f64,
) -> Hour {
    let site = site();
    for s in seconds.map(f64::from) {
        let mut told = inbox(&site, s);
        let caps = &line.caps().cap_w;
        for (n, node) in told.nodes.iter_mut().enumerate() {
            for (g, (_, sample)) in node.gpus.iter_mut().enumerate() {
                sample.power_w = Offered::new(caps[2 * n + g].min(550.0) as f32);
                sample.clock_mhz = Offered::new(if caps[2 * n + g] < 550.0 { 1_500.0 } else { 1_980.0 });
            }
        }
        let drawn: f64 = caps.iter().map(|w| w.min(550.0)).sum();
        told.readings[0] = reading(&site, "feed-power", s, drawn + 250.0);
        told.readings[1] = reading(&site, "feed-limit", s, limit_w(s));
        line.tick(&told, at(s));
        accounts.book(line);
    }
    let mut all = Hour::default();
    while let Some(hour) = accounts.closed() {
        all.add(&hour);
    }
    all.add(&accounts.open(line));
    all
}

fn for_an_hour(s: f64) -> f64 {
    if (900.0..4_500.0).contains(&s) { 1_900.0 } else { 9_000.0 }
}

#[test]
fn a_response_is_booked_from_its_fall_to_its_return_over_hours() {
    let mut line = line("[grid]\nramp-up = \"300 W/min\"\n");
    let mut accounts = Accounts::new(&line, 1);
    let hour = booked(&mut line, &mut accounts, 0..6_000, for_an_hour);
    let [r] = hour.responses.as_slice() else { panic!("{:#?}", hour.responses) };
    assert_eq!((r.branch.as_str(), r.asked_by.as_str(), r.unmet), ("feed", "limit point", false));
    assert_eq!(r.from_unix_ms, at(900.0).unix_ms());
    assert_eq!(r.to_unix_ms, Some(at(4_500.0).unix_ms()));
    assert!((r.limit_w - 1_900.0).abs() < 1e-9 && (r.under.seen_s - 3_600.0).abs() < 1.5, "{r:?}");
    assert!(r.met_s.is_some_and(|s| (1.0..=10.0).contains(&s)), "{r:?}");
    assert!(r.under.kept_s > 3_590.0 && r.over_w < 1.0, "{r:?}");
    // It drew 2.45 kW, and draws 1.9 kW less the reserve.
    assert!(r.before_w.is_some_and(|w| (w - 2_450.0).abs() < 5.0), "{r:?}");
    assert!((r.below_before_j / 3_600.0 - 570.0).abs() < 60.0, "{r:?}");
    // 1,000 tokens a second at 1,500 of 1,980 MHz, where tokens are taken to follow clocks by three quarters.
    assert!((r.lost_tokens / 3_600.0 - 0.75 * 320.0).abs() < 32.0 && r.sigma_tokens > 0.0, "{r:?}");
    assert!(r.below_before_tokens.abs() < 0.01 * 3_600e3, "the counter went on as before: {r:?}");
    assert!((r.counted_gpu_s / r.busy_gpu_s - 0.5).abs() < 0.01, "one job of two counts tokens");
    assert!(r.rise_w_per_s > 0.5 && r.rise_w_per_s <= 5.0 + 1e-9 && r.ramp_w_per_s == Some(5.0), "{r:?}");
}

#[test]
fn a_limit_that_binds_nothing_is_no_response() {
    let mut line = line("");
    let mut accounts = Accounts::new(&line, 1);
    let hour = booked(&mut line, &mut accounts, 0..1_000, |s| if s > 500.0 { 3_500.0 } else { 9_000.0 });
    assert!(hour.responses.is_empty(), "{:#?}", hour.responses);
}

#[test]
fn another_controller_goes_on_with_what_was_left_open() {
    let mut first = line("");
    let mut accounts = Accounts::new(&first, 1);
    let mut all = booked(&mut first, &mut accounts, 0..2_000, for_an_hour);
    let (mut second, left) = (line(""), all.responses.clone());
    let mut accounts = Accounts::new(&second, 2);
    accounts.take_up(&left);
    all.add(&booked(&mut second, &mut accounts, 2_100..6_000, for_an_hour));
    let [r] = all.responses.as_slice() else { panic!("{:#?}", all.responses) };
    assert_eq!((r.from_unix_ms, r.to_unix_ms), (at(900.0).unix_ms(), Some(at(4_500.0).unix_ms())));
    assert!((r.under.seen_s - 3_500.0).abs() < 5.0 && r.met_s.is_some_and(|s| s < 20.0), "{r:?}");
}

#[test]
fn one_that_ended_while_nobody_looked_is_closed() {
    let mut first = line("");
    let mut accounts = Accounts::new(&first, 1);
    let mut all = booked(&mut first, &mut accounts, 0..2_000, for_an_hour);
    let mut second = line("");
    let mut accounts = Accounts::new(&second, 2);
    accounts.take_up(&all.responses);
    all.add(&booked(&mut second, &mut accounts, 5_000..5_200, for_an_hour));
    let [r] = all.responses.as_slice() else { panic!("{:#?}", all.responses) };
    assert!(
        r.to_unix_ms.is_some_and(|to| (5_000..5_002).contains(&((to - at(0.0).unix_ms()) / 1_000))),
        "{r:?}"
    );
}
