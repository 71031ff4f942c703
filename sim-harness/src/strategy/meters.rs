//! What a strategy of today can see: the BMS's meters, the drivers' power readings, nameplates.
//!
//! Responsible for: the only way from a world's readings into the strategies. Not for: truth.

use crate::telemetry::gpu_outputs;
use crate::world::World;
use crate::world::signal::Signal;
use crate::world::tree::{FEED, MECHANICAL, UPS};
use headroom_nvml_abi::page::GpuOutputs;
use std::ops::Range;

/// What a point in kW shows, W.
pub(super) fn shown_w(world: &World, signal: Signal) -> Option<f64> {
    let kw = world.image.values[world.points().find(signal)?];
    kw.is_finite().then_some(kw * 1000.0)
}

/// What a GPU's driver shows.
pub(super) fn gpu(world: &World, gpu: usize) -> GpuOutputs {
    gpu_outputs(&world.fleet, &world.boards, gpu, 0)
}

/// Power of all GPUs as their drivers show it, W.
pub(super) fn gpus_w(world: &World) -> f64 {
    (0..world.fleet.len()).map(|g| f64::from(gpu(world, g).power_average_mw) / 1e3).sum()
}

/// The import limit in force or announced, where it is below the feed's own budget, W.
pub(super) fn import_cut_w(world: &World) -> Option<f64> {
    let limit_w = shown_w(world, Signal::ImportLimit)?;
    (limit_w <= world.tree.branches[FEED].budget_w - 100.0).then_some(limit_w)
}

/// Sets every cap to the product's default.
pub(super) fn release(world: &mut World) {
    for gpu in 0..world.fleet.len() {
        let default_w = world.fleet.sku(gpu).tdp_w;
        world.set_cap(gpu, default_w);
    }
}

/// A metered branch of the power tree with GPUs behind it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metered {
    /// Index in the tree.
    pub branch: usize,
    /// Its meter among the points of the image.
    pub point: usize,
    /// GPUs behind it.
    pub gpus: Range<usize>,
}

/// The branches with GPUs behind them, racks first, the feed last.
pub(super) fn metered(world: &World) -> Vec<Metered> {
    let (places, tree) = (&world.places, &world.tree);
    let span = |racks: Range<usize>| {
        let first = places.gpus_of_rack(racks.start).start;
        first..racks.last().map_or(first, |rack| places.gpus_of_rack(rack).end)
    };
    let racks = (0..places.racks).map(|r| (tree.rack(r), Signal::RackPower(r), places.gpus_of_rack(r)));
    let rows = (0..places.rows).map(|r| (tree.busway(r), Signal::Busway(r), span(places.racks_of_row(r))));
    let heads = [(UPS, Signal::Ups), (FEED, Signal::Feed)].map(|(b, s)| (b, s, 0..places.gpus));
    let all = racks.chain(rows).chain(heads);
    all.filter_map(|(branch, signal, gpus)| {
        Some(Metered { branch, point: world.points().find(signal)?, gpus })
    })
    .collect()
}

/// Nameplate power of each rack with every GPU at its default cap, W; in proportion where it is partly filled.
pub(super) fn rack_nameplates_w(world: &World) -> Vec<f64> {
    world.rack_nameplates_w()
}

/// Budget of the mechanical panel: the most that the cooling plant may draw, W.
pub(super) fn mechanical_budget_w(world: &World) -> f64 {
    world.tree.branches[MECHANICAL].budget_w
}
