//! Fields of one event: taken by name, checked for type and unit, the rest reported.

use super::{ImportCut, ScenarioError};
use std::collections::BTreeMap;
use toml::{Spanned, Value};

/// One line of text with its place.
pub(super) struct Source<'a> {
    pub text: &'a str,
}

impl Source<'_> {
    /// Line (from 1) of a byte offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    }
}

/// Fields of an event that have not been taken yet.
pub(super) struct Fields<'a> {
    pub source: &'a Source<'a>,
    pub line: usize,
    pub entries: BTreeMap<String, Spanned<Value>>,
    pub findings: &'a mut Vec<ScenarioError>,
}

impl Fields<'_> {
    /// Notes a finding.
    pub(super) fn find(&mut self, line: usize, message: String, remedy: &str) {
        self.findings.push(ScenarioError { line, message, remedy: remedy.to_owned() });
    }

    /// Line of a field, or of the event.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.entries.get(key).map_or(self.line, |v| self.source.line(v.span().start))
    }

    fn take(&mut self, key: &str, example: &str, required: bool) -> Option<(usize, Value)> {
        let line = self.line_of(key);
        match self.entries.remove(key) {
            Some(value) => Some((line, value.into_inner())),
            None if required => {
                self.find(line, format!("`{key}` is missing"), &format!("add `{key} = {example}`"));
                None
            }
            None => None,
        }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, example: &str, required: bool) -> Option<(usize, String)> {
        let (line, value) = self.take(key, example, required)?;
        if let Value::String(text) = value {
            return Some((line, text));
        }
        self.find(line, format!("`{key}` must be text"), &format!("write `{key} = {example}`"));
        None
    }

    /// A plain number.
    pub(super) fn number(&mut self, key: &str, example: &str, required: bool) -> Option<f64> {
        let (line, value) = self.take(key, example, required)?;
        match value {
            Value::Float(number) if number.is_finite() => Some(number),
            Value::Integer(number) => Some(number as f64),
            _ => {
                self.find(line, format!("`{key}` must be a number"), &format!("write `{key} = {example}`"));
                None
            }
        }
    }

    /// A quantity with one of the units, as (value in the unit's base, unit).
    pub(super) fn quantity(
        &mut self,
        key: &str,
        units: &[(&'static str, f64)],
        example: &str,
        required: bool,
    ) -> Option<(f64, &'static str)> {
        let (line, text) = self.text(key, example, required)?;
        let split = text.trim().find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
        let (number, unit) = text.trim().split_at(split.min(text.trim().len()));
        let unit = units.iter().find(|(name, _)| *name == unit.trim());
        if let (Ok(number), Some((name, base))) = (number.trim().parse::<f64>(), unit)
            && number.is_finite()
        {
            return Some((number * base, name));
        }
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        self.find(
            line,
            format!("`{key} = \"{text}\"` is not a quantity in {}", names.join(", ")),
            &format!("write `{key} = {example}`"),
        );
        None
    }

    /// A time of at least 0 s.
    pub(super) fn seconds(&mut self, key: &str, example: &str, required: bool) -> Option<f64> {
        const TIMES: [(&str, f64); 5] =
            [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0), ("ms", 0.001)];
        let line = self.line_of(key);
        let (seconds, _) = self.quantity(key, &TIMES, example, required)?;
        if seconds < 0.0 {
            self.find(line, format!("`{key}` is negative"), "times count from the start of the scenario");
            return None;
        }
        Some(seconds)
    }

    /// A share given in %, as a fraction.
    pub(super) fn share(&mut self, key: &str, example: &str) -> Option<f64> {
        let line = self.line_of(key);
        let (share, _) = self.quantity(key, &[("%", 0.01)], example, true)?;
        if !(0.0..=0.9).contains(&share) {
            self.find(line, format!("`{key}` is outside 0 to 90 %"), &format!("write `{key} = {example}`"));
            return None;
        }
        Some(share)
    }

    /// An import limit.
    pub(super) fn cut(&mut self, key: &str) -> Option<ImportCut> {
        let line = self.line_of(key);
        let units = [("W", 1.0), ("kW", 1e3), ("MW", 1e6), ("%", 0.01)];
        let example = "\"-12 %\"";
        let (value, unit) = self.quantity(key, &units, example, true)?;
        match unit {
            "%" if (-0.9..0.0).contains(&value) => Some(ImportCut::Share(-value)),
            "%" => {
                self.find(line, format!("`{key}` in % must be a reduction"), "write `limit = \"-12 %\"`");
                None
            }
            _ if value > 0.0 => Some(ImportCut::Watts(value)),
            _ => {
                self.find(line, format!("`{key}` must be above 0"), "write `limit = \"420 kW\"`");
                None
            }
        }
    }

    /// Reports what nobody took.
    pub(super) fn finish(mut self, kind: &str) {
        let left: Vec<(String, usize)> =
            self.entries.iter().map(|(k, v)| (k.clone(), self.source.line(v.span().start))).collect();
        for (key, line) in left {
            self.find(line, format!("`{key}` has no meaning for `{kind}`"), "remove it");
        }
    }
}
