//! The shared page: one header and one record per GPU, in a mapped file.
//!
//! Responsible for: the layout, mapping it, and typed views of it. The harness creates it ([`PageWriter`]),
//! publishes what the world computed and reads what NVML callers asked; tests and tools look at it with
//! [`PageReader`]; the NVML library maps the same file.
//!
//! Not for: consistency across fields. Every field is an atomic of its own, as every NVML getter is a call of its
//! own; nobody waits for anybody. Only the power-sample ring guards its slots (see `record::Ring`).

mod config;
mod map;
mod reader;
pub(crate) mod record;
mod text;
mod writer;

pub use config::{GpuConfig, PageConfig, Thresholds, quirk};
pub(crate) use map::Page;
pub use reader::PageReader;
pub use record::{GpuOutputs, GpuRequests, RING_SLOTS};
pub use writer::PageWriter;

use std::path::PathBuf;

/// Why a page could not be made or opened.
#[derive(Debug)]
pub enum PageError {
    /// The file could not be created, opened or mapped.
    Io(PathBuf, std::io::Error),
    /// The file is no page of this layout.
    Layout(PathBuf, &'static str),
    /// A text does not fit its place on the page; which one, and how many bytes there are.
    TooLong(String, usize),
}

impl std::fmt::Display for PageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "NVML page {}: {error}", path.display()),
            Self::Layout(path, why) => write!(f, "NVML page {}: {why}", path.display()),
            Self::TooLong(text, max) => {
                write!(f, "'{text}' is longer than the {max} bytes it has on the page")
            }
        }
    }
}

impl std::error::Error for PageError {}
