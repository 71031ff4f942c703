//! How long each reason held a GPU since its last sample, each second booked once.
//!
//! Responsible for: counters and bits of NVML to seconds. Not for: what lies behind a reason (`cause`).
//!
//! Reasons overlap: HW slowdown is the umbrella of HW thermal and power brake, and a hot GPU may meet its cap as well. What a
//! GPU loses it loses once, so a second goes to the reason of the highest rank: HW thermal, power brake, HW slowdown of another
//! kind, SW thermal, SW power cap. Sums over reasons are then time, and may be less than the counters together.

use headroom_site::gpu::ThrottleReason;
use headroom_site::{GpuSample, Offered, Stamp};

/// Places in [`ThrottleReason::ALL`], the highest rank first.
const RANK: [usize; 5] = [2, 3, 4, 1, 0];
/// A sample that comes later says nothing of the time since the last one, s.
const LATE_S: f64 = 60.0;

/// Where a GPU's counters stood.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    at: Option<Stamp>,
    ns: [Offered<u64>; 5],
}

impl Counted {
    /// Seconds of each reason in the order of [`ThrottleReason::ALL`] since the last sample; `None` where nothing held, or
    /// nothing is new.
    #[inline]
    pub(super) fn take(&mut self, s: &GpuSample) -> Option<[f64; 5]> {
        let before = self.at.replace(s.stamp);
        let dt_s = s.stamp.since(before?).s();
        if dt_s <= 0.0 {
            self.at = before;
            return None;
        }
        let still = s.throttle_ns == self.ns;
        let held = s.reasons & BITS != 0;
        if still && !held {
            return None;
        }
        let was = std::mem::replace(&mut self.ns, s.throttle_ns);
        if dt_s > LATE_S {
            return None;
        }
        let of = |r: usize| match (s.throttle_ns[r].get(), was[r].get()) {
            // One that falls began anew with its driver.
            (Some(now), Some(was)) => (if now >= was { now - was } else { now }) as f64 * 1e-9,
            _ if s.reasons & ThrottleReason::ALL[r].bit() != 0 => dt_s,
            _ => 0.0,
        };
        let mut all: [f64; 5] = std::array::from_fn(of);
        // The umbrella is what its parts are not.
        all[4] = (all[4] - all[2] - all[3]).max(0.0);
        let mut left = dt_s;
        for r in RANK {
            all[r] = all[r].min(left);
            left -= all[r];
        }
        (left < dt_s).then_some(all)
    }
}

/// Bits of all reasons that cost work.
const BITS: u32 = {
    let (mut bits, mut r) = (0, 0);
    while r < ThrottleReason::ALL.len() {
        bits |= ThrottleReason::ALL[r].bit();
        r += 1;
    }
    bits
};

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::Span;

    fn sample(s: f64, reasons: u32, ns: [Option<u64>; 5]) -> GpuSample {
        GpuSample {
            stamp: Stamp::from_unix_ms(0) + Span::from_s(s),
            reasons,
            throttle_ns: ns.map(Into::into),
            ..GpuSample::default()
        }
    }

    #[test]
    fn a_second_is_booked_once() {
        let second = Some(1_000_000_000);
        let mut c = Counted::default();
        assert_eq!(c.take(&sample(0.0, 0, [Some(0); 5])), None);
        assert_eq!(c.take(&sample(1.0, 0, [Some(0); 5])), None);
        // A brake raises its own counter and the umbrella's; the cap was met for half of the time as well.
        let all = c.take(&sample(2.0, 0x88, [Some(500_000_000), Some(0), Some(0), second, second])).unwrap();
        assert!((all[3] - 1.0).abs() < 1e-9 && (all.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{all:?}");
        // The same sample once more says nothing.
        assert_eq!(c.take(&sample(2.0, 0x88, [Some(500_000_000), Some(0), Some(0), second, second])), None);
    }

    #[test]
    fn bits_count_where_there_is_no_counter() {
        let mut c = Counted::default();
        c.take(&sample(0.0, 0x20, [None; 5]));
        let all = c.take(&sample(0.5, 0x20, [None; 5])).unwrap();
        assert!((all[1] - 0.5).abs() < 1e-9 && (all.iter().sum::<f64>() - 0.5).abs() < 1e-9, "{all:?}");
        assert_eq!(c.take(&sample(100.0, 0x20, [None; 5])), None, "too late to say");
    }
}
