//! Automatic transfer switch between utility and generator.
//!
//! Responsible for: which source the main panel hangs on. Not for: the sources.
//!
//! ```text
//! utility --feed lost--> dead --generator has voltage--> generator --feed back for 300 s--> utility
//!                          +------- feed back ------------------------------------------------^
//! ```
//! Five minutes of good feed before the return is the usual setting (NFPA 110 recommends at least that). The
//! return is a closed transition: no gap.

/// Time the feed must be good before the return, s.
pub const RETURN_S: f64 = 300.0;

/// Source of the main panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// The utility feed.
    #[default]
    Utility,
    /// The generator.
    Generator,
    /// Nothing: the panel is dead.
    Dead,
}

/// The transfer switch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ats {
    /// Where it stands.
    pub source: Source,
    good_s: f64,
}

impl Ats {
    /// True while it wants the generator to run.
    #[must_use]
    pub fn calls_generator(&self, feed_lost: bool) -> bool {
        feed_lost || self.source == Source::Generator
    }

    /// Advances by `dt_s`.
    pub fn step(&mut self, feed_lost: bool, generator: bool, dt_s: f64) {
        self.good_s = if feed_lost { 0.0 } else { self.good_s + dt_s };
        self.source = match self.source {
            Source::Utility if !feed_lost => Source::Utility,
            Source::Generator if generator && (feed_lost || self.good_s < RETURN_S) => Source::Generator,
            _ if !feed_lost => Source::Utility,
            _ if generator => Source::Generator,
            _ => Source::Dead,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_over_and_comes_back_when_the_feed_has_proved_good() {
        let mut ats = Ats::default();
        ats.step(true, false, 1.0);
        assert!(ats.source == Source::Dead && ats.calls_generator(true));
        ats.step(true, true, 1.0);
        assert_eq!(ats.source, Source::Generator);
        for _ in 0..298 {
            ats.step(false, true, 1.0);
        }
        assert!(ats.source == Source::Generator && ats.calls_generator(false));
        ats.step(false, true, 1.0);
        ats.step(false, true, 1.0);
        assert_eq!(ats.source, Source::Utility);
    }

    #[test]
    fn a_feed_that_returns_before_the_generator_is_taken_at_once() {
        let mut ats = Ats::default();
        ats.step(true, false, 1.0);
        ats.step(false, false, 1.0);
        assert_eq!(ats.source, Source::Utility);
        ats.step(true, true, 1.0);
        ats.step(false, false, 1.0);
        assert_eq!(ats.source, Source::Utility, "a generator that dies gives way");
    }
}
