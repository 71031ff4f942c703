//! GPUs that warm more than their load explains.
//!
//! Responsible for: each GPU's resistance against its own usual one and against those beside it. Not for: learning it
//! (`headroom-belief`, `gpu`).
//!
//! ```text
//! d_g = ln R_g - usual_g            usual_g: mean of the first KNOWN looks at which R_g is known, no more than PEERS off its peers
//! hot     d_g - median(d of its rack) > HOT and > 3 sigma(ln R_g), in RAISED looks
//! ```
//!
//! What the whole rack shares is its water and its flow, not its GPUs.

use super::finding::{Ailment, Finding, Size, Whose, Witness};
use crate::estimate::Estimate;
use headroom_site::{Site, Stamp};

/// ln of the factor from which on a GPU is hot.
const HOT: f64 = 0.14;
/// Looks over which what is usual is learned, and those that make a finding; the most that are counted.
const KNOWN: u16 = 20;
const RAISED: u8 = 8;
const KEPT: u8 = 15;
/// Standard deviation of ln R beyond which nothing is known.
const SURE: f64 = 0.12;
/// A GPU that is so far above the median of its product in its rack is taken to be usual no further than this.
const PEERS: f64 = 0.25;

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    usual: f32,
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
    /// GPUs of one product in one rack.
    groups: Vec<Vec<u32>>,
    scratch: Vec<f64>,
}

impl Gpus {
    pub(super) fn new(site: &Site) -> Self {
        let mut groups: std::collections::BTreeMap<(&str, usize), Vec<u32>> =
            std::collections::BTreeMap::new();
        for (g, gpu) in site.gpus.iter().enumerate() {
            let rack = site.nodes[gpu.node.index()].rack.as_str();
            groups.entry((rack, gpu.sku)).or_default().push(g as u32);
        }
        Self {
            watched: vec![Watched::default(); site.gpus.len()],
            groups: groups.into_values().collect(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn look(&mut self, estimate: &Estimate, now: Stamp) {
        let ln_r = |g: u32| {
            let (r, sigma) = estimate.gpus.resistance(g as usize);
            let sigma = sigma / r;
            (estimate.gpus.seen(g as usize) && r > 0.0 && sigma < SURE).then(|| (r.ln(), sigma))
        };
        for group in &self.groups {
            let known = |out: &mut Vec<f64>, of: &dyn Fn(u32, f64) -> Option<f64>| {
                out.clear();
                out.extend(group.iter().filter_map(|&g| of(g, ln_r(g)?.0)));
                median(out)
            };
            let peers = known(&mut self.scratch, &|_, r| Some(r));
            for &g in group {
                let (Some((r, _)), w) = (ln_r(g), &mut self.watched[g as usize]) else { continue };
                if w.looks < KNOWN {
                    let r = peers.map_or(r, |peers| r.min(peers + PEERS));
                    w.looks += 1;
                    w.usual += (r as f32 - w.usual) / f32::from(w.looks);
                }
            }
            let watched = &self.watched;
            let off = |g: u32, r: f64| {
                let w = &watched[g as usize];
                (w.looks >= KNOWN).then(|| r - f64::from(w.usual))
            };
            let shared = if group.len() > 2 { known(&mut self.scratch, &off).unwrap_or(0.0) } else { 0.0 };
            for &g in group {
                let w = &mut self.watched[g as usize];
                let Some((r, sigma)) = ln_r(g).filter(|_| w.looks >= KNOWN) else { continue };
                let by = r - f64::from(w.usual) - shared;
                w.take(by, sigma, now);
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
                    what: "thermal resistance against its usual one and its rack".to_owned(),
                    by,
                    sigma,
                    in_kelvin: false,
                }],
            });
        }
    }
}

impl Watched {
    fn take(&mut self, by: f64, sigma: f64, now: Stamp) {
        (self.by, self.sigma) = (by as f32, sigma as f32);
        if by > HOT && by > 3.0 * sigma {
            self.since.get_or_insert(now);
            // One that was found stays found until it is gone for as long.
            self.hot = (self.hot + 1).min(KEPT);
        } else if by < 0.7 * HOT {
            self.hot = self.hot.saturating_sub(1);
            if self.hot == 0 {
                self.since = None;
            }
        }
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
