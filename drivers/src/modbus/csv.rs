//! Register maps as tables for a spreadsheet, and back: one row per register.
//!
//! Responsible for: columns, cells, and findings that name row and column. Not for: what a register may be; rows become
//! a map file, which the site's reader checks, and its findings come back to the cells they are about.
//!
//! ```text
//! CSV -> rows -> map file (TOML) -> read_register_map        registers -> CSV
//!                     finding <- line of the map file <- cell
//! ```

use ::csv::{ReaderBuilder, StringRecord, WriterBuilder};
use headroom_site::doc::{Finding, suggest};
use headroom_site::file::read_register_map;
use headroom_site::model::{RegisterMap, RegisterSpec};
use std::fmt::Write as _;

/// What a column's cells hold.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    /// Text, taken as it stands.
    Text,
    /// A word without spaces around it.
    Word,
    /// A whole number, decimal or 0x.
    Whole,
    Number,
    /// Whole numbers with spaces between.
    Wholes,
    /// Two numbers with a space between.
    Pair,
}

/// Columns by their name in the table, key in a map file, and what they hold; the first four are needed.
const COLUMNS: [(&str, &str, Cell); 12] = [
    ("name", "name", Cell::Word),
    ("area", "space", Cell::Word),
    ("address", "address", Cell::Whole),
    ("type", "type", Cell::Word),
    ("byte_order", "byte-order", Cell::Word),
    ("scale", "scale", Cell::Number),
    ("offset", "offset", Cell::Number),
    ("unit", "unit", Cell::Word),
    ("invalid", "invalid", Cell::Wholes),
    ("description", "description", Cell::Text),
    ("scale_register", "scale-register", Cell::Word),
    ("range", "range", Cell::Pair),
];
const NEEDED: usize = 4;
/// What a line that is skipped begins with.
const COMMENT: u8 = b'#';

/// A map file from a table. Addresses are counted from `address_base`. Cells are parted by commas, or by semicolons if
/// the head of the table is; lines that begin with # are skipped.
///
/// # Errors
/// Every finding, with line and column of the table.
pub fn import(file: &str, text: &str, address_base: u16) -> Result<String, Vec<Finding>> {
    let mut sheet = Sheet::new(file, text);
    let map = sheet.read(address_base);
    if sheet.findings.is_empty()
        && let Err(findings) = read_register_map(file, &map)
    {
        for f in findings {
            sheet.bring_back(&f);
        }
    }
    if sheet.findings.is_empty() { Ok(map) } else { Err(sheet.findings) }
}

