//! Kinds of events as data: name, fields, what they say.
//!
//! Responsible for: reading the fields of an event by its kind, and words about it. Not for: which kinds there are
//! and what they do to a world (`world::events`).

use super::table::{Findings, Key, POWERS, SHARES, TIMES, Table, read};
use super::{ImportCut, kinds};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holds {
    /// A name: device, point, job.
    Name,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A number from one value to another.
    Number(f64, f64),
    /// A whole number from one value to another.
    Count(usize, usize),
    /// A time of at least 0 s.
    Time,
    /// A share in % from one fraction to another.
    Share(f64, f64),
    /// A quantity: unit, and the least and most of it.
    Quantity(&'static str, f64, f64),
    /// An import limit, or several in turn.
    Limits,
    /// A number, or several in turn.
    Series,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// Its example is taken when it is absent.
    Default,
    /// Nothing is taken when it is absent.
    Optional,
}

/// A field of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Whether it must be there.
    pub need: Need,
    /// A value as it would stand in a file.
    pub example: &'static str,
    /// One line about it.
    pub doc: &'static str,
}

/// A kind of event.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Name.
    pub name: &'static str,
    /// One line about it.
    pub doc: &'static str,
    /// What is happening, with `{field}` for values and `[...]` around what needs an optional one.
    pub words: &'static str,
    /// Fields besides those that every event has.
    pub fields: &'static [Field],
    /// Whether it comes in degrees, so that it can `ramp` and `fade`.
    pub ramps: bool,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Name or word.
    Text(String),
    /// Number in its base unit (s, fraction, or the unit of its field).
    Number(f64),
    /// Import limits.
    Limits(Vec<ImportCut>),
    /// Numbers.
    Series(Vec<f64>),
}

/// Values of an event's fields, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values(Vec<(&'static str, Value, String)>);

impl Values {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, ..)| *other == name).map(|(_, value, _)| value)
    }

    /// A name or word; empty when absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        if let Some(Value::Text(text)) = self.get(name) { text } else { "" }
    }

    /// A number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        if let Some(Value::Number(number)) = self.get(name) { Some(*number) } else { None }
    }

    /// Import limits in turn.
    #[must_use]
    pub fn limits(&self, name: &str) -> &[ImportCut] {
        if let Some(Value::Limits(limits)) = self.get(name) { limits } else { &[] }
    }

    /// Numbers in turn.
    #[must_use]
    pub fn series(&self, name: &str) -> &[f64] {
        if let Some(Value::Series(series)) = self.get(name) { series } else { &[] }
    }

    fn shown(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, ..)| *other == name).map(|(.., shown)| shown.as_str())
    }
}

impl Kind {
    /// The kind of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        kinds().find(|kind| kind.name == name)
    }

    /// What is happening, in words.
    #[must_use]
    pub fn words(&self, values: &Values) -> String {
        let mut words = String::new();
        for part in self.words.split_inclusive(['[', ']']) {
            let optional = part.ends_with(']');
            let part = part.trim_end_matches(['[', ']']);
            if let Some(filled) = fill(part, values) {
                words += &filled;
            } else if !optional {
                words += part;
            }
        }
        words
    }

    /// Reads the fields of an event.
    pub(super) fn read(&self, table: &mut Table<'_>) -> Option<Values> {
        let (mut values, mut complete) = (Values::default(), true);
        for field in self.fields {
            let key = (field.name, field.example);
            let value = match (table.has(field.name), field.need) {
                (true, _) => field.read(table),
                (false, Need::Required) => {
                    table.missing(key);
                    None
                }
                (false, Need::Default) => field.default(),
                (false, Need::Optional) => continue,
            };
            complete &= value.is_some();
            values.0.extend(value.map(|(value, shown)| (field.name, value, shown)));
        }
        complete.then_some(values)
    }
}

/// `{field}` replaced by values; `None` if one is absent.
fn fill(template: &str, values: &Values) -> Option<String> {
    let mut text = String::new();
    for (n, part) in template.split(['{', '}']).enumerate() {
        text += if n % 2 == 0 { part } else { values.shown(part)? };
    }
    Some(text)
}

