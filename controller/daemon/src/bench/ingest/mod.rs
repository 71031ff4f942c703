//! Ingest: from the bytes of agents' reports to a snapshot, on one core.
//!
//! Responsible for: decode, align and snapshot of a whole site at a rate, each with its cost per reading and its
//! allocations, beside the roofline and serde_json. A sample of a GPU counts as twelve readings, one per field; a point
//! as one. Not for: sockets and brokers (`wire`).

mod load;
mod roof;
mod wire;

use super::alloc;
use anyhow::Result;
use headroom_core::align::Align;
use headroom_drivers::node_report::{Names, decode_into, decode_report};
use headroom_site::{Inbox, NodeReport, Span};
use load::{FIELDS, Load};
use serde::Serialize;
use std::time::{Duration, Instant};

pub(super) use wire::{measure as measure_wire, plain};

/// What the codec may take for a sample of a GPU, ns, and the reports it is measured on: they stay in the cache.
const LIMIT_CODEC_NS: f64 = 20.0;
const HOT: usize = 16;
/// What the whole load may take of one core.
const LIMIT_CORE: f64 = 0.3;
/// Ticks before the clock runs (what is known of the agents' clocks then is weighed anew every ten reports; later, every
/// hundred), fewest that make a percentile, and most.
const WARM_TICKS: u64 = 100;
const LEAST_TICKS: usize = 60;
const MOST_TICKS: usize = 1 << 17;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Samples of a GPU per second.
    pub(super) hz: f64,
    /// Samples of a GPU in one report.
    pub(super) samples: usize,
    pub(super) points: usize,
}

/// One stage of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Stage {
    stage: &'static str,
    ns_per_reading_median: f64,
    ns_per_reading_p99: f64,
    allocations_per_tick: f64,
}

/// What came of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    bench: &'static str,
    gpus: usize,
    points: usize,
    hz: f64,
    samples_per_report: usize,
    fields_per_sample: usize,
    readings_per_tick: usize,
    ns_per_reading_median: f64,
    ns_per_reading_p99: f64,
    limit_ns_per_reading: f64,
    bytes_per_gpu: f64,
    allocations_per_tick: f64,
    stages: [Stage; 3],
    decode_ns_per_gpu_sample_median: f64,
    codec_ns_per_gpu_sample: f64,
    codec_limit_ns_per_gpu_sample: f64,
    json_decode_ns_per_gpu_sample: f64,
    wire_bytes_per_gpu_sample: f64,
    json_bytes_per_gpu_sample: f64,
    core_share: f64,
    core_share_limit: f64,
    stream_gb_per_s: f64,
    touched_bytes_per_tick: f64,
    roofline_share: f64,
}

/// Times and allocations of each stage, by tick.
struct Watch {
    ns: [Vec<f64>; 3],
    allocations: [u64; 3],
}

