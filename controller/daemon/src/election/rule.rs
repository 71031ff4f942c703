//! The rule by which one controller takes, keeps and loses the lead. No I/O and no clock: it is told when each request began and
//! ended, and says what to ask next.
//!
//! With `T` the term, all on this controller's own monotonic clock:
//! ```text
//! leads until        (begin of the last renewal that succeeded) + T/2
//! renews             each T/6; after a failure at once
//! takes              a free record, its own record of a lead that it has lost, or another's whose revision was the same in
//!                    every answer for T; twice T where it is not fit (has not looked long enough, or does not hear the plant)
//! ```
//! The answer that shows a revision comes after the leader began that renewal, so T is over at least T/2 after the leader has
//! stopped. That is what clocks may differ by in rate, and how long a leader's last write may be on its way.

use super::record::Record;
use super::store::Swapped;

/// What is to be asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing before then, ns.
    Idle(u64),
    /// Who leads?
    Read,
    /// It is to be taken, with an epoch above this one.
    Take { seen: Option<u64>, above: u64 },
    /// It is to be kept.
    Renew { seen: u64, epoch: u64 },
}

/// Why it leads no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// Half a term has passed without a renewal.
    Lapsed,
    /// Another one holds the record, or nobody does.
    To(Option<String>),
}

/// A lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) epoch: u64,
    pub(super) revision: u64,
    /// Until then, ns.
    pub(super) until: u64,
}

/// One controller.
#[derive(Debug)]
pub(super) struct Candidate {
    instance: String,
    term: u64,
    lead: Option<Lead>,
    lost: Option<Lost>,
    /// Revision seen last, and since when it has been the same.
    seen: Option<(Option<u64>, u64)>,
    /// It is not to take the lead again.
    retired: bool,
    todo: Next,
    at: u64,
}

impl Candidate {
    pub(super) fn new(instance: &str, term_ns: u64) -> Self {
        Self {
            instance: instance.to_owned(),
            term: term_ns,
            lead: None,
            lost: None,
            seen: None,
            retired: false,
            todo: Next::Read,
            at: 0,
        }
    }

    /// Pause between two looks, and between two renewals, ns.
    pub(super) const fn pause(&self) -> u64 {
        self.term / 6
    }

    /// The lead, if it has it at this instant.
    pub(super) fn lead(&self, now: u64) -> Option<Lead> {
        self.lead.filter(|lead| now < lead.until)
    }

    /// Why the lead was lost, once.
    pub(super) fn lost(&mut self) -> Option<Lost> {
        self.lost.take()
    }

    /// For how long the record has been the same, ns.
    pub(super) fn still(&self, now: u64) -> u64 {
        self.seen.map_or(0, |(_, since)| now.saturating_sub(since))
    }

    /// What is to be asked now.
    pub(super) fn next(&mut self, now: u64) -> Next {
        if self.lead.is_some_and(|lead| now >= lead.until) {
            self.step_down(Lost::Lapsed, now);
        }
        if now < self.at { Next::Idle(self.at) } else { self.todo }
    }

    /// The lead is given up; whoever wants may have the record once it says so.
    pub(super) fn resign(&mut self, now: u64) {
        self.lead = None;
        (self.todo, self.at) = (Next::Read, now + self.term);
    }

    /// It never takes the lead again.
    pub(super) fn retire(&mut self) {
        self.retired = true;
    }

    fn step_down(&mut self, why: Lost, now: u64) {
        self.lead = None;
        self.lost = Some(why);
        (self.todo, self.at) = (Next::Read, now);
    }

    /// An answer to `Read`.
    pub(super) fn read(&mut self, ended: u64, found: Option<(u64, &Record)>, fit: bool) {
        let revision = found.map(|(revision, _)| revision);
        if self.seen.is_none_or(|(last, _)| last != revision) {
            self.seen = Some((revision, ended));
        }
        let holder = found.and_then(|(_, record)| record.holder.as_ref());
        let own = holder.is_some_and(|h| h.instance == self.instance);
        if let Some(lead) = &mut self.lead {
            // A renewal that was thought lost has arrived.
            if let Some((revision, _)) = found.filter(|(_, r)| own && r.epoch == lead.epoch) {
                lead.revision = revision;
                (self.todo, self.at) = (Next::Renew { seen: revision, epoch: lead.epoch }, ended);
            } else {
                self.step_down(Lost::To(holder.map(|h| h.who.clone())), ended);
            }
            return;
        }
        let theirs = found.map_or(0, |(_, r)| r.term_ms.saturating_mul(1_000_000));
        let patience = match holder {
            _ if own => 0,
            None if fit => 0,
            None => self.term,
            Some(_) => self.term.max(theirs).saturating_mul(if fit { 1 } else { 2 }),
        };
        if self.still(ended) >= patience && !self.retired {
            let above = found.map_or(0, |(_, r)| r.epoch);
            (self.todo, self.at) = (Next::Take { seen: revision, above }, ended);
        } else {
            (self.todo, self.at) = (Next::Read, ended + self.pause());
        }
    }

    /// A request has failed, or was given up: it may have been carried out.
    pub(super) fn failed(&mut self, ended: u64) {
        let pause = if self.lead.is_some() { self.pause() / 5 } else { self.pause() };
        (self.todo, self.at) = (Next::Read, ended + pause);
    }

    /// An answer to `Take`, or to taking back what nobody wanted.
    pub(super) fn taken(&mut self, (begun, ended): (u64, u64), epoch: u64, swapped: Swapped) {
        (self.todo, self.at) = (Next::Read, ended);
        let until = begun + self.term / 2;
        if let Swapped::To(revision) = swapped
            && ended < until
        {
            self.lead = Some(Lead { epoch, revision, until });
            (self.todo, self.at) = (Next::Renew { seen: revision, epoch }, begun + self.pause());
        }
    }

    /// An answer to `Renew`.
    pub(super) fn renewed(&mut self, (begun, ended): (u64, u64), swapped: Swapped) {
        let Some(epoch) = self.lead.map(|lead| lead.epoch) else { return };
        match swapped {
            Swapped::To(_) => self.taken((begun, ended), epoch, swapped),
            Swapped::Refused => (self.todo, self.at) = (Next::Read, ended),
        }
    }
}

#[cfg(test)]
mod tests;
