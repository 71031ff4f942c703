//! Rates of counters that wrap.
//!
//! Responsible for: the difference of two readings of a counter, exact over a wrap, and what is none. Not for: reading files.
//!
//! ```text
//! d = (c - c') mod 2^64                          if c >= c'
//!     (c - c') mod 2^32                          if c < c' < 2^32 and that is at most half of 2^32
//!     (c - c') mod 2^64                          if c < c' and that is at most half of 2^64
//!     none                                       else: it began anew, with its driver or its link
//! rate = d u / (t - t')                          u: what one count stands for
//! ```
//! A counter of 32 bits that fell has wrapped, if it was near its end; whether one that fell from the middle has wrapped or begun anew
//! nobody can tell, and so it gives no rate for that once. At 400 Gbit/s a counter of 32 bits in units of four octets wraps every
//! 0.34 s: two readings further apart than half of that say nothing, which is why such a port is read by its 64-bit counters.

use std::collections::BTreeMap;

/// Rates by the word of their counter, 1/s.
pub type Rates = BTreeMap<&'static str, f64>;

/// What counters showed last.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    last: BTreeMap<&'static str, (u64, u64)>,
}

/// How far a counter has gone on; `None` if it began anew.
#[must_use]
pub fn difference(before: u64, now: u64) -> Option<u64> {
    if now >= before {
        return Some(now - before);
    }
    const HALF_32: u64 = 1 << 31;
    const HALF_64: u64 = 1 << 63;
    if before < 1 << 32 {
        let wrapped = (1_u64 << 32) - before + now;
        return (wrapped <= HALF_32).then_some(wrapped);
    }
    let wrapped = now.wrapping_sub(before);
    (wrapped <= HALF_64).then_some(wrapped)
}

impl Counters {
    /// Takes a reading: word, value if there is one, and what one count stands for. Gives the rates since the last one.
    pub fn take(&mut self, mono_ns: u64, values: &[(&'static str, Option<u64>, u64)]) -> Rates {
        let mut rates = Rates::new();
        for &(word, value, unit) in values {
            let Some(value) = value else {
                self.last.remove(word);
                continue;
            };
            let Some((then_ns, before)) = self.last.insert(word, (mono_ns, value)) else { continue };
            let seconds = mono_ns.saturating_sub(then_ns) as f64 * 1e-9;
            if let Some(more) = difference(before, value).filter(|_| seconds > 0.0) {
                rates.insert(word, more as f64 * unit as f64 / seconds);
            }
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_are_exact_and_resets_are_none() {
        assert_eq!(difference(10, 10), Some(0));
        assert_eq!(difference(u64::from(u32::MAX) - 4, 5), Some(10), "32 bits");
        assert_eq!(difference(u64::MAX - 4, 5), Some(10), "64 bits");
        assert_eq!(difference(1_000_000, 5), None, "began anew");
        assert_eq!(difference(1 << 40, 5), None, "began anew");
        assert_eq!(difference(1 << 63, 0), Some(1 << 63));
    }

    proptest! {
        /// Whatever a counter of either width stands at, going on by less than half of it is found.
        #[test]
        fn going_on_is_found(start in any::<u64>(), by in 0..1_u64 << 31, narrow in any::<bool>()) {
            let (before, now) = if narrow {
                (start & 0xFFFF_FFFF, (start & 0xFFFF_FFFF).wrapping_add(by) & 0xFFFF_FFFF)
            } else {
                (start | 1 << 32, (start | 1 << 32).wrapping_add(by))
            };
            prop_assert_eq!(difference(before, now), Some(by));
        }
    }
}
