//! The ledger beside plants whose truth is known: do its lines sum to the meters, and are its causes those that were injected?
//!
//! `HEADROOM_HOURS=8 HEADROOM_SEEDS=3 cargo test --release -p headroom ledger_ -- --nocapture` says it for longer and more.

use super::beside::{Beside, of_env};
use headroom_core::ledger::{Accounts, Cause, Cell, Figures, Hour, Said};
use headroom_sim::scenario::{Event, Scenario};
use headroom_sim::world::{World, WorldConfig};
use headroom_site::gpu::ThrottleReason;
use headroom_truth::gpu::Throttle;
use std::collections::BTreeMap;

/// Throttled GPU-seconds by reason and cause.
type Causes = BTreeMap<(ThrottleReason, Cause), f64>;

/// What came of a plant.
#[derive(Default)]
struct Came {
    /// All hours together, and the hours.
    all: Hour,
    hours: Vec<Hour>,
    /// True energies over the same time: facility, IT, cooling, GPUs; J.
    true_j: [f64; 4],
    /// Water taken from the mains, L.
    true_l: f64,
    /// Throttled time with the causes that were injected.
    truth: Causes,
    /// What jobs are believed to draw less by their wanted clocks, J.
    clocks_j: f64,
}

/// One way to run a plant.
struct Recipe<'a> {
    scenario: Scenario,
    gpus: usize,
    dt_s: f64,
    hours: f64,
    policy: &'a str,
    seed: u64,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self { scenario: Scenario::quiet(), gpus: 128, dt_s: 1.0, hours: 2.0, policy: "watch", seed: 1 }
    }
}

fn powers_w(world: &World) -> [f64; 4] {
    let p = &world.powers;
    let gpus = world.fleet.power_w.iter().map(|w| f64::from(*w)).sum();
    [p.facility_w, p.it_w, p.cooling_w(), gpus]
}

/// Runs it; whoever acts on the plant beside does so before each step.
fn run(recipe: Recipe<'_>, mut act: impl FnMut(&mut World)) -> Came {
    let Recipe { scenario, gpus, dt_s, hours, policy, seed } = recipe;
    let events = scenario.events.clone();
    let config = WorldConfig { gpus, dt_s, warmup_s: 900.0, seed, ..WorldConfig::default() };
    let mut beside = Beside::new(scenario, config, policy);
    let mut accounts = Accounts::new(&beside.line, 1);
    let (mut came, mut before) = (Came::default(), throttled(beside.plant.world()));
    for step in 0..(hours * 3600.0 / dt_s) as usize {
        act(&mut beside.plant.world);
        beside.step();
        accounts.book(&beside.line);
        let world = beside.plant.world();
        came.clocks_j += beside.line.job_clocks().iter().map(|c| c.saves_w).sum::<f64>() * dt_s;
        let now = throttled(world);
        if step > 0 {
            came.true_j.iter_mut().zip(powers_w(world)).for_each(|(j, w)| *j += w * dt_s);
            came.true_l += world.facility().condenser.tower.water_kg_s * dt_s;
            injected(world, &events, &before, &now, &mut came.truth);
        }
        before = now;
        while let Some(hour) = accounts.closed() {
            came.hours.push(hour);
        }
    }
    came.hours.push(accounts.open(&beside.line));
    came.hours.iter().for_each(|hour| came.all.add(hour));
    came
}

/// True throttled time of each GPU by the ledger's reasons, each second once, ns.
fn throttled(world: &World) -> Vec<[u64; 5]> {
    let of = |t: Throttle, g: usize| world.fleet.throttle_ns[t as usize][g];
    let all = [
        Throttle::SwPowerCap,
        Throttle::SwThermal,
        Throttle::HwThermal,
        Throttle::PowerBrake,
        Throttle::HwSlowdown,
    ];
    (0..world.fleet.len()).map(|g| all.map(|t| of(t, g))).collect()
}

