//! When requests come, and how long they are.
//!
//! Responsible for: seeded generators (Poisson, bursty, diurnal) and looped traces, all scaled to a stated load.
//! Not for: answering them (see `serving`), or reading files (see `csv`).

mod generate;
mod trace;

pub use generate::{Bursty, DiurnalSpec, Generator};
pub use trace::Trace;

use super::serving::ServingSpec;

/// A request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Arrival \[s\].
    pub arrival_s: f64,
    /// Prompt length.
    pub input_tokens: u32,
    /// Answer length.
    pub output_tokens: u32,
}

/// Where requests come from.
#[derive(Debug, Clone)]
pub enum RequestSource {
    /// Generated.
    Generated(Box<Generator>),
    /// Replayed.
    Trace(Trace),
}

impl RequestSource {
    /// A generator.
    #[must_use]
    pub fn diurnal(spec: DiurnalSpec, seed: u64) -> Self {
        Self::Generated(Box::new(Generator::new(spec, seed)))
    }

    /// A replay of requests sorted by arrival, `None` if there are none. The loop closes with one mean gap.
    #[must_use]
    pub fn trace(requests: Vec<Request>) -> Option<Self> {
        Trace::new(requests).map(Self::Trace)
    }

    /// The same source, with its rate set so that the mean offered load of `replicas` replicas is `target`: the share
    /// of time in which they are busy (see [`ServingSpec::cost_s`]).
    #[must_use]
    pub fn scaled_to(mut self, target: f64, replicas: usize, spec: &ServingSpec) -> Self {
        let capacity = target * replicas as f64;
        match &mut self {
            Self::Generated(source) => source.scale_to(capacity, spec),
            Self::Trace(source) => source.scale_to(capacity, spec),
        }
        self
    }

    /// Mean arrivals \[1/h\].
    #[must_use]
    pub fn mean_per_h(&self) -> f64 {
        match self {
            Self::Generated(source) => source.spec().mean_per_h,
            Self::Trace(source) => source.mean_per_h(),
        }
    }

    /// Whether a part of the requests has the same statistics as all of them.
    pub(super) fn thins(&self) -> bool {
        matches!(self, Self::Generated(_))
    }

    /// Appends the requests that arrive in [now, now + dt), in order, with their real arrival times.
    pub fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
        match self {
            Self::Generated(source) => source.advance(dt_s, now_s, boost, out),
            Self::Trace(source) => source.advance(dt_s, now_s, boost, out),
        }
    }
}
