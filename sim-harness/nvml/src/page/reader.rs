//! A look at the page without NVML, for tests and tools.

use super::PageError;
use super::map::Page;
use super::record::{GpuOutputs, GpuRequests};
use std::path::Path;

/// A page opened for looking.
pub struct PageReader {
    page: Page,
}

impl PageReader {
    /// Opens a finished page.
    ///
    /// # Errors
    /// [`PageError`] if there is no such file or it is no page of this layout.
    pub fn open(path: &Path) -> Result<Self, PageError> {
        Page::open(path).map(|page| Self { page })
    }

    /// GPUs on the page.
    #[must_use]
    pub fn gpu_count(&self) -> usize {
        self.page.gpus().len()
    }

    /// The driver version the page claims.
    #[must_use]
    pub fn driver_version(&self) -> String {
        self.page.header().driver_version.get()
    }

    /// UUID of a GPU.
    #[must_use]
    pub fn uuid(&self, gpu: usize) -> Option<String> {
        self.page.gpu(gpu).map(|g| g.identity.uuid.get())
    }

    /// Host of a GPU.
    #[must_use]
    pub fn host(&self, gpu: usize) -> Option<String> {
        self.page.gpu(gpu).map(|g| g.identity.host.get())
    }

    /// What a GPU shows.
    #[must_use]
    pub fn outputs(&self, gpu: usize) -> Option<GpuOutputs> {
        self.page.gpu(gpu).map(|g| g.outputs.load())
    }

    /// What was asked of a GPU.
    #[must_use]
    pub fn requests(&self, gpu: usize) -> Option<GpuRequests> {
        self.page.gpu(gpu).map(super::record::GpuRecord::requests)
    }
}
