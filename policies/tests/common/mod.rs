//! The site and the policy that the tests bend.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part; a test may fail")]

use headroom_policies::{Policy, read_policy};
use headroom_site::Site;
use headroom_site::doc::Finding;
use headroom_site::file::read_site;
use std::path::Path;

/// A policy that uses every key.
pub(crate) const FULL: &str = include_str!("../full.toml");

/// The small site.
pub(crate) fn site() -> Site {
    read_site("site.toml", include_str!("../site.toml"), Path::new("."))
        .map_err(|f| format!("{f:#?}"))
        .unwrap()
}

/// A policy that must be good by itself.
pub(crate) fn policy(text: &str) -> Policy {
    read_policy("policy.toml", text).map_err(|f| format!("{f:#?}")).unwrap()
}

/// Findings of the file, or if it has none, at the site.
pub(crate) fn findings(text: &str) -> Vec<Finding> {
    match read_policy("policy.toml", text) {
        Ok(policy) => policy.check_against(&site(), "policy.toml", text),
        Err(findings) => findings,
    }
}
