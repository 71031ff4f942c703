//! One response, tick by tick.
//!
//! Responsible for: whether its limit is met, what it costs, and how the branch comes back. Not for: when it begins
//! (`responses`), or its sums over hours (`row`).
//!
//! With W the limit, P what the branch draws, F the clock that would stand without it (the one wanted of the job, and what the
//! GPU's highest cap carries) and f the slowest clock of the group:
//!
//! ```text
//! met            the first tick after a fall of W with the mean of P over 5 s under it
//! tokens lost    sum over its GPUs  s T/(N f) (F - f) dt        s, T, N as of `jobs`
//! fastest minute max over the time after of  P10(t) - P10(t - 60 s)
//! ```

use super::super::jobs::Group;
use super::Work;
use super::before::shares;
use super::row::ResponseRow;
use crate::line::Line;
use headroom_site::{Span, Stamp};
use std::collections::VecDeque;

/// What is under a limit is so in the mean over this, s.
const MEAN_S: f64 = 5.0;
/// Means that a rise is told by, and over what, s.
const RISE_MEAN_S: f64 = 10.0;
const MINUTE_S: f64 = 60.0;
/// A branch is looked at so long after its limit is lifted, and longer while the site is on its way up; at most so long.
const AFTER: Span = Span::from_ms(900_000);
const AFTER_MOST: Span = Span::from_ms(10_800_000);
/// A response that nothing has wanted more than for so long is over.
const IDLE: Span = Span::from_ms(900_000);
/// A limit lower by less has not fallen.
const FALL: f64 = 0.005;

/// What is known of the branch in a tick.
pub(super) struct Now {
    pub(super) stamp: Stamp,
    pub(super) dt_s: f64,
    /// What caps are held to, W; infinite where nothing below the site's own is.
    pub(super) in_force_w: f64,
    /// What is asked of it now, W; infinite before a budget that is known ahead is due.
    pub(super) asked_w: f64,
    /// As metered where it is.
    pub(super) drawn_w: f64,
    /// By its GPUs each second, and what it is believed to carry beside them: a meter that shows an instant each few seconds says
    /// little of how fast something rises.
    pub(super) believed_w: f64,
    pub(super) needed_w: f64,
}

/// A response.
#[derive(Debug, Clone)]
pub(super) struct Event {
    row: ResponseRow,
    /// Tokens a second of each job before, of this branch's GPUs.
    paces: Option<Vec<f64>>,
    shares: Vec<f64>,
    /// Tokens of each job as of the last tick.
    made: Option<Vec<f64>>,
    /// The limit as of its last fall, W, and when that was if it is not met yet.
    level_w: f64,
    fell: Option<Stamp>,
    met: bool,
    /// Something wanted more then.
    wanted: Stamp,
    lifted: Option<Stamp>,
    /// Draws of the last seconds, W.
    draws: VecDeque<(Stamp, f64)>,
    /// Means of 10 s over the last minute, W.
    means: VecDeque<(Stamp, f64)>,
}

impl Event {
    pub(super) fn new(mut row: ResponseRow, paces: Option<Vec<f64>>, now: &Now) -> Self {
        row.limit_w = if row.limit_w > 0.0 { row.limit_w.min(now.in_force_w) } else { now.in_force_w };
        Self {
            met: row.met_s.is_some() && !row.unmet,
            row,
            paces,
            shares: Vec::new(),
            made: None,
            level_w: f64::INFINITY,
            fell: None,
            wanted: now.stamp,
            lifted: None,
            draws: VecDeque::new(),
            means: VecDeque::new(),
        }
    }

    pub(super) fn row(&self) -> &ResponseRow {
        &self.row
    }

    pub(super) fn into_row(self) -> ResponseRow {
        self.row
    }

    /// Its limit is lifted.
    pub(super) fn is_after(&self) -> bool {
        self.lifted.is_some()
    }

    pub(super) fn turn(&mut self) {
        self.row = self.row.rest();
    }

    /// Nothing more is to be seen of it.
    pub(super) fn is_over(&self, line: &Line, now: Stamp) -> bool {
        let Some(lifted) = self.lifted else { return false };
        let rises = line.ramp().is_some_and(|r| r.needs_w > r.may_draw_w);
        now.since(lifted) >= if rises { AFTER_MOST } else { AFTER }
    }

    /// Takes a tick; true if it was met or has ended in it.
    pub(super) fn look(&mut self, line: &Line, b: usize, now: &Now, work: &Work<'_>) -> bool {
        let draws_w = if self.is_after() { now.believed_w } else { now.drawn_w };
        self.draws.push_back((now.stamp, draws_w));
        while self.draws.front().is_some_and(|(at, _)| now.stamp.since(*at).s() >= RISE_MEAN_S) {
            self.draws.pop_front();
        }
        if let Some(lifted) = self.lifted {
            self.come_back(now, now.stamp.since(lifted).s());
            return false;
        }
        if now.needed_w > now.in_force_w {
            self.wanted = now.stamp;
        }
        if now.in_force_w.is_infinite() || now.stamp.since(self.wanted) > IDLE {
            self.lifted = Some(now.stamp);
            self.row.to_unix_ms = Some(now.stamp.unix_ms());
            self.draws.clear();
            return true;
        }
        self.book(line, b, now, work);
        self.comply(now)
    }

