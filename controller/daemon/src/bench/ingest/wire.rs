//! Ingest end to end: reports of many nodes through a real broker into the live field, and from there into align.
//!
//! Responsible for: how many messages arrive, how old they are then, and what receiving takes of a core. Agents and
//! controller are in this process and read one clock, so that an age is an age. Not for: starting a broker.
//!
//! ```text
//!   agents (one thread, a few connections) -> broker -> live field -> align, each 100 ms (one thread: its CPU time counts)
//! ```

use super::load::{self, PER_NODE};
use super::{quantile, sorted};
use anyhow::{Context as _, Result, ensure};
use headroom_core::align::Align;
use headroom_drivers::mqtt::agents::{Leaf, topic};
use headroom_drivers::mqtt::client::{Delivery, MqttClient};
use headroom_drivers::node_report::{ReportFormat, encode};
use headroom_drivers::{Clock, FieldOptions, LiveField};
use headroom_site::{Field as _, Inbox, NodeReport, Site, Span, Stamp};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Connections that carry the agents, and samples of a GPU in a report: a second at 10 Hz.
const CONNECTIONS: usize = 4;
const SAMPLES: usize = 10;
/// How often the controller looks, and the agents' thread.
const LOOK: Duration = Duration::from_millis(100);
const STEP: Duration = Duration::from_millis(2);
/// How long to wait for the broker, for its subscriptions, and for the last messages.
const CONNECT: Duration = Duration::from_secs(5);
const SUBSCRIBE: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WireFigures {
    bench: &'static str,
    nodes: usize,
    gpus: usize,
    seconds: f64,
    samples_per_report: usize,
    bytes_per_message: f64,
    messages_sent: u64,
    messages_not_taken: u64,
    messages_received: u64,
    messages_lost: u64,
    messages_duplicated: u64,
    messages_refused: u64,
    samples_taken: u64,
    age_at_arrival_ms_p50: f64,
    age_at_arrival_ms_p99: f64,
    age_at_arrival_ms_max: f64,
    age_at_snapshot_ms_p50: f64,
    age_at_snapshot_ms_p99: f64,
    receiver_core_share: Option<f64>,
}

/// What both threads see.
#[derive(Default)]
struct Shared {
    up: AtomicBool,
    done: AtomicBool,
    sent: AtomicU64,
    refused: AtomicU64,
    bytes: AtomicU64,
}

