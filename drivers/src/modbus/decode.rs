//! Registers to numbers and back: `value = raw * 10^exponent * scale + offset`.
//!
//! The exponent is 0 unless a scale register (SunSpec's `_SF`, an int16 from -10 to 10) gives it.
//!
//! Byte orders as Telegraf writes them. With the bytes of a 32-bit value named A (most significant) to D, the two
//! words on the wire hold AB CD, CD AB, BA DC or DC BA; 64-bit values follow the same rule over four words, and
//! a 16-bit value is swapped by BADC and DCBA.

use headroom_site::Reason;
use headroom_site::model::{ByteOrder, RegisterSpec, RegisterType};

/// Bits of a type.
const fn bits(kind: RegisterType) -> u32 {
    match kind {
        RegisterType::Bool => 1,
        _ => 16 * kind.words() as u32,
    }
}

fn mask(kind: RegisterType) -> u64 {
    u64::MAX >> (64 - bits(kind))
}

const fn swaps_bytes(order: ByteOrder) -> bool {
    matches!(order, ByteOrder::Badc | ByteOrder::Dcba)
}

const fn swaps_words(order: ByteOrder) -> bool {
    matches!(order, ByteOrder::Cdab | ByteOrder::Dcba)
}

/// Bit pattern of the words of one register.
fn join(words: &[u16], order: ByteOrder) -> u64 {
    let mut raw = 0;
    for i in 0..words.len() {
        let word = words[if swaps_words(order) { words.len() - 1 - i } else { i }];
        raw = raw << 16 | u64::from(if swaps_bytes(order) { word.swap_bytes() } else { word });
    }
    raw
}

/// Words on the wire of a bit pattern.
fn separate(raw: u64, count: u16, order: ByteOrder) -> Vec<u16> {
    let mut words: Vec<u16> = (0..count).rev().map(|i| (raw >> (16 * i)) as u16).collect();
    if swaps_words(order) {
        words.reverse();
    }
    if swaps_bytes(order) {
        words.iter_mut().for_each(|w| *w = w.swap_bytes());
    }
    words
}

/// The number a bit pattern stands for.
fn number(raw: u64, kind: RegisterType) -> f64 {
    match kind {
        RegisterType::Bool => f64::from(u8::from(raw != 0)),
        RegisterType::Uint16 | RegisterType::Uint32 | RegisterType::Uint64 => raw as f64,
        RegisterType::Int16 => f64::from((raw as u16).cast_signed()),
        RegisterType::Int32 => f64::from((raw as u32).cast_signed()),
        RegisterType::Float32 => f64::from(f32::from_bits(raw as u32)),
        RegisterType::Float64 => f64::from_bits(raw),
    }
}

/// `x * 10^exponent`. Dividing by a power of ten gives the nearest double to what is meant, multiplying by 0.1 not.
fn tens(x: f64, exponent: i32) -> f64 {
    if exponent < 0 { x / 10_f64.powi(-exponent) } else { x * 10_f64.powi(exponent) }
}

/// Bit pattern of a register's words.
fn raw(register: &RegisterSpec, words: &[u16]) -> Result<u64, Reason> {
    let count = usize::from(register.kind.words());
    let Some(words) = words.get(..count) else { return Err(Reason::DeviceFailure) };
    let raw = join(words, register.order);
    let mask = mask(register.kind);
    if register.kind != RegisterType::Bool && register.invalid.iter().any(|i| i & mask == raw & mask) {
        return Err(Reason::Sentinel);
    }
    Ok(raw)
}

/// The value of a register from its words (one word of 0 or 1 for a bit).
///
/// # Errors
/// It holds one of its "no sensor" patterns, is not a finite number or out of its range, or the words are too few.
pub(crate) fn decode(register: &RegisterSpec, words: &[u16], exponent: i32) -> Result<f64, Reason> {
    let number = number(raw(register, words)?, register.kind);
    let value = tens(number, exponent) * register.scale + register.offset;
    match register.range {
        _ if !value.is_finite() => Err(Reason::NotANumber),
        Some((low, high)) if !(low..=high).contains(&value) => Err(Reason::OutOfRange),
        _ => Ok(value),
    }
}

/// The exponent that a scale register holds.
///
/// # Errors
/// It says "not implemented" (0x8000), or a power that no device means.
pub(crate) fn exponent(register: &RegisterSpec, words: &[u16]) -> Result<i32, Reason> {
    match (raw(register, words)? as u16).cast_signed() {
        i16::MIN => Err(Reason::Sentinel),
        n if (-10..=10).contains(&n) => Ok(i32::from(n)),
        _ => Err(Reason::OutOfRange),
    }
}

