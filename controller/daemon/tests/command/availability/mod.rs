//! Two controllers of one plant: whatever becomes of the leader or of the store, one goes on, and no setpoint jumps.
//!
//! Needs NATS or etcd; each step runs on both. Takeovers are wall time.

mod scene;

use crate::common::modbus::Device;
use crate::common::stores::Kind;
use crate::common::{GPUS, turn, until};
use scene::{Controller, SOON, Scene};
use std::time::{Duration, Instant};

const TERM: Duration = Duration::from_secs(2);
/// One step of a value as it stands on the wire.
const COUNT: f64 = 0.011;
/// A takeover, with a machine that is busy.
const TAKEOVER: Duration = Duration::from_secs(15);

/// All that is held is held still.
fn check_held(s: &Scene, water: &mut Device, least: usize, what: &str) {
    assert_eq!(s.relinquished(), 0, "{what}: nothing is relinquished");
    for (topic, (step, beyond)) in &s.steps() {
        let log = s.log.lock().unwrap();
        let of_it: Vec<_> =
            log.requests.iter().chain(&log.in_force).filter(|r| r.1.topic == *topic).collect();
        assert!(*beyond <= COUNT, "{what}: {topic} moved by {step} at once: {of_it:?}");
    }
    assert!(least > GPUS / 8, "{what}: caps stand all the while, {least} GPUs at the least");
    assert!(water.value("remote-enable") > 0.5, "{what}: the chillers are still ours");
}

/// The leader dies. The one that is left.
fn cut(s: &Scene, mut leader: Controller, standby: Controller, water: &mut Device) -> Controller {
    let before = s.epoch();
    leader.party.kill();
    let at = Instant::now();
    let least = s.watch(TERM * 2 + Duration::from_secs(3));
    let took = s.taken_over(before, at);
    println!(
        "kill -9: {:.2} s until the next one commands, epoch {before} -> {}",
        took.as_secs_f64(),
        s.epoch()
    );
    assert!(took < TAKEOVER && standby.leads());
    check_held(s, water, least, "after kill -9");
    standby
}

/// The leader stands still for longer than its term, and goes on believing.
fn stands_still(s: &Scene, leader: &Controller, standby: &Controller, water: &mut Device) {
    until(SOON, "the other stands by", || standby.is_ready());
    let before = s.epoch();
    leader.signal("-STOP");
    let at = Instant::now();
    let took = s.taken_over(before, at);
    let least = s.watch(TERM);
    let after = s.epoch();
    leader.signal("-CONT");
    let awake = Instant::now();
    let least = least.min(s.watch(TERM * 3));
    {
        let log = s.log.lock().unwrap();
        let late = log.epochs.iter().filter(|(t, e)| *t > awake && *e < after).count();
        assert_eq!(late, 0, "not one command of the one before");
        assert!(log.epochs.iter().filter(|(t, _)| *t > awake).count() > 0);
    }
    println!("SIGSTOP: {:.2} s until the next one commands, epoch {before} -> {after}", took.as_secs_f64());
    assert!(took < TAKEOVER && standby.leads() && !leader.leads());
    assert!(leader.party.text().contains("leads no more"), "{}", leader.party.text());
    check_held(s, water, least, "after SIGCONT");
    let offices: Vec<String> =
        leader.journal().iter().filter_map(|r| Some(r["office"].as_str()?.to_owned())).collect();
    let last = offices.iter().rposition(|o| o == "leader").unwrap();
    assert!(offices[last + 1..].iter().any(|o| o == "standby"), "each change is in the journal");
}

/// The leader is told to end.
fn handover(s: &Scene, mut leader: Controller, standby: &Controller, water: &mut Device) {
    until(SOON, "the other stands by", || standby.is_ready());
    until(SOON, "the leader sees it", || {
        leader.status().is_some_and(|v| v["leadership"]["standbys"].as_array().is_some_and(|l| l.len() == 1))
    });
    let before = s.epoch();
    let at = Instant::now();
    leader.signal("-TERM");
    let took = s.taken_over(before, at);
    assert!(leader.party.ended(Duration::from_secs(30)).success());
    let least = s.watch(TERM * 2);
    println!("SIGTERM: {:.2} s until the next one commands", took.as_secs_f64());
    assert!(leader.party.text().contains("handed over"), "{}", leader.party.text());
    assert!(took < TAKEOVER && standby.leads());
    check_held(s, water, least, "after the handover");
}

