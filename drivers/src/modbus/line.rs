//! The connection to one address, shared by all units behind it: one request in flight.
//!
//! A gateway has one serial line and often one connection to give; many hand what comes on the line to every connection.
//! So the units of a gateway take turns on one.
//!
//! Responsible for: connecting with back-off, the pause between requests, and dropping the connection whenever
//! an answer is late, malformed, of another unit or of the wrong length, so that no late answer can ever be taken
//! for the answer to the next request. Not for: the units' own troubles (`link`), nor the bytes (`frame`, `wire`).
//!
//! ```text
//!            connect                      answer or exception
//!  [waiting] -------> [up] -- request --> [up]
//!      ^                |  late, foreign, half, closed, unasked, given up on the way
//!      +----------------+
//! ```

use super::frame::{Ask, Exchange, Framing, Wrong};
use super::wire::{Wire, WireError};
use crate::backoff::Backoff;
use headroom_site::Site;
use headroom_site::model::{ModbusSpec, Transport};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The unit refuses; the connection stands.
    #[error("exception {0}")]
    Exception(u8),
    /// No connection, and it is not yet time to try again.
    #[error("not connected")]
    Waiting,
    /// The address does not let us in.
    #[error("{0}")]
    Closed(WireError),
    /// The address does not let us in within the deadline.
    #[error("{0} does not accept the connection")]
    Shut(String),
    /// The unit did not answer in time; the connection is gone.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// What came is not the answer; the connection is gone.
    #[error("{0}")]
    Broken(WireError),
}

/// What a unit wants of a turn on the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) unit: u8,
    pub(super) deadline: Duration,
    pub(super) min_gap: Duration,
}

/// A shared connection.
pub(crate) struct Line {
    address: String,
    transport: Transport,
    state: Mutex<State>,
    up: AtomicBool,
    connects: AtomicU64,
}

struct State {
    wire: Option<Wire>,
    transaction: u16,
    last: Instant,
    retry_at: Instant,
    /// Until when nothing is asked, so that a late answer comes to nobody.
    quiet_until: Instant,
    backoff: Backoff,
}

/// A line for each device of a site, the same one for those of the same address.
pub(crate) fn lines(site: &Site) -> Vec<Arc<Line>> {
    let mut out: Vec<Arc<Line>> = Vec::new();
    for spec in &site.modbus {
        let shared = out.iter().find(|l| l.address == spec.address && l.transport == spec.transport);
        let line = shared.map_or_else(|| Arc::new(Line::new(spec)), Arc::clone);
        out.push(line);
    }
    out
}

impl Line {
    fn new(spec: &ModbusSpec) -> Self {
        let now = Instant::now();
        let (wire, transaction, backoff) = (None, 0, Backoff::new());
        Self {
            address: spec.address.clone(),
            transport: spec.transport.clone(),
            state: Mutex::new(State {
                wire,
                transaction,
                last: now,
                retry_at: now,
                quiet_until: now,
                backoff,
            }),
            up: AtomicBool::new(false),
            connects: AtomicU64::new(0),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Connections made.
    pub(super) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Waits for a turn, asks, and waits for the answer; `sent` is told the moment before the question goes out.
    pub(super) async fn ask(
        &self,
        terms: Terms,
        ask: &Ask,
        mut sent: impl FnMut(),
    ) -> Result<Vec<u16>, LineError> {
        let mut state = self.state.lock().await;
        // Devices close connections that are idle for long: that is no trouble, once.
        let mut answer = self.attempt(&mut state, terms, ask, &mut sent).await;
        if matches!(answer, Err(LineError::Broken(WireError::Gone))) {
            answer = self.attempt(&mut state, terms, ask, &mut sent).await;
        }
        self.up.store(state.wire.is_some(), Ordering::Relaxed);
        answer
    }

    async fn connect(&self, state: &mut State, deadline: Duration) -> Result<Wire, LineError> {
        if Instant::now() < state.retry_at {
            return Err(LineError::Waiting);
        }
        tokio::time::sleep_until(state.quiet_until.into()).await;
        let failed = match timeout(deadline, Wire::open(&self.transport, &self.address)).await {
            Ok(Ok(wire)) => {
                self.connects.fetch_add(1, Ordering::Relaxed);
                return Ok(wire);
            }
            Ok(Err(e)) => LineError::Closed(e),
            Err(_) => LineError::Shut(self.address.clone()),
        };
        state.retry_at = Instant::now() + state.backoff.next_wait();
        Err(failed)
    }

    /// The wire is out of the state while a question is open: whoever gives up on the way takes it with him, and no
    /// answer to a question that nobody waits for any more is left behind.
    async fn attempt(
        &self,
        state: &mut State,
        terms: Terms,
        ask: &Ask,
        sent: &mut impl FnMut(),
    ) -> Result<Vec<u16>, LineError> {
        let mut wire = match state.wire.take() {
            Some(wire) => wire,
            None => self.connect(state, terms.deadline).await?,
        };
        let pause = terms.min_gap.saturating_sub(state.last.elapsed());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        state.transaction = state.transaction.wrapping_add(1);
        let framing = match self.transport {
            Transport::Tcp | Transport::Tls(_) => Framing::Tcp,
            Transport::RtuOverTcp => Framing::Rtu,
        };
        let exchange = Exchange { framing, transaction: state.transaction, unit: terms.unit, ask };
        sent();
        let answer = timeout(terms.deadline, wire.exchange(&exchange)).await;
        state.last = Instant::now();
        match answer {
            Ok(Ok(words)) => {
                state.backoff.reset();
                state.wire = Some(wire);
                Ok(words)
            }
            Ok(Err(WireError::Wrong(Wrong::Exception(code)))) => {
                state.backoff.reset();
                state.wire = Some(wire);
                Err(LineError::Exception(code))
            }
            Ok(Err(e)) => Err(LineError::Broken(e)),
            Err(_) => {
                // RTU has no transaction by which a gateway's late answer could be told from the next one's: it gets
                // as long again to come to nobody.
                if framing == Framing::Rtu {
                    state.quiet_until = Instant::now() + terms.deadline;
                }
                Err(LineError::Late(terms.deadline))
            }
        }
    }
}
