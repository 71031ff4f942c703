//! Training under power caps: the median slowdown and energy of many configurations.
//!
//! Source: the power-limit sweep of ml-energy/zeus (Apache-2.0; You et al., "Zeus", NSDI 2023): 68 configurations (data
//! set, network, batch size, optimiser) on a V100 with a 250 W limit, at 100 to 250 W.
//!
//! Our side is a population of as many jobs on `v100-pcie`. An epoch is work on the GPU and a pause in which it waits
//! for its host. Of the work, a share c goes with the SM clock, the rest (memory, launches) does not:
//!
//! ```text
//! rate(f) = 1 / (c/f + 1 - c)        activity = a (c/f + x (1 - c)) rate        bandwidth = m rate
//! ```
//!
//! A quarter of the jobs is bound by its host, as a quarter of the configurations is (36 to 43 W on the mean at every
//! cap). What is stated below about the jobs, and the split of `v100-pcie`, were fitted together once; both are plausible,
//! neither is measured.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Check, Tolerance, check, fleet_of, trace};

const SOURCE: &str = "power-limit sweep on V100, 68 training configurations (ml-energy/zeus, NSDI 2023)";
const FILE: &str = "zeus_power_limit_sweep_v100.csv";
/// Full limit, W.
const FULL_W: f64 = 250.0;
/// Cap over full limit; published medians of relative speed and relative energy.
const PUBLISHED: [(f64, f64, f64); 6] = [
    (0.9, 0.987, 0.954),
    (0.8, 0.964, 0.898),
    (0.7, 0.940, 0.845),
    (0.6, 0.899, 0.807),
    (0.5, 0.852, 0.796),
    (0.4, 0.724, 0.836),
];
const JOBS: usize = 68;
/// Share of the jobs that wait for their host nearly all the time, and the share of time that they wait.
const HOST_BOUND: (f64, f64) = (0.25, 0.97);
/// Length of an epoch at full speed, s.
const EPOCH_S: f64 = 20.0;
const DT_S: f64 = 0.1;
const WARM_S: f64 = 60.0;
const END_S: f64 = 260.0;

/// One training job, per unit of time at full clock.
#[derive(Clone, Copy)]
struct Job {
    activity: f64,
    clock_share: f64,
    elsewhere: f64,
    memory: f64,
    pause_s: f64,
}

impl Job {
    /// Job `k`: properties spread evenly and independently (additive recurrences of irrational step).
    fn of(k: usize) -> Self {
        let spread = |step: f64, start: f64| (k as f64 * step + start).fract();
        let rank = (k as f64 + 0.5) / JOBS as f64;
        let (bound, waits) = HOST_BOUND;
        let free = ((rank - bound) / (1.0 - bound)).max(0.0);
        let pause = if rank < bound { waits } else { 0.003 + 0.897 * free.powf(1.225) };
        Self {
            activity: 0.593 + 0.406 * spread(0.618_034, 0.37),
            clock_share: 0.681 + 0.011 * spread(0.754_878, 0.11),
            elsewhere: 0.368,
            memory: 0.088 + 0.219 * spread(0.569_840, 0.5),
            pause_s: pause * EPOCH_S,
        }
    }

    fn rate(&self, f: f64) -> f64 {
        1.0 / (self.clock_share / f + 1.0 - self.clock_share)
    }
}

/// A job on its GPU.
struct Run {
    job: Job,
    work_s: f64,
    pause_s: f64,
    epochs: f64,
    first: Option<[f64; 2]>,
    last: [f64; 2],
}

impl Run {
    fn new(job: Job) -> Self {
        let work_s = EPOCH_S - job.pause_s;
        Self { job, work_s, pause_s: 0.0, epochs: -1.0, first: None, last: [0.0; 2] }
    }

    /// What it does with a GPU for a step at relative clock `f`: activity and bandwidth.
    fn load(&self, f: f64) -> [f64; 2] {
        if self.pause_s > 0.0 {
            return [0.0; 2];
        }
        let (job, rate) = (&self.job, self.job.rate(f));
        let busy = job.clock_share / f + job.elsewhere * (1.0 - job.clock_share);
        [job.activity * busy * rate, job.memory * rate]
    }

    /// After a step that ends at `now` = (time s, energy J).
    fn advance(&mut self, f: f64, now: [f64; 2]) {
        if self.pause_s > 0.0 {
            self.pause_s -= DT_S;
            if self.pause_s <= 0.0 {
                // the epoch ended a little before the step did
                self.finish([now[0] + self.pause_s, now[1]]);
                self.work_s = EPOCH_S - self.job.pause_s + self.pause_s * self.job.rate(f);
            }
            return;
        }
        self.work_s -= DT_S * self.job.rate(f);
        if self.work_s <= 0.0 {
            self.pause_s = (self.job.pause_s + self.work_s / self.job.rate(f)).max(1e-9);
        }
    }

