//! `headroom agent`: the node loop, beside the GPUs.
//!
//! Responsible for: finding which nodes of the site file are in this host (by UUID), reporting them each tick, taking
//! caps and clock locks as leases, and putting back what was found when a lease ends, when the agent is told to stop,
//! or at the next start if it was killed. It needs nobody to be safe: without a controller it lets go by itself, late
//! and at a random instant, so that the power of many nodes rises as a ramp.
//!
//! Not for: deciding caps. One thread owns NVML (`worker`); one connection per node meets the controller (`wire`).
//!
//! ```text
//!   MQTT command --> wire --> orders --> worker: node.obey -> NVML, read back
//!   MQTT report  <-- wire <-- reports <- worker: node.report, each tick
//!   MQTT network <-- wire <-- network: sysfs, each second
//! ```

mod fault;
mod gpu;
mod network;
mod node;
mod strays;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub(crate) use gpu::RETRY_NS;

use anyhow::Context as _;
use headroom_drivers::Clock;
use headroom_drivers::mqtt::client::Address;
use headroom_drivers::node_report::ReportFormat;
use headroom_drivers::nvml::persist::{HostDisk, Ownership};
use headroom_drivers::nvml::{Boards, NvmlHost};
use headroom_guard::Mode;
use headroom_site::{NodeReport, Site, Span};
use node::Node;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use strays::Strays;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use wire::{Place, Wire};
use worker::{Farewell, Order, Worker};

/// It ran and found a fault.
const FAULT: u8 = 1;
/// The configuration cannot be used.
const CONFIGURATION: u8 = 3;
/// The field cannot be reached.
const NO_FIELD: u8 = 4;

/// Orders that may wait for the worker: a few per node.
const ORDERS_PER_NODE: usize = 8;
/// Reports that may wait for the wire: a few per node.
const REPORTS_PER_NODE: usize = 4;
/// Where the ownership file lives unless told otherwise.
const STATE_DIR: &str = "/var/lib/headroom";
/// The longest that restoring may take at the end; a hung driver is left to itself then.
const FAREWELL: Duration = Duration::from_secs(8);
/// Network ports are read so often, or once per period of the agents if that is longer.
const NETWORK: Span = Span::from_ms(1000);
/// No report for so long (wall time), or for three periods: a call into the driver hangs.
const SILENCE: Duration = Duration::from_secs(5);

/// Layout of reports, as the command line has it.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum Layout {
    #[default]
    Packed,
    Json,
}

impl From<Layout> for ReportFormat {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Packed => Self::Packed,
            Layout::Json => Self::Json,
        }
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Site file.
    pub(crate) site: PathBuf,
    /// NVML library; the system's if absent.
    pub(crate) nvml: Option<PathBuf>,
    /// Clock page of a harness; the host's clock if absent.
    pub(crate) clock: Option<PathBuf>,
    /// Folder of the ownership file.
    pub(crate) state: Option<PathBuf>,
    /// Report, and refuse every command.
    pub(crate) advisory: bool,
    /// How reports are written.
    pub(crate) format: ReportFormat,
    /// Where the network ports are read; the host's sysfs if absent.
    pub(crate) sysfs: Option<PathBuf>,
}

/// Runs the agent until a signal.
///
/// # Errors
/// What no exit code stands for: no thread, no signal handler.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    match Agent::prepare(&options) {
        Ok(agent) => agent.serve().await,
        Err((code, why)) => {
            eprintln!("headroom agent: {why}");
            Ok(ExitCode::from(code))
        }
    }
}

/// Everything found and opened, nothing running yet.
struct Agent {
    site: Site,
    broker: Address,
    clock: Clock,
    host: NvmlHost,
    owner: Ownership,
    nodes: Vec<Node>,
    boot: u64,
    format: ReportFormat,
    sysfs: PathBuf,
}

/// Exit code and what to tell.
type Refusal = (u8, String);

fn configuration(why: impl Into<String>) -> Refusal {
    (CONFIGURATION, why.into())
}

