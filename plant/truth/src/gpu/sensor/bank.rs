//! The sensors of a fleet, one array per quantity.
//!
//! Responsible for: stepping them beside the fleet.
//! Not for: what they answer (`read`), or what that means (see the module page).
//!
//! What a board shows after long steps follows from the power of the last two and from its phase: it is reckoned when
//! somebody looks, and a step only keeps the powers.

use std::ops::Range;

use super::super::Fleet;
use super::{MOST_BINS, Quirk, SensorSpec};
use crate::rng::Rng;

/// Deviation of a board's refresh period from that of its product, two standard deviations (99 to 101 ms of 100 are seen).
const PERIOD_SPREAD: f64 = 0.005;

/// A reading, and the one before it, of which the older shows until the delay is over \[W\], without gain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    pub(super) now: f32,
    pub(super) before: f32,
}

impl Shown {
    fn push(&mut self, value: f32) {
        (self.before, self.now) = (self.now, value);
    }
}

/// One board, as far as short steps need it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Board {
    /// Refresh period \[s\], and time to the next refresh; while steps are long, as they began to be.
    pub(super) period_s: f32,
    pub(super) due_s: f32,
    /// Power behind the front end \[W\].
    lagged_w: f32,
    /// Energy gathered in the open window and in the open period \[J\].
    window_j: f32,
    period_j: f32,
    /// Means of the last periods \[W\], newest first.
    bins_w: [f32; MOST_BINS],
    pub(super) instant: Shown,
    pub(super) average: Shown,
    pub(super) energy_mj: f64,
    energy_phase_s: f32,
}

/// Boards of one product.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) spec: SensorSpec,
    bins: usize,
    pub(super) long: bool,
    /// When steps began to be long \[s\].
    long_since_s: f64,
    /// Energy refreshes per second.
    energy_hz: f64,
    /// Share of a power step that is still not through the front end at the end of a step, and in its mean.
    lag_end: f32,
    lag_mean: f32,
}

/// The power sensors of a fleet.
#[derive(Debug, Clone)]
pub struct SensorBank {
    /// What each board does not do, or does wrongly, beside its product.
    pub quirks: Vec<Quirk>,
    pub(super) boards: Vec<Board>,
    /// Power of the last step, and of the one before \[W\].
    pub(super) now_w: Vec<f32>,
    pub(super) before_w: Vec<f32>,
    pub(super) parts: Vec<Part>,
    pub(super) elapsed_s: f64,
    pub(super) dt_s: f64,
}

impl SensorBank {
    /// Sensors for a fleet, each with a phase and a refresh period of its own, settled on the fleet's present power.
    #[must_use]
    pub fn new(fleet: &Fleet, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, 0x7365_6e73);
        let (mut boards, mut parts) = (Vec::with_capacity(fleet.len()), Vec::new());
        for (sku, range) in fleet.products() {
            let spec = sku.sensor;
            for gpu in range.clone() {
                let period_s = spec.refresh_s * (1.0 + rng.trimmed_normal(0.5 * PERIOD_SPREAD));
                let due_s = rng.range(0.0, period_s);
                let w = fleet.power_w[gpu];
                // The window and the period under way hold what they would after a long time at this power.
                let into_window = (spec.window_s - due_s).max(0.0);
                boards.push(Board {
                    period_s: period_s as f32,
                    due_s: due_s as f32,
                    lagged_w: w,
                    window_j: w * into_window as f32,
                    period_j: w * (period_s - due_s) as f32,
                    bins_w: [w; MOST_BINS],
                    instant: Shown { now: w, before: w },
                    average: Shown { now: w, before: w },
                    energy_mj: fleet.energy_mj[gpu],
                    energy_phase_s: rng.range(0.0, spec.energy_refresh_s) as f32,
                });
            }
            let bins = spec.bins();
            let energy_hz = 1.0 / spec.energy_refresh_s;
            parts.push(Part {
                range,
                spec,
                bins,
                energy_hz,
                long: false,
                long_since_s: 0.0,
                lag_end: 0.0,
                lag_mean: 0.0,
            });
        }
        let (now_w, before_w) = (fleet.power_w.clone(), fleet.power_w.clone());
        let quirks = vec![Quirk::default(); fleet.len()];
        Self { quirks, boards, now_w, before_w, parts, elapsed_s: 0.0, dt_s: 0.0 }
    }

    /// Sees one step of the fleet, after it.
    pub fn step(&mut self, fleet: &Fleet, dt_s: f64) {
        if dt_s <= 0.0 || dt_s.is_nan() {
            return;
        }
        self.begin_step(dt_s);
        self.step_some(fleet, 0..fleet.len());
    }

    /// Begins a step; every GPU is to be given once to [`SensorBank::step_some`] then.
    pub fn begin_step(&mut self, dt_s: f64) {
        if dt_s.to_bits() != self.dt_s.to_bits() {
            self.set_step(dt_s);
        }
        self.elapsed_s += dt_s;
    }

    /// Sees the step of some GPUs, after it.
    pub fn step_some(&mut self, fleet: &Fleet, gpus: Range<usize>) {
        self.before_w[gpus.clone()].copy_from_slice(&self.now_w[gpus.clone()]);
        self.now_w[gpus.clone()].copy_from_slice(&fleet.power_w[gpus.clone()]);
        let dt_s = self.dt_s;
        for part in self.parts.iter().filter(|part| !part.long) {
            let own = part.range.start.max(gpus.start)..part.range.end.min(gpus.end);
            if own.is_empty() {
                continue;
            }
            let boards = self.boards[own.clone()].iter_mut();
            let drawn = fleet.power_w[own.clone()].iter().zip(&fleet.energy_mj[own]);
            for (board, (&w, &energy_mj)) in boards.zip(drawn) {
                board.short_step(part, w, dt_s as f32);
                if let Some(shown_mj) = board.counted(part, energy_mj, w, self.elapsed_s, dt_s) {
                    board.energy_mj = shown_mj;
                }
            }
        }
    }

    fn set_step(&mut self, dt_s: f64) {
        for part in &mut self.parts {
            let (was, lag_s) = (part.long, part.spec.lag_s);
            part.long = part.spec.is_long(dt_s);
            let end = if lag_s > 0.0 { (-dt_s / lag_s).exp() } else { 0.0 };
            part.lag_end = end as f32;
            part.lag_mean = (lag_s / dt_s * (1.0 - end)) as f32;
            if was != part.long {
                for gpu in part.range.clone() {
                    let powers = [self.before_w[gpu], self.now_w[gpu]];
                    let board = &mut self.boards[gpu];
                    if part.long {
                        // the window of the first long step reaches at most one period into the past
                        self.now_w[gpu] = board.bins_w[0];
                    } else {
                        board.shorten(part, powers, self.elapsed_s, self.dt_s as f32);
                    }
                }
                part.long_since_s = self.elapsed_s;
            }
        }
        self.dt_s = dt_s;
    }
}

