//! A probe of a device that nobody has a map of: what answers to reading, and what the device says it is.
//!
//! Responsible for: reading in blocks (FC1 to FC4), halving a block that is refused until the refused addresses are known,
//! a pause before each request, an end after so many; identification by FC43/14. Not for: what the words mean. Nothing is
//! ever written.
//!
//! ```text
//! block -- answer --------------------------> words
//!   |  exception 2, 3, 4, or silence
//!   +--> two halves, down to one address ---> refused
//!   |  exception 1: the space is not offered
//! ```

use super::frame::{Ask, Exchange, Framing, Wrong};
use super::wire::{Wire, WireError};
use headroom_site::model::{RegisterSpace, Transport};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// Registers asked for at once.
const WORDS: u16 = 64;
/// Coils or discrete inputs asked for at once.
const BITS: u16 = 256;
/// Requests without an answer, one after the other, after which a space is left alone.
const SILENT: u32 = 3;
/// Objects of an identification that are asked for.
const OBJECTS: usize = 16;

/// What is probed.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// `host:port`.
    pub address: String,
    /// How it is reached.
    pub transport: Transport,
    /// Unit id.
    pub unit: u8,
    /// First PDU address.
    pub from: u16,
    /// Last PDU address.
    pub to: u16,
    /// Patience with an answer.
    pub deadline: Duration,
    /// Pause before each request.
    pub pause: Duration,
    /// Most requests in all.
    pub most_requests: u32,
}

/// Addresses that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedRange {
    /// Space.
    pub space: RegisterSpace,
    /// First PDU address.
    pub first: u16,
    /// Last PDU address.
    pub last: u16,
}

/// Why a space was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Exception 1: the device does not know the function.
    NotOffered,
    /// It did not answer any more.
    Silent(String),
    /// Another exception: busy, gateway, failure.
    Exception(u8),
    /// The most requests were made.
    Enough,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the device does not offer it"),
            Self::Silent(why) => write!(f, "it stopped answering: {why}"),
            Self::Exception(code) => write!(f, "exception {code}"),
            Self::Enough => f.write_str("the most requests were made"),
        }
    }
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probed {
    /// Words and bits by space and PDU address.
    pub words: BTreeMap<(RegisterSpace, u16), u16>,
    /// What was refused.
    pub refused: Vec<RefusedRange>,
    /// Spaces that were not read to their end.
    pub stopped: Vec<(RegisterSpace, Stopped)>,
    /// Identification: object id and text.
    pub identity: Vec<(u8, String)>,
    /// Requests made.
    pub requests: u32,
}

/// The device cannot be reached at all.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(String);

/// Why there was no answer to one request.
enum Fault {
    Exception(u8),
    Silent(String),
}

struct Prober<'a> {
    probe: &'a Probe,
    wire: Option<Wire>,
    transaction: u16,
    found: Probed,
}

/// Probes a device.
///
/// # Errors
/// It cannot be reached.
pub async fn probe(probe: &Probe) -> Result<Probed, ProbeError> {
    let mut prober = Prober { probe, wire: None, transaction: 0, found: Probed::default() };
    prober.connect().await.map_err(ProbeError)?;
    if probe.transport != Transport::RtuOverTcp {
        prober.identify().await;
    }
    for space in [RegisterSpace::Holding, RegisterSpace::Input, RegisterSpace::Coil, RegisterSpace::Discrete]
    {
        if let Err(why) = prober.space(space).await {
            prober.found.stopped.push((space, why));
        }
    }
    Ok(prober.found)
}

