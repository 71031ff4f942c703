//! The election as the daemon meets it: in which office it is at this instant, what a successor is to know, and its farewell.
//!
//! Responsible for: what loop and election share. Not for: the election itself (`task`).

use super::record::Carried;
use super::store::{AnyStore, Options};
use super::task::Task;
use super::view::LeadershipView;
use anyhow::{Context, Result};
use headroom_core::Line;
use headroom_drivers::Mandate;
use headroom_site::{ActuatorId, Office, Site};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// What one who ends is to do with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// Nothing of it is its own: another one leads, or nobody does.
    StoodBy,
    /// This one holds it from now on.
    HandedOver(String),
    /// There is nobody to have it: it is let go, as by one that is alone.
    LetGo,
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetGo => f.write_str(
                "released: the BMS has its own setpoints again, the agents let go of their caps within a lease",
            ),
            Self::HandedOver(to) => write!(f, "handed over: {to} leads, and nothing was let go"),
            Self::StoodBy => f.write_str("ended: this controller did not lead, and let go of nothing"),
        }
    }
}

/// What the loop is told, and what it tells.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Office, once the mandate is looked at.
    pub(super) office: Office,
    pub(super) view: LeadershipView,
    /// What a successor must know.
    pub(super) carried: Carried,
    /// The highest epoch that an agent has named.
    pub(super) heard_epoch: u64,
    /// It has looked long enough, and hears the plant.
    pub(super) fit: bool,
    /// Another controller, outside of this election, has taken over.
    pub(super) succeeded: bool,
}

/// Shared by loop and election.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk(Arc<(Mutex<Shared>, Notify)>);

impl Desk {
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop is to look at once.
    pub(super) fn wake(&self) {
        self.0.1.notify_one();
    }
}

/// What the election is asked for.
#[derive(Debug)]
pub(super) enum Order {
    Leave(oneshot::Sender<Farewell>),
    Close(oneshot::Sender<()>),
}

/// The election, as the loop holds it.
#[derive(Debug)]
pub(crate) struct Election {
    desk: Desk,
    mandate: Mandate,
    orders: mpsc::Sender<Order>,
    ids: BTreeMap<usize, String>,
}

impl Election {
    /// Begins to stand by, inside a tokio runtime. What is written under `mandate` is written while this one leads.
    ///
    /// # Errors
    /// The address of the store is none, or its access file is wrong.
    pub(crate) fn start(
        options: &Options,
        site: &Site,
        (who, epoch, state): (&str, u64, &Path),
        mandate: Mandate,
    ) -> Result<Self> {
        let term = Duration::from_millis(options.term.ms().max(1).cast_unsigned());
        let store = AnyStore::new(options, &site.name, term / 5)?;
        let desk = Desk::default();
        {
            let mut shared = desk.lock();
            shared.office = Office::Standby;
            shared.view = LeadershipView {
                who: who.to_owned(),
                epoch,
                term_s: term.as_secs_f64(),
                store: options.url.clone(),
                ..LeadershipView::default()
            };
        }
        let unread = site.actuators.iter().enumerate().filter(|(_, a)| a.readback.is_none());
        let ids: BTreeMap<usize, String> = unread.map(|(i, a)| (i, a.id.clone())).collect();
        let actuators = ids.iter().map(|(i, id)| (id.clone(), ActuatorId(*i as u32))).collect();
        let (orders, asked) = mpsc::channel(4);
        let task = Task::new((store, term), (who, epoch, state), actuators, (desk.clone(), mandate.clone()));
        tokio::spawn(task.run(asked));
        Ok(Self { desk, mandate, orders, ids })
    }

    /// Its office at this instant.
    pub(crate) fn office(&self) -> Office {
        if self.mandate.holds() { self.desk.lock().office.clone() } else { Office::Standby }
    }

    /// Returns when the office has changed since the last return.
    pub(crate) async fn changed(&self) {
        self.desk.0.1.notified().await;
    }

    /// What is seen of it.
    pub(crate) fn view(&self) -> LeadershipView {
        let view = self.desk.lock().view.clone();
        // One whose leave has just ended leads no more, whatever was said last.
        let left_s = self.mandate.left().map_or(0.0, |left| left.as_secs_f64());
        if view.leads { LeadershipView { leads: left_s > 0.0, left_s, ..view } } else { view }
    }

    /// Tells what a successor must know, and whether this one could be one.
    pub(crate) fn tell(&self, line: &Line, hears: bool, said: impl FnOnce(&mut Carried)) {
        let mut shared = self.desk.lock();
        shared.fit = hears && line.has_looked();
        shared.heard_epoch = shared.heard_epoch.max(line.highest_epoch().unwrap_or(0));
        shared.succeeded |= line.succeeded().is_some();
        if matches!(line.office(), Office::Leader { .. }) {
            let asked = line.asked_unread().filter_map(|(i, v)| Some((self.ids.get(&i)?.clone(), v)));
            shared.carried.asked = asked.collect();
        }
        said(&mut shared.carried);
    }

    /// Could be a leader, without a plant.
    #[cfg(test)]
    pub(super) fn fit(&self) {
        self.desk.lock().fit = true;
    }

    /// The end is near: hands over to one that stands by, if there is one.
    pub(crate) async fn leave(&self) -> Farewell {
        let (answer, said) = oneshot::channel();
        match self.orders.send(Order::Leave(answer)).await {
            Ok(()) => said.await.unwrap_or(Farewell::StoodBy),
            Err(_) => Farewell::StoodBy,
        }
    }

    /// Frees the record, if this one still holds it.
    ///
    /// # Errors
    /// The election has ended before.
    pub(crate) async fn close(self) -> Result<()> {
        let (answer, done) = oneshot::channel();
        self.orders.send(Order::Close(answer)).await.context("the election has ended")?;
        done.await.context("the election has ended")
    }
}
