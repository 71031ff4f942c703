//! Engineering values to register words and back.
//!
//! A value that cannot be had shows the sentinel that SunSpec gives the type (0xFFFF, 0x8000,
//! 0xFFFF_FFFF, NaN); a value out of range shows the nearest count that is not the sentinel.

use crate::image::{DeviceFault, Encoding};

/// Words of one value.
pub(super) const fn words(encoding: Encoding) -> u16 {
    match encoding {
        Encoding::U16 | Encoding::I16 => 1,
        Encoding::U32 | Encoding::F32 | Encoding::F32Swapped => 2,
    }
}

/// Encodes `value`; of a one-word value only the first word counts. NaN = not available.
pub(super) fn encode(value: f64, scale: f64, encoding: Encoding) -> [u16; 2] {
    let raw = value / scale;
    let round = |low: f64, high: f64| raw.round().clamp(low, high);
    match encoding {
        Encoding::U16 if raw.is_nan() => [0xFFFF, 0],
        Encoding::I16 if raw.is_nan() => [0x8000, 0],
        Encoding::U32 if raw.is_nan() => [0xFFFF, 0xFFFF],
        Encoding::U16 => [round(0.0, 65_534.0) as u16, 0],
        Encoding::I16 => [round(-32_767.0, 32_767.0) as i16 as u16, 0],
        Encoding::U32 => split(round(0.0, 4_294_967_294.0) as u32),
        Encoding::F32 => split((raw as f32).to_bits()),
        Encoding::F32Swapped => {
            let [high, low] = split((raw as f32).to_bits());
            [low, high]
        }
    }
}

/// Decodes words; `None` for a sentinel or a number that is not finite.
pub(super) fn decode(words: &[u16], scale: f64, encoding: Encoding) -> Option<f64> {
    let first = *words.first()?;
    let both = |high: usize, low: usize| Some(join(*words.get(high)?, *words.get(low)?));
    let raw = match encoding {
        Encoding::U16 if first == 0xFFFF => return None,
        Encoding::I16 if first == 0x8000 => return None,
        Encoding::U16 => f64::from(first),
        Encoding::I16 => f64::from(first as i16),
        Encoding::U32 => both(0, 1).filter(|&v| v != u32::MAX).map(f64::from)?,
        Encoding::F32 => f64::from(f32::from_bits(both(0, 1)?)),
        Encoding::F32Swapped => f64::from(f32::from_bits(both(1, 0)?)),
    };
    let value = raw * scale;
    value.is_finite().then_some(value)
}

/// What a value register holds while its device has a fault.
pub(super) fn show(value: f64, scale: f64, encoding: Encoding, fault: Option<DeviceFault>) -> [u16; 2] {
    match fault {
        Some(DeviceFault::Sentinel) => [0xFFFF, 0xFFFF],
        fault => order(encode(value, scale, encoding), encoding, fault),
    }
}

/// Two words as a device with this fault orders them; one word stays what it is.
pub(super) fn order(pair: [u16; 2], encoding: Encoding, fault: Option<DeviceFault>) -> [u16; 2] {
    if fault == Some(DeviceFault::WordSwap) && words(encoding) == 2 { [pair[1], pair[0]] } else { pair }
}

/// What a client reads that knows encoding and scale, and no sentinels: the raw bits, high word first, and the value.
#[must_use]
pub fn as_read(value: f64, scale: f64, encoding: Encoding, fault: Option<DeviceFault>) -> (u64, f64) {
    let [first, second] = show(value, scale, encoding, fault);
    match encoding {
        Encoding::U16 => (u64::from(first), f64::from(first) * scale),
        Encoding::I16 => (u64::from(first), f64::from(first as i16) * scale),
        Encoding::U32 => (u64::from(join(first, second)), f64::from(join(first, second)) * scale),
        Encoding::F32 => float(join(first, second), scale),
        Encoding::F32Swapped => float(join(second, first), scale),
    }
}

fn float(bits: u32, scale: f64) -> (u64, f64) {
    (u64::from(bits), f64::from(f32::from_bits(bits)) * scale)
}

const fn split(value: u32) -> [u16; 2] {
    [(value >> 16) as u16, value as u16]
}

fn join(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn word_order_is_as_named() {
        assert_eq!(encode(1.0, 1.0, Encoding::F32), [0x3F80, 0x0000]);
        assert_eq!(encode(1.0, 1.0, Encoding::F32Swapped), [0x0000, 0x3F80]);
        assert_eq!(encode(65_537.0, 1.0, Encoding::U32), [1, 1]);
        assert_eq!(encode(-1.5, 0.1, Encoding::I16)[0], (-15i16) as u16);
        assert_eq!(encode(f64::NAN, 0.1, Encoding::I16)[0], 0x8000);
        assert_eq!(encode(1e9, 0.1, Encoding::U16)[0], 65_534);
    }

    #[test]
    #[allow(clippy::float_cmp)] // small whole numbers
    fn faults_of_the_device_are_what_a_client_reads() {
        let read = |encoding, fault| as_read(40.0, 1.0, encoding, fault).1;
        for encoding in [Encoding::U16, Encoding::I16, Encoding::U32, Encoding::F32, Encoding::F32Swapped] {
            assert_eq!(read(encoding, None), 40.0, "{encoding:?}");
        }
        let swapped = Some(DeviceFault::WordSwap);
        assert_eq!(read(Encoding::U16, swapped), 40.0);
        assert_eq!(read(Encoding::U32, swapped), 40.0 * 65_536.0);
        assert!(
            read(Encoding::F32, swapped).abs() < 1e-30 && read(Encoding::F32Swapped, swapped).abs() < 1e-30
        );
        let lost = Some(DeviceFault::Sentinel);
        assert_eq!(as_read(40.0, 0.1, Encoding::U16, lost).0, 0xFFFF);
        assert_eq!(read(Encoding::I16, lost), -1.0);
        assert!(read(Encoding::F32, lost).is_nan());
        assert_eq!(as_read(f64::NAN, 0.1, Encoding::I16, None), (0x8000, -3276.8));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_within_half_a_count(value in 0.0f64..3000.0) {
            for encoding in [Encoding::U16, Encoding::I16, Encoding::U32, Encoding::F32, Encoding::F32Swapped] {
                let back = decode(&encode(value, 0.1, encoding), 0.1, encoding).unwrap();
                prop_assert!((back - value).abs() <= 0.050_001, "{encoding:?} {value} {back}");
            }
        }
    }
}
