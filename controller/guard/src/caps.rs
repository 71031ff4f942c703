//! GPU caps: do they fit every branch of the power tree?
//!
//! Responsible for the range of each GPU, its rise, and the budget of each branch, also while commands are on their
//! way. Not for who gets how much: it lowers what is too much in proportion, and never trades.
//!
//! **Shape.** GPUs are numbered `0..n`. A branch (breaker, busway, rack, feed) covers the GPUs of one or more spans
//! `[start, end)`, and owns a run of the common list of spans. Any set of branches will do: nested ones, two feeds
//! over the same GPUs, GPUs in no branch. Leaves before trunks wastes least; any order is safe, since caps are
//! only ever lowered and a branch once satisfied stays so. Spans of a branch should not overlap (it would count
//! twice, which is safe too).
//!
//! **Equations** per branch with budget `B`, other load `o`, cap `c`, floor `m`, most `M`, read-back `a`, all in W. GPUs
//! not heard from (`a` not finite) may stand anywhere and count with `M`:
//!
//! ```text
//! fit      K = sum_heard m + sum_silent M;  S = sum_heard (c - m);  R = B - max(o, 0) - K
//!          R < 0: infeasible, c = m;   S > R: c = m + (c - m) R/S
//! in time  P = sum_heard max(c, a) + sum_silent M;  s = max(a, m);  U = sum_heard max(c - s, 0)
//!          X = P + max(o, 0) - B > 0:  c = s + (c - s) max(1 - X/U, 0)  where c > s
//! ```
//!
//! The second line makes a raise wait until the lowering that pays for it has been read back: commands get lost one
//! by one, and the budget holds for whatever mixture of old and new arrives. `O(n depth)`, no allocation.
//!
//! `P + o` is also the most that a branch can carry whatever its GPUs do, and lowering never makes it more: a branch
//! where that is below the budget needs no second look.

use crate::Reason;

/// Taken off every share, so that a sum rounded up still fits.
const ROUNDING: f64 = 1e-9;

/// One branch of the power tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branch {
    /// What it may carry, in W. Not finite: unknown, and then nothing fits.
    pub budget_w: f64,
    /// What else it carries besides these GPUs, in W. Negative counts as zero.
    pub other_w: f64,
    /// Its first span in [`Tree::spans`].
    pub first_span: usize,
    /// How many spans it has.
    pub spans: usize,
}

/// The power tree over the GPUs.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// The branches, leaves first.
    pub branches: &'a [Branch],
    /// Spans `[start, end)` of GPU numbers, branch by branch.
    pub spans: &'a [(usize, usize)],
}

/// What is known of each GPU, in W.
#[derive(Debug, Clone, Copy)]
pub struct Gpus<'a> {
    /// The least it takes.
    pub min_w: &'a [f64],
    /// The most it takes. Not less than the limit found on it at the start, to which it returns when it is silent.
    pub max_w: &'a [f64],
    /// The cap read back from it; NaN when it is not heard from.
    pub applied_w: &'a [f64],
}

/// Whether and how far caps may rise above what was read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raise {
    /// Inputs are fresh and the mode may relax.
    pub allowed: bool,
    /// The most per call and GPU, in W, finite.
    pub max_w: f64,
}

/// What became of the caps.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub enum CapsVerdict {
    /// All as asked.
    Allow,
    /// Some were changed; send them as they are now.
    Narrow {
        /// The first reason met: a branch's, or else a GPU's.
        reason: Reason,
        /// The first branch that had no room, where it was a branch.
        branch: Option<usize>,
    },
    /// This branch is over its budget with every GPU that answers at its floor: send the caps as they are now, and call
    /// for other means (breakers, shedding).
    Infeasible {
        /// The first such branch.
        branch: usize,
        /// By how much, in W; infinite where the budget is unknown.
        over_w: f64,
    },
    /// The lists do not fit each other or are no limits. The caps are untouched: do not send them.
    Refuse(Reason),
}

impl CapsVerdict {
    fn note(&mut self, reason: Reason, branch: Option<usize>) {
        match self {
            Self::Allow => *self = Self::Narrow { reason, branch },
            // A branch without room says more than a GPU at its limit.
            Self::Narrow { branch: None, .. } if branch.is_some() => *self = Self::Narrow { reason, branch },
            Self::Narrow { .. } | Self::Infeasible { .. } | Self::Refuse(_) => {}
        }
    }

