//! Clocks-event reasons that stand, told from those that flicker.
//!
//! Responsible for: which reasons of a GPU are to be shown and alarmed. Not for: how long it was throttled (the ledger counts
//! the driver's own nanoseconds), nor for what a reason means.
//!
//! A reason is a bit of one instant. The hardware slowdown bit also shows for an instant during a change of clock or P-state, and a
//! bit that is set in one of ten samples is no state. So:
//!
//! ```text
//!            set                    set for HOLD, in every sample;
//!   clear ---------> suspected ------------------------------------> standing
//!     ^                  |          or its counter has risen             |
//!     |                  | not set                                      | not set for HOLD, in any sample
//!     +------------------+----------------------------------------------+
//! ```
//! The driver's counter of a reason is proof: where it has risen since the sample before, the clock was held. A GPU that is not
//! heard keeps what it said last; whoever shows it sees that it is silent.

use headroom_site::gpu::ThrottleReason;
use headroom_site::{GpuSample, Span, Stamp};

/// A change of clock or power is over within this (0.1 s to 0.5 s, in band).
const HOLD: Span = Span::from_ms(500);

/// One GPU.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    /// NVML bits that stand.
    bits: u32,
    /// NVML bits that are set or stand.
    active: u32,
    /// NVML bits that stand and are not set any more.
    leaving: u32,
    /// When all was as it should be last: what stands was set, and nothing else.
    settled: Stamp,
    /// Since when each reason is set without a break, or when it was last set while it stands.
    since: [Stamp; 5],
}

/// Every bit that costs work.
const COSTLY: u32 = {
    let mut bits = 0;
    let mut i = 0;
    while i < ThrottleReason::ALL.len() {
        bits |= ThrottleReason::ALL[i].bit();
        i += 1;
    }
    bits
};

impl Standing {
    /// Takes the next sample after another, their stamps on our time.
    #[inline(always)]
    pub(super) fn take(&mut self, before: &GpuSample, sample: &GpuSample) {
        if sample.reasons & COSTLY == self.bits && self.active == self.bits {
            // Almost always.
            self.settled = sample.stamp;
            self.leaving = 0;
        } else {
            self.judge_all(before, sample);
        }
    }

    fn judge_all(&mut self, before: &GpuSample, sample: &GpuSample) {
        for (i, reason) in ThrottleReason::ALL.into_iter().enumerate() {
            let counters = (before.throttle_ns[i].get(), sample.throttle_ns[i].get());
            let counted = matches!(counters, (Some(a), Some(b)) if b > a);
            self.judge(i, reason.bit(), sample.reasons & reason.bit() != 0, counted, sample.stamp);
        }
    }

    /// One reason: is it set, and did its counter rise?
    fn judge(&mut self, i: usize, bit: u32, set: bool, counted: bool, stamp: Stamp) {
        let stands = self.bits & bit != 0;
        if set == stands {
            self.since[i] = stamp;
            self.leaving &= !bit;
            self.active = if set { self.active | bit } else { self.active & !bit };
            return;
        }
        if set && self.active & bit == 0 {
            self.since[i] = stamp;
            self.active |= bit;
        }
        if !set && self.leaving & bit == 0 {
            self.since[i] = self.since[i].max(self.settled);
            self.leaving |= bit;
        }
        let long = stamp.since(self.since[i]) >= HOLD;
        match set {
            true if counted || long => {
                self.bits |= bit;
                self.since[i] = stamp;
            }
            // It held between two samples that both missed it.
            false if counted => self.since[i] = stamp,
            false if long => {
                self.bits &= !bit;
                self.active &= !bit;
                self.leaving &= !bit;
            }
            _ => {}
        }
    }

    /// NVML bits that stand.
    pub(super) const fn bits(&self) -> u32 {
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HW: u32 = 0x8;
    const SW: u32 = 0x4;

    /// Bits that stand after each sample: time in ms, bits, counter of the power cap in ns.
    fn after(samples: &[(i64, u32, Option<u64>)]) -> Vec<u32> {
        let mut standing = Standing::default();
        let mut before = GpuSample::default();
        let mut take = |&(ms, reasons, ns): &(i64, u32, Option<u64>)| {
            let throttle_ns = [ns, None, None, None, None];
            let stamp = Stamp::from_unix_ms(1_000_000 + ms);
            let sample = GpuSample {
                stamp,
                reasons,
                throttle_ns: throttle_ns.map(Into::into),
                ..GpuSample::default()
            };
            standing.take(&std::mem::replace(&mut before, sample), &sample);
            standing.bits()
        };
        samples.iter().map(&mut take).collect()
    }

    #[test]
    fn one_instant_is_no_state_and_half_a_second_is() {
        let flicker: Vec<_> = (0..20).map(|i| (i * 100, if i % 4 == 0 { HW } else { 0 }, None)).collect();
        assert_eq!(after(&flicker), [0; 20]);
        let steady: Vec<_> = (0..8).map(|i| (i * 100, HW | 1, None)).collect();
        assert_eq!(after(&steady), [0, 0, 0, 0, 0, HW, HW, HW], "idle is no loss");
    }

    #[test]
    fn what_stands_goes_when_it_stays_away() {
        let mut samples: Vec<_> = (0..6).map(|i| (i * 100, HW, None)).collect();
        samples.extend([(600, 0, None), (700, HW, None), (800, 0, None), (1200, 0, None), (1300, 0, None)]);
        // Away at 0.6 s for an instant; last seen at 0.7 s.
        assert_eq!(after(&samples)[5..], [HW, HW, HW, HW, 0, 0]);
    }

    #[test]
    fn the_drivers_counter_is_proof() {
        let samples = [(0, 0, Some(5)), (100, SW, Some(5)), (200, SW, Some(9)), (300, 0, Some(9))];
        assert_eq!(after(&samples), [0, 0, SW, SW]);
        // It stands as long as the counter rises between samples that happen to miss the bit.
        let missed = [
            (0, SW, Some(1)),
            (100, SW, Some(2)),
            (600, 0, Some(3)),
            (1200, 0, Some(4)),
            (1300, 0, Some(4)),
            (1900, 0, Some(4)),
        ];
        assert_eq!(after(&missed), [0, SW, SW, SW, SW, 0]);
    }
}
