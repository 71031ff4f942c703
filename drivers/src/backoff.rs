//! How long to wait before the next attempt to connect: 0.2 s doubling to 30 s, with jitter, wall time.
//!
//! The jitter keeps a thousand clients from coming back in the same millisecond after a broker's restart. It is
//! the only randomness in the drivers, and nothing but the moment of a reconnect depends on it.

use std::time::Duration;

pub(crate) const MIN: Duration = Duration::from_millis(200);
pub(crate) const MAX: Duration = Duration::from_secs(30);

/// A wait that grows.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    seed: u64,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_nanos() as u64);
        Self { next: MIN, seed: (nanos ^ u64::from(std::process::id()).rotate_left(32)) | 1 }
    }

    /// The peer has proved itself.
    pub(crate) fn reset(&mut self) {
        self.next = MIN;
    }

    /// A wait between half and all of the present one, which then doubles (xorshift64).
    pub(crate) fn next_wait(&mut self) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let part = 0.5 + 0.5 * (self.seed >> 11) as f64 / (1_u64 << 53) as f64;
        let wait = self.next.mul_f64(part);
        self.next = (self.next * 2).min(MAX);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_end_with_jitter_and_starts_anew() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..1000).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= MIN / 2 && waits[0] <= MIN);
        let late = &waits[20..];
        assert!(late.iter().all(|w| *w >= MAX / 2 && *w <= MAX));
        assert!(late.iter().max().unwrap().as_secs() - late.iter().min().unwrap().as_secs() > 10);
        backoff.reset();
        assert!(backoff.next_wait() <= MIN);
    }
}
