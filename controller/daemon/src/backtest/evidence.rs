//! The file that a backtest leaves: what it is evidence of, and for whom.
//!
//! Responsible for: its form, and telling one that was changed. Not for: who may command (`gate`), nor for who wrote it: the digest
//! tells of accidents, not of intent; whoever may write the file may write the policy too.

use super::sums::Found;
use crate::files::Loaded;
use crate::score::write_whole;
use crate::tape::digest_of;
use anyhow::{Context, Result, bail};
use headroom_core::Wants;
use headroom_site::Site;
use headroom_site::file::read_text;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

/// Version of the form.
const FORMAT: u32 = 1;

/// What was found, in short, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    format: u32,
    pub(crate) site: String,
    pub(crate) groups: Vec<String>,
    /// Does it speak for letting these groups command?
    pub(crate) supports: bool,
    /// What speaks against it.
    pub(crate) against: Vec<String>,
    from_unix_s: f64,
    to_unix_s: f64,
    pub(crate) hours: f64,
    draws: u32,
    draws_with_more: u32,
    /// Of the facility, else of its cooling: low, middle, high, %.
    saved_percent: Vec<f64>,
    beyond_learned: f64,
    /// Digests of site, of what cooling decides by, and of the model.
    pub(crate) site_sha256: String,
    pub(crate) wishes_sha256: String,
    pub(crate) model_sha256: String,
    /// Of everything above.
    sha256: String,
}

impl Evidence {
    /// Of a backtest.
    pub(super) fn of(loaded: &Loaded, model: &str, found: &Found) -> Self {
        let saved = found.facility.or(found.cooling).map(|p| p.saved_percent);
        let mut evidence = Self {
            format: FORMAT,
            site: found.site.clone(),
            groups: found.groups.clone(),
            supports: found.supports(),
            against: found.against.clone(),
            from_unix_s: found.from_unix_s,
            to_unix_s: found.to_unix_s,
            hours: found.hours,
            draws: found.draws,
            draws_with_more: found.draws_with_more,
            saved_percent: saved.map_or(Vec::new(), |b| vec![b.low, b.mid, b.high]),
            beyond_learned: found.beyond_learned,
            site_sha256: of_site(&loaded.site),
            wishes_sha256: of_wishes(&loaded.wants),
            model_sha256: of_model(model),
            sha256: String::new(),
        };
        evidence.sha256 = evidence.digest();
        evidence
    }

    /// From its file.
    ///
    /// # Errors
    /// It cannot be read, is none, or was changed.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = || format!("evidence {}", path.display());
        let text = read_text(path).with_context(name)?;
        let evidence: Self =
            toml::from_str(&text).context("this is no evidence of `headroom backtest`").with_context(name)?;
        if evidence.format != FORMAT {
            bail!("{}: it is of format {}, this program reads format {FORMAT}", name(), evidence.format);
        }
        if evidence.digest() != evidence.sha256 {
            bail!("{}: it was changed since `headroom backtest` wrote it; run it again with --out", name());
        }
        Ok(evidence)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let body = toml::to_string(self).context("the evidence cannot be put into TOML")?;
        write_whole(
            path,
            &format!("# Evidence of `headroom backtest`, for `headroom run --evidence`.\n{body}"),
        )
    }

    /// First digits of its digest.
    pub(super) fn short(&self) -> &str {
        self.sha256.get(..12).unwrap_or(&self.sha256)
    }

    fn digest(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        hex(Sha256::digest(format!("{bare:?}")).into())
    }
}

/// Digest of a site.
pub(super) fn of_site(site: &Site) -> String {
    hex(digest_of(site))
}

/// Digest of what cooling decides by.
pub(super) fn of_wishes(wants: &Wants) -> String {
    hex(Sha256::digest(wants.cooling_wishes()).into())
}

/// Digest of a model's file.
pub(super) fn of_model(text: &str) -> String {
    hex(Sha256::digest(text).into())
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
