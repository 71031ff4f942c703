//! What the four pairs (TOKEN, FLOPS, WATT, PUE) need beside the rest of [`View`](super::view::View): rates, sums, the
//! policy's targets, the mode of each group, and why a figure is not known.
//!
//! Responsible for: saying so in one place, so that no screen has to reckon. Not for: what is measured (the line).

use super::jobs::JobView;
use headroom_core::Line;
use headroom_guard::Mode;
use headroom_site::PointId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Rates are over so much of the past.
const RATE_OVER_MS: i64 = 60_000;
/// And over no less than this.
const RATE_LEAST_MS: i64 = 5_000;
/// Group of the GPUs' caps and clocks.
const CAPS: &str = "caps";

/// A group of actuators.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupView {
    pub(crate) group: String,
    pub(crate) mode: String,
    /// GPUs or actuators in it.
    pub(crate) members: usize,
    /// Commands of this group are written.
    pub(crate) writes: bool,
}

/// What the policy holds the plant to; absent where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetsView {
    /// Standard deviation over mean of the SM clock inside a job.
    pub(crate) clock_spread: Option<f64>,
    /// Seconds that a GPU may be throttled per day.
    pub(crate) throttled_s_per_day: Option<f64>,
    pub(crate) pue: Option<f64>,
    /// Distance that every die is to keep to its limit.
    pub(crate) headroom_k: f64,
}

/// All of it; its fields stand beside the others of the page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PairsView {
    /// When the figures were taken; `unix_ms` is the last tick.
    #[serde(default)]
    pub(crate) seen_unix_ms: i64,
    #[serde(default)]
    pub(crate) groups: Vec<GroupView>,
    #[serde(default)]
    pub(crate) targets: TargetsView,
    /// Mean over the jobs of the spread of the clock inside each, weighted by GPUs.
    #[serde(default)]
    pub(crate) clock_spread: Option<f64>,
    /// The job with the widest spread.
    #[serde(default)]
    pub(crate) clock_spread_widest_job: Option<String>,
    /// Over the last minute.
    #[serde(default)]
    pub(crate) tokens_per_s: Option<f64>,
    #[serde(default)]
    pub(crate) it_j_per_token: Option<f64>,
    /// GPUs that at least one reason holds now.
    #[serde(default)]
    pub(crate) gpus_throttled: usize,
    /// What the GPUs that are heard draw, and the sum of their highest caps (TDP).
    #[serde(default)]
    pub(crate) gpu_w: Option<f64>,
    #[serde(default)]
    pub(crate) gpu_max_cap_w: Option<f64>,
    /// Fields of the page that say nothing now, and why. A number beside it is no measurement.
    #[serde(default)]
    pub(crate) unknown: BTreeMap<String, String>,
    /// Tokens and IT energy lately.
    #[serde(skip)]
    recent: VecDeque<Count>,
}

/// Counters at an instant.
#[derive(Debug, Clone, Copy)]
struct Count {
    unix_ms: i64,
    tokens: f64,
    it_j: f64,
}

impl PairsView {
    /// Takes a look at the line.
    pub(crate) fn update(&mut self, line: &Line, jobs: &[JobView]) {
        self.seen_unix_ms = line.snapshot().stamp.unix_ms();
        self.groups = groups(line);
        self.targets = targets(line);
        self.unknown = unknown(line);
        self.update_spread(jobs);
        self.update_rates(line);
        self.update_gpus(line);
    }

    /// A figure of the page that may not be known.
    pub(crate) fn known(&self, field: &str, value: f64) -> Option<f64> {
        (value.is_finite() && !self.unknown.contains_key(field)).then_some(value)
    }

    fn update_spread(&mut self, jobs: &[JobView]) {
        let spread: Vec<&JobView> = jobs.iter().filter(|j| j.gpus_clocked > 1).collect();
        let gpus: usize = spread.iter().map(|j| j.gpus_clocked).sum();
        let sum: f64 = spread.iter().map(|j| j.clock_cv * j.gpus_clocked as f64).sum();
        self.clock_spread = (gpus > 0).then(|| sum / gpus as f64);
        let widest = spread.iter().max_by(|a, b| a.clock_cv.total_cmp(&b.clock_cv));
        self.clock_spread_widest_job = widest.map(|j| j.id.clone());
        if gpus == 0 {
            let why = if jobs.is_empty() {
                "the site file names no job"
            } else {
                "no job has two GPUs whose clock is known"
            };
            self.unknown.insert("clock_spread".to_owned(), why.to_owned());
        }
    }

