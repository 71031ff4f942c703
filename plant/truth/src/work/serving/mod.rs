//! A serving job: a pool of replicas that answer requests.
//!
//! Responsible for: routing, counters, latency and GPU use of a pool of replicas of some GPUs each.
//! Not for: when requests come (see `requests`), or what goes on inside a replica (see `replica`).
//!
//! A request goes to the least loaded of three replicas that are up, drawn by turn; with three replicas or fewer that
//! is the least loaded of all. Replicas are exact between events, so steps of any length give the same answers.
//!
//! In steps longer than 2 s, a pool with a generated source plays an eighth of its replicas (four at least), at a rate
//! thinned to match; each stands for the others of its group, with their mean clock. Thinning a Poisson process leaves
//! its statistics alone. Traces are always played in full.

mod replica;
mod spec;

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

pub use spec::{CapLoss, ServingSpec};

use super::latency::Latency;
use super::requests::{Request, RequestSource};
use super::survey::Survey;
use super::training::Use;
use super::{GPUS_PER_NODE, Plant};
use replica::{Book, Replica};
use spec::Pace;

/// Longest step in which every replica is played \[s\].
const FULL_STEP_S: f64 = 2.0;
/// In longer steps, one of so many is.
const SAMPLE: usize = 8;
/// And at least so many.
const SAMPLE_MIN: usize = 4;
/// Replicas that are compared for a request.
const CHOICES: usize = 3;

/// Totals of a serving job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ServingTotals {
    /// Prompt tokens read.
    pub prompt_tokens: f64,
    /// Tokens generated.
    pub generation_tokens: f64,
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests answered to the end.
    pub completed: u64,
    /// Requests refused because queues were full.
    pub refused: u64,
    /// Requests that got a first token.
    pub started: u64,
    /// Sum of their times to the first token \[s\].
    pub first_token_s: f64,
    /// Requests whose first token met the objective.
    pub first_in_time: u64,
    /// Requests answered whose further tokens met it.
    pub token_in_time: u64,
    /// Requests answered that met both.
    pub good: u64,
    /// Tokens of those requests: goodput.
    pub good_tokens: f64,
    /// Replica seconds with work in them.
    pub busy_s: f64,
}

impl ServingTotals {
    /// Share of the requests that met the objective, of those answered or refused; `None` before the first.
    #[must_use]
    pub fn attainment(&self) -> Option<f64> {
        let all = self.completed + self.refused;
        (all > 0).then(|| self.good as f64 / all as f64)
    }
}

/// A look at the clocks of a pool, compiled for each kind of processor.
struct Look<'a, 'b> {
    pool: &'a mut Pool,
    plant: &'a Plant<'b>,
}

impl WithSimd for Look<'_, '_> {
    type Output = Survey;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Survey {
        self.pool.look(self.plant)
    }
}

/// A pool.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    spec: ServingSpec,
    source: RequestSource,
    /// Latencies since the start.
    pub latency: Latency,
    /// Where each part of a replica begins; a replica has `parts` parts of `part_gpus` GPUs.
    starts: Vec<usize>,
    parts: usize,
    part_gpus: usize,
    count: usize,
    /// The replicas that are played.
    replicas: Vec<Replica>,
    paces: Vec<Pace>,
    /// Replicas that each played one stands for; 0 is down.
    weights: Vec<u32>,
    /// Slowest clock over maximum of every replica (0 is down), and whether a cap holds it.
    clocks: Vec<(f32, f32)>,
    uses: Vec<Use>,
    arrivals: Vec<Request>,
    turn: usize,
}

impl Pool {
    pub(super) fn new(spec: ServingSpec, source: RequestSource, blocks: &[Range<usize>]) -> Self {
        let per = spec.gpus_per_replica.max(1);
        // Replicas lie side by side in one block; over several they are made of nodes.
        let part_gpus = if blocks.len() == 1 { per } else { per.min(GPUS_PER_NODE) };
        let parts = per.div_ceil(part_gpus);
        let mut starts: Vec<usize> = blocks
            .iter()
            .flat_map(|block| (0..block.len() / part_gpus).map(|k| block.start + k * part_gpus))
            .collect();
        let count = starts.len() / parts;
        starts.truncate(count * parts);
        Self {
            spec,
            source,
            latency: Latency::default(),
            starts,
            parts,
            part_gpus,
            count,
            replicas: vec![Replica::default(); count],
            paces: vec![Pace::default(); count],
            weights: vec![1; count],
            clocks: vec![(0.0, 0.0); count],
            uses: vec![Use { compute: 0.0, memory: 0.0 }; count],
            arrivals: Vec::new(),
            turn: 0,
        }
    }

