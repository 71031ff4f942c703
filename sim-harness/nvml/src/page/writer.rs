//! The world's side of the page.

use super::config::{GpuConfig, PageConfig};
use super::map::Page;
use super::record::{GpuOutputs, GpuRequests};
use super::{PageError, record::Identity, text::Text};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

/// Owns a page: publishes what GPUs show, reads what was asked of them, plays the driver's faults.
///
/// Every method takes `&self` and is one or a few relaxed stores; a GPU that does not exist is ignored (reads
/// answer `None`).
pub struct PageWriter {
    page: Page,
}

fn fits<const W: usize>(_: &Text<W>, text: &str) -> Result<(), PageError> {
    // One byte stays for C's closing zero.
    if text.len() < Text::<W>::LEN {
        Ok(())
    } else {
        Err(PageError::TooLong(text.to_owned(), Text::<W>::LEN - 1))
    }
}

fn check(id: &Identity, gpu: &GpuConfig) -> Result<(), PageError> {
    fits(&id.uuid, &gpu.uuid)?;
    fits(&id.name, &gpu.name)?;
    fits(&id.serial, &gpu.serial)?;
    fits(&id.host, &gpu.host)
}

impl PageWriter {
    /// Makes a page at `path`. It appears there complete or not at all (built beside, then renamed); whoever had
    /// the old file mapped keeps the old one.
    ///
    /// # Errors
    /// [`PageError`] if the file cannot be made or a text is too long.
    pub fn create(path: &Path, config: &PageConfig) -> Result<Self, PageError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = std::path::PathBuf::from(temporary);
        let built = Self::build(&temporary, config).and_then(|writer| {
            std::fs::rename(&temporary, path).map_err(|e| PageError::Io(path.to_owned(), e))?;
            Ok(writer)
        });
        if built.is_err() {
            // Best effort: the error worth telling is the one that is there already.
            let _ = std::fs::remove_file(&temporary);
        }
        built
    }

    fn build(path: &Path, config: &PageConfig) -> Result<Self, PageError> {
        let page = Page::create(path, config.gpus.len())?;
        fits(&page.header().driver_version, &config.driver_version)?;
        page.header().driver_version.set(&config.driver_version);
        for (record, gpu) in page.gpus().iter().zip(&config.gpus) {
            check(&record.identity, gpu)?;
            record.initialise(gpu);
        }
        page.finish();
        Ok(Self { page })
    }

    /// GPUs on the page.
    #[must_use]
    pub fn gpu_count(&self) -> usize {
        self.page.gpus().len()
    }

    /// Publishes what a GPU shows now, and adds its instant power to the sample ring.
    pub fn publish(&self, gpu: usize, outputs: &GpuOutputs) {
        if let Some(record) = self.page.gpu(gpu) {
            record.outputs.store(outputs);
            record.ring.push(outputs.stamp_us, outputs.power_instant_mw);
        }
    }

    /// What was asked of a GPU.
    #[must_use]
    pub fn requests(&self, gpu: usize) -> Option<GpuRequests> {
        self.page.gpu(gpu).map(super::record::GpuRecord::requests)
    }

    /// GPUs are enumerated anew: two of the same product change places, and take what was asked of them along.
    pub fn exchange(&self, a: usize, b: usize) {
        if let (Some(a), Some(b)) = (self.page.gpu(a), self.page.gpu(b)) {
            a.exchange(b);
        }
    }

    /// `false`: the GPU falls off the bus, every call on it answers `GPU_IS_LOST`.
    pub fn set_present(&self, gpu: usize, present: bool) {
        if let Some(record) = self.page.gpu(gpu) {
            record.control.present.store(u32::from(present), Relaxed);
        }
    }

    /// Replaces the GPU's [`super::quirk`] bits.
    pub fn set_quirks(&self, gpu: usize, quirks: u32) {
        if let Some(record) = self.page.gpu(gpu) {
            record.control.quirks.store(quirks, Relaxed);
        }
    }

    /// Makes every call on this GPU take at least so long, us.
    pub fn set_call_delay_us(&self, gpu: usize, delay_us: u32) {
        if let Some(record) = self.page.gpu(gpu) {
            record.control.call_delay_us.store(delay_us, Relaxed);
        }
    }

    /// A limit set out of band, mW; the lowest limit wins.
    pub fn set_oob_limit_mw(&self, gpu: usize, limit_mw: Option<u32>) {
        if let Some(record) = self.page.gpu(gpu) {
            record.control.oob_limit_mw.store(limit_mw.unwrap_or(u32::MAX), Relaxed);
        }
    }

    /// Nails the enforced limit down, mW: it no longer follows what is asked.
    pub fn set_stuck_limit_mw(&self, gpu: usize, limit_mw: Option<u32>) {
        if let Some(record) = self.page.gpu(gpu) {
            record.control.stuck_limit_mw.store(limit_mw.unwrap_or(0), Relaxed);
        }
    }

    /// What a driver reload does to a GPU: limit, lock and persistence are back at their defaults. (The counters
    /// are the world's: publish them from zero.)
    pub fn reload_driver(&self, gpu: usize) {
        if let Some(record) = self.page.gpu(gpu) {
            record.forget_requests();
        }
    }
}
