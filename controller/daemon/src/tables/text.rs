//! A table as CSV.
//!
//! Responsible for: how cells are written as text. An empty cell holds nothing.

use super::{Cell, Out, Row, Sheet};
use anyhow::Result;

pub(super) struct Csv(csv::Writer<Out>);

impl Csv {
    pub(super) fn begin(out: Out, like: &Row<'_>) -> Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(like.iter().map(|(name, _)| *name))?;
        Ok(Self(out))
    }
}

impl Sheet for Csv {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        for (_, cell) in row {
            match cell {
                Cell::Text(text) => self.0.write_field(text.as_deref().unwrap_or_default())?,
                Cell::Time(at) => self.0.write_field(words(at.as_ref()))?,
                Cell::Number(x) => self.0.write_field(words(x.as_ref()))?,
                Cell::Integer(n) => self.0.write_field(words(n.as_ref()))?,
                Cell::Flag(is) => self.0.write_field(words(is.as_ref()))?,
            }
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    fn end(&mut self) -> Result<()> {
        Ok(self.0.flush()?)
    }
}

fn words(what: Option<&impl ToString>) -> String {
    what.map_or(String::new(), ToString::to_string)
}
