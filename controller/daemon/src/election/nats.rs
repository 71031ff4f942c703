//! The record in a key-value bucket of NATS JetStream. The revision of a key is the sequence of its last message.
//!
//! Responsible for: the bucket, and one request at a time. Not for: the protocol (`async-nats`).

use super::access::Access;
use super::store::{Found, Key, Store, Swapped};
use anyhow::{Context as _, Result};
use async_nats::ConnectOptions;
use async_nats::jetstream::kv::{Config, CreateErrorKind, Operation, Store as Bucket, UpdateErrorKind};
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use std::time::Duration;

/// Where JetStream is a cluster, so many servers have the record; else the one.
const REPLICAS: [usize; 2] = [3, 1];

/// A connection to NATS, made when it is first asked.
pub(crate) struct Nats {
    address: String,
    bucket: String,
    site: String,
    access: Access,
    patience: Duration,
    open: Option<Bucket>,
}

impl Nats {
    pub(crate) fn new(address: &str, bucket: &str, site: &str, access: Access, patience: Duration) -> Self {
        let (address, bucket, site) = (address.to_owned(), bucket.to_owned(), site.to_owned());
        Self { address, bucket, site, access, patience, open: None }
    }

    fn key(&self, key: Key) -> String {
        format!("{}.{}", self.site, key.name())
    }

    async fn bucket(&mut self) -> Result<Bucket> {
        if let Some(bucket) = &self.open {
            return Ok(bucket.clone());
        }
        let bucket = self.connect().await?;
        Ok(self.open.insert(bucket).clone())
    }

    async fn connect(&self) -> Result<Bucket> {
        let Access { user, password, token, .. } = self.access.clone();
        let mut options = ConnectOptions::new()
            .name("headroom")
            .connection_timeout(self.patience)
            .request_timeout(Some(self.patience));
        if let Some(tls) = self.access.tls()? {
            options = options.require_tls(true).tls_client_config((*tls).clone());
        }
        if let Some((user, password)) = user.zip(password) {
            options = options.user_and_password(user, password);
        }
        if let Some(token) = token {
            options = options.token(token);
        }
        let client = options.connect(format!("nats://{}", self.address)).await?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.patience);
        match context.get_key_value(&self.bucket).await {
            Ok(bucket) => Ok(bucket),
            Err(_) => self.create(&context).await,
        }
    }

    /// The bucket, where nobody has made it.
    async fn create(&self, context: &Context) -> Result<Bucket> {
        let config = |num_replicas| Config {
            bucket: self.bucket.clone(),
            description: "who leads the controllers of a site".to_owned(),
            history: 1,
            num_replicas,
            ..Config::default()
        };
        let [many, one] = REPLICAS;
        if let Ok(bucket) = context.create_key_value(config(many)).await {
            return Ok(bucket);
        }
        let made = context.create_key_value(config(one)).await;
        let hint = || {
            format!(
                "bucket `{}` can be neither found nor made: is JetStream on (nats-server -js), and may this user have it?",
                self.bucket
            )
        };
        made.with_context(hint)
    }
}

impl Store for Nats {
    async fn read(&mut self, key: Key) -> Result<Option<Found>> {
        let name = self.key(key);
        let entry = self.bucket().await?.entry(name).await?;
        let stands = entry.filter(|e| e.operation == Operation::Put);
        Ok(stands.map(|e| Found { revision: e.revision, value: e.value }))
    }

    async fn swap(&mut self, key: Key, seen: Option<u64>, value: Bytes) -> Result<Swapped> {
        let (name, bucket) = (self.key(key), self.bucket().await?);
        match seen {
            Some(revision) => match bucket.update(name, value, revision).await {
                Ok(revision) => Ok(Swapped::To(revision)),
                Err(e) if e.kind() == UpdateErrorKind::WrongLastRevision => Ok(Swapped::Refused),
                Err(e) => Err(e.into()),
            },
            None => match bucket.create(name, value).await {
                Ok(revision) => Ok(Swapped::To(revision)),
                Err(e) if e.kind() == CreateErrorKind::AlreadyExists => Ok(Swapped::Refused),
                Err(e) => Err(e.into()),
            },
        }
    }
}
