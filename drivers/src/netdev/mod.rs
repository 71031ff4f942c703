//! Network interfaces and InfiniBand ports of this host, from sysfs.
//!
//! Responsible for: finding them, reading their counters, link speed and temperature, and the rates between two readings
//! ([`rates`]), and the document that tells them. Not for: when to read, nor for sending what was read (agent).
//!
//! ```text
//! ROOT/class/net/NIC/statistics/{rx,tx}_{bytes,packets,errors,dropped}      u64, wraps at 2^64, at 2^32 on old drivers
//! ROOT/class/net/NIC/{speed,carrier,operstate}                              Mbit/s; -1 or an error while down
//! ROOT/class/net/NIC/device/hwmon/hwmonN/tempM_input                        milli-degC, the warmest counts
//! ROOT/class/infiniband/DEV/ports/P/counters/port_{rcv,xmit}_data           units of 4 octets
//! ROOT/class/infiniband/DEV/ports/P/counters/port_{rcv,xmit}_packets, port_rcv_errors, symbol_error, link_downed,
//!                                            port_xmit_discards, port_xmit_wait
//! ROOT/class/infiniband/DEV/ports/P/hw_counters/{out_of_sequence,packet_seq_err,rx_icrc_encapsulated,np_cnp_sent,
//!                                            rp_cnp_handled}
//! ROOT/class/infiniband/DEV/ports/P/rate                                    "400 Gb/sec (4X NDR)"
//! ```
//! (`Documentation/ABI/testing/sysfs-class-net-statistics`, `sysfs-class-net`, `stable/sysfs-class-infiniband`.) An interface
//! without a device behind it (loopback, bridges, bonds) carries what others carry already, and is left out. A file that is
//! not there, or cannot be read, is a value that is not there.

mod document;
pub mod rates;

pub use document::document;

use rates::{Counters, Rates};
use std::fs;
use std::path::{Path, PathBuf};

/// Where sysfs is.
pub const SYSFS: &str = "/sys";

/// What kind of port it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A network interface of the kernel.
    Net,
    /// A port of an InfiniBand or RoCE device.
    Infiniband,
}

/// A counter: its word, where it is read, and the factor to its unit.
type Counter = (&'static str, &'static str, u64);

/// Counters of a network interface.
const NET: &[Counter] = &[
    ("rx_bytes", "statistics/rx_bytes", 1),
    ("tx_bytes", "statistics/tx_bytes", 1),
    ("rx_packets", "statistics/rx_packets", 1),
    ("tx_packets", "statistics/tx_packets", 1),
    ("rx_errors", "statistics/rx_errors", 1),
    ("tx_errors", "statistics/tx_errors", 1),
    ("rx_dropped", "statistics/rx_dropped", 1),
    ("tx_dropped", "statistics/tx_dropped", 1),
];

/// Counters of an InfiniBand port. Its data counters count in units of four octets.
const INFINIBAND: &[Counter] = &[
    ("rx_bytes", "counters/port_rcv_data", 4),
    ("tx_bytes", "counters/port_xmit_data", 4),
    ("rx_packets", "counters/port_rcv_packets", 1),
    ("tx_packets", "counters/port_xmit_packets", 1),
    ("rx_errors", "counters/port_rcv_errors", 1),
    ("symbol_errors", "counters/symbol_error", 1),
    ("link_downed", "counters/link_downed", 1),
    ("tx_dropped", "counters/port_xmit_discards", 1),
    ("tx_wait", "counters/port_xmit_wait", 1),
    ("out_of_sequence", "hw_counters/out_of_sequence", 1),
    ("packet_seq_err", "hw_counters/packet_seq_err", 1),
    ("cnp_sent", "hw_counters/np_cnp_sent", 1),
    ("cnp_handled", "hw_counters/rp_cnp_handled", 1),
];

/// One port as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// `eth0`, or device and port: `mlx5_0:1`.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// True while its link is up, as far as it says.
    pub up: Option<bool>,
    /// Speed of the link, bit/s.
    pub link_bit_per_s: Option<f64>,
    /// The warmest of its sensors, degC.
    pub temperature_c: Option<f64>,
    /// Rates since the reading before, by the word of their counter, 1/s.
    pub rates: Rates,
}

/// One port, and what it counted at the last reading.
#[derive(Debug)]
struct Port {
    name: String,
    kind: Kind,
    folder: PathBuf,
    /// Where its device's sensors are.
    sensors: PathBuf,
    counters: Counters,
}

