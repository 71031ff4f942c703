//! Tables of a file: fields taken by name, checked for type, unit and range, the rest reported.
//!
//! Responsible for: lines of everything, findings, quantities with units. Not for: what the fields mean.
//!
//! The text is read once into [`Node`]s that know their lines, so that nothing after this needs the text.

use super::ScenarioError;
use std::cell::RefCell;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Times and their seconds.
pub(crate) const TIMES: &[(&str, f64)] =
    &[("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0), ("ms", 0.001)];
/// Shares.
pub(crate) const SHARES: &[(&str, f64)] = &[("%", 0.01)];
/// Electric powers.
pub(crate) const POWERS: &[(&str, f64)] = &[("W", 1.0), ("kW", 1e3), ("MW", 1e6)];
/// Energies.
pub(crate) const ENERGIES: &[(&str, f64)] = &[("J", 1.0), ("Wh", 3600.0), ("kWh", 3.6e6), ("MWh", 3.6e9)];

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
    fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Moment(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(list) => list.iter().map(|n| n.value.shown()).collect::<Vec<_>>().join(", "),
            Self::Table(_) => String::new(),
        }
    }
}

/// Where findings are collected.
#[derive(Debug, Default)]
pub(crate) struct Findings(RefCell<Vec<ScenarioError>>);

impl Findings {
    /// Notes a finding.
    pub(crate) fn add(&self, line: usize, message: impl Into<String>, remedy: impl Into<String>) {
        let (message, remedy) = (message.into(), remedy.into());
        self.0.borrow_mut().push(ScenarioError { line, message, remedy });
    }

    /// All of them, by line.
    pub(crate) fn sorted(self) -> Vec<ScenarioError> {
        let mut all = self.0.into_inner();
        all.sort_by_key(|f| f.line);
        all
    }
}

/// Reads a text. Syntax errors are findings; what can be read of the rest is given.
pub(crate) fn read<'f>(text: &str, findings: &'f Findings) -> Table<'f> {
    let line = |offset: usize| {
        let end = offset.min(text.len());
        text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = line(error.span().map_or(0, |s| s.start));
        findings.add(at, error.message(), "see the shipped scenarios for the format");
    }
    Table { line: 1, entries: entries(document.get_ref(), &line), findings }
}

fn entries(table: &DeTable<'_>, line: &dyn Fn(usize) -> usize) -> BTreeMap<String, Node> {
    let one = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
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

/// Fields of a table that have not been taken yet.
pub(crate) struct Table<'f> {
    /// Line of the table.
    pub(crate) line: usize,
    entries: BTreeMap<String, Node>,
    findings: &'f Findings,
}

/// A field as it is asked for: its name and an example of its value, as it would stand in the file.
pub(crate) type Key = (&'static str, &'static str);

impl<'f> Table<'f> {
    /// Notes a finding.
    pub(crate) fn find(&self, line: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.findings.add(line, message, remedy);
    }

    /// True if the field is there and was not taken.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Line of a field, or of the table.
    pub(crate) fn line_of(&self, name: &str) -> usize {
        self.entries.get(name).map_or(self.line, |node| node.line)
    }

    fn take(&mut self, key: Key) -> Option<Node> {
        self.entries.remove(key.0)
    }

    /// Reports that a field is missing.
    pub(crate) fn missing(&self, key: Key) {
        self.find(self.line, format!("`{}` is missing", key.0), format!("add `{} = {}`", key.0, key.1));
    }

    fn wrong(&self, line: usize, key: Key, what: &str) {
        self.find(line, format!("`{}` {what}", key.0), format!("write `{} = {}`", key.0, key.1));
    }

