//! One page over HTTP.
//!
//! Responsible for: a deadline and a size limit on each reading, and when it was asked and answered. Not for: what the page
//! says.

use crate::Clock;
use bytes::Bytes;
use headroom_site::{Span, Stamp};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Largest page: ten thousand GPUs with a hundred series each stay below it.
const MAX_BYTES: usize = 256 << 20;
/// Deadline of a reading, wall time.
const DEADLINE: Duration = Duration::from_secs(5);

/// A page, and the connection to its server.
#[derive(Debug)]
pub(crate) struct Fetch {
    url: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// A page as it was: its text, or what went wrong.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) text: Result<String, String>,
    /// Half way between question and answer.
    pub(crate) stamp: Stamp,
    /// How far `stamp` may be off: half the way, and what our own clock may be.
    pub(crate) uncertainty: Span,
}

impl Fetch {
    pub(crate) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(DEADLINE));
        connector.set_nodelay(true);
        Self { url: url.to_owned(), client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Reads the page.
    pub(crate) async fn get(&self, clock: &Clock) -> Fetched {
        let asked = clock.now();
        let page = tokio::time::timeout(DEADLINE, self.page()).await;
        let half = Span::from_ns(clock.now().since(asked).ns() / 2);
        Fetched {
            text: page.unwrap_or_else(|_| Err(format!("no answer within {DEADLINE:?}"))),
            stamp: asked + half,
            uncertainty: Span::from_ns(half.ns().saturating_add(clock.uncertainty().ns())),
        }
    }

    async fn page(&self) -> Result<String, String> {
        let uri: Uri = self.url.parse().map_err(|e| format!("`{}`: {e}", self.url))?;
        let request = Request::get(uri)
            .header("accept", "text/plain;version=0.0.4")
            .body(Empty::new())
            .map_err(|e| e.to_string())?;
        let response =
            self.client.request(request).await.map_err(|e| match std::error::Error::source(&e) {
                Some(cause) => format!("{e}: {cause}"),
                None => e.to_string(),
            })?;
        if response.status() != StatusCode::OK {
            return Err(format!("answered {}", response.status()));
        }
        let body =
            Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }
}
