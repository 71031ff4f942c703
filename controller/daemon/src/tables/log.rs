//! Tables as one MCAP log.
//!
//! Responsible for: a channel per table (`/NAME`), JSON with its schema, and the time of each message: that of the row's
//! first time. What a row does not hold is not in its message.

use super::{Cell, Out, Row, Sheet};
use anyhow::{Context, Result};
use headroom_site::Stamp;
use mcap::records::MessageHeader;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;

type Writer = Rc<RefCell<mcap::Writer<Out>>>;

/// An open log.
pub(super) struct Log(Writer);

/// A table of a log.
pub(super) struct Channel {
    log: Writer,
    id: u16,
    sequence: u32,
}

impl Log {
    pub(super) fn begin(out: Out) -> Result<Self> {
        let options = mcap::WriteOptions::new()
            .compression(Some(mcap::Compression::Zstd))
            // Rows are many and alike: one thread and a quick level are enough.
            .compression_threads(0)
            .library(concat!("headroom ", env!("CARGO_PKG_VERSION")));
        Ok(Self(Rc::new(RefCell::new(options.create(out)?))))
    }

    pub(super) fn channel(&self, name: &str, like: &Row<'_>) -> Result<Channel> {
        let properties: Map<String, Value> =
            like.iter().map(|(name, cell)| ((*name).to_owned(), kind(cell))).collect();
        let schema = json!({ "title": name, "type": "object", "properties": properties }).to_string();
        let mut log = self.0.borrow_mut();
        let schema = log.add_schema(&format!("headroom.{name}"), "jsonschema", schema.as_bytes())?;
        let id = log.add_channel(schema, &format!("/{name}"), "json", &BTreeMap::new())?;
        Ok(Channel { log: Rc::clone(&self.0), id, sequence: 0 })
    }

    pub(super) fn end(self) -> Result<()> {
        let log = Rc::into_inner(self.0).context("a table of the log has not ended")?;
        let mut log = log.into_inner();
        log.finish()?;
        Ok(log.into_inner().flush()?)
    }
}

fn kind(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Time(_) => json!({ "type": "string", "format": "date-time" }),
        Cell::Text(_) => json!({ "type": "string" }),
        Cell::Number(_) => json!({ "type": "number" }),
        Cell::Integer(_) => json!({ "type": "integer" }),
        Cell::Flag(_) => json!({ "type": "boolean" }),
    }
}

fn value(cell: &Cell<'_>) -> Option<Value> {
    match cell {
        Cell::Time(at) => at.map(|at| Value::from(at.to_string())),
        Cell::Text(text) => text.as_deref().map(Value::from),
        Cell::Number(x) => x.map(Value::from),
        Cell::Integer(n) => n.map(Value::from),
        Cell::Flag(is) => is.map(Value::from),
    }
}

/// Unix time of a row, ns; 0 where it has none.
fn at_ns(row: &Row<'_>) -> u64 {
    let first = row.iter().find_map(|(_, cell)| if let Cell::Time(at) = cell { *at } else { None });
    first.map(Stamp::unix_ns).and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0)
}

impl Sheet for Channel {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let message: Map<String, Value> =
            row.iter().filter_map(|(name, cell)| Some(((*name).to_owned(), value(cell)?))).collect();
        let at = at_ns(row);
        let header =
            MessageHeader { channel_id: self.id, sequence: self.sequence, log_time: at, publish_time: at };
        self.sequence = self.sequence.wrapping_add(1);
        Ok(self.log.borrow_mut().write_to_known_channel(&header, &serde_json::to_vec(&message)?)?)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
