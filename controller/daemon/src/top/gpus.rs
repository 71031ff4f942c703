//! All GPUs: who is where, what they said last, and the order in which they are listed.
//!
//! Responsible for: finding and ordering them once for each grid, so that a picture costs only its rows. Not for: drawing.

use crate::say::{NOT_KNOWN, count, value};
use serde::Deserialize;

/// Said of a GPU whose clock no reason holds.
pub(super) const NOT_HELD: &str = "not held";

/// Page `/gpus/layout`: who is where.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Layout {
    pub(super) layout: String,
    nodes: Vec<NodePlace>,
    uuids: Vec<String>,
    jobs: Vec<String>,
    job_of: Vec<Option<usize>>,
    reasons: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct NodePlace {
    id: String,
    rack: String,
    first: usize,
    gpus: usize,
}

/// Page `/gpus/grid`: a list of each quantity, one entry per GPU.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Grid {
    layout: String,
    pub(super) unix_ms: i64,
    pub(super) gpus: usize,
    silent: Vec<usize>,
    power_w: Vec<Option<f32>>,
    clock_mhz: Vec<Option<f32>>,
    die_degc: Vec<Option<f32>>,
    headroom_k: Vec<Option<f32>>,
    throttle: Vec<Option<u8>>,
}

impl Grid {
    /// Name of the layout that it is in.
    pub(super) fn layout(&self) -> &str {
        &self.layout
    }

    fn value(&self, of: Quantity, gpu: usize) -> Option<f32> {
        let column = match of {
            Quantity::Die => &self.die_degc,
            Quantity::Power => &self.power_w,
            Quantity::Clock => &self.clock_mhz,
            Quantity::Headroom => &self.headroom_k,
            Quantity::Held => return self.throttle.get(gpu).copied().flatten().map(f32::from),
            Quantity::Place => return Some(gpu as f32),
        };
        column.get(gpu).copied().flatten()
    }
}

/// What GPUs are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Quantity {
    #[default]
    Die,
    Power,
    Clock,
    Headroom,
    Held,
    Place,
}

impl Quantity {
    /// Those that have a column of their own.
    pub(super) const COLUMNS: [Self; 5] = [Self::Die, Self::Power, Self::Clock, Self::Headroom, Self::Held];

    /// The next one, round and round.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Die => Self::Power,
            Self::Power => Self::Clock,
            Self::Clock => Self::Headroom,
            Self::Headroom => Self::Held,
            Self::Held => Self::Place,
            Self::Place => Self::Die,
        }
    }

    /// Its name.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Die => "die temperature",
            Self::Power => "power",
            Self::Clock => "clock",
            Self::Headroom => "headroom",
            Self::Held => "why the clock is held",
            Self::Place => "place",
        }
    }

    /// Which stand first.
    pub(super) const fn order(self) -> &'static str {
        match self {
            Self::Die => "the highest die temperature first",
            Self::Power => "the highest power first",
            Self::Clock => "the lowest clock first",
            Self::Headroom => "the least headroom first",
            Self::Held => "those held back first",
            Self::Place => "by place",
        }
    }

    const fn unit(self) -> (&'static str, usize) {
        match self {
            Self::Die => ("degC", 1),
            Self::Power => ("W", 0),
            Self::Clock => ("MHz", 0),
            Self::Headroom => ("K", 1),
            Self::Held | Self::Place => ("", 0),
        }
    }

    /// Does a high value stand first?
    const fn falls(self) -> bool {
        matches!(self, Self::Die | Self::Power | Self::Held)
    }
}

/// The GPUs of the site.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    layout: Layout,
    grid: Option<Grid>,
    /// By GPU: its node, and all its names in small letters.
    node_of: Vec<usize>,
    names: Vec<String>,
    silent: Vec<bool>,
    /// GPUs that are wanted, in order.
    rows: Vec<u32>,
    sort: Quantity,
    filter: String,
}

impl Fleet {
    /// Another layout: what was known of the old one is gone.
    pub(super) fn place(&mut self, layout: Layout) {
        let gpus = layout.uuids.len();
        self.node_of = vec![usize::MAX; gpus];
        for (n, node) in layout.nodes.iter().enumerate() {
            let end = node.first.saturating_add(node.gpus).min(gpus);
            if let Some(of) = self.node_of.get_mut(node.first..end) {
                of.fill(n);
            }
        }
        self.layout = layout;
        let names = |gpu: usize| {
            let who = self.who(gpu);
            [who.uuid, who.node, who.rack, who.job].join("\n").to_lowercase()
        };
        self.names = (0..gpus).map(names).collect();
        (self.grid, self.rows) = (None, Vec::new());
    }