/// The words that say a value, rounded to the register's count.
///
/// # Errors
/// The value does not fit, in words.
pub(crate) fn encode(register: &RegisterSpec, value: f64, exponent: i32) -> Result<Vec<u16>, String> {
    let exact = tens((value - register.offset) / register.scale, -exponent);
    let whole = exact.round();
    let integer = |low: f64, high: f64| {
        if whole >= low && whole <= high {
            Ok((whole as i128) as u64)
        } else {
            Err(format!("{value} does not fit register `{}`", register.name))
        }
    };
    let raw = match register.kind {
        RegisterType::Bool => u64::from(exact >= 0.5),
        RegisterType::Uint16 => integer(0.0, f64::from(u16::MAX))?,
        RegisterType::Int16 => integer(f64::from(i16::MIN), f64::from(i16::MAX))?,
        RegisterType::Uint32 => integer(0.0, f64::from(u32::MAX))?,
        RegisterType::Int32 => integer(f64::from(i32::MIN), f64::from(i32::MAX))?,
        // The largest double below 2^64: `u64::MAX as f64` would round up and not fit.
        RegisterType::Uint64 => integer(0.0, 18_446_744_073_709_549_568.0)?,
        RegisterType::Float32 if (exact as f32).is_finite() => u64::from((exact as f32).to_bits()),
        RegisterType::Float64 if exact.is_finite() => exact.to_bits(),
        RegisterType::Float32 | RegisterType::Float64 => {
            return Err(format!("{value} is not a number for register `{}`", register.name));
        }
    };
    Ok(separate(raw & mask(register.kind), register.kind.words(), register.order))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::model::RegisterSpace;
    use proptest::prelude::*;

    fn register(kind: RegisterType, order: ByteOrder) -> RegisterSpec {
        let (space, name) = (RegisterSpace::Holding, "r".into());
        let (scale_register, unit, range) = (None, None, None);
        RegisterSpec {
            name,
            space,
            address: 0,
            kind,
            order,
            scale: 1.0,
            offset: 0.0,
            scale_register,
            unit,
            range,
            invalid: vec![],
            description: String::new(),
        }
    }

    #[test]
    fn byte_orders_are_telegrafs() {
        // 27.5 = 0x41DC0000, 0x12345678 = 305419896.
        let f = |order, words: &[u16]| decode(&register(RegisterType::Float32, order), words, 0).unwrap();
        assert_eq!(f(ByteOrder::Abcd, &[0x41DC, 0]).to_bits(), 27.5_f64.to_bits());
        assert_eq!(f(ByteOrder::Cdab, &[0, 0x41DC]).to_bits(), 27.5_f64.to_bits());
        assert_eq!(f(ByteOrder::Badc, &[0xDC41, 0]).to_bits(), 27.5_f64.to_bits());
        assert_eq!(f(ByteOrder::Dcba, &[0, 0xDC41]).to_bits(), 27.5_f64.to_bits());
        let u = decode(&register(RegisterType::Uint32, ByteOrder::Dcba), &[0x7856, 0x3412], 0).unwrap();
        assert_eq!(u.to_bits(), f64::from(0x1234_5678_u32).to_bits());
    }

    #[test]
    fn scale_sentinels_and_short_replies() {
        let mut r = register(RegisterType::Int16, ByteOrder::Abcd);
        r.scale = 0.1;
        r.invalid = vec![(-32768_i64) as u64, 0x7FFF];
        assert!((decode(&r, &[0xFFF6], 0).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(decode(&r, &[0x8000], 0), Err(Reason::Sentinel));
        assert_eq!(decode(&r, &[0x7FFF], 0), Err(Reason::Sentinel));
        assert_eq!(decode(&r, &[], 0), Err(Reason::DeviceFailure));
        let nan = register(RegisterType::Float32, ByteOrder::Abcd);
        assert_eq!(decode(&nan, &[0x7FC0, 0], 0), Err(Reason::NotANumber));
    }

    #[test]
    fn exponents_and_ranges() {
        let sf = register(RegisterType::Int16, ByteOrder::Abcd);
        assert_eq!(exponent(&sf, &[0xFFFE]), Ok(-2));
        assert_eq!(exponent(&sf, &[0x8000]), Err(Reason::Sentinel));
        assert_eq!(exponent(&sf, &[11]), Err(Reason::OutOfRange));
        let mut r = register(RegisterType::Uint16, ByteOrder::Abcd);
        r.range = Some((0.0, 60.0));
        // SunSpec's frequency, 4998 with -2: exactly what 49.98 is, not 49.980000000000004.
        assert_eq!(decode(&r, &[4998], -2).map(f64::to_bits), Ok(49.98_f64.to_bits()));
        assert_eq!(decode(&r, &[4998], 0), Err(Reason::OutOfRange));
        assert_eq!(encode(&r, 49.98, -2), Ok(vec![4998]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(encode(&register(RegisterType::Int16, ByteOrder::Abcd), 40_000.0, 0).is_err());
        assert!(encode(&register(RegisterType::Uint16, ByteOrder::Abcd), -1.0, 0).is_err());
        assert!(encode(&register(RegisterType::Float32, ByteOrder::Abcd), 1e300, 0).is_err());
        assert!(encode(&register(RegisterType::Uint64, ByteOrder::Abcd), 1e20, 0).is_err());
        assert!(encode(&register(RegisterType::Int32, ByteOrder::Abcd), f64::NAN, 0).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(x in -30_000.0..30_000.0_f64, o in 0_usize..4, k in 0_usize..4, e in -1_i32..1) {
            let x = tens(x, e);
            let order = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba][o];
            let kinds = [RegisterType::Int16, RegisterType::Int32, RegisterType::Float32, RegisterType::Float64];
            let r = register(kinds[k], order);
            let back = decode(&r, &encode(&r, x, e).unwrap(), e).unwrap();
            prop_assert!((back - x).abs() <= tens(0.5, e) * (1.0 + 1e-9));
        }

        #[test]
        fn any_words_are_a_value_or_a_reason(words in proptest::collection::vec(any::<u16>(), 0..5), k in 0_usize..8) {
            let kinds = [RegisterType::Bool, RegisterType::Uint16, RegisterType::Int16, RegisterType::Uint32,
                RegisterType::Int32, RegisterType::Uint64, RegisterType::Float32, RegisterType::Float64];
            let _ = decode(&register(kinds[k], ByteOrder::Cdab), &words, 0);
        }
    }
}
