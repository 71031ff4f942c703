//! The load: a site of any size, the reports of its nodes and the readings of its points.
//!
//! Responsible for: numbers of the size and resolution that NVML has, changing from sample to sample, and reports written
//! once and stamped anew each tick. Not for: physics.

use anyhow::{Result, anyhow, ensure};
use headroom_drivers::node_report::{encode_packed, encode_report};
use headroom_site::{GpuSample, NodeReport, Offered, PointId, Quality, Reading, Site, Span, Stamp};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// GPUs of a node.
pub(super) const PER_NODE: usize = 8;
/// Nodes of a rack, and points of one controller (their stamps come from one clock).
const PER_RACK: usize = 4;
const PER_OBJECT: usize = 25;
/// Where sequence and time stand in a packed report.
const SEQUENCE: usize = 18;
const TIME: usize = 34;

/// A node's GPU by number.
fn uuid(gpu: usize) -> String {
    // Spread over all digits, as real ones are.
    let mixed = (gpu as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("GPU-{:08x}-{:04x}-4aaa-8bbb-{gpu:012x}", mixed >> 32, mixed & 0xFFFF)
}

/// A site of `gpus` GPUs in nodes of eight, and `points` points of a bus.
///
/// # Errors
/// The site file is not accepted: a fault of this file.
pub(super) fn site(gpus: usize, points: usize, url: &str) -> Result<Site> {
    let nodes = gpus.div_ceil(PER_NODE);
    let mut text = String::from(
        "format = 1\n[site]\nname = \"bench\"\n[periods]\npower = \"1 s\"\nagent = \"100 ms\"\n\
         [[place]]\nid = \"hall\"\nkind = \"hall\"\n",
    );
    let _ = writeln!(text, "[[mqtt]]\nid = \"bus\"\nurl = \"{url}\"\ndialect = \"json\"\nagents = true");
    for rack in 0..nodes.div_ceil(PER_RACK) {
        let _ = writeln!(text, "[[place]]\nid = \"rack-{rack}\"\nkind = \"rack\"\nin = \"hall\"");
    }
    for node in 0..nodes {
        let (first, end) = (node * PER_NODE, ((node + 1) * PER_NODE).min(gpus));
        let uuids: Vec<String> = (first..end).map(|gpu| format!("\"{}\"", uuid(gpu))).collect();
        let rack = node / PER_RACK;
        let _ = writeln!(
            text,
            "[[node]]\nid = \"node-{node:05}\"\nrack = \"rack-{rack}\"\nsku = \"H100-SXM\"\ngpus = [{}]",
            uuids.join(", ")
        );
    }
    for object in 0..points.div_ceil(PER_OBJECT) {
        let _ = writeln!(text, "[[equipment]]\nid = \"CDU-{object}\"\nkind = \"cdu\"\nserves = [\"hall\"]");
    }
    for point in 0..points {
        let object = point / PER_OBJECT;
        let _ = writeln!(
            text,
            "[[point]]\nid = \"p-{point}\"\nof = \"CDU-{object}\"\nunit = \"degC\"\nrange = [\"-5 degC\", \"95 degC\"]\n\
             from = {{ mqtt = \"bus\", topic = \"cdu/{object}\", pointer = \"/v{point}\", time = \"/ts\" }}"
        );
    }
    headroom_site::file::read_site("bench.toml", &text, Path::new(".")).map_err(|findings| {
        let first: Vec<String> = findings.iter().take(3).map(ToString::to_string).collect();
        anyhow!("the benchmark's site is refused: {}", first.join("; "))
    })
}

/// What NVML says of a GPU: twelve fields, in its units.
fn sample(gpu: usize, moment: usize, stamp: Stamp) -> GpuSample {
    let mut x = (gpu as u64) << 32 | moment as u64;
    x = (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 32;
    let mw = 560_000 + (x % 140_000);
    let watts = |mw: u64| Some((mw as f64 * 1e-3) as f32);
    GpuSample {
        // The driver's stamps are in microseconds, and each GPU has its own moment.
        stamp: stamp + Span::from_ns((gpu % PER_NODE) as i64 * 137_000 + (x % 50) as i64 * 1000),
        power_w: watts(mw).into(),
        power_average_w: watts(mw / 2 + 310_000).into(),
        energy_j: Some(
            (900_000_000_000 + gpu as u64 * 7_123_457 + moment as u64 * 61_000 + x % 9_000) as f64 * 1e-3,
        )
        .into(),
        clock_mhz: Offered::new((1980 - 15 * ((x >> 8) % 12)) as f32),
        memory_clock_mhz: Offered::new(2619.0),
        die_c: Offered::new((58 + (x >> 16) % 9) as f32),
        hbm_c: Offered::new((66 + (x >> 20) % 9) as f32),
        margin_k: Offered::NONE,
        enforced_cap_w: Offered::new(700.0),
        utilisation: Offered::new((100 - (x >> 24) % 7) as f32 / 100.0),
        reasons: if x & 3 == 0 { 4 } else { 0 },
        throttle_ns: [
            Some(gpu as u64 * 1_234_567_000 + moment as u64 * 1_000_000),
            Some(0),
            None,
            None,
            None,
        ]
        .map(Into::into),
    }
}

/// Fields that [`sample`] fills.
pub(super) const FIELDS: usize = 12;

/// A node's report: all its GPUs, `samples` times.
pub(super) fn report(site: &Site, node: usize, samples: usize, period: Span, t: Stamp) -> NodeReport {
    let members = site.nodes[node].gpus.0 as usize..site.nodes[node].gpus.1 as usize;
    let at = |moment: usize| t - Span::from_ns(period.ns() * (samples - 1 - moment) as i64);
    let rows = (0..samples).flat_map(|moment| {
        let of = |gpu: usize| (Arc::clone(&site.gpus[gpu].uuid), sample(gpu, moment, at(moment)));
        members.clone().map(of).collect::<Vec<_>>()
    });
    NodeReport {
        node: Arc::from(site.nodes[node].id.as_str()),
        boot: 7_777 + node as u64,
        sequence: 1,
        mono_ns: t.tai_ns().unsigned_abs(),
        stamp: t,
        gpus: rows.collect(),
        sent: Some(t + Span::from_ns(2_000_000)),
        ..NodeReport::empty()
    }
}

/// One tick's messages, made once and stamped anew.
pub(super) struct Load {
    pub(super) packed: Vec<Vec<u8>>,
    /// Some of them as JSON.
    pub(super) json: Vec<Vec<u8>>,
    pub(super) readings: Vec<Reading>,
    pub(super) start: Stamp,
}

impl Load {
    pub(super) fn new(site: &Site, samples: usize, period: Span) -> Result<Self> {
        let start = Stamp::from_unix_ms(1_790_000_000_000);
        let (mut packed, mut json) = (Vec::with_capacity(site.nodes.len()), Vec::new());
        for node in 0..site.nodes.len() {
            let report = report(site, node, samples, period, start);
            let mut out = Vec::new();
            encode_packed(&report, &mut out)?;
            packed.push(out);
            if node < 256 {
                json.push(encode_report(&report)?);
            }
        }
        let reading = |p: usize| {
            let value = 18.0 + (p % 120) as f64 * 0.1;
            Reading::new(PointId(p as u32), start, Span::ZERO, value, Quality::Good).arrived(start)
        };
        ensure!(packed.iter().all(|bytes| bytes.len() > TIME + 8), "a report is shorter than its head");
        Ok(Self { packed, json, readings: (0..site.points.len()).map(reading).collect(), start })
    }

    /// Makes everything that of tick `number`.
    pub(super) fn stamp(&mut self, number: u64, now: Stamp) {
        for report in &mut self.packed {
            report[SEQUENCE..SEQUENCE + 8].copy_from_slice(&number.to_le_bytes());
            report[TIME..TIME + 8].copy_from_slice(&now.tai_ns().to_le_bytes());
        }
        for (i, reading) in self.readings.iter_mut().enumerate() {
            reading.stamp = now + Span::from_ns((i % 50) as i64 * 1_000_000);
            reading.arrival = Some(now + Span::from_ns(60_000_000 + (i / PER_OBJECT) as i64 % 7 * 1_000_000));
        }
    }
}
