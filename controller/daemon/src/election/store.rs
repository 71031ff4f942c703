//! Where the record stands: one trait, and who implements it.

use super::access::Access;
use super::etcd::Etcd;
use super::nats::Nats;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;
use headroom_site::Span;
use std::path::PathBuf;
use std::time::Duration;

/// What the command line says of it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `nats://HOST:PORT[/BUCKET]` or `etcd://HOST:PORT[/PREFIX]`.
    pub(crate) url: String,
    /// Who we are there, and how it proves who it is.
    pub(crate) access: Option<PathBuf>,
    /// A leader that is not heard of for so long leads no more.
    pub(crate) term: Span,
}

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// Where several controllers of this site agree on who leads; without it there is one, and nobody is asked.
    #[arg(long, value_name = "nats://HOST:PORT[/BUCKET] | etcd://HOST:PORT[/PREFIX]")]
    store: Option<String>,
    /// Who this one is in the store, and how the two prove it: user, password, token, certificates.
    #[arg(long, value_name = "store.toml", requires = "store")]
    store_access: Option<PathBuf>,
    /// A leader that is not heard of for so long leads no more; the same for all controllers.
    #[arg(long, default_value = "3s", value_parser = crate::see::span)]
    term: Span,
}

impl StoreArgs {
    pub(crate) fn options(self) -> Option<Options> {
        let Self { store, store_access: access, term } = self;
        store.map(|url| Options { url, access, term })
    }
}

/// The two records of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Who leads.
    Leader,
    /// Who stands by.
    Standbys,
}

impl Key {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Standbys => "standbys",
        }
    }
}

/// A record as it was found. Revisions of a key only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) revision: u64,
    pub(crate) value: Bytes,
}

/// What became of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// It is written, under this revision.
    To(u64),
    /// The record is not the one that was seen.
    Refused,
}

/// A store that compares and sets, linearizably. A call that fails, or is given up, may have been carried out all the same.
pub(crate) trait Store: Send {
    /// The record, if there is one.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses us.
    fn read(&mut self, key: Key) -> impl Future<Output = Result<Option<Found>>> + Send;

    /// Writes the record if it is still the one of this revision; `None`: if there is none.
    ///
    /// # Errors
    /// As of `read`.
    fn swap(
        &mut self,
        key: Key,
        seen: Option<u64>,
        value: Bytes,
    ) -> impl Future<Output = Result<Swapped>> + Send;
}

/// The stores that there are.
pub(crate) enum AnyStore {
    Nats(Nats),
    Etcd(Etcd),
}

impl AnyStore {
    /// For the records of a site, with patience for one request. It connects when it is first asked.
    ///
    /// # Errors
    /// The address is none, or the access file is wrong.
    pub(crate) fn new(options: &Options, site: &str, patience: Duration) -> Result<Self> {
        let access = options
            .access
            .as_deref()
            .map(|path| Access::read(path, "--store-access"))
            .transpose()?
            .unwrap_or_default();
        let url = &options.url;
        let wants = "--store wants nats://HOST:PORT[/BUCKET] or etcd://HOST:PORT[/PREFIX]";
        let (scheme, rest) = url.split_once("://").with_context(|| format!("`{url}`: {wants}"))?;
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = address
            .rsplit_once(':')
            .and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
        if port.is_none() {
            bail!("`{url}`: `{address}` is no HOST:PORT; {wants}");
        }
        if address.contains('@') {
            bail!("`{url}`: names and passwords stand in the file of --store-access, not in an address");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let site: String = site.chars().map(|c| if plain(c) { c } else { '-' }).collect();
        let name = if path.is_empty() { "headroom" } else { path };
        match scheme {
            "nats" if !name.chars().all(plain) => {
                bail!("`{url}`: `{name}` is no name of a bucket: letters, digits, - and _")
            }
            "nats" => Ok(Self::Nats(Nats::new(address, name, &site, access, patience))),
            "etcd" => Ok(Self::Etcd(Etcd::new(address, name, &site, access)?)),
            _ => bail!("`{url}`: {wants}"),
        }
    }
}

impl Store for AnyStore {
    async fn read(&mut self, key: Key) -> Result<Option<Found>> {
        match self {
            Self::Nats(nats) => nats.read(key).await,
            Self::Etcd(etcd) => etcd.read(key).await,
        }
    }

    async fn swap(&mut self, key: Key, seen: Option<u64>, value: Bytes) -> Result<Swapped> {
        match self {
            Self::Nats(nats) => nats.swap(key, seen, value).await,
            Self::Etcd(etcd) => etcd.swap(key, seen, value).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_says_what_it_wants() {
        let of = |url: &str| Options { url: url.to_owned(), access: None, term: Span::from_ms(3000) };
        let said = |url: &str| match AnyStore::new(&of(url), "hall 1", Duration::from_secs(1)) {
            Ok(_) => String::new(),
            Err(why) => format!("{why:#}"),
        };
        for url in ["nats://a:1", "nats://a:1/b-c", "etcd://[::1]:2379/a/b"] {
            assert_eq!(said(url), "");
        }
        for (url, part) in [
            ("a:1", "wants nats://"),
            ("redis://a:1", "wants nats://"),
            ("nats://a", "no HOST:PORT"),
            ("nats://:4", "no HOST:PORT"),
            ("nats://u:p@a:1", "--store-access"),
            ("nats://a:1/b.c", "no name of a bucket"),
        ] {
            assert!(said(url).contains(part), "{url}: {}", said(url));
        }
    }
}
