//! When requests come, and how long they are.
//!
//! Responsible for: a seeded diurnal generator and looped traces, both scaled to a stated load.
//! Not for: answering them (see `serving`), or reading files (see `csv`).
//!
//! Generator: arrivals are a Poisson process of rate r(t) = r0 day(t) week(t) burst(t), sampled by counting down a
//! unit exponential; lengths are log-normal. Trace: trace time runs `scale` times as fast as time, over and over.

use super::serving::ServingSpec;
use crate::rng::Rng;

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

/// A generator, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiurnalSpec {
    /// Mean arrivals \[1/h\]; set by [`RequestSource::scaled_to`].
    pub mean_per_h: f64,
    /// Swing of the day over its mean: 0.5 is half at night and one and a half at the peak.
    pub day_swing: f64,
    /// Busiest hour of the day.
    pub peak_hour: f64,
    /// Load on days 6 and 7 of a week over that of the other days.
    pub weekend: f64,
    /// Deviation of the burst factor.
    pub burst: f64,
    /// Memory of bursts \[s\].
    pub burst_s: f64,
    /// Median and log-deviation of prompt lengths.
    pub input: [f64; 2],
    /// Median and log-deviation of answer lengths.
    pub output: [f64; 2],
}

impl Default for DiurnalSpec {
    /// Conversation: medians of the Azure 2023 conversation trace (1020 in, 129 out, mean about 1155 and 211).
    fn default() -> Self {
        Self {
            mean_per_h: 9000.0,
            day_swing: 0.5,
            peak_hour: 14.5,
            weekend: 0.75,
            burst: 0.15,
            burst_s: 300.0,
            input: [1020.0, 0.7],
            output: [150.0, 0.8],
        }
    }
}

/// Where requests come from.
#[derive(Debug, Clone)]
pub enum RequestSource {
    /// Generated.
    Diurnal(Box<Diurnal>),
    /// Replayed.
    Trace(Trace),
}

/// State of the generator.
#[derive(Debug, Clone)]
pub struct Diurnal {
    spec: DiurnalSpec,
    rng: Rng,
    /// Bursts have their own draws, so that they are the same at any rate.
    burst_rng: Rng,
    burst: f64,
    /// Unit exponential still to be consumed before the next arrival.
    left: f64,
}

/// State of a replay.
#[derive(Debug, Clone)]
pub struct Trace {
    requests: Vec<Request>,
    span_s: f64,
    scale: f64,
    clock_s: f64,
    next: usize,
}

impl RequestSource {
    /// A generator.
    #[must_use]
    pub fn diurnal(spec: DiurnalSpec, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, 0x7265_7173);
        let left = rng.exponential(1.0);
        Self::Diurnal(Box::new(Diurnal {
            spec,
            rng,
            burst_rng: Rng::stream(seed, 0x6275_7273),
            burst: 0.0,
            left,
        }))
    }

    /// A replay of requests sorted by arrival, `None` if there are none. The loop closes with one mean gap.
    #[must_use]
    pub fn trace(requests: Vec<Request>) -> Option<Self> {
        let (first, last) = (requests.first()?.arrival_s, requests.last()?.arrival_s);
        let n = requests.len() as f64;
        let span_s = ((last - first) * n / (n - 1.0).max(1.0)).max(1.0);
        Some(Self::Trace(Trace { requests, span_s, scale: 1.0, clock_s: first, next: 0 }))
    }

    /// The same source, with its rate set so that the mean offered load of `replicas` replicas is `target`: the share
    /// of time in which they are busy (see [`ServingSpec::cost_s`]).
    #[must_use]
    pub fn scaled_to(mut self, target: f64, replicas: usize, spec: &ServingSpec) -> Self {
        let capacity = target * replicas as f64;
        match &mut self {
            Self::Diurnal(source) => {
                let mean = |[median, sigma]: [f64; 2]| (median * (0.5 * sigma * sigma).exp()).round() as u32;
                let typical = Request {
                    arrival_s: 0.0,
                    input_tokens: mean(source.spec.input),
                    output_tokens: mean(source.spec.output),
                };
                source.spec.mean_per_h = 3600.0 * capacity / spec.cost_s(&typical);
            }
            Self::Trace(source) => {
                let cost: f64 = source.requests.iter().map(|request| spec.cost_s(request)).sum();
                source.scale = capacity * source.span_s / cost.max(1e-9);
            }
        }
        self
    }

    /// Mean arrivals \[1/h\].
    #[must_use]
    pub fn mean_per_h(&self) -> f64 {
        match self {
            Self::Diurnal(source) => source.spec.mean_per_h,
            Self::Trace(source) => 3600.0 * source.scale * source.requests.len() as f64 / source.span_s,
        }
    }

    /// Appends the requests that arrive in [now, now + dt), with their real arrival times.
    pub fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
        match self {
            Self::Diurnal(source) => source.advance(dt_s, now_s, boost, out),
            Self::Trace(source) => source.advance(dt_s, now_s, boost, out),
        }
    }
}

impl Diurnal {
    fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
        let s = &self.spec;
        let keep = 1.0 - (dt_s / s.burst_s).min(1.0);
        self.burst = keep * self.burst + s.burst * (1.0 - keep * keep).sqrt() * self.burst_rng.normal();
        let hour = (now_s / 3600.0).rem_euclid(24.0);
        let day = 1.0 + s.day_swing * (std::f64::consts::TAU * (hour - s.peak_hour) / 24.0).cos();
        let weekend = (now_s / 86_400.0).rem_euclid(7.0) >= 5.0;
        let week = if weekend { s.weekend } else { 1.0 } * 7.0 / (5.0 + 2.0 * s.weekend);
        let factor = (1.0 + self.burst).max(0.1) * day.max(0.0) * week * boost;
        let rate = s.mean_per_h / 3600.0 * factor;
        let mut hazard = rate * dt_s;
        let mut at = now_s;
        while self.left < hazard {
            hazard -= self.left;
            at += self.left / rate;
            out.push(self.draw(at));
            self.left = self.rng.exponential(1.0);
        }
        self.left -= hazard;
    }

    fn draw(&mut self, arrival_s: f64) -> Request {
        let mut length = |[median, sigma]: [f64; 2]| {
            (median * (sigma * self.rng.normal()).exp()).clamp(1.0, 32_000.0).round() as u32
        };
        Request { arrival_s, input_tokens: length(self.spec.input), output_tokens: length(self.spec.output) }
    }
}

impl Trace {
    fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
        let speed = self.scale * boost;
        let from = self.clock_s;
        let mut until = from + dt_s * speed;
        let first = self.requests[0].arrival_s;
        let mut passed = 0.0;
        loop {
            while let Some(request) = self.requests.get(self.next).filter(|request| request.arrival_s < until)
            {
                let arrival_s = now_s + (passed + (request.arrival_s - from)).max(0.0) / speed;
                out.push(Request { arrival_s, ..*request });
                self.next += 1;
            }
            if until < first + self.span_s {
                break;
            }
            until -= self.span_s;
            passed += self.span_s;
            self.next = 0;
        }
        self.clock_s = until;
    }
}
