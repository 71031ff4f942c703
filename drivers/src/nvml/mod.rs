//! NVIDIA GPUs of this host, through NVML.
//!
//! Responsible for: finding the GPUs by UUID, one look at each ([`NvmlHost::sample`]), setting and reading back power
//! limits and clock locks, and the file that remembers what was found before the first write ([`persist`]).
//!
//! Not for: when to sample or write, leases, or what a cap should be. Calls may block (a sick GPU has been seen to
//! hold one for 45 s): use this from a thread of its own, never from an async worker.

mod boards;
mod error;
pub mod persist;
mod raw;
mod sample;

pub use boards::Boards;
pub use error::NvmlError;
pub use sample::Quantity;

use headroom_site::{GpuSample, Quality, Stamp};
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::GpuLockedClocksSetting;
use nvml_wrapper::error::NvmlError as Call;
use raw::{Handle, Library};
use std::ffi::OsStr;
use std::path::Path;

/// The library as the dynamic loader knows it.
const DEFAULT_LIBRARY: &str = "libnvidia-ml.so.1";

/// The limits of one board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lowest settable power limit, mW.
    pub min_mw: u32,
    /// Highest settable power limit, mW.
    pub max_mw: u32,
    /// Limit after a driver load, mW.
    pub default_mw: u32,
    /// Limit asked for last by anybody, mW.
    pub requested_mw: u32,
    /// Limit in force, mW.
    pub enforced_mw: u32,
    /// Highest SM clock, MHz.
    pub max_sm_mhz: u32,
}

struct Board {
    uuid: String,
    handle: Handle,
    qualities: sample::Qualities,
}

/// The GPUs of this host.
pub struct NvmlHost {
    library: Library,
    boards: Vec<Board>,
    silent: Vec<(u32, NvmlError)>,
}

impl NvmlHost {
    /// Opens NVML (`lib`, or the system's) and finds the GPUs. A GPU that does not answer is left out, see
    /// [`Self::silent`].
    ///
    /// # Errors
    /// [`NvmlError::NoDriver`] if the library cannot be loaded or the driver does not run.
    pub fn open(lib: Option<&Path>) -> Result<Self, NvmlError> {
        let path = lib.map_or(OsStr::new(DEFAULT_LIBRARY), Path::as_os_str);
        let no_driver = |source| NvmlError::NoDriver { tried: path.to_string_lossy().into_owned(), source };
        let library = Library::open(path).map_err(no_driver)?;
        let count = library.nvml().device_count().map_err(no_driver)?;
        let (mut boards, mut silent) = (Vec::new(), Vec::new());
        for index in 0..count {
            let found = library.handle_at(index).and_then(|handle| {
                library.device(handle).uuid().map(|uuid| Board { uuid, handle, qualities: sample::NEVER })
            });
            match found {
                Ok(board) => boards.push(board),
                Err(call) => {
                    silent.push((index, NvmlError::from_call(&format!("GPU {index}"), "finding it", call)));
                }
            }
        }
        Ok(Self { library, boards, silent })
    }

    /// Version of the driver; empty if it does not say.
    #[must_use]
    pub fn driver_version(&self) -> String {
        self.library.nvml().sys_driver_version().unwrap_or_default()
    }

