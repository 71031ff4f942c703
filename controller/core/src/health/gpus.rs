//! GPUs that warm more than their load explains.
//!
//! Responsible for: each GPU's rise at full load against its own usual one and against those beside it. Not for: learning it
//! (`headroom-belief`, `gpu`). Under a steady load resistance and offset are not told apart, but what they come to at full
//! load is.
//!
//! ```text
//! d_g = ln rise_g - usual_g         usual_g: mean of the first KNOWN looks at which it is known, no more than PEERS off its peers
//! hot     d_g - median(d of its node) > max(hot, 3 sigma), in RAISED looks
//! sigma^2 = sigma(ln rise_g)^2 + sigma(usual_g)^2
//! ```
//!
//! What the whole node shares is its water, its air and their flow, not its GPUs.

use super::finding::{Ailment, Finding, Size, Whose, Witness};
use crate::estimate::Estimate;
use crate::topology::Topology;
use headroom_belief::gpu::Rise;
use headroom_site::{Site, Stamp};

/// ln of the factor from which on a GPU is hot, on a plate and in air: there fans move the resistance of each GPU its own way.
const HOT: f64 = 0.21;
const HOT_IN_AIR: f64 = 0.36;
/// Looks over which what is usual is learned, and those that make a finding; the most that are counted.
const KNOWN: u16 = 20;
const RAISED: u8 = 8;
const KEPT: u8 = 15;
/// Standard deviation of the logarithm beyond which nothing is known.
const SURE: f64 = 0.12;
/// Share of a standard deviation from which on what is usual is learned anew.
const BETTER: f64 = 0.5;
/// A GPU that is so far above the median of its node is taken to be usual no further than this.
const PEERS: f64 = 0.25;

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    usual: f32,
    /// Standard deviation when that was learned.
    usual_sigma: f32,
    looks: u16,
    hot: u8,
    since: Option<Stamp>,
    by: f32,
    sigma: f32,
}

/// All GPUs.
#[derive(Debug, Clone)]
pub(super) struct Gpus {
    watched: Vec<Watched>,
    /// GPUs of one node.
    groups: Vec<Vec<u32>>,
    /// Those of a node of which something is known: GPU, logarithm of the rise, its standard deviation.
    known: Vec<(usize, f64, f64)>,
    scratch: Vec<f64>,
    /// Is it cooled by air?
    in_air: Vec<bool>,
}

impl Gpus {
    pub(super) fn new(site: &Site, topology: &Topology) -> Self {
        let air = |g: usize| {
            topology.coolant[g].first().is_some_and(|p| site.points[p.index()].kind.contains("Air"))
        };
        Self {
            watched: vec![Watched::default(); site.gpus.len()],
            groups: site.nodes.iter().map(|n| (n.gpus.0..n.gpus.1).collect()).collect(),
            known: Vec::new(),
            scratch: Vec::new(),
            in_air: (0..site.gpus.len()).map(air).collect(),
        }
    }

    pub(super) fn look(&mut self, estimate: &Estimate, now: Stamp) {
        let Self { watched, groups, known, scratch, in_air } = self;
        for group in groups {
            known.clear();
            known.extend(group.iter().filter_map(|&g| {
                let (ln_rise, sigma) = ln_rise(estimate, g as usize)?;
                Some((g as usize, ln_rise, sigma))
            }));
            for g in group.iter().map(|&g| g as usize).filter(|g| known.iter().all(|k| k.0 != *g)) {
                watched[g].miss();
            }
            let peers = median(scratch, known.iter().map(|k| k.1));
            for &(g, ln_rise, sigma) in known.iter() {
                watched[g].learn(peers.map_or(ln_rise, |peers| ln_rise.min(peers + PEERS)), sigma);
            }
            let all = median(scratch, known.iter().filter_map(|k| watched[k.0].off(k.1)));
            let shared = all.filter(|_| group.len() > 2).unwrap_or(0.0);
            for &(g, ln_rise, sigma) in known.iter() {
                let w = &mut watched[g];
                let Some(by) = w.off(ln_rise) else { continue };
                let hot = if in_air[g] { HOT_IN_AIR } else { HOT };
                w.take(by - shared, sigma.hypot(f64::from(w.usual_sigma)), hot, now);
            }
        }
    }

    pub(super) fn findings(&self, out: &mut Vec<Finding>) {
        for (g, w) in self.watched.iter().enumerate() {
            let Some(since) = w.since.filter(|_| w.hot >= RAISED) else { continue };
            let (by, sigma) = (f64::from(w.by), f64::from(w.sigma));
            out.push(Finding {
                ailment: Ailment::HotGpu,
                whose: Whose::Gpu(g),
                size: Size::Factor { factor: by.exp(), sigma },
                since,
                or: None,
                evidence: vec![Witness {
                    what: "rise at full load against its usual one and its node".to_owned(),
                    by,
                    sigma,
                    in_kelvin: false,
                }],
            });
        }
    }
}

impl Watched {
    /// Learns what is usual, and once more when it is known twice as well and nothing is suspected.
    fn learn(&mut self, ln_rise: f64, sigma: f64) {
        if self.looks >= KNOWN {
            let better = sigma < BETTER * f64::from(self.usual_sigma);
            if !better || self.hot > 0 {
                return;
            }
            self.looks = 0;
        }
        self.looks += 1;
        self.usual += (ln_rise as f32 - self.usual) / f32::from(self.looks);
        self.usual_sigma = sigma as f32;
    }

    /// How far off what is usual, if that is known.
    fn off(&self, ln_rise: f64) -> Option<f64> {
        (self.looks >= KNOWN).then(|| ln_rise - f64::from(self.usual))
    }

    fn take(&mut self, by: f64, sigma: f64, hot: f64, now: Stamp) {
        (self.by, self.sigma) = (by as f32, sigma as f32);
        if by > hot && by > 3.0 * sigma {
            self.since.get_or_insert(now);
            // One that was found stays found until it is gone for as long.
            self.hot = (self.hot + 1).min(KEPT);
        } else if by < 0.7 * hot {
            self.miss();
        }
    }

    /// A look in which it is not hot, or nothing is known of it.
    fn miss(&mut self) {
        self.hot = self.hot.saturating_sub(1);
        if self.hot == 0 {
            self.since = None;
        }
    }
}

/// Logarithm of the rise at full load and its standard deviation, where they are known.
fn ln_rise(estimate: &Estimate, gpu: usize) -> Option<(f64, f64)> {
    let (rise_k, sigma) = estimate.gpus.full_rise(gpu, Rise::Die);
    let sigma = sigma / rise_k;
    (estimate.gpus.seen(gpu) && rise_k > 1.0 && sigma < SURE).then(|| (rise_k.ln(), sigma))
}

fn median(scratch: &mut Vec<f64>, values: impl Iterator<Item = f64>) -> Option<f64> {
    scratch.clear();
    scratch.extend(values);
    scratch.sort_unstable_by(f64::total_cmp);
    scratch.get(scratch.len() / 2).copied()
}
