//! The clock page: a seqlock over eight words of shared memory, one writer, any number of readers.
//!
//! Words: 0 magic, 1 layout version, 2 sequence (odd while being written), 3 monotonic epoch ns, 4 TAI epoch
//! ns, 5 rate (f64 bits), 6 limit, TAI ns: plant time stands there until the writer moves it.

use super::sys::{self, Words};
use headroom_site::Stamp;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering, fence};

const MAGIC: u64 = u64::from_le_bytes(*b"HEADCLK\0");
const VERSION: u64 = 2;
const SEQUENCE: usize = 2;
const MONO: usize = 3;
const TAI: usize = 4;
const RATE: usize = 5;
const LIMIT: usize = 6;

/// Why there is no clock page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The file cannot be made, opened or mapped.
    #[error("clock page `{0}`: {1}")]
    Io(String, io::Error),
    /// The file is something else.
    #[error("`{0}` is not a clock page of this version")]
    NotAPage(String),
    /// The rate is negative or not a number.
    #[error("{0} is not a rate: give plant seconds per wall second, 0 or more")]
    Rate(f64),
}

/// A straight piece of plant time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Epoch {
    /// CLOCK_MONOTONIC at the epoch, ns.
    pub(super) mono_ns: u64,
    /// TAI at the epoch, ns.
    pub(super) tai_ns: i64,
    /// Plant seconds per wall second.
    pub(super) rate: f64,
    /// Plant time goes no further than this, TAI ns.
    pub(super) limit_ns: i64,
}

impl Epoch {
    /// Plant time (TAI ns) at a monotonic instant. Equation in the module head.
    pub(super) fn at(self, mono_ns: u64) -> i64 {
        let wall_ns = mono_ns.saturating_sub(self.mono_ns) as f64;
        // A limit behind the epoch does not turn plant time back.
        let limit_ns = self.limit_ns.max(self.tai_ns);
        self.tai_ns.saturating_add((wall_ns * self.rate) as i64).min(limit_ns)
    }

    fn words(words: &[AtomicU64; sys::WORDS]) -> Self {
        Self {
            mono_ns: words[MONO].load(Ordering::Relaxed),
            tai_ns: words[TAI].load(Ordering::Relaxed).cast_signed(),
            rate: f64::from_bits(words[RATE].load(Ordering::Relaxed)),
            limit_ns: words[LIMIT].load(Ordering::Relaxed).cast_signed(),
        }
    }

    /// The epoch and a monotonic instant at which it was in force: the instant is taken before the sequence
    /// is looked at again, and the writer takes its own after it has made the sequence odd. Otherwise an old,
    /// faster rate would be stretched past the change and plant time would seem to step back.
    fn load(words: &[AtomicU64; sys::WORDS]) -> (Self, u64) {
        loop {
            let before = words[SEQUENCE].load(Ordering::Acquire);
            let (epoch, mono_ns) = (Self::words(words), sys::monotonic_ns());
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && words[SEQUENCE].load(Ordering::Relaxed) == before {
                return (epoch, mono_ns);
            }
            std::hint::spin_loop();
        }
    }

    /// Replaces the epoch by what `next` makes of it and the present instant. Only the one writer calls this.
    fn replace(words: &[AtomicU64; sys::WORDS], next: impl FnOnce(Self, u64) -> Self) {
        let sequence = words[SEQUENCE].load(Ordering::Relaxed);
        words[SEQUENCE].store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let epoch = next(Self::words(words), sys::monotonic_ns());
        words[MONO].store(epoch.mono_ns, Ordering::Relaxed);
        words[TAI].store(epoch.tai_ns.cast_unsigned(), Ordering::Relaxed);
        words[RATE].store(epoch.rate.to_bits(), Ordering::Relaxed);
        words[LIMIT].store(epoch.limit_ns.cast_unsigned(), Ordering::Relaxed);
        words[SEQUENCE].store(sequence.wrapping_add(2), Ordering::Release);
    }
}

/// Reads a page.
#[derive(Debug)]
pub(super) struct Reader(Words);

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, PageError> {
        let name = || path.display().to_string();
        let words = File::open(path)
            .and_then(|file| Words::map(&file, false))
            .map_err(|e| PageError::Io(name(), e))?;
        let [magic, version, ..] = words.get();
        if magic.load(Ordering::Acquire) != MAGIC || version.load(Ordering::Relaxed) != VERSION {
            return Err(PageError::NotAPage(name()));
        }
        Ok(Self(words))
    }

    pub(super) fn read(&self) -> (Epoch, u64) {
        Epoch::load(self.0.get())
    }
}

/// Writes a page: the harness holds one.
#[derive(Debug)]
pub struct ClockPage(Words);

impl ClockPage {
    /// Makes the file and starts plant time at `start`, at `rate` plant seconds per wall second.
    ///
    /// # Errors
    /// The file cannot be made, or the rate is not one.
    pub fn create(path: &Path, start: Stamp, rate: f64) -> Result<Self, PageError> {
        check(rate)?;
        let words = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .and_then(|file| {
                file.set_len((sys::WORDS * size_of::<u64>()) as u64)?;
                Words::map(&file, true)
            })
            .map_err(|e| PageError::Io(path.display().to_string(), e))?;
        Epoch::replace(words.get(), |_, mono_ns| Epoch {
            mono_ns,
            tai_ns: start.tai_ns(),
            rate,
            limit_ns: i64::MAX,
        });
        words.get()[1].store(VERSION, Ordering::Relaxed);
        words.get()[0].store(MAGIC, Ordering::Release);
        Ok(Self(words))
    }

    /// Changes the rate from now on; plant time goes on from where it is. 0 stops it.
    ///
    /// # Errors
    /// The rate is negative or not a number.
    pub fn set_rate(&mut self, rate: f64) -> Result<(), PageError> {
        check(rate)?;
        Epoch::replace(self.0.get(), |old, mono_ns| Epoch { mono_ns, tai_ns: old.at(mono_ns), rate, ..old });
        Ok(())
    }

    /// Lets plant time go on to a limit (`None`: without one), where it stands until it gets another. Whoever is late,
    /// the writer included, makes plant time wait. From a limit it goes on without a jump.
    pub fn set_limit(&mut self, limit: Option<Stamp>) {
        let limit_ns = limit.map_or(i64::MAX, Stamp::tai_ns);
        Epoch::replace(self.0.get(), |old, mono_ns| Epoch {
            mono_ns,
            tai_ns: old.at(mono_ns),
            limit_ns,
            ..old
        });
    }
}

fn check(rate: f64) -> Result<(), PageError> {
    if rate.is_finite() && rate >= 0.0 { Ok(()) } else { Err(PageError::Rate(rate)) }
}
