//! Demand response: times in which a limit below the site's own held a branch, how it was met, and what it cost.
//!
//! Responsible for: when such a time begins and ends, and its row of an hour. Not for: the budgets themselves (`outlook`), or how
//! caps follow them (`propose/power`): nothing reads a response to decide.
//!
//! ```text
//!          a limit is in force below the site's own,                 it is lifted, or nothing
//!          and the branch would draw more                            has wanted more for 15 min
//!   free -------------------------------------------> held ----------------------------------> after ----> free
//!                                                      ^                                         |  15 min, and
//!                                                      +-----------------------------------------+  up its ramp
//!                                                            another begins, and this one is over
//! ```
//! Rooms: `row` (what is kept), `event` (one of them), `before` (what was drawn and made in the ten minutes before).

mod before;
mod event;
mod row;
#[cfg(test)]
mod tests;

pub use row::ResponseRow;

use super::jobs::{Clocks, Group, Pace};
use crate::line::Line;
use before::Before;
use event::{Event, Now};
use headroom_site::{Span, Stamp};

/// Share of the site's own limit below which another one counts.
const BELOW: f64 = 0.999;
/// What an earlier controller left open is taken up again within so long.
const TAKEN_UP: Span = Span::from_ms(120_000);

/// What the accounts know of the tick.
pub(super) struct Work<'a> {
    pub(super) groups: &'a [Group],
    pub(super) paces: &'a [Pace],
    pub(super) clocks: &'a Clocks,
}

/// All branches of a site.
#[derive(Debug, Clone, Default)]
pub(super) struct Responses {
    events: Vec<Option<Event>>,
    /// Rows of the hour whose event is over.
    over: Vec<ResponseRow>,
    before: Before,
    /// What an earlier controller left open.
    left: Vec<ResponseRow>,
    began: Option<Stamp>,
    /// Begun, met and ended so far.
    turns: u64,
}

impl Responses {
    /// For so many branches.
    pub(super) fn new(branches: usize) -> Self {
        Self { events: vec![None; branches], ..Self::default() }
    }

    /// Goes on with what an earlier controller left open.
    pub(super) fn take_up(&mut self, rows: &[ResponseRow]) {
        self.left = rows.iter().filter(|r| r.to_unix_ms.is_none()).map(ResponseRow::rest).collect();
    }

    /// So many have begun, were met or have ended: a change is worth a look.
    pub(super) fn turns(&self) -> u64 {
        self.turns
    }

    /// Looks at each branch after a tick of some length, s.
    pub(super) fn look(&mut self, line: &Line, dt_s: f64, work: &Work<'_>) {
        let now = line.snapshot().stamp;
        let began = *self.began.get_or_insert(now);
        for b in 0..self.events.len() {
            self.look_at(line, b, dt_s, work);
        }
        let held = |b: usize| self.events[b].is_some();
        self.before.take(line, held);
        if now.since(began) > TAKEN_UP {
            // it ended while nobody looked
            let ended = |mut r: ResponseRow| {
                r.to_unix_ms = Some(began.unix_ms());
                r
            };
            self.over.extend(self.left.drain(..).map(ended));
        }
    }

    fn look_at(&mut self, line: &Line, b: usize, dt_s: f64, work: &Work<'_>) {
        let (site, outlook) = (line.site(), line.outlook());
        let own_w = site.power[b].budget_w.unwrap_or(f64::INFINITY);
        let in_force_w = outlook.in_force_w(b);
        let limited = in_force_w < BELOW * own_w;
        if !limited && self.events[b].is_none() {
            return;
        }
        let asked_w = line.asked_w(b);
        let now = Now {
            stamp: line.snapshot().stamp,
            dt_s,
            in_force_w: if limited { in_force_w } else { f64::INFINITY },
            asked_w: if asked_w < BELOW * own_w { asked_w } else { f64::INFINITY },
            drawn_w: line.estimate().branch_w[b],
            believed_w: line.estimate().power_of(line.topology().spans_of_branch(b))
                + line.estimate().other_w[b],
            needed_w: line.branch_needs_w(b),
        };
        let wants = limited && now.needed_w > in_force_w;
        if wants && self.events[b].as_ref().is_none_or(Event::is_after) {
            self.over.extend(self.events[b].take().map(Event::into_row));
            let said = outlook.said_w(b) <= in_force_w;
            let row = self.begin(line, b, said, now.stamp);
            self.events[b] = Some(Event::new(row, self.before.tokens_per_s(line, b), &now));
            self.turns += 1;
        }
        let Some(event) = &mut self.events[b] else { return };
        let turned = event.look(line, b, &now, work);
        self.turns += u64::from(turned);
        if event.is_over(line, now.stamp) {
            self.over.extend(self.events[b].take().map(Event::into_row));
        }
    }

    /// A row of what begins, or of what an earlier controller had begun.
    fn begin(&mut self, line: &Line, b: usize, said: bool, now: Stamp) -> ResponseRow {
        let id = &line.site().power[b].id;
        if let Some(at) = self.left.iter().position(|r| r.branch == *id) {
            return self.left.swap_remove(at);
        }
        let drew = self.before.drew(b);
        ResponseRow {
            branch: id.clone(),
            asked_by: if said { "limit point" } else { "policy" }.to_owned(),
            from_unix_ms: now.unix_ms(),
            before_w: drew.map(|d| d.0),
            before_sigma_w: drew.map(|d| d.1),
            ramp_w_per_s: line.wants().policy().grid.ramp_up.map(|rate| rate.per_s),
            ..ResponseRow::default()
        }
    }

    /// Rows of the hour so far: those that are over, then those that are not.
    pub(super) fn rows(&self) -> Vec<ResponseRow> {
        let open = self.events.iter().flatten().map(Event::row);
        self.over.iter().chain(open).cloned().collect()
    }

    /// Begins another hour: what is not over goes on with new sums.
    pub(super) fn turn(&mut self) {
        self.over.clear();
        self.events.iter_mut().flatten().for_each(Event::turn);
    }
}