/// The ports of a host.
#[derive(Debug)]
pub struct Ports {
    root: PathBuf,
    ports: Vec<Port>,
}

impl Ports {
    /// The ports below a sysfs root; none where there is no such folder.
    #[must_use]
    pub fn find(root: &Path) -> Self {
        let mut found = Self { root: root.to_owned(), ports: Vec::new() };
        found.look_for();
        found
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.iter().map(|p| p.name.as_str())
    }

    /// Looks for ports that came or went; those that stayed keep their counters.
    pub fn look_for(&mut self) {
        let mut now = Vec::new();
        for (name, folder) in folders(&self.root.join("class/net")) {
            let sensors = folder.join("device");
            if sensors.exists() {
                now.push((name, Kind::Net, folder, sensors));
            }
        }
        for (device, folder) in folders(&self.root.join("class/infiniband")) {
            for (port, place) in folders(&folder.join("ports")) {
                now.push((format!("{device}:{port}"), Kind::Infiniband, place, folder.join("device")));
            }
        }
        let mut before = std::mem::take(&mut self.ports);
        for (name, kind, folder, sensors) in now {
            let known = before.iter().position(|p| p.name == name && p.kind == kind);
            self.ports.push(match known {
                Some(i) => before.swap_remove(i),
                None => Port { name, kind, folder, sensors, counters: Counters::default() },
            });
        }
    }

    /// Reads every port. `mono_ns` is the time of reading by a clock that only rises; no rate is told at the first one.
    pub fn read(&mut self, mono_ns: impl Fn() -> u64) -> Vec<Look> {
        self.ports.iter_mut().map(|port| port.read(&mono_ns)).collect()
    }
}

impl Port {
    fn read(&mut self, mono_ns: &impl Fn() -> u64) -> Look {
        let list = match self.kind {
            Kind::Net => NET,
            Kind::Infiniband => INFINIBAND,
        };
        // Half way between the first and the last file.
        let begun = mono_ns();
        let values: Vec<_> =
            list.iter().map(|(word, file, unit)| (*word, number(&self.folder.join(file)), *unit)).collect();
        let ended = mono_ns();
        let rates = self.counters.take(begun + (ended.saturating_sub(begun)) / 2, &values);
        Look {
            name: self.name.clone(),
            kind: self.kind,
            up: self.up(),
            link_bit_per_s: self.speed(),
            temperature_c: warmest(&self.sensors.join("hwmon")),
            rates,
        }
    }

    fn up(&self) -> Option<bool> {
        match self.kind {
            Kind::Net => text(&self.folder.join("operstate")).map(|state| state == "up"),
            // "4: ACTIVE"
            Kind::Infiniband => text(&self.folder.join("state")).map(|state| state.starts_with('4')),
        }
    }

    fn speed(&self) -> Option<f64> {
        match self.kind {
            Kind::Net => {
                let mbit: i64 = text(&self.folder.join("speed"))?.parse().ok()?;
                (mbit > 0).then_some(mbit as f64 * 1e6)
            }
            Kind::Infiniband => {
                let rate = text(&self.folder.join("rate"))?;
                let (gbit, unit) = rate.split_once(' ')?;
                let bit = gbit.parse::<f64>().ok()? * 1e9;
                (unit.starts_with("Gb/sec") && bit.is_finite() && bit > 0.0).then_some(bit)
            }
        }
    }
}

/// Folders (and links to folders) below one, by name.
fn folders(at: &Path) -> Vec<(String, PathBuf)> {
    let mut all: Vec<_> = fs::read_dir(at)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(|name| (name.clone(), at.join(name)))
        .filter(|(_, path)| path.is_dir())
        .collect();
    all.sort();
    all
}

fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

fn number(file: &Path) -> Option<u64> {
    text(file)?.parse().ok()
}

/// The warmest sensor below a folder of hwmon devices, degC.
fn warmest(at: &Path) -> Option<f64> {
    let mut most: Option<f64> = None;
    for (_, folder) in folders(at) {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_input = name.to_str().is_some_and(|n| n.starts_with("temp") && n.ends_with("_input"));
            let milli: Option<i64> = is_input.then(|| text(&entry.path())?.parse().ok()).flatten();
            if let Some(c) = milli.map(|m| m as f64 * 1e-3) {
                most = Some(most.map_or(c, |m| m.max(c)));
            }
        }
    }
    most
}

#[cfg(test)]
mod tests;
