//! Reading a TOML file that a human wrote: every finding at once, each with line, column and remedy.
//!
//! A [`Table`] hands out typed values and remembers which keys were asked for; [`Table::finish`] reports the
//! rest as unknown. Nothing here fails fast: a bad value becomes a [`Finding`] and `None`.

use crate::quantity::{self, Dimension, Rate};
use crate::time::Span;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Bytes it concerns.
    pub span: (usize, usize),
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}\n  remedy: {}", self.file, self.line, self.column, self.what, self.remedy)
    }
}

/// A value with the bytes it stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A file being read.
#[derive(Debug)]
pub struct Doc {
    file: String,
    text: String,
    findings: RefCell<Vec<Finding>>,
}

impl Doc {
    /// A document from its name (for messages) and text.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), findings: RefCell::default() }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Parses the syntax and hands the root table to `read`.
    pub fn read<T>(&self, read: impl FnOnce(&Table<'_>) -> T) -> Option<T> {
        match DeTable::parse(&self.text) {
            Ok(root) => {
                let span = root.span();
                let table = Table {
                    doc: self,
                    table: root.get_ref(),
                    span,
                    path: String::new(),
                    used: RefCell::default(),
                };
                let out = read(&table);
                table.finish();
                Some(out)
            }
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.find(span, error.message().to_owned(), "mend the TOML syntax here");
                None
            }
        }
    }

    /// Notes a finding.
    pub fn find(&self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        let start = span.start.min(self.text.len());
        let before = &self.text[..self.text.floor_char_boundary(start)];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |i| i + 1) + 1;
        self.findings.borrow_mut().push(Finding {
            file: self.file.clone(),
            line,
            column,
            span: (start, span.end.clamp(start, self.text.len())),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// All findings, in order of place.
    #[must_use]
    pub fn findings(self) -> Vec<Finding> {
        let mut all = self.findings.into_inner();
        all.sort_by_key(|f| f.span);
        all.dedup();
        all
    }

    /// True if nothing was found so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.borrow().is_empty()
    }
}

/// What a key may hold.
pub trait FromDoc: Sized {
    /// In words, with an example.
    fn what() -> String;
    /// Reads it; the error says what is wrong with the value.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    fn from_value(value: &DeValue<'_>) -> Result<Self, String>;
}

/// A table of a document.
pub struct Table<'d> {
    doc: &'d Doc,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    used: RefCell<Vec<String>>,
}

