use crate::align::Align;
use crate::tests::{at, reading, report, sample, site};
use headroom_belief::ClockFault;
use headroom_site::file::read_site;
use headroom_site::gpu::Answer;
use headroom_site::{Inbox, NodeReport, Quality, Reading, Reason, Site, Span};
use std::path::Path;

/// SplitMix64, 0 to 1.
fn dice(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A reading of what was so at a second, stamped by a clock that is `ahead_s` of ours, arrived `delay_s` later.
fn said(site: &Site, s: f64, ahead_s: f64, delay_s: f64) -> Reading {
    let value = 31.0 + 0.001 * s;
    reading(site, "cdu-supply", s + ahead_s, value).arrived(at(s + delay_s))
}

/// Plays some seconds of an object whose clock is ahead; errors of the stamps in the snapshot \[s\], with their doubt.
fn play(align: &mut Align, site: &Site, from: u32, ahead_s: f64, seconds: u32) -> Vec<f64> {
    let (mut seed, point) = (1, site.point("cdu-supply").unwrap());
    (from..from + seconds)
        .map(|k| {
            let s = f64::from(k);
            let delay_s = 0.03 + 0.05 * dice(&mut seed);
            let readings = vec![said(site, s, ahead_s, delay_s)];
            align.take(&Inbox { readings, ..Inbox::default() });
            let known = align.snapshot(at(s + 0.1)).points[point.index()];
            let error_s = known.stamp.since(at(s)).s();
            if known.quality.is_good() { error_s } else { f64::NAN }
        })
        .collect()
}

#[test]
fn stamps_of_a_clock_that_is_off_are_put_right() {
    let site = site();
    for ahead_s in [-15.0, 1.5, 5.0] {
        let mut align = Align::new(&site);
        let errors = play(&mut align, &site, 0, ahead_s, 400);
        assert!(errors[100..].iter().all(|e| e.abs() < 0.03), "{ahead_s}: {errors:?}");
        let view = align.sources().view().find(|v| v.source == "CDU-01").unwrap();
        assert!(view.corrected && view.fault.is_none());
        let e = view.estimate.unwrap();
        assert!((e.offset_s - ahead_s).abs() < 2.0 * e.sigma_s && e.sigma_s < 0.06, "{e:?}");
    }
}

#[test]
fn a_slow_link_is_not_taken_for_a_clock_that_is_behind() {
    let site = site();
    let mut align = Align::new(&site);
    // Arrivals are two seconds later than they need be: a clock behind would look the same.
    let errors = play(&mut align, &site, 0, -2.0, 400);
    assert!(errors.iter().all(|e| (e + 2.0).abs() < 1e-6));
    let view = align.sources().view().find(|v| v.source == "CDU-01").unwrap();
    let e = view.estimate.unwrap();
    assert!(!view.corrected && (e.offset_s + 2.0).abs() < 0.1 && e.sigma_s > 2.0, "{e:?}");
}

#[test]
fn a_clock_under_ntp_is_left_alone() {
    let site = site();
    let mut align = Align::new(&site);
    let errors = play(&mut align, &site, 0, 0.04, 400);
    assert!(errors.iter().all(|e| (e - 0.04).abs() < 1e-6));
    assert!(align.sources().view().all(|v| !v.corrected));
}

#[test]
fn a_time_zone_is_named_and_taken_off() {
    let site = site();
    let mut align = Align::new(&site);
    let errors = play(&mut align, &site, 0, 7200.0, 200);
    // A stamp in the future is not believed before its clock is known.
    assert!(errors[0].is_nan());
    let point = site.point("cdu-supply").unwrap();
    assert!(errors[20..].iter().all(|e| e.abs() < 0.05), "{errors:?}");
    assert!(align.last().points[point.index()].quality.is_good());
    let view = align.sources().view().find(|v| v.source == "CDU-01").unwrap();
    assert_eq!(view.fault, Some(ClockFault::TimeZone { quarters: 8 }));
}

#[test]
fn what_is_read_by_request_has_our_own_time() {
    let site = site();
    let mut align = Align::new(&site);
    let future = reading(&site, "cdu-supply", 10.0, 31.0);
    align.take(&Inbox { readings: vec![future], ..Inbox::default() });
    assert_eq!(align.snapshot(at(0.0)).points[site.point("cdu-supply").unwrap().index()].stamp, at(10.0));
    assert!(align.sources().view().all(|v| v.messages == 0));
}

#[test]
fn a_future_stamp_counts_as_of_its_arrival_with_a_doubt() {
    let site = site();
    let mut align = Align::new(&site);
    align.take(&Inbox { readings: vec![said(&site, 0.0, 9.0, 0.05)], ..Inbox::default() });
    let point = align.snapshot(at(1.0)).points[site.point("cdu-supply").unwrap().index()];
    assert_eq!((point.stamp, point.quality), (at(0.05), Quality::Uncertain(Reason::FutureStamp)));
}

#[test]
fn an_agents_clock_is_known_to_a_millisecond_by_round_trips() {
    let (site, ahead_s) = (site(), -3.25);
    let (mut align, mut seed) = (Align::new(&site), 7);
    let theirs = |s: f64| at(s + ahead_s);
    for k in 0..1200_u64 {
        let s = k as f64;
        let mut looked = sample(s, 600.0, 1980.0);
        looked.stamp = theirs(s);
        let answer = (k % 10 == 3).then(|| {
            let sent_s = s - 0.5;
            Answer { sent: at(sent_s), heard: theirs(sent_s + 0.001 + 0.004 * dice(&mut seed)) }
        });
        let node = NodeReport {
            stamp: theirs(s),
            sent: Some(theirs(s + 0.004)),
            arrival: Some(at(s + 0.005 + 0.004 * dice(&mut seed))),
            answer,
            ..report("n1", 1, k + 1, &[("GPU-a", looked)])
        };
        align.take(&Inbox { nodes: vec![node], ..Inbox::default() });
    }
    let gpu = align.snapshot(at(1199.5)).gpus[0];
    assert!(gpu.sample.stamp.since(at(1199.0)).ns().abs() < 1_000_000, "{}", gpu.sample.stamp);
    assert!(gpu.age < Span::from_ms(502) && gpu.age > Span::from_ms(498));
    let view = align.sources().view().find(|v| v.source == "n1").unwrap();
    assert!(view.agent && view.corrected && view.estimate.unwrap().round_s.is_some());
}

const EDGES: &str = r#"
format = 1
[site]
name = "edges"
[[mqtt]]
id = "s"
url = "mqtt://h"
dialect = "sparkplug"
group = "g"
[[equipment]]
id = "CDU-01"
kind = "cdu"
[[point]]
id = "flow"
of = "CDU-01"
unit = "L/min"
from = { mqtt = "s", edge = "e", device = "d", metric = "Flow" }
[[point]]
id = "cpu"
of = "site"
unit = "%"
from = { mqtt = "s", edge = "e", metric = "CPU" }
"#;

#[test]
fn a_device_behind_an_edge_node_has_a_clock_told_by_when_it_sends_not_by_how_long_it_keeps() {
    let site = read_site("site.toml", EDGES, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    let (mut align, mut seed) = (Align::new(&site), 3);
    let (ahead_s, point) = (-40.0, site.point("flow").unwrap());
    for k in 0..400_u32 {
        // Sent up to half a minute after it was true.
        let (s, kept_s) = (f64::from(k), 10.0 + 20.0 * dice(&mut seed));
        let reading = reading(&site, "flow", s - kept_s + ahead_s, 1e-4 + 1e-9 * s)
            .held((kept_s * 1e3) as u32)
            .arrived(at(s + 0.03 + 0.05 * dice(&mut seed)));
        align.take(&Inbox { readings: vec![reading], ..Inbox::default() });
        let known = align.snapshot(at(s + 0.1)).points[point.index()];
        if k >= 100 && k % 50 == 0 {
            assert!(known.stamp.since(at(s)).s() < 0.1 && known.stamp.since(at(s)).s() > -31.0, "{known:?}");
        }
    }
    // What one message brings tells of the clock once, however much it is.
    let before = align.sources().view().next().unwrap().messages;
    let one = reading(&site, "flow", 400.0 + ahead_s, 2e-4).arrived(at(400.05));
    align.take(&Inbox { readings: vec![one; 8], ..Inbox::default() });
    assert_eq!(align.sources().view().next().unwrap().messages, before + 1);
    let names: Vec<_> = align.sources().view().map(|v| v.source).collect();
    assert_eq!(names, ["e/d", "e"]);
    let view = align.sources().view().next().unwrap();
    let e = view.estimate.unwrap();
    assert!(view.corrected && (e.offset_s - ahead_s).abs() < 0.1, "{e:?}");
}
