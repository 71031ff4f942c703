//! How a controller proves to the store who it is, and the store to it; or a verb to the pages: a file, so that no secret stands
//! in a command line.
//!
//! Responsible for: reading it, and what it asks of TLS. Not for: the connections.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The file. Paths in it are as seen from it.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Access {
    #[serde(default)]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) password: Option<String>,
    /// A token of NATS.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// The connection is TLS, and this file holds who signs for the store.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Our own certificate and its key, where the store asks for one.
    #[serde(default)]
    certificate: Option<PathBuf>,
    #[serde(default)]
    key: Option<PathBuf>,
}

impl Access {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, others may read it, or it contradicts itself.
    pub(crate) fn read(path: &Path, option: &str) -> Result<Self> {
        let name = || format!("{option} {}", path.display());
        let mode = std::fs::metadata(path).with_context(name)?.permissions().mode();
        let text = headroom_site::file::read_text(path).with_context(name)?;
        let mut access: Self = toml::from_str(&text).with_context(name)?;
        let secret = access.password.is_some() || access.token.is_some();
        if secret && mode & 0o077 != 0 {
            bail!("{}: others may read it (mode {:o}); chmod 600 it", name(), mode & 0o777);
        }
        if access.user.is_some() != access.password.is_some() {
            bail!("{}: `user` and `password` go together", name());
        }
        if access.certificate.is_some() != access.key.is_some() {
            bail!("{}: `certificate` and `key` go together", name());
        }
        if access.certificate.is_some() && access.ca.is_none() {
            bail!("{}: a certificate needs TLS: say who signs for the store, `ca`", name());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        for file in [&mut access.ca, &mut access.certificate, &mut access.key].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        access.tls().with_context(name)?;
        Ok(access)
    }

    /// What TLS is to do; `None`: there is none. Files are read anew, so that a renewed certificate counts from the next
    /// connection on.
    ///
    /// # Errors
    /// A file is missing or holds nothing of the kind.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ClientConfig>>> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate).with_context(|| ca.display().to_string())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match self.certificate.as_ref().zip(self.key.as_ref()) {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let der = PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
                config.with_client_auth_cert(certificates(certificate)?, der)?
            }
        };
        Ok(Some(Arc::new(config)))
    }
}

/// The certificates of a PEM file: at least one.
///
/// # Errors
/// It cannot be read, or holds none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let name = || path.display().to_string();
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .with_context(name)?
        .collect::<Result<_, _>>()
        .with_context(name)?;
    if all.is_empty() {
        bail!("{}: no certificate in it", path.display());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_wrong_says_why() {
        let folder = std::env::temp_dir().join(format!("headroom-access-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("store.toml");
        let said = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Access::read(&path, "--store-access").err().map_or(String::new(), |why| format!("{why:#}"))
        };
        assert_eq!(said("user = \"a\"\npassword = \"b\"\n", 0o600), "");
        for (text, mode, part) in [
            ("token = \"b\"\n", 0o644, "chmod 600"),
            ("user = \"a\"\n", 0o600, "go together"),
            ("certificate = \"a\"\n", 0o600, "`certificate` and `key`"),
            ("certificate = \"a\"\nkey = \"b\"\n", 0o600, "`ca`"),
            ("ca = \"nowhere.pem\"\n", 0o600, "nowhere.pem"),
            ("passwort = \"b\"\n", 0o600, "passwort"),
        ] {
            assert!(said(text, mode).contains(part), "{text}: {}", said(text, mode));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