impl Prober<'_> {
    async fn connect(&mut self) -> Result<(), String> {
        let open = Wire::open(&self.probe.transport, &self.probe.address);
        let opened = timeout(self.probe.deadline, open).await;
        self.wire = Some(match opened {
            Ok(wire) => wire.map_err(|e| e.to_string())?,
            Err(_) => return Err(format!("{} does not accept the connection", self.probe.address)),
        });
        Ok(())
    }

    /// One request; whatever is no clean answer or exception costs the connection, so that nothing late is taken.
    async fn ask(&mut self, ask: &Ask) -> Result<Vec<u16>, Fault> {
        tokio::time::sleep(self.probe.pause).await;
        self.found.requests += 1;
        if self.wire.is_none() {
            self.connect().await.map_err(Fault::Silent)?;
        }
        let Some(mut wire) = self.wire.take() else { return Err(Fault::Silent("no connection".to_owned())) };
        self.transaction = self.transaction.wrapping_add(1);
        let framing = if self.probe.transport == Transport::RtuOverTcp { Framing::Rtu } else { Framing::Tcp };
        let exchange = Exchange { framing, transaction: self.transaction, unit: self.probe.unit, ask };
        match timeout(self.probe.deadline, wire.exchange(&exchange)).await {
            Ok(Ok(words)) => {
                self.wire = Some(wire);
                Ok(words)
            }
            Ok(Err(WireError::Wrong(Wrong::Exception(code)))) => {
                self.wire = Some(wire);
                Err(Fault::Exception(code))
            }
            Ok(Err(e)) => Err(Fault::Silent(e.to_string())),
            Err(_) => Err(Fault::Silent(format!("no answer within {:?}", self.probe.deadline))),
        }
    }

    /// Reads one space; ranges still to be read wait on a stack, the lowest on top.
    async fn space(&mut self, space: RegisterSpace) -> Result<(), Stopped> {
        let most = if super::plan::is_bits(space) { BITS } else { WORDS };
        let (from, end) = (u32::from(self.probe.from), u32::from(self.probe.to) + 1);
        let starts = (from..end).step_by(usize::from(most)).rev();
        let mut open: Vec<(u16, u16)> =
            starts.map(|s| (s as u16, (end - s).min(u32::from(most)) as u16)).collect();
        let mut silent = 0;
        while let Some((start, count)) = open.pop() {
            if self.found.requests >= self.probe.most_requests {
                return Err(Stopped::Enough);
            }
            match self.ask(&Ask::Read(space, start, count)).await {
                Ok(words) => {
                    silent = 0;
                    let places = words.iter().enumerate().map(|(i, w)| ((space, start + i as u16), *w));
                    self.found.words.extend(places);
                    continue;
                }
                Err(Fault::Exception(1)) => return Err(Stopped::NotOffered),
                Err(Fault::Exception(2..=4)) => silent = 0,
                Err(Fault::Exception(code)) => return Err(Stopped::Exception(code)),
                Err(Fault::Silent(why)) => {
                    silent += 1;
                    if silent >= SILENT {
                        return Err(Stopped::Silent(why));
                    }
                }
            }
            if count > 1 {
                let half = count / 2;
                open.push((start + half, count - half));
                open.push((start, half));
            } else {
                self.refuse(space, start);
            }
        }
        Ok(())
    }

    /// Notes a refused address, beside the last one where it can.
    fn refuse(&mut self, space: RegisterSpace, at: u16) {
        match self.found.refused.last_mut() {
            Some(r) if r.space == space && r.last.checked_add(1) == Some(at) => r.last = at,
            _ => self.found.refused.push(RefusedRange { space, first: at, last: at }),
        }
    }

    /// Vendor, product, version, as far as the device says them.
    async fn identify(&mut self) {
        let mut next = 0;
        while self.found.identity.len() < OBJECTS {
            let Ok(words) = self.ask(&Ask::Identify(next)).await else { return };
            let bytes: Vec<u8> = words.into_iter().map(|w| w as u8).collect();
            let Some((objects, more)) = objects(&bytes) else { return };
            self.found.identity.extend(objects);
            match more {
                Some(at) if at > next => next = at,
                _ => return,
            }
        }
    }
}

/// Id and text of an object.
type Object = (u8, String);

/// Objects of an identification, and where it goes on: kind, conformity, more (0xFF), next, number, then id, length, text.
fn objects(bytes: &[u8]) -> Option<(Vec<Object>, Option<u8>)> {
    let [_, _, more, next, number, rest @ ..] = bytes else { return None };
    let (mut rest, mut out) = (rest, Vec::new());
    for _ in 0..*number {
        let [id, length, tail @ ..] = rest else { return None };
        let (text, after) = tail.split_at_checked(usize::from(*length))?;
        out.push((*id, String::from_utf8_lossy(text).trim().to_owned()));
        rest = after;
    }
    Some((out, (*more == 0xFF).then_some(*next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identification_is_read_object_by_object() {
        let bytes = [1, 0x81, 0, 0, 2, 0, 4, b'A', b'c', b'm', b'e', 1, 2, b'X', b'1'];
        let (found, more) = objects(&bytes).unwrap();
        assert_eq!(found, [(0, "Acme".to_owned()), (1, "X1".to_owned())]);
        assert_eq!(more, None);
        assert!(objects(&bytes[..10]).is_none() && objects(&[]).is_none());
        assert_eq!(objects(&[1, 1, 0xFF, 3, 0]).unwrap().1, Some(3));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = objects(&bytes);
        }
    }
}
