//! Page `/trend`: the figures of the four pairs over the last minutes.
//!
//! Responsible for: keeping one look every two seconds of the plant's time within a fixed number of bytes. Not for: points
//! and GPUs over time (`seen`).

use super::seen::ring::Ring;
use super::view::View;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Plant time between two looks.
const EVERY_MS: i64 = 2_000;
/// Looks kept: twenty minutes.
const MOST: usize = 600;

/// What is kept; the names are those of `/status`.
const COLUMNS: [&str; 9] = [
    "facility_w",
    "it_w",
    "gpu_w",
    "pue",
    "headroom_k",
    "clock_spread",
    "gpus_throttled",
    "tokens_per_s",
    "it_j_per_token",
];

#[derive(Debug, Clone, Copy)]
struct Look {
    unix_ms: i64,
    values: [Option<f32>; COLUMNS.len()],
}

/// The last looks.
#[derive(Debug)]
pub(crate) struct Trend {
    looks: Ring<Look>,
    last_unix_ms: Option<i64>,
}

/// What looks at it.
pub(crate) type Shared = Arc<Mutex<Trend>>;

impl Default for Trend {
    fn default() -> Self {
        Self { looks: Ring::new(MOST), last_unix_ms: None }
    }
}

impl Trend {
    /// Takes a view, if its figures are new enough.
    pub(crate) fn take(&mut self, v: &View) {
        let unix_ms = v.pairs.seen_unix_ms;
        if self.last_unix_ms.is_some_and(|last| (last..last + EVERY_MS).contains(&unix_ms)) {
            return;
        }
        self.last_unix_ms = Some(unix_ms);
        let p = &v.pairs;
        let known = |field: &str, value: f64| p.known(field, value).map(|x| x as f32);
        let rate = |value: Option<f64>| value.map(|x| x as f32);
        let values = [
            known("facility_w", v.facility_w),
            known("it_w", v.it_w),
            rate(p.gpu_w),
            known("pue", v.pue),
            known("headroom_k", v.headroom_k),
            rate(p.clock_spread),
            known("gpus_throttled", p.gpus_throttled as f64),
            rate(p.tokens_per_s),
            rate(p.it_j_per_token),
        ];
        self.looks.push(Look { unix_ms, values });
    }

    fn view(&self, after: i64) -> TrendView {
        let looks: Vec<&Look> = self.looks.iter().filter(|l| l.unix_ms > after).collect();
        let column = |i: usize| looks.iter().map(|l| l.values[i]).collect();
        let columns = COLUMNS.iter().enumerate().map(|(i, name)| (*name, column(i))).collect();
        TrendView { every_ms: EVERY_MS, unix_ms: looks.iter().map(|l| l.unix_ms).collect(), columns }
    }
}

/// The page: lists of one length, oldest first; none where it was not known.
#[derive(Debug, Serialize)]
struct TrendView {
    every_ms: i64,
    unix_ms: Vec<i64>,
    columns: BTreeMap<&'static str, Vec<Option<f32>>>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    /// Only what is later than this, Unix ms.
    after: Option<i64>,
}

/// The route.
pub(crate) fn routes(shared: Shared) -> Router {
    Router::new().route("/trend", get(page)).with_state(shared)
}

async fn page(State(shared): State<Shared>, Query(asked): Query<Asked>) -> Json<TrendView> {
    let trend = shared.lock().unwrap_or_else(PoisonError::into_inner);
    Json(trend.view(asked.after.unwrap_or(i64::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_known_is_no_number_and_a_look_is_taken_every_two_seconds() {
        let mut trend = Trend::default();
        let mut view = View { facility_w: 5e5, ..View::default() };
        for ms in (0..10_000).step_by(500) {
            view.pairs.seen_unix_ms = ms;
            view.pairs.unknown.clear();
            if ms >= 8000 {
                view.pairs.unknown.insert("facility_w".to_owned(), "its meter is silent".to_owned());
            }
            trend.take(&view);
        }
        let all = trend.view(i64::MIN);
        assert_eq!(all.unix_ms, [0, 2000, 4000, 6000, 8000]);
        assert_eq!(all.columns["facility_w"][3..], [Some(5e5), None]);
        assert_eq!(all.columns["tokens_per_s"], [None; 5]);
        assert_eq!(trend.view(6000).unix_ms, [8000]);
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let mut trend = Trend::default();
        let mut view = View::default();
        for s in 0..5000 {
            view.pairs.seen_unix_ms = s * EVERY_MS;
            trend.take(&view);
        }
        assert_eq!(trend.view(i64::MIN).unix_ms.len(), MOST);
    }
}
