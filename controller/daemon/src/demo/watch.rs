//! The demo's ears: who ticks, who reports, what the controller knows. One thread, one runtime.
//!
//! It hears what anybody could hear: the controller's pages and the agents' telemetry on the bus.

use super::folder::Folder;
use super::parties::Parties;
use super::plant::Plant;
use crate::run::http::{Pulse, url_of};
use crate::run::view::View;
use crate::score::SITE_NAME;
use crate::status::Reader;
use anyhow::{Context, Result};
use headroom_drivers::Clock;
use headroom_drivers::mqtt::agents::{Leaf, topic};
use headroom_drivers::mqtt::client::{Event, MqttClient};
use headroom_drivers::node_report::{Names, decode_report};
use headroom_sim::world::place::node_name;
use headroom_site::{Span, Stamp};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Receiver;

/// Pause after a page that does not answer.
const PAUSE: Duration = Duration::from_millis(50);
/// Pause between two looks for a tick that is due.
const AGAIN: Duration = Duration::from_millis(1);
/// Pause between two looks at the whole view.
const VIEW: Duration = Duration::from_millis(250);
/// Part of a period after which the tick should be there.
const SOON: f64 = 0.05;

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pulse: Mutex<Pulse>,
    view: Mutex<Option<View>>,
    /// Where the controller's pages are.
    address: Mutex<Option<String>>,
    told: AtomicBool,
    stop: AtomicBool,
}

impl Heard {
    pub(super) fn pulse(&self) -> Pulse {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The controller's view, while it answers.
    pub(super) fn view(&self) -> Option<View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the controller's pages are, once it has said so.
    pub(super) fn address(&self) -> Option<String> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody asks the demo to end.
    pub(super) fn told(&self) -> bool {
        self.told.load(Relaxed)
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    fn set_pulse(&self, pulse: Pulse) {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }

    fn set_view(&self, view: Option<View>) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}

/// What to listen to.
pub(super) struct Watch {
    clock: Clock,
    period: Span,
    parties: Arc<Parties>,
    heard: Arc<Heard>,
    /// State folder of the controller.
    controller: PathBuf,
    broker: String,
    /// One node of each host.
    nodes: Vec<String>,
}

impl Watch {
    /// Ears for a plant: its controller, and one node of each of its hosts.
    pub(super) fn of(
        plant: &Plant,
        clock: &Clock,
        parties: &Arc<Parties>,
        heard: &Arc<Heard>,
        folder: &Folder,
    ) -> Self {
        Self {
            clock: clock.clone(),
            period: plant.period(),
            parties: Arc::clone(parties),
            heard: Arc::clone(heard),
            controller: folder.join("controller"),
            broker: plant.broker_url().to_owned(),
            nodes: (0..plant.hosts()).map(|host| node_name(plant.last_node(host))).collect(),
        }
    }

    /// Listens until told to end.
    pub(super) fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let watch = Arc::new(self);
        runtime.block_on(async {
            let topics: Vec<String> =
                watch.nodes.iter().map(|n| topic(SITE_NAME, n, Leaf::Telemetry)).collect();
            let id = format!("headroom-demo-{}", std::process::id());
            let (_client, events) =
                MqttClient::start(&watch.broker, &id, None, topics.clone()).context("the bus")?;
            tokio::spawn(Arc::clone(&watch).reports(events, topics));
            tokio::spawn(Arc::clone(&watch).pulses());
            tokio::spawn(Arc::clone(&watch).views());
            let mut term = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            while !watch.heard.stop.load(Relaxed) {
                tokio::select! {
                    _ = term.recv() => watch.heard.told.store(true, Relaxed),
                    _ = interrupt.recv() => watch.heard.told.store(true, Relaxed),
                    _ = hangup.recv() => watch.heard.told.store(true, Relaxed),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            Ok(())
        })
    }

    fn address(&self) -> Option<String> {
        url_of(&self.controller)
    }

    /// Looks for each tick of the controller as soon as it is due.
    async fn pulses(self: Arc<Self>) {
        let reader = Reader::new();
        let (mut missed, mut ticks, mut last_ms) = (0, 0, i64::MIN);
        loop {
            let Some(address) = self.address() else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            *self.heard.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.clone());
            while let Some(pulse) = pulse(&reader, &address).await {
                // Fewer ticks than before: another controller, which counts anew.
                let before = if pulse.ticks < ticks { 0 } else { missed };
                self.parties.controller.miss(pulse.missed_ticks.saturating_sub(before));
                (missed, ticks) = (pulse.missed_ticks, pulse.ticks);
                self.heard.set_pulse(pulse);
                if pulse.ticks == 0 {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
                let due = Stamp::from_unix_ms(pulse.next_unix_ms);
                // It owes nothing before its next tick, even if it has missed some.
                self.parties.controller.sign(due - self.period);
                if pulse.next_unix_ms == last_ms {
                    tokio::time::sleep(AGAIN).await;
                } else {
                    last_ms = pulse.next_unix_ms;
                    let soon = Span::from_ns((self.period.ns() as f64 * SOON) as i64);
                    self.clock.sleep_until(due + soon).await;
                }
            }
            self.parties.controller.gone();
            self.heard.set_pulse(Pulse::default());
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn views(self: Arc<Self>) {
        let reader = Reader::new();
        loop {
            tokio::time::sleep(VIEW).await;
            let view = match self.address() {
                Some(address) => reader.get(&format!("{address}/status")).await.ok(),
                None => None,
            };
            self.heard.set_view(view.and_then(|bytes| serde_json::from_slice(&bytes).ok()));
        }
    }

    /// Reports of one node per host: when they were made, and whether one is missing.
    async fn reports(self: Arc<Self>, mut events: Receiver<Event>, topics: Vec<String>) {
        let mut names = Names::default();
        let mut last: Vec<(u64, u64)> = vec![(0, 0); topics.len()];
        while let Some(event) = events.recv().await {
            let Event::Message(message) = event else { continue };
            let Some(host) = topics.iter().position(|t| t == message.topic()) else { continue };
            let Ok(report) = decode_report(&message.payload, &mut names) else { continue };
            let (boot, sequence) = std::mem::replace(&mut last[host], (report.boot, report.sequence));
            if boot == report.boot {
                self.parties.agents[host].miss(report.sequence.saturating_sub(sequence + 1));
            }
            self.parties.agents[host].sign(report.stamp);
        }
    }
}

async fn pulse(reader: &Reader, address: &str) -> Option<Pulse> {
    let bytes = reader.get(&format!("{address}/pulse")).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}
