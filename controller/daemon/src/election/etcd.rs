//! The record in etcd, version 3, through its JSON gateway. The revision of a key is its `mod_revision`.
//!
//! Responsible for: reading a key, setting it in a transaction, and a token where etcd asks for one. Not for: the connection
//! (`wire`).
//!
//! No lease of etcd's is used: it keeps time by its leader's clock, and is renewed for whoever asks (Jepsen, etcd 3.4.3: such
//! locks exclude nobody). The revision alone decides.

use super::access::Access;
use super::store::{Found, Key, Store, Swapped};
use super::wire::{Refused, Wire};
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

/// etcd.
pub(crate) struct Etcd {
    wire: Wire,
    prefix: String,
    access: Access,
    token: Option<String>,
}

impl Etcd {
    /// # Errors
    /// Access that etcd does not know.
    pub(crate) fn new(address: &str, prefix: &str, site: &str, access: Access) -> Result<Self> {
        anyhow::ensure!(
            access.token.is_none(),
            "etcd knows `user` and `password`, or a certificate; `token` is of NATS"
        );
        let prefix = format!("{prefix}/{site}");
        Ok(Self { wire: Wire::new(address, access.clone()), prefix, access, token: None })
    }

    fn key(&self, key: Key) -> String {
        BASE64_STANDARD.encode(format!("{}/{}", self.prefix, key.name()))
    }

    /// Asks, with a fresh token where the last one is not taken any more.
    async fn ask(&mut self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.wire.ask(path, self.token.as_deref(), body).await;
        let Err(why) = answer else { return answer };
        let refused = why.downcast_ref::<Refused>();
        let stale = refused
            .is_some_and(|r| r.code == StatusCode::UNAUTHORIZED || r.said.contains("user name is empty"));
        let Some((user, password)) =
            self.access.user.as_ref().zip(self.access.password.as_ref()).filter(|_| stale)
        else {
            return Err(why);
        };
        let who = json!({ "name": user, "password": password });
        let answer =
            self.wire.ask("/v3/auth/authenticate", None, &who).await.context("etcd does not let us in")?;
        self.token = answer["token"].as_str().map(str::to_owned);
        self.wire.ask(path, self.token.as_deref(), body).await
    }
}

/// etcd's gateway writes 64-bit numbers as text, and leaves out zeros.
fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

impl Store for Etcd {
    async fn read(&mut self, key: Key) -> Result<Option<Found>> {
        let answer = self.ask("/v3/kv/range", &json!({ "key": self.key(key) })).await?;
        let Some(kv) = answer["kvs"].get(0) else { return Ok(None) };
        let what = "etcd answers a key without revision or value";
        let revision = number(&kv["mod_revision"]).context(what)?;
        let value = BASE64_STANDARD.decode(kv["value"].as_str().context(what)?)?;
        Ok(Some(Found { revision, value: value.into() }))
    }

    async fn swap(&mut self, key: Key, seen: Option<u64>, value: Bytes) -> Result<Swapped> {
        let key = self.key(key);
        // A key that is not there has revision 0.
        let revision = seen.unwrap_or(0).to_string();
        let question = json!({
            "compare": [{ "key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision }],
            "success": [{ "request_put": { "key": key, "value": BASE64_STANDARD.encode(&value) } }],
        });
        let answer = self.ask("/v3/kv/txn", &question).await?;
        if answer["succeeded"].as_bool() != Some(true) {
            return Ok(Swapped::Refused);
        }
        let revision = number(&answer["header"]["revision"]).context("etcd answers no revision")?;
        Ok(Swapped::To(revision))
    }
}
