//! Lags of meters, from physics: a meter and the GPUs below it must have seen the same steps.
//!
//! Responsible for: which meter is above which GPUs, the energy of these over time, and how far each meter's stamps are
//! behind it. Not for: the fit (`headroom-belief`, `clock::lag`).
//!
//! The lag of a meter is all that lies between an event and its stamp, whatever it is made of: the meter's clock, its filter, a
//! gateway that stamps when it polls. Where it is known for sure (three deviations), it is taken off the meter's stamps.
//! Where the load stands still or repeats, nothing is known, and nothing is done.

use crate::topology::{self, NearestMeters};
use headroom_belief::{Lag, lag};
use headroom_site::{GpuSample, PointId, Reading, Site, Span, Stamp};
use std::collections::VecDeque;

/// Energy is kept in stretches as long as between two looks of an agent, at least 100 ms.
const SHORTEST_NS: i64 = 100_000_000;
/// Stretches of more say nothing of lags of seconds: none are sought then.
const COARSEST_NS: i64 = 2_000_000_000;
/// Stretches that are kept: six minutes at the shortest.
const KEPT: usize = 3600;
/// Readings of a meter that are kept.
const READINGS: usize = 300;
/// Fewest readings for a fit.
const LEAST: usize = 80;
/// Lags that are sought, either way, s.
const WITHIN_S: f64 = 8.0;
/// A GPU's silence for longer leaves a hole.
const HOLE_S: f64 = 10.0;
/// Samples further ahead of the last tick are of a clock that is wrong.
const AHEAD: Span = Span::from_ms(60_000);
/// Between two fits at first, and at most, in readings.
const AGAIN: (u32, u32) = (60, 3840);
/// Deviations that a lag has to exceed to be one, and the least that is worth it.
const SURE: f64 = 3.0;
const WORTH_S: f64 = 0.02;

/// The lag of one meter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeterLag {
    /// The meter.
    pub meter: PointId,
    /// How far its stamps are behind.
    pub lag: Lag,
    /// It is taken off its stamps.
    pub corrected: bool,
}

/// One meter and the energy below it.
#[derive(Debug, Clone)]
struct Pair {
    meter: PointId,
    /// Energy by stretch, J, in a ring over the number of the stretch.
    energy_j: Vec<f32>,
    shown: VecDeque<(Stamp, f64)>,
    found: Option<Lag>,
    /// Readings until the next fit, and between fits.
    wait: u32,
    again: u32,
}

/// All meters of a site that are right above GPUs.
#[derive(Debug, Clone)]
pub struct Lags {
    pairs: Vec<Pair>,
    /// Pair of each GPU, and of each point.
    of_gpu: Vec<Option<u32>>,
    of_point: Vec<Option<u32>>,
    stretch_ns: i64,
    /// The last interval: samples of a report have the same.
    memo: Memo,
    /// Newest stretch that has been begun.
    newest: i64,
    /// The last tick.
    now: Stamp,
    /// The meter that may be fitted this tick.
    turn: usize,
}

/// An interval, ns, and the stretches in which it begins and ends.
#[derive(Debug, Clone, Copy, Default)]
struct Memo {
    from: i64,
    to: i64,
    first: i64,
    last: i64,
}

impl Lags {
    pub(super) fn new(site: &Site) -> Self {
        let NearestMeters { mut meters, mut of_gpu, .. } = topology::nearest_meters(site);
        let stretch_ns = site.agent_period.ns().max(SHORTEST_NS);
        if stretch_ns > COARSEST_NS {
            meters.clear();
            of_gpu.fill(None);
        }
        let mut of_point = vec![None; site.points.len()];
        for (k, (meter, _)) in meters.iter().enumerate() {
            of_point[meter.index()] = Some(k as u32);
        }
        let pair = |(meter, _): &(PointId, Vec<usize>)| Pair {
            meter: *meter,
            energy_j: vec![0.0; KEPT],
            shown: VecDeque::with_capacity(READINGS),
            found: None,
            wait: 0,
            again: AGAIN.0,
        };
        Self {
            pairs: meters.iter().map(pair).collect(),
            of_gpu: of_gpu.iter().map(|place| place.map(|(k, _)| k)).collect(),
            of_point,
            stretch_ns,
            memo: Memo::default(),
            newest: 0,
            now: Stamp::default(),
            turn: 0,
        }
    }

    /// Energy of a GPU between two of its samples.
    #[inline(always)]
    pub(super) fn energy(&mut self, gpu: usize, before: &GpuSample, now: &GpuSample) {
        if let Some(pair) = self.of_gpu[gpu] {
            self.energy_of(pair, before, now);
        }
    }

