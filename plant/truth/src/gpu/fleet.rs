//! A fleet of GPUs, one array per quantity.
//!
//! Responsible for: stepping every GPU by the same time, and keeping the counters a driver would keep.
//! Not for: deciding what runs (inputs) or who reads it (outputs).

use std::ops::Range;

use super::block::{Block, LANES};
use super::coefficients::Coefficients;
use super::firmware::CLOCK_STEP_MHZ;
use super::lanes::Lanes;
use super::state::State;
use super::sync::Groups;
use super::{Sku, Spread, Throttle, reason};
use crate::rng::Rng;

/// Coolant of a fleet that nothing cools yet \[degC\].
const COOLANT_C: f32 = 30.0;

/// Step length until another is asked for \[s\].
const DT_S: f64 = 1.0;

/// GPUs of one product, side by side.
#[derive(Debug, Clone)]
struct Part {
    sku: Sku,
    range: Range<usize>,
    coefficients: Coefficients,
    blocks: Vec<Block>,
}

/// The fleet. Inputs may be written between steps, outputs read; all arrays have one entry per GPU.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// In: compute activity, 0 to 1 (1 is dense tensor work without a stall).
    pub activity: Vec<f32>,
    /// In: HBM bandwidth in use, 0 to 1.
    pub memory: Vec<f32>,
    /// In: enforced power limit \[W\].
    pub cap_w: Vec<f32>,
    /// In: lower end of the clock lock \[MHz\]; 0 for none.
    pub lock_min_mhz: Vec<f32>,
    /// In: upper end of the clock lock \[MHz\]; infinite for none.
    pub lock_max_mhz: Vec<f32>,
    /// In: coolant (water at a cold plate, air at a heat sink) at the inlet \[degC\].
    pub coolant_c: Vec<f32>,
    /// In: flow of that coolant over design flow.
    pub plate_flow: Vec<f32>,
    /// In: external power brake asserted.
    pub brake: Vec<bool>,
    /// In: on the bus. A GPU that fell off draws idle power and answers nothing.
    pub present: Vec<bool>,
    /// In: what the board's own power sensor reads per true watt. Firmware holds the cap on what it reads.
    pub sensor_gain: Vec<f32>,
    /// In: a process holds a context, so the clock stays up without work.
    pub context: Vec<bool>,
    /// Highest SM clock of the product \[MHz\].
    pub clock_max_mhz: Vec<f32>,
    /// Out: mean SM clock of the step \[MHz\].
    pub clock_mhz: Vec<f32>,
    /// Out: mean module power of the step \[W\].
    pub power_w: Vec<f32>,
    /// Out: die temperature at the end of the step \[degC\].
    pub die_c: Vec<f32>,
    /// Out: HBM temperature at the end of the step \[degC\].
    pub hbm_c: Vec<f32>,
    /// Out: mean heat given to the coolant in the step \[W\].
    pub coolant_heat_w: Vec<f64>,
    /// Out: clocks-event bits at the end of the step ([`reason`]).
    pub reasons: Vec<u32>,
    /// Out: cumulative throttle time by [`Throttle`] \[ns\].
    pub throttle_ns: [Vec<u64>; Throttle::COUNT],
    /// Out: cumulative energy \[mJ\].
    pub energy_mj: Vec<f64>,
    /// Out: switched itself off at its shutdown temperature; stays so until [`Fleet::power_cycle`].
    pub tripped: Vec<bool>,
    parts: Vec<Part>,
    pub(super) sync: Option<Groups>,
    dt_s: f64,
}

impl Fleet {
    /// A fleet of products and counts, with each product's own spread between GPUs. Cold, idle, uncapped.
    #[must_use]
    pub fn new(parts: &[(Sku, usize)], seed: u64) -> Self {
        Self::build(parts, seed, None)
    }

    /// As [`Fleet::new`], with a spread of choice.
    #[must_use]
    pub fn with_spread(parts: &[(Sku, usize)], seed: u64, spread: Spread) -> Self {
        Self::build(parts, seed, Some(spread))
    }

