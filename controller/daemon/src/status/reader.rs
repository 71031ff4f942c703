//! Reading the daemon's pages, inside TLS where an address says so.

use crate::https::client::{self, Connector};
use anyhow::{Context, Result};
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Patience with a page.
const DEADLINE: Duration = Duration::from_secs(3);
/// Largest page taken, bytes.
const MAX_BYTES: usize = 64 << 20;
const NO_CONNECTION: &str = "no connection; is `headroom run` there? --url names another address";

type Secure = Client<Connector, Empty<Bytes>>;

/// Reads the daemon's pages; connections are kept.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    plain: Client<HttpConnector, Empty<Bytes>>,
    /// Made where it is needed first, and again after an error: by then certificates may be other ones.
    secure: Arc<Mutex<Option<Secure>>>,
}

/// An answer that is no page.
#[derive(Debug, thiserror::Error)]
#[error("answered {code}: {said}")]
pub(crate) struct Answered {
    pub(crate) code: StatusCode,
    pub(crate) said: String,
}

impl Reader {
    /// A reader, to be used inside a tokio runtime.
    pub(crate) fn new() -> Self {
        let plain = Client::builder(TokioExecutor::new()).build(client::plain(DEADLINE));
        Self { plain, secure: Arc::default() }
    }

    fn secure(&self) -> Result<Secure> {
        let mut kept = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let made = Client::builder(TokioExecutor::new()).build(client::connector(DEADLINE)?);
        Ok(kept.insert(made).clone())
    }

    /// Gets a page.
    ///
    /// # Errors
    /// No answer in time, or another one than 200.
    pub(crate) async fn get(&self, url: &str) -> Result<Bytes> {
        let uri: Uri =
            url.parse().with_context(|| format!("`{url}` is not an address like http://host:port"))?;
        let page = async {
            let response = if uri.scheme_str() == Some("https") {
                let response = self.secure()?.get(uri).await;
                if response.is_err() {
                    *self.secure.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                response
            } else {
                self.plain.get(uri).await
            };
            let response = response.context(NO_CONNECTION)?;
            let code = response.status();
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
            let body = body.map_err(|e| anyhow::anyhow!(e))?.to_bytes();
            if !code.is_success() {
                // What the daemon says of it is one line.
                let said = String::from_utf8_lossy(&body).trim().to_owned();
                return Err(anyhow::Error::new(Answered { code, said }));
            }
            Ok(body)
        };
        tokio::time::timeout(DEADLINE, page).await.context("no answer")?
    }
}