/// Adds what a step throttled, with the cause that was injected.
fn injected(world: &World, events: &[Event], before: &[[u64; 5]], now: &[[u64; 5]], truth: &mut Causes) {
    // The highest rank first; the umbrella is what its parts are not.
    const RANK: [usize; 5] = [2, 3, 4, 1, 0];
    for (g, (before, now)) in before.iter().zip(now).enumerate() {
        if before == now {
            continue;
        }
        let mut by: [f64; 5] = std::array::from_fn(|r| (now[r] - before[r]) as f64 * 1e-9);
        by[4] = (by[4] - by[2] - by[3]).max(0.0);
        let mut left = world.config().dt_s;
        for r in RANK {
            let s = by[r].min(left);
            left -= s;
            if s > 0.0 {
                let reason = ThrottleReason::ALL[r];
                *truth.entry((reason, cause_of(world, events, g, reason))).or_default() += s;
            }
        }
    }
}

/// What was injected of late that throttles a GPU for this reason: the latest of the events that reach it.
fn cause_of(world: &World, events: &[Event], g: usize, reason: ThrottleReason) -> Cause {
    match reason {
        ThrottleReason::PowerBrake | ThrottleReason::HwSlowdown => return Cause::FeedBrake,
        ThrottleReason::SwPowerCap => {
            let capped = f64::from(world.fleet.cap_w[g]) < world.fleet.sku(g).tdp_w - 1.0;
            return if capped { Cause::ForeignCap } else { Cause::FullLoad };
        }
        ThrottleReason::SwThermal | ThrottleReason::HwThermal => {}
    }
    let now_s = world.elapsed_s();
    let node = world.places.node_of_gpu(g);
    let reaches = |e: &&Event| {
        let on = now_s >= e.at_s && now_s < e.at_s + e.for_s + 1200.0;
        let hot = e.kind.name == "gpu-hot";
        let own = e.values.text("device") == headroom_sim::world::place::node_name(node)
            && e.values.number("gpu").is_none_or(|n| n as usize == g % 8);
        on && (!hot || own) && injects(e.kind.name).is_some()
    };
    let latest = events.iter().filter(reaches).max_by(|a, b| a.at_s.total_cmp(&b.at_s));
    latest.and_then(|e| injects(e.kind.name)).unwrap_or(Cause::Unknown)
}

/// What a kind of event does to the heat of GPUs.
fn injects(kind: &str) -> Option<Cause> {
    Some(match kind {
        "gpu-hot" => Cause::HotGpu,
        "pump-failure" | "pump-wear" => Cause::Pump,
        "chiller-trip" => Cause::Chiller,
        "feed-loss" => Cause::Feed,
        "fouling" | "valve-stuck" | "valve-stiction" => Cause::Exchanger,
        "strainer-clogging" | "air-pocket" | "leak" | "pump-air" => Cause::Flow,
        "operator-local" => Cause::Setpoint,
        "heat-wave" | "wet-bulb-rise" | "cell-loss" => Cause::Weather,
        _ => return None,
    })
}

/// Share of the true throttled time whose cause the ledger has, and how much of that time it booked at all.
fn agreement(truth: &Causes, booked: &[Cell]) -> (f64, f64, f64) {
    let all: f64 = truth.values().sum();
    let same = |(key, s): (&(ThrottleReason, Cause), &f64)| {
        let own = booked.iter().find(|c| (c.reason, c.cause) == *key).map_or(0.0, |c| c.gpu_s);
        own.min(*s)
    };
    (truth.iter().map(same).sum(), booked.iter().map(|c| c.gpu_s).sum(), all)
}

fn near(what: &str, value: f64, low: f64, high: f64) {
    assert!(low <= value && value <= high, "{what}: {value} is not within {low} to {high}");
}

/// WUE is what the mains gave over what the IT drew. Pulses of 10 L, read each minute, are not the last of an hour yet.
fn water(name: &str, came: &Came, wue: Said) {
    let true_wue = came.true_l / (came.true_j[1] / 3.6e6);
    let pulse = 20.0 / (came.true_j[1] / 3.6e6);
    let said = wue.unwrap_or_else(|why| panic!("{name}: {why}"));
    println!("{name}: WUE {:.3} +- {:.3}, in truth {true_wue:.3} L/kWh", said.value, said.high - said.value);
    near(&format!("{name}: WUE"), true_wue, said.low - pulse, said.high + pulse);
}

