//! Reading boards: what they answer to a driver.
//!
//! Responsible for: the answers of GPUs side by side of one product, whose arrays are cut once for all of them.
//! Not for: how a sensor comes to what it shows (`bank`).

use std::ops::Range;

use super::super::{Fleet, Sku};
use super::bank::{Board, Part, SensorBank};
use super::{Answer, Fields, Quirk, Readout};

/// Boards of GPUs side by side of one product.
#[derive(Debug, Clone, Copy)]
pub struct Boards<'a> {
    fleet: &'a Fleet,
    first: usize,
    sku: &'a Sku,
    part: &'a Part,
    quirks: &'a [Quirk],
    boards: &'a [Board],
    /// Power of the last step, and of the one before \[W\].
    now_w: &'a [f32],
    before_w: &'a [f32],
    gain: &'a [f32],
    die_c: &'a [f32],
    hbm_c: &'a [f32],
    energy_mj: &'a [f64],
    elapsed_s: f64,
    dt_s: f64,
}

/// What a board has to show.
#[derive(Debug, Clone, Copy)]
struct Shows {
    instant_w: f32,
    average_w: f32,
    energy_mj: f64,
}

impl SensorBank {
    /// What a board answers.
    #[must_use]
    pub fn read(&self, fleet: &Fleet, gpu: usize) -> Readout {
        self.boards_of(fleet, gpu..gpu + 1).read(0)
    }

    /// The boards of GPUs side by side of one product ([`Fleet::runs`]).
    ///
    /// # Panics
    /// As an array index does, where there are no such GPUs.
    #[must_use]
    #[inline]
    pub fn boards_of<'a>(&'a self, fleet: &'a Fleet, gpus: Range<usize>) -> Boards<'a> {
        let first = gpus.start;
        let known = self.parts.iter().find(|part| first < part.range.end);
        let at = || gpus.clone();
        Boards {
            fleet,
            first,
            sku: fleet.sku(first),
            part: known.unwrap_or(&self.parts[self.parts.len() - 1]),
            quirks: &self.quirks[at()],
            boards: &self.boards[at()],
            now_w: &self.now_w[at()],
            before_w: &self.before_w[at()],
            gain: &fleet.sensor_gain[at()],
            die_c: &fleet.die_c[at()],
            hbm_c: &fleet.hbm_c[at()],
            energy_mj: &fleet.energy_mj[at()],
            elapsed_s: self.elapsed_s,
            dt_s: self.dt_s,
        }
    }
}

impl Boards<'_> {
    /// What the `k`-th of them answers.
    // Inlined, an answer is a value or none and never written down: a quarter of a look at a GPU.
    #[must_use]
    #[inline(always)]
    pub fn read(&self, k: usize) -> Readout {
        let Quirk { missing, zeros } = self.quirks[k];
        match (self.sku.sensor.missing.with(missing), zeros) {
            // Almost every board answers everything.
            (Fields::NONE, false) => self.answers(k, (Fields::NONE, false)),
            other => self.answers(k, other),
        }
    }

    #[inline(always)]
    fn answers(&self, k: usize, (missing, zeros): (Fields, bool)) -> Readout {
        let (sku, gain) = (self.sku, self.gain[k]);
        let (die_c, hbm_c) = (f64::from(self.die_c[k]), f64::from(self.hbm_c[k]));
        let shows = self.shows(k);
        let (instant_w, average_w) = (f64::from(gain * shows.instant_w), f64::from(gain * shows.average_w));
        // signed: the cast is one instruction
        let energy_mj = (shows.energy_mj * f64::from(gain)).max(0.0) as i64 as u64;
        let memory_w = self.fleet.memory_power_of(sku, self.first + k);
        let plain = if sku.sensor.average_s.is_some() { average_w } else { instant_w };
        Readout {
            memory_mhz: sku.memory_clock_mhz as u32,
            power_w: if zeros { 0.0 } else { plain },
            average_w: answer(missing, Fields::AVERAGE, zeros, average_w),
            instant_w: answer(missing, Fields::INSTANT, zeros, instant_w),
            memory_w: answer(missing, Fields::MEMORY_POWER, zeros, memory_w),
            energy_mj: answer(missing, Fields::ENERGY, zeros, energy_mj),
            die_c: whole(die_c + 0.5),
            memory_c: answer(missing, Fields::MEMORY_TEMPERATURE, zeros, whole(hbm_c + 0.5)),
            margin_k: answer(missing, Fields::MARGIN, zeros, whole(sku.margin_k(die_c, hbm_c))),
        }
    }

    /// What a board shows, without its gain.
    #[inline(always)]
    fn shows(&self, k: usize) -> Shows {
        let (board, part, now_w) = (&self.boards[k], self.part, self.now_w[k]);
        let delay_s = part.spec.delay_s as f32;
        if !part.long {
            let new = board.period_s - board.due_s >= delay_s;
            let of = |shown: super::bank::Shown| if new { shown.now } else { shown.before };
            let (instant_w, average_w) = (of(board.instant), of(board.average));
            return Shows { instant_w, average_w, energy_mj: board.energy_mj };
        }
        let age_s = board.age_s(part, self.elapsed_s);
        let average = board.average_of(part, [self.before_w[k], now_w], age_s, self.dt_s as f32);
        let energy_mj = board.counted(part, self.energy_mj[k], now_w, self.elapsed_s, self.dt_s);
        Shows {
            instant_w: now_w,
            average_w: if age_s >= delay_s { average.now } else { average.before },
            energy_mj: energy_mj.unwrap_or(board.energy_mj),
        }
    }
}

/// The whole degree at or below.
#[inline(always)]
fn whole(degrees: f64) -> i32 {
    degrees.floor() as i32
}

#[inline(always)]
fn answer<T>(missing: Fields, field: Fields, zeros: bool, value: T) -> Answer<T> {
    match (missing.has(field), zeros) {
        (true, _) => Answer::NotSupported,
        (false, true) => Answer::Zero,
        (false, false) => Answer::Value(value),
    }
}
