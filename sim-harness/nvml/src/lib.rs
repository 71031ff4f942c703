//! The harness's NVML: a `libnvidia-ml.so` of our own, backed by a shared memory page.
//!
//! Responsible for: the part of NVML's C ABI that a power agent calls (`abi`, built as the cdylib), and the page
//! behind it ([`page`], used by the harness to publish what the simulated GPUs do and to read what was asked of
//! them). Whoever loads the library sees what a real driver shows: return codes per field, stamps, two field-id
//! schemes, limits that do not follow, GPUs that fall off the bus.
//!
//! Not for: physics (the world computes every number on the page), sensor models (lag, averaging and
//! quantisation happen before a value is written here), policy.
//!
//! The library reads three environment variables when it is initialised:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HEADROOM_NVML_PAGE` | path of the page; without it there is "no driver" |
//! | `HEADROOM_NVML_HOST` | show only the GPUs of this host; all of them when unset |
//! | `HEADROOM_NVML_DENY_WRITES` | `1`: every setter answers `NO_PERMISSION`, as for a caller who is not root |

mod abi;
pub mod page;

use std::path::PathBuf;

/// Name of the shared object that cargo builds from this crate.
pub const LIBRARY_NAME: &str = "libheadroom_nvml_abi.so";

/// Environment variable that names the page.
pub const PAGE_ENV: &str = "HEADROOM_NVML_PAGE";

/// Environment variable that selects the GPUs of one host.
pub const HOST_ENV: &str = "HEADROOM_NVML_HOST";

/// Environment variable that makes every setter answer `NO_PERMISSION` when it is `1`.
pub const DENY_WRITES_ENV: &str = "HEADROOM_NVML_DENY_WRITES";

/// Finds the shared object built from this crate, next to the running executable.
///
/// Cargo leaves it in `target/<profile>/deps` (and, for the crate itself, in `target/<profile>`); an installed
/// package keeps it in `lib/headroom` beside `bin`. Returns `None` when it is in none of these places.
#[must_use]
pub fn library_path() -> Option<PathBuf> {
    let exe = std::env::current_exe().ok()?;
    let dir = exe.parent()?;
    ["", "deps", "..", "../deps", "../lib/headroom"]
        .iter()
        .map(|place| dir.join(place).join(LIBRARY_NAME))
        .find(|path| path.is_file())
}