    fn infeasible(&mut self, branch: usize, over_w: f64) {
        if !matches!(self, Self::Infeasible { .. }) {
            *self = Self::Infeasible { branch, over_w };
        }
    }
}

/// Lowers `caps_w` until every branch fits. A cap that is not a number becomes the one that stands, or the floor.
pub fn caps(tree: &Tree<'_>, gpus: &Gpus<'_>, raise: Raise, caps_w: &mut [f64]) -> CapsVerdict {
    if let Err(reason) = well_formed(tree, gpus, caps_w.len()) {
        return CapsVerdict::Refuse(reason);
    }
    let mut verdict = CapsVerdict::Allow;
    let limits = gpus.min_w.iter().zip(gpus.max_w).zip(gpus.applied_w);
    for (cap, ((&min, &max), &applied)) in caps_w.iter_mut().zip(limits) {
        let (kept, why) = alone((min, max, applied), raise, *cap);
        *cap = kept;
        if let Some(reason) = why {
            verdict.note(reason, None);
        }
    }
    let mut all_roomy = true;
    for (index, branch) in tree.branches.iter().enumerate() {
        if !is_roomy(tree, branch, gpus, caps_w) {
            all_roomy = false;
            fit(tree, branch, index, gpus, caps_w, &mut verdict);
        }
    }
    if all_roomy {
        return verdict;
    }
    for (index, branch) in tree.branches.iter().enumerate() {
        if in_time(tree, branch, gpus, caps_w) {
            verdict.note(Reason::NotYetFree, Some(index));
        }
    }
    verdict
}

fn well_formed(tree: &Tree<'_>, gpus: &Gpus<'_>, n: usize) -> Result<(), Reason> {
    if gpus.min_w.len() != n || gpus.max_w.len() != n || gpus.applied_w.len() != n {
        return Err(Reason::Shape);
    }
    let covered = |b: &Branch| b.first_span.checked_add(b.spans).is_some_and(|end| end <= tree.spans.len());
    if !tree.branches.iter().all(covered) || !tree.spans.iter().all(|&(start, end)| start <= end && end <= n)
    {
        return Err(Reason::Shape);
    }
    let sound = |(min, max): (&f64, &f64)| *min >= 0.0 && min <= max && max.is_finite();
    if gpus.min_w.iter().zip(gpus.max_w).all(sound) { Ok(()) } else { Err(Reason::Envelope) }
}

/// One GPU by itself: a number, in its range, rising no faster than it may.
fn alone((min, max, applied): (f64, f64, f64), raise: Raise, asked: f64) -> (f64, Option<Reason>) {
    let rise = if raise.allowed && raise.max_w.is_finite() { raise.max_w.max(0.0) } else { 0.0 };
    // From a GPU that does not answer nothing is known that a raise could start from.
    let top = if applied.is_finite() { applied + rise } else { min };
    if !asked.is_finite() {
        let stands = if applied.is_finite() { applied } else { min };
        return (stands.clamp(min, max), Some(Reason::NotANumber));
    }
    if asked < min {
        (min, Some(Reason::Low))
    } else if top < asked && top < max {
        let why = if applied.is_finite() { Reason::Ramp } else { Reason::NoReadBack };
        (top.max(min), Some(why))
    } else if asked > max {
        (max, Some(Reason::High))
    } else {
        (asked, None)
    }
}

fn spans<'a>(tree: &Tree<'a>, branch: &Branch) -> &'a [(usize, usize)] {
    &tree.spans[branch.first_span..branch.first_span + branch.spans]
}

/// GPUs that are summed at once: no sum waits for the one before it.
const LANES: usize = 4;

