//! One unit on its line: its deadlines, its own back-off, and what its troubles mean for what was to be read.
//!
//! Not for: the connection, which other units may share (`line`), nor what is read or written.
//!
//! ```text
//!                              answer, exception
//!  [asked] -------------------------------------------> [asked]
//!     |  late, foreign, half: 0.2 s doubling to 30 s
//!     +---------------------> [left alone] -----------> [asked]
//! ```

use super::frame::Ask;
use super::line::{Line, LineError, Terms};
use super::plan::{Block, is_bits};
use crate::Clock;
use crate::backoff::Backoff;
use headroom_site::model::{ModbusSpec, RegisterSpace};
use headroom_site::{Reason, Stamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    /// The device answered with an exception; the connection stands.
    #[error("exception {0}")]
    Exception(u8),
    /// No usable answer; the connection is gone.
    #[error("{0}")]
    Broken(String),
    /// Not connected or left alone, and it is not yet time to try again.
    #[error("not connected")]
    Waiting,
}

impl LinkError {
    /// The quality reason for what was to be read (facts of the protocol: 10, 11 and 6 mean that this unit does
    /// not answer, 1 to 3 that it does not have this).
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Exception(1..=3) => Reason::NotSupported,
            Self::Exception(5 | 6 | 10 | 11) | Self::Broken(_) | Self::Waiting => Reason::NoCommunication,
            Self::Exception(_) => Reason::DeviceFailure,
        }
    }

    /// True if the device refuses an address (or a length) rather than to answer at all.
    pub(super) const fn refuses_address(&self) -> bool {
        matches!(self, Self::Exception(2 | 3))
    }
}

/// A unit and its way to it.
pub(super) struct Link {
    line: Arc<Line>,
    clock: Clock,
    terms: Terms,
    retry_at: Instant,
    backoff: Backoff,
    /// When the last question went out.
    asked: Stamp,
    /// Requests sent.
    pub(super) requests: u64,
}

impl Link {
    /// Deadlines and pauses are wall time: they belong to the wire and the device, not to the plant.
    pub(super) fn new(spec: &ModbusSpec, line: Arc<Line>, clock: Clock) -> Self {
        let wall = |span: headroom_site::Span| Duration::from_nanos(span.ns().max(0).cast_unsigned());
        let deadline = wall(spec.timeout).max(Duration::from_millis(1));
        let asked = clock.now();
        Self {
            line,
            clock,
            terms: Terms { unit: spec.unit, deadline, min_gap: wall(spec.min_gap) },
            retry_at: Instant::now(),
            backoff: Backoff::new(),
            asked,
            requests: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.line.is_up()
    }

    /// Connections made, by whichever unit of the line.
    pub(super) fn connects(&self) -> u64 {
        self.line.connects()
    }

    /// When the last question went out: waiting for a turn and for the connection is over then.
    pub(super) const fn asked(&self) -> Stamp {
        self.asked
    }

    /// Sends a request and waits for its answer: a word per register or bit read, nothing for a write.
    async fn call(&mut self, ask: &Ask) -> Result<Vec<u16>, LinkError> {
        if Instant::now() < self.retry_at {
            return Err(LinkError::Waiting);
        }
        self.asked = self.clock.now();
        let (clock, asked, requests) = (&self.clock, &mut self.asked, &mut self.requests);
        let sent = || {
            *asked = clock.now();
            *requests += 1;
        };
        let failed = match self.line.ask(self.terms, ask, sent).await {
            Ok(words) => {
                self.backoff.reset();
                return Ok(words);
            }
            Err(LineError::Exception(code)) => {
                self.backoff.reset();
                return Err(LinkError::Exception(code));
            }
            Err(LineError::Waiting) => return Err(LinkError::Waiting),
            // The line has its own back-off toward an address that does not let us in.
            Err(e @ (LineError::Closed(_) | LineError::Shut(_))) => {
                return Err(LinkError::Broken(e.to_string()));
            }
            Err(e @ (LineError::Late(_) | LineError::Broken(_))) => e,
        };
        self.retry_at = Instant::now() + self.backoff.next_wait();
        Err(LinkError::Broken(failed.to_string()))
    }

    /// Reads a block: one word per register, or per bit.
    pub(super) async fn read(&mut self, block: &Block) -> Result<Vec<u16>, LinkError> {
        self.call(&Ask::block(block)).await
    }

    /// Writes a coil (FC5).
    pub(super) async fn write_coil(&mut self, address: u16, on: bool) -> Result<(), LinkError> {
        self.call(&Ask::WriteCoil(address, on)).await.map(drop)
    }

    /// Writes registers (FC16).
    pub(super) async fn write_many(&mut self, address: u16, words: &[u16]) -> Result<(), LinkError> {
        self.call(&Ask::WriteMany(address, words.to_vec())).await.map(drop)
    }

    /// Writes one register (FC6).
    pub(super) async fn write_one(&mut self, address: u16, word: u16) -> Result<(), LinkError> {
        self.call(&Ask::WriteOne(address, word)).await.map(drop)
    }
}

/// A block of one register.
pub(super) fn single(space: RegisterSpace, start: u16, width: u16) -> Block {
    Block { space, start, count: if is_bits(space) { 1 } else { width }, registers: Vec::new() }
}