    /// A field, reported when it is not there.
    pub(crate) fn required<T>(
        &mut self,
        key: Key,
        get: impl FnOnce(&mut Self, Key) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key.0) {
            self.missing(key);
            return None;
        }
        get(self, key)
    }

    /// A text.
    pub(crate) fn text(&mut self, key: Key) -> Option<String> {
        let node = self.take(key)?;
        if let Raw::Text(text) = node.value {
            return Some(text);
        }
        self.wrong(node.line, key, "must be text");
        None
    }

    /// One of several words, by its place.
    pub(crate) fn choice(&mut self, key: Key, words: &[&str]) -> Option<usize> {
        let line = self.line_of(key.0);
        let text = self.text(key)?;
        let found = words.iter().position(|word| *word == text);
        if found.is_none() {
            let remedy = format!("use one of {}", words.join(", "));
            self.find(line, format!("`{} = \"{text}\"` is not known", key.0), remedy);
        }
        found
    }

    /// A plain number.
    pub(crate) fn number(&mut self, key: Key) -> Option<f64> {
        let node = self.take(key)?;
        match node.value {
            Raw::Number(number) if number.is_finite() => Some(number),
            _ => {
                self.wrong(node.line, key, "must be a number");
                None
            }
        }
    }

    /// A plain number in a range.
    pub(crate) fn number_within(&mut self, key: Key, low: f64, high: f64) -> Option<f64> {
        let line = self.line_of(key.0);
        let number = self.number(key)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        let what = if high.is_finite() {
            format!("is outside {low} to {high}")
        } else {
            format!("must be {low} or more")
        };
        self.wrong(line, key, &what);
        None
    }

    /// One plain number, or a list of them.
    pub(crate) fn numbers(&mut self, key: Key) -> Option<Vec<f64>> {
        let node = self.take(key)?;
        let list = if let Raw::List(list) = &node.value { list.clone() } else { vec![node.clone()] };
        let number = |node: Node| match node.value {
            Raw::Number(number) if number.is_finite() => Some(number),
            _ => None,
        };
        let numbers: Option<Vec<f64>> = list.into_iter().map(number).collect();
        if numbers.as_ref().is_none_or(Vec::is_empty) {
            self.wrong(node.line, key, "must be a number or a list of numbers");
            return None;
        }
        numbers
    }

    /// One quantity, or a list of them, each as (value in the base unit, unit).
    pub(crate) fn quantities(
        &mut self,
        key: Key,
        units: &[(&'static str, f64)],
    ) -> Option<Vec<(f64, &'static str)>> {
        let node = self.take(key)?;
        let list = if let Raw::List(list) = &node.value { list.clone() } else { vec![node.clone()] };
        let one = |node: &Node| match &node.value {
            Raw::Text(text) => parse_quantity(text, units),
            _ => None,
        };
        let all: Option<Vec<_>> = list.iter().map(one).collect();
        if all.as_ref().is_none_or(Vec::is_empty) {
            let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
            self.wrong(node.line, key, &format!("is not a quantity in {}", names.join(", ")));
            return None;
        }
        all
    }

    /// A field as it stands, for words about it.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.entries.get(name).map_or_else(String::new, |node| node.value.shown())
    }

    /// A whole number in a range.
    pub(crate) fn count(&mut self, key: Key, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let line = self.line_of(key.0);
        let number = self.number(key)?;
        if number.fract().abs() < f64::EPSILON && number >= 0.0 && range.contains(&(number as usize)) {
            return Some(number as usize);
        }
        self.wrong(line, key, &format!("must be a whole number of {} to {}", range.start(), range.end()));
        None
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: Key) -> Option<bool> {
        let node = self.take(key)?;
        if let Raw::Flag(flag) = node.value {
            return Some(flag);
        }
        self.wrong(node.line, key, "must be true or false");
        None
    }

    /// A date and time, written as text or as TOML has them.
    pub(crate) fn moment(&mut self, key: Key) -> Option<String> {
        let node = self.take(key)?;
        match node.value {
            Raw::Text(text) | Raw::Moment(text) => Some(text),
            _ => {
                self.wrong(node.line, key, "must be a date and time");
                None
            }
        }
    }

    /// A quantity with one of the units, as (value in the base unit, unit).
    pub(crate) fn quantity(
        &mut self,
        key: Key,
        units: &[(&'static str, f64)],
    ) -> Option<(f64, &'static str)> {
        let node = self.take(key)?;
        let names = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Raw::Text(text) = &node.value else {
            self.wrong(node.line, key, &format!("must be a quantity in {}", names()));
            return None;
        };
        let found = parse_quantity(text, units);
        if found.is_none() {
            let message = format!("`{} = \"{text}\"` is not a quantity in {}", key.0, names());
            self.find(node.line, message, format!("write `{} = {}`", key.0, key.1));
        }
        found
    }

    /// A quantity inside a range of its base unit.
    pub(crate) fn within(
        &mut self,
        key: Key,
        units: &[(&'static str, f64)],
        range: (f64, f64),
    ) -> Option<f64> {
        let line = self.line_of(key.0);
        let (value, unit) = self.quantity(key, units)?;
        if (range.0..=range.1).contains(&value) {
            return Some(value);
        }
        let base = units.iter().find(|(name, _)| *name == unit).map_or(1.0, |(_, base)| *base);
        let (low, high) = (range.0 / base, range.1 / base);
        let what = match (low.is_finite(), high.is_finite()) {
            (true, true) => format!("is outside {low} to {high} {unit}"),
            (true, false) => format!("is below {low} {unit}"),
            _ => format!("is above {high} {unit}"),
        };
        self.wrong(line, key, &what);
        None
    }

    /// A time of at least 0 s.
    pub(crate) fn seconds(&mut self, key: Key) -> Option<f64> {
        self.within(key, TIMES, (0.0, f64::INFINITY))
    }

    /// A table in this one.
    pub(crate) fn table(&mut self, key: Key) -> Option<Table<'f>> {
        let node = self.take(key)?;
        if let Raw::Table(entries) = node.value {
            return Some(Table { line: node.line, entries, findings: self.findings });
        }
        self.wrong(node.line, key, "must be a table");
        None
    }

    /// Tables in a list; each that is none is reported.
    pub(crate) fn tables(&mut self, key: Key) -> Vec<Table<'f>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let Raw::List(list) = node.value else {
            self.wrong(node.line, key, "must be a list of tables");
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(list.len());
        for node in list {
            match node.value {
                Raw::Table(entries) => {
                    tables.push(Table { line: node.line, entries, findings: self.findings });
                }
                _ => self.wrong(node.line, key, "must hold tables only"),
            }
        }
        tables
    }

    /// Reports what nobody took. `owner` says whose table this is, `known` what may stand there.
    pub(crate) fn finish(self, owner: &str, known: &[&str]) {
        for (key, node) in &self.entries {
            let near = known.iter().find(|k| distance(k, key) <= 2);
            let remedy = near.map_or_else(
                || match known {
                    [] => "remove it".to_owned(),
                    _ => format!("remove it; {owner} takes {}", known.join(", ")),
                },
                |near| format!("write `{near}`, or remove it"),
            );
            self.find(node.line, format!("`{key}` has no meaning for {owner}"), remedy);
        }
    }
}

/// A number and its unit, in the unit's base.
fn parse_quantity(text: &str, units: &[(&'static str, f64)]) -> Option<(f64, &'static str)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units_and_words_have_neighbours() {
        assert_eq!(parse_quantity("60 m3", &[("m3", 1.0)]), Some((60.0, "m3")));
        assert_eq!(parse_quantity("-12 %", SHARES), Some((-0.12, "%")));
        assert_eq!(parse_quantity("12", TIMES), None);
        assert_eq!(parse_quantity("twelve s", TIMES), None);
        assert_eq!(distance("chiler-trip", "chiller-trip"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn lines_are_those_of_the_fields() {
        let findings = Findings::default();
        let text = "a = 1\n[b]\nc = \"x\"\n[[d]]\ne = 2\n[[d]]\nf = [1,\n 2]\n";
        let mut table = read(text, &findings);
        assert_eq!(table.line_of("a"), 1);
        let mut inner = table.table(("b", "")).unwrap();
        assert_eq!((inner.line_of("c"), inner.text(("c", "")).unwrap().as_str()), (3, "x"));
        let lists = table.tables(("d", ""));
        assert_eq!((lists[0].line, lists[1].line, lists[1].line_of("f")), (4, 6, 7));
        assert!(table.count(("a", "1"), 2..=3).is_none());
        table.finish("`x`", &[]);
        assert_eq!(findings.sorted().len(), 1);
    }
}