/// Sums over the GPUs of a branch, each of a function of cap, floor, ceiling and what stands.
fn sums<const N: usize>(
    gpus: &Gpus<'_>,
    caps_w: &[f64],
    spans: &[(usize, usize)],
    of: impl Fn(f64, f64, f64, f64) -> [f64; N],
) -> [f64; N] {
    let mut sums = [[0.0; LANES]; N];
    for &(start, end) in spans {
        let (caps, caps_rest) = caps_w[start..end].as_chunks::<LANES>();
        let (min, min_rest) = gpus.min_w[start..end].as_chunks::<LANES>();
        let (max, max_rest) = gpus.max_w[start..end].as_chunks::<LANES>();
        let (applied, applied_rest) = gpus.applied_w[start..end].as_chunks::<LANES>();
        for ((caps, min), (max, applied)) in caps.iter().zip(min).zip(max.iter().zip(applied)) {
            for lane in 0..LANES {
                let parts = of(caps[lane], min[lane], max[lane], applied[lane]);
                for (sum, part) in sums.iter_mut().zip(parts) {
                    sum[lane] += part;
                }
            }
        }
        let rest = caps_rest.iter().zip(min_rest).zip(max_rest.iter().zip(applied_rest));
        for ((cap, min), (max, applied)) in rest {
            for (sum, part) in sums.iter_mut().zip(of(*cap, *min, *max, *applied)) {
                sum[0] += part;
            }
        }
    }
    sums.map(|l| (l[0] + l[1]) + (l[2] + l[3]))
}

/// The most that a GPU may draw whatever arrives: all of these are numbers where it answers, and what `max` does with
/// others would only cost time.
fn most(cap: f64, max: f64, applied: f64) -> f64 {
    let most = if cap > applied { cap } else { applied };
    if applied.is_finite() { most } else { max }
}

/// Is a branch surely within its budget, whatever arrives and however sums are rounded?
fn is_roomy(tree: &Tree<'_>, branch: &Branch, gpus: &Gpus<'_>, caps_w: &[f64]) -> bool {
    let [stands] = sums(gpus, caps_w, spans(tree, branch), |cap, _, max, applied| [most(cap, max, applied)]);
    let known = branch.budget_w.is_finite() && branch.other_w.is_finite();
    known && stands + branch.other_w.max(0.0) <= branch.budget_w * (1.0 - ROUNDING)
}

/// Lowers the caps of a branch in proportion to what they hold above their floors.
fn fit(
    tree: &Tree<'_>,
    branch: &Branch,
    index: usize,
    gpus: &Gpus<'_>,
    caps_w: &mut [f64],
    verdict: &mut CapsVerdict,
) {
    let [kept, above] = sums(gpus, caps_w, spans(tree, branch), |cap, min, max, applied| {
        let answers = applied.is_finite();
        [if answers { min } else { max }, if answers { cap - min } else { 0.0 }]
    });
    let room = branch.budget_w - branch.other_w.max(0.0) - kept;
    let known = room.is_finite() && branch.other_w.is_finite();
    let share = if !known || room < 0.0 {
        verdict.infeasible(index, if known { -room } else { f64::INFINITY });
        0.0
    } else if above > room {
        verdict.note(Reason::Budget, Some(index));
        (room / above * (1.0 - ROUNDING)).max(0.0)
    } else {
        return;
    };
    for gpu in spans(tree, branch).iter().flat_map(|&(start, end)| start..end) {
        caps_w[gpu] = gpus.min_w[gpu] + (caps_w[gpu] - gpus.min_w[gpu]) * share;
    }
}

/// Lowers the raises of a branch until it holds its budget whatever arrives; says whether it had to.
fn in_time(tree: &Tree<'_>, branch: &Branch, gpus: &Gpus<'_>, caps_w: &mut [f64]) -> bool {
    let spans = spans(tree, branch);
    let [stands] = sums(gpus, caps_w, spans, |cap, _, max, applied| [most(cap, max, applied)]);
    let over = stands + branch.other_w.max(0.0) - branch.budget_w;
    // A budget that is not known was met with floors above. Most branches raise nothing that they have no room for.
    if over.is_nan() || over <= 0.0 {
        return false;
    }
    let [raises] = sums(gpus, caps_w, spans, |cap, min, _, applied| {
        let floor = if applied > min { applied } else { min };
        [if applied.is_finite() && cap > floor { cap - floor } else { 0.0 }]
    });
    if raises <= 0.0 {
        return false;
    }
    let share = (1.0 - over / raises - ROUNDING).max(0.0);
    for gpu in spans.iter().flat_map(|&(start, end)| start..end) {
        let start = gpus.applied_w[gpu].max(gpus.min_w[gpu]);
        if gpus.applied_w[gpu].is_finite() && caps_w[gpu] > start {
            caps_w[gpu] = start + (caps_w[gpu] - start) * share;
        }
    }
    true
}
