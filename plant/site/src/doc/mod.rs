//! Reading a TOML file that a human wrote: every finding at once, each with line, column and remedy.
//!
//! A [`Table`] hands out typed values and remembers which keys were asked for; the rest are reported as unknown when it
//! is left. Nothing here fails fast: a bad value becomes a [`Finding`] and `None`.
//!
//! Rooms: `table` (the reader), `values` (what a key may hold).

mod table;
mod values;

pub use table::Table;

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
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
                let table = Table::new(self, root.get_ref(), span, String::new());
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
