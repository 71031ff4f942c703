//! The election's own loop: asks the store what the rule wants asked, and gives and ends the leave to write.
//!
//! Responsible for: patience with the store, the epoch of a lead, what is carried over, and telling of each change. Not for: the
//! rule (`rule`).

use super::office::{Desk, Farewell, Order};
use super::presence::{Beats, Presence};
use super::record::{Holder, Record};
use super::rule::{Candidate, Lost, Next};
use super::store::{Found, Key, Store, Swapped};
use crate::run::begin::keep_epoch;
use anyhow::{Context, Result};
use headroom_drivers::Mandate;
use headroom_site::{ActuatorId, Office};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// The longest that an offer stands: a service manager waits for who ends.
const OFFER: Duration = Duration::from_secs(6);

/// The election of one controller.
pub(super) struct Task<S> {
    store: S,
    term: Duration,
    candidate: Candidate,
    presence: Presence,
    holder: Holder,
    state: PathBuf,
    /// Epoch of this start, below that of each lead.
    epoch: u64,
    actuators: BTreeMap<String, ActuatorId>,
    desk: Desk,
    mandate: Mandate,
    /// When the beats were looked at last, ns.
    beaten: Option<u64>,
    trouble: bool,
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl<S: Store> Task<S> {
    pub(super) fn new(
        (store, term): (S, Duration),
        (who, epoch, state): (&str, u64, &Path),
        actuators: BTreeMap<String, ActuatorId>,
        (desk, mandate): (Desk, Mandate),
    ) -> Self {
        let start = UNIX_EPOCH.elapsed().map_or(0, |d| d.as_nanos());
        let instance = format!("{who}-{}-{start:x}", std::process::id());
        Self {
            store,
            term,
            candidate: Candidate::new(&instance, nanos(term)),
            presence: Presence::default(),
            holder: Holder { who: who.to_owned(), instance, since_unix_ms: 0 },
            state: state.to_owned(),
            epoch,
            actuators,
            desk,
            mandate,
            beaten: None,
            trouble: false,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let next = self.candidate.next(Mandate::now_ns());
            self.tell_lost();
            match next {
                Next::Idle(until) => {
                    let pause = Duration::from_nanos(until.saturating_sub(Mandate::now_ns()));
                    tokio::select! {
                        () = tokio::time::sleep(pause) => self.beat().await,
                        order = orders.recv() => match order {
                            Some(Order::Leave(answer)) => {
                                let farewell = self.leave().await;
                                let _ = answer.send(farewell);
                            }
                            Some(Order::Close(done)) => {
                                self.free().await;
                                let _ = done.send(());
                                return;
                            }
                            None => return,
                        },
                    }
                }
                Next::Read => self.look().await,
                Next::Take { seen, above } => self.take(seen, above).await,
                Next::Renew { seen, epoch } => self.renew(seen, epoch).await,
            }
        }
    }

    /// One request, with patience.
    async fn ask<R>(&mut self, what: impl AsyncFnOnce(&mut S) -> Result<R>) -> (Result<R>, (u64, u64)) {
        let (begun, patience) = (Mandate::now_ns(), self.term / 5);
        let answer = tokio::time::timeout(patience, what(&mut self.store)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {} ms", patience.as_millis())));
        (answer, (begun, Mandate::now_ns()))
    }

    async fn read(&mut self) -> (Result<Option<(u64, Record)>>, (u64, u64)) {
        let (answer, span) = self.ask(async |s| s.read(Key::Leader).await).await;
        let read = |f: Found| Ok((f.revision, Record::read(&f.value)?));
        (answer.and_then(|found| found.map(read).transpose()), span)
    }

    async fn swap(&mut self, seen: Option<u64>, record: &Record) -> (Result<Swapped>, (u64, u64)) {
        let value = match record.written() {
            Ok(value) => value,
            Err(why) => return (Err(why), (0, Mandate::now_ns())),
        };
        self.ask(async |s| s.swap(Key::Leader, seen, value).await).await
    }

    fn record(&self, leads: bool, epoch: u64) -> Record {
        let holder = leads.then(|| self.holder.clone());
        Record::new(holder, epoch, self.term.as_millis() as u64, self.desk.lock().carried.clone())
    }

    /// Who leads?
    async fn look(&mut self) {
        let (answer, (_, ended)) = self.read().await;
        match answer {
            Ok(found) => {
                self.well();
                let (fit, succeeded) = {
                    let shared = self.desk.lock();
                    (shared.fit, shared.succeeded)
                };
                if succeeded {
                    self.candidate.retire();
                }
                self.candidate.read(ended, found.as_ref().map(|(r, record)| (*r, record)), fit);
                self.show(found.as_ref().map(|(_, record)| record));
            }
            Err(why) => self.fail(&why, ended),
        }
    }

    async fn take(&mut self, seen: Option<u64>, above: u64) {
        // What the one before carried: read once more, since the swap is of this very revision.
        let (answer, (_, ended)) = self.read().await;
        let found = match answer {
            Ok(found) if found.as_ref().map(|(r, _)| *r) == seen => found,
            Ok(_) => return self.candidate.failed(ended),
            Err(why) => return self.fail(&why, ended),
        };
        let before = found.map(|(_, record)| record).unwrap_or_default();
        let heard = self.desk.lock().heard_epoch;
        let epoch = match keep_epoch(&self.state, above.max(heard).max(self.epoch)) {
            Ok(epoch) => epoch,
            Err(why) => {
                return self
                    .fail(&why.context("the epoch of a lead must be on disk before it begins"), ended);
            }
        };
        self.holder.since_unix_ms =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let mut record = self.record(true, epoch);
        record.carried = before.carried.clone();
        let (answer, span) = self.swap(seen, &record).await;
        match answer {
            Ok(swapped) => {
                self.well();
                self.candidate.taken(span, epoch, swapped);
                self.begin(&before).await;
            }
            Err(why) => self.fail(&why, span.1),
        }
    }

    /// Begins to lead, if it has the lead now.
    async fn begin(&mut self, before: &Record) {
        let Some(lead) = self.candidate.lead(Mandate::now_ns()) else { return };
        if let Err(why) = before.carried.keep(&self.state) {
            tracing::error!(
                "this controller cannot keep what operators have said, and does not lead: {why:#}"
            );
            self.free().await;
            return;
        }
        self.epoch = lead.epoch;
        let asked = before.carried.asked.iter().filter_map(|(id, v)| Some((*self.actuators.get(id)?, *v)));
        let office = Office::Leader { epoch: lead.epoch, asked: asked.collect() };
        {
            let mut shared = self.desk.lock();
            shared.carried = before.carried.clone();
            shared.office = office;
            shared.view.leads = true;
            shared.view.terms_begun += 1;
            shared.view.leader = Some(self.holder.who.clone());
            shared.view.since_unix_ms = Some(self.holder.since_unix_ms);
            shared.view.epoch = lead.epoch;
        }
        self.mandate.until(lead.until);
        self.desk.wake();
        let from = before.holder.as_ref().filter(|h| h.instance != self.holder.instance);
        let how = from.map_or_else(
            || "nobody held it".to_owned(),
            |h| {
                format!(
                    "{} was not heard of for {:.1} s",
                    h.who,
                    self.candidate.still(Mandate::now_ns()) as f64 * 1e-9
                )
            },
        );
        tracing::warn!(epoch = lead.epoch, "this controller leads now: {how}");
    }

    async fn renew(&mut self, seen: u64, epoch: u64) {
        if self.desk.lock().succeeded {
            tracing::error!(
                "another controller, outside of this election, has a higher epoch: this one leads no more until it is started again"
            );
            self.candidate.retire();
            return self.free().await;
        }
        let record = self.record(true, epoch);
        let (answer, span) = self.swap(Some(seen), &record).await;
        match answer {
            Ok(swapped) => {
                self.well();
                self.candidate.renewed(span, swapped);
                if let Some(lead) = self.candidate.lead(Mandate::now_ns()) {
                    self.mandate.until(lead.until);
                }
            }
            Err(why) => self.fail(&why, span.1),
        }
    }

    /// Says once that the lead is lost.
    fn tell_lost(&mut self) {
        let Some(lost) = self.candidate.lost() else { return };
        self.stand_by();
        match lost {
            Lost::Lapsed => tracing::error!(
                "this controller leads no more: its lead was not renewed for half a term, because it stood still or the store did not answer; nothing is written, and nothing let go"
            ),
            Lost::To(Some(who)) => tracing::error!(
                "this controller leads no more: {who} does; nothing is written here, and nothing let go"
            ),
            Lost::To(None) => {
                tracing::error!("this controller leads no more: its record is gone from the store");
            }
        }
    }

    fn stand_by(&mut self) {
        self.mandate.end();
        let mut shared = self.desk.lock();
        shared.office = Office::Standby;
        shared.view.leads = false;
        (shared.view.leader, shared.view.since_unix_ms) = (None, None);
        drop(shared);
        self.desk.wake();
    }

    fn show(&self, record: Option<&Record>) {
        let left = self.term.as_secs_f64() - self.candidate.still(Mandate::now_ns()) as f64 * 1e-9;
        let mut shared = self.desk.lock();
        if shared.view.leads {
            return;
        }
        let holder = record.and_then(|r| r.holder.as_ref()).filter(|h| h.instance != self.holder.instance);
        shared.view.leader = holder.map(|h| h.who.clone());
        shared.view.since_unix_ms = holder.map(|h| h.since_unix_ms);
        shared.view.left_s = holder.map_or(0.0, |_| left.max(0.0));
        if let Some(record) = record {
            shared.view.epoch = record.epoch;
        }
    }

    fn fail(&mut self, why: &anyhow::Error, ended: u64) {
        self.candidate.failed(ended);
        let mut shared = self.desk.lock();
        let store = shared.view.store.clone();
        if !std::mem::replace(&mut self.trouble, true) {
            tracing::warn!(
                store,
                "the store does not answer: {why:#}. Nobody can begin to lead without it; one that leads stops after half a term"
            );
        }
        shared.view.trouble = Some(format!("{why:#}"));
    }

    fn well(&mut self) {
        if std::mem::replace(&mut self.trouble, false) {
            tracing::info!("the store answers again");
        }
        self.desk.lock().view.trouble = None;
    }

    /// Who stands by? Looked at once a term; one that stands by says so.
    async fn beat(&mut self) {
        let (now, term) = (Mandate::now_ns(), nanos(self.term));
        if self.beaten.is_some_and(|at| now.saturating_sub(at) < term) || self.trouble {
            return;
        }
        self.beaten = Some(now);
        // Half the patience of others: a lead is not to lapse for this.
        let read = tokio::time::timeout(self.term / 10, self.store.read(Key::Standbys)).await;
        let Ok(Ok(found)) = read else { return };
        let beats: Beats =
            found.as_ref().and_then(|f| serde_json::from_slice(&f.value).ok()).unwrap_or_default();
        self.presence.look(&beats, now);
        self.desk.lock().view.standbys = self.presence.there(&self.holder.instance, now, term);
        if self.candidate.lead(now).is_some() {
            return;
        }
        let own = (self.holder.instance.as_str(), self.holder.who.as_str());
        let beats = self.presence.beat(beats, own, now, term);
        if let Ok(value) = serde_json::to_vec(&beats) {
            // Refused, somebody else's came between: the next one counts.
            let swap = self.store.swap(Key::Standbys, found.map(|f| f.revision), value.into());
            let _ = tokio::time::timeout(self.term / 10, swap).await;
        }
    }

    /// Hands over to one that stands by, if one does.
    async fn leave(&mut self) -> Farewell {
        // It is not to begin once more on its way out.
        self.candidate.retire();
        if self.candidate.lead(Mandate::now_ns()).is_none() {
            return Farewell::StoodBy;
        }
        // Where the store does not answer nobody can be asked: while the leave lasts, it is this one's to let go.
        let Ok(Some((revision, record))) = self.read().await.0 else { return Farewell::LetGo };
        let own = record.holder.as_ref().is_some_and(|h| h.instance == self.holder.instance);
        if !own {
            return Farewell::StoodBy;
        }
        if self.desk.lock().view.standbys.is_empty() {
            return Farewell::LetGo;
        }
        match self.offer(revision, record.epoch).await {
            Ok(farewell) => farewell,
            Err(why) => {
                tracing::warn!(
                    "the lead was offered, and the store does not say to whom it went: {why:#}. What is held ends with its leases"
                );
                Farewell::StoodBy
            }
        }
    }

    /// Offers the lead, and takes it back if nobody wants it for two terms.
    async fn offer(&mut self, revision: u64, epoch: u64) -> Result<Farewell> {
        self.stand_by();
        self.candidate.resign(Mandate::now_ns());
        let Swapped::To(offered) = self.swap(Some(revision), &self.record(false, epoch)).await.0? else {
            return Ok(Farewell::StoodBy);
        };
        let begun = Mandate::now_ns();
        let patience = nanos((2 * self.term).min(OFFER));
        while Mandate::now_ns().saturating_sub(begun) < patience {
            tokio::time::sleep(self.term / 30).await;
            if let Some(who) = self.taker().await? {
                return Ok(Farewell::HandedOver(who));
            }
        }
        let (answer, span) = self.swap(Some(offered), &self.record(true, epoch)).await;
        let swapped = answer?;
        self.candidate.taken(span, epoch, swapped);
        match self.candidate.lead(Mandate::now_ns()) {
            Some(lead) => {
                self.mandate.until(lead.until);
                Ok(Farewell::LetGo)
            }
            None => Ok(self.taker().await?.map_or(Farewell::StoodBy, Farewell::HandedOver)),
        }
    }

    /// Who has taken what was offered?
    async fn taker(&mut self) -> Result<Option<String>> {
        let (_, record) = self.read().await.0?.context("the record is gone")?;
        Ok(record.holder.filter(|h| h.instance != self.holder.instance).map(|h| h.who))
    }

    /// Leads no more, and says so, so that nobody has to wait.
    async fn free(&mut self) {
        let Some(lead) = self.candidate.lead(Mandate::now_ns()) else { return };
        self.stand_by();
        self.candidate.resign(Mandate::now_ns());
        let _ = self.swap(Some(lead.revision), &self.record(false, lead.epoch)).await;
    }
}
