//! What an agent asks of the GPUs of its host, so that a scripted host can stand in for the driver.

use super::{Limits, NvmlError, NvmlHost};
use headroom_site::{GpuSample, Stamp};
use std::time::Instant;

/// The GPUs of a host. Calls may block.
pub trait Boards {
    /// The instant that calls are timed with.
    fn instant(&self) -> Instant {
        Instant::now()
    }
    /// Index of the GPU with this UUID.
    fn index(&self, uuid: &str) -> Option<usize>;
    /// See [`NvmlHost::meet`].
    fn meet(&mut self, uuid: &str) -> bool;
    /// See [`NvmlHost::sample`].
    ///
    /// # Errors
    /// [`NvmlError`] if the GPU as a whole does not answer.
    fn sample(&mut self, gpu: usize, now: Stamp) -> Result<GpuSample, NvmlError>;
    /// See [`NvmlHost::limits`].
    ///
    /// # Errors
    /// [`NvmlError`] if it does not answer.
    fn limits(&mut self, uuid: &str) -> Result<Limits, NvmlError>;
    /// See [`NvmlHost::set_cap`].
    ///
    /// # Errors
    /// [`NvmlError`] if it is not set.
    fn set_cap(&mut self, uuid: &str, cap_mw: u32) -> Result<u32, NvmlError>;
    /// See [`NvmlHost::set_lock`].
    ///
    /// # Errors
    /// [`NvmlError`] if it is not set.
    fn set_lock(&mut self, uuid: &str, min_mhz: u32, max_mhz: u32) -> Result<(), NvmlError>;
    /// See [`NvmlHost::reset_lock`].
    ///
    /// # Errors
    /// [`NvmlError`] if it is not reset.
    fn reset_lock(&mut self, uuid: &str) -> Result<(), NvmlError>;
}

impl Boards for NvmlHost {
    fn index(&self, uuid: &str) -> Option<usize> {
        self.index(uuid)
    }

    fn meet(&mut self, uuid: &str) -> bool {
        self.meet(uuid)
    }

    fn sample(&mut self, gpu: usize, now: Stamp) -> Result<GpuSample, NvmlError> {
        self.sample(gpu, now)
    }

    fn limits(&mut self, uuid: &str) -> Result<Limits, NvmlError> {
        self.limits(uuid)
    }

    fn set_cap(&mut self, uuid: &str, cap_mw: u32) -> Result<u32, NvmlError> {
        self.set_cap(uuid, cap_mw)
    }

    fn set_lock(&mut self, uuid: &str, min_mhz: u32, max_mhz: u32) -> Result<(), NvmlError> {
        self.set_lock(uuid, min_mhz, max_mhz)
    }

    fn reset_lock(&mut self, uuid: &str) -> Result<(), NvmlError> {
        self.reset_lock(uuid)
    }
}