fn read_site(path: &std::path::Path) -> Result<Site, Refusal> {
    let name = path.display();
    let text =
        headroom_site::file::read_text(path).map_err(|e| configuration(format!("site file {name}: {e}")))?;
    let base = path.parent().unwrap_or(std::path::Path::new("."));
    headroom_site::file::read_site(&name.to_string(), &text, base).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        configuration(format!("the site file cannot be used\n{}", lines.join("\n")))
    })
}

impl Agent {
    fn prepare(options: &Options) -> Result<Self, Refusal> {
        let site = read_site(&options.site)?;
        let bus = site.mqtt.iter().find(|bus| bus.agents);
        let broker = bus.map(Address::from).ok_or_else(|| {
            configuration(
                "no [[mqtt]] of the site file has `agents = true`: there is nowhere to meet the controller",
            )
        })?;
        let clock = options
            .clock
            .as_deref()
            .map_or(Ok(Clock::host()), Clock::page)
            .map_err(|e| configuration(e.to_string()))?;
        let host = NvmlHost::open(options.nvml.as_deref()).map_err(|e| (NO_FIELD, e.to_string()))?;
        for (index, error) in host.silent() {
            tracing::warn!(index, %error, "a GPU does not answer");
        }
        let mode = if options.advisory { Mode::Advisory } else { Mode::Active };
        let boot = worker::random();
        let first = first_node(&site, &host).ok_or_else(|| nothing_here(&site, &host))?;
        let folder = options.state.clone().unwrap_or_else(|| PathBuf::from(STATE_DIR));
        let owner = Ownership::of_agent(Box::new(HostDisk), &folder, first)
            .map_err(|e| configuration(e.to_string()))?;
        let (nodes, missing) = Node::of_host(&site, &host, &owner, boot, mode);
        for uuid in missing {
            tracing::warn!(%uuid, "a GPU of the site file that should be here is not");
        }
        let sysfs = options.sysfs.clone().unwrap_or_else(|| PathBuf::from(headroom_drivers::netdev::SYSFS));
        Ok(Self { site, broker, clock, host, owner, nodes, boot, format: options.format, sysfs })
    }

    /// One connection per node, on which its commands become orders.
    fn wires(&self, order: &SyncSender<Order>) -> anyhow::Result<Vec<Wire>> {
        let place =
            Place { broker: &self.broker, site: &self.site.name, boot: self.boot, format: self.format };
        let open = |(index, node): (usize, &Node)| {
            Wire::open(&place, node.id(), index, order.clone(), self.clock.clone())
                .context("the bus of the site file")
        };
        self.nodes.iter().enumerate().map(open).collect()
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let (order, orders) = sync_channel(self.nodes.len() * ORDERS_PER_NODE);
        let (reports, reported) = mpsc::channel(self.nodes.len() * REPORTS_PER_NODE);
        let wires = self.wires(&order)?;
        tracing::info!(
            driver = self.host.driver_version(),
            gpus = self.host.uuids().len(),
            nodes = self.nodes.len(),
            "reporting"
        );
        let (clock, period) = (self.clock, self.site.agent_period);
        let told = network::wanted(&self.site, self.nodes.iter().map(Node::id));
        let network = network::tell(&wires, told, self.sysfs, clock.clone(), period.max(NETWORK));
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            host: self.host,
            strays: Strays::of(&self.owner, &self.nodes),
            owner: self.owner,
            nodes: self.nodes,
            clock: clock.clone(),
            period,
            looks: looks(&self.site),
            orders,
            reports,
            missed: 0,
            dark_since: None,
            stop: Arc::clone(&stop),
        };
        let (ended, mut end) = oneshot::channel();
        std::thread::Builder::new()
            .name("nvml".to_owned())
            .spawn(move || drop(ended.send(worker.run())))
            .context("cannot start the thread that owns NVML")?;

