use super::*;
use crate::tests::{CDU_SUPPLY, at, reading, reports, site, wants};
use headroom_site::model::DcgmSpec;
use headroom_site::{ActuatorId, Offered, Outcome, Receipt, Target};

pub(crate) fn line(more: &str) -> Line {
    let site = site();
    let wants = wants(&site, more);
    Line::with_wants(&site, wants, Identity { who: "test".to_owned(), epoch: 1 })
}

/// What arrives in a second: loads that swing, a budget that falls after a minute, temperatures that follow.
pub(crate) fn inbox(site: &Site, s: f64) -> Inbox {
    let load = 520.0 + 60.0 * (s * 0.37).sin();
    let limit_w = if s < 60.0 { 4_000.0 } else { 1_900.0 };
    let total = 4.0 * f64::from(load as f32) + 250.0;
    let values = [
        ("feed-power", total),
        ("feed-limit", limit_w),
        ("cdu-supply", 30.0 + 0.2 * (s * 0.11).cos()),
        ("cdu-setpoint", 30.0),
        ("dp", 90.0),
        ("dp-setpoint", 90.0),
        ("fws-supply", 20.0),
        ("fws-setpoint", 20.0),
        ("rack-flow", 6.0),
        ("chiller-power", 10_000.0),
        ("pump-power", 2_000.0),
        ("tokens", 1_000.0 * s),
    ];
    let readings = values.iter().map(|(id, v)| reading(site, id, s, *v)).collect();
    Inbox { readings, nodes: reports(s, [load as f32; 4]), ..Inbox::default() }
}

/// Everything that a tick decided, to the bit: the shortest decimal of a float names one float.
fn bits(tick: &Tick) -> String {
    format!("{tick:?}")
}

#[test]
fn same_inboxes_same_decisions_to_the_bit() {
    let (mut one, mut two, mut other) = (line(""), line(""), line(""));
    let site = site();
    let (mut setpoints, mut caps) = (0, 0);
    for second in 0..180 {
        let s = f64::from(second);
        let mut bent = inbox(&site, s);
        if second == 90 {
            bent.readings[2].value = f64::from_bits(bent.readings[2].value.to_bits() + 1);
        }
        let (a, b) = (one.tick(&inbox(&site, s), at(s)), two.tick(&inbox(&site, s), at(s)));
        other.tick(&bent, at(s));
        let digest = |l: &Line| l.snapshot().digest();
        assert_eq!((digest(&one), &a.commands), (digest(&two), &b.commands), "{s} s");
        assert_eq!(bits(&a), bits(&b), "{s} s");
        assert_eq!(
            digest(&one) == digest(&other),
            second != 90,
            "the digest tells who has seen something else: {s} s"
        );
        setpoints += a.commands.iter().filter(|c| matches!(c, Command::Setpoint(_))).count();
        caps += a.commands.iter().filter(|c| matches!(c, Command::Caps(_))).count();
    }
    assert!(setpoints > 0 && caps > 0, "{setpoints} setpoints, {caps} caps");
}

#[test]
fn the_budget_is_kept_from_the_tick_that_hears_of_it() {
    let (mut line, site) = (line(""), site());
    for s in 0..120 {
        let s = f64::from(s);
        let tick = line.tick(&inbox(&site, s), at(s));
        let asked: f64 = line.caps().cap_w.iter().sum();
        if s < 60.0 {
            assert!(!tick.caps_bind && tick.commands.iter().all(|c| !matches!(c, Command::Caps(_))), "{s} s");
        } else {
            let room = line.outlook().budget_w[0] - line.estimate().other_w[0];
            assert!(tick.caps_bind && asked <= room + 1e-6 && room < 1_900.0, "{s} s: {asked} of {room}");
        }
    }
}

#[test]
fn advisory_says_the_same_and_commands_nothing() {
    let (mut active, site) = (line(""), site());
    let mut advised = wants(&site, "");
    advised.advise_only();
    let mut advisory = Line::with_wants(&site, advised, Identity { who: "test".to_owned(), epoch: 1 });
    let a = active.tick(&inbox(&site, 0.0), at(0.0));
    let b = advisory.tick(&inbox(&site, 0.0), at(0.0));
    assert!(!a.commands.is_empty() && b.commands.is_empty());
    let said = |t: &Tick| t.advice.iter().map(|x| (x.actuator, x.proposal.clone())).collect::<Vec<_>>();
    assert_eq!(said(&a), said(&b));
    assert_eq!(said(&a).len(), 3);
}

