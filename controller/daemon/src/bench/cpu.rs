//! Time that this thread had a processor.
//!
//! Responsible for: timing single calls of milliseconds on a machine that does other things as well. Not for: time of the plant.

#![allow(unsafe_code)]

/// Nanoseconds of processor time of this thread.
pub(super) fn thread_ns() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call fills; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}
