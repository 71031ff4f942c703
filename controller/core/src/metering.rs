//! Metering: the energy of each GPU in true joules, and the gain of its sensor, learned beside the meter above it.
//!
//! Responsible for: which meter is above which GPUs, bringing a reading of it and theirs to one instant, and booking energy.
//! Not for: the regression (`headroom-belief`, `gain`). It has no say in what is commanded: a cap is kept by the board's own
//! sensor, and budgets are kept by meters.
//!
//! Energy is that of the board's counter where it has one (it misses nothing between two looks), otherwise the mean of
//! what its sensor showed since the last tick times the time; each times the factor as known by then.

use crate::align::Align;
use crate::topology;
pub use headroom_belief::Gain;
use headroom_belief::{Gains, OVERHEAD, Overhead};
use headroom_site::{PointId, Site, Span, Stamp};

/// Most GPUs below one meter for which gains are sought: the effort grows with their square, and a meter above many says
/// little of each.
const MOST: usize = 144;
/// Samples further apart say nothing of what a meter saw at its own instant.
const COARSEST: Span = Span::from_ms(2_000);
/// Ticks that are kept to find what GPUs showed at the time of a meter's reading.
const TICKS: usize = 16;
/// How sure an overhead is that the site file states.
const STATED: f64 = 0.01;
/// Longest time over which energy is reckoned from power, s: a GPU not heard for longer is not guessed.
const GAP_S: f64 = 60.0;

/// Energy of one GPU since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Energy {
    /// As its board shows it, J.
    pub shown_j: f64,
    /// With the gain of its sensor taken off, J.
    pub true_j: f64,
    /// Counter and time when last booked.
    counter_j: Option<f64>,
    at: Option<Stamp>,
}

/// A meter and the GPUs below it.
#[derive(Debug, Clone)]
struct Beside {
    meter: PointId,
    gpus: Vec<usize>,
    gains: Gains,
    /// Time of the reading that was learned from last.
    learned: Stamp,
}

/// What GPUs showed between two ticks, W; not a number where one showed nothing.
#[derive(Debug, Clone, Default)]
struct Tick {
    from: Stamp,
    to: Stamp,
    shown_w: Vec<f32>,
}

/// Gains and energies of all GPUs.
#[derive(Debug, Clone)]
pub struct Metering {
    beside: Vec<Beside>,
    /// Meter of each GPU, and its place below it.
    place: Vec<Option<(u32, u32)>>,
    energy: Vec<Energy>,
    ticks: [Tick; TICKS],
    newest: usize,
    start: Stamp,
}

