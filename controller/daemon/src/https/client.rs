//! The verbs' side: whom they trust, and who they say they are.
//!
//! `HEADROOM_HTTP_ACCESS` names a file of the shape of `--store-access`: `ca`, and where the pages ask for one `certificate` and
//! `key`. Without it only plain HTTP is spoken.

use crate::election::access::Access;
use crate::run::http::url_of;
use crate::status::Reader;
use anyhow::{Context, Result};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Environment variable that names the access file.
const ACCESS: &str = "HEADROOM_HTTP_ACCESS";

/// Connections to pages.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// A connector to pages inside TLS.
///
/// # Errors
/// Nobody is trusted: the environment names no access file, or it or one that it names cannot be read.
pub(crate) fn connector(patience: Duration) -> Result<Connector> {
    let path = std::env::var_os(ACCESS).with_context(|| {
        format!(
            "pages inside TLS: {ACCESS}=FILE says whom to trust (`ca = \"authority.pem\"`) and who you are"
        )
    })?;
    let tls = Access::read(Path::new(&path), ACCESS)?.tls()?;
    let tls = tls.with_context(|| format!("{ACCESS} {}: `ca` is missing", Path::new(&path).display()))?;
    let (tls, http) = (Arc::unwrap_or_clone(tls), plain(patience));
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(http))
}

/// One to pages outside of it.
pub(crate) fn plain(patience: Duration) -> HttpConnector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(patience));
    http
}

/// Why the pages of a state folder cannot be read although somebody answers there; `None` where nobody does, or they can.
pub(crate) async fn shut_out(state: &Path) -> Option<String> {
    let url = url_of(state).filter(|url| url.starts_with("https://"))?;
    let why = Reader::new().get(&format!("{url}/pulse")).await.err()?;
    let refused = |e: &std::io::Error| e.kind() == ErrorKind::ConnectionRefused;
    let nobody = why.chain().any(|e| e.downcast_ref::<std::io::Error>().is_some_and(refused));
    (!nobody).then(|| format!("{url}: {why:#}"))
}