impl Field {
    /// Reads the field as (value, as shown).
    fn read(&self, table: &mut Table<'_>) -> Option<(Value, String)> {
        let key: Key = (self.name, self.example);
        let quantity = |table: &mut Table<'_>, units: &[(&'static str, f64)], low: f64, high: f64| {
            let shown = table.shown(self.name);
            table.within(key, units, (low, high)).map(|number| (Value::Number(number), shown))
        };
        let number = |number: f64| (Value::Number(number), number.to_string());
        match self.holds {
            Holds::Name => table.text(key).map(|text| (Value::Text(text.clone()), text)),
            Holds::Word(words) => {
                let word = table.choice(key, words)?;
                Some((Value::Text(words[word].to_owned()), words[word].to_owned()))
            }
            Holds::Number(low, high) => table.number_within(key, low, high).map(number),
            Holds::Count(low, high) => table.count(key, low..=high).map(|count| number(count as f64)),
            Holds::Time => quantity(table, TIMES, 0.0, f64::INFINITY),
            Holds::Share(low, high) => quantity(table, SHARES, low, high),
            Holds::Quantity("W", low, high) => quantity(table, POWERS, low, high),
            Holds::Quantity("s", low, high) => quantity(table, TIMES, low, high),
            Holds::Quantity(unit, low, high) => quantity(table, &[(unit, 1.0)], low, high),
            Holds::Limits => limits(table, key),
            Holds::Series => {
                let shown = table.shown(self.name);
                table.numbers(key).map(|series| (Value::Series(series), shown))
            }
        }
    }

    /// The example's value.
    fn default(&self) -> Option<(Value, String)> {
        let findings = Findings::default();
        self.read(&mut read(&format!("{} = {}", self.name, self.example), &findings))
    }
}

/// Import limits: less than what the site drew when it began, or at most so much, or so much of what the feed may carry.
fn limits(table: &mut Table<'_>, key: Key) -> Option<(Value, String)> {
    let units = [("W", 1.0), ("kW", 1e3), ("MW", 1e6), ("%", 0.01)];
    let (line, shown) = (table.line_of(key.0), table.shown(key.0));
    let mut limits = Vec::new();
    for (value, unit) in table.quantities(key, &units)? {
        limits.push(match unit {
            "%" if (-0.9..=0.0).contains(&value) => ImportCut::Share(-value),
            "%" if (0.1..=1.0).contains(&value) => ImportCut::OfFeed(value),
            "%" => {
                table.find(
                    line,
                    format!("`{}` must be down to -90 %, or 10 to 100 %", key.0),
                    "write `limit = \"-12 %\"` for a reduction, `limit = \"70 %\"` for a share of the feed",
                );
                return None;
            }
            _ if value > 0.0 => ImportCut::Watts(value),
            _ => {
                table.find(line, format!("`{}` must be above 0", key.0), "write `limit = \"420 kW\"`");
                return None;
            }
        });
    }
    Some((Value::Limits(limits), shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_reads_from_its_own_examples() {
        let mut names = BTreeSet::new();
        for kind in kinds() {
            assert!(names.insert(kind.name), "{} twice", kind.name);
            let text: String = kind.fields.iter().map(|f| format!("{} = {}\n", f.name, f.example)).collect();
            let findings = Findings::default();
            let mut table = read(&text, &findings);
            let values = kind.read(&mut table).unwrap_or_default();
            table.finish(kind.name, &[]);
            assert_eq!(findings.sorted(), vec![], "{}", kind.name);
            let words = kind.words(&values);
            assert!(!words.contains(['{', '}', '[', ']']) && !words.is_empty(), "{words}");
        }
    }

    #[test]
    fn words_leave_out_what_was_not_said() {
        let kind =
            Kind { name: "k", doc: "", words: "{a} falls[ by {b}][ in {c}]", fields: &[], ramps: false };
        let values = Values(vec![
            ("a", Value::Text("it".to_owned()), "it".to_owned()),
            ("c", Value::Number(3.0), "3 s".to_owned()),
        ]);
        assert_eq!(kind.words(&values), "it falls in 3 s");
    }
}