/// The lines of an account sum to its meters, and its meters to the truth.
fn sums(name: &str, came: &Came) {
    let f = Figures::of(&came.all, came.all.booked_s);
    let s = &came.all.site;
    let kwh = |j: f64| j / 3.6e6;
    let residual = f.racks_residual_j.unwrap();
    println!(
        "{name}: facility {:.1} IT {:.1} cooling {:.1} kWh, covered {:.3}; IT less racks {:+.3} kWh within {:+.3} to {:+.3}; unmetered {:.2} kWh; \
         PUE {:.4}, {:.4} over the best; lost {:.0} tokens to drift of {:.0}, throttled {:.0} GPU-s",
        kwh(s.facility.j),
        kwh(s.it.j),
        kwh(s.cooling.j),
        f.pue_coverage,
        kwh(residual.value),
        kwh(residual.low),
        kwh(residual.high),
        f.unmetered_j.map_or(f64::NAN, |v| kwh(v.value)),
        f.pue.map_or(f64::NAN, |v| v.value),
        f.pue_over.map_or(f64::NAN, |v| v.value),
        f.drift_tokens,
        f.tokens,
        f.throttled_gpu_s
    );
    near(&format!("{name}: racks and IT"), 0.0, residual.low, residual.high);
    // Where a meter was not good for a while, only what it was good for is compared, as a mean.
    for (what, e, true_j) in [("facility", s.facility, came.true_j[0]), ("IT", s.it, came.true_j[1])] {
        if e.s < 0.97 * came.all.booked_s {
            println!("{name}: {what} was good for {:.1} % of the time", 100.0 * e.s / came.all.booked_s);
            continue;
        }
        let (mean_j, sigma_j) = (e.j / e.s * came.all.booked_s, e.sigma_j());
        near(&format!("{name}: {what}"), true_j, mean_j - 2.0 * sigma_j, mean_j + 2.0 * sigma_j);
    }
    water(name, came, f.wue);
    let gpus: f64 = came.all.racks.iter().map(|r| r.gpu_j).sum();
    let of_jobs: f64 = came.all.jobs.iter().map(|j| j.gpu_j).sum();
    assert!(
        (gpus - of_jobs).abs() < 1e-6 * gpus,
        "{name}: jobs and those without have the GPUs of the racks"
    );
    near(&format!("{name}: GPUs"), gpus, 0.95 * came.true_j[3], 1.05 * came.true_j[3]);
    for (what, racks, jobs) in [
        ("drift", sum(&came.all.racks, |r| r.drift_tokens), sum(&came.all.jobs, |j| j.drift_tokens)),
        ("over", sum(&came.all.racks, |r| r.over_j), sum(&came.all.jobs, |j| j.over_j)),
        (
            "throttled",
            f.throttled_tokens,
            sum(&came.all.jobs, |j| j.throttled.iter().map(|c| c.lost_tokens).sum()),
        ),
    ] {
        assert!(
            (racks - jobs).abs() <= 1e-6 * jobs.abs() + 1e-6,
            "{name}: {what}: {racks} in racks, {jobs} in jobs"
        );
    }
    let hours: f64 = came.hours.iter().map(|h| h.site.facility.j).sum();
    assert!((hours - s.facility.j).abs() < 1.0, "{name}: hours add up");
}

fn sum<T>(rows: &[T], of: impl Fn(&T) -> f64) -> f64 {
    rows.iter().map(of).sum()
}

#[test]
fn ledger_lines_sum_to_the_meters_in_every_scenario() {
    let hours = of_env("HEADROOM_HOURS", 1) as f64;
    for scenario in Scenario::names().filter_map(Scenario::shipped) {
        for policy in ["watch", "balanced"] {
            let name = format!("{} ({policy})", scenario.name);
            let recipe = Recipe {
                hours: hours.min(scenario.hours),
                scenario: scenario.clone(),
                gpus: 192,
                dt_s: 5.0,
                policy,
                ..Recipe::default()
            };
            sums(&name, &run(recipe, |_| ()));
        }
    }
}

