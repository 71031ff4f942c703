//! Axes: bounds, round ticks, positions.

/// Least and largest of what is finite; zeros where nothing is.
pub(crate) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

/// A linear axis with round ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    /// Distance between ticks.
    step: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From values between `low` and `high` to positions between `from` and `to`, with about `ticks` ticks; both ends are
    /// round.
    pub(crate) fn new(bounds: (f64, f64), to: (f64, f64), ticks: f64) -> Self {
        let exact = Self::exact(bounds, to, ticks);
        let (low, high) = (exact.low / exact.step, exact.high / exact.step);
        Self { low: low.floor() * exact.step, high: high.ceil() * exact.step, ..exact }
    }

    /// The same, from the least value to the largest.
    pub(crate) fn exact((low, high): (f64, f64), (from, to): (f64, f64), ticks: f64) -> Self {
        let span =
            if high - low > 1e-9 * high.abs().max(1.0) { high - low } else { high.abs().max(1.0) * 0.1 };
        let raw = span / ticks;
        let tens = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|f| f * tens).into_iter().find(|s| *s >= raw).unwrap_or(raw);
        Self { low, high: low + span, step, from, to }
    }

    /// Position of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Ticks with their labels.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let digits = (-self.step.log10()).ceil().max(0.0) as usize;
        // A tick that only rounding keeps out is in.
        let (first, last) = ((self.low / self.step - 1e-6).ceil(), (self.high / self.step + 1e-6).floor());
        (0..=(last - first).max(0.0) as usize)
            .map(|n| (first + n as f64) * self.step)
            // no "-0"
            .map(|v| if v.abs() < 1e-9 * self.step { 0.0 } else { v })
            .map(|v| (v, format!("{v:.digits$}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        let scale = Scale::new((0.03, 4.7), (0.0, 100.0), 4.0);
        let labels: Vec<String> = scale.ticks().into_iter().map(|(_, l)| l).collect();
        assert_eq!(labels, ["0", "2", "4", "6"]);
        assert!((scale.at(3.0) - 50.0).abs() < 1e-9);
        let small = Scale::new((-0.02, 0.11), (0.0, 1.0), 3.0);
        assert_eq!(small.ticks()[0].1, "-0.05");
        assert!(small.ticks().iter().any(|(_, l)| l == "0.00"));
        let exact = Scale::exact((0.0, 1.9), (0.0, 190.0), 4.0);
        let labels: Vec<String> = exact.ticks().into_iter().map(|(_, l)| l).collect();
        assert_eq!(labels, ["0.0", "0.5", "1.0", "1.5"]);
        assert!((exact.at(1.9) - 190.0).abs() < 1e-9);
        // One value alone still has an axis.
        assert!(Scale::new((7.0, 7.0), (0.0, 1.0), 3.0).at(7.0).is_finite());
        assert_eq!(bounds([f64::NAN, 2.0, -1.0].into_iter()), (-1.0, 2.0));
    }
}