        let early = tokio::select! {
            () = pass_on(&wires, reported, &clock, self.site.report_period) => None,
            () = network => None,
            early = &mut end => Some(early),
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
        };
        let farewell = match early {
            Some(farewell) => farewell.ok(),
            None => {
                stop.store(true, Relaxed);
                // A full queue wakes it as well.
                let _ = order.try_send(Order::Wake);
                tokio::time::timeout(FAREWELL, end).await.ok().and_then(Result::ok)
            }
        };
        for wire in wires {
            wire.close().await;
        }
        Ok(conclude(farewell))
    }
}

/// Looks in a report.
fn looks(site: &Site) -> u32 {
    let ratio = site.report_period.ns() as f64 / site.agent_period.ns().max(1) as f64;
    (ratio.round() as u32).max(1)
}

/// Hands reports to their wires until the worker is gone; tells when it falls silent.
async fn pass_on(
    wires: &[Wire],
    mut reported: mpsc::Receiver<(usize, NodeReport)>,
    clock: &Clock,
    period: Span,
) {
    let mut silent = false;
    loop {
        let patience = SILENCE.max(clock.wall(period).saturating_mul(3));
        match tokio::time::timeout(patience, reported.recv()).await {
            Ok(Some((index, report))) => {
                if std::mem::take(&mut silent) {
                    tracing::info!("the driver answers again");
                }
                // Down or full: the report is dropped, and its gap in the sequence tells.
                if let Some(wire) = wires.get(index) {
                    let _ = wire.report(report);
                }
            }
            Ok(None) => return,
            Err(_) if !std::mem::replace(&mut silent, true) => {
                tracing::error!("no report for {} s: a call into the driver hangs", patience.as_secs());
            }
            Err(_) => {}
        }
    }
}

fn conclude(farewell: Option<Farewell>) -> ExitCode {
    match farewell {
        Some(Farewell { dark: true, .. }) => {
            eprintln!("headroom agent: no GPU answers any more; start it again when the driver is back");
            ExitCode::from(NO_FIELD)
        }
        Some(Farewell { left, missed, reasserted, .. }) if left.is_empty() => {
            tracing::info!(missed, reasserted, "ended; the limits found at the start are back");
            ExitCode::SUCCESS
        }
        Some(Farewell { left, .. }) => {
            eprintln!(
                "headroom agent: the limits found are not back on {}; the next start restores them",
                left.join(", ")
            );
            ExitCode::from(FAULT)
        }
        None => {
            eprintln!(
                "headroom agent: the driver did not let go in time; the next start restores the limits found"
            );
            ExitCode::from(FAULT)
        }
    }
}

/// The first node of the site with a GPU in this host: it names the ownership file.
fn first_node<'a>(site: &'a Site, host: &dyn Boards) -> Option<&'a str> {
    let here = |node: &&headroom_site::model::Node| {
        (node.gpus.0..node.gpus.1)
            .any(|gpu| site.gpus.get(gpu as usize).is_some_and(|gpu| host.index(&gpu.uuid).is_some()))
    };
    site.nodes.iter().filter(|node| !node.read_only()).find(here).map(|node| node.id.as_str())
}

fn nothing_here(site: &Site, host: &NvmlHost) -> Refusal {
    let uuids: Vec<&str> = host.uuids().collect();
    if uuids.is_empty() {
        return (NO_FIELD, "the driver shows no GPU".to_owned());
    }
    let ours = |node: &&headroom_site::model::Node| {
        let gpus = site.gpus.get(node.gpus.0 as usize..node.gpus.1 as usize).unwrap_or_default();
        node.read_only() && gpus.iter().any(|gpu| host.index(&gpu.uuid).is_some())
    };
    if let Some(node) = site.nodes.iter().find(ours) {
        return configuration(format!(
            "node `{}` is read from a DCGM page, so nothing may be commanded on it; remove `dcgm` from its [[node]] to let an \
             agent hold it",
            node.id
        ));
    }
    configuration(format!(
        "none of this host's GPUs is in the site file; add them by UUID: {}",
        uuids.join(", ")
    ))
}
