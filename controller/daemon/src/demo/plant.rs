//! The plant on its wires: a world, the GPUs' shared page, bus, Modbus and metrics, and the score.
//!
//! Responsible for: one step of all of it, the same as in virtual time: world, local operation, requests, then
//! everything is shown. Not for: when a step is due (`pace`).

use super::folder::Folder;
use crate::score::timeline::{Keep, Timeline};
use crate::score::{self, Run, site_text};
use crate::virtual_plant::plant_stamp;
use anyhow::{Context, Result};
use headroom_nvml_abi::page::{GpuConfig, PageConfig, PageWriter, Thresholds};
use headroom_sim::desk::dsx::{DsxConfig, DsxDesk};
use headroom_sim::desk::modbus::Bank;
use headroom_sim::engine::Histogram;
use headroom_sim::score::{Prices, Score, StrategyScore};
use headroom_sim::site_file::{SiteAddresses, gpu_uuid};
use headroom_sim::telemetry::gpu_outputs;
use headroom_sim::wires::broker::{BrokerConfig, BrokerStats};
use headroom_sim::wires::{BrokerChoice, JobKind, JobStats, Shared, Wires, WiresConfig};
use headroom_sim::world::place::GPUS_PER_NODE;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Span, Stamp};
use headroom_truth::gpu::Sku;
use headroom_truth::work::{Job, JobKind as Work};
use std::path::PathBuf;

/// Fewest hosts, as long as there are so many nodes.
const LEAST_HOSTS: usize = 4;
/// Most nodes on a host.
const MOST_NODES: usize = 64;
/// Driver that the page shows.
const DRIVER: &str = "580.82.07";

/// What was written toward the plant, and how much the wires carried.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Carried {
    pub(super) dsx_requests: u64,
    pub(super) dsx_refused: u64,
    pub(super) heartbeats: u64,
    pub(super) modbus_writes: u64,
    pub(super) modbus_refused: u64,
    pub(super) cap_writes: u64,
    pub(super) lock_writes: u64,
    pub(super) broker: Option<BrokerStats>,
    pub(super) lost: u64,
}

impl Carried {
    /// Everything that was ever asked of the plant, heartbeats aside.
    pub(super) fn writes(&self) -> u64 {
        self.dsx_requests
            + self.dsx_refused
            + self.modbus_writes
            + self.modbus_refused
            + self.cap_writes
            + self.lock_writes
    }
}

/// The plant.
pub(super) struct Plant {
    world: World,
    page: PageWriter,
    wires: Wires,
    score: Score,
    timeline: Timeline,
    prices: Prices,
    /// Clock time less world time: the clock starts before the world does.
    ahead: Span,
    hosts: usize,
    pub(super) site: PathBuf,
    pub(super) nvml_page: PathBuf,
}

/// Host of a node: nodes in equal parts over the hosts, in order.
fn host_of(node: usize, nodes: usize, hosts: usize) -> usize {
    node * hosts / nodes.max(1)
}

/// Name of a host.
pub(super) fn host_name(host: usize) -> String {
    format!("host-{}", host + 1)
}

fn gpu_config(gpu: usize, sku: &Sku, host: &str) -> GpuConfig {
    let milli = |w: f64| (w * 1e3).round() as u32;
    let whole = |c: f64| c.round() as i32;
    GpuConfig {
        name: sku.name.clone(),
        min_limit_mw: milli(sku.cap_min_w),
        max_limit_mw: milli(sku.cap_max_w),
        default_limit_mw: milli(sku.tdp_w),
        min_sm_mhz: sku.clock_min_mhz.round() as u32,
        max_sm_mhz: sku.clock_max_mhz.round() as u32,
        max_mem_mhz: sku.memory_clock_mhz.round() as u32,
        thresholds: Thresholds {
            shutdown_c: whole(sku.shutdown_c),
            slowdown_c: whole(sku.slowdown_c),
            gpu_max_c: whole(sku.max_operating_c),
            memory_max_c: whole(sku.hbm_max_c),
        },
        ..GpuConfig::h100_sxm(&gpu_uuid(gpu), host)
    }
}

