//! Reading a tape.
//!
//! Responsible for: one entry after the other, each checked, and where a damaged tape ends. Not for: what is made of them.

use super::{Entry, HEAD, LONGEST, MAGIC, check};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A tape from its beginning.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    /// Bytes of whole entries so far, with the first ones of the file.
    whole: u64,
    entries: u64,
    /// The last entry was torn.
    torn: bool,
    packed: Vec<u8>,
}

/// Does a file begin as a tape does?
pub(crate) fn is_tape(path: &Path) -> bool {
    let mut first = [0; MAGIC.len()];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok()) && first == *MAGIC
}

impl Reader {
    /// Opens a tape.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = || format!("tape {}", path.display());
        let mut file = BufReader::with_capacity(1 << 20, File::open(path).with_context(name)?);
        let mut first = [0; MAGIC.len()];
        if file.read_exact(&mut first).is_err() || first != *MAGIC {
            bail!("{} is no tape of `headroom run --tape`", path.display());
        }
        let (whole, entries) = (MAGIC.len() as u64, 0);
        Ok(Self { file, path: path.to_owned(), whole, entries, torn: false, packed: Vec::new() })
    }

    /// Bytes of whole entries.
    pub(crate) const fn whole(&self) -> u64 {
        self.whole
    }

    /// Was the last entry torn? The run that wrote it was killed.
    pub(crate) const fn torn(&self) -> bool {
        self.torn
    }

    /// The next entry; `None` at the end, and where the last one is torn.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(crate) fn read(&mut self) -> Result<Option<Entry<'static>>> {
        if !self.skip()? {
            return Ok(None);
        }
        let damaged =
            || format!("tape {}: entry {} is not what was written", self.path.display(), self.entries);
        let bytes = lz4_flex::decompress_size_prepended(&self.packed).with_context(damaged)?;
        postcard::from_bytes(&bytes).map(Some).with_context(damaged)
    }

    /// Goes past the next entry and checks that it is whole; false at the end.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(crate) fn skip(&mut self) -> Result<bool> {
        let mut head = [0; HEAD];
        if !self.fill(&mut head)? {
            return Ok(false);
        }
        let (length, wanted) = head.split_at(4);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length > LONGEST {
            bail!("tape {}: entry {} is damaged", self.path.display(), self.entries + 1);
        }
        let mut packed = std::mem::take(&mut self.packed);
        packed.resize(length, 0);
        let here = self.fill(&mut packed)?;
        self.packed = packed;
        if !here {
            self.torn = true;
            return Ok(false);
        }
        if check(&self.packed) != wanted {
            bail!("tape {}: entry {} is damaged", self.path.display(), self.entries + 1);
        }
        self.whole += (HEAD + length) as u64;
        self.entries += 1;
        Ok(true)
    }

    /// Fills a buffer; false if the file ends first.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool> {
        let mut have = 0;
        while have < buffer.len() {
            match self.file.read(&mut buffer[have..]) {
                Ok(0) => {
                    self.torn |= have > 0;
                    return Ok(false);
                }
                Ok(n) => have += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e).with_context(|| format!("tape {}", self.path.display())),
            }
        }
        Ok(true)
    }
}
