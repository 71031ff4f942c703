//! Sparkplug's datatypes as numbers, both ways (Eclipse Sparkplug 3.0.0, 6.4.16).
//!
//! Encoders differ: a small signed integer comes with or without its sign carried to 32 bits, a `UInt32` in
//! `int_value` or `long_value`. Both are taken; what does not fit its datatype is not a number.

use super::payload::Value;
use headroom_site::Reason;

/// Datatype index of `Boolean`.
pub(crate) const BOOLEAN: u32 = 11;
/// Datatype index of `Int64`, which `bdSeq` has.
#[cfg(test)]
pub(crate) const INT64: u32 = 4;

/// Bits of an integer datatype, and whether it has a sign.
const fn width(datatype: u32) -> Option<(u32, bool)> {
    Some(match datatype {
        1 => (8, true),
        2 => (16, true),
        3 => (32, true),
        4 => (64, true),
        5 => (8, false),
        6 => (16, false),
        7 => (32, false),
        // A DateTime is Unix milliseconds.
        8 | 13 => (64, false),
        _ => return None,
    })
}

/// A value as a number; a `DateTime` is Unix milliseconds.
///
/// # Errors
/// [`Reason::NotSupported`] for texts, data sets, templates and arrays, [`Reason::NotANumber`] for a value that is
/// missing or does not fit its datatype.
pub(crate) fn number(value: Value<'_>, datatype: u32) -> Result<f64, Reason> {
    match (datatype, value) {
        (1..=8 | 13, _) => {
            let (bits, signed) = width(datatype).ok_or(Reason::NotSupported)?;
            integer(value, bits, signed).ok_or(Reason::NotANumber)
        }
        (9 | 10, Value::Float(x)) => finite(f64::from(x)),
        (9 | 10, Value::Double(x)) => finite(x),
        (BOOLEAN, Value::Boolean(x)) => Ok(f64::from(u8::from(x))),
        (9..=BOOLEAN, _) => Err(Reason::NotANumber),
        _ => Err(Reason::NotSupported),
    }
}

fn finite(x: f64) -> Result<f64, Reason> {
    if x.is_finite() { Ok(x) } else { Err(Reason::NotANumber) }
}

fn integer(value: Value<'_>, bits: u32, signed: bool) -> Option<f64> {
    let (raw, carried) = match value {
        Value::Int(x) => (u64::from(x), i64::from(x.cast_signed())),
        Value::Long(x) => (x, x.cast_signed()),
        _ => return None,
    };
    let unused = 64 - bits;
    let fits = raw <= u64::MAX >> unused;
    if !signed {
        return fits.then_some(raw as f64);
    }
    if fits {
        return Some(((raw << unused).cast_signed() >> unused) as f64);
    }
    // The sign carried further than the datatype is wide.
    ((carried << unused) >> unused == carried).then_some(carried as f64)
}

/// A value ready for the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wire {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Boolean(bool),
}

/// A number in a datatype; whole numbers are rounded.
pub(crate) fn wire(x: f64, datatype: u32) -> Option<Wire> {
    if !x.is_finite() {
        return None;
    }
    Some(match datatype {
        9 => Wire::Float(x as f32),
        10 => Wire::Double(x),
        BOOLEAN => Wire::Boolean(x >= 0.5),
        _ => {
            let (bits, signed) = width(datatype)?;
            let whole = x.round();
            let top = 2.0_f64.powi(bits.cast_signed() - i32::from(signed));
            if whole >= top || whole < if signed { -top } else { 0.0 } {
                return None;
            }
            match (bits, signed) {
                (64, true) => Wire::Long((whole as i64).cast_unsigned()),
                (64, false) => Wire::Long(whole as u64),
                (_, true) => Wire::Int((whole as i32).cast_unsigned()),
                (_, false) => Wire::Int(whole as u32),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_datatype_and_each_way_of_writing_it() {
        let cases: [(u32, Value<'_>, Result<f64, Reason>); 22] = [
            (1, Value::Int(0xFF), Ok(-1.0)),
            (1, Value::Int(0xFFFF_FFFF), Ok(-1.0)),
            (1, Value::Int(300), Err(Reason::NotANumber)),
            (2, Value::Int(0xFFFF_8000), Ok(-32768.0)),
            (2, Value::Int(0x8000), Ok(-32768.0)),
            (3, Value::Int(0xFFFF_FFFE), Ok(-2.0)),
            (3, Value::Long(u64::MAX), Ok(-1.0)),
            (4, Value::Long(u64::MAX), Ok(-1.0)),
            (5, Value::Int(255), Ok(255.0)),
            (5, Value::Int(256), Err(Reason::NotANumber)),
            (6, Value::Int(65_535), Ok(65_535.0)),
            (7, Value::Int(u32::MAX), Ok(4_294_967_295.0)),
            (7, Value::Long(7), Ok(7.0)),
            (8, Value::Long(1 << 40), Ok(1_099_511_627_776.0)),
            (9, Value::Float(1.5), Ok(1.5)),
            (10, Value::Double(f64::NAN), Err(Reason::NotANumber)),
            (10, Value::Double(-0.25), Ok(-0.25)),
            (11, Value::Boolean(true), Ok(1.0)),
            (11, Value::Text("true"), Err(Reason::NotANumber)),
            (12, Value::Text("1"), Err(Reason::NotSupported)),
            (13, Value::Long(1_700_000_000_123), Ok(1_700_000_000_123.0)),
            (19, Value::Other(&[]), Err(Reason::NotSupported)),
        ];
        for (datatype, value, expected) in cases {
            assert_eq!(number(value, datatype), expected, "{datatype} {value:?}");
        }
        assert_eq!(number(Value::None, 10), Err(Reason::NotANumber));
        assert_eq!(number(Value::Int(1), 0), Err(Reason::NotSupported));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert_eq!(wire(128.0, 1), None);
        assert_eq!(wire(-128.0, 1), Some(Wire::Int(0xFFFF_FF80)));
        assert_eq!(wire(-1.0, 5), None);
        assert_eq!(wire(255.4, 5), Some(Wire::Int(255)));
        assert_eq!((wire(f64::NAN, 10), wire(1.0, 12), wire(1.0, 0)), (None, None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(x in -1e12..1e12_f64, datatype in 1_u32..=11) {
            if let Some(wire) = wire(x, datatype) {
                let value = match wire {
                    Wire::Int(x) => Value::Int(x),
                    Wire::Long(x) => Value::Long(x),
                    Wire::Float(x) => Value::Float(x),
                    Wire::Double(x) => Value::Double(x),
                    Wire::Boolean(x) => Value::Boolean(x),
                };
                let back = number(value, datatype).unwrap();
                let allowed = match datatype { 9 => x.abs() * 1e-6, 10 => 0.0, 11 => f64::INFINITY, _ => 0.5 };
                prop_assert!((back - x).abs() <= allowed, "{x} {back} {datatype}");
            }
        }
    }
}
