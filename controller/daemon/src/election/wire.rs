//! JSON over one HTTP/1.1 connection, with or without TLS: what etcd's gateway speaks.
//!
//! Responsible for: a connection that is dropped at the first fault, so that no answer is taken for another's. Not for: what is
//! asked.

use super::access::Access;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Largest answer, bytes.
const LARGEST: usize = 4 << 20;

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
#[error("etcd answers {code}: {said}")]
pub(super) struct Refused {
    pub(super) code: StatusCode,
    pub(super) said: String,
}

/// One connection.
pub(super) struct Wire {
    address: String,
    access: Access,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Wire {
    pub(super) fn new(address: &str, access: Access) -> Self {
        Self { address: address.to_owned(), access, open: None }
    }

    /// Posts a question and gives the answer. Where it fails, or is given up, the connection is gone.
    ///
    /// # Errors
    /// No connection, or an answer that is not 200 ([`Refused`]).
    pub(super) async fn ask(&mut self, path: &str, token: Option<&str>, body: &Value) -> Result<Value> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let mut request =
            Request::post(path).header("host", &self.address).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())))?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let code = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|e| anyhow::anyhow!(e))?.to_bytes();
        self.open = Some(sender);
        if code != StatusCode::OK {
            let said = String::from_utf8_lossy(&body).trim().to_owned();
            bail!(Refused { code, said });
        }
        serde_json::from_slice(&body).context("what answers is no etcd")
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = self.access.tls()? else { return shake(stream).await };
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host)?;
        shake(TlsConnector::from(tls).connect(name, stream).await?).await
    }
}

async fn shake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its end is told to whoever asks next.
        let _ = connection.await;
    });
    Ok(sender)
}
