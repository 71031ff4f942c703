//! The only unsafe part of the clock: two system calls, and a shared mapping seen as atomic words.

#![allow(unsafe_code)]

use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

/// Words of a clock page.
pub(super) const WORDS: usize = 8;

fn clock_ns(id: libc::clockid_t) -> i64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec to write to; the call keeps no pointer. It cannot fail for the three
    // clocks asked here, and if it did, `t` would stay zero.
    unsafe {
        libc::clock_gettime(id, &raw mut t);
    }
    t.tv_sec.saturating_mul(1_000_000_000).saturating_add(t.tv_nsec)
}

/// CLOCK_MONOTONIC, ns: the same for every process of the host.
pub(super) fn monotonic_ns() -> u64 {
    u64::try_from(clock_ns(libc::CLOCK_MONOTONIC)).unwrap_or(0)
}

/// CLOCK_BOOTTIME, ns: as CLOCK_MONOTONIC, and it goes on while the machine sleeps.
pub(crate) fn boot_ns() -> u64 {
    u64::try_from(clock_ns(libc::CLOCK_BOOTTIME)).unwrap_or(0)
}

/// CLOCK_REALTIME, Unix ns.
pub(super) fn realtime_ns() -> i64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// The kernel's estimate of the maximum error of CLOCK_REALTIME, ns; `None` if it is not synchronised.
pub(super) fn clock_error_ns() -> Option<i64> {
    // SAFETY: an all-zero `timex` is a valid value of that plain C structure, and modes = 0 only reads.
    let mut t: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `t` is valid to read and write for the length of the call, which keeps no pointer.
    let state = unsafe { libc::adjtimex(&raw mut t) };
    (state >= 0 && state != libc::TIME_ERROR && t.status & libc::STA_UNSYNC == 0)
        .then_some(t.maxerror.saturating_mul(1000))
}

/// A shared mapping of one clock page.
#[derive(Debug)]
pub(super) struct Words(MmapRaw);

impl Words {
    /// Maps the first words of a file, which must be that long.
    pub(super) fn map(file: &File, writable: bool) -> io::Result<Self> {
        let bytes = WORDS * size_of::<u64>();
        if file.metadata()?.len() < bytes as u64 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "shorter than a clock page"));
        }
        let mut options = MmapOptions::new();
        options.len(bytes);
        let map = if writable { options.map_raw(file)? } else { options.map_raw_read_only(file)? };
        Ok(Self(map))
    }

    /// The words. Loads are always allowed; stores only if the mapping is writable.
    pub(super) fn get(&self) -> &[AtomicU64; WORDS] {
        // SAFETY: the mapping is page-aligned, at least `WORDS * 8` bytes long and lives as long as `self`.
        // Any bit pattern is a valid `AtomicU64`, and every process touches the page only through atomics,
        // so there is no data race. Relaxed and acquire loads of aligned 64-bit words need no write access.
        unsafe { &*self.0.as_ptr().cast::<[AtomicU64; WORDS]>() }
    }
}
