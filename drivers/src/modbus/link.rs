//! One connection to one device: one request in flight, a deadline on each, replies checked.
//!
//! Responsible for: connecting with back-off, the pause between requests, and dropping the connection whenever
//! a reply is late, malformed, of another unit or of the wrong length, so that no late reply can ever be taken
//! for the answer to the next request. Not for: what is read or written, nor the bytes of it (`frame`, `wire`).
//!
//! ```text
//!            connect                      answer or exception
//!  [waiting] -------> [up] -- request --> [up]
//!      ^                |  late, foreign, half, closed, unasked
//!      +--- back-off ---+
//! ```

use super::frame::{Ask, Exchange, Framing, Wrong};
use super::plan::{Block, is_bits};
use super::wire::{Wire, WireError};
use crate::backoff::Backoff;
use headroom_site::Reason;
use headroom_site::model::{ModbusSpec, RegisterSpace, Transport};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    /// The device answered with an exception; the connection stands.
    #[error("exception {0}")]
    Exception(u8),
    /// No usable answer; the connection is gone.
    #[error("{0}")]
    Broken(String),
    /// Not connected, and it is not yet time to try again.
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

/// How one attempt at a request failed.
enum Attempt {
    /// The connection had been closed before anything was sent.
    Gone,
    Failed(LinkError),
}

/// The connection.
pub(super) struct Link {
    address: String,
    transport: Transport,
    unit: u8,
    deadline: Duration,
    min_gap: Duration,
    wire: Option<Wire>,
    transaction: u16,
    last: Instant,
    retry_at: Instant,
    backoff: Backoff,
    /// Connections made.
    pub(super) connects: u64,
    /// Requests sent.
    pub(super) requests: u64,
}

impl Link {
    /// Deadlines and pauses are wall time: they belong to the wire and the device, not to the plant.
    pub(super) fn new(spec: &ModbusSpec) -> Self {
        let wall = |span: headroom_site::Span| Duration::from_nanos(span.ns().max(0).cast_unsigned());
        let now = Instant::now();
        Self {
            address: spec.address.clone(),
            transport: spec.transport.clone(),
            unit: spec.unit,
            deadline: wall(spec.timeout).max(Duration::from_millis(1)),
            min_gap: wall(spec.min_gap),
            wire: None,
            transaction: 0,
            last: now,
            retry_at: now,
            backoff: Backoff::new(),
            connects: 0,
            requests: 0,
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.wire.is_some()
    }

    async fn connect(&mut self) -> Result<(), LinkError> {
        if Instant::now() < self.retry_at {
            return Err(LinkError::Waiting);
        }
        match timeout(self.deadline, Wire::open(&self.transport, &self.address)).await {
            Ok(Ok(wire)) => self.wire = Some(wire),
            Ok(Err(e)) => return Err(self.broken(e.to_string())),
            Err(_) => return Err(self.broken(format!("{} does not accept the connection", self.address))),
        }
        self.connects += 1;
        Ok(())
    }

    /// Drops the connection: whatever still comes on it, nobody will read.
    fn broken(&mut self, why: String) -> LinkError {
        self.wire = None;
        self.retry_at = Instant::now() + self.backoff.next_wait();
        LinkError::Broken(why)
    }

    /// Sends a request and waits for its answer: a word per register or bit read, nothing for a write.
    async fn call(&mut self, ask: &Ask) -> Result<Vec<u16>, LinkError> {
        match self.attempt(ask).await {
            // Devices close connections that are idle for long: that is no trouble, once.
            Err(Attempt::Gone) => {
                self.wire = None;
                match self.attempt(ask).await {
                    Err(Attempt::Gone) => Err(self.broken(WireError::Gone.to_string())),
                    Err(Attempt::Failed(e)) => Err(e),
                    Ok(words) => Ok(words),
                }
            }
            Err(Attempt::Failed(e)) => Err(e),
            Ok(words) => Ok(words),
        }
    }

    async fn attempt(&mut self, ask: &Ask) -> Result<Vec<u16>, Attempt> {
        if self.wire.is_none() {
            self.connect().await.map_err(Attempt::Failed)?;
        }
        let pause = self.min_gap.saturating_sub(self.last.elapsed());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let Some(wire) = self.wire.as_mut() else { return Err(Attempt::Failed(LinkError::Waiting)) };
        self.requests += 1;
        self.transaction = self.transaction.wrapping_add(1);
        let framing = match self.transport {
            Transport::Tcp | Transport::Tls(_) => Framing::Tcp,
            Transport::RtuOverTcp => Framing::Rtu,
        };
        let exchange = Exchange { framing, transaction: self.transaction, unit: self.unit, ask };
        let answer = timeout(self.deadline, wire.exchange(&exchange)).await;
        self.last = Instant::now();
        let failed = match answer {
            Err(_) => self.broken(format!("no answer within {:?}", self.deadline)),
            Ok(Err(WireError::Gone)) => return Err(Attempt::Gone),
            Ok(Err(WireError::Wrong(Wrong::Exception(code)))) => {
                self.backoff.reset();
                LinkError::Exception(code)
            }
            Ok(Err(e)) => self.broken(e.to_string()),
            Ok(Ok(words)) => {
                self.backoff.reset();
                return Ok(words);
            }
        };
        Err(Attempt::Failed(failed))
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
