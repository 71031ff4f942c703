//! The snapshot: everything as of one instant, each value with its age and quality.
//!
//! Responsible for: what a snapshot holds, and its digest. Not for: building one ([`super`]).

use headroom_site::gpu::CapReceipt;
use headroom_site::{GpuSample, PointId, Quality, Span, Stamp};

/// What one point says as of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointValue {
    /// Value, base unit. Meaningless while the quality is bad.
    pub value: f64,
    /// Event time.
    pub stamp: Stamp,
    /// Age at the snapshot.
    pub age: Span,
    /// Quality, staleness included.
    pub quality: Quality,
    /// New since the last snapshot.
    pub fresh: bool,
}

/// What one GPU says as of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuValue {
    /// The sample.
    pub sample: GpuSample,
    /// Age at the snapshot.
    pub age: Span,
    /// New since the last snapshot.
    pub fresh: bool,
    /// Heard from recently enough to act upon.
    pub heard: bool,
}

/// A power of a GPU that is older says nothing of a meter now: those of a page may be half a minute old.
const VOUCHES: Span = Span::from_ms(10_000);

impl GpuValue {
    /// Is it heard, and of late, so that a meter can be compared with it?
    #[must_use]
    pub fn vouches(&self) -> bool {
        self.heard && self.age <= VOUCHES
    }
}

/// What is known of a node's agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeValue {
    /// Boot number of the agent; `None` before its first report.
    pub boot: Option<u64>,
    /// Its sequence.
    pub sequence: u64,
    /// Its monotonic clock at the last report.
    pub mono_ns: u64,
    /// Its last receipt.
    pub receipt: Option<CapReceipt>,
    /// How far the stamps of its samples may be off, where whoever read them knows.
    pub stamp_uncertainty: Option<Span>,
    /// Heard from recently.
    pub heard: bool,
}

/// Everything as of one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The instant.
    pub stamp: Stamp,
    /// By [`PointId`].
    pub points: Vec<PointValue>,
    /// By GPU index.
    pub gpus: Vec<GpuValue>,
    /// By node index.
    pub nodes: Vec<NodeValue>,
    /// Who of the GPUs is heard.
    pub heard: Heard,
}

/// Who of the GPUs is heard: most of the time all of them, and of one instant, so that nobody needs to ask each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// GPUs that are heard.
    pub count: usize,
    /// Stamps of the oldest and the newest sample of those that are heard; the newest is before the oldest where none is.
    pub stamps: (Stamp, Stamp),
}

impl Snapshot {
    /// Value of a point, if it is good.
    #[must_use]
    pub fn good(&self, point: PointId) -> Option<f64> {
        let p = self.points.get(point.index())?;
        p.quality.is_good().then_some(p.value)
    }

    /// Is every GPU heard?
    #[must_use]
    pub fn all_heard(&self) -> bool {
        self.heard.count == self.gpus.len()
    }

    /// Digest over everything (FNV-1a, 64 bit), so that a journal can tell whether a replay saw the same.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |word: u64| {
            hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        };
        eat(self.stamp.tai_ns() as u64);
        for p in &self.points {
            eat(p.value.to_bits());
            eat(p.stamp.tai_ns() as u64);
            eat(u64::from(p.quality.opc_ua()));
        }
        for g in &self.gpus {
            let s = &g.sample;
            for f in [s.power_w, s.clock_mhz, s.die_c, s.hbm_c, s.enforced_cap_w] {
                eat(f.get().map_or(u64::MAX, |x| u64::from(x.to_bits())));
            }
            eat(u64::from(s.reasons));
            eat(s.stamp.tai_ns() as u64);
        }
        hash
    }
}