/// A table of a map's registers, templates written out, addresses from 0. What a table has no column for (`forbid`,
/// `vendor`, `model`, `source`) is left out.
#[must_use]
pub fn export(map: &RegisterMap) -> String {
    // A name that begins with # is put in quotes: without, its line would be a comment.
    let mut writer = WriterBuilder::new().comment(Some(COMMENT)).from_writer(Vec::new());
    // Writing to memory does not fail; a row that could not be encoded would be left out.
    let _ = writer.write_record(COLUMNS.map(|(column, _, _)| column));
    for register in &map.registers {
        let _ = writer.write_record(row(register, &map.registers));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn row(r: &RegisterSpec, all: &[RegisterSpec]) -> [String; 12] {
    let invalid: Vec<String> = r.invalid.iter().map(|i| i.cast_signed().to_string()).collect();
    let scale = r.scale_register.map(|i| all[i].name.clone());
    [
        r.name.clone(),
        r.space.word().to_owned(),
        r.address.to_string(),
        r.kind.word().to_owned(),
        r.order.word().to_owned(),
        format!("{:?}", r.scale),
        format!("{:?}", r.offset),
        r.unit.map_or(String::new(), |u| u.symbol.to_owned()),
        invalid.join(" "),
        r.description.clone(),
        scale.unwrap_or_default(),
        r.range.map_or(String::new(), |(low, high)| format!("{low:?} {high:?}")),
    ]
}

/// A table being read.
struct Sheet<'a> {
    file: &'a str,
    text: &'a str,
    delimiter: u8,
    findings: Vec<Finding>,
    /// For each line of the map file: line of the table, and which cell.
    cells: Vec<(usize, usize)>,
}

impl<'a> Sheet<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let head = text.lines().find(|l| !l.starts_with('#')).unwrap_or_default();
        let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
        Self { file, text, delimiter, findings: Vec::new(), cells: Vec::new() }
    }

    fn find(&mut self, line: usize, cell: usize, what: impl Into<String>, remedy: impl Into<String>) {
        let start = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
        let column = self.offset_of(self.text[start..].lines().next().unwrap_or_default(), cell);
        self.findings.push(Finding {
            file: self.file.to_owned(),
            line,
            column: column + 1,
            span: (start + column, start + column),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Bytes before a cell in its line.
    fn offset_of(&self, line: &str, cell: usize) -> usize {
        let (mut quoted, mut seen) = (false, 0);
        for (at, byte) in line.bytes().enumerate() {
            if seen == cell {
                return at;
            }
            quoted ^= byte == b'"';
            seen += usize::from(byte == self.delimiter && !quoted);
        }
        if seen == cell { line.len() } else { 0 }
    }

    /// The map file that the rows say; findings on the way.
    fn read(&mut self, address_base: u16) -> String {
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .comment(Some(COMMENT))
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text.as_bytes());
        let mut map = format!("address-base = {address_base}\nbyte-order = \"ABCD\"\n");
        self.cells = vec![(1, 0); 2];
        let mut columns: Option<Vec<Option<usize>>> = None;
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(e) => {
                    let line = e.position().map_or(1, ::csv::Position::line);
                    self.find(line as usize, 0, e.to_string(), "save the table as CSV in UTF-8");
                    break;
                }
            };
            let line = record.position().map_or(1, ::csv::Position::line) as usize;
            match &columns {
                None => columns = Some(self.head(&record, line)),
                Some(columns) if record.iter().any(|cell| !cell.trim().is_empty()) => {
                    self.row(&record, line, &columns.clone(), &mut map);
                }
                Some(_) => {}
            }
        }
        if columns.is_none() {
            self.find(
                1,
                0,
                "the table is empty",
                "begin with the names of the columns: name,area,address,type",
            );
        }
        map
    }

    /// Which of [`COLUMNS`] each cell of a row belongs to.
    fn head(&mut self, record: &StringRecord, line: usize) -> Vec<Option<usize>> {
        let mut out: Vec<Option<usize>> = Vec::new();
        for (cell, name) in record.iter().map(str::trim).enumerate() {
            let found = COLUMNS.iter().position(|(column, _, _)| *column == name);
            let known = COLUMNS.map(|(column, _, _)| column);
            if found.is_none() && !name.is_empty() {
                let remedy = suggest(name, known.into_iter())
                    .map_or(format!("use {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
                self.find(line, cell, format!("unknown column `{name}`"), remedy);
            } else if found.is_some() && out.contains(&found) {
                self.find(line, cell, format!("column `{name}` is there twice"), "remove one of them");
            }
            out.push(found);
        }
        for (i, (name, _, _)) in COLUMNS.iter().enumerate().take(NEEDED) {
            if !out.contains(&Some(i)) {
                self.find(line, 0, format!("there is no column `{name}`"), "add it to the first line");
            }
        }
        out
    }

    fn row(&mut self, record: &StringRecord, line: usize, columns: &[Option<usize>], map: &mut String) {
        map.push_str("[[register]]\n");
        self.cells.push((line, 0));
        for (cell, text) in record.iter().enumerate() {
            let Some(column) = columns.get(cell).copied().flatten() else {
                if cell >= columns.len() && !text.trim().is_empty() {
                    self.find(line, cell, "a cell without a column", "put text with commas in quotes");
                }
                continue;
            };
            let (name, key, kind) = COLUMNS[column];
            if text.trim().is_empty() {
                continue;
            }
            match value(kind, text) {
                Ok(value) => {
                    let _ = writeln!(map, "{key} = {value}");
                    self.cells.push((line, cell));
                }
                Err(remedy) => self.find(line, cell, format!("`{name}` cannot be `{}`", text.trim()), remedy),
            }
        }
    }

    /// A finding about the map file, at the cell that its line came from.
    fn bring_back(&mut self, f: &Finding) {
        let (line, cell) = self.cells.get(f.line - 1).copied().unwrap_or((1, 0));
        self.find(line, cell, f.what.clone(), f.remedy.clone());
    }
}

/// A cell as a value of a map file, or how to write it.
fn value(kind: Cell, text: &str) -> Result<String, &'static str> {
    let trimmed = text.trim();
    let whole = |t: &str| {
        let (sign, digits) = t.strip_prefix('-').map_or((1, t), |rest| (-1, rest));
        let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => i128::from_str_radix(hex, 16).ok(),
            None => digits.parse::<i128>().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit())),
        };
        number.map(|n| n * sign).and_then(|n| i64::try_from(n).ok())
    };
    let number = |t: &str| t.parse::<f64>().ok().filter(|x| x.is_finite());
    match kind {
        Cell::Text => Ok(quoted(text)),
        Cell::Word => Ok(quoted(trimmed)),
        Cell::Whole => {
            whole(trimmed).map(|n| n.to_string()).ok_or("write a whole number, like 4096 or 0x1000")
        }
        Cell::Number => {
            number(trimmed).map(|x| format!("{x:?}")).ok_or("write a number with a point, like 0.1")
        }
        Cell::Wholes => {
            let all: Option<Vec<_>> = trimmed.split_whitespace().map(whole).collect();
            all.map(|n| format!("{n:?}")).ok_or("write whole numbers with spaces between, like -32768 0x7FFF")
        }
        Cell::Pair => {
            let all: Option<Vec<_>> = trimmed.split_whitespace().map(number).collect();
            all.filter(|n| n.len() == 2)
                .map(|n| format!("{n:?}"))
                .ok_or("write lowest and highest value with a space between, like -10 90")
        }
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests;