/// A summer's day of dense work on which this happens from some minute on, to the hundredth.
fn day(name: &str, plant: &str, events: &[(&str, u32, &str)]) -> Scenario {
    let mut text = format!("name = \"{name}\"\nhours = 2\nstart = \"2025-07-18T13:00\"\n{plant}\n");
    text += "[[event]]\nkind = \"load-square\"\nat = \"30 min\"\nfor = \"90 min\"\ndevice = \"site\"\nlow = \"95 %\"\nhigh = \"100 %\"\n";
    for (kind, at, more) in events {
        text +=
            &format!("[[event]]\nkind = \"{kind}\"\nat = \"{at} min\"\nfor = \"{} min\"\n{more}\n", 100 - at);
    }
    Scenario::parse(&text).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

/// Half of the GPUs breathe the hall.
const IN_AIR: &str = "[plant]\ncrahs = 4\ngpus = [{ sku = \"H100-SXM\", share = \"50 %\" }, { sku = \"H200-SXM\", share = \"50 %\", cooling = \"air\" }]";

/// Ways to throttle; where several things happen, the last one is the cause.
fn ways() -> Vec<Scenario> {
    let cdu = |share: u32| format!("device = \"CDU-01\"\nshare = \"{share} %\"\nramp = \"10 min\"");
    let pump = |n: u32| format!("device = \"CDU-01\"\npump = {n}");
    let one = |n: u32, class: &str| format!("device = \"{class}-{n:02}\"");
    let chillers = [
        ("fouling", 32, cdu(60)),
        ("cell-loss", 34, "device = \"CT-01\"\nshare = \"85 %\"".to_owned()),
        ("chiller-trip", 40, one(1, "CH")),
        ("chiller-trip", 41, one(2, "CH")),
    ];
    let chillers = chillers.each_ref().map(|(kind, at, more)| (*kind, *at, more.as_str()));
    let held: Vec<String> = (1..=4).map(|n| one(n, "CRAH") + "\nvalue = 50").collect();
    let held: Vec<(&str, u32, &str)> =
        held.iter().map(|more| ("operator-local", 40, more.as_str())).collect();
    vec![
        day("full-load", "", &[]),
        day("brake", "", &[("power-brake", 40, "device = \"rack-01\"")]),
        day("dry", "", &[("gpu-hot", 40, "device = \"node-001\"\ngpu = 3\nfactor = 4")]),
        day("air", "", &[("air-pocket", 40, "device = \"rack-01\"\nshare = \"88 %\"\nramp = \"10 min\"")]),
        day("fouling", "", &[("fouling", 40, &cdu(90))]),
        day("pumps", "", &[("pump-failure", 40, &pump(1)), ("pump-failure", 40, &pump(2))]),
        day("chillers", "", &chillers),
        day("warm air", IN_AIR, &held),
        day("feed", "", &[("feed-loss", 40, "generator = \"late\"\nlate-by = \"180 s\"")]),
    ]
}

#[test]
fn ledger_has_the_cause_that_was_injected() {
    let (mut same, mut booked, mut all) = (0.0, 0.0, 0.0);
    let mut heat = (0.0, 0.0);
    let shipped = ["sick-gpus", "demo", "feed-loss", "chiller-trip"];
    for scenario in ways().into_iter().chain(shipped.into_iter().filter_map(Scenario::shipped)) {
        for seed in 1..=of_env("HEADROOM_SEEDS", 1) {
            let name = scenario.name.clone();
            let gpus = if shipped.contains(&name.as_str()) { 192 } else { 128 };
            let hours = scenario.hours.min(2.6);
            let came =
                run(Recipe { scenario: scenario.clone(), gpus, hours, seed, ..Recipe::default() }, |_| ());
            let cells = came.all.throttled();
            let (s, b, a) = agreement(&came.truth, &cells);
            let hot = |c: &&Cell| c.reason.is_thermal();
            println!("{name}: {:.1} % of {a:.0} GPU-s, {b:.0} booked", 100.0 * s / a.max(1e-9));
            for (key, s) in &came.truth {
                println!("  true   {:?} {}: {s:.0}", key.0, key.1);
            }
            for c in &cells {
                println!("  booked {:?} {}: {:.0}", c.reason, c.cause, c.gpu_s);
            }
            (same, booked, all) = (same + s, booked + b, all + a);
            let thermal: Causes = came.truth.into_iter().filter(|(k, _)| k.0.is_thermal()).collect();
            let own: Vec<Cell> = cells.iter().filter(hot).copied().collect();
            let (s, _, a) = agreement(&thermal, &own);
            heat = (heat.0 + s, heat.1 + a);
        }
    }
    println!(
        "all: {:.2} % of {all:.0} GPU-s, {booked:.0} booked; by heat {:.2} % of {:.0}",
        100.0 * same / all,
        100.0 * heat.0 / heat.1,
        heat.1
    );
    assert!(all > 1000.0 && same >= 0.95 * all, "{same} of {all}");
    assert!(heat.1 > 1000.0 && heat.0 >= 0.95 * heat.1, "by heat: {} of {}", heat.0, heat.1);
    assert!((booked / all - 1.0).abs() < 0.02, "{booked} of {all} were booked");
}

#[test]
fn ledger_tells_our_caps_from_those_of_others() {
    let curtailed = "name = \"c\"\nhours = 2\n[[event]]\nkind = \"curtailment\"\nat = \"20 min\"\nfor = \"30 min\"\nlimit = \"-20 %\"\n";
    let scenario = Scenario::parse(curtailed).unwrap();
    let of = |cells: &[Cell], is: fn(Cause) -> bool| -> f64 {
        let cap =
            cells.iter().filter(|c| c.reason == ThrottleReason::SwPowerCap && c.cause != Cause::FullLoad);
        cap.filter(|c| is(c.cause)).map(|c| c.gpu_s).sum()
    };
    // Ours, under the budget of the feed.
    let recipe = Recipe { scenario, hours: 1.0, policy: "balanced", ..Recipe::default() };
    let ours = run(recipe, |_| ()).all;
    let cells = ours.throttled();
    let (budget, any) = (of(&cells, |c| c == Cause::Budget), of(&cells, |_| true));
    println!("ours: {budget:.0} of {any:.0} GPU-s are a budget's");
    assert!(any <= 60.0 || budget >= 0.95 * any, "{cells:?}");
    let held: f64 = ours.branches.iter().map(|b| b.held_gpu_s).sum();
    assert!((held - budget).abs() <= 0.01 * budget + 1e-6, "{held} of branches, {budget} in all");
    // Somebody else's.
    let capped = |world: &mut World| (0..world.fleet.len()).for_each(|g| world.set_cap(g, 400.0));
    let theirs = run(Recipe { hours: 0.5, ..Recipe::default() }, capped).all.throttled();
    let (foreign, any) = (of(&theirs, |c| c == Cause::ForeignCap), of(&theirs, |_| true));
    println!("theirs: {foreign:.0} of {any:.0} GPU-s");
    assert!(foreign > 1000.0 && foreign >= 0.99 * any, "{theirs:?}");
}

/// What is said to be saved holds what the same plant draws without commands.
#[test]
fn ledger_saving_holds_the_truth() {
    for seed in 1..=of_env("HEADROOM_SEEDS", 1) {
        let scenario = Scenario::shipped("quiet").unwrap();
        let recipe = |policy| Recipe {
            scenario: scenario.clone(),
            policy,
            hours: 3.0,
            dt_s: 2.0,
            seed,
            ..Recipe::default()
        };
        let (own, ours) = (run(recipe("watch"), |_| ()), run(recipe("balanced"), |_| ()));
        let truth = (own.true_j[0] - ours.true_j[0]) / 3.6e6;
        let saved = Figures::of(&ours.all, ours.all.booked_s).saved_j.unwrap().times(1.0 / 3.6e6);
        let parts: Vec<f64> = (0..3).map(|k| (own.true_j[k] - ours.true_j[k]) / 3.6e6).collect();
        println!(
            "seed {seed}: {truth:.2} kWh were saved (IT {:.2}, cooling {:.2}), {:.2} to {:.2} are said, of them clocks {:.2}",
            parts[1],
            parts[2],
            saved.low,
            saved.high,
            ours.clocks_j / 3.6e6
        );
        assert!(saved.low <= truth && truth <= saved.high, "{truth} of {saved:?}");
        let none = Figures::of(&own.all, own.all.booked_s).saved_j.unwrap();
        assert!(none.low.abs() < 1.0 && none.high.abs() < 1.0, "nothing in force saves nothing: {none:?}");
    }
}
