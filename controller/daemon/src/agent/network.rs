//! What the network ports of this host do, told once a second.
//!
//! Responsible for: reading sysfs beside the GPUs' loop, and one JSON document per node and second on its topic `network`; it is
//! read like any other document (dialect JSON), and told only where a point reads it. Not for: finding and reading ports (drivers, `netdev`).
//!
//! A look into sysfs may block for milliseconds, and on a sick card for longer: it is made on a thread of its own, and nothing
//! waits for it.

use super::wire::Wire;
use headroom_drivers::Clock;
use headroom_drivers::mqtt::agents::{Leaf, topic};
use headroom_drivers::netdev::{Ports, document};
use headroom_site::model::{Point, Source};
use headroom_site::{Site, Span};
use std::path::PathBuf;
use std::sync::Arc;

/// Readings after which ports that came or went are looked for.
const LOOK_FOR: u64 = 60;

/// The nodes of which a point of the site reads what their ports do, by the index of their wire: nothing is told that nobody
/// reads.
pub(super) fn wanted<'n>(site: &Site, nodes: impl Iterator<Item = &'n Arc<str>>) -> Vec<(usize, Arc<str>)> {
    let reads = |topic: &str| {
        let from = |p: &Point| matches!(&p.source, Source::Json { topic: t, .. } if t == topic);
        site.points.iter().any(from)
    };
    let all = nodes.enumerate().filter(|(_, id)| reads(&topic(&site.name, id, Leaf::Network)));
    all.map(|(index, id)| (index, Arc::clone(id))).collect()
}

/// Reads and tells for ever. A host without ports says nothing.
pub(super) async fn tell(
    wires: &[Wire],
    nodes: Vec<(usize, Arc<str>)>,
    sysfs: PathBuf,
    clock: Clock,
    period: Span,
) {
    if nodes.is_empty() {
        return std::future::pending().await;
    }
    let mut ports = Ports::find(&sysfs);
    let names: Vec<_> = ports.names().map(str::to_owned).collect();
    tracing::info!(ports = names.join(", "), "network ports");
    let mut due = clock.now();
    let mut readings = 0_u64;
    loop {
        clock.sleep_until(due).await;
        due = (due + period).max(clock.now() + Span::from_ms(1));
        readings += 1;
        let look_for = readings.is_multiple_of(LOOK_FOR);
        let watch = clock.clone();
        let read = move || {
            if look_for {
                ports.look_for();
            }
            let begun = watch.now();
            let looks = ports.read(|| watch.mono_ns());
            let half = Span::from_ns(watch.now().since(begun).ns() / 2);
            (ports, looks, begun + half)
        };
        let Ok((back, looks, stamp)) = tokio::task::spawn_blocking(read).await else { return };
        ports = back;
        // The first reading has no rates to tell.
        if readings > 1 && !looks.is_empty() {
            for (index, node) in &nodes {
                if let Some(wire) = wires.get(*index) {
                    wire.network(document(node, stamp, &looks));
                }
            }
        }
    }
}
