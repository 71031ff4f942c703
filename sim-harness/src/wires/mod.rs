//! Real wires on loopback: the event bus, Modbus servers, the jobs' metrics page.
//!
//! Responsible for: sockets, and the rhythm between the world thread and them. Not for: what the
//! messages and registers mean (`desk`), the plant (`world`).
//!
//! ```text
//!  world thread                              | thread "wires" (one tokio runtime)
//!    plate.with: swap values in              |   broker, or the link to one outside
//!    tick: receive, resolve, publish  <----> |   one Modbus server per device
//!    plate.with: read requests               |   /metrics
//! ```
//!
//! The world thread is not async and never waits for a peer: what a peer does not take is dropped.

pub mod broker;
mod bus;
mod metrics;
mod modbus;
mod plate;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::watch;

pub use bus::BadUrl;
pub use plate::{JobKind, JobStats, Plate, Shared};

use crate::desk::{self, dsx::DsxDesk};
use crate::image::Image;
use broker::{Broker, BrokerConfig, BrokerStats};
use bus::{Bus, Link, Outbox, Target};

/// Which broker the BMS uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerChoice {
    /// One inside this process.
    Embedded(BrokerConfig),
    /// One outside, `mqtt://host[:port]`.
    External {
        /// Its address.
        url: String,
    },
}

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiresConfig {
    /// The event bus.
    pub broker: BrokerChoice,
    /// Ports of the Modbus devices in the order of the banks; 0 or missing = any.
    pub modbus_ports: Vec<u16>,
    /// Port of the metrics page; 0 = any.
    pub metrics_port: u16,
}

impl Default for WiresConfig {
    fn default() -> Self {
        Self {
            broker: BrokerChoice::Embedded(BrokerConfig::default()),
            modbus_ports: Vec::new(),
            metrics_port: 0,
        }
    }
}

/// Why the wires could not be laid.
#[derive(Debug, Error)]
pub enum WiresError {
    /// The broker URL is wrong.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// A socket or a thread could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What it was for.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The embedded broker bears no client at all.
    #[error("the broker has no room for the BMS itself")]
    NoRoom,
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> WiresError {
    let what = what.into();
    move |source| WiresError::Io { what, source }
}

/// Where everything listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The embedded broker; `None` when the broker is outside.
    pub broker: Option<SocketAddr>,
    /// URL under which clients find the bus.
    pub broker_url: String,
    /// Modbus devices: id, unit and address, in the order of the banks.
    pub modbus: Vec<(String, u8, SocketAddr)>,
    /// The metrics page.
    pub metrics: SocketAddr,
}

/// Sockets opened before the runtime starts.
struct Sockets {
    broker: Option<(Broker, TcpListener)>,
    link: Option<Arc<Link>>,
    modbus: Vec<TcpListener>,
    metrics: TcpListener,
}

/// The laid wires. Owned by the world thread; dropping them stops everything.
#[derive(Debug)]
pub struct Wires {
    addresses: Addresses,
    plate: Plate,
    dsx: DsxDesk,
    bus: Bus,
    outbox: Outbox,
    /// Values of this instant, so that texts are written outside the lock.
    shown: Image,
    last_ms: Option<i64>,
    cut: bool,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Wires {
    /// Opens every port, then serves them on a thread of its own.
    pub fn start(shared: Shared, dsx: DsxDesk, config: &WiresConfig) -> Result<Self, WiresError> {
        let (bus, mut sockets, address, broker_url) = open_bus(config, &dsx, shared.image.points.len())?;
        let mut devices = Vec::new();
        for (index, bank) in shared.banks.iter().enumerate() {
            let port = config.modbus_ports.get(index).copied().unwrap_or(0);
            let id = bank.device().id.clone();
            let (listener, address) = modbus::bind(port).map_err(failed(format!("Modbus port of {id}")))?;
            sockets.modbus.push(listener);
            devices.push((id, bank.device().unit, address));
        }
        let metrics = sockets.metrics.local_addr().map_err(failed("metrics port"))?;
        let addresses = Addresses { broker: address, broker_url, modbus: devices, metrics };
        let shown = shared.image.clone();
        let plate = Plate::new(shared);
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed("runtime of the wires"))?;
        let served = plate.clone();
        let thread = std::thread::Builder::new()
            .name("wires".to_owned())
            .spawn(move || runtime.block_on(serve(sockets, served, stopped)))
            .map_err(failed("thread of the wires"))?;
        let (outbox, thread) = (Outbox::default(), Some(thread));
        Ok(Self { addresses, plate, dsx, bus, outbox, shown, last_ms: None, cut: false, stop, thread })
    }

    /// Where everything listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The shared state: the world swaps values in and reads requests here.
    pub fn plate(&self) -> &Plate {
        &self.plate
    }

