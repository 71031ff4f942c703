//! Who has to keep up with plant time: world, controller, agents. Written by whoever hears them, read by the governor.

use headroom_site::Stamp;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Party {
    /// Plant time of its last sign of life, TAI ns; 0 before the first.
    last_ns: AtomicI64,
    /// Time goes on without it until its next sign.
    excused: AtomicBool,
    /// Ticks it could not hold.
    missed: AtomicU64,
}

impl Party {
    /// It has done its tick of this stamp.
    pub(super) fn sign(&self, at: Stamp) {
        if self.last_ns.swap(at.tai_ns(), Relaxed) != at.tai_ns() {
            self.excused.store(false, Relaxed);
        }
    }

    /// It is gone; nobody waits for it until it is back.
    pub(super) fn gone(&self) {
        self.last_ns.store(0, Relaxed);
    }

    /// Time goes on without it.
    pub(super) fn excuse(&self) {
        self.excused.store(true, Relaxed);
    }

    pub(super) fn miss(&self, ticks: u64) {
        self.missed.fetch_add(ticks, Relaxed);
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }

    /// Its last sign, if somebody waits for the next.
    pub(super) fn last(&self) -> Option<Stamp> {
        let ns = self.last_ns.load(Relaxed);
        (ns != 0 && !self.excused.load(Relaxed)).then(|| Stamp::from_tai_ns(ns))
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) world: Party,
    pub(super) controller: Party,
    pub(super) agents: Vec<Party>,
}

impl Parties {
    pub(super) fn new(hosts: usize) -> Self {
        let agents = (0..hosts).map(|_| Party::default()).collect();
        Self { world: Party::default(), controller: Party::default(), agents }
    }

    /// Everybody but the world.
    pub(super) fn guests(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.controller).chain(&self.agents)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.world).chain(self.guests())
    }

    /// Ticks missed by controller and agents.
    pub(super) fn missed(&self) -> u64 {
        self.guests().map(Party::missed).sum()
    }
}