#[test]
fn what_an_operator_has_is_left_to_him_for_a_minute() {
    let (mut line, site) = (line(""), site());
    let mut refused = inbox(&site, 0.0);
    refused.receipts.push(Receipt {
        target: Target::Actuator(ActuatorId(CDU_SUPPLY as u32)),
        sequence: 1,
        epoch: 1,
        outcome: Outcome::Refused("local".to_owned()),
    });
    let held = |t: &Tick| t.advice.iter().find(|a| a.actuator == CDU_SUPPLY).map(|a| a.verdict.value());
    assert_eq!(held(&line.tick(&refused, at(0.0))), Some(None));
    assert_eq!(held(&line.tick(&inbox(&site, 30.0), at(30.0))), Some(None));
    assert!(held(&line.tick(&inbox(&site, 60.0), at(60.0))).flatten().is_some());
}

#[test]
fn read_backs_that_are_missing_stop_the_heartbeat() {
    let (mut line, site) = (line(""), site());
    assert!(line.tick(&inbox(&site, 0.0), at(0.0)).verified);
    let silent = Inbox { nodes: reports(200.0, [500.0; 4]), ..Inbox::default() };
    assert!(!line.tick(&silent, at(200.0)).verified, "setpoints are held, their read-backs are stale");
}

#[test]
fn one_read_back_that_is_missing_costs_its_setpoint_and_not_the_others() {
    let (mut line, site) = (line(""), site());
    let (mut let_go, mut unverified_s) = (Vec::new(), 0);
    for second in 0..900 {
        let s = f64::from(second);
        let mut inbox = inbox(&site, s);
        // The others come with the next reading.
        for (i, a) in site.actuators.iter().enumerate() {
            let Some(held) = line.held(i) else { continue };
            inbox.readings.iter_mut().filter(|r| Some(r.point) == a.readback).for_each(|r| r.value = held);
        }
        if second > 30 {
            inbox.readings.retain(|r| site.point("cdu-setpoint") != Some(r.point));
        }
        let tick = line.tick(&inbox, at(s));
        unverified_s += u32::from(!tick.verified);
        let released = |c: &Command| match c {
            Command::Setpoint(c) if c.value.is_none() => Some(c.actuator.index()),
            _ => None,
        };
        let_go.extend(tick.commands.iter().filter_map(released).map(|actuator| (second, actuator)));
    }
    let [(second, CDU_SUPPLY)] = let_go[..] else { panic!("{let_go:?}") };
    let stale_s = site.points[site.point("cdu-setpoint").unwrap().index()].stale_after.s();
    assert!(f64::from(second) <= 30.0 + stale_s + 61.0, "{second} s");
    // Less than the three periods after which nobody believes the heartbeat any more.
    assert!((1..90).contains(&unverified_s), "{unverified_s} s");
}

#[test]
fn a_setpoint_that_is_not_read_back_walks_home_before_it_is_let_go() {
    let (mut line, site) = (line(""), site());
    let point = site.point("cdu-setpoint").unwrap();
    let (mut walked, mut let_go, mut unverified_s) = (Vec::new(), None, 0);
    for second in 0..2_000 {
        let s = f64::from(second);
        let mut inbox = inbox(&site, s);
        inbox.readings.retain(|r| second <= 60 || r.point != point);
        inbox.readings.iter_mut().filter(|r| r.point == point).for_each(|r| r.value = 33.0);
        let tick = line.tick(&inbox, at(s));
        unverified_s += u32::from(!tick.verified);
        let own = tick.advice.iter().find(|a| a.actuator == CDU_SUPPLY);
        walked.extend(own.filter(|a| a.proposal.why == Why::HandBack).and_then(|a| a.verdict.value()));
        let released = tick.commands.iter().any(|c| match c {
            Command::Setpoint(c) => c.actuator.index() == CDU_SUPPLY && c.value.is_none(),
            Command::Caps(_) => false,
        });
        if released {
            assert_eq!(let_go.replace(second), None, "once");
        }
    }
    let a = &site.actuators[CDU_SUPPLY];
    let steps: Vec<f64> = walked.windows(2).map(|w| w[0] - w[1]).collect();
    assert!(steps.len() > 10 && steps.iter().all(|k| (0.0..=a.step).contains(k)), "{walked:?}");
    assert!(
        walked[0] > 32.0 && walked.last().is_some_and(|v| v - a.fallback <= a.deadband + 1e-9),
        "{walked:?}"
    );
    // A kelvin in five minutes.
    assert!((900..1_300).contains(&let_go.unwrap()), "{let_go:?}");
    assert!((1..90).contains(&unverified_s), "the others keep their heartbeat: {unverified_s} s");
}

