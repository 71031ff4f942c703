//! What was seen lately: of each point the last readings, of each GPU the last sample and windows of a second.
//!
//! Responsible for: keeping it within a fixed number of bytes, on our own time, without allocating per tick; handing new
//! readings to whoever taps. Not for: deciding (the line never looks here), nor for pages (`pages`).
//!
//! | kept | bytes | how many |
//! | --- | --- | --- |
//! | a reading of a point | 24 | half the budget over the points, at most two hours of one a second |
//! | a second of a GPU | 88 | half the budget over the GPUs, at most an hour |
//!
//! A site without GPUs gives all of it to its points, and the other way round. Memory is used as it fills.

pub(crate) mod gpus;
pub(crate) mod grid;
pub(crate) mod history;
pub(crate) mod pages;
pub(super) mod ring;
pub(crate) mod tap;
pub(crate) mod views;

use gpus::GpuTrack;
use headroom_core::align::{ClockView, PointValue};
use headroom_core::{Line, Witness};
use headroom_site::model::Node;
use headroom_site::{GpuSample, Quality, Reading, Site, Span, Stamp};
use ring::Ring;
use std::sync::Arc;
use tap::{Taps, Target};

/// Most readings of a point: two hours of one a second.
const MOST_READINGS: usize = 7200;
/// Most windows of a GPU: an hour.
const MOST_WINDOWS: usize = 3600;

/// A reading as it is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Event time, on our time.
    pub(crate) stamp: Stamp,
    /// Value, base unit.
    pub(crate) value: f64,
    /// How far the stamp may be off, s.
    pub(crate) uncertainty_s: f32,
    /// Quality as it arrived; age is judged where it is shown.
    pub(crate) quality: Quality,
}

/// One point.
#[derive(Debug)]
pub(crate) struct PointTrack {
    /// Readings, oldest first.
    pub(crate) moments: Ring<Moment>,
    /// Readings since the start.
    pub(crate) readings: u64,
}

/// One clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClockNow {
    /// Theirs less ours, and its deviation, s; none before enough was heard.
    pub(crate) offset: Option<(f64, f64)>,
    pub(crate) corrected: bool,
    pub(crate) wrong: bool,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) site: Arc<Site>,
    /// The last tick.
    pub(crate) now: Stamp,
    pub(crate) points: Vec<PointTrack>,
    /// What the last snapshot said of each point.
    pub(crate) values: Vec<PointValue>,
    pub(crate) gpus: Vec<GpuTrack>,
    /// By node: how far the stamps of its GPUs may be off, where it is known \[s\].
    pub(crate) node_uncertainty_s: Vec<Option<f64>>,
    pub(crate) clocks: Vec<ClockNow>,
    /// Clock of each point, where it has one.
    pub(crate) clock_of_point: Vec<Option<usize>>,
    /// Clock of the first node; those of the others follow.
    pub(crate) clock_of_nodes: usize,
    pub(crate) taps: Taps,
    /// Name of who is where.
    pub(crate) layout: String,
    /// When headroom was taken over.
    looked: Option<Stamp>,
}

impl Seen {
    /// For the site of a line, within so many bytes.
    pub(crate) fn new(line: &Line, budget: usize) -> Self {
        let site = line.site();
        let (points, gpus) = (site.points.len(), site.gpus.len());
        let half = if points == 0 || gpus == 0 { budget } else { budget / 2 };
        let fits = |each: usize, of: usize, most: usize| (half / (each * of.max(1))).min(most);
        let readings = fits(size_of::<Moment>(), points, MOST_READINGS);
        let windows = fits(GpuTrack::WINDOW_BYTES, gpus, MOST_WINDOWS);
        let track = || PointTrack { moments: Ring::new(readings), readings: 0 };
        Self {
            now: Stamp::default(),
            points: (0..points).map(|_| track()).collect(),
            values: line.snapshot().points.clone(),
            gpus: (0..gpus).map(|_| GpuTrack::new(windows)).collect(),
            node_uncertainty_s: vec![None; site.nodes.len()],
            clocks: vec![ClockNow::default(); line.sources().view().count()],
            clock_of_point: (0..points).map(|p| line.sources().of_point(p)).collect(),
            clock_of_nodes: line.sources().of_node(0),
            taps: Taps::default(),
            layout: grid::layout_id(site),
            looked: None,
            site: Arc::new(site.clone()),
        }
    }

