//! The engines' page of a virtual plant: what a reader of it would make of two readings.
//!
//! Responsible for: histograms at each poll, and the statistics of what came between two. Not for: the other points.

use headroom_drivers::prometheus::statistic;
use headroom_sim::engine::Histogram;
use headroom_sim::world::World;
use headroom_site::model::{EngineQuantity, Latency};
use headroom_site::{Quality, Span, Stamp};

/// A job on the page.
#[derive(Debug, Clone)]
struct Served {
    job: usize,
    period: Span,
    polled: Option<Stamp>,
    last: [Histogram; 2],
    /// Buckets and sum of what came between the last two polls, by latency.
    since: [(Vec<(f64, f64)>, f64); 2],
}

/// All jobs on the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Engines {
    served: Vec<Served>,
}

impl Engines {
    /// The place of a job that is read each `period`.
    pub(super) fn place_of(&mut self, job: usize, period: Span) -> usize {
        let known = self.served.iter().position(|s| s.job == job);
        known.unwrap_or_else(|| {
            let none = || (Vec::new(), 0.0);
            let last = [Histogram::default(), Histogram::default()];
            self.served.push(Served { job, period, polled: None, last, since: [none(), none()] });
            self.served.len() - 1
        })
    }

    /// Reads the page where that is due.
    pub(super) fn poll(&mut self, now: Stamp, world: &World) {
        for s in &mut self.served {
            if s.polled.is_some_and(|at| now.since(at) < s.period) {
                continue;
            }
            let first = s.polled.is_none();
            s.polled = Some(now);
            let Some(histograms) = Histogram::of_job(&world.workload.jobs[s.job]) else { continue };
            for ((now, last), since) in histograms.into_iter().zip(&mut s.last).zip(&mut s.since) {
                // what an engine did before it was read first is nobody's present
                *since = if first { (Vec::new(), 0.0) } else { now.since(last) };
                *last = now;
            }
        }
    }

    /// What a poll at this instant said of a quantity; `None` where there was none, or nothing to say.
    pub(super) fn value(
        &self,
        place: usize,
        what: EngineQuantity,
        now: Stamp,
        world: &World,
    ) -> Option<(f64, Quality)> {
        let s = &self.served[place];
        if s.polled != Some(now) {
            return None;
        }
        let stats = &world.workload.jobs[s.job].stats;
        let good = |value: f64| Some((value, Quality::Good));
        match what {
            EngineQuantity::GenerationTokens => good(stats.tokens),
            EngineQuantity::PromptTokens => good(stats.serving.prompt_tokens),
            EngineQuantity::RequestsRunning => good(stats.running as f64),
            EngineQuantity::RequestsWaiting => good(stats.waiting as f64),
            EngineQuantity::Latency(latency, which) => {
                let (buckets, sum_s) = &s.since[usize::from(latency == Latency::PerOutputToken)];
                statistic(buckets, *sum_s, which)
            }
        }
    }
}
