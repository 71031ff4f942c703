//! The Sparkplug B payload, read where it lies.
//!
//! Responsible for: Protocol Buffers' wire format of `sparkplug_b.proto` (Eclipse Sparkplug 3.0.0, chapter 6), as
//! far as a host application wants it: names are borrowed from the packet, nothing is allocated per metric, data
//! sets, templates and metadata are passed over unread, so that depth is bounded by construction.
//! Not for: what a value means (`number`).
//!
//! ```text
//! Payload   1 timestamp  2 metric*  3 seq  4 uuid  5 body
//! Metric    1 name  2 alias  3 timestamp  4 datatype  5 is_historical  6 is_transient  7 is_null
//!           8 metadata  9 properties  10..19 value, one of: int long float double boolean string bytes
//!           dataset template extension
//! ```

use std::fmt;

/// Most metrics in one payload: far more than a birth of a large edge node has.
pub const METRICS: usize = 65_536;
/// Most properties of a metric that are looked through.
const PROPERTIES: usize = 64;

/// Why a payload cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside a field.
    Truncated,
    /// A variable-length integer is longer than 64 bits.
    Varint,
    /// A field has a wire type that this field cannot have.
    WireType,
    /// A field number is zero or too large.
    Tag,
    /// A text is not UTF-8.
    Text,
    /// More than [`METRICS`] metrics.
    TooMany,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "it ends inside a field",
            Self::Varint => "an integer is too long",
            Self::WireType => "a field has another wire type than it should",
            Self::Tag => "a field has no valid number",
            Self::Text => "a text is not UTF-8",
            Self::TooMany => "it has too many metrics",
        })
    }
}

impl std::error::Error for Malformed {}

/// A value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Value<'a> {
    /// There is none.
    #[default]
    None,
    /// `int_value`.
    Int(u32),
    /// `long_value`.
    Long(u64),
    /// `float_value`.
    Float(f32),
    /// `double_value`.
    Double(f64),
    /// `boolean_value`.
    Boolean(bool),
    /// `string_value`.
    Text(&'a str),
    /// `bytes_value`, data set, template or extension, unread.
    Other(&'a [u8]),
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metric<'a> {
    /// Name; data messages of edge nodes with aliases have none.
    pub name: Option<&'a str>,
    /// Alias.
    pub alias: Option<u64>,
    /// Unix milliseconds.
    pub timestamp: Option<u64>,
    /// Datatype index; data messages need not repeat it.
    pub datatype: Option<u32>,
    /// True if it is of the past and not the value now.
    pub is_historical: bool,
    /// True if it is not to be stored.
    pub is_transient: bool,
    /// True if there is no value.
    pub is_null: bool,
    /// The value.
    pub value: Value<'a>,
    properties: Option<&'a [u8]>,
}

/// A payload whose frame has been checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    /// Unix milliseconds.
    pub timestamp: Option<u64>,
    /// Sequence number, 0..255.
    pub seq: Option<u64>,
}

impl<'a> Payload<'a> {
    /// Checks the outer frame and reads what is there once.
    ///
    /// # Errors
    /// It is no payload.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut reader, mut metrics) = (Reader(bytes), 0_usize);
        let mut payload = Self { bytes, timestamp: None, seq: None };
        while let Some((field, raw)) = reader.field()? {
            match field {
                1 => payload.timestamp = Some(raw.varint()?),
                3 => payload.seq = Some(raw.varint()?),
                2 => {
                    raw.bytes()?;
                    metrics += 1;
                }
                _ => {}
            }
        }
        if metrics > METRICS { Err(Malformed::TooMany) } else { Ok(payload) }
    }

    /// Its metrics, one after the other. After an error there is nothing more.
    #[must_use]
    pub const fn metrics(&self) -> Metrics<'a> {
        Metrics(Reader(self.bytes))
    }
}

/// The metrics of a payload.
#[derive(Debug, Clone)]
pub struct Metrics<'a>(Reader<'a>);

impl<'a> Iterator for Metrics<'a> {
    type Item = Result<Metric<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = match self.0.field() {
                Ok(None) => return None,
                Ok(Some((2, raw))) => raw.bytes().and_then(Metric::read),
                Ok(Some(_)) => continue,
                Err(e) => Err(e),
            };
            if found.is_err() {
                self.0 = Reader(&[]);
            }
            return Some(found);
        }
    }
}