    /// Mean of the last seconds, W.
    fn mean_w(&self, now: Stamp, over_s: f64) -> f64 {
        let last = self.draws.iter().filter(|(at, _)| now.since(*at).s() < over_s);
        let (sum, n) = last.fold((0.0, 0.0), |(sum, n), (_, watts)| (sum + watts, n + 1.0));
        sum / f64::max(n, 1.0)
    }

    /// Is the limit met?
    fn comply(&mut self, now: &Now) -> bool {
        self.row.limit_w = self.row.limit_w.min(now.in_force_w);
        if now.asked_w.is_infinite() {
            return false;
        }
        let mean_w = self.mean_w(now.stamp, MEAN_S);
        self.row.due_unix_ms.get_or_insert(now.stamp.unix_ms());
        if now.asked_w < (1.0 - FALL) * self.level_w {
            // one that was taken up from an earlier controller has not fallen again
            let taken_up = self.level_w.is_infinite() && self.met;
            self.fell = self.fell.or(Some(now.stamp)).filter(|_| !taken_up);
            self.level_w = now.asked_w;
        }
        self.level_w = self.level_w.max(now.asked_w);
        let under = mean_w <= now.asked_w;
        self.row.under.take(under, now.dt_s);
        let met = under && self.fell.is_some();
        if let Some(fell) = self.fell.take_if(|_| under) {
            let took_s = now.stamp.since(fell).s();
            self.row.met_s = Some(self.row.met_s.map_or(took_s, |s| s.max(took_s)));
            self.met = true;
        }
        self.row.unmet = self.fell.is_some();
        if self.met && !self.row.unmet {
            self.row.over_w = self.row.over_w.max(mean_w - now.asked_w);
        }
        met
    }

    /// What it costs.
    fn book(&mut self, line: &Line, b: usize, now: &Now, work: &Work<'_>) {
        let (row, dt_s) = (&mut self.row, now.dt_s);
        row.booked_s += dt_s;
        row.drawn_j += now.drawn_w * dt_s;
        row.below_before_j += row.before_w.map_or(0.0, |w| w - now.drawn_w) * dt_s;
        row.below_need_j += (now.needed_w - now.drawn_w).max(0.0) * dt_s;
        let spans = line.topology().spans_of_branch(b);
        let below = |g: usize| spans.iter().any(|&(a, end)| (a..end).contains(&g));
        for (group, pace) in work.groups.iter().zip(work.paces) {
            take_group(row, line, group, (work, pace.token_per_mhz_s, dt_s), below);
        }
        let made = &line.ledger().job_tokens;
        if let (Some(paces), Some(before)) = (&self.paces, &self.made) {
            for (j, (pace, share)) in paces.iter().zip(&self.shares).enumerate() {
                row.below_before_tokens += pace * dt_s - share * (made[j] - before[j]);
            }
        }
        if self.shares.is_empty() {
            self.shares = shares(line, b);
        }
        self.made.get_or_insert_default().clone_from(made);
    }

    /// How fast it rises once it may, and how far.
    fn come_back(&mut self, now: &Now, since_s: f64) {
        let mean_w = self.mean_w(now.stamp, RISE_MEAN_S);
        self.row.after_s += now.dt_s;
        self.means.push_back((now.stamp, mean_w));
        while self.means.get(1).is_some_and(|(at, _)| now.stamp.since(*at).s() >= MINUTE_S) {
            self.means.pop_front();
        }
        let Some(&(at, was_w)) = self.means.front() else { return };
        let over_s = now.stamp.since(at).s();
        // a first minute rises by what it has risen so far
        let rise = (mean_w - was_w) / over_s.max(MINUTE_S);
        self.row.rise_w_per_s = self.row.rise_w_per_s.max(rise);
        if let Some(before_w) = self.row.before_w.filter(|_| since_s >= MINUTE_S) {
            let minute_w = self.means.iter().map(|(_, w)| w).sum::<f64>() / self.means.len() as f64;
            self.row.over_before_w = self.row.over_before_w.max(minute_w - before_w);
        }
    }
}

/// Adds what a group of GPUs that wait for each other has not done, as far as it is below the branch.
fn take_group(
    row: &mut ResponseRow,
    line: &Line,
    group: &Group,
    (work, token_per_mhz_s, dt_s): (&Work<'_>, f64, f64),
    below: impl Fn(usize) -> bool,
) {
    let (e, clocks) = (line.estimate(), work.clocks);
    let works = |g: &usize| clocks.now_mhz[*g] > 0.0;
    let slowest =
        group.gpus().filter(works).map(|g| f64::from(clocks.now_mhz[g])).fold(f64::INFINITY, f64::min);
    let wanted = line.job_clocks()[group.job].wanted_mhz.unwrap_or(f64::INFINITY);
    let (mut lost_mhz, mut busy_s) = (0.0, 0.0);
    for g in group.gpus().filter(works).filter(|g| below(*g)) {
        let free = e.demand.clock_for(g, e.limits.cap_w[g]).min(wanted);
        busy_s += dt_s;
        lost_mhz += (free - slowest).max(0.0);
        row.lost_gpu_s += (1.0 - slowest / free.max(1.0)).max(0.0) * dt_s;
    }
    row.busy_gpu_s += busy_s;
    if token_per_mhz_s > 0.0 {
        let follows = line.tokens_follow(group.job);
        let lost = token_per_mhz_s * lost_mhz * dt_s;
        row.counted_gpu_s += busy_s;
        row.lost_tokens += lost;
        row.sigma_tokens += follows.map_or(0.0, |(s, sigma)| sigma / s.max(0.05) * lost);
        row.at_most |= follows.is_none() && lost > 0.0;
    }
}
