//! What is kept of a response in an hour.
//!
//! Responsible for: the figures, and how parts of a response add up. Not for: how they come about (`event`).

use super::super::rows::Kept;
use serde::{Deserialize, Serialize};

/// A response, as far as it lies in an hour. Sums add up over hours; what is the most or the least of it is so of all of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResponseRow {
    /// Branch of the power tree.
    pub branch: String,
    /// `limit point` or `policy`.
    pub asked_by: String,
    /// When it began to hold, Unix ms; with the branch it names the response. Of a budget that is known ahead this is before it
    /// is due.
    pub from_unix_ms: i64,
    /// When its limit was first due, Unix ms.
    pub due_unix_ms: Option<i64>,
    /// When it was lifted, Unix ms; absent while it lasts.
    pub to_unix_ms: Option<i64>,
    /// The lowest limit, W.
    pub limit_w: f64,
    /// Mean draw of the minutes before, and the standard deviation of a minute from the next, W; absent where fewer than three were seen.
    pub before_w: Option<f64>,
    /// The latter.
    pub before_sigma_w: Option<f64>,
    /// The longest time from a fall of the limit until the mean of 5 s was under it, s.
    pub met_s: Option<f64>,
    /// A fall is not met yet, or was not before the end.
    pub unmet: bool,
    /// Time in which the limit was due, and of that with the mean of 5 s under it.
    pub under: Kept,
    /// The most that the mean of 5 s stood above the limit once that was met, W.
    pub over_w: f64,
    /// Time booked while it held, s.
    pub booked_s: f64,
    /// Energy drawn then, J.
    pub drawn_j: f64,
    /// What the draw of before would have been in that time less what was drawn, J, while it is known what was drawn before.
    pub below_before_j: f64,
    /// What the GPUs' own peaks would have come to less what was drawn, J: more would not have been drawn.
    pub below_need_j: f64,
    /// Tokens not made for slower clocks, and the standard deviation of how tokens follow clocks.
    pub lost_tokens: f64,
    /// The latter.
    pub sigma_tokens: f64,
    /// How the tokens of some job follow its clock is not known, or whether its requests wait: the tokens are the most.
    pub at_most: bool,
    /// Tokens at the pace of the minutes before less those that were made: what else changed is in it.
    pub below_before_tokens: f64,
    /// GPU-seconds of work at the clock that would have stood that were not done.
    pub lost_gpu_s: f64,
    /// GPU-seconds of work, and of those in jobs whose tokens are counted.
    pub busy_gpu_s: f64,
    /// The latter.
    pub counted_gpu_s: f64,
    /// Looked at for so long after its end, s.
    pub after_s: f64,
    /// The fastest minute of that, as 10 s means, W/s.
    pub rise_w_per_s: f64,
    /// The most that a minute of that stood above the draw of before, W.
    pub over_before_w: f64,
    /// What the policy lets the site rise by, W/s.
    pub ramp_w_per_s: Option<f64>,
}

impl ResponseRow {
    /// The same response with nothing in its sums.
    #[must_use]
    pub fn rest(&self) -> Self {
        Self {
            branch: self.branch.clone(),
            asked_by: self.asked_by.clone(),
            under: Kept::default(),
            booked_s: 0.0,
            drawn_j: 0.0,
            below_before_j: 0.0,
            below_need_j: 0.0,
            lost_tokens: 0.0,
            sigma_tokens: 0.0,
            below_before_tokens: 0.0,
            lost_gpu_s: 0.0,
            busy_gpu_s: 0.0,
            counted_gpu_s: 0.0,
            after_s: 0.0,
            ..*self
        }
    }

    /// Is this a part of the same response?
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        self.from_unix_ms == other.from_unix_ms && self.branch == other.branch
    }

    /// Adds a later part of the same response.
    pub fn add(&mut self, o: &Self) {
        let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.due_unix_ms = self.due_unix_ms.or(o.due_unix_ms);
        self.to_unix_ms = o.to_unix_ms.or(self.to_unix_ms);
        self.limit_w = self.limit_w.min(o.limit_w);
        self.met_s = most(self.met_s, o.met_s);
        self.unmet = o.unmet;
        self.under.add(&o.under);
        self.over_w = self.over_w.max(o.over_w);
        self.booked_s += o.booked_s;
        self.drawn_j += o.drawn_j;
        self.below_before_j += o.below_before_j;
        self.below_need_j += o.below_need_j;
        self.lost_tokens += o.lost_tokens;
        self.sigma_tokens += o.sigma_tokens;
        self.at_most |= o.at_most;
        self.below_before_tokens += o.below_before_tokens;
        self.lost_gpu_s += o.lost_gpu_s;
        self.busy_gpu_s += o.busy_gpu_s;
        self.counted_gpu_s += o.counted_gpu_s;
        self.after_s += o.after_s;
        self.rise_w_per_s = self.rise_w_per_s.max(o.rise_w_per_s);
        self.over_before_w = self.over_before_w.max(o.over_before_w);
    }
}