impl<'a> Metric<'a> {
    #[inline]
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let mut m = Self::default();
        while let Some((field, raw)) = reader.field()? {
            match field {
                1 => m.name = Some(raw.text()?),
                2 => m.alias = Some(raw.varint()?),
                3 => m.timestamp = Some(raw.varint()?),
                4 => m.datatype = Some(raw.varint()? as u32),
                5 => m.is_historical = raw.varint()? != 0,
                6 => m.is_transient = raw.varint()? != 0,
                7 => m.is_null = raw.varint()? != 0,
                9 => m.properties = Some(raw.bytes()?),
                10 => m.value = Value::Int(raw.varint()? as u32),
                11 => m.value = Value::Long(raw.varint()?),
                12 => m.value = Value::Float(f32::from_bits(raw.fixed32()?)),
                13 => m.value = Value::Double(f64::from_bits(raw.fixed64()?)),
                14 => m.value = Value::Boolean(raw.varint()? != 0),
                15 => m.value = Value::Text(raw.text()?),
                16..=19 => m.value = Value::Other(raw.bytes()?),
                _ => {}
            }
        }
        Ok(m)
    }

    /// The property `Quality` (6.4.12): 192 good, 0 bad, 500 stale. `None` if it has none that can be read.
    #[must_use]
    pub fn quality(&self) -> Option<i64> {
        quality(self.properties?).ok().flatten()
    }
}

/// Keys and values of a property set stand in two lists; the value of a key is the one at its place.
fn quality(bytes: &[u8]) -> Result<Option<i64>, Malformed> {
    let (mut reader, mut keys, mut at) = (Reader(bytes), 0, None);
    while let Some((field, raw)) = reader.field()? {
        if field == 1 {
            if raw.bytes()? == b"Quality" {
                at = Some(keys);
            }
            keys += 1;
            if keys > PROPERTIES {
                return Ok(None);
            }
        }
    }
    let Some(at) = at else { return Ok(None) };
    let (mut reader, mut values) = (Reader(bytes), 0);
    while let Some((field, raw)) = reader.field()? {
        if field == 2 {
            if values == at {
                return property(raw.bytes()?);
            }
            values += 1;
        }
    }
    Ok(None)
}

/// Integer of a property value: 3 int, 4 long.
fn property(bytes: &[u8]) -> Result<Option<i64>, Malformed> {
    let (mut reader, mut out) = (Reader(bytes), None);
    while let Some((field, raw)) = reader.field()? {
        match field {
            3 => out = Some(i64::from((raw.varint()? as u32).cast_signed())),
            4 => out = Some(raw.varint()?.cast_signed()),
            _ => {}
        }
    }
    Ok(out)
}

/// A field's content by wire type.
#[derive(Debug, Clone, Copy)]
enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Raw<'a> {
    #[inline]
    const fn varint(self) -> Result<u64, Malformed> {
        if let Self::Varint(x) = self { Ok(x) } else { Err(Malformed::WireType) }
    }

    #[inline]
    const fn fixed64(self) -> Result<u64, Malformed> {
        if let Self::Fixed64(x) = self { Ok(x) } else { Err(Malformed::WireType) }
    }

    #[inline]
    const fn fixed32(self) -> Result<u32, Malformed> {
        if let Self::Fixed32(x) = self { Ok(x) } else { Err(Malformed::WireType) }
    }

    #[inline]
    const fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(x) = self { Ok(x) } else { Err(Malformed::WireType) }
    }

    #[inline]
    fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::Text)
    }
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next field: number and content.
    #[inline(always)]
    fn field(&mut self) -> Result<Option<(u32, Raw<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| Malformed::Tag)?;
        if field == 0 || field > 0x1FFF_FFFF {
            return Err(Malformed::Tag);
        }
        let raw = match key & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed::Truncated)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed::Truncated)?;
                self.0 = rest;
                Raw::Bytes(bytes)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed::WireType),
        };
        Ok(Some((field, raw)))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(*bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        if let [first, rest @ ..] = self.0
            && *first < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    #[inline]
    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        let mut rest = self.0;
        while let [byte, behind @ ..] = rest {
            if shift == 63 && *byte > 1 {
                return Err(Malformed::Varint);
            }
            value |= u64::from(byte & 0x7F) << shift;
            rest = behind;
            if *byte < 0x80 {
                self.0 = rest;
                return Ok(value);
            }
            shift += 7;
        }
        Err(Malformed::Truncated)
    }
}

#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;
