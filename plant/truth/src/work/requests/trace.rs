//! A replayed trace.
//!
//! Responsible for: playing requests over and over at a rate, trace time running `scale` times as fast as time.
//! Not for: reading them (see `csv`).

use super::super::serving::ServingSpec;
use super::Request;

/// State of a replay.
#[derive(Debug, Clone)]
pub struct Trace {
    requests: Vec<Request>,
    span_s: f64,
    scale: f64,
    clock_s: f64,
    next: usize,
}

impl Trace {
    /// A replay of requests sorted by arrival, `None` if there are none.
    pub(super) fn new(requests: Vec<Request>) -> Option<Self> {
        let (first, last) = (requests.first()?.arrival_s, requests.last()?.arrival_s);
        let n = requests.len() as f64;
        let span_s = ((last - first) * n / (n - 1.0).max(1.0)).max(1.0);
        Some(Self { requests, span_s, scale: 1.0, clock_s: first, next: 0 })
    }

    /// Sets the pace so that requests cost `capacity` replica-seconds per second on average.
    pub(super) fn scale_to(&mut self, capacity: f64, spec: &ServingSpec) {
        let cost: f64 = self.requests.iter().map(|request| spec.cost_s(request)).sum();
        self.scale = capacity * self.span_s / cost.max(1e-9);
    }

    /// Mean arrivals \[1/h\].
    pub(super) fn mean_per_h(&self) -> f64 {
        3600.0 * self.scale * self.requests.len() as f64 / self.span_s
    }

    pub(super) fn advance(&mut self, dt_s: f64, now_s: f64, boost: f64, out: &mut Vec<Request>) {
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
