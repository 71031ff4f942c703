//! What can go wrong with NVML, with its remedy where there is one.

use nvml_wrapper::error::NvmlError as Call;

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum NvmlError {
    /// The library could not be loaded, or the driver does not run.
    #[error(
        "no NVML: tried `{tried}`: {source}; install and load the NVIDIA driver, or name the library with --nvml"
    )]
    NoDriver {
        /// Library that was tried.
        tried: String,
        /// What the loader or the driver said.
        source: Call,
    },
    /// No such GPU under this driver.
    #[error("{0}: this driver has no such GPU")]
    UnknownGpu(String),
    /// The GPU fell off the bus.
    #[error("{0}: fell off the bus; the node has to be drained and the GPU reset")]
    Lost(String),
    /// The handle turned out to be another board.
    #[error("{expected}: the handle belongs to {found} now; nothing was written")]
    WrongBoard {
        /// UUID that was meant.
        expected: String,
        /// UUID found there.
        found: String,
    },
    /// The limit lies outside what the board takes.
    #[error("{uuid}: {asked_mw} mW is outside {min_mw}..{max_mw} mW")]
    OutOfRange {
        /// The GPU.
        uuid: String,
        /// Asked for.
        asked_mw: u32,
        /// Lowest.
        min_mw: u32,
        /// Highest.
        max_mw: u32,
    },
    /// Setting needs root or CAP_SYS_ADMIN.
    #[error("{uuid}: {what} was denied; limits and locks need root or CAP_SYS_ADMIN")]
    NoPermission {
        /// The GPU.
        uuid: String,
        /// What was tried.
        what: &'static str,
    },
    /// Any other answer of the driver.
    #[error("{uuid}: {what}: {source}")]
    Call {
        /// The GPU.
        uuid: String,
        /// What was tried.
        what: &'static str,
        /// The driver's answer.
        source: Call,
    },
}

impl NvmlError {
    /// Gives a driver's answer its GPU and its occasion.
    pub(super) fn from_call(uuid: &str, what: &'static str, source: Call) -> Self {
        let uuid = uuid.to_owned();
        match source {
            Call::GpuLost => Self::Lost(uuid),
            Call::NotFound => Self::UnknownGpu(uuid),
            Call::NoPermission => Self::NoPermission { uuid, what },
            source => Self::Call { uuid, what, source },
        }
    }

    /// True if the driver does not offer the call on this board.
    #[must_use]
    pub fn is_not_supported(&self) -> bool {
        matches!(self, Self::Call { source: Call::NotSupported | Call::FailedToLoadSymbol(_), .. })
    }
}
