//! From envelopes to a clock: a line under messages that were never too early.
//!
//! Responsible for: offset and drift with their uncertainty, from one envelope or from two that face each other. Not for:
//! keeping messages (`envelope`), naming faults (`super`).
//!
//! Let z = α + β t + e, with a delay e >= 0 beyond the least one whose density near zero is λ. Of N messages, then,
//!
//! ```text
//! p(α, β | z)  ~  p(β) exp(α / m)  where α + β t_k <= z_k for all k        m = 1 / (N λ)
//! ```
//!
//! Given β, α lies below the floor h(β) = min (z_k - β t_k) by an exponential amount of mean m; and p(β) is weighted by
//! exp(h(β) / m). Its mode is the linear programme of Moon, Skelly and Towsley ("Estimation and removal of clock skew from
//! network delay measurements", INFOCOM 1999); its mean and variance are what is stated here. Quartz drifts by some tens
//! of ppm, which is p(β) = exp(-|β| / 30 ppm).
//!
//! λ comes from the data: of n messages of a bucket the quickest lies above the line by an exponential amount of mean
//! 1 / (n λ).

use super::envelope::{BUCKETS, Envelope};

/// Drift that a clock may well have.
const DRIFT: f64 = 30e-6;
/// Drift beyond which nothing is sought.
const DRIFT_MAX: f64 = 1000e-6;
/// Delay to reckon with before messages have shown theirs \[s\].
const DELAY_S: f64 = 0.005;
/// How far below its peak the logarithm of a density is followed.
const DEPTH: f64 = 10.0;
/// Points of the integral over the drift.
const GRID: usize = 41;

/// A line and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Value at the time asked for \[s\].
    pub value_s: f64,
    /// Its standard deviation \[s\].
    pub sigma_s: f64,
    /// Slope.
    pub slope: f64,
    /// Least delay there and back \[s\]; zero from one side.
    pub round_s: f64,
}

/// One side, seen from a middle time.
struct Side<'a> {
    envelope: &'a Envelope,
    /// What bounds lines from above: no other point ever does.
    hull: Hull,
    /// Sign of the slope on this side.
    sign: f64,
    /// Mean of what the floor lies too high by \[s\].
    m_s: f64,
}

impl<'a> Side<'a> {
    fn new(envelope: &'a Envelope, sign: f64, at_s: f64) -> Self {
        Self { envelope, hull: Hull::new(envelope, at_s), sign, m_s: f64::INFINITY }
    }

    fn floor_s(&self, slope: f64) -> f64 {
        self.hull.floor_s(self.sign * slope)
    }

    /// 1 / (N λ).
    fn excess_s(&self, slope: f64, at_s: f64) -> f64 {
        let (slope, points) = (self.sign * slope, self.envelope.points());
        let (count, buckets) = (self.envelope.count().max(1.0), points.len() as f64);
        let floor = self.hull.floor_s(slope);
        let above = |p: &super::envelope::Quickest| p.count * (p.z_s - slope * (p.t_s - at_s) - floor);
        let minima = (points.iter().map(above).sum::<f64>() + DELAY_S) / (buckets - 2.0).max(1.0);
        // Few buckets say little; the mean delay then stands in, which is too long rather than too short.
        let mean = if buckets < 8.0 { self.envelope.mean_s(at_s, slope) - floor } else { 0.0 };
        minima.max(mean) / count
    }
}

/// The lower convex hull of an envelope's points (Andrew's monotone chain), times from a middle one: the few points that
/// a line below all of them can touch.
struct Hull {
    points: [(f64, f64); BUCKETS],
    len: usize,
}

impl Hull {
    fn new(envelope: &Envelope, at_s: f64) -> Self {
        let mut hull = Self { points: [(0.0, 0.0); BUCKETS], len: 0 };
        envelope.points().iter().for_each(|p| hull.push(p.t_s - at_s, p.z_s));
        hull
    }

    fn push(&mut self, t_s: f64, z_s: f64) {
        while let [.., (t0, z0), (t1, z1)] = self.points[..self.len] {
            if (t1 - t0) * (z_s - z0) > (z1 - z0) * (t_s - t0) {
                break;
            }
            self.len -= 1;
        }
        self.points[self.len] = (t_s, z_s);
        self.len += 1;
    }

