//! Authorities of certificates, made by openssl, if the machine has it.

use std::path::PathBuf;
use std::process::Command;

/// An authority and what it has signed, as PEM files of a folder that goes with it.
pub(crate) struct Authority(PathBuf);

impl Authority {
    /// `None`, with a word on why, where openssl cannot make certificates.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("headroom-authority-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Self(folder);
        authority.make("ca", "basicConstraints = critical,CA:true", &[])?;
        Some(authority)
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// The authority's own certificate.
    pub(crate) fn ca(&self) -> String {
        self.file("ca.pem")
    }

    /// Certificate and key of somebody, who is known by a name (`DNS:plant`, `IP:127.0.0.1`).
    pub(crate) fn signs(&self, who: &str, name: &str) -> Option<[String; 2]> {
        let by = ["-CA".to_owned(), self.ca(), "-CAkey".to_owned(), self.file("ca.key")];
        self.make(who, &format!("basicConstraints = CA:false\nsubjectAltName = {name}"), &by)?;
        Some([self.file(&format!("{who}.pem")), self.file(&format!("{who}.key"))])
    }

    fn make(&self, out: &str, extensions: &str, by: &[String]) -> Option<()> {
        let config = self.file("config");
        let text = format!(
            "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = {out}\n[extensions]\n{extensions}\n"
        );
        std::fs::write(&config, text).unwrap();
        let (key, pem) = (self.file(&format!("{out}.key")), self.file(&format!("{out}.pem")));
        let common = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
        let done = Command::new("openssl")
            .args(common)
            .args([
                "-days",
                "3",
                "-config",
                &config,
                "-extensions",
                "extensions",
                "-keyout",
                &key,
                "-out",
                &pem,
            ])
            .args(by)
            .output();
        if !done.is_ok_and(|o| o.status.success()) {
            println!("skipped: openssl 3 cannot make certificates here");
            return None;
        }
        Some(())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
