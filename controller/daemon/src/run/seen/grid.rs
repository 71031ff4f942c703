//! Pages `/gpus/grid` and `/gpus/layout`: all GPUs of a large site once a second, without saying their names each time.
//!
//! Responsible for: columns of small numbers, and the layout that they are in. Not for: one GPU in full (`views`).

use super::Seen;
use super::gpus::GpuTrack;
use headroom_site::gpu::ThrottleReason;
use headroom_site::{Site, Span};
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How often headroom is taken over from the line: for people, and there may be very many GPUs.
pub(super) const LOOK_EVERY: Span = Span::from_ms(500);

/// What does not change while the daemon runs: who is where.
#[derive(Debug, Serialize)]
pub(crate) struct Layout<'a> {
    /// Names this layout; the same in each grid.
    pub(crate) layout: &'a str,
    nodes: Vec<NodeView<'a>>,
    /// By GPU.
    uuids: Vec<&'a str>,
    jobs: Vec<&'a str>,
    /// By GPU: index into `jobs`.
    job_of: Vec<Option<usize>>,
    /// Bit i of `throttle` in a grid is entry i.
    reasons: Vec<String>,
    /// Limits of the GPU models there are: the most of each, and the least clock.
    max_cap_w: f64,
    min_clock_mhz: f64,
    max_clock_mhz: f64,
    max_operating_degc: f64,
}

#[derive(Debug, Serialize)]
struct NodeView<'a> {
    id: &'a str,
    rack: &'a str,
    /// Its first GPU, and how many.
    first: u32,
    gpus: u32,
}

/// All GPUs at the last tick; a list has one entry per GPU, none where it is not known.
#[derive(Debug, Serialize)]
pub(crate) struct Grid {
    layout: String,
    /// The last tick.
    unix_ms: i64,
    gpus: usize,
    /// GPUs that are not heard: their last values are too old to be shown, and are left out.
    silent: Vec<usize>,
    power_w: Vec<Option<f32>>,
    clock_mhz: Vec<Option<f32>>,
    die_degc: Vec<Option<f32>>,
    /// Kelvin to the nearer limit, as the line believes it, with its sigmas taken off.
    headroom_k: Vec<Option<f32>>,
    /// Reasons that stand, as bits in the order of the layout.
    throttle: Vec<Option<u8>>,
}

/// A name for who is where.
pub(super) fn layout_id(site: &Site) -> String {
    let mut hasher = DefaultHasher::new();
    for node in &site.nodes {
        (&node.id, &node.rack, node.gpus).hash(&mut hasher);
    }
    for gpu in &site.gpus {
        gpu.uuid.hash(&mut hasher);
    }
    for job in &site.jobs {
        job.id.hash(&mut hasher);
        job.gpus.iter().for_each(|g| g.index().hash(&mut hasher));
    }
    format!("{:016x}", hasher.finish())
}

impl<'a> Layout<'a> {
    pub(crate) fn new(seen: &'a Seen) -> Self {
        let site = &*seen.site;
        let mut job_of = vec![None; site.gpus.len()];
        for (j, job) in site.jobs.iter().enumerate() {
            job.gpus.iter().for_each(|g| job_of[g.index()] = Some(j));
        }
        let skus = || site.gpus.iter().filter_map(|g| site.skus.get(g.sku));
        let most = |of: fn(&headroom_site::model::Sku) -> f64| skus().map(of).fold(0.0, f64::max);
        let node = |n: &'a headroom_site::model::Node| NodeView {
            id: &n.id,
            rack: &n.rack,
            first: n.gpus.0,
            gpus: n.gpus.1 - n.gpus.0,
        };
        Self {
            layout: &seen.layout,
            nodes: site.nodes.iter().map(node).collect(),
            uuids: site.gpus.iter().map(|g| &*g.uuid).collect(),
            jobs: site.jobs.iter().map(|j| j.id.as_str()).collect(),
            job_of,
            reasons: ThrottleReason::ALL.iter().map(ToString::to_string).collect(),
            max_cap_w: most(|s| s.max_cap_w),
            min_clock_mhz: skus().map(|s| s.min_clock_mhz).reduce(f64::min).unwrap_or(0.0),
            max_clock_mhz: most(|s| s.max_clock_mhz),
            max_operating_degc: most(|s| s.max_operating_c),
        }
    }
}

impl Grid {
    pub(crate) fn new(seen: &Seen) -> Self {
        let rows = || seen.site.gpus.iter().zip(&seen.gpus);
        let heard: Vec<bool> = rows()
            .map(|(gpu, track)| {
                seen.site.nodes.get(gpu.node.index()).is_some_and(|n| seen.is_heard(n, track))
            })
            .collect();
        let column = |of: fn(&GpuTrack) -> Option<f32>, step: f32| {
            let known = rows().zip(&heard).map(|((_, track), heard)| if *heard { of(track) } else { None });
            known.map(|x| x.filter(|x| x.is_finite()).map(|x| (x / step).round() * step).map(tidy)).collect()
        };
        let throttle = rows().zip(&heard).map(|((_, track), heard)| heard.then(|| bits(track.reasons)));
        Self {
            layout: seen.layout.clone(),
            unix_ms: seen.now.unix_ms(),
            gpus: seen.gpus.len(),
            silent: heard.iter().enumerate().filter(|(_, heard)| !**heard).map(|(i, _)| i).collect(),
            power_w: column(|t| t.sample.watts(), 1.0),
            clock_mhz: column(|t| t.sample.clock_mhz.get(), 1.0),
            die_degc: column(|t| t.sample.die_c.get(), 0.1),
            headroom_k: column(|t| t.headroom_k, 0.1),
            throttle: throttle.collect(),
        }
    }
}

/// Tenths as they are written: 61.5, not 61.500004.
fn tidy(x: f32) -> f32 {
    (f64::from(x) * 10.0).round() as f32 / 10.0
}

/// NVML's bits as a small number in the order of [`ThrottleReason::ALL`].
fn bits(reasons: u32) -> u8 {
    let set = ThrottleReason::ALL.iter().enumerate().filter(|(_, r)| reasons & r.bit() != 0);
    set.fold(0, |bits, (i, _)| bits | 1 << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_small_numbers_and_tenths_are_short() {
        let all = ThrottleReason::ALL.iter().fold(0, |bits, r| bits | r.bit());
        assert_eq!((bits(0), bits(ThrottleReason::ALL[1].bit()), bits(all)), (0, 2, 31));
        assert_eq!(serde_json::to_string(&tidy((61.54_f32 / 0.1).round() * 0.1)).unwrap(), "61.5");
    }
}
