//! Clocks of agents in a plant whose nodes are off, and the order of what is stamped by different clocks: what the line
//! makes of them, against the truth.
//!
//! `HEADROOM_ORDER="rough-data,quiet" cargo test --release -p headroom order_of -- --nocapture` says it for shipped scenarios
//! of choice, or for `all` of them.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::align::Witness;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::model::Source;
use headroom_site::{Field, GpuSample, Inbox, Reading, Site, Stamp};
use std::collections::VecDeque;
use std::path::Path;

/// Error and deviation of each node's clock after so many seconds, s.
fn run(links: &str, seed: u64, seconds: u32) -> Vec<(f64, f64)> {
    let text = format!("name = \"clocks\"\nhours = 1\n[agents]\n{links}");
    let scenario = Scenario::parse(&text).unwrap();
    let config = WorldConfig { gpus: 256, warmup_s: 300.0, seed, scenario, ..WorldConfig::default() };
    let world = World::new(config).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    // A policy that caps, so that commands go to every node.
    let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
    let mut line = Line::with_wants(&site, wants, Identity { who: "clocks".to_owned(), epoch: 1 });
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let mut inbox = Inbox::default();
    // A clock is known as of when it was heard last.
    let mut heard = vec![plant.now(); site.nodes.len()];
    for _ in 0..seconds {
        plant.step();
        inbox.clear();
        plant.drain(&mut inbox);
        for report in &inbox.nodes {
            let n = site.nodes.iter().position(|node| node.id == *report.node).unwrap();
            heard[n] = report.arrival.unwrap();
        }
        let tick = line.tick(&inbox, plant.now());
        tick.commands.iter().for_each(|c| plant.send(c));
        plant.beat();
    }
    let clocks: Vec<_> = line.sources().view().collect();
    let of = |n: usize| {
        let found = clocks[line.sources().of_node(n)].estimate.filter(|e| e.round_s.is_some())?;
        Some((found.offset_s - plant.agents.ahead_s(n, heard[n])?, found.sigma_s))
    };
    (0..site.nodes.len()).filter_map(of).collect()
}

