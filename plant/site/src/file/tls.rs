//! TLS of the site file: whom a connection trusts, and who it says it is.

use crate::doc::{At, Table};
use crate::model::Tls;
use std::path::Path;

/// The files of a TLS connection; relative to the site file.
pub(super) fn read(t: &Table<'_>, base: &Path) -> Tls {
    let file = |name: At<String>| {
        let path = base.join(&name.value);
        if !path.is_file() {
            t.doc().find(
                name.span,
                format!("there is no file `{}`", path.display()),
                "correct the path (relative to the site file), or put the PEM file there",
            );
        }
        path.display().to_string()
    };
    let ca = t.need_at::<String>("ca").map(file).unwrap_or_default();
    let certificate = t.at::<String>("certificate").map(file);
    let key = t.at::<String>("key").map(file);
    if certificate.is_some() != key.is_some() {
        t.doc().find(
            t.span(),
            "`certificate` and `key` go together, one of them is missing",
            "name both PEM files, or neither",
        );
    }
    Tls { ca, own: certificate.zip(key), server_name: t.get("server-name") }
}