    /// The DSX desk.
    pub fn dsx(&self) -> &DsxDesk {
        &self.dsx
    }

    /// The DSX desk, to hand points to the operator.
    pub fn dsx_mut(&mut self) -> &mut DsxDesk {
        &mut self.dsx
    }

    /// Cuts the event bus or brings it back; brought back, everything is announced again.
    pub fn set_bus_cut(&mut self, cut: bool) {
        if std::mem::replace(&mut self.cut, cut) != cut {
            self.bus.set_cut(cut);
        }
    }

    /// Messages that found no link to an outside broker, or a full one.
    pub fn lost(&self) -> u64 {
        self.bus.lost()
    }

    /// What the embedded broker has done.
    pub fn broker_stats(&self) -> Option<BrokerStats> {
        match &self.bus {
            Bus::Embedded { broker, .. } => Some(broker.stats()),
            Bus::External(_) => None,
        }
    }

    /// One plant second: takes what integrations sent, resolves requests, says what is due. Called after
    /// the world has put its values on the plate; requests are on the plate afterwards.
    pub fn tick(&mut self, now_ms: i64) {
        let dt_s = self.last_ms.map_or(0.0, |last| now_ms.saturating_sub(last).max(0) as f64 / 1000.0);
        self.last_ms = Some(now_ms);
        if self.bus.is_new() {
            self.dsx.refresh();
        }
        let (dsx, shown) = (&mut self.dsx, &mut self.shown);
        self.bus.receive(|topic, payload| {
            if let Err(reason) = dsx.receive(now_ms, topic, payload) {
                tracing::debug!(topic, %reason, "refused");
            }
        });
        self.plate.with(|shared| {
            shared.now_ms = now_ms;
            desk::resolve(now_ms, dt_s, dsx, &mut shared.banks, &mut shared.image);
            shown.show(&shared.image);
        });
        let outbox = &mut self.outbox;
        outbox.arrive(now_ms);
        dsx.publish_metadata(now_ms, &mut |topic, payload| outbox.batch.push(topic, payload, true));
        dsx.publish_of(now_ms, shown, &mut |source, topic, payload| {
            let link = source.and_then(|s| shown.links.get(s)).copied().unwrap_or_default();
            outbox.put(link, topic, payload, now_ms);
        });
        self.bus.send(&mut outbox.batch);
    }

    /// Stops serving and waits for the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The receiver is gone only when the thread already is.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the wires' thread had panicked");
        }
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.end();
    }
}

type Opened = (Bus, Sockets, Option<SocketAddr>, String);

fn open_bus(config: &WiresConfig, dsx: &DsxDesk, points: usize) -> Result<Opened, WiresError> {
    let (metrics, _) = metrics::bind(config.metrics_port).map_err(failed("metrics port"))?;
    let mut sockets = Sockets { broker: None, link: None, modbus: Vec::new(), metrics };
    match &config.broker {
        BrokerChoice::Embedded(settings) => {
            let (listener, address) = Broker::bind(settings).map_err(failed("broker port"))?;
            let broker = Broker::new(settings);
            let inbox = broker.local("headroom-bms", &dsx.filter()).ok_or(WiresError::NoRoom)?;
            sockets.broker = Some((broker.clone(), listener));
            let bus = Bus::Embedded { broker, inbox, announced: false };
            Ok((bus, sockets, Some(address), format!("mqtt://{address}")))
        }
        BrokerChoice::External { url } => {
            // All metadata, all values and a tick's changes fit while the socket catches up.
            let capacity = 3 * points + 1024;
            let link = Arc::new(Link::new(Target::parse(url)?, dsx.filter(), capacity));
            sockets.link = Some(Arc::clone(&link));
            Ok((Bus::External(link), sockets, None, url.clone()))
        }
    }
}

/// Runs every server until told to stop; then every task ends with the runtime.
async fn serve(sockets: Sockets, plate: Plate, mut stopped: watch::Receiver<bool>) {
    if let Some((broker, listener)) = sockets.broker {
        tokio::spawn(report("broker", broker.serve(listener)));
    }
    if let Some(link) = sockets.link {
        tokio::spawn(link.keep());
    }
    for (index, listener) in sockets.modbus.into_iter().enumerate() {
        tokio::spawn(report("modbus", modbus::serve(listener, plate.clone(), index)));
    }
    let mut until = stopped.clone();
    let page_stop = async move {
        let _ = until.wait_for(|stop| *stop).await;
    };
    tokio::spawn(report("metrics", metrics::serve(sockets.metrics, plate, page_stop)));
    // An error means that the owner is gone, which is a stop as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn report(what: &'static str, server: impl Future<Output = io::Result<()>>) {
    if let Err(error) = server.await {
        tracing::error!(what, %error, "server ends");
    }
}
