//! The NVML driver against the harness's library: a real shared object, loaded by path.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
mod reading;
mod writing;
