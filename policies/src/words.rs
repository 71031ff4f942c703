//! What a key of a policy file may hold besides the site's quantities: words from a list, and amounts whose
//! dimension only the site knows.

use headroom_site::Dimension;
use headroom_site::doc::{FromDoc, Table, suggest};
use headroom_site::quantity::{self, QuantityError, UNITS};
use std::ops::Range;
use toml::de::DeValue;

/// Enums whose variants are words of the file.
macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+ $(,)?) => {
        impl $name {
            /// Every value, in the order of the file's documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in files.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl headroom_site::doc::FromDoc for $name {
            fn what() -> String {
                format!("one of {}", [$($word),+].map(|w| format!("\"{w}\"")).join(", "))
            }
            fn from_value(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
                let word = $crate::words::text(value)?;
                Self::ALL
                    .iter()
                    .copied()
                    .find(|v| v.word() == word)
                    .ok_or_else(|| $crate::words::not_a_word(word, &[$($word),+]))
            }
        }
    };
}
pub(crate) use words;

/// The text of a value.
pub(crate) fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    match value {
        DeValue::String(s) => Ok(s),
        _ => Err("is not text in quotes".into()),
    }
}

/// Says that a word is not in a list, with the nearest one that is.
pub(crate) fn not_a_word(word: &str, known: &[&str]) -> String {
    match suggest(word, known.iter().copied()) {
        Some(near) => format!("cannot be `{word}`; did you mean `{near}`?"),
        None => format!("cannot be `{word}`"),
    }
}

/// A quantity of any dimension, in the base unit of that dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// Value in the dimension's base unit.
    pub base: f64,
    /// What it measures.
    pub dimension: Dimension,
}

impl FromDoc for Amount {
    fn what() -> String {
        "text with a unit, like \"32 degC\", \"150 kPa\", \"60 %\", \"600 kW\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value).map_err(|_| "has no unit".to_owned())?;
        // Each unit symbol belongs to one dimension, so at most one dimension accepts the text.
        let mut refused = None;
        for (i, unit) in UNITS.iter().enumerate() {
            if UNITS[..i].iter().any(|u| u.dimension == unit.dimension) {
                continue;
            }
            match quantity::parse(text, unit.dimension) {
                // A bare number is a count by the site's rule; here it is a forgotten unit.
                Ok(_) if text.trim().parse::<f64>().is_ok() => return Err(format!("`{text}` has no unit")),
                Ok(base) => return Ok(Self { base, dimension: unit.dimension }),
                Err(QuantityError::WrongUnit { unit, .. }) => {
                    refused = Some(format!("`{unit}` is not a unit we know"));
                }
                Err(QuantityError::NoUnit { text, .. }) => refused = Some(format!("`{text}` has no unit")),
                Err(e) => return Err(e.to_string()),
            }
        }
        Err(refused.unwrap_or_else(|| "is not a quantity".into()))
    }
}

/// Where the keys of a table stand, for findings that only the site can make.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Spans {
    table: Range<usize>,
    keys: Vec<(&'static str, Range<usize>)>,
}

impl Spans {
    /// The places of these keys of a table.
    pub(crate) fn of(t: &Table<'_>, keys: &[&'static str]) -> Self {
        let keys = keys.iter().filter(|k| t.has(k)).map(|k| (*k, t.span_of(k))).collect();
        Self { table: t.span(), keys }
    }

    /// Where a key's value stands, or the table if it has no such key.
    pub(crate) fn at(&self, key: &str) -> Range<usize> {
        self.keys.iter().find(|(k, _)| *k == key).map_or_else(|| self.table.clone(), |(_, s)| s.clone())
    }
}

/// A value that must lie in a range; outside it is a finding that shows the range as the file would write it.
pub(crate) fn within(t: &Table<'_>, key: &str, value: f64, range: (f64, f64), shown: (&str, &str)) {
    if !(range.0..=range.1).contains(&value) {
        t.doc().find(
            t.span_of(key),
            format!("`{key}` is out of range"),
            format!("give a value from {} to {}", shown.0, shown.1),
        );
    }
}