impl<'d> Table<'d> {
    /// The document it stands in.
    #[must_use]
    pub fn doc(&self) -> &'d Doc {
        self.doc
    }

    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn raw(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.used.borrow_mut().push(key.to_owned());
        self.table.get(key)
    }

    /// True if the key is there (without asking for it).
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key's value stands, or the table.
    #[must_use]
    pub fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span(), Spanned::span)
    }

    /// The value of a key, if it is there and right.
    pub fn get<T: FromDoc>(&self, key: &str) -> Option<T> {
        self.at(key).map(|a| a.value)
    }

    /// The value of a key with its place.
    pub fn at<T: FromDoc>(&self, key: &str) -> Option<At<T>> {
        let raw = self.raw(key)?;
        match T::from_value(raw.get_ref()) {
            Ok(value) => Some(At { value, span: raw.span() }),
            Err(what) => {
                self.doc.find(
                    raw.span(),
                    format!("`{}{key}`: {what}", self.path),
                    format!("write {}", T::what()),
                );
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub fn need<T: FromDoc>(&self, key: &str) -> Option<T> {
        self.need_at(key).map(|a| a.value)
    }

    /// The value of a key that must be there, with its place.
    pub fn need_at<T: FromDoc>(&self, key: &str) -> Option<At<T>> {
        if !self.has(key) {
            self.used.borrow_mut().push(key.to_owned());
            let what = format!("`{}{key}` is missing", self.path);
            self.doc.find(self.span(), what, format!("add `{key} = ...`: {}", T::what()));
            return None;
        }
        self.at(key)
    }

    /// The value of a key, or a default.
    pub fn or<T: FromDoc>(&self, key: &str, default: T) -> T {
        self.get(key).unwrap_or(default)
    }

    /// A quantity of a dimension only known at run time, base unit.
    pub fn quantity(&self, key: &str, dimension: Dimension) -> Option<f64> {
        let raw = self.raw(key)?;
        let DeValue::String(text) = raw.get_ref() else {
            self.wrong(
                key,
                raw,
                &format!("is not text with a unit, like \"20 {}\"", dimension.base()),
                dimension,
            );
            return None;
        };
        match quantity::parse(text, dimension) {
            Ok(v) => Some(v),
            Err(e) => {
                self.wrong(key, raw, &e.to_string(), dimension);
                None
            }
        }
    }

    /// A pair of quantities `[low, high]`, low not above high.
    pub fn range(&self, key: &str, dimension: Dimension) -> Option<(f64, f64)> {
        let raw = self.raw(key)?;
        let texts = match raw.get_ref() {
            DeValue::Array(items) if items.len() == 2 => items,
            _ => {
                self.wrong(key, raw, "is not a pair [low, high]", dimension);
                return None;
            }
        };
        let mut pair = [0.0; 2];
        for (slot, item) in pair.iter_mut().zip(texts.iter()) {
            let parsed = match item.get_ref() {
                DeValue::String(text) => quantity::parse(text, dimension).map_err(|e| e.to_string()),
                _ => Err(format!("is not text with a unit, like \"20 {}\"", dimension.base())),
            };
            match parsed {
                Ok(v) => *slot = v,
                Err(e) => {
                    self.wrong(key, item, &e, dimension);
                    return None;
                }
            }
        }
        if pair[0] > pair[1] {
            self.wrong(key, raw, "has its low end above its high end", dimension);
            return None;
        }
        Some((pair[0], pair[1]))
    }

    /// A rate of a dimension.
    pub fn rate(&self, key: &str, dimension: Dimension) -> Option<Rate> {
        let raw = self.raw(key)?;
        let DeValue::String(text) = raw.get_ref() else {
            self.wrong(key, raw, "is not text like \"1 K/5min\"", dimension);
            return None;
        };
        match Rate::parse(text, dimension) {
            Ok(v) => Some(v),
            Err(e) => {
                self.wrong(key, raw, &e.to_string(), dimension.of_difference());
                None
            }
        }
    }

    fn wrong(&self, key: &str, raw: &Spanned<DeValue<'_>>, what: &str, dimension: Dimension) {
        let remedy = format!("give a {dimension} with one of the units {}", dimension.symbols().join(", "));
        self.doc.find(raw.span(), format!("`{}{key}`: {what}", self.path), remedy);
    }

    /// A sub-table.
    pub fn table<T>(&self, key: &str, read: impl FnOnce(&Table<'d>) -> T) -> Option<T> {
        let raw = self.raw(key)?;
        let DeValue::Table(table) = raw.get_ref() else {
            self.doc.find(
                raw.span(),
                format!("`{}{key}` is not a table", self.path),
                format!("write [{key}] or {key} = {{ ... }}"),
            );
            return None;
        };
        Some(self.enter(table, raw.span(), format!("{}{key}.", self.path), read))
    }

    /// An array of tables; empty if the key is missing.
    pub fn tables<T>(&self, key: &str, mut read: impl FnMut(&Table<'d>) -> T) -> Vec<T> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let DeValue::Array(items) = raw.get_ref() else {
            self.doc.find(
                raw.span(),
                format!("`{}{key}` is not a list of tables", self.path),
                format!("write [[{key}]]"),
            );
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    out.push(self.enter(table, item.span(), format!("{key}."), &mut read));
                }
                _ => self.doc.find(
                    item.span(),
                    format!("`{key}` holds something that is not a table"),
                    format!("write [[{key}]]"),
                ),
            }
        }
        out
    }

    /// Sub-tables under free names: `[key.name]`.
    pub fn named_tables<T>(&self, key: &str, mut read: impl FnMut(&str, &Table<'d>) -> T) -> Vec<T> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let DeValue::Table(tables) = raw.get_ref() else {
            self.doc.find(raw.span(), format!("`{key}` is not a table"), format!("write [{key}.NAME]"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (name, item) in tables.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{key}.{}.", name.get_ref());
                    out.push(self.enter(table, item.span(), path, |t| read(name.get_ref(), t)));
                }
                _ => self.doc.find(
                    item.span(),
                    format!("`{key}.{}` is not a table", name.get_ref()),
                    "write a table here",
                ),
            }
        }
        out
    }

    /// A list of texts, each with its place; empty if the key is missing.
    pub fn strings(&self, key: &str) -> Vec<At<String>> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let DeValue::Array(items) = raw.get_ref() else {
            self.doc.find(
                raw.span(),
                format!("`{}{key}` is not a list", self.path),
                "write [\"...\", \"...\"]",
            );
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(s) => out.push(At { value: s.to_string(), span: item.span() }),
                _ => self.doc.find(
                    item.span(),
                    format!("`{}{key}` holds something that is not text", self.path),
                    "put it in quotes",
                ),
            }
        }
        out
    }

    /// Free keys with values of one kind: `{ name = value, ... }`, in order of name.
    pub fn entries<T: FromDoc>(&self) -> Vec<(At<String>, T)> {
        let mut out = Vec::new();
        for (name, _) in self.table.iter() {
            let key = name.get_ref();
            if let Some(value) = self.get::<T>(key) {
                out.push((At { value: key.to_string(), span: name.span() }, value));
            }
        }
        out
    }

    fn enter<T>(
        &self,
        table: &'d DeTable<'d>,
        span: Range<usize>,
        path: String,
        read: impl FnOnce(&Table<'d>) -> T,
    ) -> T {
        let inner = Table { doc: self.doc, table, span, path, used: RefCell::default() };
        let out = read(&inner);
        inner.finish();
        out
    }

    fn finish(&self) {
        let used = self.used.borrow();
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if used.iter().any(|u| u == name) {
                continue;
            }
            let near = used.iter().filter(|u| distance(u, name) <= 2).min_by_key(|u| distance(u, name));
            let remedy = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if used.is_empty() => "remove it".to_owned(),
                None => {
                    let mut known: Vec<_> = used.iter().map(String::as_str).collect();
                    known.sort_unstable();
                    known.dedup();
                    format!("remove it, or use one of: {}", known.join(", "))
                }
            };
            self.doc.find(key.span(), format!("unknown key `{}{name}`", self.path), remedy);
        }
    }
}

