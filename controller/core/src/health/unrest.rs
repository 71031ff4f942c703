//! Unrest of pressures: what does not stand still from sample to sample.
//!
//! Responsible for: the spread of samples about each other against its usual one. Not for: what it means.
//!
//! ```text
//! u = sum (x_k - x_(k-1))^2 / n over a minute        von Neumann's difference: trends hardly count
//! restless    sqrt(u) > TIMES sqrt(usual) and sqrt(u) > LEAST of the value in each of the last LASTS minutes
//! ```

use crate::align::Snapshot;
use headroom_site::PointId;

/// So many times the usual, and so much of the value, is unrest.
const TIMES: f64 = 2.5;
const LEAST: f64 = 0.012;
/// Share of a minute in what is usual.
const USUAL: f64 = 0.03;
/// A step is over in fewer minutes.
const LASTS: u32 = 5;
/// Minutes after which what is usual is known.
const KNOWN: u32 = 20;

#[derive(Debug, Clone, Copy)]
struct Watched {
    point: PointId,
    last: Option<f64>,
    sum: f64,
    count: u32,
    usual: f64,
    restless: u32,
    level: f64,
    minutes: u32,
}

/// All that are watched.
#[derive(Debug, Clone)]
pub(super) struct Unrest(Vec<Watched>);

impl Unrest {
    pub(super) fn new(points: impl Iterator<Item = PointId>) -> Self {
        let blank = |point| Watched {
            point,
            last: None,
            sum: 0.0,
            count: 0,
            usual: 0.0,
            restless: 0,
            level: 0.0,
            minutes: 0,
        };
        Self(points.map(blank).collect())
    }

    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        for w in &mut self.0 {
            let Some(x) = snapshot.good(w.point) else {
                w.last = None;
                continue;
            };
            if let Some(last) = w.last {
                (w.sum, w.count) = (w.sum + (x - last).powi(2), w.count + 1);
            }
            (w.last, w.level) = (Some(x), x);
        }
    }

    pub(super) fn turn(&mut self) {
        for w in &mut self.0 {
            if w.count >= 3 {
                let u = w.sum / f64::from(w.count);
                w.minutes = w.minutes.saturating_add(1);
                let (now, level) = (u.sqrt(), w.level.abs());
                let restless = w.minutes > KNOWN && now > TIMES * w.usual.sqrt() && now > LEAST * level;
                w.restless = if restless { (w.restless + 1).min(LASTS) } else { 0 };
                if !restless {
                    w.usual += (u - w.usual) * USUAL.max(f64::from(w.minutes).recip());
                }
            }
            (w.sum, w.count) = (0.0, 0);
        }
    }

    /// Is a pressure restless?
    pub(super) fn restless(&self, point: PointId) -> bool {
        self.0.iter().any(|w| w.point == point && w.restless == LASTS)
    }
}