    /// One step of all replicas. `survey` is of all GPUs of the job.
    pub(super) fn step(
        &mut self,
        dt_s: f64,
        now_s: f64,
        boost: f64,
        plant: &mut Plant<'_>,
        totals: &mut ServingTotals,
    ) -> Survey {
        let survey = Arch::new().dispatch(Look { pool: self, plant });
        self.resample(dt_s, now_s, totals);
        let thinned = self.group(plant, now_s, totals);
        self.source.advance(dt_s, now_s, boost * thinned.0, &mut self.arrivals);
        self.route(thinned.1, now_s, totals);
        self.finish(dt_s, now_s + dt_s, totals);
        self.apply(plant);
        survey
    }

    /// Requests that wait and requests that decode.
    pub(super) fn open(&self) -> (usize, usize) {
        self.replicas.iter().zip(&self.weights).fold((0, 0), |(waiting, running), (replica, weight)| {
            let weight = *weight as usize;
            (waiting + weight * replica.waiting(), running + weight * replica.running())
        })
    }

    /// Clocks of all replicas. A replica whose node has no link is down.
    #[inline(always)]
    fn look(&mut self, plant: &Plant<'_>) -> Survey {
        let mut all = Survey::default();
        for (clock, starts) in self.clocks.iter_mut().zip(self.starts.chunks(self.parts)) {
            let (mut slowest, mut held) = (f32::INFINITY, 0.0f32);
            for &start in starts {
                let own = Survey::of(plant, start..start + self.part_gpus);
                let link = plant.link_factor[start / GPUS_PER_NODE];
                slowest = slowest.min(if link > 0.0 { own.slowest } else { 0.0 });
                held = held.max(own.held);
                all.add(&own);
            }
            *clock = (slowest, held);
        }
        all
    }

    /// Chooses which replicas are played.
    fn resample(&mut self, dt_s: f64, now_s: f64, totals: &mut ServingTotals) {
        let full = dt_s <= FULL_STEP_S || !self.source.thins();
        let wanted = if full { self.count } else { (self.count / SAMPLE).max(SAMPLE_MIN).min(self.count) };
        let before = self.replicas.len();
        if wanted == before {
            return;
        }
        let open = self.open();
        if wanted > before {
            for k in before..wanted {
                let mut copy = self.replicas[k % before].clone();
                copy.skip(now_s);
                copy.take();
                self.replicas.push(copy);
            }
        }
        self.replicas.truncate(wanted);
        self.paces.resize(wanted, Pace::default());
        self.uses.resize(wanted, Use { compute: 0.0, memory: 0.0 });
        self.weights = (0..wanted).map(|k| ((self.count - k).div_ceil(wanted)) as u32).collect();
        let after = self.open();
        totals.arrived =
            (totals.arrived + (after.0 + after.1) as u64).saturating_sub((open.0 + open.1) as u64);
    }

    /// Speeds and weights of the played replicas from their groups; gives the share of the arrivals that is played and
    /// how many requests each of them stands for. Those that are down hand their requests on.
    fn group(&mut self, plant: &Plant<'_>, now_s: f64, totals: &mut ServingTotals) -> (f64, u64) {
        let played = self.replicas.len();
        let (mut up, mut up_played) = (0u32, 0u32);
        for k in 0..played {
            let (mut clock, mut held, mut link, mut weight) = (0.0f32, 0.0f32, 1.0f32, 0u32);
            for member in (k..self.count).step_by(played) {
                let (own, own_held) = self.clocks[member];
                if own > 0.0 {
                    clock += own;
                    held += own_held;
                    weight += 1;
                    link = link.min(plant.link_factor[self.starts[member * self.parts] / GPUS_PER_NODE]);
                }
            }
            let replica = &mut self.replicas[k];
            let open = (replica.waiting() + replica.running()) as u64;
            match (weight, self.weights[k]) {
                (0, before) => {
                    totals.arrived = totals.arrived.saturating_sub(open * u64::from(before));
                    replica.drain(&mut self.arrivals);
                    replica.skip(now_s);
                }
                (now, before) if now < before => totals.refused += open * u64::from(before - now),
                (now, before) => totals.arrived += open * u64::from(now - before),
            }
            self.weights[k] = weight;
            if weight > 0 {
                let n = f64::from(weight);
                let (clock, held) = (f64::from(clock) / n, f64::from(held) / n);
                if (clock - self.paces[k].clock).abs() > 1e-6 || held > 0.0 || link < 1.0 {
                    self.paces[k] = self.spec.pace(clock, held, f64::from(link));
                    self.replicas[k].plan(&self.spec, &self.paces[k]);
                }
                up += weight;
                up_played += 1;
            }
        }
        if up == 0 {
            return (1.0, 1);
        }
        let thinned = f64::from(up_played) / f64::from(up);
        (thinned, (1.0 / thinned).round() as u64)
    }