impl Plant {
    /// Builds the world, opens every port and writes the site file.
    pub(super) fn new(
        config: WorldConfig,
        prices: Prices,
        broker: Option<&str>,
        folder: &Folder,
    ) -> Result<Self> {
        let world = score::build_world(config)?;
        let nodes = world.places.nodes;
        let hosts = nodes.div_ceil(MOST_NODES).max(LEAST_HOSTS).min(nodes);
        let nvml_page = folder.join("gpus.page");
        let gpus = (0..world.fleet.len()).map(|g| {
            let host = host_of(g / GPUS_PER_NODE, nodes, hosts);
            gpu_config(g, world.fleet.sku(g), &host_name(host))
        });
        let page = PageConfig { driver_version: DRIVER.to_owned(), gpus: gpus.collect() };
        let page = PageWriter::create(&nvml_page, &page).context("the GPUs' page")?;
        let broker = match broker {
            Some(url) => BrokerChoice::External { url: url.to_owned() },
            None => {
                let default = BrokerConfig::default();
                let most_clients = default.most_clients.max(nodes + 64);
                BrokerChoice::Embedded(BrokerConfig { most_clients, ..default })
            }
        };
        let dsx = DsxDesk::new(&world.image, &world.config().integration, DsxConfig::default())
            .context("the image on the DSX bus")?;
        let banks = world
            .modbus
            .iter()
            .map(|d| Bank::new(d.clone(), &world.image).with_context(|| format!("the registers of {}", d.id)))
            .collect::<Result<Vec<_>>>()?;
        let shared = Shared {
            image: world.image.clone(),
            banks,
            jobs: world.workload.jobs.iter().map(job_stats).collect(),
            now_ms: 0,
        };
        let wires = Wires::start(shared, dsx, &WiresConfig { broker, ..WiresConfig::default() })?;
        let site = folder.join("site.toml");
        let text = site_text(&world, &addresses(&wires));
        std::fs::write(&site, text).with_context(|| format!("site file {}", site.display()))?;
        let (score, timeline) = (Score::new(&world, prices), Timeline::new(&world, Keep::Minutes, 0.0));
        Ok(Self { world, page, wires, score, timeline, prices, ahead: Span::ZERO, hosts, site, nvml_page })
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn hosts(&self) -> usize {
        self.hosts
    }

    /// Time of one step.
    pub(super) fn step_span(&self) -> Span {
        Span::from_s(self.world.config().dt_s)
    }

    /// Time between two looks of whoever watches it, as its site file says.
    pub(super) fn period(&self) -> Span {
        Span::from_s(self.world.config().dt_s.max(1.0))
    }

    /// URL of the bus.
    pub(super) fn broker_url(&self) -> &str {
        &self.wires.addresses().broker_url
    }

    /// The last node of a host: the one that its agent reports last.
    pub(super) fn last_node(&self, host: usize) -> usize {
        let nodes = self.world.places.nodes;
        (0..nodes).rev().find(|n| host_of(*n, nodes, self.hosts) == host).unwrap_or(0)
    }

    /// Clock time of the world.
    pub(super) fn now(&self) -> Stamp {
        plant_stamp(&self.world) + self.ahead
    }

    /// From here on the world's present is this instant of the clock, and the score counts.
    pub(super) fn begin(&mut self, at: Stamp) {
        self.ahead = at.since(plant_stamp(&self.world));
        self.score = Score::new(&self.world, self.prices);
        self.timeline = Timeline::new(&self.world, Keep::Minutes, 0.0);
    }

    /// The world stands still and is shown as of an instant; whoever has just come hears everything anew now and then.
    pub(super) fn stand(&mut self, now: Stamp, anew: bool) {
        if anew {
            self.wires.dsx_mut().refresh();
        }
        self.show(now);
    }

    /// One step of the world, with what agents and integration asked; then everything is shown.
    pub(super) fn step(&mut self) {
        for g in 0..self.world.fleet.len() {
            let Some(asked) = self.page.requests(g) else { continue };
            self.world.set_cap(g, f64::from(asked.enforced_limit_mw) * 1e-3);
            let (low, high) =
                asked.lock_mhz.map_or((0.0, f64::INFINITY), |(low, high)| (f64::from(low), f64::from(high)));
            self.world.set_lock(g, low, high);
        }
        self.world.step();
        self.score.observe(&self.world);
        self.timeline.observe(&self.world);
        self.show(self.now());
    }

    fn show(&mut self, now: Stamp) {
        let stamp_us = (now.unix_ns() / 1000) as u64;
        for g in 0..self.world.fleet.len() {
            self.page.set_present(g, self.world.fleet.present[g]);
            self.page.publish(g, &gpu_outputs(&self.world.fleet, &self.world.boards, g, stamp_us));
        }
        let world = &mut self.world;
        for &(point, _) in &world.points().requests {
            self.wires.dsx_mut().set_local(point, world.local_points().contains(&point));
        }
        self.wires.plate().with(|shared| {
            shared.image.show(&world.image);
            for bank in &mut shared.banks {
                let local = world.is_local_device(&bank.device().id);
                bank.set_local(local);
            }
            for (stats, job) in shared.jobs.iter_mut().zip(&world.workload.jobs) {
                *stats = job_stats(job);
            }
        });
        self.wires.set_bus_cut(world.bus_cut());
        self.wires.tick(now.unix_ms());
        self.wires.plate().with(|shared| world.image.requests.clone_from(&shared.image.requests));
    }

    /// The score so far.
    pub(super) fn score(&self) -> StrategyScore {
        self.score.finish(&self.world)
    }

    /// What came of the run.
    pub(super) fn finish(self) -> Run {
        Run { score: self.score(), trend: self.timeline.trend() }
    }

    /// What the wires carried so far.
    pub(super) fn carried(&self) -> Carried {
        let dsx = self.wires.dsx().counts();
        let mut sum = Carried {
            dsx_requests: dsx.accepted,
            dsx_refused: dsx.refused.values().sum(),
            heartbeats: dsx.heartbeats,
            broker: self.wires.broker_stats(),
            lost: self.wires.lost(),
            ..Carried::default()
        };
        self.wires.plate().with(|shared| {
            for counts in shared.banks.iter().map(Bank::counts) {
                sum.modbus_writes += counts.writes;
                sum.modbus_refused += counts.refused;
            }
        });
        for asked in (0..self.world.fleet.len()).filter_map(|g| self.page.requests(g)) {
            sum.cap_writes += asked.limit_writes;
            sum.lock_writes += asked.lock_writes;
        }
        sum
    }
}

fn addresses(wires: &Wires) -> SiteAddresses {
    let a = wires.addresses();
    SiteAddresses {
        broker: a.broker_url.clone(),
        modbus: a.modbus.iter().map(|(_, _, address)| address.to_string()).collect(),
        metrics: format!("http://{}/metrics", a.metrics),
    }
}

/// What an engine's metrics page would show of a job.
fn job_stats(job: &Job) -> JobStats {
    let s = &job.stats;
    let [first_token, inter_token] = Histogram::of_job(job).unwrap_or_default();
    JobStats {
        job: job.name.clone(),
        model_name: job.name.clone(),
        kind: if job.kind == Work::Serving { JobKind::Serving } else { JobKind::Training },
        prompt_tokens: s.serving.prompt_tokens,
        generation_tokens: s.tokens,
        requests_running: s.running as f64,
        requests_waiting: s.waiting as f64,
        first_token,
        inter_token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_spread_evenly() {
        for (nodes, hosts) in [(64, 4), (8, 4), (5, 4), (130, 4)] {
            let mut count = vec![0; hosts];
            (0..nodes).for_each(|n| count[host_of(n, nodes, hosts)] += 1);
            let (least, most) = (count.iter().min().unwrap(), count.iter().max().unwrap());
            assert!(*least > 0 && most - least <= 1, "{count:?}");
        }
    }
}
