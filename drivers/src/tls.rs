//! TLS of connections to devices and brokers: the PEM files that the site file names.
//!
//! They are read anew for each connection, so a renewed certificate counts from the next one on.

use headroom_site::model::Tls;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why there is no encrypted connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is missing or holds no PEM of the right kind.
    #[error("{0}: {1}")]
    File(String, pem::Error),
    /// A file holds no certificate.
    #[error("{0}: no certificate in it")]
    Empty(String),
    /// What stands in the files does not go together.
    #[error("{0}")]
    Config(#[from] rustls::Error),
    /// Not a name that a certificate can carry.
    #[error("`{0}` is no server name: {1}")]
    Name(String, InvalidDnsNameError),
    /// The peer is not whom we want, or does not want us.
    #[error("{0}")]
    Handshake(#[from] std::io::Error),
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |e| TlsError::File(file.to_owned(), e);
    let all = CertificateDer::pem_file_iter(Path::new(file)).map_err(failed)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if all.is_empty() { Err(TlsError::Empty(file.to_owned())) } else { Ok(all) }
}

/// What a connection is made with.
///
/// # Errors
/// A file is missing, or they do not go together.
pub(crate) fn config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &tls.own else { return Ok(config.with_no_client_auth()) };
    let key_der = PrivateKeyDer::from_pem_file(Path::new(key)).map_err(|e| TlsError::File(key.clone(), e))?;
    Ok(config.with_client_auth_cert(certificates(certificate)?, key_der)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_file_is_named() {
        let tls = Tls { ca: "nowhere/ca.pem".to_owned(), ..Tls::default() };
        assert!(config(&tls).unwrap_err().to_string().starts_with("nowhere/ca.pem: "));
        let tls = Tls { ca: concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned(), ..Tls::default() };
        assert!(config(&tls).unwrap_err().to_string().ends_with("no certificate in it"));
    }
}
