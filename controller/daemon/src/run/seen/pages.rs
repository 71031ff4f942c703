//! The pages `/points`, `/gpus`, `/tap` and `/history`.
//!
//! Responsible for: what is asked, and what is answered. Not for: what is kept (the room above).

use super::Seen;
use super::grid::{Grid, Layout};
use super::history::History;
use super::tap::Target;
use super::views::{GpuView, PointView};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use headroom_site::Stamp;
use http_body_util::channel::Channel;
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What these pages read.
pub(crate) type Shared = Arc<Mutex<Seen>>;

/// Nanoseconds of a millisecond.
const NS_PER_MS: i64 = 1_000_000;

/// Locks, whatever became of an earlier holder.
pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, Seen> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The routes.
pub(crate) fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/points", get(points))
        .route("/gpus", get(gpus))
        .route("/gpus/grid", get(grid))
        .route("/gpus/layout", get(layout))
        .route("/tap", get(tap))
        .route("/history", get(history))
        .with_state(shared)
}

/// What of a table is wanted.
#[derive(Debug, Default, Deserialize)]
struct Filter {
    /// Pattern of the id, with `*` and `?`.
    like: Option<String>,
    /// Only what is not good.
    #[serde(default)]
    bad: bool,
}

async fn points(State(shared): State<Shared>, Query(filter): Query<Filter>) -> Json<Vec<PointView>> {
    let seen = lock(&shared);
    let wanted = |i: &usize| {
        let point = &seen.site.points[*i];
        let matches = filter.like.as_deref().is_none_or(|p| like(p, &point.id));
        matches && !(filter.bad && seen.values[*i].quality.is_good())
    };
    Json((0..seen.points.len()).filter(wanted).filter_map(|i| PointView::new(&seen, i)).collect())
}

async fn gpus(State(shared): State<Shared>, Query(filter): Query<Filter>) -> Json<Vec<GpuView>> {
    let seen = lock(&shared);
    let all = (0..seen.gpus.len()).filter_map(|i| GpuView::new(&seen, i));
    let matches = |g: &GpuView| {
        filter.like.as_deref().is_none_or(|p| like(p, &g.uuid) || like(p, &g.node))
            && !(filter.bad && g.heard && g.reasons.is_empty())
    };
    Json(all.filter(matches).collect())
}

async fn grid(State(shared): State<Shared>) -> Json<Grid> {
    Json(Grid::new(&lock(&shared)))
}

/// Who is where; `304` where the reader has it already.
async fn layout(State(shared): State<Shared>, asked: HeaderMap) -> Response {
    let seen = lock(&shared);
    let tag = format!("\"{}\"", seen.layout);
    let head = [(CACHE_CONTROL, "no-cache"), (ETAG, tag.as_str())];
    if asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, Json(Layout::new(&seen))).into_response()
}

#[derive(Debug, Deserialize)]
struct Named {
    point: String,
}

fn unknown(name: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("no point or GPU is called `{name}`\n")).into_response()
}

async fn tap(State(shared): State<Shared>, Query(Named { point }): Query<Named>) -> Response {
    let mut seen = lock(&shared);
    let target = seen.site.point(&point).map(|p| Target::Point(p.index()));
    let target = target.or_else(|| seen.site.gpu(&point).map(|g| Target::Gpu(g.index())));
    let Some(target) = target else { return unknown(&point) };
    let Some(mut lines) = seen.taps.open(target) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many listen already\n").into_response();
    };
    drop(seen);
    let (mut out, body) = Channel::<Bytes>::new(1);
    tokio::spawn(async move {
        // A first word, so that whoever listens knows that it has begun.
        let mut next = Some(Bytes::from_static(b": tapped\n\n"));
        while let Some(line) = next {
            if out.send_data(line).await.is_err() {
                return;
            }
            next = lines.recv().await;
        }
    });
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (head, Body::new(body)).into_response()
}

/// A stretch of time, Unix ms; all that is kept where it is left out.
#[derive(Debug, Deserialize)]
struct Stretch {
    point: String,
    from: Option<i64>,
    to: Option<i64>,
}

async fn history(State(shared): State<Shared>, Query(asked): Query<Stretch>) -> Response {
    let stamp = |ms: Option<i64>, or: i64| {
        ms.map_or(Stamp::from_tai_ns(or), |ms| Stamp::from_unix_ns(ms.saturating_mul(NS_PER_MS)))
    };
    let (from, to) = (stamp(asked.from, i64::MIN), stamp(asked.to, i64::MAX));
    let found = History::new(&lock(&shared), &asked.point, from, to);
    found.map_or_else(|| unknown(&asked.point), |history| Json(history).into_response())
}

/// Does a text match a pattern with `*` (any) and `?` (one)? A pattern without either may match anywhere in the text.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return text.to_lowercase().contains(&pattern.to_lowercase());
    }
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.to_lowercase().chars().collect(), text.to_lowercase().chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, yes, no) in [
            ("cdu-*", "CDU-01.supply", "rack-01"),
            ("*.supply", "CDU-01.supply", "CDU-01.supply-in-force"),
            ("rack-0?.flow", "rack-03.flow", "rack-13.flow"),
            ("supply", "CDU-01.supply", "CDU-01.return"),
            ("*a*b*", "xxaxbx", "xbxa"),
            ("*", "", "never"),
        ] {
            assert!(like(pattern, yes), "{pattern} {yes}");
            assert!(pattern == "*" || !like(pattern, no), "{pattern} {no}");
        }
    }
}
