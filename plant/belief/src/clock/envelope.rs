//! The lower envelope of delays: the quickest message of each stretch of time.
//!
//! Responsible for: keeping, in fixed memory, the points that can bound a clock from one side. Not for: what they say of it
//! (`fit`).
//!
//! A message that took long says nothing of a clock; the quickest ones say nearly all. Of each bucket of time the one with
//! the least delay is kept, counted from the line believed so far, since a drift of 100 ppm moves the delay by 12 ms within
//! a bucket of two minutes. When all buckets are taken, two become one, up to the widest; then the oldest goes.

/// Buckets of an envelope.
pub(super) const BUCKETS: usize = 64;
/// Width of the first buckets \[s\].
const FIRST_S: f64 = 1.0;
/// Widest bucket \[s\]: an envelope reaches back a little over two hours then.
const WIDEST_S: f64 = 128.0;

/// The quickest message of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quickest {
    /// Number of the bucket, in buckets of the present width.
    bucket: i64,
    /// When \[s\].
    pub t_s: f64,
    /// Its delay plus what the clocks differ by \[s\].
    pub z_s: f64,
    /// Messages in the bucket.
    pub count: f64,
    /// Sum of their z \[s\].
    sum_s: f64,
}

/// An envelope. Times are of one clock, ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Envelope {
    points: Vec<Quickest>,
    width_s: f64,
    /// Messages in all buckets.
    count: f64,
}

impl Default for Envelope {
    fn default() -> Self {
        Self { points: Vec::with_capacity(BUCKETS), width_s: FIRST_S, count: 0.0 }
    }
}

impl Envelope {
    /// Takes a message, counted from a line of slope `slope`. One of a bucket before the last is ignored.
    pub(super) fn take(&mut self, t_s: f64, z_s: f64, slope: f64) {
        let bucket = (t_s / self.width_s).floor() as i64;
        let new = Quickest { bucket, t_s, z_s, count: 1.0, sum_s: z_s };
        if self.points.last().is_some_and(|last| last.bucket > bucket) {
            return;
        }
        self.count += 1.0;
        match self.points.last_mut() {
            Some(last) if last.bucket == bucket => last.join(&new, slope),
            _ => {
                self.make_room(slope);
                let bucket = (t_s / self.width_s).floor() as i64;
                match self.points.last_mut() {
                    Some(last) if last.bucket == bucket => last.join(&new, slope),
                    _ => self.points.push(Quickest { bucket, ..new }),
                }
            }
        }
    }

    fn make_room(&mut self, slope: f64) {
        if self.points.len() < BUCKETS {
            return;
        }
        if self.width_s >= WIDEST_S {
            self.count -= self.points.remove(0).count;
            return;
        }
        self.width_s *= 2.0;
        let mut kept = 0;
        for k in 0..self.points.len() {
            let point = Quickest { bucket: self.points[k].bucket.div_euclid(2), ..self.points[k] };
            if kept > 0 && self.points[kept - 1].bucket == point.bucket {
                self.points[kept - 1].join(&point, slope);
            } else {
                self.points[kept] = point;
                kept += 1;
            }
        }
        self.points.truncate(kept);
    }

    /// The points, oldest first.
    pub(super) fn points(&self) -> &[Quickest] {
        &self.points
    }

    /// Messages.
    pub(super) fn count(&self) -> f64 {
        self.count
    }

    /// Mean of z less its line through `at_s` with a slope \[s\].
    pub(super) fn mean_s(&self, at_s: f64, slope: f64) -> f64 {
        let sum: f64 = self.points.iter().map(|p| p.sum_s - slope * (p.t_s - at_s) * p.count).sum();
        sum / self.count().max(1.0)
    }

    /// The line of a slope that all points are above: its value at `at_s` \[s\].
    pub(super) fn floor_s(&self, at_s: f64, slope: f64) -> f64 {
        self.points.iter().map(|p| p.z_s - slope * (p.t_s - at_s)).fold(f64::INFINITY, f64::min)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.points.clear();
        self.count = 0.0;
        self.width_s = FIRST_S;
    }
}

impl Quickest {
    fn join(&mut self, other: &Self, slope: f64) {
        if other.z_s - slope * (other.t_s - self.t_s) < self.z_s {
            (self.t_s, self.z_s) = (other.t_s, other.z_s);
        }
        self.count += other.count;
        self.sum_s += other.sum_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickest_of_each_stretch_stays_and_memory_does_not_grow() {
        let mut envelope = Envelope::default();
        for n in 0..100_000_i64 {
            let slow = if n % 97 == 0 { 0.0 } else { 1.0 + (n % 7) as f64 };
            envelope.take(n as f64, slow, 0.0);
        }
        assert!(envelope.points().len() <= BUCKETS && envelope.points.capacity() == BUCKETS);
        let whole = &envelope.points()[1..BUCKETS - 1];
        assert!(whole.iter().all(|p| p.z_s.abs() < 1e-12), "{whole:?}");
        let reach_s = envelope.points()[BUCKETS - 1].t_s - envelope.points()[0].t_s;
        assert!((0.9 * 64.0 * WIDEST_S..64.0 * WIDEST_S).contains(&reach_s), "{reach_s}");
    }

    #[test]
    fn a_line_bounds_all_points_from_below() {
        let mut envelope = Envelope::default();
        for n in 0..500 {
            envelope.take(f64::from(n), 1e-4 * f64::from(n) + f64::from(n * 37 % 101) * 0.01, 1e-4);
        }
        assert!(envelope.floor_s(0.0, 1e-4).abs() < 1e-9);
        assert!(envelope.mean_s(0.0, 1e-4) > 0.4);
    }
}