    fn finish(&mut self, at: [f64; 2]) {
        if at[0] < WARM_S {
            return;
        }
        self.epochs += 1.0;
        self.last = at;
        self.first.get_or_insert(at);
    }

    /// Time and energy of an epoch.
    fn per_epoch(&self) -> [f64; 2] {
        let first = self.first.unwrap_or(self.last);
        [0, 1].map(|n| (self.last[n] - first[n]) / self.epochs)
    }
}

/// Time and energy per epoch of every job at a cap.
fn population(cap_w: f64) -> Vec<[f64; 2]> {
    let Some(mut fleet) = fleet_of("v100-pcie", JOBS) else { return Vec::new() };
    fleet.cap_w.fill(cap_w as f32);
    fleet.context.fill(true);
    fleet.coolant_c.fill(25.0);
    let mut runs: Vec<Run> = (0..JOBS).map(|k| Run::new(Job::of(k))).collect();
    for step in 1..=(END_S / DT_S) as usize {
        let clock = |gpu: usize| f64::from(fleet.clock_mhz[gpu] / fleet.clock_max_mhz[gpu]).max(0.1);
        let clocks: Vec<f64> = (0..JOBS).map(clock).collect();
        for (gpu, run) in runs.iter().enumerate() {
            let [activity, memory] = run.load(clocks[gpu]);
            (fleet.activity[gpu], fleet.memory[gpu]) = (activity as f32, memory as f32);
        }
        fleet.step(DT_S);
        for (gpu, run) in runs.iter_mut().enumerate() {
            let now = [step as f64 * DT_S, fleet.energy_mj[gpu] * 1e-3];
            run.advance(f64::from(fleet.clock_mhz[gpu] / fleet.clock_max_mhz[gpu]), now);
        }
    }
    runs.iter().map(Run::per_epoch).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => 0.5 * (values[middle - 1] + values[middle]),
        _ => values[middle],
    }
}

/// Medians of relative speed and energy over pairs of (time, energy) at full limit and at a cap.
fn medians(full: &[[f64; 2]], capped: &[[f64; 2]]) -> (f64, f64) {
    let ratio =
        |f: fn(&[f64; 2], &[f64; 2]) -> f64| median(full.iter().zip(capped).map(|(a, b)| f(a, b)).collect());
    (ratio(|full, capped| full[0] / capped[0]), ratio(|full, capped| capped[1] / full[1]))
}

/// The published medians, out of the file.
fn measured(text: &str) -> Option<Vec<(f64, f64, f64)>> {
    let mut all: BTreeMap<String, BTreeMap<u32, [f64; 2]>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.trim().split(',').collect();
        let [set, network, batch, optimiser, cap, time, power] = fields.as_slice() else { continue };
        let (time_s, power_w): (f64, f64) = (time.parse().ok()?, power.parse().ok()?);
        let key = [*set, *network, *batch, *optimiser].join(",");
        all.entry(key).or_default().insert(cap.parse().ok()?, [time_s, time_s * power_w]);
    }
    let at = |cap_w: f64| -> Vec<[f64; 2]> {
        all.values().filter_map(|runs| runs.get(&(cap_w as u32)).copied()).collect()
    };
    let full = at(FULL_W);
    let line = |&(cap, ..): &(f64, f64, f64)| {
        let capped = at((cap * FULL_W).round());
        let (speed, energy) = medians(&full, &capped);
        (capped.len() == full.len() && !full.is_empty()).then_some((cap, speed, energy))
    };
    PUBLISHED.iter().map(line).collect()
}

pub(super) fn checks(traces: Option<&Path>) -> Vec<Check> {
    let published =
        trace(traces, FILE).and_then(|text| measured(&text)).unwrap_or_else(|| PUBLISHED.to_vec());
    let full = population(FULL_W);
    let mut all = Vec::new();
    for (cap, speed, energy) in published {
        let ours = medians(&full, &population(cap * FULL_W));
        let percent = cap * 100.0;
        for (what, pair) in [("speed", (speed, ours.0)), ("energy", (energy, ours.1))] {
            let quantity =
                format!("V100 training at {percent:.0} % of its power limit: median relative {what}");
            all.push(check("gpu power cap", quantity, "1", pair, (Tolerance::Absolute(0.03), SOURCE)));
        }
    }
    all
}