impl Board {
    /// A step that may end inside a window: pieces up to each refresh.
    #[inline]
    fn short_step(&mut self, part: &Part, power_w: f32, dt_s: f32) {
        let y = power_w + (self.lagged_w - power_w) * part.lag_mean;
        self.lagged_w = power_w + (self.lagged_w - power_w) * part.lag_end;
        let window_s = part.spec.window_s as f32;
        let mut done = 0.0;
        loop {
            let end = self.due_s.min(dt_s);
            self.period_j += y * (end - done);
            self.window_j += y * (end - (self.due_s - window_s).max(done)).max(0.0);
            done = end;
            if self.due_s > dt_s {
                break;
            }
            self.refresh(part, window_s);
        }
        self.due_s -= dt_s;
    }

    fn refresh(&mut self, part: &Part, window_s: f32) {
        self.bins_w.copy_within(0..MOST_BINS - 1, 1);
        self.bins_w[0] = self.period_j / self.period_s;
        self.instant.push(self.window_j / window_s);
        let sum: f32 = self.bins_w[..part.bins].iter().sum();
        self.average.push(sum / part.bins as f32);
        (self.period_j, self.window_j) = (0.0, 0.0);
        self.due_s += self.period_s;
    }

    /// Time since the last refresh, while steps are long \[s\].
    #[inline(always)]
    pub(super) fn age_s(&self, part: &Part, elapsed_s: f64) -> f32 {
        let period_s = f64::from(self.period_s);
        let past_s = elapsed_s - part.long_since_s - f64::from(self.due_s);
        (past_s - (past_s / period_s).floor() * period_s) as f32
    }

    /// The average at the last refresh, so long ago, and at the one before: the last step covers the windows with the one
    /// before it.
    #[inline(always)]
    pub(super) fn average_of(
        &self,
        part: &Part,
        [before_w, now_w]: [f32; 2],
        age_s: f32,
        dt_s: f32,
    ) -> Shown {
        let window_s = part.bins as f32 * self.period_s;
        let per_window = 1.0 / window_s;
        let outside = age_s + window_s + part.spec.lag_s as f32 - dt_s;
        let step_w = before_w - now_w;
        let weight = |over_s: f32| (over_s * per_window).clamp(0.0, 1.0);
        Shown {
            now: now_w + step_w * weight(outside),
            before: now_w + step_w * weight(outside + self.period_s),
        }
    }

    /// The energy counter as it stood at its last refresh, if that was within the step.
    #[inline(always)]
    pub(super) fn counted(
        &self,
        part: &Part,
        energy_mj: f64,
        power_w: f32,
        elapsed_s: f64,
        dt_s: f64,
    ) -> Option<f64> {
        let x = (elapsed_s + f64::from(self.energy_phase_s)) * part.energy_hz;
        let age_s = x.fract() * part.spec.energy_refresh_s;
        (age_s < dt_s).then(|| energy_mj - f64::from(power_w) * age_s * 1e3)
    }

    /// From the closed form back to pieces: the windows under way are filled from what is known.
    #[cold]
    fn shorten(&mut self, part: &Part, powers: [f32; 2], elapsed_s: f64, last_dt_s: f32) {
        let [_, w] = powers;
        if last_dt_s <= 0.0 {
            return;
        }
        let age_s = self.age_s(part, elapsed_s);
        self.average = self.average_of(part, powers, age_s, last_dt_s);
        self.instant = Shown { now: w, before: w };
        self.lagged_w = w;
        self.due_s = self.period_s - age_s;
        self.period_j = w * age_s;
        self.window_j = w * (part.spec.window_s as f32 - self.due_s).max(0.0);
        // the average over n periods, of which those before the last step hold what is left
        let recent = ((last_dt_s - age_s) / self.period_s).clamp(0.0, part.bins as f32);
        let old = part.bins as f32 - recent;
        let total = self.average.now * part.bins as f32;
        let old_w = if old > 0.01 { ((total - w * recent) / old).max(0.0) } else { w };
        for (k, bin) in self.bins_w.iter_mut().enumerate() {
            let share = (recent - k as f32).clamp(0.0, 1.0);
            *bin = w * share + old_w * (1.0 - share);
        }
    }
}