#[test]
fn gpus_of_a_page_are_counted_and_never_commanded() {
    let mut site = site();
    let (poll, collect) = (Span::from_s(1.0), Span::from_s(30.0));
    site.dcgm.push(DcgmSpec { id: "page".to_owned(), url: String::new(), poll, collect });
    site.nodes[1].dcgm = Some(0);
    let wants = wants(&site, "");
    let mut line = Line::with_wants(&site, wants, Identity { who: "test".to_owned(), epoch: 1 });
    let mut nodes_told = std::collections::BTreeSet::new();
    for second in 0..120 {
        let s = f64::from(second);
        let mut inbox = inbox(&site, s);
        // A collection each 30 s, under a limit of 450 W that others have set; the last one is 59 s old at the end.
        for (_, sample) in &mut inbox.nodes[1].gpus {
            sample.enforced_cap_w = Offered::new(450.0);
            sample.power_w = Offered::new(400.0);
        }
        if second % 30 != 0 || second > 60 {
            inbox.nodes.remove(1);
        }
        let tick = line.tick(&inbox, at(s));
        assert!(line.snapshot().nodes[1].heard, "{s} s: two collections, not five seconds");
        let age_s = if second > 60 { second - 60 } else { second % 30 };
        assert_eq!(
            line.snapshot().gpus[2].vouches(),
            age_s <= 10,
            "{s} s: no meter is compared with it later"
        );
        let cap_w = &line.caps().cap_w;
        assert_eq!(cap_w[2..], [450.0; 2], "{s} s: what others allow it");
        if s >= 61.0 {
            let room = line.outlook().budget_w[0] - line.estimate().other_w[0];
            assert!(tick.caps_bind && cap_w.iter().sum::<f64>() <= room + 1e-6, "{s} s: {cap_w:?} of {room}");
        }
        for command in &tick.commands {
            if let Command::Caps(caps) = command {
                nodes_told.insert(caps.node.to_string());
            }
        }
    }
    assert_eq!(nodes_told.into_iter().collect::<Vec<_>>(), ["n1"]);
    // Not heard of any more, it may draw what its board can.
    line.tick(&inbox(&site, 121.0), at(121.0));
    let mut later = inbox(&site, 200.0);
    later.nodes.remove(1);
    line.tick(&later, at(200.0));
    assert_eq!(line.caps().cap_w[2..], [700.0; 2]);
}

#[test]
fn a_controller_that_was_succeeded_says_nothing_more() {
    let (mut line, site) = (line(""), site());
    let receipt = |epoch| headroom_site::gpu::CapReceipt { epoch, sequence: 1, refused: None };
    let mut spoke = 0;
    for second in 0_u32..120 {
        let s = f64::from(second);
        let mut inbox = inbox(&site, s);
        // Receipts of its own and of one that it has succeeded itself are no matter.
        let epoch = if second < 70 { u64::from(second % 2) } else { 2 };
        inbox.nodes[0].receipt = Some(receipt(epoch));
        let tick = line.tick(&inbox, at(s));
        if second < 70 {
            assert_eq!(line.succeeded(), None);
            spoke += tick.commands.len();
        } else {
            assert_eq!((line.succeeded(), tick.commands.len(), tick.verified), (Some(2), 0, false), "{s} s");
            // What it would have done is still there to be seen.
            assert!(tick.caps_bind);
        }
    }
    assert!(spoke > 0);
}
