//! A file as values that know their lines.
//!
//! Responsible for: reading the text once, so that nothing after this needs it; numbers with units; words that are
//! near. Not for: which fields there are ([`super::table`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Line of the file, from 1.
    pub(crate) line: usize,
    /// What stands there.
    pub(crate) value: Raw,
}

/// A value of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// Text.
    Text(String),
    /// Integer or float.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A date or time.
    Moment(String),
    /// Several values.
    List(Vec<Node>),
    /// A table.
    Table(BTreeMap<String, Node>),
}

impl Raw {
    /// As it stands.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Moment(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(list) => list.iter().map(|n| n.value.shown()).collect::<Vec<_>>().join(", "),
            Self::Table(_) => String::new(),
        }
    }
}

/// Values of a text, and its syntax errors as line and message; what can be read of the rest is given.
pub(crate) fn nodes(text: &str) -> (BTreeMap<String, Node>, Vec<(usize, String)>) {
    let line = |offset: usize| {
        let end = offset.min(text.len());
        text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    let error = |e: toml::de::Error| (line(e.span().map_or(0, |s| s.start)), e.message().to_owned());
    (entries(document.get_ref(), &line), errors.into_iter().map(error).collect())
}

fn entries(table: &DeTable<'_>, line: &dyn Fn(usize) -> usize) -> BTreeMap<String, Node> {
    let one = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<Cow<'_, str>> = key;
        let node = Node { line: line(key.span().start), value: raw(value.get_ref(), line) };
        (key.get_ref().to_string(), node)
    };
    table.iter().map(one).collect()
}

fn raw(value: &DeValue<'_>, line: &dyn Fn(usize) -> usize) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Raw::Number(parsed.map_or(f64::NAN, |n| n as f64))
        }
        DeValue::Float(number) => Raw::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Datetime(moment) => Raw::Moment(moment.to_string()),
        DeValue::Array(list) => {
            let one =
                |v: &Spanned<DeValue<'_>>| Node { line: line(v.span().start), value: raw(v.get_ref(), line) };
            Raw::List(list.iter().map(one).collect())
        }
        DeValue::Table(table) => Raw::Table(entries(table, line)),
    }
}

/// A number and its unit, in the unit's base.
pub(crate) fn parse_quantity(text: &str, units: &[(&'static str, f64)]) -> Option<(f64, &'static str)> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == '%')?;
    let (number, unit) = text.split_at(split);
    let (name, base) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let number: f64 = number.trim().parse().ok()?;
    number.is_finite().then_some((number * base, name))
}

/// Edits between two words (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
