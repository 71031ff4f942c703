//! Modbus/TCP Security (2018): Modbus TCP inside TLS, with certificates on both sides where the device asks.
//!
//! Responsible for: shaking hands. Not for: the files (`crate::tls`), or what is said over the connection.

use crate::tls::{TlsError, config};
use headroom_site::model::Tls;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// Shakes hands over a stream to `host:port`.
pub(super) async fn connect(
    tls: &Tls,
    address: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = tls.server_name.clone().unwrap_or_else(|| host.to_owned());
    let server = ServerName::try_from(name.clone()).map_err(|e| TlsError::Name(name, e))?;
    Ok(TlsConnector::from(Arc::new(config(tls)?)).connect(server, stream).await?)
}
