//! The packed layout of a node report: columns of small integers.
//!
//! Responsible for: its bytes. Not for: the JSON layout, which says the same for people (`super`).
//!
//! Everything is little-endian. `book/src/messages.md` has the layout byte by byte:
//!
//! ```text
//! version 2 · flags · some u16 · full u16 · gpus u16 · rows u16 · boot u64 · seq u64 · mono u64 · t i64
//! [sent i64] [answer 2 x i64] [receipt: epoch u64 · sequence u64 [· length u16 · why refused]]
//! node: length u16 · text
//! table of GPUs: 16 bytes each (canonical UUIDs of NVML), or length u16 · text each
//! [row of the table per row of the report, u16]
//! column of times, then each column whose bit of `some` is set:
//!   code u8 · [bitmap, unless its bit of `full` is set] · [base] · a value per row
//! ```
//!
//! A value is `(base + step) x unit` with steps of 0, 1, 2, 4 or 8 bytes; the unit is a power of ten. The encoder takes
//! the coarsest unit that gives **every** value of the column back bit for bit, and plain floats where there is none: what
//! the sensor resolves (mW, mJ, MHz, degC, %) decides the size, and nothing is lost.

mod bytes;
mod decode;
mod encode;

pub(super) use decode::decode;
pub use encode::encode_packed;

/// First byte. The JSON layout begins with `{`.
pub(super) const VERSION: u8 = 2;

/// Flags: the GPUs are named by text; rows have an index; parts that are there.
const TEXT: u8 = 1;
const INDEXED: u8 = 2;
const SENT: u8 = 4;
const ANSWER: u8 = 8;
const RECEIPT: u8 = 16;
const REFUSED: u8 = 32;

/// Bytes of a step, by the low half of a code; the plain kind has 4 or 8 by its column.
const CONSTANT: u8 = 0;
const ONE: u8 = 1;
const TWO: u8 = 2;
const FOUR: u8 = 3;
const EIGHT: u8 = 4;
const PLAIN: u8 = 8;

/// Rows per byte of a message, at most: a short message must not ask for much memory.
const ROWS_PER_BYTE: usize = 8;

/// Columns by their bit of `some` and `full`, after that of times: nine floats, energy, reasons, five counters.
const FLOATS: usize = 9;
const ENERGY: usize = 9;
const REASONS: usize = 10;
const COUNTERS: usize = 11;

/// Units of floats by the high half of a code.
const UNITS: [f64; 4] = [1.0, 1e-1, 1e-2, 1e-3];
/// Units of whole numbers by the high half of a code.
const WHOLE: [u64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];

/// What is wrong with a packed report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It ends before it is complete.
    #[error("the report ends before it is complete")]
    Short,
    /// It goes on after its end.
    #[error("{0} bytes follow the report's end")]
    Long(usize),
    /// A name or reason is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// Rows without GPUs, or more than its length can hold.
    #[error("{rows} rows of {gpus} GPUs in {bytes} bytes")]
    Rows {
        /// Rows it says it has.
        rows: usize,
        /// GPUs it says it has.
        gpus: usize,
        /// Its length.
        bytes: usize,
    },
    /// A row is of a GPU that the table does not have.
    #[error("a row is of GPU {0}, which the table does not have")]
    Gpu(u16),
    /// A column is coded as no column is.
    #[error("column code {0:#04x}")]
    Code(u8),
    /// A flag that this version does not know.
    #[error("flags {0:#04x}")]
    Flags(u8),
    /// Too much for this layout (encoding only).
    #[error("more than the packed layout can hold")]
    Size,
}

/// Digits of a canonical UUID between its hyphens.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
const PREFIX: &str = "GPU-";

/// The 16 bytes of a UUID as NVML writes it, if it is exactly of that form.
fn binary(uuid: &str) -> Option<[u8; 16]> {
    let digits = uuid.strip_prefix(PREFIX)?.as_bytes();
    let hex = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (mut out, mut at, mut nibbles) = ([0_u8; 16], 0, 0);
    for (group, digits_in) in GROUPS.into_iter().enumerate() {
        if group > 0 {
            (*digits.get(at)? == b'-').then_some(())?;
            at += 1;
        }
        for _ in 0..digits_in {
            out[nibbles / 2] = out[nibbles / 2] << 4 | hex(*digits.get(at)?)?;
            (at, nibbles) = (at + 1, nibbles + 1);
        }
    }
    (at == digits.len()).then_some(out)
}

/// The text of a UUID as NVML writes it.
fn text(uuid: &[u8; 16]) -> String {
    let mut out = String::with_capacity(40);
    out.push_str(PREFIX);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

#[cfg(test)]
mod tests;
