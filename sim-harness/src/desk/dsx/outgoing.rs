//! What the BMS says: values on change and every 100 s, one buffer for all payloads.
//!
//! A value bears the stamp of its source at the time of saying: who repeats a value has looked at it again.

use super::super::number::{self, Shown};
use super::topic;
use crate::image::{Image, ImagePoint, PointIndex, SourceIndex};

/// The contract repeats what has not changed after this long.
pub(super) const REPEAT_MS: i64 = 100_000;
/// Half the plant's points change together; first repeats are spread so that they do not burst together.
const SPREAD_STEPS: i64 = 97;

/// One BMS value topic and what it last said.
#[derive(Debug, Clone)]
pub(super) struct Value {
    point: PointIndex,
    topic: Box<str>,
    period_ms: i64,
    decimals: u8,
    said: Option<(Shown, i32)>,
    /// Earliest instant for the next change.
    change_at_ms: i64,
    /// Instant of the next repetition.
    repeat_at_ms: i64,
}

impl Value {
    pub(super) fn new(index: PointIndex, point: &ImagePoint) -> Self {
        Self {
            point: index,
            topic: topic("PUB", "Value", point.object_type, point.point_type, &point.tag),
            period_ms: (point.class.gap_s().clamp(0.0, 1e6) * 1000.0) as i64,
            decimals: number::decimals(point.class.quantum),
            said: None,
            change_at_ms: i64::MIN,
            repeat_at_ms: i64::MIN,
        }
    }

    /// Forget what was said: everything is news again.
    pub(super) fn forget(&mut self) {
        self.said = None;
    }

    /// The shown value if it is time to say it. `slot` spreads the first repetition.
    fn due(&mut self, now_ms: i64, image: &Image, slot: i64) -> Option<(Shown, i32)> {
        if image.silent.get(self.point) == Some(&true) {
            return None;
        }
        let value = *image.values.get(self.point)?;
        let quality = *image.quality.get(self.point)?;
        let now = (number::shown(value, self.decimals), quality);
        let first = self.said.is_none();
        let due =
            first || now_ms >= self.repeat_at_ms || (self.said != Some(now) && now_ms >= self.change_at_ms);
        if !due {
            return None;
        }
        self.said = Some(now);
        self.change_at_ms = now_ms + self.period_ms;
        let early_ms = if first { (slot * 37 % SPREAD_STEPS) * (REPEAT_MS / 5 / SPREAD_STEPS) } else { 0 };
        self.repeat_at_ms = now_ms + REPEAT_MS - early_ms;
        Some(now)
    }
}

/// Says what is due of `values`. `payload` is the reused buffer.
pub(super) fn publish(
    values: &mut [Value],
    payload: &mut Vec<u8>,
    now_ms: i64,
    image: &Image,
    out: &mut impl FnMut(Option<SourceIndex>, &str, &[u8]),
) {
    for (slot, value) in values.iter_mut().enumerate() {
        if let Some((shown, quality)) = value.due(now_ms, image, slot as i64) {
            write_payload(payload, shown, value.decimals, image.stamp_ms(value.point, now_ms), quality);
            out(image.source_of(value.point), &value.topic, payload);
        }
    }
}

/// `{"value":31.7,"timestamp":1792000000123,"quality":1}`
pub(super) fn write_payload(payload: &mut Vec<u8>, shown: Shown, decimals: u8, now_ms: i64, quality: i32) {
    payload.clear();
    payload.extend_from_slice(b"{\"value\":");
    number::write_shown(payload, shown, decimals);
    payload.extend_from_slice(b",\"timestamp\":");
    number::write_integer(payload, now_ms);
    payload.extend_from_slice(b",\"quality\":");
    number::write_integer(payload, i64::from(quality));
    payload.push(b'}');
}
