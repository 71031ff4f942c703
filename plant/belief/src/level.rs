//! Level and trend of a point: a Kalman filter with a constant-velocity model.
//!
//! State \[x, v\]: value and its rate. White acceleration of density `q` drives it (Bar-Shalom, Li, Kirubarajan,
//! *Estimation with Applications to Tracking and Navigation*, 2001, 6.3.2):
//! Q = q \[\[dt^3/3, dt^2/2\], \[dt^2/2, dt\]\]. Readings come at their own times; between them the belief widens.

use nalgebra::{Matrix2, Vector2};

/// Level and trend of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    x: Vector2<f64>,
    p: Matrix2<f64>,
    /// Acceleration density, unit^2/s^3.
    q: f64,
    /// Variance of a reading.
    r: f64,
    last_ns: Option<i64>,
}

impl Level {
    /// With a reading noise (standard deviation) and the change of trend to reckon with per minute.
    #[must_use]
    pub fn new(sigma: f64, trend_change_per_min: f64) -> Self {
        let q = (trend_change_per_min / 60.0).powi(2) / 60.0;
        Self { x: Vector2::zeros(), p: Matrix2::zeros(), q, r: sigma * sigma, last_ns: None }
    }

    /// Has a reading ever come?
    #[must_use]
    #[inline]
    pub fn seen(&self) -> bool {
        self.last_ns.is_some()
    }

    /// Takes a reading at an event time (ns). A reading older than the last one is ignored.
    pub fn take(&mut self, stamp_ns: i64, reading: f64) {
        self.take_unsure(stamp_ns, reading, 0.0);
    }

    /// Takes a reading that has a standard deviation of its own beside the usual one.
    pub fn take_unsure(&mut self, stamp_ns: i64, reading: f64, sigma: f64) {
        let r = self.r + sigma * sigma;
        let Some(last) = self.last_ns else {
            self.x = Vector2::new(reading, 0.0);
            self.p = Matrix2::new(r, 0.0, 0.0, 1e-4 * r.max(1e-6));
            self.last_ns = Some(stamp_ns);
            return;
        };
        let dt = (stamp_ns - last) as f64 * 1e-9;
        if dt <= 0.0 {
            return;
        }
        let (x, p) = self.predict(dt);
        let gain = p.column(0) / (p[(0, 0)] + r);
        self.x = x + gain * (reading - x[0]);
        self.p = p - gain * p.row(0);
        self.last_ns = Some(stamp_ns);
    }

    fn predict(&self, dt: f64) -> (Vector2<f64>, Matrix2<f64>) {
        let f = Matrix2::new(1.0, dt, 0.0, 1.0);
        let q = Matrix2::new(dt.powi(3) / 3.0, dt * dt / 2.0, dt * dt / 2.0, dt) * self.q;
        (f * self.x, f * self.p * f.transpose() + q)
    }

    /// Value and standard deviation at a time (ns). Before the first reading: 0 and infinite.
    #[must_use]
    pub fn at(&self, now_ns: i64) -> (f64, f64) {
        let Some(last) = self.last_ns else { return (0.0, f64::INFINITY) };
        let dt = ((now_ns - last) as f64 * 1e-9).max(0.0);
        let (_, p) = self.predict(dt);
        // The trend is carried for two minutes at most: an old trend says nothing about later.
        (self.x[0] + self.x[1] * dt.min(120.0), p[(0, 0)].max(0.0).sqrt())
    }

    /// Rate of change, per second.
    #[must_use]
    pub fn trend(&self) -> f64 {
        self.x[1]
    }

    /// Rate of change, per second, as far as it is surely not zero: nearer to zero by its standard deviation.
    #[must_use]
    pub fn sure_trend(&self) -> f64 {
        let sigma = self.p[(1, 1)].max(0.0).sqrt();
        self.x[1].signum() * (self.x[1].abs() - sigma).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_ramp_and_says_how_sure() {
        let mut l = Level::new(0.1, 0.05);
        let mut noise = 1u32;
        for k in 0..400_i64 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let e = (f64::from(noise >> 8) / f64::from(1 << 24) - 0.5) * 0.3;
            l.take(k * 5_000_000_000, 20.0 + 0.002 * (k * 5) as f64 + e);
        }
        assert!((l.trend() - 0.002).abs() < 3e-3, "{}", l.trend());
        let (v, s) = l.at(399 * 5_000_000_000);
        assert!((v - 23.99).abs() < 0.2 && s < 0.1, "{v} {s}");
        assert!(l.at(500 * 5_000_000_000).1 > s);
    }

    #[test]
    fn older_readings_do_not_move_it() {
        let mut l = Level::new(0.1, 0.1);
        l.take(10_000_000_000, 5.0);
        let before = l;
        l.take(9_000_000_000, 50.0);
        assert_eq!(before, l);
    }
}
