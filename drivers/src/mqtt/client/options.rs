//! What a connection is made with: the address, who we are, and what the broker says of us when we are gone.

use crate::tls::{self, TlsError};
use bytes::Bytes;
use headroom_site::model::{MqttSpec, Tls};
use rumqttc::{Broker, LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use std::fmt;
use std::sync::Arc;

/// Seconds without traffic after which a ping is sent; a dead peer is found within two of them.
const KEEP_ALIVE_S: u16 = 5;
/// Largest packet that is sent: a node of 16 GPUs with 10 samples each stays below 64 KiB.
const MAX_SENT: usize = 256 * 1024;
/// Largest packet that is taken. A larger one ends the connection, so the birth of a large edge node must fit.
const MAX_TAKEN: usize = 4 * 1024 * 1024;
/// How the address of an encrypted connection begins.
const ENCRYPTED: &str = "mqtts://";

/// The address is not `mqtt://[user[:password]@]host[:port]`, nor `mqtts://` with what TLS wants to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address like mqtt://host:1883, nor like mqtts://host:8883 with `tls`")]
pub struct UrlError(pub String);

/// A broker: where it is, and, if the connection is encrypted, whom we trust there and who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `mqtt://` or `mqtts://`.
    pub url: String,
    /// With `mqtts://`.
    pub tls: Option<Tls>,
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), tls: None }
    }
}

impl From<&String> for Address {
    fn from(url: &String) -> Self {
        url.as_str().into()
    }
}

impl From<&MqttSpec> for Address {
    fn from(spec: &MqttSpec) -> Self {
        Self { url: spec.url.clone(), tls: spec.tls.clone() }
    }
}

/// What the broker says of us when we are gone: retained, QoS 1.
#[derive(Clone)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload, made anew for each connection.
    pub payload: Arc<dyn Fn() -> Bytes + Send + Sync>,
}

impl Will {
    /// A will that is always the same.
    pub fn fixed(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        let payload = payload.into();
        Self { topic: topic.into(), payload: Arc::new(move || payload.clone()) }
    }
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// What each connection is made with.
#[derive(Debug)]
pub(super) struct Options {
    base: MqttOptions,
    tls: Option<Tls>,
    will: Option<Will>,
}

impl Options {
    pub(super) fn new(address: Address, client_id: &str, will: Option<Will>) -> Result<Self, UrlError> {
        let Address { url, tls } = address;
        let base = parse(&url, client_id)?;
        if url.starts_with(ENCRYPTED) != tls.is_some() {
            return Err(UrlError(url));
        }
        Ok(Self { base, tls, will })
    }

    /// The library's options for the next connection.
    ///
    /// # Errors
    /// A certificate or key cannot be read.
    pub(super) fn for_a_connection(&self) -> Result<MqttOptions, TlsError> {
        let mut options = self.base.clone();
        if let Some(tls) = &self.tls {
            let config = Arc::new(tls::config(tls)?);
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(config)));
        }
        if let Some(will) = &self.will {
            let payload = (will.payload)().to_vec();
            options.set_last_will(LastWill::new(will.topic.clone(), payload, QoS::AtLeastOnce, true));
        }
        Ok(options)
    }
}

fn parse(url: &str, client_id: &str) -> Result<MqttOptions, UrlError> {
    let bad = || UrlError(url.to_owned());
    let (rest, usual) = match (url.strip_prefix("mqtt://"), url.strip_prefix(ENCRYPTED)) {
        (Some(rest), _) => (rest, 1883),
        (_, Some(rest)) => (rest, 8883),
        _ => return Err(bad()),
    };
    let rest = rest.trim_end_matches('/');
    let (credentials, address) = rest.rsplit_once('@').map_or((None, rest), |(c, a)| (Some(c), a));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| bad())?),
        _ => (address, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(bad());
    }
    let mut options = MqttOptions::new(client_id, Broker::tcp(host, port));
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_session(true)
        .set_max_packet_size(MAX_TAKEN, MAX_SENT)
        .set_inflight(100);
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        options.set_credentials(user.to_owned(), password.to_owned());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["mqtt://h", "mqtt://h:1", "mqtt://u:p@h:1883/", "mqtt://[::1]:1883"] {
            assert!(parse(good, "x").is_ok(), "{good}");
        }
        for bad in ["h:1883", "mqtt://", "mqtt://h:port", "http://h"] {
            assert!(parse(bad, "x").is_err(), "{bad}");
        }
    }

    #[test]
    fn encrypted_or_not_as_the_address_says() {
        let of = |url: &str, tls: Option<Tls>| Options::new(Address { url: url.into(), tls }, "x", None);
        assert!(of("mqtts://h", Some(Tls::default())).is_ok());
        assert!(of("mqtts://h", None).unwrap_err().to_string().contains("`tls`"));
        assert!(of("mqtt://h", Some(Tls::default())).is_err());
        let nowhere = Tls { ca: "nowhere/ca.pem".to_owned(), ..Tls::default() };
        let why = of("mqtts://h", Some(nowhere)).unwrap().for_a_connection().unwrap_err();
        assert!(why.to_string().starts_with("nowhere/ca.pem"), "{why}");
    }
}