impl Metering {
    /// For a site.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        let n = site.gpus.len();
        let nearest = topology::nearest_meters(site);
        let (mut beside, mut place) = (Vec::new(), vec![None; n]);
        for ((meter, gpus), branch) in nearest.meters.into_iter().zip(nearest.branches) {
            if gpus.len() > MOST || site.agent_period > COARSEST {
                continue;
            }
            let stated = site.power[branch].overhead.map(|share| Overhead { share, sigma: STATED });
            for (k, &g) in gpus.iter().enumerate() {
                place[g] = Some((beside.len() as u32, k as u32));
            }
            let gains = Gains::new(gpus.len(), stated.unwrap_or(OVERHEAD));
            beside.push(Beside { meter, gpus, gains, learned: Stamp::default() });
        }
        Self {
            beside,
            place,
            energy: vec![Energy::default(); n],
            ticks: Default::default(),
            newest: 0,
            start: Stamp::default(),
        }
    }

    /// Looks at a tick that has been aligned, before it is settled.
    pub fn look(&mut self, align: &Align) {
        self.book(align);
        if self.beside.is_empty() {
            return;
        }
        self.keep(align);
        let snapshot = align.last();
        if self.start == Stamp::default() {
            self.start = snapshot.stamp;
        }
        for beside in &mut self.beside {
            let meter = snapshot.points[beside.meter.index()];
            if meter.stamp <= beside.learned || !meter.quality.is_good() {
                continue;
            }
            // What GPUs showed over the length of a tick, around the meter's time. A reading that is ahead of them waits.
            let Some(parts) = around(&self.ticks, meter.stamp) else { continue };
            beside.learned = meter.stamp;
            let shown = |g: &usize| {
                parts.iter().map(|(tick, share)| share * f64::from(self.ticks[*tick].shown_w[*g])).sum()
            };
            let shown_w = beside.gpus.iter().map(shown);
            beside.gains.take(meter.stamp.since(self.start).s(), meter.value, shown_w);
        }
    }

    /// Keeps what GPUs showed since the last tick.
    fn keep(&mut self, align: &Align) {
        let from = self.ticks[self.newest].to;
        self.newest = (self.newest + 1) % TICKS;
        let tick = &mut self.ticks[self.newest];
        let snapshot = align.last();
        (tick.from, tick.to) = (from, snapshot.stamp);
        tick.shown_w.clear();
        tick.shown_w.extend(snapshot.gpus.iter().enumerate().map(|(g, gpu)| {
            let mean = align.window(g).and_then(|w| w.power_w.mean());
            let now = gpu.sample.watts();
            mean.or(now).filter(|_| gpu.vouches()).unwrap_or(f32::NAN)
        }));
    }

    fn book(&mut self, align: &Align) {
        let snapshot = align.last();
        for (g, gpu) in snapshot.gpus.iter().enumerate() {
            if !gpu.fresh {
                continue;
            }
            let (energy, s) = (&mut self.energy[g], &gpu.sample);
            let shown_j = match (s.energy_j.get(), energy.counter_j) {
                // A counter that falls began anew with its driver.
                (Some(now), Some(before)) => Some(if now >= before { now - before } else { now }),
                // One that is missing for a while has gone on counting.
                (Some(_), None) | (None, Some(_)) => None,
                (None, None) => {
                    let dt_s = energy.at.map(|at| s.stamp.since(at).s()).filter(|dt_s| *dt_s <= GAP_S);
                    let mean = align.window(g).and_then(|w| w.power_w.mean());
                    let shown = mean.or(s.watts());
                    shown.zip(dt_s).map(|(w, dt_s)| f64::from(w) * dt_s)
                }
            };
            energy.counter_j = s.energy_j.get().or(energy.counter_j);
            energy.at = Some(s.stamp);
            if let Some(shown_j) = shown_j {
                let factor = match self.place[g] {
                    Some((b, k)) => self.beside[b as usize].gains.gain(k as usize).factor,
                    None => 1.0,
                };
                energy.shown_j += shown_j;
                energy.true_j += factor * shown_j;
            }
        }
    }

    /// What is known of a GPU's sensor.
    #[must_use]
    pub fn gain(&self, gpu: usize) -> Gain {
        let place = self.place.get(gpu).copied().flatten();
        place.map_or(Gain::PRIOR, |(b, k)| self.beside[b as usize].gains.gain(k as usize))
    }

    /// Energy of a GPU since the start.
    #[must_use]
    pub fn energy(&self, gpu: usize) -> Energy {
        self.energy.get(gpu).copied().unwrap_or_default()
    }
}

/// The ticks that a stretch as long as the last of them and centred at an instant lies in, with their shares; `None` where
/// it is not covered.
fn around(ticks: &[Tick; TICKS], at: Stamp) -> Option<[(usize, f64); 2]> {
    let inside = |t: &Tick| t.from < at && at <= t.to && t.from != Stamp::default();
    let k = ticks.iter().position(inside)?;
    let (from, to) = (ticks[k].from, ticks[k].to);
    let x = at.since(from).s() / to.since(from).s() - 0.5;
    let edge = if x < 0.0 { from } else { to };
    let beside = |t: &Tick| if x < 0.0 { t.to == edge } else { t.from == edge };
    let other = ticks.iter().position(|t| beside(t) && t.from < t.to)?;
    Some([(k, 1.0 - x.abs()), (other, x.abs())])
}

#[cfg(test)]
mod tests;
