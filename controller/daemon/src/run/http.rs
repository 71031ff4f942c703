//! What the daemon tells over HTTP. All pages but one are GET only.
//!
//! | page | for |
//! | --- | --- |
//! | `/` | people: the web page (`page`), which reads the pages below |
//! | `/healthz` | a supervisor: 200 while ticks are fresh and the plant's state is verified, else 503 with a sentence |
//! | `/metrics` | Prometheus: OpenMetrics text to whoever asks for it, else the older text format |
//! | `/status` | people and tools: the [`View`] as JSON |
//! | `/pulse` | whoever looks at every tick: its stamp and the pace of the loop, nothing else |
//! | `/trend` | whoever draws the four pairs over the last minutes (`trend`) |
//! | `/ledger` | whoever asks what it cost: the open hour, the last day, since the start (`crate::ledger`) |
//! | `/plant` | whoever draws the plant: the cooling graph and the power tree with their figures (`diagram`) |
//! | `/what-if` | whoever asks what would be (`crate::what_if`) |
//! | `/instructions` | operators: what was said, and saying it, the one `POST` (`crate::instruct`) |
//! | `/explain` | whoever asks why something is as it is (`crate::explain`) |
//! | `/points`, `/gpus`, `/gpus/grid`, `/gpus/layout`, `/tap`, `/history` | whoever looks at telemetry (`seen`) |

use super::view::View;
use super::{alarms, metrics, page};
use crate::https::server::{Listener, Peer, Secured};
use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use headroom_drivers::Clock;
use headroom_site::Span;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Periods after which the last tick is too old.
const FRESH_PERIODS: f64 = 5.0;

/// File in the state folder that holds the address.
pub(crate) const ADDRESS_FILE: &str = "http.addr";

/// What the pages read.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) view: Arc<Mutex<View>>,
    pub(crate) clock: Clock,
    pub(crate) period: Span,
}

/// Page `/pulse`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pulse {
    /// Stamp of the last tick.
    pub(crate) unix_ms: i64,
    /// When the next one is due.
    pub(crate) next_unix_ms: i64,
    pub(crate) ticks: u64,
    pub(crate) missed_ticks: u64,
    pub(crate) gpus: usize,
    pub(crate) gpus_heard: usize,
    pub(crate) points: usize,
    pub(crate) points_good: usize,
    pub(crate) verified: bool,
}

impl Pages {
    pub(crate) fn new(view: &Arc<Mutex<View>>, clock: &Clock, period: Span) -> Self {
        Self { view: Arc::clone(view), clock: clock.clone(), period }
    }

    fn look<R>(&self, take: impl FnOnce(&View) -> R) -> R {
        take(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Is everything well? A sentence either way.
    fn health(&self) -> Result<String, String> {
        let (ticks, at_ms, verified) = self.look(|v| (v.ticks, v.unix_ms, v.verified));
        if ticks == 0 {
            return Err("no tick yet".to_owned());
        }
        let age_s = (self.clock.now().unix_ms() - at_ms) as f64 * 1e-3;
        if age_s > FRESH_PERIODS * self.period.s() {
            return Err(format!("the last tick is {age_s:.1} s old"));
        }
        if !verified {
            return Err("the state of the plant is not verified: read-backs or agents are missing".to_owned());
        }
        Ok(format!("well; {ticks} ticks, the last {age_s:.1} s ago"))
    }
}

/// Where the controller of a state folder has its pages; `None` where none has been.
pub(crate) fn url_of(state: &Path) -> Option<String> {
    let text = std::fs::read_to_string(state.join(ADDRESS_FILE)).ok()?;
    let text = text.trim();
    Some(if text.starts_with("https://") { text.to_owned() } else { format!("http://{text}") })
}

/// Serves these pages, the web page and `more` until the process ends, inside TLS if that is wanted; the address is written to the
/// state folder.
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn serve(
    (address, secured): (SocketAddr, Option<Secured>),
    state: &Path,
    pages: Pages,
    more: Router,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("HTTP on {address}"))?;
    let address = listener.local_addr()?;
    let fresh = state.join("http.addr.new");
    let shown = secured.as_ref().map_or_else(|| address.to_string(), |secured| secured.url(address));
    std::fs::write(&fresh, format!("{shown}\n")).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, state.join(ADDRESS_FILE))?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(page_of_metrics))
        .route("/status", get(status))
        .route("/pulse", get(pulse))
        .with_state(pages)
        .merge(page::routes())
        .merge(more);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let listener = match secured {
        None => return Ok(spawn(axum::serve(listener, service).into_future(), address)),
        Some(secured) => Listener::new(listener, secured)?,
    };
    Ok(spawn(axum::serve(listener, service).into_future(), address))
}

fn spawn(
    pages: impl Future<Output = std::io::Result<()>> + Send + 'static,
    address: SocketAddr,
) -> SocketAddr {
    tokio::spawn(async move {
        if let Err(error) = pages.await {
            tracing::error!(%error, "the HTTP pages end");
        }
    });
    address
}

async fn healthz(State(pages): State<Pages>) -> impl IntoResponse {
    match pages.health() {
        Ok(text) => (StatusCode::OK, text + "\n"),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text + "\n"),
    }
}

async fn page_of_metrics(State(pages): State<Pages>, headers: HeaderMap) -> impl IntoResponse {
    let view = pages.look(View::clone);
    let text = metrics::page(&view);
    let asked = headers.get(ACCEPT).and_then(|a| a.to_str().ok());
    if asked.is_some_and(|a| a.contains("application/openmetrics-text")) {
        ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
    } else {
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::plain(&text))
    }
}

async fn status(State(pages): State<Pages>) -> Json<View> {
    let view = pages.look(View::clone);
    Json(View { alarms: alarms::alarms(&view), ..view })
}

async fn pulse(State(pages): State<Pages>) -> Json<Pulse> {
    Json(pages.look(|v| Pulse {
        unix_ms: v.unix_ms,
        next_unix_ms: v.next_unix_ms,
        ticks: v.ticks,
        missed_ticks: v.missed_ticks,
        gpus: v.gpus,
        gpus_heard: v.gpus_heard,
        points: v.points,
        points_good: v.points_good,
        verified: v.verified,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_fresh_and_verified() {
        let view = Arc::new(Mutex::new(View::default()));
        let pages = Pages { view: Arc::clone(&view), clock: Clock::host(), period: Span::from_s(1.0) };
        assert!(pages.health().unwrap_err().contains("no tick"));
        {
            let mut view = view.lock().unwrap();
            view.ticks = 3;
            view.unix_ms = Clock::host().now().unix_ms();
        }
        assert!(pages.health().unwrap_err().contains("not verified"));
        view.lock().unwrap().verified = true;
        assert!(pages.health().is_ok());
        view.lock().unwrap().unix_ms -= 6000;
        assert!(pages.health().unwrap_err().contains("old"));
    }
}
