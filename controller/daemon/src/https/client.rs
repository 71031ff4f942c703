//! The verbs' side: whom they trust, and who they say they are.
//!
//! `HEADROOM_HTTP_ACCESS` names a file of the shape of `--store-access`: `ca`, and where the pages ask for one `certificate` and
//! `key`. Without it only plain HTTP is spoken.

use crate::election::access::Access;
use anyhow::{Context, Result};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Environment variable that names the access file.
const ACCESS: &str = "HEADROOM_HTTP_ACCESS";

/// Connections to pages.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// A connector to pages, inside TLS where an address says https.
///
/// # Errors
/// The access file or one that it names cannot be read.
pub(crate) fn connector(patience: Duration) -> Result<Connector> {
    let access = std::env::var_os(ACCESS).map(|path| Access::read(Path::new(&path), ACCESS)).transpose()?;
    let tls = match access.map(|access| access.tls()).transpose()?.flatten() {
        Some(tls) => Arc::unwrap_or_clone(tls),
        // nobody is trusted
        None => ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(patience));
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http))
}

/// What is missing where pages are to be read inside TLS and nobody is trusted.
///
/// # Errors
/// Just that.
pub(crate) fn may_reach(url: &str) -> Result<()> {
    let known = !url.starts_with("https://") || std::env::var_os(ACCESS).is_some();
    known.then_some(()).with_context(|| {
        format!(
            "pages inside TLS: {ACCESS}=FILE says whom to trust (`ca = \"authority.pem\"`) and who you are"
        )
    })
}