    /// Ends a tick: qualities with their ages, and clocks, as the snapshot has them.
    pub(crate) fn settle(&mut self, line: &Line) {
        let snapshot = line.snapshot();
        self.now = snapshot.stamp;
        self.values.clone_from(&snapshot.points);
        for (g, track) in self.gpus.iter_mut().enumerate() {
            (track.energy, track.gain) = (line.metering().energy(g), line.metering().gain(g));
        }
        for (known, clock) in self.clocks.iter_mut().zip(line.sources().view()) {
            *known = clock_now(&clock);
        }
        for (known, node) in self.node_uncertainty_s.iter_mut().zip(&snapshot.nodes) {
            *known = node.stamp_uncertainty.map(Span::s);
        }
        for (i, gpu) in self.gpus.iter_mut().enumerate() {
            gpu.reasons = line.reasons(i);
        }
        if self.looked.is_none_or(|at| self.now.since(at).ns().abs() >= grid::LOOK_EVERY.ns()) {
            self.looked = Some(self.now);
            for (i, gpu) in self.gpus.iter_mut().enumerate() {
                gpu.headroom_k = line.estimate().kelvins(i).map(|[now_k, _]| now_k as f32);
            }
        }
    }

    /// The clock that stamps a point.
    pub(crate) fn clock_of(&self, point: usize) -> Option<ClockNow> {
        let clock = self.clock_of_point.get(point).copied().flatten()?;
        self.clocks.get(clock).copied()
    }

    /// The clock of a GPU's node.
    pub(crate) fn clock_of_gpu(&self, gpu: usize) -> Option<ClockNow> {
        let node = self.site.gpus.get(gpu)?.node.index();
        // What is read from a page bears our own stamps.
        if self.site.nodes.get(node)?.read_only() {
            return None;
        }
        self.clocks.get(self.clock_of_nodes + node).copied()
    }

    /// Is a GPU heard, as the line has it?
    pub(crate) fn is_heard(&self, node: &Node, gpu: &GpuTrack) -> bool {
        let stamp = gpu.sample.stamp;
        stamp != Stamp::default() && self.now.since(stamp) <= self.site.heard_for(node)
    }
}

fn clock_now(clock: &ClockView<'_>) -> ClockNow {
    let offset = clock.estimate.filter(|_| clock.messages > 0).map(|e| (e.offset_s, e.sigma_s));
    ClockNow { offset, corrected: clock.corrected, wrong: clock.fault.is_some() }
}

impl Witness for Seen {
    fn reading(&mut self, reading: &Reading) {
        let point = reading.point.index();
        let Some(track) = self.points.get_mut(point) else { return };
        let moment = Moment {
            stamp: reading.stamp,
            value: reading.value,
            uncertainty_s: reading.stamp_uncertainty.s() as f32,
            quality: reading.quality,
        };
        let last = track.moments.last_mut();
        let same = |m: &Moment| m.stamp == moment.stamp && m.value.to_bits() == moment.value.to_bits();
        // The same stamp again with the same value is a repetition.
        if last.is_some_and(|m| same(m) && m.quality == moment.quality) {
            return;
        }
        track.moments.push(moment);
        track.readings += 1;
        if self.taps.any() {
            let target = Target::Point(point);
            self.taps.tell(target, || tap::point_line(&self.site, reading));
        }
    }

    fn sample(&mut self, gpu: usize, sample: &GpuSample, arrival: Option<Stamp>) {
        let Some(track) = self.gpus.get_mut(gpu) else { return };
        track.take(sample);
        if self.taps.any() {
            self.taps.tell(Target::Gpu(gpu), || tap::gpu_line(&self.site, gpu, sample, arrival));
        }
    }
}

#[cfg(test)]
mod tests;
