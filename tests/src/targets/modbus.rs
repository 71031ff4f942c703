//! Modbus: frames that may be an answer, and registers as numbers.

use super::Target;
use headroom_drivers::fuzz::{Question, modbus_answer, modbus_exponent, modbus_value, modbus_words};
use headroom_site::Reason;
use headroom_site::model::{ByteOrder, RegisterSpace, RegisterSpec, RegisterType};

/// Frames.
pub const MODBUS_FRAME: Target = Target { name: "modbus_frame", body: frame, bytes_per_byte: 1 << 10 };

/// Registers.
pub const MODBUS_REGISTER: Target =
    Target { name: "modbus_register", body: register, bytes_per_byte: 1 << 10 };

/// Longest frame that is read off a wire, and one more.
const LONGEST: usize = 261;

/// The question that a kind and two numbers make; counts as Modbus allows them.
fn question(kind: u8, address: u16, number: u16) -> Question {
    match kind % 8 {
        0 => Question::Read(RegisterSpace::Coil, address, number % 2000 + 1),
        1 => Question::Read(RegisterSpace::Discrete, address, number % 2000 + 1),
        2 => Question::Read(RegisterSpace::Input, address, number % 125 + 1),
        3 => Question::Read(RegisterSpace::Holding, address, number % 125 + 1),
        4 => Question::WriteCoil(address, number & 1 == 1),
        5 => Question::WriteOne(address, number),
        6 => Question::WriteMany(address, vec![number; usize::from(number % 123 + 1)]),
        _ => Question::Identify(number as u8),
    }
}

fn crc(bytes: &[u8]) -> [u8; 2] {
    let sum = bytes.iter().fold(0xFFFF_u16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |s, _| if s & 1 == 1 { s >> 1 ^ 0xA001 } else { s >> 1 })
    });
    sum.to_le_bytes()
}

fn frame(input: &[u8]) {
    let Some((head, bytes)) = input.split_first_chunk::<6>() else { return };
    let [flags, kind, a, b, c, d] = *head;
    let question = question(kind, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let rtu = flags & 1 == 1;
    if rtu && matches!(question, Question::Identify(_)) {
        return;
    }
    let mut bytes = bytes.to_vec();
    // Beyond the checks of the frame there is something to read too.
    if flags & 2 == 2 {
        bytes = if rtu {
            [&bytes[..], &crc(&bytes)].concat()
        } else {
            let length = (bytes.len() as u16 + 1).to_be_bytes();
            [&[0, 7, 0, 0, length[0], length[1], 1], &bytes[..]].concat()
        };
    }
    bytes.truncate(LONGEST);
    let ask = |bytes: &[u8]| modbus_answer(rtu, 7, 1, &question, bytes);
    let (request, whole) = ask(&bytes);
    if !rtu {
        assert_eq!(usize::from(u16::from_be_bytes([request[4], request[5]])), request.len() - 6);
    }
    assert!(request.len() <= 260, "{} bytes asked", request.len());
    // Read in pieces, as a wire gives them, the bytes are what they are as a whole: refused or answered once, for good.
    let first = (0..=bytes.len()).map(|n| (n, ask(&bytes[..n]).1)).find(|(_, said)| *said != Ok(None));
    match (&whole, first) {
        (Ok(None), first) => assert_eq!(first, None),
        (Ok(Some(words)), Some((n, said))) => {
            assert_eq!((n, &said), (bytes.len(), &whole));
            match &question {
                Question::Read(_, _, count) => assert_eq!(words.len(), usize::from(*count)),
                Question::Identify(_) => assert!(words.len() >= 5),
                _ => assert!(words.is_empty()),
            }
        }
        (Err(_), Some((_, said))) => assert!(said != Ok(None)),
        (whole, None) => panic!("{whole:?} as a whole, nothing in pieces"),
    }
}

/// A number out of eight bytes of the input.
fn number(bytes: &mut &[u8]) -> Option<f64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*number))
}

/// A register as a file may say it (scale, offset and range are finite there), from the head of an input and, where the
/// flags ask for it, from numbers behind it.
fn spec([kind, order, flags]: [u8; 3], rest: &mut &[u8]) -> RegisterSpec {
    let mut finite = || number(rest).filter(|x| x.is_finite());
    let (mut scale, mut offset, mut range) = (1.0, 0.0, None);
    if flags & 1 == 1 {
        scale = finite().filter(|x| *x != 0.0).unwrap_or(1.0);
        offset = finite().unwrap_or(0.0);
    }
    if flags & 2 == 2 {
        range = finite().zip(finite()).filter(|(low, high)| low <= high);
    }
    let invalid = if flags & 4 == 4 { number(rest).map(f64::to_bits) } else { None };
    RegisterSpec {
        name: "r".into(),
        space: RegisterSpace::Holding,
        address: 0,
        kind: RegisterType::ALL[usize::from(kind) % RegisterType::ALL.len()].1,
        order: ByteOrder::ALL[usize::from(order) % ByteOrder::ALL.len()].1,
        scale,
        offset,
        scale_register: None,
        unit: None,
        range,
        invalid: invalid.into_iter().collect(),
        description: String::new(),
    }
}

fn register(input: &[u8]) {
    let Some((head, mut rest)) = input.split_first_chunk::<4>() else { return };
    let [kind, order, exponent, flags] = *head;
    let exponent = i32::from(exponent % 21) - 10;
    let register = spec([kind, order, flags], &mut rest);
    let words: Vec<u16> = rest.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
    if let Ok(value) = modbus_value(&register, &words, exponent) {
        let inside = register.range.is_none_or(|(low, high)| (low..=high).contains(&value));
        assert!(value.is_finite() && inside, "{value} of {register:?}");
        if flags & 7 == 0 && exponent == 0 {
            comes_back(&register, value, &words);
        }
    }
    if let Ok(exponent) = modbus_exponent(&register, &words) {
        assert!((-10..=10).contains(&exponent));
    }
    // Any number at all is written in as many words as it takes, or refused.
    let Some(value) = number(&mut rest) else { return };
    let Ok(words) = modbus_words(&register, value, exponent) else { return };
    assert_eq!(words.len(), usize::from(register.kind.words()));
    if register.invalid.is_empty() && register.range.is_none() {
        let back = modbus_value(&register, &words, exponent);
        assert!(back.is_ok() || back == Err(Reason::NotANumber), "{value} in {register:?}: {back:?}");
    }
}

/// A value of a register without scale is written in the words that said it.
fn comes_back(register: &RegisterSpec, value: f64, words: &[u16]) {
    match register.kind {
        // A bit is any word but zero; a double has fewer digits than 64 bits.
        RegisterType::Bool | RegisterType::Uint64 => return,
        _ => {}
    }
    let Ok(back) = modbus_words(register, value, 0) else { panic!("{value} of {register:?}") };
    let float = matches!(register.kind, RegisterType::Float32 | RegisterType::Float64);
    assert!(
        float || back == words[..usize::from(register.kind.words())],
        "{value} of {register:?}: {back:?}"
    );
    // A zero comes back as a zero, whatever its sign was.
    assert_eq!(modbus_value(register, &back, 0), Ok(value), "{register:?}");
}