    fn build(parts: &[(Sku, usize)], seed: u64, spread: Option<Spread>) -> Self {
        let mut fleet = Self::cold(parts.iter().map(|(_, count)| count).sum());
        let mut rng = Rng::stream(seed, 0x6770_7573);
        let mut gains = Rng::stream(seed, 0x6761_696e);
        for (sku, count) in parts {
            let start = fleet.cap_w.len();
            fleet.cap_w.extend(std::iter::repeat_n(sku.tdp_w as f32, *count));
            fleet.clock_max_mhz.extend(std::iter::repeat_n(sku.clock_max_mhz as f32, *count));
            fleet.clock_mhz.extend(std::iter::repeat_n(sku.clock_idle_mhz as f32, *count));
            let spread = spread.unwrap_or(sku.spread);
            let blocks = Block::of((0..*count).map(|_| State::cold(sku, COOLANT_C, &spread, &mut rng)));
            let gain = |_| (1.0 + gains.trimmed_normal(0.5 * spread.sensor_gain)) as f32;
            fleet.sensor_gain.extend((0..*count).map(gain));
            let coefficients = Coefficients::new(sku, DT_S);
            fleet.parts.push(Part { sku: sku.clone(), range: start..start + count, coefficients, blocks });
        }
        fleet
    }

    /// Arrays of `n` GPUs without products.
    fn cold(n: usize) -> Self {
        Self {
            activity: vec![0.0; n],
            memory: vec![0.0; n],
            cap_w: Vec::with_capacity(n),
            lock_min_mhz: vec![0.0; n],
            lock_max_mhz: vec![f32::INFINITY; n],
            coolant_c: vec![COOLANT_C; n],
            plate_flow: vec![1.0; n],
            brake: vec![false; n],
            present: vec![true; n],
            sensor_gain: Vec::with_capacity(n),
            context: vec![false; n],
            clock_max_mhz: Vec::with_capacity(n),
            clock_mhz: Vec::with_capacity(n),
            power_w: vec![0.0; n],
            die_c: vec![COOLANT_C; n],
            hbm_c: vec![COOLANT_C; n],
            coolant_heat_w: vec![0.0; n],
            reasons: vec![reason::IDLE; n],
            throttle_ns: std::array::from_fn(|_| vec![0; n]),
            energy_mj: vec![0.0; n],
            tripped: vec![false; n],
            parts: Vec::new(),
            sync: None,
            dt_s: DT_S,
        }
    }

    /// Number of GPUs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Whether there are no GPUs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Bytes that each GPU takes, tables of the products aside.
    #[must_use]
    pub fn bytes_per_gpu() -> usize {
        let floats = 14 * size_of::<f32>() + 2 * size_of::<f64>();
        let bits = 4 * size_of::<bool>() + size_of::<u32>();
        floats + bits + Throttle::COUNT * size_of::<u64>() + size_of::<Block>() / LANES
    }

    /// The product of a GPU.
    ///
    /// # Panics
    /// As an array index does, where there is no such GPU.
    #[must_use]
    #[inline]
    pub fn sku(&self, gpu: usize) -> &Sku {
        &self.parts[self.part_of(gpu)].sku
    }

    fn part_of(&self, gpu: usize) -> usize {
        self.parts.partition_point(|part| part.range.end <= gpu)
    }

    /// What a GPU carries from step to step.
    fn state(&self, gpu: usize) -> State {
        let part = &self.parts[self.part_of(gpu)];
        let place = gpu - part.range.start;
        part.blocks[place / LANES].get(place % LANES)
    }

    fn change_state(&mut self, gpu: usize, change: impl FnOnce(&mut State)) {
        let part = self.part_of(gpu);
        let part = &mut self.parts[part];
        let place = gpu - part.range.start;
        part.blocks[place / LANES].with(place % LANES, change);
    }

    /// The products of the fleet and the GPUs that are of each.
    pub fn products(&self) -> impl Iterator<Item = (&Sku, Range<usize>)> {
        self.parts.iter().map(|part| (&part.sku, part.range.clone()))
    }

    /// Some GPUs, cut where one product ends and the next begins.
    pub fn runs(&self, gpus: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let own = move |part: &Part| part.range.start.max(gpus.start)..part.range.end.min(gpus.end);
        self.parts.iter().map(own).filter(|run| !run.is_empty())
    }

    /// What a driver reports of a clock: the nearest multiple of 15 MHz \[MHz\].
    #[must_use]
    #[inline(always)]
    pub fn reported_mhz(clock_mhz: f32) -> u32 {
        ((clock_mhz / CLOCK_STEP_MHZ).round() * CLOCK_STEP_MHZ) as u32
    }

    /// Power as the board's own sensor has it, without its lag \[W\].
    #[must_use]
    pub fn sensed_power_w(&self, gpu: usize) -> f64 {
        f64::from(self.power_w[gpu] * self.sensor_gain[gpu])
    }