    /// What they said last; of another layout it is left aside.
    pub(super) fn take(&mut self, grid: Grid) {
        if grid.layout != self.layout.layout {
            return;
        }
        self.silent = vec![false; self.layout.uuids.len()];
        for gpu in &grid.silent {
            if let Some(silent) = self.silent.get_mut(*gpu) {
                *silent = true;
            }
        }
        self.grid = Some(grid);
        self.order();
    }

    /// Lists them by the next quantity.
    pub(super) fn sort_next(&mut self) {
        self.sort = self.sort.next();
        self.order();
    }

    /// Lists those only whose UUID, node, rack or job has this in it.
    pub(super) fn find(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.order();
    }

    /// What is not known stands first: it is the worst.
    fn order(&mut self) {
        let Some(grid) = &self.grid else { return };
        let asked = self.filter.trim().to_lowercase();
        let wanted = |gpu: &usize| asked.is_empty() || self.names[*gpu].contains(&asked);
        let sign = if self.sort.falls() { -1.0 } else { 1.0 };
        let rank = |gpu: usize| grid.value(self.sort, gpu).map_or(f32::NEG_INFINITY, |v| sign * v);
        let mut rows: Vec<(f32, u32)> =
            (0..self.names.len()).filter(wanted).map(|gpu| (rank(gpu), gpu as u32)).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.rows = rows.into_iter().map(|(_, gpu)| gpu).collect();
    }

    /// GPUs that are wanted, in order.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// What was said last, if anything was.
    pub(super) fn grid(&self) -> Option<&Grid> {
        self.grid.as_ref()
    }

    /// By what they are listed.
    pub(super) fn sort(&self) -> Quantity {
        self.sort
    }

    /// What is looked for.
    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// How many are not heard.
    pub(super) fn silent(&self) -> usize {
        self.silent.iter().filter(|s| **s).count()
    }

    /// How many are held back.
    pub(super) fn held(&self) -> usize {
        self.grid.as_ref().map_or(0, |g| g.throttle.iter().flatten().filter(|b| **b > 0).count())
    }

    /// Where a GPU is.
    pub(super) fn who(&self, gpu: usize) -> Who<'_> {
        let node = self.node_of.get(gpu).and_then(|n| self.layout.nodes.get(*n));
        let job = self.layout.job_of.get(gpu).copied().flatten().and_then(|j| self.layout.jobs.get(j));
        Who {
            uuid: self.layout.uuids.get(gpu).map_or(NOT_KNOWN, String::as_str),
            node: node.map_or(NOT_KNOWN, |n| &n.id),
            rack: node.map_or(NOT_KNOWN, |n| &n.rack),
            number: node.map_or(0, |n| gpu.saturating_sub(n.first)),
            job: job.map_or("no job", String::as_str),
        }
    }

    /// Value of a GPU in words; why not, where it is not known.
    pub(super) fn said(&self, of: Quantity, gpu: usize) -> String {
        let found = self.grid.as_ref().and_then(|g| g.value(of, gpu));
        let Some(x) = found else {
            let silent = self.silent.get(gpu).copied().unwrap_or(false);
            return if silent { "not heard" } else { "not reported" }.to_owned();
        };
        if of != Quantity::Held {
            let (unit, n) = of.unit();
            return value(f64::from(x), unit, Some(n));
        }
        let bits = x as u8;
        let held = self
            .layout
            .reasons
            .iter()
            .enumerate()
            .filter(|(i, _)| bits.checked_shr(*i as u32).unwrap_or(0) & 1 == 1);
        let held: Vec<&str> = held.map(|(_, reason)| reason.as_str()).collect();
        if held.is_empty() { NOT_HELD.to_owned() } else { held.join(", ") }
    }

    /// One sentence of all of them.
    pub(super) fn summary(&self) -> Option<String> {
        let grid = self.grid.as_ref()?;
        if grid.gpus == 0 {
            return Some("The site has no GPU.".to_owned());
        }
        let quiet = match self.silent() {
            0 => String::new(),
            n => format!("; {} not heard", count(n)),
        };
        Some(format!("{} of {} GPUs are held back{quiet}.", count(self.held()), count(grid.gpus)))
    }
}

/// Where a GPU is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) uuid: &'a str,
    pub(super) node: &'a str,
    pub(super) rack: &'a str,
    /// Its place in the node.
    pub(super) number: usize,
    pub(super) job: &'a str,
}
