//! Names seen before, so that reports share them instead of allocating.
//!
//! Responsible for: the shared form of UUIDs and node ids, and of each node's table of GPUs. A table is found again by
//! **all** of its bytes: one that differs in a single bit is read anew, so that no sample is ever given to another GPU,
//! whoever of agent and controller was started again. Not for: which names a site has.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// More names than this are a broken or hostile sender: they are still decoded, but not kept.
const NAMES: usize = 1 << 18;
/// More bytes of tables than this are not kept either: the tables of a million GPUs.
const TABLE_BYTES: usize = 1 << 24;

/// The GPUs of a node as its last report named them.
#[derive(Debug, Clone, Default)]
struct Table {
    /// True if names are text, else 16 bytes each.
    text: bool,
    bytes: Vec<u8>,
    names: Vec<Arc<str>>,
}

/// Names seen before.
#[derive(Debug, Clone, Default)]
pub struct Names {
    names: BTreeSet<Arc<str>>,
    tables: HashMap<Arc<str>, Table>,
    table_bytes: usize,
}

impl Names {
    /// Names that are known before anything is heard: those of a site, so that reports and site share them.
    pub fn learn<'a>(&mut self, names: impl Iterator<Item = &'a Arc<str>>) {
        self.names.extend(names.map(Arc::clone));
    }

    /// The shared form of a name.
    pub fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        if self.names.len() < NAMES {
            self.names.insert(Arc::clone(&new));
        }
        new
    }

    /// The node's table, if these are its bytes.
    pub(super) fn table(&self, node: &str, text: bool, bytes: &[u8]) -> Option<(&Arc<str>, &[Arc<str>])> {
        let (node, known) = self.tables.get_key_value(node)?;
        (known.text == text && known.bytes == bytes).then_some((node, known.names.as_slice()))
    }

    /// Keeps a node's table in place of the last one.
    pub(super) fn keep(&mut self, node: &Arc<str>, text: bool, bytes: &[u8], names: &[Arc<str>]) {
        let size = |table: &Table| table.bytes.len() + table.names.len() * size_of::<Arc<str>>();
        if let Some(old) = self.tables.remove(node) {
            self.table_bytes -= size(&old);
        }
        let new = Table { text, bytes: bytes.to_vec(), names: names.to_vec() };
        if self.table_bytes + size(&new) <= TABLE_BYTES && self.tables.len() < NAMES {
            self.table_bytes += size(&new);
            self.tables.insert(Arc::clone(node), new);
        }
    }
}
