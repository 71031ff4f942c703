//! One TCP connection to one device: one request in flight, a deadline on each, replies checked.
//!
//! Responsible for: connecting with back-off, the pause between requests, and dropping the connection whenever
//! a reply is late, malformed, of another unit or of the wrong length, so that no late reply can ever be taken
//! for the answer to the next request. Not for: what is read or written.

use super::plan::{Block, is_bits};
use crate::backoff::Backoff;
use headroom_site::Reason;
use headroom_site::model::{ModbusSpec, RegisterSpace};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context};
use tokio_modbus::{ExceptionCode, Request, Response, Slave};

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

fn exception_number(code: ExceptionCode) -> u8 {
    code.into()
}

/// The connection.
pub(super) struct Link {
    address: String,
    unit: u8,
    deadline: Duration,
    min_gap: Duration,
    context: Option<Context>,
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
            unit: spec.unit,
            deadline: wall(spec.timeout).max(Duration::from_millis(1)),
            min_gap: wall(spec.min_gap),
            context: None,
            last: now,
            retry_at: now,
            backoff: Backoff::new(),
            connects: 0,
            requests: 0,
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.context.is_some()
    }

    async fn connect(&mut self) -> Result<(), LinkError> {
        if Instant::now() < self.retry_at {
            return Err(LinkError::Waiting);
        }
        let stream = match timeout(self.deadline, TcpStream::connect(&self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Err(self.broken(format!("cannot connect to {}: {e}", self.address))),
            Err(_) => return Err(self.broken(format!("{} does not accept the connection", self.address))),
        };
        if let Err(e) = stream.set_nodelay(true) {
            return Err(self.broken(e.to_string()));
        }
        self.context = Some(tokio_modbus::client::tcp::attach_slave(stream, Slave(self.unit)));
        self.connects += 1;
        Ok(())
    }

    /// Drops the connection: whatever still comes on it, nobody will read.
    fn broken(&mut self, why: String) -> LinkError {
        self.context = None;
        self.retry_at = Instant::now() + self.backoff.next_wait();
        LinkError::Broken(why)
    }

    /// Sends a request and waits for its answer.
    async fn call(&mut self, request: Request<'static>) -> Result<Response, LinkError> {
        if self.context.is_none() {
            self.connect().await?;
        }
        let pause = self.min_gap.saturating_sub(self.last.elapsed());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let Some(context) = self.context.as_mut() else { return Err(LinkError::Waiting) };
        self.requests += 1;
        let answer = timeout(self.deadline, context.call(request)).await;
        self.last = Instant::now();
        match answer {
            Err(_) => Err(self.broken(format!("no answer within {:?}", self.deadline))),
            Ok(Err(e)) => Err(self.broken(e.to_string())),
            Ok(Ok(Err(code))) => {
                self.backoff.reset();
                Err(LinkError::Exception(exception_number(code)))
            }
            Ok(Ok(Ok(response))) => {
                self.backoff.reset();
                Ok(response)
            }
        }
    }

    /// Reads a block: one word per register, or per bit.
    pub(super) async fn read(&mut self, block: &Block) -> Result<Vec<u16>, LinkError> {
        let (start, count) = (block.start, block.count);
        let request = match block.space {
            RegisterSpace::Coil => Request::ReadCoils(start, count),
            RegisterSpace::Discrete => Request::ReadDiscreteInputs(start, count),
            RegisterSpace::Input => Request::ReadInputRegisters(start, count),
            RegisterSpace::Holding => Request::ReadHoldingRegisters(start, count),
        };
        let wanted = usize::from(count);
        let words = match self.call(request).await? {
            Response::ReadInputRegisters(words) | Response::ReadHoldingRegisters(words) => words,
            // Bits come in whole bytes: up to seven more than asked for.
            Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits)
                if bits.len() == wanted.div_ceil(8) * 8 =>
            {
                bits.into_iter().take(wanted).map(u16::from).collect()
            }
            _ => Vec::new(),
        };
        if words.len() == wanted {
            Ok(words)
        } else {
            Err(self.broken(format!("the answer to a read of {wanted} at {start} has another length")))
        }
    }

    /// Writes a coil (FC5).
    pub(super) async fn write_coil(&mut self, address: u16, on: bool) -> Result<(), LinkError> {
        match self.call(Request::WriteSingleCoil(address, on)).await? {
            Response::WriteSingleCoil(a, b) if (a, b) == (address, on) => Ok(()),
            _ => Err(self.broken(format!("the answer to a write of coil {address} does not repeat it"))),
        }
    }

    /// Writes registers (FC16).
    pub(super) async fn write_many(&mut self, address: u16, words: &[u16]) -> Result<(), LinkError> {
        let count = words.len();
        match self.call(Request::WriteMultipleRegisters(address, words.to_vec().into())).await? {
            Response::WriteMultipleRegisters(a, n) if a == address && usize::from(n) == count => Ok(()),
            _ => Err(self.broken(format!("the answer to a write at {address} does not repeat it"))),
        }
    }

    /// Writes one register (FC6).
    pub(super) async fn write_one(&mut self, address: u16, word: u16) -> Result<(), LinkError> {
        match self.call(Request::WriteSingleRegister(address, word)).await? {
            Response::WriteSingleRegister(a, w) if (a, w) == (address, word) => Ok(()),
            _ => Err(self.broken(format!("the answer to a write at {address} does not repeat it"))),
        }
    }
}

/// A block of one register.
pub(super) fn single(space: RegisterSpace, start: u16, width: u16) -> Block {
    Block { space, start, count: if is_bits(space) { 1 } else { width }, registers: Vec::new() }
}
