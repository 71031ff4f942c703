//! What can be seen of a process and of a folder from outside.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A process, as `/proc` shows it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watched {
    /// Resident memory, kB.
    pub(super) rss_kb: u64,
    /// Open descriptors.
    pub(super) fds: u64,
    pub(super) threads: u64,
    /// Time on a processor since its start, s.
    pub(super) cpu_s: f64,
}

impl Watched {
    pub(super) fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).expect(name);
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        // After the name, which may hold anything: the 14th and 15th field of the line, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let cpu_s = [11, 12].map(|at: usize| fields[at].parse::<f64>().unwrap()).iter().sum::<f64>() / 100.0;
        Self { cpu_s, rss_kb: field("VmRSS:"), fds, threads: field("Threads:") }
    }
}

/// What the controller says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) ticks: u64,
    pub(super) missed: u64,
    pub(super) dropped: u64,
}

impl From<&Value> for Said {
    fn from(status: &Value) -> Self {
        let count = |name: &str| status[name].as_u64().unwrap_or_else(|| panic!("{name}: {status}"));
        Self { ticks: count("ticks"), missed: count("missed_ticks"), dropped: count("readings_dropped") }
    }
}

/// One look at everything.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Plant time since the first one.
    pub(super) hours: f64,
    pub(super) processes: Vec<(String, Watched)>,
    /// Bytes of each file of the state folder.
    pub(super) files: BTreeMap<String, u64>,
    pub(super) status: Said,
}

/// Names and bytes of a folder.
pub(super) fn files(folder: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    // A file that is being replaced may be gone by now.
    let sized = entries
        .filter_map(|e| Some((e.file_name().to_string_lossy().into_owned(), e.metadata().ok()?.len())));
    sized.filter(|(name, _)| !name.ends_with(".new")).collect()
}
