//! The mapped file as typed references. All `unsafe` of the page is here.
//!
//! Sound because: the layout has no padding that is read, consists of atomics only (any bit pattern is a value,
//! concurrent access from other processes is no data race), and the length and magic are checked before use.
#![allow(unsafe_code, reason = "views of a mapped file; the invariants stand in the module documentation")]

use super::PageError;
use super::record::{GpuRecord, Header, MAGIC};
use memmap2::MmapRaw;
use std::fs::OpenOptions;
use std::mem::size_of;
use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Most GPUs a page may hold: keeps a damaged count from being believed.
const MAX_GPUS: usize = 1 << 20;

/// A page, mapped.
pub(crate) struct Page {
    map: MmapRaw,
    gpus: usize,
}

const fn bytes(gpus: usize) -> usize {
    size_of::<Header>() + gpus * size_of::<GpuRecord>()
}

impl Page {
    /// Makes an empty page in a new file at `path`, without its magic: see [`Page::finish`].
    pub(crate) fn create(path: &Path, gpus: usize) -> Result<Self, PageError> {
        let io = |e| PageError::Io(path.to_owned(), e);
        if gpus > MAX_GPUS {
            return Err(PageError::Layout(path.to_owned(), "too many GPUs"));
        }
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).map_err(io)?;
        file.set_len(bytes(gpus) as u64).map_err(io)?;
        let map = MmapRaw::map_raw(&file).map_err(io)?;
        let page = Self { map, gpus };
        page.header().gpu_count.store(gpus as u32, Relaxed);
        page.header().record_bytes.store(size_of::<GpuRecord>() as u32, Relaxed);
        Ok(page)
    }

    /// Marks the page as complete.
    pub(crate) fn finish(&self) {
        self.header().magic.store(MAGIC, Release);
    }

    /// Maps a finished page.
    pub(crate) fn open(path: &Path) -> Result<Self, PageError> {
        let io = |e| PageError::Io(path.to_owned(), e);
        let layout = |why| PageError::Layout(path.to_owned(), why);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        let map = MmapRaw::map_raw(&file).map_err(io)?;
        if map.len() < size_of::<Header>() {
            return Err(layout("too short"));
        }
        let page = Self { map, gpus: 0 };
        if page.header().magic.load(Acquire) != MAGIC {
            return Err(layout("no page of this version, or not finished"));
        }
        let gpus = page.header().gpu_count.load(Relaxed) as usize;
        let record = page.header().record_bytes.load(Relaxed) as usize;
        if gpus > MAX_GPUS || record != size_of::<GpuRecord>() || page.map.len() < bytes(gpus) {
            return Err(layout("its size does not match its GPU count"));
        }
        Ok(Self { gpus, ..page })
    }

    /// The header.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the map is at least a header long (checked at creation and opening), page aligned, and lives as
        // long as `self`; `Header` is made of atomics only.
        unsafe { &*self.map.as_ptr().cast::<Header>() }
    }

    /// All records.
    pub(crate) fn gpus(&self) -> &[GpuRecord] {
        // SAFETY: the map holds `self.gpus` records behind the header (checked), whose size is a multiple of the
        // records' alignment; `GpuRecord` is made of atomics only.
        unsafe {
            let first = self.map.as_ptr().add(size_of::<Header>()).cast::<GpuRecord>();
            std::slice::from_raw_parts(first, self.gpus)
        }
    }

    /// One record.
    pub(crate) fn gpu(&self, gpu: usize) -> Option<&GpuRecord> {
        self.gpus().get(gpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_begin_on_cache_lines() {
        assert_eq!(size_of::<Header>() % align_of::<GpuRecord>(), 0);
        assert_eq!(size_of::<GpuRecord>() % 128, 0);
        assert_eq!(std::mem::offset_of!(GpuRecord, outputs) % 64, 0);
        assert_eq!(std::mem::offset_of!(GpuRecord, inputs) % 64, 0);
    }
}
