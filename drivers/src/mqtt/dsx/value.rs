//! Value payloads: `{"value": number|null, "timestamp": epoch ms, "quality": int}`.
//!
//! Read tolerantly (a number where the contract says integer, a boolean where it says number, fields it does
//! not know), written strictly.

use headroom_site::{Quality, Reason, Stamp};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a value message said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    /// Finite, or `None` for null, text and what is no number.
    pub(crate) value: Option<f64>,
    /// Source event time.
    pub(crate) stamp: Stamp,
    /// Good, or why not.
    pub(crate) quality: Quality,
}

/// Any JSON value as a number, if it is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_f64<E>(self, x: f64) -> Result<Number, E> {
                Ok(Number(x.is_finite().then_some(x)))
            }
            fn visit_i64<E>(self, x: i64) -> Result<Number, E> {
                Ok(Number(Some(x as f64)))
            }
            fn visit_u64<E>(self, x: u64) -> Result<Number, E> {
                Ok(Number(Some(x as f64)))
            }
            fn visit_bool<E>(self, x: bool) -> Result<Number, E> {
                Ok(Number(Some(f64::from(u8::from(x)))))
            }
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Number, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Deserialize)]
struct Incoming {
    value: Number,
    timestamp: Number,
    quality: Number,
}

/// Times of this many milliseconds and more are none (the year 2255, and what fits a stamp).
const LAST_MS: f64 = 9.0e12;

/// Reads a payload; `None` if it is not such a message.
pub(crate) fn read(payload: &[u8]) -> Option<Value> {
    let message: Incoming = serde_json::from_slice(payload).ok()?;
    let ms = message.timestamp.0.filter(|ms| ms.abs() < LAST_MS)?;
    let said_good = message.quality.0.is_some_and(|q| (q - 1.0).abs() < 1e-9);
    let quality = match (said_good, message.value.0) {
        (false, _) => Quality::Bad(Reason::SourceSaysBad),
        (true, None) => Quality::Bad(Reason::NotANumber),
        (true, Some(_)) => Quality::Good,
    };
    Some(Value { value: message.value.0, stamp: Stamp::from_unix_ms(ms as i64), quality })
}

#[derive(Serialize)]
struct Outgoing {
    value: Option<f64>,
    timestamp: i64,
    quality: u8,
}

/// Writes a payload. A null value says quality 0: it is there to withdraw a request, not to be used.
pub(crate) fn write(value: Option<f64>, now: Stamp) -> Vec<u8> {
    let value = value.filter(|v| v.is_finite());
    let message = Outgoing { value, timestamp: now.unix_ms(), quality: u8::from(value.is_some()) };
    serde_json::to_vec(&message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_bad_null_and_what_is_none() {
        let v = read(br#"{"value":22.96,"timestamp":1743620423000,"quality":1}"#).unwrap();
        assert_eq!((v.value, v.quality, v.stamp.unix_ms()), (Some(22.96), Quality::Good, 1_743_620_423_000));
        let bad = |text: &str| read(text.as_bytes()).unwrap().quality;
        assert_eq!(bad(r#"{"value":1,"timestamp":1,"quality":0}"#), Quality::Bad(Reason::SourceSaysBad));
        assert_eq!(bad(r#"{"value":null,"timestamp":1,"quality":1}"#), Quality::Bad(Reason::NotANumber));
        assert_eq!(
            bad(r#"{"value":"on","timestamp":1.5e12,"quality":1,"x":[{}]}"#),
            Quality::Bad(Reason::NotANumber)
        );
        assert_eq!(
            bad(r#"{"value":{"a":[1]},"timestamp":1,"quality":192}"#),
            Quality::Bad(Reason::SourceSaysBad)
        );
        for none in [
            "",
            "{}",
            "[]",
            "22.96",
            r#"{"value":1,"timestamp":"now","quality":1}"#,
            r#"{"value":1,"quality":1}"#,
            r#"{"value":1,"timestamp":9223372036854775,"quality":1}"#,
        ] {
            assert_eq!(read(none.as_bytes()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_is_read(x in -1e9..1e9_f64, ms in 0_i64..4_000_000_000_000) {
            let stamp = Stamp::from_unix_ms(ms);
            let back = read(&write(Some(x), stamp)).unwrap();
            // serde_json reads the last bit of a float loosely.
            prop_assert!((back.value.unwrap() - x).abs() <= x.abs() * 1e-15);
            prop_assert_eq!((back.stamp, back.quality), (stamp, Quality::Good));
        }
    }
}
