//! Sparkplug B's payload, beside what prost reads of the same bytes.

use super::Target;
use headroom_drivers::mqtt::sparkplug::payload::{Metric, Payload, Value};
use prost::Message;

#[path = "../../../drivers/src/mqtt/sparkplug/payload/reference.rs"]
mod reference;

/// Payloads.
pub const SPARKPLUG_PAYLOAD: Target =
    Target { name: "sparkplug_payload", body: read, bytes_per_byte: 1 << 9 };

fn read(input: &[u8]) {
    let ours = Payload::read(input);
    let metrics = ours.map(|p| (p, p.metrics().collect::<Result<Vec<_>, _>>()));
    if let Ok((_, Ok(metrics))) = &metrics {
        metrics.iter().for_each(|m| {
            let _ = m.quality();
        });
    }
    // Groups are gone from the wire format for good: prost passes them over, we do not take them.
    let Ok(theirs) = reference::Payload::decode(input) else { return };
    if has_groups(input) {
        return;
    }
    let Ok((payload, metrics)) = metrics else { panic!("prost reads what we refuse: {ours:?}") };
    assert_eq!((payload.timestamp, payload.seq), (theirs.timestamp, theirs.seq));
    let Ok(metrics) = metrics else {
        // prost reads no further into what it does not know of; a metric may hold such a thing.
        return;
    };
    assert_eq!(metrics.len(), theirs.metrics.len());
    metrics.iter().zip(&theirs.metrics).for_each(|(ours, theirs)| same(ours, theirs));
}

fn same(ours: &Metric<'_>, theirs: &reference::Metric) {
    assert_eq!(ours.name, theirs.name.as_deref());
    assert_eq!(
        (ours.alias, ours.timestamp, ours.datatype),
        (theirs.alias, theirs.timestamp, theirs.datatype)
    );
    let flags = [theirs.is_historical, theirs.is_transient, theirs.is_null].map(Option::unwrap_or_default);
    assert_eq!([ours.is_historical, ours.is_transient, ours.is_null], flags);
    match (&ours.value, &theirs.value) {
        (Value::Int(x), Some(reference::Value::Int(y))) => assert_eq!(x, y),
        (Value::Long(x), Some(reference::Value::Long(y))) => assert_eq!(x, y),
        (Value::Float(x), Some(reference::Value::Float(y))) => assert_eq!(x.to_bits(), y.to_bits()),
        (Value::Double(x), Some(reference::Value::Double(y))) => assert_eq!(x.to_bits(), y.to_bits()),
        (Value::Boolean(x), Some(reference::Value::Boolean(y))) => assert_eq!(x, y),
        (Value::Text(x), Some(reference::Value::Text(y))) => assert_eq!(x, y),
        // Data sets, templates and extensions are unread by both.
        (Value::Other(_), _) | (Value::None, None) => {}
        (ours, theirs) => panic!("{ours:?} {theirs:?}"),
    }
}

/// True if some field of the payload or of a metric begins a group.
fn has_groups(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Ok((tag, wire)) = prost::encoding::decode_key(&mut rest) {
        use prost::encoding::WireType;
        match wire {
            WireType::StartGroup | WireType::EndGroup => return true,
            WireType::LengthDelimited => {
                let Ok(length) = prost::encoding::decode_varint(&mut rest) else { return false };
                let Some((inside, behind)) =
                    usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n))
                else {
                    return false;
                };
                if tag == 2 && has_groups(inside) {
                    return true;
                }
                rest = behind;
            }
            WireType::Varint => {
                if prost::encoding::decode_varint(&mut rest).is_err() {
                    return false;
                }
            }
            WireType::SixtyFourBit | WireType::ThirtyTwoBit => {
                let width = if wire == WireType::SixtyFourBit { 8 } else { 4 };
                let Some(behind) = rest.get(width..) else { return false };
                rest = behind;
            }
        }
    }
    false
}