    /// Kelvin left to software thermal slowdown: the lesser of die and HBM. Negative above it.
    #[must_use]
    pub fn thermal_margin_k(&self, gpu: usize) -> f64 {
        self.sku(gpu).margin_k(f64::from(self.die_c[gpu]), f64::from(self.hbm_c[gpu]))
    }

    /// Heat a GPU and its cooler hold, from an arbitrary zero \[J\].
    #[must_use]
    pub fn stored_j(&self, gpu: usize) -> f64 {
        let (s, sku) = (self.state(gpu), self.sku(gpu));
        sku.tau1_s * s.q1_w + sku.tau2_s * s.q2_w + sku.cooler.capacity_jpk * s.plate_c
    }

    /// Temperature of the cold plate or heat sink \[degC\]. No sensor shows it.
    #[must_use]
    pub fn plate_temperature_c(&self, gpu: usize) -> f64 {
        self.state(gpu).plate_c
    }

    /// Power of the memory \[W\].
    #[must_use]
    pub fn memory_power_w(&self, gpu: usize) -> f64 {
        self.memory_power_of(self.sku(gpu), gpu)
    }

    /// As [`Fleet::memory_power_w`], where the product is at hand.
    #[inline]
    pub(super) fn memory_power_of(&self, sku: &Sku, gpu: usize) -> f64 {
        if self.tripped[gpu] {
            return 0.0;
        }
        let on = self.present[gpu];
        sku.hbm_idle_w + if on { sku.hbm_w * f64::from(self.memory[gpu].clamp(0.0, 1.0)) } else { 0.0 }
    }

    /// Ties GPUs into a boost group: each follows the slowest of them that has work. A GPU is in one group at most.
    pub fn group(&mut self, gpus: Range<usize>) {
        let n = self.len();
        self.sync.get_or_insert_with(|| Groups::none(n)).add(gpus);
    }

    /// Unties all boost groups. Their counters start again at zero with the next group.
    pub fn ungroup(&mut self) {
        self.sync = None;
    }

    /// Cumulative time held back by a peer of its boost group \[ns\].
    #[must_use]
    #[inline]
    pub fn sync_boost_ns(&self, gpu: usize) -> u64 {
        self.sync.as_ref().map_or(0, |sync| sync.held_ns(gpu))
    }

    /// Makes the thermal interface of one GPU worse (or better) by a factor: a dried-out or badly seated plate.
    pub fn scale_thermal_resistance(&mut self, gpu: usize, factor: f64) {
        self.change_state(gpu, |state| state.r_scale *= factor as f32);
    }

    /// Switches a tripped GPU on again.
    pub fn power_cycle(&mut self, gpu: usize) {
        self.tripped[gpu] = false;
        self.change_state(gpu, |state| (state.hw_thermal, state.sw_thermal) = (false, false));
    }

    /// Runs the present inputs until temperatures stand still, then clears counters and energy.
    pub fn settle(&mut self) {
        let dt_s = self.dt_s;
        for _ in 0..60 {
            self.step(5.0);
        }
        self.set_step(dt_s);
        self.energy_mj.fill(0.0);
        for counter in &mut self.throttle_ns {
            counter.fill(0);
        }
    }

    /// Advances every GPU by `dt_s` seconds (1 ms to 10 s; nothing happens unless it is positive). Deterministic,
    /// without allocation while the step length stays the same.
    pub fn step(&mut self, dt_s: f64) {
        if dt_s <= 0.0 || dt_s.is_nan() {
            return;
        }
        self.begin_step(dt_s);
        self.step_some(0..self.len());
    }

    /// Begins a step of `dt_s` seconds; every GPU is to be given once to [`Fleet::step_some`] then.
    pub fn begin_step(&mut self, dt_s: f64) {
        if dt_s.to_bits() != self.dt_s.to_bits() {
            self.set_step(dt_s);
        }
        if let Some(sync) = &mut self.sync {
            sync.turn();
        }
    }

    /// Advances some GPUs by the step that was begun. A caller that does more with a few GPUs before it goes on to the
    /// next few finds them in the cache.
    pub fn step_some(&mut self, gpus: Range<usize>) {
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            let some = part.range.start.max(gpus.start)..part.range.end.min(gpus.end);
            if !some.is_empty() {
                let place = some.start - part.range.start;
                Lanes::of(self, some).step(&part.coefficients, &mut part.blocks, place);
            }
        }
        self.parts = parts;
    }

    fn set_step(&mut self, dt_s: f64) {
        self.dt_s = dt_s;
        for part in &mut self.parts {
            part.coefficients = Coefficients::new(&part.sku, dt_s);
        }
    }
}
