//! A reading: what one point said, when, and how far it can be trusted.

use crate::{PointId, Quality, Reason, Span, Stamp};
use serde::{Deserialize, Serialize};

/// What a point said. The value is in the base unit of the point's dimension and always finite: what was not
/// a number arrives as a bad quality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which point.
    pub point: PointId,
    /// When it was true (event time), not when it arrived.
    pub stamp: Stamp,
    /// How far `stamp` may be off.
    pub stamp_uncertainty: Span,
    /// When it arrived, by our clock, if `stamp` is by a clock of its source; `None` if `stamp` is ours.
    pub arrival: Option<Stamp>,
    /// How long its source kept it before it was sent, ms by the source's clock; the greatest number for longer than can be
    /// said.
    pub held_ms: u32,
    /// The value, base unit of the point.
    pub value: f64,
    /// Can it be used?
    pub quality: Quality,
}

impl Reading {
    /// A reading whose value is checked to be finite; if it is not, the value is 0 and the quality bad.
    #[must_use]
    pub fn new(point: PointId, stamp: Stamp, stamp_uncertainty: Span, value: f64, quality: Quality) -> Self {
        if value.is_finite() {
            Self { point, stamp, stamp_uncertainty, arrival: None, held_ms: 0, value, quality }
        } else {
            let quality = quality.worst(Quality::Bad(Reason::NotANumber));
            Self { point, stamp, stamp_uncertainty, arrival: None, held_ms: 0, value: 0.0, quality }
        }
    }

    /// The same, stamped by its source's clock, and arrived then by ours.
    #[must_use]
    pub fn arrived(self, arrival: Stamp) -> Self {
        Self { arrival: Some(arrival), ..self }
    }

    /// The same, kept by its source for so long before it was sent.
    #[must_use]
    pub fn held(self, held_ms: u32) -> Self {
        Self { held_ms, ..self }
    }

    /// When it was sent, by the clock that stamped it, if that can be said.
    #[must_use]
    pub fn sent(&self) -> Option<Stamp> {
        (self.held_ms < u32::MAX).then(|| self.stamp + Span::from_ms(i64::from(self.held_ms)))
    }
}