    /// The line of a slope that all points are above: its value at the middle time \[s\].
    fn floor_s(&self, slope: f64) -> f64 {
        self.points[..self.len].iter().map(|(t_s, z_s)| z_s - slope * t_s).fold(f64::INFINITY, f64::min)
    }
}

/// The line under one envelope, or between two: `down` holds the same difference of clocks with the other sign. `slope` is
/// what was believed so far.
pub(super) fn line(up: &Envelope, down: &Envelope, now_s: f64, slope: f64) -> Option<Line> {
    let middle_s = middle(up, down)?;
    let mut sides = [Side::new(up, 1.0, middle_s), Side::new(down, -1.0, middle_s)];
    let said = (usize::from(up.points().is_empty()), 2 - usize::from(down.points().is_empty()));
    let sides = &mut sides[said.0..said.1];
    let mut best = slope;
    // The scale of delays depends on the slope and the slope on it; twice is enough.
    for _ in 0..2 {
        sides.iter_mut().for_each(|side| side.m_s = side.excess_s(best, middle_s));
        best = peak(|beta| log_density(sides, beta));
    }
    Some(integrate(sides, best, middle_s, now_s))
}

fn middle(up: &Envelope, down: &Envelope) -> Option<f64> {
    let times = up.points().iter().chain(down.points()).map(|p| p.t_s);
    let (low, high) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), t| (l.min(t), h.max(t)));
    (low <= high).then_some(0.5 * (low + high))
}

fn log_density(sides: &[Side<'_>], beta: f64) -> f64 {
    sides.iter().map(|side| side.floor_s(beta) / side.m_s).sum::<f64>() - beta.abs() / DRIFT
}

/// Where a concave function of the drift is greatest.
fn peak(f: impl Fn(f64) -> f64) -> f64 {
    // golden section (Kiefer 1953): one value a step
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (-DRIFT_MAX, DRIFT_MAX);
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (f(left), f(right));
    for _ in 0..37 {
        if at_left < at_right {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = f(right);
        } else {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = f(left);
        }
    }
    0.5 * (low + high)
}

/// How far from its peak, in a direction, a concave function has fallen by [`DEPTH`].
fn reach(f: &impl Fn(f64) -> f64, peak: f64, direction: f64) -> f64 {
    let (mut low, mut high, least) = (0.0, 2.0 * DRIFT_MAX, f(peak) - DEPTH);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if f(peak + direction * middle) < least {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Mean and variance over offset and drift.
fn integrate(sides: &[Side<'_>], best: f64, middle_s: f64, now_s: f64) -> Line {
    let density = |beta: f64| log_density(sides, beta);
    let (left, right) = (reach(&density, best, -1.0), reach(&density, best, 1.0));
    let top = density(best);
    let share = 1.0 / sides.len() as f64;
    // Given the drift, each side's line lies below its floor by an exponential amount.
    let value = |beta: f64| {
        let mean: f64 = sides.iter().map(|s| s.sign * (s.floor_s(beta) - s.m_s)).sum();
        share * mean + beta * (now_s - middle_s)
    };
    let (mut sum, mut first, mut second, mut drift) = (0.0, 0.0, 0.0, 0.0);
    for k in 0..GRID {
        // Two uniform halves that meet at the peak: the density has its kink there.
        let x = 2.0 * k as f64 / (GRID - 1) as f64 - 1.0;
        let (beta, step) = if x < 0.0 { (best + x * left, left) } else { (best + x * right, right) };
        let ends = if k == 0 || k == GRID - 1 { 0.5 } else { 1.0 };
        let step = if x.abs() < 1e-9 { 0.5 * (left + right) } else { step };
        let weight = ends * step * (density(beta) - top).exp();
        let value = value(beta);
        sum += weight;
        first += weight * value;
        second += weight * value * value;
        drift += weight * beta;
    }
    let mean = first / sum;
    let spread = (second / sum - mean * mean).max(0.0);
    let own: f64 = sides.iter().map(|side| (share * side.m_s).powi(2)).sum();
    let slope = drift / sum;
    let round_s = if sides.len() == 2 {
        sides.iter().map(|side| side.floor_s(slope) - side.m_s).sum::<f64>().max(0.0)
    } else {
        0.0
    };
    Line { value_s: mean, sigma_s: (spread + own).sqrt(), slope, round_s }
}