/// The store is cut for a while.
fn without_store(s: &Scene, leader: &Controller, water: &mut Device) {
    let before = s.epoch();
    s.store.pause();
    // It keeps nobody waiting: half a term, and what was on its way.
    let least = s.watch(TERM);
    let quiet = Instant::now();
    let least = least.min(s.watch(TERM));
    {
        let log = s.log.lock().unwrap();
        let said = log.epochs.iter().filter(|(t, _)| *t > quiet).count()
            + log.requests.iter().filter(|(t, _)| *t > quiet).count()
            + log.beats.iter().filter(|t| **t > quiet).count();
        assert_eq!(said, 0, "without the store nothing is said");
    }
    let status = leader.status().unwrap();
    assert!(
        status["leadership"]["trouble"].is_string() && status["leadership"]["leads"] == false,
        "{status}"
    );
    s.store.resume();
    let took = s.taken_over(before, Instant::now());
    println!(
        "the store: {:.2} s after its return it commands again, epoch {before} -> {}",
        took.as_secs_f64(),
        s.epoch()
    );
    check_held(s, water, least, "after the store's return");
}

fn all_of_it(kind: Kind) {
    let _turn = turn();
    let Some(s) = Scene::new(kind, 4.0, TERM.as_secs_f64()) else { return };
    let mut water = Device::of(&s.plant.site(), "chiller-plant");
    let a = s.controller("a");
    until(SOON, "the first one leads", || a.leads());
    let b = s.controller("b");
    until(SOON, "caps are held", || s.capped() > GPUS / 4);
    until(2 * SOON, "the water's setpoint is ours", || water.value("remote-enable") > 0.5);
    until(2 * SOON, "setpoints have moved", || s.steps().values().any(|(step, _)| *step > 0.0));
    until(SOON, "the other stands by", || b.is_ready());
    let status = b.status().unwrap();
    assert_eq!(
        (&status["leadership"]["leader"], &status["writes"]),
        (&"a".into(), &0.into()),
        "it writes nothing"
    );
    assert!(status["setpoints"].as_array().is_some_and(|all| !all.is_empty()), "and says what it would ask");

    let b = cut(&s, a, b, &mut water);
    let a = s.controller("a");
    stands_still(&s, &b, &a, &mut water);
    handover(&s, a, &b, &mut water);
    without_store(&s, &b, &mut water);
    // Alone, it lets go as ever.
    let mut b = b;
    assert!(b.party.terminate().success() && b.party.text().contains("released: the BMS has its own"));
    until(3 * SOON, "the chillers are the plant's own", || water.value("remote-enable") < 0.5);
    until(3 * SOON, "the GPUs have what was found", || s.limits() == s.found);
    println!("steps at the most, and beyond the ramp: {:?}", s.steps());
}

#[test]
fn one_controller_goes_on_whatever_becomes_of_the_other_through_nats() {
    all_of_it(Kind::Nats);
}

#[test]
fn one_controller_goes_on_whatever_becomes_of_the_other_through_etcd() {
    all_of_it(Kind::Etcd);
}

/// How long takeovers last: twenty deaths of the leader on each store, with the default term.
#[test]
#[ignore = "a measurement of some minutes, for the book"]
fn twenty_leaders_die() {
    let _turn = turn();
    std::thread::scope(|scope| {
        for kind in [Kind::Nats, Kind::Etcd] {
            scope.spawn(move || measure(kind));
        }
    });
}

fn measure(kind: Kind) {
    let Some(s) = Scene::new(kind, 4.0, 3.0) else { return };
    let mut leader = s.controller("c0");
    until(2 * SOON, "caps are held", || s.capped() > GPUS / 4);
    let mut took = Vec::new();
    for k in 1..=20 {
        let standby = s.controller(&format!("c{k}"));
        until(2 * SOON, "the other stands by", || standby.is_ready());
        let (before, at) = (s.epoch(), Instant::now());
        leader.party.kill();
        took.push(s.taken_over(before, at).as_secs_f64());
        leader = standby;
    }
    took.sort_by(f64::total_cmp);
    let (median, longest) = (f64::midpoint(took[9], took[10]), took[19]);
    println!(
        "{kind:?}: 20 takeovers with a term of 3 s: median {median:.2} s, longest {longest:.2} s; relinquished {}, capped at the end {}, steps at the most and beyond the ramp {:?}",
        s.relinquished(),
        s.capped(),
        s.steps()
    );
}