/// Runs it; `None` if the broker cannot be reached.
///
/// # Errors
/// An address that is none, or a runtime that cannot be made.
pub(crate) fn measure(url: &str, nodes: usize, seconds: f64) -> Result<Option<WireFigures>> {
    ensure!((1..=12_500).contains(&nodes), "--nodes {nodes}: give 1 to 12500");
    let site = Arc::new(load::site(nodes * PER_NODE, 0, url)?);
    let shared = Arc::new(Shared::default());
    let controller = {
        let (site, shared) = (Arc::clone(&site), Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("controller".to_owned())
            .spawn(move || runtime.block_on(receive(&site, &shared)))?
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let took = runtime.block_on(send(&site, url, seconds, &shared));
    shared.done.store(true, Relaxed);
    let heard = controller.join().map_err(|_| anyhow::anyhow!("the controller's thread ended early"))??;
    let Some(took) = took? else { return Ok(None) };
    let (arrival, used) = (sorted(heard.at_arrival_ms), sorted(heard.at_snapshot_ms));
    let sent = shared.sent.load(Relaxed);
    Ok(Some(WireFigures {
        bench: "ingest-wire",
        nodes,
        gpus: nodes * PER_NODE,
        seconds: took.as_secs_f64(),
        samples_per_report: SAMPLES,
        bytes_per_message: shared.bytes.load(Relaxed) as f64 / sent.max(1) as f64,
        messages_sent: sent,
        messages_not_taken: shared.refused.load(Relaxed),
        messages_received: heard.received,
        messages_lost: sent.saturating_sub(heard.received),
        messages_duplicated: heard.duplicated,
        messages_refused: heard.malformed,
        samples_taken: heard.samples,
        age_at_arrival_ms_p50: quantile(&arrival, 0.5),
        age_at_arrival_ms_p99: quantile(&arrival, 0.99),
        age_at_arrival_ms_max: quantile(&arrival, 1.0),
        age_at_snapshot_ms_p50: quantile(&used, 0.5),
        age_at_snapshot_ms_p99: quantile(&used, 0.99),
        receiver_core_share: heard.core_share,
    }))
}

/// The agents: each node once a second, spread over it. `None` if the broker cannot be reached.
async fn send(site: &Site, url: &str, seconds: f64, shared: &Shared) -> Result<Option<Duration>> {
    let mut clients = Vec::new();
    for i in 0..CONNECTIONS {
        let id = format!("headroom-bench-{}-{i}", std::process::id());
        clients.push(MqttClient::start(url, &id, None, Vec::new()).context("--broker")?);
    }
    let begun = Instant::now();
    while !(shared.up.load(Relaxed) && clients.iter().all(|(client, _)| client.is_up())) {
        if begun.elapsed() > CONNECT {
            return Ok(None);
        }
        tokio::time::sleep(STEP).await;
    }
    tokio::time::sleep(SUBSCRIBE).await;
    let (clock, period) = (Clock::host(), Span::from_ms(100));
    let nodes = site.nodes.len();
    let mut reports: Vec<(String, NodeReport)> = (0..nodes)
        .map(|n| {
            let report = load::report(site, n, SAMPLES, period, clock.now());
            (topic(&site.name, &site.nodes[n].id, Leaf::Telemetry), NodeReport { sequence: 0, ..report })
        })
        .collect();
    let all = (nodes as f64 * seconds).round() as usize;
    let begun = Instant::now();
    let mut next = 0;
    while next < all {
        let due = ((begun.elapsed().as_secs_f64() * nodes as f64) as usize + 1).min(all);
        for number in next..due {
            let (topic, report) = &mut reports[number % nodes];
            age(report, clock.now());
            let payload = encode(report, ReportFormat::Packed)?;
            let bytes = payload.len() as u64;
            match clients[number % CONNECTIONS].0.try_publish(topic, payload, Delivery::Telemetry) {
                Ok(()) => {
                    shared.sent.fetch_add(1, Relaxed);
                    shared.bytes.fetch_add(bytes, Relaxed);
                }
                Err(_) => {
                    shared.refused.fetch_add(1, Relaxed);
                }
            }
        }
        next = due;
        tokio::time::sleep(STEP).await;
    }
    let took = begun.elapsed();
    tokio::time::sleep(LAST).await;
    for (client, _) in clients {
        client.close().await;
    }
    Ok(Some(took))
}

/// The next report of a node: a second of new samples, sent now.
fn age(report: &mut NodeReport, now: Stamp) {
    let by = now.since(report.stamp);
    report.gpus.iter_mut().for_each(|(_, sample)| sample.stamp = sample.stamp + by);
    report.stamp = now;
    report.sent = Some(now);
    report.sequence += 1;
}

/// What the controller heard.
#[derive(Default)]
struct Heard {
    last: Vec<u64>,
    received: u64,
    duplicated: u64,
    malformed: u64,
    samples: u64,
    at_arrival_ms: Vec<f64>,
    at_snapshot_ms: Vec<f64>,
    core_share: Option<f64>,
}

impl Heard {
    fn hear(&mut self, node: usize, report: &NodeReport, now: Stamp) {
        if report.sequence <= std::mem::replace(&mut self.last[node], report.sequence) {
            self.duplicated += 1;
            return;
        }
        self.received += 1;
        self.samples += report.gpus.len() as u64;
        if let (Some(sent), Some(arrival)) = (report.sent, report.arrival) {
            self.at_arrival_ms.push(arrival.since(sent).ns() as f64 * 1e-6);
            self.at_snapshot_ms.push(now.since(sent).ns() as f64 * 1e-6);
        }
    }
}

/// The controller's end, on a thread of its own.
async fn receive(site: &Site, shared: &Shared) -> Result<Heard> {
    let clock = Clock::host();
    let mut field = LiveField::start(site, clock.clone(), FieldOptions { writes_allowed: false })?;
    let (mut align, mut inbox) = (Align::new(site), Inbox::default());
    let mut heard = Heard { last: vec![0; site.nodes.len()], ..Heard::default() };
    let number = |id: &str| id.strip_prefix("node-").and_then(|n| n.parse::<usize>().ok());
    let mut look = tokio::time::interval(LOOK);
    let mut begun: Option<(Instant, Option<u64>)> = None;
    while !shared.done.load(Relaxed) {
        look.tick().await;
        if !shared.up.load(Relaxed) {
            shared.up.store(field.status().mqtt.iter().all(|bus| bus.up), Relaxed);
            begun = Some((Instant::now(), cpu_ns()));
        }
        field.take_back(&mut inbox);
        field.drain(&mut inbox);
        let now = clock.now();
        align.take(&inbox);
        std::hint::black_box(align.snapshot(now));
        align.settle();
        for report in &inbox.nodes {
            if let Some(node) = number(&report.node).filter(|n| *n < heard.last.len()) {
                heard.hear(node, report, now);
            }
        }
    }
    heard.malformed = field.status().mqtt.iter().filter_map(|bus| Some(bus.agents.as_ref()?.malformed)).sum();
    heard.malformed += align.unknown;
    if let Some((at, Some(before))) = begun {
        heard.core_share = cpu_ns().map(|now| (now - before) as f64 / at.elapsed().as_nanos().max(1) as f64);
    }
    field.close().await;
    Ok(heard)
}

/// CPU time of this thread, ns (Linux).
fn cpu_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The figures for people.
pub(crate) fn plain(f: &WireFigures) -> String {
    let core = f.receiver_core_share.map_or("not known here".to_owned(), |s| format!("{:.1} %", 100.0 * s));
    format!(
        "{} nodes, {} GPUs, one message a second each with {} samples per GPU ({:.0} bytes), {:.1} s\n\
         messages: {} sent, {} received, {} lost, {} twice, {} refused; {} not taken for sending\n\
         age at arrival: {:.1} ms median, {:.1} ms p99, {:.1} ms at most; at the snapshot {:.1} ms, {:.1} ms p99\n\
         receiving, decode, align and snapshot: {core} of one core\n",
        f.nodes,
        f.gpus,
        f.samples_per_report,
        f.bytes_per_message,
        f.seconds,
        f.messages_sent,
        f.messages_received,
        f.messages_lost,
        f.messages_duplicated,
        f.messages_refused,
        f.messages_not_taken,
        f.age_at_arrival_ms_p50,
        f.age_at_arrival_ms_p99,
        f.age_at_arrival_ms_max,
        f.age_at_snapshot_ms_p50,
        f.age_at_snapshot_ms_p99,
    )
}
