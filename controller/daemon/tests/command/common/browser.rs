//! A browser without a window, for pages.

use std::process::{Command, Stdio};

/// Name of a browser that is there; `None`, and a word about it, where there is none.
pub(crate) fn installed() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"];
    let runs = |name: &&str| {
        let probe = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|s| s.success())
    };
    let found = names.into_iter().find(runs);
    if found.is_none() {
        println!("skipped: none of {} is installed", names.join(", "));
    }
    found
}