impl Watch {
    fn time<T>(&mut self, stage: usize, work: impl FnOnce() -> T) -> T {
        let (calls, start) = (alloc::calls(), Instant::now());
        let done = work();
        let ns = start.elapsed().as_nanos() as f64;
        self.allocations[stage] += alloc::calls() - calls;
        self.ns[stage].push(ns);
        done
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(0.0)
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

/// Measures one size.
///
/// # Errors
/// A report that cannot be written or read: a fault of the product.
pub(super) fn measure(gpus: usize, rate: Rate, wall_s: f64) -> Result<Figures> {
    let site = load::site(gpus, rate.points, "mqtt://127.0.0.1:1883")?;
    let period = Span::from_s(1.0 / rate.hz);
    let tick_ns = period.ns() * rate.samples as i64;
    let mut load = Load::new(&site, rate.samples, period)?;
    let mut watch =
        Watch { ns: std::array::from_fn(|_| Vec::with_capacity(MOST_TICKS)), allocations: [0; 3] };
    let before = alloc::in_use();
    let mut align = Align::new(&site);
    let mut names = Names::default();
    names.learn(site.gpus.iter().map(|gpu| &gpu.uuid));
    let mut inbox = Inbox { nodes: vec![NodeReport::empty(); site.nodes.len()], ..Inbox::default() };
    inbox.readings.reserve(site.points.len());
    let mut end = None;
    let mut ticks = 0;
    loop {
        ticks += 1;
        let now = load.start + Span::from_ns(tick_ns * ticks as i64);
        load.stamp(ticks, now);
        if ticks == WARM_TICKS {
            watch.ns.iter_mut().for_each(Vec::clear);
            watch.allocations = [0; 3];
            end = Some(Instant::now() + Duration::from_secs_f64(wall_s));
        }
        watch.time(0, || -> Result<()> {
            for (report, bytes) in inbox.nodes.iter_mut().zip(&load.packed) {
                decode_into(bytes, &mut names, report)?;
                report.arrival = Some(now + Span::from_ns(5_000_000));
            }
            Ok(())
        })?;
        // What was lent comes back: the readings are those of the load.
        std::mem::swap(&mut inbox.readings, &mut load.readings);
        watch.time(1, || align.take(&inbox));
        std::mem::swap(&mut inbox.readings, &mut load.readings);
        watch.time(2, || {
            std::hint::black_box(align.snapshot(now + Span::from_ns(80_000_000)));
            align.settle();
        });
        let many = watch.ns[0].len() >= LEAST_TICKS && end.is_some_and(|end| Instant::now() >= end);
        if many || watch.ns[0].len() == MOST_TICKS {
            break;
        }
    }
    anyhow::ensure!(align.unknown == 0 && align.late == 0, "{} unknown, {} late", align.unknown, align.late);
    let bytes = alloc::in_use() - before;
    let codecs = codecs(&load, &site)?;
    Ok(figures(gpus, rate, watch, &load, Around { bytes, codecs, tick_ns }))
}

/// The codecs alone, packed and JSON: a few reports again and again, so that their memory is at hand; ns per sample.
fn codecs(load: &Load, site: &headroom_site::Site) -> Result<[f64; 2]> {
    Ok([codec_ns(&load.packed[..HOT.min(load.packed.len())], site)?, json_ns(load, site)?])
}

fn codec_ns(reports: &[Vec<u8>], site: &headroom_site::Site) -> Result<f64> {
    let mut names = Names::default();
    names.learn(site.gpus.iter().map(|gpu| &gpu.uuid));
    let mut into = vec![NodeReport::empty(); reports.len()];
    let (mut best, mut rows) = (f64::INFINITY, 0);
    for _ in 0..2_000 {
        let start = Instant::now();
        for (report, bytes) in into.iter_mut().zip(reports) {
            decode_into(bytes, &mut names, std::hint::black_box(report))?;
        }
        best = best.min(start.elapsed().as_nanos() as f64);
        rows = into.iter().map(|report| report.gpus.len()).sum();
    }
    Ok(best / rows.max(1) as f64)
}

/// serde_json on the same reports, ns per sample.
fn json_ns(load: &Load, site: &headroom_site::Site) -> Result<f64> {
    let mut names = Names::default();
    names.learn(site.gpus.iter().map(|gpu| &gpu.uuid));
    let (mut best, mut rows) = (f64::INFINITY, 0);
    for _ in 0..5 {
        let start = Instant::now();
        rows = 0;
        for bytes in &load.json {
            rows += std::hint::black_box(decode_report(bytes, &mut names)?).gpus.len();
        }
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    Ok(best / rows.max(1) as f64)
}

/// What stands around the times.
#[derive(Clone, Copy)]
struct Around {
    bytes: i64,
    codecs: [f64; 2],
    tick_ns: i64,
}

fn figures(gpus: usize, rate: Rate, watch: Watch, load: &Load, around: Around) -> Figures {
    let rows = gpus * rate.samples;
    let readings = rows * FIELDS + rate.points;
    let ticks = watch.ns[0].len();
    let total: Vec<f64> = (0..ticks).map(|t| watch.ns.iter().map(|stage| stage[t]).sum()).collect();
    let mean_ns = total.iter().sum::<f64>() / ticks as f64;
    let total = sorted(total);
    let [decode, take, snapshot] = watch.ns.map(sorted);
    let per = |ns: f64| ns / readings as f64;
    let stage = |stage, times: &[f64], calls: u64| Stage {
        stage,
        ns_per_reading_median: per(quantile(times, 0.5)),
        ns_per_reading_p99: per(quantile(times, 0.99)),
        allocations_per_tick: calls as f64 / ticks as f64,
    };
    let packed: usize = load.packed.iter().map(Vec::len).sum();
    let json: usize = load.json.iter().map(Vec::len).sum();
    let json_rows = (load.json.len() * load::PER_NODE).min(gpus) * rate.samples;
    let (stream, touched) = (roof::bandwidth(), roof::bytes(packed, rows, gpus, rate.points));
    Figures {
        bench: "ingest",
        gpus,
        points: rate.points,
        hz: rate.hz,
        samples_per_report: rate.samples,
        fields_per_sample: FIELDS,
        readings_per_tick: readings,
        ns_per_reading_median: per(quantile(&total, 0.5)),
        ns_per_reading_p99: per(quantile(&total, 0.99)),
        limit_ns_per_reading: LIMIT_CORE * around.tick_ns as f64 / readings as f64,
        bytes_per_gpu: around.bytes as f64 / gpus as f64,
        allocations_per_tick: watch.allocations.iter().sum::<u64>() as f64 / ticks as f64,
        decode_ns_per_gpu_sample_median: quantile(&decode, 0.5) / rows as f64,
        codec_limit_ns_per_gpu_sample: LIMIT_CODEC_NS,
        codec_ns_per_gpu_sample: around.codecs[0],
        json_decode_ns_per_gpu_sample: around.codecs[1],
        wire_bytes_per_gpu_sample: packed as f64 / rows as f64,
        json_bytes_per_gpu_sample: json as f64 / json_rows.max(1) as f64,
        core_share: mean_ns / around.tick_ns as f64,
        core_share_limit: LIMIT_CORE,
        stream_gb_per_s: stream,
        touched_bytes_per_tick: touched,
        roofline_share: touched / stream / quantile(&total, 0.5),
        stages: [
            stage("decode", &decode, watch.allocations[0]),
            stage("align", &take, watch.allocations[1]),
            stage("snapshot", &snapshot, watch.allocations[2]),
        ],
    }
}

/// The figures for people.
pub(super) fn table(all: &[Figures]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for f in all {
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{} GPUs at {} Hz ({} in a report), {} points: {} readings a tick ({} per sample of a GPU)",
            f.gpus, f.hz, f.samples_per_report, f.points, f.readings_per_tick, f.fields_per_sample
        );
        let _ = writeln!(out, "{:>12} {:>18} {:>14} {:>12}", "", "ns/reading median", "p99", "allocs/tick");
        for s in &f.stages {
            let _ = writeln!(
                out,
                "{:>12} {:>18.3} {:>14.3} {:>12.2}",
                s.stage, s.ns_per_reading_median, s.ns_per_reading_p99, s.allocations_per_tick
            );
        }
        let _ = writeln!(
            out,
            "{:>12} {:>18.3} {:>14.3} {:>12.2}   limit {:.1}",
            "all",
            f.ns_per_reading_median,
            f.ns_per_reading_p99,
            f.allocations_per_tick,
            f.limit_ns_per_reading
        );
        let _ = writeln!(
            out,
            "  per sample of a GPU: codec alone {:.1} ns (limit {:.0}), serde_json {:.0} ns; in the stream {:.1} ns",
            f.codec_ns_per_gpu_sample,
            f.codec_limit_ns_per_gpu_sample,
            f.json_decode_ns_per_gpu_sample,
            f.decode_ns_per_gpu_sample_median
        );
        let _ = writeln!(
            out,
            "  wire: {:.1} bytes per sample, {:.1} as JSON; memory: {:.0} bytes per GPU",
            f.wire_bytes_per_gpu_sample, f.json_bytes_per_gpu_sample, f.bytes_per_gpu
        );
        let _ = writeln!(
            out,
            "  one core: {:.2} % (limit {:.0} %); roofline: {:.0} % ({:.2} MB a tick, {:.1} GB/s)\n",
            100.0 * f.core_share,
            100.0 * f.core_share_limit,
            100.0 * f.roofline_share,
            f.touched_bytes_per_tick * 1e-6,
            f.stream_gb_per_s
        );
    }
    out
}
