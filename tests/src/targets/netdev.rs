//! Network ports in sysfs.
//!
//! An input is a tree and its changes: a line `path text` writes a file, `- path` takes one away, `T ns` lets time pass and reads
//! every port, `L` looks for ports.

use super::Target;
use super::text::text;
use headroom_drivers::netdev::{Look, Ports, document};
use headroom_site::Stamp;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Network ports of a host.
pub const NETDEV: Target = Target { name: "netdev", body: read, bytes_per_byte: 1 << 10 };

/// Changes of an input that are carried out: the rest is more of the same, and each costs calls of the system.
const MOST_LINES: usize = 64;
/// Folders above a file: sensors are seven deep.
const DEEPEST: usize = 9;

/// A folder that goes with its test.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let own = format!("headroom-netdev-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // In memory, where there is such a folder: a disk would be most of the time.
        let memory = Path::new("/dev/shm");
        Self(if memory.is_dir() { memory.join(own) } else { std::env::temp_dir().join(own) })
    }

    /// The place of a path of the input, below the folder; `None` for what the kernel would not name so (no port's name has a
    /// colon), and for what no host is as deep as.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        let deep = path.matches('/').count() > DEEPEST;
        (inside && !deep && !path.is_empty() && !path.contains(':')).then(|| self.0.join(path))
    }

    fn write(&self, path: &str, text: &str) {
        let Some(place) = self.place(path) else { return };
        if place.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) {
            let _ = fs::write(place, format!("{text}\n"));
        }
    }

    fn remove(&self, path: &str) {
        let Some(place) = self.place(path) else { return };
        let _ = if place.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) };
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(input: &[u8]) {
    let (text, tree) = (text(input), Tree::new());
    let (mut ports, now) = (Ports::find(&tree.0), Cell::new(1_u64));
    for line in text.lines().take(MOST_LINES) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "L" => ports.look_for(),
            "-" => tree.remove(rest),
            "T" => {
                now.set(now.get().saturating_add(rest.parse().unwrap_or(0)));
                let names: Vec<String> = ports.names().map(str::to_owned).collect();
                let looks = ports.read(|| now.get());
                assert!(looks.iter().map(|l| &l.name).eq(&names), "{looks:?}");
                looks.iter().for_each(stands);
                told(&looks);
            }
            path => tree.write(path, rest),
        }
    }
}

/// Every number is finite, and no rate or speed is below zero.
fn stands(look: &Look) {
    let sound = |x: &f64| x.is_finite() && *x >= 0.0;
    assert!(look.rates.values().all(sound) && look.link_bit_per_s.iter().all(sound), "{look:?}");
    assert!(look.temperature_c.is_none_or(f64::is_finite), "{look:?}");
}

/// The document is JSON, and says of each port what was seen of it.
fn told(looks: &[Look]) {
    let stamp = Stamp::from_unix_ms(1_800_000_000_000);
    let read: Result<Value, _> = serde_json::from_slice(&document("n1", stamp, looks));
    let Ok(read) = read else { panic!("{read:?}") };
    let Some(ports) = read["ports"].as_object() else { panic!("{read}") };
    let names: BTreeSet<&str> = looks.iter().map(|l| l.name.as_str()).collect();
    assert!(ports.len() == names.len() && names.len() == looks.len(), "two ports of one name: {names:?}");
    for look in looks {
        let port = &ports[&look.name];
        assert_eq!(port["link_bit_per_s"].as_f64().is_some(), look.link_bit_per_s.is_some(), "{port}");
        assert_eq!(port["temperature_degc"].as_f64().is_some(), look.temperature_c.is_some(), "{port}");
        assert_eq!(port["up"].as_bool(), look.up, "{port}");
        let near = |a: f64, b: f64| (a - b).abs() <= 4.0 * b.abs() * f64::EPSILON;
        let rate = |word: &str| port[&format!("{word}_per_s")].as_f64();
        assert!(look.rates.iter().all(|(word, r)| rate(word).is_some_and(|said| near(said, *r))), "{port}");
    }
}
