//! The record in a key-value bucket of NATS JetStream. The revision of a key is the sequence of its last message.
//!
//! Responsible for: the three requests of JetStream that this takes, as its API has them since 2.3 (`STREAM.CREATE`,
//! `STREAM.MSG.GET`, a publication that expects the last sequence of its subject). Not for: the protocol (`async-nats`), whose own
//! notion of a bucket wants a newer server than Debian has.
//!
//! A message is got from the stream's leader and not from a replica that may be behind.

use super::access::Access;
use super::store::{Found, Key, Store, Swapped};
use anyhow::{Context, Result, bail};
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::{Client, ConnectOptions, HeaderMap};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

/// Where JetStream is a cluster, so many servers have the record; else the one.
const REPLICAS: [u8; 2] = [3, 1];
/// Codes of JetStream's errors.
const WRONG_LAST_SEQUENCE: u64 = 10_071;
const NO_MESSAGE: u64 = 10_037;
const NO_STREAM: u64 = 10_059;
const NO_STREAM_RESPONDS: &str = "is JetStream on (nats-server -js), and may this user use it?";

/// A connection to NATS, made when it is first asked.
pub(crate) struct Nats {
    address: String,
    bucket: String,
    site: String,
    access: Access,
    patience: Duration,
    open: Option<Client>,
}

impl Nats {
    pub(crate) fn new(address: &str, bucket: &str, site: &str, access: Access, patience: Duration) -> Self {
        let (address, bucket, site) = (address.to_owned(), bucket.to_owned(), site.to_owned());
        Self { address, bucket, site, access, patience, open: None }
    }

    fn subject(&self, key: Key) -> String {
        format!("$KV.{}.{}.{}", self.bucket, self.site, key.name())
    }

    /// The connection; one that is lost is made anew by the client.
    async fn client(&mut self) -> Result<Client> {
        if let Some(client) = &self.open {
            return Ok(client.clone());
        }
        let client = self.connect().await?;
        self.make(&client).await?;
        Ok(self.open.insert(client).clone())
    }

    async fn connect(&self) -> Result<Client> {
        let Access { user, password, token, .. } = self.access.clone();
        let mut options = ConnectOptions::new()
            .name("headroom")
            .connection_timeout(self.patience)
            .request_timeout(Some(self.patience))
            .reconnect_delay_callback(|tries| Duration::from_millis(100 * (tries as u64).clamp(1, 10)));
        if let Some(tls) = self.access.tls()? {
            options = options.require_tls(true).tls_client_config((*tls).clone());
        }
        if let Some((user, password)) = user.zip(password) {
            options = options.user_and_password(user, password);
        }
        if let Some(token) = token {
            options = options.token(token);
        }
        Ok(options.connect(format!("nats://{}", self.address)).await?)
    }

    /// Makes the bucket, unless it is there.
    async fn make(&self, client: &Client) -> Result<()> {
        let name = format!("KV_{}", self.bucket);
        let (info, create) = (format!("STREAM.INFO.{name}"), format!("STREAM.CREATE.{name}"));
        if code(&ask(client, &info, &Value::Null).await?).is_none() {
            return Ok(());
        }
        let config = |replicas: u8| {
            json!({
                "name": name, "subjects": [format!("$KV.{}.>", self.bucket)],
                "description": "who leads the controllers of a site",
                "retention": "limits", "storage": "file", "discard": "new", "num_replicas": replicas,
                "max_msgs_per_subject": 1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
                "allow_rollup_hdrs": true, "deny_delete": true, "allow_direct": true,
            })
        };
        let mut said = Value::Null;
        for replicas in REPLICAS {
            said = ask(client, &create, &config(replicas)).await?;
            if code(&said).is_none() {
                return Ok(());
            }
        }
        bail!("bucket `{}` cannot be made: {}", self.bucket, said["error"]["description"])
    }
}

/// A request to JetStream's API.
async fn ask(client: &Client, what: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let answer = client.request(format!("$JS.API.{what}"), body).await.context(NO_STREAM_RESPONDS)?;
    Ok(serde_json::from_slice(&answer.payload)?)
}

/// The code of an error, if an answer is one.
fn code(answer: &Value) -> Option<u64> {
    let error = answer.get("error").filter(|e| !e.is_null())?;
    Some(error["err_code"].as_u64().or(error["code"].as_u64()).unwrap_or(0))
}

impl Store for Nats {
    async fn read(&mut self, key: Key) -> Result<Option<Found>> {
        let (subject, client) = (self.subject(key), self.client().await?);
        let what = format!("STREAM.MSG.GET.KV_{}", self.bucket);
        let answer = ask(&client, &what, &json!({ "last_by_subj": subject })).await?;
        match code(&answer) {
            None => {}
            Some(NO_MESSAGE) => return Ok(None),
            Some(code) => {
                // Somebody has taken the bucket away: it is made anew.
                if code == NO_STREAM {
                    self.open = None;
                }
                bail!("JetStream says {code}: {}", answer["error"]["description"]);
            }
        }
        let message = &answer["message"];
        let revision = message["seq"].as_u64().context("JetStream answers no sequence")?;
        // One that was deleted by hand has a revision and no value.
        let value = BASE64_STANDARD.decode(message["data"].as_str().unwrap_or_default())?;
        Ok(Some(Found { revision, value: value.into() }))
    }

    async fn swap(&mut self, key: Key, seen: Option<u64>, value: Bytes) -> Result<Swapped> {
        let (subject, client) = (self.subject(key), self.client().await?);
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, seen.unwrap_or(0).to_string());
        let answer =
            client.request_with_headers(subject, headers, value).await.context(NO_STREAM_RESPONDS)?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        match code(&answer) {
            None => Ok(Swapped::To(answer["seq"].as_u64().context("JetStream answers no sequence")?)),
            Some(WRONG_LAST_SEQUENCE) => Ok(Swapped::Refused),
            Some(code) => bail!("JetStream says {code}: {}", answer["error"]["description"]),
        }
    }
}
