//! Against prost: what it encodes we read to the same, and no bytes at all make us panic.

use super::*;
use crate::mqtt::sparkplug::payload::reference as prost_b;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;

fn value() -> impl Strategy<Value = prost_b::Value> {
    prop_oneof![
        any::<u32>().prop_map(prost_b::Value::Int),
        any::<u64>().prop_map(prost_b::Value::Long),
        any::<f32>().prop_filter("NaN has many bits", |x| !x.is_nan()).prop_map(prost_b::Value::Float),
        any::<f64>().prop_filter("NaN has many bits", |x| !x.is_nan()).prop_map(prost_b::Value::Double),
        any::<bool>().prop_map(prost_b::Value::Boolean),
        "\\PC{0,12}".prop_map(prost_b::Value::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(prost_b::Value::Bytes),
    ]
}

fn properties() -> impl Strategy<Value = prost_b::PropertySet> {
    let one = ("[a-z]{0,4}|Quality", of(any::<u32>()), of(any::<u64>()), of("[a-z]{0,3}"));
    proptest::collection::vec(one, 0..4).prop_map(|list| {
        let mut set = prost_b::PropertySet::default();
        for (key, int_value, long_value, string_value) in list {
            set.keys.push(key);
            let (kind, is_null) = (Some(3), None);
            set.values.push(prost_b::PropertyValue { kind, is_null, int_value, long_value, string_value });
        }
        set
    })
}

fn metric() -> impl Strategy<Value = prost_b::Metric> {
    let head = (of("\\PC{0,20}"), of(any::<u64>()), of(any::<u64>()), of(0_u32..40));
    let flags = (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()));
    (head, flags, of(properties()), of(value())).prop_map(|(head, flags, properties, value)| {
        let (name, alias, timestamp, datatype) = head;
        let (is_historical, is_transient, is_null) = flags;
        prost_b::Metric {
            name,
            alias,
            timestamp,
            datatype,
            is_historical,
            is_transient,
            is_null,
            properties,
            value,
        }
    })
}

fn payload() -> impl Strategy<Value = prost_b::Payload> {
    let metrics = proptest::collection::vec(metric(), 0..12);
    (of(any::<u64>()), metrics, of(any::<u64>()), of("[a-f0-9-]{0,8}")).prop_map(
        |(timestamp, metrics, seq, uuid)| {
            let body = uuid.as_ref().map(|u| u.as_bytes().to_vec());
            prost_b::Payload { timestamp, metrics, seq, uuid, body }
        },
    )
}

/// What prost knows of the quality: the value at the place of the last key of that name.
fn quality_of(set: &prost_b::PropertySet) -> Option<i64> {
    let value = &set.values[set.keys.iter().rposition(|k| k == "Quality")?];
    let long = value.long_value.map(u64::cast_signed);
    long.or(value.int_value.map(|x| i64::from(x.cast_signed())))
}

fn same(ours: &Metric<'_>, theirs: &prost_b::Metric) {
    assert_eq!(ours.name, theirs.name.as_deref());
    assert_eq!(
        (ours.alias, ours.timestamp, ours.datatype),
        (theirs.alias, theirs.timestamp, theirs.datatype)
    );
    let flags = [theirs.is_historical, theirs.is_transient, theirs.is_null].map(Option::unwrap_or_default);
    assert_eq!([ours.is_historical, ours.is_transient, ours.is_null], flags);
    let value = match &theirs.value {
        None => Value::None,
        Some(prost_b::Value::Int(x)) => Value::Int(*x),
        Some(prost_b::Value::Long(x)) => Value::Long(*x),
        Some(prost_b::Value::Float(x)) => Value::Float(*x),
        Some(prost_b::Value::Double(x)) => Value::Double(*x),
        Some(prost_b::Value::Boolean(x)) => Value::Boolean(*x),
        Some(prost_b::Value::Text(x)) => Value::Text(x),
        Some(prost_b::Value::Bytes(x)) => Value::Other(x),
    };
    assert_eq!(ours.value, value);
    assert_eq!(ours.quality(), theirs.properties.as_ref().and_then(quality_of));
}

proptest! {
    #[test]
    fn what_prost_encodes_we_read(theirs in payload()) {
        let bytes = theirs.encode_to_vec();
        let ours = Payload::read(&bytes).unwrap();
        prop_assert_eq!((ours.timestamp, ours.seq), (theirs.timestamp, theirs.seq));
        let metrics: Vec<_> = ours.metrics().map(Result::unwrap).collect();
        prop_assert_eq!(metrics.len(), theirs.metrics.len());
        metrics.iter().zip(&theirs.metrics).for_each(|(ours, theirs)| same(ours, theirs));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(payload) = Payload::read(&bytes) {
            payload.metrics().flatten().for_each(|m| { let _ = m.quality(); });
        }
    }

    /// A good payload with some bytes changed or cut off: nearer to the paths that matter than pure noise.
    #[test]
    fn damaged_payloads_never_panic(
        theirs in payload(), at in any::<proptest::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = theirs.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        bytes[at] = to;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(payload) = Payload::read(&bytes) {
            payload.metrics().flatten().for_each(|m| { let _ = m.quality(); });
        }
        // Where both take it and it has no fields that only one of them knows, both see the same frame.
        if let (Ok(ours), Ok(theirs)) = (Payload::read(&bytes), prost_b::Payload::decode(bytes.as_slice())) {
            prop_assert_eq!((ours.timestamp, ours.seq), (theirs.timestamp, theirs.seq));
        }
    }
}

#[test]
fn limits_and_what_is_none() {
    let many = [0x12, 0x00].repeat(METRICS + 1);
    assert_eq!(Payload::read(&many), Err(Malformed::TooMany));
    assert!(Payload::read(&many[2..]).is_ok());
    for (bytes, why) in [
        (&[0x08][..], Malformed::Truncated),
        (&[0x12, 0x05, 0x00], Malformed::Truncated),
        (&[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], Malformed::Varint),
        (&[0x0B], Malformed::WireType),
        (&[0x00, 0x00], Malformed::Tag),
        (&[0x12, 0x03, 0x0A, 0x01, 0xFF], Malformed::Text),
    ] {
        let read = Payload::read(bytes).and_then(|p| p.metrics().try_for_each(|m| m.map(|_| ())));
        assert_eq!(read, Err(why), "{bytes:02x?}");
    }
    // A length of 2^63 in a packet of a few bytes.
    assert!(Payload::read(&[0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]).is_err());
}
