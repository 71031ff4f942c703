//! The reader: typed values out of a table, and the keys that nobody asked for.

use super::{At, Doc, FromDoc, distance};
use crate::quantity::{self, Dimension, Rate};
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of a document.
pub struct Table<'d> {
    doc: &'d Doc,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    used: RefCell<Vec<String>>,
}

impl<'d> Table<'d> {
    pub(super) fn new(doc: &'d Doc, table: &'d DeTable<'d>, span: Range<usize>, path: String) -> Self {
        Self { doc, table, span, path, used: RefCell::default() }
    }

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
        let inner = Table::new(self.doc, table, span, path);
        let out = read(&inner);
        inner.finish();
        out
    }

    pub(super) fn finish(&self) {
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