    fn energy_of(&mut self, pair: u32, before: &GpuSample, now: &GpuSample) {
        // A clock that is hours ahead must not push everybody else out of the ring.
        if now.stamp.since(self.now) > AHEAD {
            return;
        }
        let dt_s = now.stamp.since(before.stamp).s();
        if !(0.0..=HOLE_S.max(2e-9 * self.stretch_ns as f64)).contains(&dt_s) {
            return;
        }
        let counted = now
            .energy_j
            .get()
            .zip(before.energy_j.get())
            .map(|(now, before)| now - before)
            .filter(|j| *j >= 0.0);
        let power = now.watts();
        let Some(joules) = counted.or(power.map(|w| f64::from(w) * dt_s)) else { return };
        let (from, to) = (before.stamp.tai_ns(), now.stamp.tai_ns());
        if (self.memo.from, self.memo.to) != (from, to) {
            let (first, last) = (from.div_euclid(self.stretch_ns), (to - 1).div_euclid(self.stretch_ns));
            self.memo = Memo { from, to, first, last };
            self.begin(last);
        }
        let Memo { first, last, .. } = self.memo;
        if last <= self.newest - KEPT as i64 {
            return;
        }
        let energy_j = &mut self.pairs[pair as usize].energy_j;
        let per_ns = joules / (to - from).max(1) as f64;
        for stretch in first.max(self.newest - KEPT as i64 + 1)..=last {
            let (start, end) = (stretch * self.stretch_ns, (stretch + 1) * self.stretch_ns);
            let part = (to.min(end) - from.max(start)) as f64 * per_ns;
            energy_j[stretch.rem_euclid(KEPT as i64) as usize] += part as f32;
        }
    }

    /// Clears what lies between the newest stretch and this one.
    fn begin(&mut self, stretch: i64) {
        if stretch <= self.newest {
            return;
        }
        let first = (self.newest + 1).max(stretch - KEPT as i64 + 1);
        for pair in &mut self.pairs {
            (first..=stretch).for_each(|k| pair.energy_j[k.rem_euclid(KEPT as i64) as usize] = 0.0);
        }
        self.newest = stretch;
    }

    /// A reading with the lag of its meter taken off.
    pub(super) fn reading(&mut self, reading: Reading) -> Reading {
        let pair = self.of_point.get(reading.point.index()).copied().flatten();
        let Some(pair) = pair.map(|k| &mut self.pairs[k as usize]) else { return reading };
        let newer = pair.shown.back().is_none_or(|(last, _)| reading.stamp > *last);
        if newer && reading.quality.is_good() {
            if pair.shown.len() == READINGS {
                pair.shown.pop_front();
            }
            pair.shown.push_back((reading.stamp, reading.value));
            pair.wait = pair.wait.saturating_sub(1);
        }
        match pair.found.filter(is_sure) {
            Some(lag) => Reading {
                stamp: reading.stamp - Span::from_s(lag.lag_s),
                stamp_uncertainty: Span::from_s(2.0 * lag.sigma_s),
                ..reading
            },
            None => reading,
        }
    }

    /// Ends a tick: one meter at most is fitted.
    pub(super) fn settle(&mut self, now: Stamp) {
        self.now = now;
        let count = self.pairs.len();
        let due = |pair: &Pair| pair.wait == 0 && pair.shown.len() >= LEAST;
        let Some(k) = (0..count).map(|k| (self.turn + k) % count).find(|&k| due(&self.pairs[k])) else {
            return;
        };
        self.turn = k + 1;
        self.fit(k);
    }

    fn fit(&mut self, k: usize) {
        let (newest, stretch_ns, pair) = (self.newest, self.stretch_ns, &mut self.pairs[k]);
        let oldest = newest - KEPT as i64 + 2;
        let origin_ns = oldest * stretch_ns;
        let second = |stamp: Stamp| (stamp.tai_ns() - origin_ns) as f64 * 1e-9;
        let shown: Vec<(f64, f64)> =
            pair.shown.iter().map(|(s, w)| (second(*s), *w)).filter(|(s, _)| *s > 0.0).collect();
        let stretch_s = stretch_ns as f64 * 1e-9;
        let within_s = WITHIN_S.max(3.0 * stretch_s);
        let begin = shown.first().map_or(0.0, |(s, _)| s - 3.0 * within_s);
        let (mut sum_j, mut reference) = (0.0, Vec::with_capacity(KEPT));
        for stretch in oldest..newest {
            let at_s = (stretch - oldest) as f64 * stretch_s;
            if at_s >= begin {
                reference.push((at_s, sum_j));
                sum_j += f64::from(pair.energy_j[stretch.rem_euclid(KEPT as i64) as usize]);
            }
        }
        let windows_s = [stretch_s, stretch_s.max(1.0)];
        let found = lag(&reference, &shown, (-within_s, within_s), &windows_s);
        // What was found once stands until something else is found.
        if found.is_some() {
            pair.found = found;
            pair.again = (2 * pair.again).min(AGAIN.1);
        }
        pair.wait = pair.again;
    }

    /// Lags that are known.
    pub fn view(&self) -> impl Iterator<Item = MeterLag> + '_ {
        let known = |pair: &Pair| pair.found.map(|lag| (pair.meter, lag));
        let view = |(meter, lag)| MeterLag { meter, lag, corrected: is_sure(&lag) };
        self.pairs.iter().filter_map(known).map(view)
    }
}

fn is_sure(lag: &Lag) -> bool {
    lag.lag_s.abs() > (SURE * lag.sigma_s).max(WORTH_S)
}

#[cfg(test)]
mod tests;