    fn update_rates(&mut self, line: &Line) {
        let totals = line.ledger().totals();
        let now = Count { unix_ms: self.seen_unix_ms, tokens: totals.tokens, it_j: totals.it_j };
        // A clock that was set back begins anew.
        self.recent.retain(|c| c.unix_ms < now.unix_ms);
        while self.recent.front().is_some_and(|c| now.unix_ms - c.unix_ms > RATE_OVER_MS) {
            self.recent.pop_front();
        }
        let first = self.recent.front().copied().unwrap_or(now);
        self.recent.push_back(now);
        let counted = line.site().jobs.iter().any(|j| !j.tokens.is_empty());
        let over_s = (now.unix_ms - first.unix_ms) as f64 * 1e-3;
        let why = if !counted {
            Some("no job of the site file counts its tokens".to_owned())
        } else if now.unix_ms - first.unix_ms < RATE_LEAST_MS {
            Some("the controller has not run for long enough".to_owned())
        } else {
            None
        };
        let tokens = now.tokens - first.tokens;
        self.tokens_per_s = why.is_none().then(|| tokens / over_s);
        self.it_j_per_token = (why.is_none() && tokens > 0.0).then(|| (now.it_j - first.it_j) / tokens);
        if let Some(why) = why.clone() {
            self.unknown.insert("tokens_per_s".to_owned(), why);
        }
        if self.it_j_per_token.is_none() {
            let none = || "no token was made in the last minute".to_owned();
            self.unknown.insert("it_j_per_token".to_owned(), why.unwrap_or_else(none));
        }
    }

    fn update_gpus(&mut self, line: &Line) {
        let (site, snapshot) = (line.site(), line.snapshot());
        let heard = || snapshot.gpus.iter().enumerate().filter(|(_, g)| g.heard);
        self.gpus_throttled = heard().filter(|(i, _)| line.reasons(*i) != 0).count();
        let power = |g: &headroom_site::GpuSample| g.watts().map(f64::from);
        let drawing =
            || heard().filter_map(|(i, g)| Some((power(&g.sample)?, site.skus.get(site.gpus[i].sku)?)));
        let any = drawing().next().is_some();
        self.gpu_w = any.then(|| drawing().map(|(w, _)| w).sum());
        self.gpu_max_cap_w = any.then(|| drawing().map(|(_, sku)| sku.max_cap_w).sum());
        if !any {
            let why = if site.gpus.is_empty() { "the site has no GPU" } else { "no GPU is heard" };
            for field in ["gpu_w", "gpu_max_cap_w", "gpus_throttled"] {
                self.unknown.insert(field.to_owned(), why.to_owned());
            }
        }
    }
}

/// The caps first, then the groups of actuators in order of the site file.
fn groups(line: &Line) -> Vec<GroupView> {
    let (site, wants) = (line.site(), line.wants());
    let row = |group: &str, mode: Mode, members: usize| GroupView {
        group: group.to_owned(),
        mode: mode.to_string(),
        members,
        writes: mode.may_write(),
    };
    let commanded = site.gpus.len() - super::view::read_only(site);
    let mut out: Vec<GroupView> = Vec::new();
    if !site.gpus.is_empty() {
        out.push(row(CAPS, wants.caps_mode, commanded));
    }
    for (actuator, mode) in site.actuators.iter().zip(&wants.actuator_mode) {
        match out.iter_mut().find(|g| g.group == actuator.group) {
            Some(group) => group.members += 1,
            None => out.push(row(&actuator.group, *mode, 1)),
        }
    }
    out
}

fn targets(line: &Line) -> TargetsView {
    let wants = line.wants();
    let targets = wants.policy().objective.targets;
    TargetsView {
        clock_spread: targets.clock_spread.map(headroom_site::Ratio::as_fraction),
        throttled_s_per_day: targets.throttled.map(headroom_site::Span::s),
        pue: targets.pue,
        headroom_k: wants.gpu_margin_k,
    }
}

/// Figures that say nothing now.
fn unknown(line: &Line) -> BTreeMap<String, String> {
    let (site, snapshot) = (line.site(), line.snapshot());
    let silent = |p: PointId| {
        let point = site.points.get(p.index())?;
        let quality = snapshot.points.get(p.index())?.quality;
        (!quality.is_good()).then(|| format!("{} is {quality}", point.id))
    };
    let meter = |p: Option<PointId>, none: &str| p.map_or_else(|| Some(none.to_owned()), silent);
    let facility = meter(site.meters.facility, "the site file names no meter of the facility");
    let it = meter(site.meters.it, "the site file names no meter of the IT");
    let cooling = match site.meters.cooling.as_slice() {
        [] => Some("the site file names no meter of the cooling".to_owned()),
        all => all.iter().find_map(|p| silent(*p)),
    };
    let seen = (0..site.gpus.len()).any(|g| line.estimate().kelvins(g).is_some());
    let headroom = (!seen).then(|| "no GPU has been seen".to_owned());
    let pue = facility.clone().or_else(|| it.clone());
    let all = [
        ("facility_w", facility),
        ("it_w", it),
        ("cooling_w", cooling),
        ("pue", pue),
        ("headroom_k", headroom),
    ];
    all.into_iter().filter_map(|(field, why)| Some((field.to_owned(), why?))).collect()
}
