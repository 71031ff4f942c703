//! The demo's folder: everything that its processes share, gone when the demo is.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A fresh folder; removed on drop.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes `headroom-demo-PID` in the system's folder for such things.
    pub(super) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("headroom-demo-{}", std::process::id()));
        let what = || format!("folder {}", path.display());
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(what)?;
        }
        std::fs::create_dir_all(path.join("log")).with_context(what)?;
        Ok(Self { path })
    }

    /// A name inside it.
    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Copies what is worth keeping into a folder: the site file, the logs, the controller's journal and ledger.
    pub(super) fn keep(&self, out: &Path) -> Result<()> {
        let logs = out.join("log");
        std::fs::create_dir_all(&logs).with_context(|| format!("folder {}", logs.display()))?;
        for entry in std::fs::read_dir(self.join("log"))?.flatten() {
            std::fs::copy(entry.path(), logs.join(entry.file_name()))?;
        }
        let site = (self.join("site.toml"), out.join("site.toml"));
        let kept = ["journal.jsonl", "journal.old.jsonl", "ledger.jsonl", "ledger.open"];
        let kept = kept.map(|name| (self.join("controller").join(name), out.join(name)));
        for (from, to) in kept.into_iter().chain([site]).filter(|(from, _)| from.is_file()) {
            std::fs::copy(from, to)?;
        }
        Ok(())
    }

    /// Last lines of a log.
    pub(super) fn tail(&self, log: &str, lines: usize) -> String {
        let bytes = std::fs::read(self.join("log").join(log)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A child that is still being cut off may write once more while the folder goes.
        for _ in 0..20 {
            if std::fs::remove_dir_all(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        tracing::warn!(folder = %self.path.display(), "could not be removed");
    }
}
