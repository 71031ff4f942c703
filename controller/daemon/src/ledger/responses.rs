//! How a demand response is told.
//!
//! Responsible for: units that people use, money, and one sentence. Not for: what is reckoned (`headroom-core`,
//! `ledger::responses`).

use super::view::Range;
use crate::status::ledger::{money, tokens};
use headroom_core::ledger::{Hour, Rates, ResponseRow};
use headroom_site::Stamp;
use serde::{Deserialize, Serialize};

const J_PER_KWH: f64 = 3.6e6;
/// Standard deviations of an interval of 95 %.
const WIDE: f64 = 1.96;

/// A response, as far as it lies in what is told of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResponseLine {
    pub(crate) branch: String,
    /// `limit point` or `policy`.
    pub(crate) asked_by: String,
    /// When caps began to be held to it, when it was due, and when it was lifted; absent while it lasts.
    pub(crate) from: String,
    pub(crate) due: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) limit_w: f64,
    pub(crate) held_s: f64,
    /// Mean draw of the ten minutes before.
    pub(crate) before_w: Option<f64>,
    /// From a fall of the limit until the mean of 5 s was under it; the longest of several.
    pub(crate) met_s: Option<f64>,
    pub(crate) unmet: bool,
    /// Share of the time in which it was due with the mean of 5 s under it.
    pub(crate) under_share: Option<f64>,
    /// The most above it once it was met.
    pub(crate) over_w: f64,
    pub(crate) drawn_kwh: f64,
    /// Less than at the draw of before.
    pub(crate) shed_kwh: Option<Range>,
    /// The most that it can have been, by the peaks of the GPUs.
    pub(crate) shed_at_most_kwh: f64,
    pub(crate) lost_tokens: Range,
    /// The tokens are the most that can have been lost.
    pub(crate) lost_at_most: bool,
    /// Share of the work whose tokens are counted; absent without work.
    pub(crate) counted_share: Option<f64>,
    /// Less than at the pace of the ten minutes before.
    pub(crate) below_before_tokens: Option<f64>,
    pub(crate) lost_gpu_h: f64,
    pub(crate) lost_cost: f64,
    /// Of what was shed, at the price of the policy.
    pub(crate) shed_cost: Option<f64>,
    /// The fastest minute after its end, and what the policy lets the site rise by.
    pub(crate) after_s: f64,
    pub(crate) rise_w_per_min: f64,
    pub(crate) ramp_w_per_min: Option<f64>,
    /// The most that a minute after its end stood above the draw of before.
    pub(crate) over_before_w: f64,
}

/// Those of an hour, or of a sum of hours, in the order in which they began.
pub(crate) fn responses(hour: &Hour) -> Vec<ResponseLine> {
    let mut rows: Vec<&ResponseRow> = hour.responses.iter().collect();
    rows.sort_by(|a, b| a.from_unix_ms.cmp(&b.from_unix_ms).then_with(|| a.branch.cmp(&b.branch)));
    rows.into_iter().map(|row| response(row, &hour.rates)).collect()
}

/// One of them, with its money.
pub(crate) fn response(r: &ResponseRow, rates: &Rates) -> ResponseLine {
    let time = |ms: i64| Stamp::from_unix_ms(ms).to_string();
    let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
    let around =
        |value: f64, sigma: f64| Range { value, low: value - WIDE * sigma, high: value + WIDE * sigma };
    let doubt_j = r.before_sigma_w.unwrap_or(0.0) * r.booked_s;
    let shed = r.before_w.map(|_| around(r.below_before_j / J_PER_KWH, doubt_j / J_PER_KWH));
    ResponseLine {
        branch: r.branch.clone(),
        asked_by: r.asked_by.clone(),
        from: time(r.from_unix_ms),
        due: r.due_unix_ms.map(time),
        to: r.to_unix_ms.map(time),
        limit_w: r.limit_w,
        held_s: r.booked_s,
        before_w: r.before_w,
        met_s: r.met_s,
        unmet: r.unmet,
        under_share: share(r.under.kept_s, r.under.seen_s),
        over_w: r.over_w,
        drawn_kwh: r.drawn_j / J_PER_KWH,
        shed_kwh: shed,
        shed_at_most_kwh: r.below_need_j / J_PER_KWH,
        lost_tokens: around(r.lost_tokens, r.sigma_tokens),
        lost_at_most: r.at_most,
        counted_share: share(r.counted_gpu_s, r.busy_gpu_s),
        below_before_tokens: r.before_w.map(|_| r.below_before_tokens),
        lost_gpu_h: r.lost_gpu_s / 3600.0,
        lost_cost: r.lost_tokens * rates.token,
        shed_cost: shed.map(|kwh| kwh.value * J_PER_KWH * rates.energy_per_j),
        after_s: r.after_s,
        rise_w_per_min: 60.0 * r.rise_w_per_s,
        ramp_w_per_min: r.ramp_w_per_s.map(|w| 60.0 * w),
        over_before_w: r.over_before_w,
    }
}

impl ResponseLine {
    /// Seconds until it was met, or that it was not.
    pub(crate) fn met(&self) -> String {
        match (self.unmet, self.met_s) {
            (true, _) => "NOT MET".to_owned(),
            (false, Some(s)) => format!("met after {s:.0} s"),
            (false, None) => "not due yet".to_owned(),
        }
    }

    /// Tokens that it cost, with how sure that is.
    pub(crate) fn cost(&self, currency: &str) -> String {
        let most = if self.lost_at_most { "at most " } else { "" };
        let counted = self.counted_share.filter(|x| *x < 0.995);
        let counted = counted.map_or(String::new(), |x| format!(" ({:.0} % of the work counted)", 100.0 * x));
        let t = &self.lost_tokens;
        let sure = if t.high > t.low { format!(" +- {}", tokens(t.high - t.value)) } else { String::new() };
        let paid = if currency.is_empty() {
            String::new()
        } else {
            format!(", {}", money(self.lost_cost, currency))
        };
        format!("{most}{}{sure} tokens{counted}, {:.2} GPU-h{paid}", tokens(t.value), self.lost_gpu_h)
    }
}