    /// Gives every arrival to the least loaded of a few replicas, as they stand when it arrives.
    fn route(&mut self, refused_weight: u64, now_s: f64, totals: &mut ServingTotals) {
        let played = self.replicas.len();
        let arrivals = std::mem::take(&mut self.arrivals);
        for &request in &arrivals {
            let mut best: Option<(f64, usize)> = None;
            let mut seen = 0;
            for offset in 0..played {
                let k = (self.turn + offset) % played;
                if self.weights[k] == 0 {
                    continue;
                }
                let at_s = request.arrival_s.max(now_s);
                if self.replicas[k].is_due(at_s) {
                    self.play(k, at_s, totals);
                }
                let load = self.replicas[k].load(at_s);
                if best.is_none_or(|(least, _)| load < least) {
                    best = Some((load, k));
                }
                seen += 1;
                if seen == CHOICES || self.replicas[k].is_idle() {
                    break;
                }
            }
            // Steps that share no factor with most pool sizes visit all groups of replicas.
            self.turn = (self.turn + 7) % played.max(1);
            let weight = best.map_or(refused_weight, |(_, k)| u64::from(self.weights[k]));
            totals.arrived += weight;
            let Some((_, k)) = best else {
                totals.refused += weight;
                continue;
            };
            self.play(k, request.arrival_s.max(now_s), totals);
            if !self.replicas[k].offer(request, &self.spec, &self.paces[k]) {
                totals.refused += weight;
            }
        }
        self.arrivals = arrivals;
        self.arrivals.clear();
    }

    #[inline]
    fn play(&mut self, k: usize, to_s: f64, totals: &mut ServingTotals) {
        if self.replicas[k].is_idle() {
            self.replicas[k].skip(to_s);
            return;
        }
        let mut book = Book { totals, latency: &mut self.latency, weight: u64::from(self.weights[k]) };
        self.replicas[k].run(&self.spec, &self.paces[k], to_s, &mut book);
    }

    /// Brings all replicas to the end of the step and reads off what they did.
    fn finish(&mut self, dt_s: f64, end_s: f64, totals: &mut ServingTotals) {
        let full = 1.0 / self.spec.max_batch.max(1) as f64;
        for k in 0..self.replicas.len() {
            if self.weights[k] == 0 {
                self.replicas[k].skip(end_s);
                self.uses[k] = Use { compute: 0.0, memory: 0.0 };
                continue;
            }
            self.play(k, end_s, totals);
            let ([prefill_s, decode_s, batch_s], prompt, tokens) = self.replicas[k].take();
            let weight = f64::from(self.weights[k]);
            totals.busy_s += (prefill_s + decode_s) * weight;
            totals.prompt_tokens += prompt * weight;
            totals.generation_tokens += tokens * weight;
            let pace = &self.paces[k];
            let n = if decode_s > 0.0 { batch_s / decode_s } else { 0.0 };
            let (p, d, b) = ((prefill_s / dt_s) as f32, (decode_s / dt_s) as f32, (n * full) as f32);
            // Bandwidth is what the speed makes of it; switching power already follows the clock.
            let read = (1.0 / (pace.drag[0] + pace.drag[1] * n)) as f32;
            let s = &self.spec;
            self.uses[k] = Use {
                compute: p * s.prefilling.compute + d * (s.decoding.compute + b * s.batch.compute),
                memory: p * s.prefilling.memory * pace.clock as f32
                    + d * (s.decoding.memory + b * s.batch.memory) * read,
            };
        }
    }

    /// Writes the use of all GPUs.
    fn apply(&self, plant: &mut Plant<'_>) {
        let played = self.replicas.len();
        if played == 0 {
            return;
        }
        let quiet = Use { compute: 0.0, memory: 0.0 };
        let share = self.part_gpus.min(GPUS_PER_NODE) as f32 / GPUS_PER_NODE as f32;
        for (member, starts) in self.starts.chunks(self.parts).enumerate() {
            let used = if self.clocks[member].0 > 0.0 { self.uses[member % played] } else { quiet };
            // Requests and answers are small; what is seen is key-value and control traffic.
            let traffic = 0.10 * share * (used.compute + used.memory).min(1.0);
            for &start in starts {
                let gpus = start..start + self.part_gpus;
                plant.fleet.activity[gpus.clone()].fill(used.compute);
                plant.fleet.memory[gpus.clone()].fill(used.memory);
                plant.fleet.context[gpus.clone()].fill(true);
                for node in gpus.start / GPUS_PER_NODE..gpus.end.div_ceil(GPUS_PER_NODE) {
                    plant.node_traffic[node] += traffic;
                }
            }
        }
    }
}
