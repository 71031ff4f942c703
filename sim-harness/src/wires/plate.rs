//! What the world thread and the servers share.
//!
//! One lock, held for microseconds: the world swaps values in, a Modbus request or a page reads a few.
//! Nothing under it waits for a socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::desk::modbus::Bank;
use crate::engine::Histogram;
use crate::image::Image;

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobKind {
    /// Answers requests.
    #[default]
    Serving,
    /// Trains in synchronous steps.
    Training,
}

/// What an inference engine tells about itself; of a training job only the generation counter counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobStats {
    /// Job id.
    pub job: String,
    /// Model name.
    pub model_name: String,
    /// What it is.
    pub kind: JobKind,
    /// Prompt tokens worked off since the start.
    pub prompt_tokens: f64,
    /// Tokens produced since the start; of a training job, tokens trained on.
    pub generation_tokens: f64,
    /// Requests in the batch now.
    pub requests_running: f64,
    /// Requests waiting now.
    pub requests_waiting: f64,
    /// Times to the first token since the start.
    pub first_token: Histogram,
    /// Times from one token to the next since the start.
    pub inter_token: Histogram,
}

/// The shared state.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// The BMS image.
    pub image: Image,
    /// Register images of the Modbus devices.
    pub banks: Vec<Bank>,
    /// Jobs for the metrics page.
    pub jobs: Vec<JobStats>,
    /// Plant time, ms since the epoch.
    pub now_ms: i64,
}

/// Handle to the shared state; clones share it.
#[derive(Debug, Clone)]
pub struct Plate {
    shared: Arc<Mutex<Shared>>,
    longest: Arc<Mutex<Duration>>,
}

impl Plate {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(Mutex::new(shared)), longest: Arc::default() }
    }

    /// Works on the shared state. Short, and without waiting for anything.
    pub fn with<R>(&self, work: impl FnOnce(&mut Shared) -> R) -> R {
        let mut shared = self.lock();
        let start = Instant::now();
        let result = work(&mut shared);
        let held = start.elapsed();
        drop(shared);
        let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = longest.max(held);
        result
    }

    /// Longest time the lock was held so far.
    pub fn longest_hold(&self) -> Duration {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