/// Share of errors within 1.96 deviations, median and 95 % of their size \[s\].
fn figures(found: &[(f64, f64)]) -> (f64, f64, f64) {
    let mut sizes: Vec<f64> = found.iter().map(|(error, _)| error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let inside = found.iter().filter(|(error, sigma)| error.abs() <= 1.96 * sigma).count();
    let at = |share: f64| sizes[((sizes.len() - 1) as f64 * share) as usize];
    (inside as f64 / found.len() as f64, at(0.5), at(0.95))
}

#[test]
fn clocks_of_nodes_are_found_through_their_round_trips() {
    for (jitter, seeds, seconds, most) in [("50 ms", 3, 1200, 1e-3), ("2 s", 2, 7200, 5e-3)] {
        let off = "clock-offset = \"5 s\"\nclock-drift = \"100 ppm\"\ndelay = \"1 ms\"";
        let links = format!("{off}\njitter = \"{jitter}\"\n");
        let all: Vec<_> = (1..=seeds).flat_map(|seed| run(&links, seed, seconds)).collect();
        let (inside, median_s, most_s) = figures(&all);
        let (nodes, percent) = (all.len(), 100.0 * inside);
        println!(
            "{jitter}: {nodes} nodes: {percent:.0} % inside, median {median_s:.6} s, 95 % within {most_s:.6} s"
        );
        // Nodes that are never commanded hear the time all the same.
        assert_eq!(nodes, 32 * seeds as usize);
        assert!(inside >= 0.8 && median_s < 1e-3 && most_s < most, "{inside} {median_s} {most_s}");
    }
}

/// What is aligned in a tick: facility readings of good quality, and the first sample of each node.
#[derive(Default)]
struct Tick {
    readings: Vec<Reading>,
    samples: Vec<(usize, Stamp)>,
}

impl Witness for Tick {
    fn reading(&mut self, reading: &Reading) {
        if reading.quality.is_good() && reading.arrival.is_some() {
            self.readings.push(*reading);
        }
    }

    fn sample(&mut self, gpu: usize, sample: &GpuSample, _arrival: Option<Stamp>) {
        self.samples.push((gpu, sample.stamp));
    }
}

/// The clocks of the facility's sources over the last minutes.
struct Sources {
    of_point: Vec<Option<usize>>,
    /// When, and how far each clock was ahead then, ms.
    lately: VecDeque<(Stamp, Vec<i64>)>,
}

impl Sources {
    fn new(site: &Site, plant: &VirtualPlant) -> Self {
        let image = &plant.world().image;
        let of = |source: &Source| {
            let Source::Dsx { tag: Some(tag), .. } = source else { return None };
            let at = image.points.iter().position(|p| *p.tag == **tag)?;
            image.source_of(at)
        };
        Self { of_point: site.points.iter().map(|p| of(&p.source)).collect(), lately: VecDeque::new() }
    }

    fn note(&mut self, plant: &VirtualPlant) {
        self.lately.push_front((plant.now(), plant.world().image.offset_ms.clone()));
        self.lately.truncate(300);
    }

    /// When a reading was so: the step whose instant its source's clock showed as the stamp it came with.
    fn truth(&self, inbox: &Inbox, reading: &Reading) -> Option<Stamp> {
        let same = |r: &&Reading| r.point == reading.point && r.value.to_bits() == reading.value.to_bits();
        let raw = inbox.readings.iter().rfind(same)?;
        let source = self.of_point[raw.point.index()]?;
        let shows =
            |(at, ahead_ms): &&(Stamp, Vec<i64>)| (raw.stamp.since(*at).ms() - ahead_ms[source]).abs() <= 2;
        self.lately.iter().find(shows).map(|(at, _)| *at)
    }
}

/// Pairs of a GPU's event and one of the facility's whose order is right, of how many. A pair counts if the truth separates
/// the two by more than twice the uncertainty that is stated of them.
fn order(scenario: Scenario, gpus: usize, hours: f64) -> (u64, u64) {
    let config = WorldConfig { gpus, dt_s: 1.0, warmup_s: 300.0, ..WorldConfig::default() };
    let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
    let site = crate::score::site_of(&world).unwrap();
    let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
    let mut line = Line::with_wants(&site, wants, Identity { who: "order".to_owned(), epoch: 1 });
    let mut plant = VirtualPlant::new(world, &site).unwrap();
    let mut inbox = Inbox::default();
    let (mut right, mut pairs) = (0, 0);
    // True time, time as aligned, and what is stated of that, s: samples of the last seconds.
    let mut lately: VecDeque<(f64, f64, f64)> = VecDeque::new();
    let mut sources = Sources::new(&site, &plant);
    let begin = plant.now();
    let second = |stamp: Stamp| stamp.since(begin).s();
    for k in 0..(hours * 3600.0) as u64 {
        plant.step();
        inbox.clear();
        plant.drain(&mut inbox);
        let now = plant.now();
        sources.note(&plant);
        let mut seen = Tick::default();
        let tick = line.tick_seen(&inbox, now, &mut seen);
        tick.commands.iter().for_each(|c| plant.send(c));
        if tick.verified {
            plant.beat();
        }
        let clocks: Vec<_> = line.sources().view().collect();
        for (gpu, aligned) in seen.samples {
            let node = site.gpus[gpu].node.index();
            if site.nodes[node].gpus.0 as usize != gpu {
                continue;
            }
            // A sample was taken in a step of the world; its node's clock says which, whatever the line makes of it.
            let report = inbox.nodes.iter().rfind(|r| *r.node == *site.nodes[node].id);
            let (Some(report), Some(clock)) = (report, clocks[line.sources().of_node(node)].estimate) else {
                continue;
            };
            let ahead_s = plant.agents.ahead_s(node, now).unwrap_or(0.0);
            let truth_s = (second(report.stamp) - ahead_s).round();
            lately.push_back((truth_s, second(aligned), 1.96 * clock.sigma_s));
        }
        while lately.front().is_some_and(|(truth_s, ..)| *truth_s < second(now) - 8.0) {
            lately.pop_front();
        }
        // The first minutes are for learning.
        if k < 600 {
            continue;
        }
        for reading in &seen.readings {
            let Some(truth) = sources.truth(&inbox, reading) else { continue };
            let (truth_s, aligned_s) = (second(truth), second(reading.stamp));
            for (gpu_truth_s, gpu_aligned_s, gpu_doubt_s) in &lately {
                let (apart_s, found_s) = (truth_s - gpu_truth_s, aligned_s - gpu_aligned_s);
                if apart_s.abs() > 2.0 * reading.stamp_uncertainty.s().hypot(*gpu_doubt_s) {
                    pairs += 1;
                    right += u64::from(apart_s * found_s > 0.0);
                }
            }
        }
    }
    (right, pairs)
}

const OFF: &str =
    "[agents]\nclock-offset = \"5 s\"\nclock-drift = \"100 ppm\"\ndelay = \"2 ms\"\njitter = \"100 ms\"\n";

#[test]
fn order_of_causes_and_effects_is_right_across_clocks() {
    let choice = std::env::var("HEADROOM_ORDER").unwrap_or_else(|_| "quiet".to_owned());
    let names: Vec<String> = match choice.as_str() {
        "all" => Scenario::names().map(|n| n.to_string()).collect(),
        list => list.split(',').map(str::to_owned).collect(),
    };
    for name in names {
        let text = Scenario::text(&name).unwrap();
        let at = text.find("\n[[event]]").unwrap_or(text.len());
        let text = format!("{}\n{OFF}{}", &text[..at], &text[at..]);
        let scenario = Scenario::parse(&text).unwrap();
        let (gpus, hours) = if choice == "quiet" { (64, 0.3) } else { (256, scenario.hours.min(4.0)) };
        let (right, pairs) = order(scenario, gpus, hours);
        let share = right as f64 / pairs.max(1) as f64;
        println!("{name}: {right} of {pairs} in order, {:.2} %", 100.0 * share);
        assert!(pairs > 1000 && share >= 0.99, "{name}: {right} of {pairs}");
    }
}
