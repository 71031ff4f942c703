//! Numbers as text with the sensor's own number of decimals, without allocation.
//!
//! A sensor of step 0.1 shows `31.7`, not `31.700000000000003`. The scaled integer is also the key by
//! which "has it changed" is decided, so that noise below the last shown digit is no change.

/// Most decimals ever shown.
const MOST_DECIMALS: u8 = 9;
/// Decimals of a continuous value.
const CONTINUOUS_DECIMALS: u8 = 6;
/// Above this a scaled value no longer fits the mantissa of an f64 exactly.
const EXACT_LIMIT: f64 = 9.0e15;
/// Powers of ten up to [`MOST_DECIMALS`].
const POW10: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// A value as it is shown: equal shown values publish equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// No valid reading.
    Null,
    /// `value * 10^decimals`, rounded.
    Fixed(i64),
    /// Bits of a value too large to scale.
    Wide(u64),
}

/// Decimals that show a step of `quantum` without loss; 0 or less = continuous.
pub(crate) fn decimals(quantum: f64) -> u8 {
    if !quantum.is_finite() || quantum <= 0.0 {
        return CONTINUOUS_DECIMALS;
    }
    (0..MOST_DECIMALS)
        .find(|&d| {
            let scaled = quantum * POW10[usize::from(d)];
            scaled >= 0.5 && (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .unwrap_or(MOST_DECIMALS)
}

/// What is shown of `value` with so many decimals.
pub(crate) fn shown(value: f64, decimals: u8) -> Shown {
    let scaled = value * POW10[usize::from(decimals.min(MOST_DECIMALS))];
    if !scaled.is_finite() {
        return Shown::Null;
    }
    if scaled.abs() < EXACT_LIMIT {
        Shown::Fixed(scaled.round() as i64)
    } else {
        Shown::Wide(value.to_bits())
    }
}

/// Appends the JSON text of a shown value.
pub(crate) fn write_shown(out: &mut Vec<u8>, value: Shown, decimals: u8) {
    match value {
        Shown::Null => out.extend_from_slice(b"null"),
        Shown::Fixed(scaled) => write_fixed(out, scaled, decimals),
        Shown::Wide(bits) => out.extend_from_slice(format!("{}", f64::from_bits(bits)).as_bytes()),
    }
}

/// Appends an integer.
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    write_fixed(out, value, 0);
}

fn write_fixed(out: &mut Vec<u8>, scaled: i64, decimals: u8) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = scaled.unsigned_abs();
    while rest > 0 || digits.len() - at <= usize::from(decimals) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if scaled < 0 {
        out.push(b'-');
    }
    let point = digits.len() - usize::from(decimals);
    out.extend_from_slice(&digits[at..point]);
    // Trailing zeros say nothing in JSON, and they are a third of the bytes of a continuous value.
    let end = (point..digits.len()).rev().find(|&i| digits[i] != b'0').map_or(point, |i| i + 1);
    if end > point {
        out.push(b'.');
        out.extend_from_slice(&digits[point..end]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64, quantum: f64) -> String {
        let d = decimals(quantum);
        let mut out = Vec::new();
        write_shown(&mut out, shown(value, d), d);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_sensor_shows_its_own_digits() {
        assert_eq!(decimals(0.1), 1);
        assert_eq!(decimals(0.001), 3);
        assert_eq!(decimals(1.0), 0);
        assert_eq!(decimals(5.0), 0);
        assert_eq!(decimals(0.689_476), 6);
        assert_eq!(decimals(0.0), 6);
        assert_eq!(text(0.1 * 317.0, 0.1), "31.7");
        assert_eq!(text(-0.05, 0.01), "-0.05");
        assert_eq!(text(0.0, 0.01), "0");
        assert_eq!(text(32.0, 0.0), "32");
        assert_eq!(text(f64::NAN, 0.1), "null");
        assert_eq!(text(1e20, 0.0), "100000000000000000000");
        assert_eq!(text(1_792_000_000_123.0, 1.0), "1792000000123");
    }

    proptest! {
        #[test]
        fn the_text_reads_back_within_half_a_digit(value in -1e6f64..1e6) {
            let back: f64 = text(value, 0.0).parse().unwrap();
            prop_assert!((back - value).abs() <= 0.501e-6);
        }
    }
}
