//! Lags: how an input reaches an output in time.
//!
//! ```text
//! x1(k) = a1 x1(k-1) + (1 - a1) u(k - n)       a = exp(-T / tau),  T the period, n the delay in periods
//! x2(k) = a2 x2(k-1) + (1 - a2) x1(k)          left out where tau is zero
//! ```
//!
//! Two real poles and a delay are what tanks in a row, exchangers and settled control loops look like from outside (Ljung,
//! *System Identification*, 1999, section 4.2).

/// Shape of an answer; its gain in the end is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Time constants, s; zero for none.
    pub tau_s: (f64, f64),
    /// Delay, periods.
    pub delay: usize,
}

impl Shape {
    /// At once.
    pub const STATIC: Self = Self { tau_s: (0.0, 0.0), delay: 0 };

    /// Poles for a period.
    #[must_use]
    pub fn poles(&self, period_s: f64) -> (f64, f64) {
        let pole = |tau: f64| if tau > 0.0 { (-period_s / tau).exp() } else { 0.0 };
        (pole(self.tau_s.0), pole(self.tau_s.1))
    }

    /// Time until the answer is felt as a whole, s.
    #[must_use]
    pub fn length_s(&self, period_s: f64) -> f64 {
        self.tau_s.0 + self.tau_s.1 + self.delay as f64 * period_s
    }

    /// The answer to an input, at rest before. What is missing stays as it was.
    #[must_use]
    pub fn apply(&self, input: &[f64], period_s: f64) -> Vec<f64> {
        let (a1, a2) = self.poles(period_s);
        let first = input.iter().copied().find(|u| u.is_finite()).unwrap_or(0.0);
        let (mut x1, mut x2, mut last) = (first, first, first);
        let mut held = Vec::with_capacity(input.len());
        for u in input {
            if u.is_finite() {
                last = *u;
            }
            held.push(last);
        }
        let delayed = |k: usize| if k >= self.delay { held[k - self.delay] } else { first };
        (0..input.len())
            .map(|k| {
                x1 = a1 * x1 + (1.0 - a1) * delayed(k);
                x2 = a2 * x2 + (1.0 - a2) * x1;
                x2
            })
            .collect()
    }
}

/// Shapes to begin the search with.
pub(super) fn coarse() -> Vec<Shape> {
    let taus = [0.0, 60.0, 180.0, 480.0, 1200.0, 3600.0];
    taus.iter().map(|t| Shape { tau_s: (*t, 0.0), delay: 0 }).collect()
}

/// Shapes around one.
pub(super) fn around(shape: Shape, period_s: f64) -> Vec<Shape> {
    let (first, second) = shape.tau_s;
    let mut out = Vec::new();
    for tau in [0.6 * first, 1.6 * first] {
        out.push(Shape { tau_s: (tau.min(4.0 * 3600.0), second.min(tau)), ..shape });
    }
    // A second pole where there was one, or none where there were two.
    out.push(Shape { tau_s: (0.6 * first, 0.6 * first), ..shape });
    out.push(Shape { tau_s: (first + second, 0.0), ..shape });
    if first == 0.0 {
        out.push(Shape { tau_s: (period_s, 0.0), ..shape });
    }
    let longest = (600.0 / period_s).ceil() as usize;
    for delay in [shape.delay.saturating_sub(1), shape.delay + 1, shape.delay + 3] {
        out.push(Shape { delay: delay.min(longest), ..shape });
    }
    out.retain(|s| *s != shape);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_arrives_late_and_whole() {
        let shape = Shape { tau_s: (300.0, 120.0), delay: 4 };
        let input: Vec<f64> = (0..400).map(|k| if k < 10 { 2.0 } else { 5.0 }).collect();
        let out = shape.apply(&input, 30.0);
        assert!((0..14).all(|k| (out[k] - 2.0).abs() < 1e-12) && out[14] > 2.0);
        assert!((out[399] - 5.0).abs() < 1e-6);
        assert!(out.windows(2).all(|w| w[1] >= w[0] - 1e-12));
    }

    #[test]
    fn what_is_missing_stays() {
        let out = Shape::STATIC.apply(&[f64::NAN, 1.0, f64::NAN, 3.0], 30.0);
        assert_eq!(out, [1.0, 1.0, 1.0, 3.0]);
    }
}