    /// UUIDs of the GPUs, in the order in which [`Self::sample`] counts them.
    pub fn uuids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.boards.iter().map(|board| board.uuid.as_str())
    }

    /// Index of the GPU with this UUID.
    #[must_use]
    pub fn index(&self, uuid: &str) -> Option<usize> {
        self.boards.iter().position(|board| board.uuid == uuid)
    }

    /// GPUs that did not answer when they were looked for: driver index and reason.
    #[must_use]
    pub fn silent(&self) -> &[(u32, NvmlError)] {
        &self.silent
    }

    /// One look at one GPU. What the driver does not offer is `None`; [`Self::quality`] says why. `now` stamps values
    /// whose driver gives no time.
    ///
    /// # Errors
    /// [`NvmlError`] if the GPU as a whole does not answer.
    pub fn sample(&mut self, gpu: usize, now: Stamp) -> Result<GpuSample, NvmlError> {
        let unknown = || NvmlError::UnknownGpu(format!("GPU {gpu}"));
        let board = self.boards.get_mut(gpu).ok_or_else(unknown)?;
        sample::take(&self.library, board.handle, now, &mut board.qualities).map_err(|call| {
            let reason = if matches!(call, Call::GpuLost) {
                headroom_site::Reason::NoCommunication
            } else {
                headroom_site::Reason::DeviceFailure
            };
            board.qualities = [Quality::Bad(reason); Quantity::ALL.len()];
            NvmlError::from_call(&board.uuid, "reading fields", call)
        })
    }

    /// Quality of a quantity at the last look.
    #[must_use]
    pub fn quality(&self, gpu: usize, of: Quantity) -> Quality {
        let never = Quality::Bad(headroom_site::Reason::NeverSeen);
        self.boards.get(gpu).and_then(|board| board.qualities.get(of as usize)).map_or(never, |q| *q)
    }

    /// Looks again for a GPU that did not answer when the host was opened; true if it is there now.
    pub fn meet(&mut self, uuid: &str) -> bool {
        if self.index(uuid).is_some() {
            return true;
        }
        let Ok(handle) = self.library.handle_of(uuid) else { return false };
        self.boards.push(Board { uuid: uuid.to_owned(), handle, qualities: sample::NEVER });
        true
    }

    /// The limits of a GPU now.
    ///
    /// # Errors
    /// [`NvmlError`] if the board is another one now, or does not answer.
    pub fn limits(&mut self, uuid: &str) -> Result<Limits, NvmlError> {
        let handle = self.checked(uuid)?;
        let device = self.library.device(handle);
        let read = || {
            let range = device.power_management_limit_constraints()?;
            Ok(Limits {
                min_mw: range.min_limit,
                max_mw: range.max_limit,
                default_mw: device.power_management_limit_default()?,
                requested_mw: device.power_management_limit()?,
                enforced_mw: device.enforced_power_limit()?,
                max_sm_mhz: device.max_clock_info(Clock::SM)?,
            })
        };
        read().map_err(|call| NvmlError::from_call(uuid, "reading limits", call))
    }

    /// Sets the power limit, mW, and returns the one in force afterwards: the lowest of all who have a say, so it may
    /// be another. Asking is not getting; compare.
    ///
    /// # Errors
    /// [`NvmlError`] if the board is another one now, the value is out of range, or the driver refuses.
    pub fn set_cap(&mut self, uuid: &str, cap_mw: u32) -> Result<u32, NvmlError> {
        let handle = self.checked(uuid)?;
        let mut device = self.library.device(handle);
        if let Err(call) = device.set_power_management_limit(cap_mw) {
            if let (Call::InvalidArg, Ok(range)) = (&call, device.power_management_limit_constraints()) {
                let (min_mw, max_mw) = (range.min_limit, range.max_limit);
                return Err(NvmlError::OutOfRange {
                    uuid: uuid.to_owned(),
                    asked_mw: cap_mw,
                    min_mw,
                    max_mw,
                });
            }
            return Err(NvmlError::from_call(uuid, "setting the power limit", call));
        }
        device
            .enforced_power_limit()
            .map_err(|call| NvmlError::from_call(uuid, "reading the limit back", call))
    }

    /// Locks the SM clock between two frequencies, MHz. NVML has no getter for a lock; the clock itself has to show it.
    ///
    /// # Errors
    /// [`NvmlError`] if the board is another one now or the driver refuses.
    pub fn set_lock(&mut self, uuid: &str, min_mhz: u32, max_mhz: u32) -> Result<(), NvmlError> {
        let handle = self.checked(uuid)?;
        let setting = GpuLockedClocksSetting::Numeric { min_clock_mhz: min_mhz, max_clock_mhz: max_mhz };
        let done = self.library.device(handle).set_gpu_locked_clocks(setting);
        done.map_err(|call| NvmlError::from_call(uuid, "locking the clock", call))
    }

    /// Unlocks the SM clock.
    ///
    /// # Errors
    /// [`NvmlError`] if the board is another one now or the driver refuses.
    pub fn reset_lock(&mut self, uuid: &str) -> Result<(), NvmlError> {
        let handle = self.checked(uuid)?;
        let done = self.library.device(handle).reset_gpu_locked_clocks();
        done.map_err(|call| NvmlError::from_call(uuid, "unlocking the clock", call))
    }

    /// Keeps the driver loaded without clients, so that limits are not lost.
    ///
    /// # Errors
    /// [`NvmlError`] if the board is another one now or the driver refuses.
    pub fn set_persistence(&mut self, uuid: &str, on: bool) -> Result<(), NvmlError> {
        let handle = self.checked(uuid)?;
        let done = self.library.device(handle).set_persistent(on);
        done.map_err(|call| NvmlError::from_call(uuid, "setting persistence mode", call))
    }

    fn board(&self, uuid: &str) -> Result<&Board, NvmlError> {
        let found = self.boards.iter().find(|board| board.uuid == uuid);
        found.ok_or_else(|| NvmlError::UnknownGpu(uuid.to_owned()))
    }

    /// The board's handle, if it still is that board: looked up anew where it is not.
    fn checked(&mut self, uuid: &str) -> Result<Handle, NvmlError> {
        let handle = self.board(uuid)?.handle;
        let answer = |call| NvmlError::from_call(uuid, "checking its identity", call);
        if self.library.device(handle).uuid().map_err(answer)? == uuid {
            return Ok(handle);
        }
        let handle = self.library.handle_of(uuid).map_err(answer)?;
        let found = self.library.device(handle).uuid().map_err(answer)?;
        if found != uuid {
            return Err(NvmlError::WrongBoard { expected: uuid.to_owned(), found });
        }
        if let Some(board) = self.boards.iter_mut().find(|board| board.uuid == uuid) {
            board.handle = handle;
        }
        Ok(handle)
    }
}
