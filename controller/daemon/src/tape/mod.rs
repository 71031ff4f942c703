//! Tape: everything that the line was told, tick by tick, so that each decision can be made again.
//!
//! Responsible for: the layout of a tape, writing one (`write`) and reading one (`read`). Not for: deciding again
//! (`crate::replay`).
//!
//! ```text
//! file   "HRTAPE2\n" entry*                          several runs of the controller may follow each other
//! entry  length u32 LE, check [u8; 8], bytes         check: the first bytes of SHA-256 of what follows
//! bytes  LZ4 block of Postcard of an Entry           a run begins, a tick was told this, or its office changed
//! ```
//!
//! The line is a function of what it is told ([`Told`]) and of what it began with ([`Begin`]). Site, policy and model are not
//! on the tape but their digests are: they are under version control elsewhere, and may hold what must not travel. Names of
//! nodes and GPUs are places in the site file where it knows them.

mod read;
mod write;

pub(crate) use read::{Reader, is_tape};
pub(crate) use write::Writer;

use headroom_core::Wants;
use headroom_core::lease::Identity;
use headroom_site::gpu::{Answer, CapReceipt};
use headroom_site::{GpuSample, Inbox, Instruction, NodeReport, Office, Reading, Receipt, Site, Span, Stamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;

/// First bytes of a tape.
const MAGIC: &[u8; 8] = b"HRTAPE2\n";
/// Bytes before those of an entry.
const HEAD: usize = 12;
/// Longest entry: one second of a hundred thousand GPUs is less.
const LONGEST: usize = 1 << 30;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry<'a> {
    /// A run begins.
    Begin(Begin),
    /// A tick.
    Told(Told<'a>),
    /// Whether it commands from the next tick on, where it is one of several controllers.
    Office(Office),
}

/// What a run began with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// Version of the program.
    pub(crate) program: String,
    /// Name of the site.
    pub(crate) site_name: String,
    /// Digest of the site as it was read.
    pub(crate) site: [u8; 32],
    /// Digest of what was wanted: policy, modes, forecast.
    pub(crate) wants: [u8; 32],
    /// Digest of the learned model, if there was one.
    pub(crate) model: Option<[u8; 32]>,
    /// Who commanded.
    pub(crate) who: String,
    /// Its epoch.
    pub(crate) epoch: u64,
    /// Length of the experiment that it began with.
    pub(crate) excite: Option<Span>,
}

/// What the line was told in a tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told<'a> {
    /// The tick.
    pub(crate) now: Stamp,
    readings: Cow<'a, [Reading]>,
    reports: Vec<Report<'a>>,
    receipts: Cow<'a, [Receipt]>,
    released: bool,
    instructions: Cow<'a, [Instruction]>,
    /// Its office: an entry of its own, where it has changed.
    #[serde(skip)]
    office: Office,
    /// First bytes of the SHA-256 of the record of what was decided.
    pub(crate) decided: u64,
}

/// A name: its place in the site file, or itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Name<'a> {
    Known(u32),
    Other(Cow<'a, str>),
}

/// A report of a node; the fields are those of [`NodeReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Report<'a> {
    node: Name<'a>,
    boot: u64,
    sequence: u64,
    mono_ns: u64,
    stamp: Stamp,
    gpus: Vec<(Name<'a>, GpuSample)>,
    receipt: Option<Cow<'a, CapReceipt>>,
    answer: Option<Answer>,
    sent: Option<Stamp>,
    arrival: Option<Stamp>,
    stamp_uncertainty: Option<Span>,
}

impl Begin {
    /// Of a run with these files.
    pub(crate) fn new(
        (site, wants): (&Site, &Wants),
        model: Option<&str>,
        identity: &Identity,
        excite: Option<Span>,
    ) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            site_name: site.name.clone(),
            site: digest_of(site),
            wants: digest_of(wants),
            model: model.map(|text| Sha256::digest(text).into()),
            who: identity.who.clone(),
            epoch: identity.epoch,
            excite,
        }
    }
}

impl Begin {
    /// Of a run beside nothing but a site.
    #[cfg(test)]
    pub(crate) fn of(site: &Site, identity: &Identity) -> Self {
        let (site_name, who) = (site.name.clone(), identity.who.clone());
        Self { site_name, site: digest_of(site), who, epoch: identity.epoch, ..Self::default() }
    }

