//! What a connection is made with: the address, who we are, and what the broker says of us when we are gone.

use bytes::Bytes;
use rumqttc::{Broker, LastWill, MqttOptions, QoS};
use std::fmt;
use std::sync::Arc;

/// Seconds without traffic after which a ping is sent; a dead peer is found within two of them.
const KEEP_ALIVE_S: u16 = 5;
/// Largest packet that is sent: a node of 16 GPUs with 10 samples each stays below 64 KiB.
const MAX_SENT: usize = 256 * 1024;
/// Largest packet that is taken. A larger one ends the connection, so the birth of a large edge node must fit.
const MAX_TAKEN: usize = 4 * 1024 * 1024;
/// The address is not `mqtt://[user[:password]@]host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address like mqtt://host:1883")]
pub struct UrlError(pub String);

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
    will: Option<Will>,
}

impl Options {
    pub(super) fn new(url: &str, client_id: &str, will: Option<Will>) -> Result<Self, UrlError> {
        Ok(Self { base: parse(url, client_id)?, will })
    }

    /// The library's options for the next connection.
    pub(super) fn for_a_connection(&self) -> MqttOptions {
        let mut options = self.base.clone();
        if let Some(will) = &self.will {
            let payload = (will.payload)().to_vec();
            options.set_last_will(LastWill::new(will.topic.clone(), payload, QoS::AtLeastOnce, true));
        }
        options
    }
}

fn parse(url: &str, client_id: &str) -> Result<MqttOptions, UrlError> {
    let bad = || UrlError(url.to_owned());
    let rest = url.strip_prefix("mqtt://").ok_or_else(bad)?.trim_end_matches('/');
    let (credentials, address) = rest.rsplit_once('@').map_or((None, rest), |(c, a)| (Some(c), a));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| bad())?),
        _ => (address, 1883),
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
}