/// Levenshtein distance, for "did you mean".
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

/// A name from a list close to a wrong one, as a remedy.
#[must_use]
pub fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.map(|k| (distance(k, wrong), k)).filter(|(d, _)| *d <= 3).min().map(|(_, k)| k)
}

impl FromDoc for String {
    fn what() -> String {
        "text in quotes".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(s) => Ok(s.to_string()),
            _ => Err("is not text".into()),
        }
    }
}

impl FromDoc for bool {
    fn what() -> String {
        "true or false".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Boolean(b) => Ok(*b),
            _ => Err("is neither true nor false".into()),
        }
    }
}

impl FromDoc for i64 {
    fn what() -> String {
        "a whole number".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Integer(i) => i64::from_str_radix(&i.as_str().replace('_', ""), i.radix())
                .map_err(|_| "is not a whole number in range".into()),
            _ => Err("is not a whole number".into()),
        }
    }
}

impl FromDoc for u16 {
    fn what() -> String {
        "a whole number from 0 to 65535".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        u16::try_from(i64::from_value(value)?).map_err(|_| "is not in 0..65535".into())
    }
}

impl FromDoc for f64 {
    fn what() -> String {
        "a number".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let number = match value {
            DeValue::Float(x) => x.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(_) => i64::from_value(value).ok().map(|i| i as f64),
            _ => None,
        };
        number.filter(|x: &f64| x.is_finite()).ok_or_else(|| "is not a finite number".into())
    }
}

impl FromDoc for Span {
    fn what() -> String {
        "a time like \"30 s\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let span: Self =
            text(value, Dimension::Time)?.parse().map_err(|e: quantity::QuantityError| e.to_string())?;
        if span.ns() < 0 { Err("is negative".into()) } else { Ok(span) }
    }
}

impl<T: FromDoc> FromDoc for Vec<T> {
    fn what() -> String {
        format!("a list of {}", T::what())
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Array(items) => items.iter().map(|i| T::from_value(i.get_ref())).collect(),
            _ => Err("is not a list".into()),
        }
    }
}

fn text<'a>(value: &'a DeValue<'_>, dimension: Dimension) -> Result<&'a str, String> {
    match value {
        DeValue::String(s) => Ok(s),
        _ => Err(format!("has no unit; a {dimension} is text like \"20 {}\"", dimension.base())),
    }
}

macro_rules! from_doc_quantity {
    ($($name:ident),+) => { $(
        impl FromDoc for crate::quantity::$name {
            fn what() -> String {
                let d = Self::DIMENSION;
                format!("a {d} with one of the units {}", d.symbols().join(", "))
            }
            fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
                text(value, Self::DIMENSION)?.parse().map_err(|e: quantity::QuantityError| e.to_string())
            }
        }
    )+ };
}

from_doc_quantity!(
    Temperature,
    TemperatureDelta,
    Power,
    Energy,
    Flow,
    Pressure,
    Frequency,
    Ratio,
    Current,
    Voltage
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Power, Temperature};

    #[test]
    fn all_findings_at_once_with_lines() {
        let doc = Doc::new("x.toml", "supply = \"27\"\npower = 5\nsuply = 1\n[sub]\nname = 3\n");
        doc.read(|t| {
            assert_eq!(t.get::<Temperature>("supply"), None);
            assert_eq!(t.get::<Power>("power"), None);
            t.table("sub", |s| s.need::<String>("name"));
            t.need::<bool>("missing");
        });
        let findings = doc.findings();
        let lines: Vec<usize> = findings.iter().map(|f| f.line).collect();
        assert!([1, 2, 3, 5].iter().all(|l| lines.contains(l)), "{findings:#?}");
        assert!(findings.iter().any(|f| f.remedy.contains("did you mean `supply`")), "{findings:#?}");
        assert!(findings.iter().any(|f| f.what.contains("`missing` is missing")));
    }

    #[test]
    fn syntax_error_has_a_line() {
        let doc = Doc::new("x.toml", "a = 1\nb = = 2\n");
        assert!(doc.read(|_| ()).is_none());
        assert_eq!(doc.findings()[0].line, 2);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(s in "\\PC*") {
            let doc = Doc::new("x.toml", &s);
            doc.read(|t| { t.get::<Temperature>("a"); t.tables("b", |_| ()); });
            let _ = doc.findings();
        }
    }
}
