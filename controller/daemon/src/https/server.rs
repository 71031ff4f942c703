//! The daemon's side: `headroom run --http-tls FILE`.
//!
//! ```toml
//! certificate = "pages.pem"       # ours, with those between it and its authority; paths as seen from this file
//! key = "pages.key"
//! name = "headroom.example"       # under which verbs on this host reach us; the address if not given
//! client-ca = "people.pem"        # only who has a certificate of this authority is let in; everybody if not given
//! ```
//! Certificates and key are read again when they have changed, so a renewed one counts from the next connection on; one that cannot be
//! read leaves the last good one in force. A connection that stands goes on until it ends.

use crate::election::access::certificates;
use anyhow::{Context, Result, bail};
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Patience with a handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// Handshakes at a time, and visitors that wait for their first answer.
const HANDS: usize = 64;
/// Time between two visitors.
const PACE: Duration = Duration::from_millis(20);
/// Time between two words about who was turned away.
const TELL_EACH: Duration = Duration::from_secs(1);
/// Pause after no visitor could be taken (no descriptors left).
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    name: Option<String>,
    client_ca: Option<PathBuf>,
}

/// What the pages show of themselves, and whom they let in.
#[derive(Debug)]
pub(crate) struct Secured {
    files: Files,
    good: Mutex<Good>,
}

/// What is in force, and of when its files were.
#[derive(Debug)]
struct Good {
    config: Arc<ServerConfig>,
    of: Vec<Option<SystemTime>>,
}

impl Secured {
    /// Reads the file and what it names.
    ///
    /// # Errors
    /// One cannot be read, others may read the key, or they do not go together.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = || format!("--http-tls {}", path.display());
        let text = headroom_site::file::read_text(path).with_context(name)?;
        let mut files: Files = toml::from_str(&text).with_context(name)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for file in [&mut files.certificate, &mut files.key].into_iter().chain(&mut files.client_ca) {
            *file = folder.join(&*file);
        }
        let key = files.key.display();
        let mode = std::fs::metadata(&files.key)
            .with_context(|| key.to_string())
            .with_context(name)?
            .permissions()
            .mode();
        if mode & 0o007 != 0 {
            bail!("{}: others may read {key} (mode {:o}); chmod o= it", name(), mode & 0o777);
        }
        let (of, config) = (files.times(), Arc::new(files.config().with_context(name)?));
        Ok(Self { files, good: Mutex::new(Good { config, of }) })
    }

    /// Where verbs on this host find the pages.
    pub(crate) fn url(&self, address: SocketAddr) -> String {
        match &self.files.name {
            Some(name) => format!("https://{name}:{}", address.port()),
            None => format!("https://{address}"),
        }
    }

    /// Do verbs on this host know where the pages are, with this address?
    pub(crate) fn is_found_at(&self, address: SocketAddr) -> bool {
        self.files.name.is_some() || !address.ip().is_unspecified()
    }

    /// What the next connection is made with: of the files as they are, if they changed and are good.
    fn config(&self) -> Arc<ServerConfig> {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let of = self.files.times();
        if of != good.of {
            match self.files.config() {
                Ok(config) => *good = Good { config: Arc::new(config), of },
                Err(why) => {
                    tracing::warn!("the pages keep their last certificate: {why:#}");
                    good.of = of;
                }
            }
        }
        Arc::clone(&good.config)
    }
}

impl Files {
    /// When each was written last.
    fn times(&self) -> Vec<Option<SystemTime>> {
        let all = [&self.certificate, &self.key].into_iter().chain(&self.client_ca);
        all.map(|file| std::fs::metadata(file).and_then(|m| m.modified()).ok()).collect()
    }

    fn config(&self) -> Result<ServerConfig> {
        let provider = Arc::new(default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(ca)? {
                    roots.add(certificate).with_context(|| ca.display().to_string())?;
                }
                config.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
                )
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).with_context(|| self.key.display().to_string())?;
        Ok(config.with_single_cert(certificates(&self.certificate)?, key)?)
    }
}

/// Visitors with whom hands were shaken.
pub(crate) struct Listener {
    address: SocketAddr,
    shaken: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Listener {
    /// Takes over a socket.
    ///
    /// # Errors
    /// It has no address.
    pub(crate) fn new(tcp: TcpListener, secured: Secured) -> std::io::Result<Self> {
        let address = tcp.local_addr()?;
        let (shake, shaken) = mpsc::channel(HANDS);
        tokio::spawn(accept(tcp, secured, shake));
        Ok(Self { address, shaken })
    }
}

/// Shakes hands with some visitors at a time and with so many a second: the loop of the controller has the same processor. A
/// silent one keeps one hand from the others, and no longer than [`PATIENCE`].
async fn accept(tcp: TcpListener, secured: Secured, shake: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let (hands, refusals) = (Arc::new(Semaphore::new(HANDS)), Arc::new(Refusals::default()));
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
        pace.tick().await;
        let (stream, peer) = match tcp.accept().await {
            Ok(visitor) => visitor,
            Err(why) => {
                tracing::warn!("no visitor of the pages can be taken: {why}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (acceptor, shake) = (TlsAcceptor::from(secured.config()), shake.clone());
        let refusals = Arc::clone(&refusals);
        tokio::spawn(async move {
            let _hand = hand;
            match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                // Where the pages end, so do their visitors.
                Ok(Ok(stream)) => drop(shake.send((stream, peer)).await),
                Ok(Err(why)) => refusals.tell(peer, &why.to_string()),
                Err(_) => refusals.tell(peer, "it says nothing"),
            }
        });
    }
}

/// Visitors that were turned away: the first is told at once, then how many there were.
#[derive(Debug, Default)]
struct Refusals(Mutex<(Option<Instant>, u64)>);

impl Refusals {
    fn tell(&self, peer: SocketAddr, why: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, more) = &mut *told;
        if last.is_some_and(|at| at.elapsed() < TELL_EACH) {
            *more += 1;
            return;
        }
        let before = std::mem::take(more);
        *last = Some(Instant::now());
        tracing::warn!(%peer, before, "a visitor of the pages is turned away: {why}");
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.shaken.recv().await {
            Some(visitor) => visitor,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Who came: the SHA-256 of the certificate, where TLS asked for one and was satisfied.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Peer {
    pub(crate) certificate: Option<[u8; 32]>,
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        let (_, session) = stream.io().get_ref();
        let own = session.peer_certificates().and_then(<[_]>::first);
        Self { certificate: own.map(|der| Sha256::digest(der).into()) }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_wrong_says_why() {
        let folder = std::env::temp_dir().join(format!("headroom-http-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, key) = (folder.join("http-tls.toml"), folder.join("pages.key"));
        let said = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::write(&key, "no key\n").unwrap();
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            Secured::read(&path).err().map_or(String::new(), |why| format!("{why:#}"))
        };
        let good = "certificate = \"pages.pem\"\nkey = \"pages.key\"\n";
        for (text, mode, part) in [
            ("key = \"pages.key\"\n", 0o600, "certificate"),
            ("certificate = \"a\"\nkey = \"nowhere.key\"\n", 0o600, "nowhere.key"),
            ("certificate = \"a\"\nkey = \"b\"\nclient-cs = \"c\"\n", 0o600, "client-cs"),
            (good, 0o644, "chmod o="),
            (good, 0o600, "pages.key"),
        ] {
            assert!(said(text, mode).contains(part), "{text}: {}", said(text, mode));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