    /// Is this the site that it ran with?
    pub(crate) fn is_of(&self, site: &Site) -> bool {
        self.site == digest_of(site)
    }
}

/// Digest of anything by all that its debug output shows.
pub(crate) fn digest_of(what: &impl std::fmt::Debug) -> [u8; 32] {
    Sha256::digest(format!("{what:?}")).into()
}

/// First bytes of the digest of a record.
pub(crate) fn short_digest(record: &str) -> u64 {
    u64::from_be_bytes(check(record.as_bytes()))
}

/// First bytes of SHA-256.
fn check(bytes: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|i| digest[i])
}

impl<'a> Told<'a> {
    /// Of a tick that was told this and decided that.
    pub(crate) fn new(site: &Site, now: Stamp, inbox: &'a Inbox, record: &str) -> Self {
        Self {
            now,
            readings: Cow::Borrowed(&inbox.readings),
            reports: inbox.nodes.iter().map(|report| Report::new(site, report)).collect(),
            receipts: Cow::Borrowed(&inbox.receipts),
            released: inbox.released,
            instructions: Cow::Borrowed(&inbox.instructions),
            office: inbox.office.clone(),
            decided: short_digest(record),
        }
    }

    /// What it was told, into an inbox. `None` if a place is not in the site file.
    pub(crate) fn tell(self, site: &Site, inbox: &mut Inbox) -> Option<()> {
        inbox.clear();
        inbox.readings.extend_from_slice(&self.readings);
        inbox.receipts.extend_from_slice(&self.receipts);
        inbox.released = self.released;
        inbox.instructions.clear();
        inbox.instructions.extend_from_slice(&self.instructions);
        for report in self.reports {
            inbox.nodes.push(report.tell(site)?);
        }
        Some(())
    }
}

impl<'a> Report<'a> {
    fn new(site: &Site, of: &'a NodeReport) -> Self {
        // Almost always the nodes' own GPUs in the order of the file.
        let node = site.nodes.iter().position(|n| *n.id == *of.node);
        let first = node.map_or(0, |n| site.nodes[n].gpus.0 as usize);
        let gpu = |(k, (uuid, sample)): (usize, &'a (Arc<str>, GpuSample))| {
            let in_place = site.gpus.get(first + k).filter(|g| g.uuid == *uuid).map(|_| first + k);
            let place = in_place.or_else(|| site.gpus.iter().position(|g| g.uuid == *uuid));
            (place.map_or(Name::Other(Cow::Borrowed(uuid)), |g| Name::Known(g as u32)), *sample)
        };
        Self {
            node: node.map_or(Name::Other(Cow::Borrowed(&of.node)), |n| Name::Known(n as u32)),
            boot: of.boot,
            sequence: of.sequence,
            mono_ns: of.mono_ns,
            stamp: of.stamp,
            gpus: of.gpus.iter().enumerate().map(gpu).collect(),
            receipt: of.receipt.as_ref().map(Cow::Borrowed),
            answer: of.answer,
            sent: of.sent,
            arrival: of.arrival,
            stamp_uncertainty: of.stamp_uncertainty,
        }
    }

    fn tell(self, site: &Site) -> Option<NodeReport> {
        let node = match self.node {
            Name::Known(n) => Arc::from(site.nodes.get(n as usize)?.id.as_str()),
            Name::Other(id) => Arc::from(id),
        };
        let gpu = |(name, sample)| match name {
            Name::Known(g) => Some((Arc::clone(&site.gpus.get(g as usize)?.uuid), sample)),
            Name::Other(uuid) => Some((Arc::from(uuid), sample)),
        };
        Some(NodeReport {
            node,
            boot: self.boot,
            sequence: self.sequence,
            mono_ns: self.mono_ns,
            stamp: self.stamp,
            gpus: self.gpus.into_iter().map(gpu).collect::<Option<_>>()?,
            receipt: self.receipt.map(Cow::into_owned),
            answer: self.answer,
            sent: self.sent,
            arrival: self.arrival,
            stamp_uncertainty: self.stamp_uncertainty,
        })
    }
}

#[cfg(test)]
mod tests;
