//! Writing a tape.
//!
//! Responsible for: whole entries at the end of a file, within a bound. Not for: what stands in them.

use super::{Begin, Entry, HEAD, MAGIC, Reader, Told, check};
use anyhow::{Context, Result, bail};
use headroom_site::Office;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An open tape.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    path: PathBuf,
    bytes: u64,
    bound: u64,
    office: Office,
}

impl Writer {
    /// A run begins at the end of a tape, which never grows beyond a bound, bytes. An entry that was torn by the end of an
    /// earlier run is cut off.
    ///
    /// # Errors
    /// The file cannot be had, or is no tape.
    pub(crate) fn begin(path: &Path, bound: u64, begin: Begin) -> Result<Self> {
        let name = || format!("tape {}", path.display());
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).with_context(name)?;
        let length = file.metadata().with_context(name)?.len();
        let bytes = if length == 0 {
            file.write_all(MAGIC).with_context(name)?;
            MAGIC.len() as u64
        } else {
            let mut reader = Reader::open(path)?;
            while reader.skip()? {}
            reader.whole()
        };
        file.set_len(bytes).with_context(name)?;
        file.seek(SeekFrom::End(0)).with_context(name)?;
        let mut tape = Self { file, path: path.to_owned(), bytes, bound, office: Office::Sole };
        tape.append(&Entry::Begin(begin))?;
        Ok(tape)
    }

    /// Appends what a tick was told, after its office if that is another one.
    ///
    /// # Errors
    /// The tape is full, or cannot be written.
    pub(crate) fn tell(&mut self, told: Told<'_>) -> Result<()> {
        if self.office != told.office {
            self.office.clone_from(&told.office);
            self.append(&Entry::Office(self.office.clone()))?;
        }
        self.append(&Entry::Told(told))
    }

    fn append(&mut self, entry: &Entry<'_>) -> Result<()> {
        let name = || format!("tape {}", self.path.display());
        let packed = lz4_flex::compress_prepend_size(&postcard::to_stdvec(entry).with_context(name)?);
        let length = u32::try_from(packed.len()).with_context(name)?;
        let whole = (HEAD + packed.len()) as u64;
        if self.bytes + whole > self.bound {
            bail!("tape {} has reached its bound of {} MiB", self.path.display(), self.bound >> 20);
        }
        let mut line = Vec::with_capacity(HEAD + packed.len());
        line.extend_from_slice(&length.to_le_bytes());
        line.extend_from_slice(&check(&packed));
        line.extend_from_slice(&packed);
        self.file.write_all(&line).with_context(name)?;
        self.bytes += whole;
        Ok(())
    }
}
