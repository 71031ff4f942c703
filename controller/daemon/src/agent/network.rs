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
use headroom_drivers::netdev::{Kind, Look, Ports};
use headroom_site::model::{Point, Source};
use headroom_site::{Site, Span, Stamp};
use serde_json::{Map, Value, json};
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

/// The document of a node.
fn document(node: &str, stamp: Stamp, looks: &[Look]) -> Vec<u8> {
    let ports: Map<String, Value> = looks.iter().map(|look| (look.name.clone(), port(look))).collect();
    let document = json!({ "v": 1, "node": node, "t": stamp.unix_ns(), "ports": ports });
    document.to_string().into_bytes()
}

/// One port: what is not known is not there.
fn port(look: &Look) -> Value {
    let mut port = Map::new();
    let kind = match look.kind {
        Kind::Net => "net",
        Kind::Infiniband => "infiniband",
    };
    port.insert("kind".to_owned(), kind.into());
    let known = [
        ("up", look.up.map(Value::from)),
        ("link_bit_per_s", look.link_bit_per_s.map(Value::from)),
        ("temperature_degc", look.temperature_c.map(Value::from)),
    ];
    port.extend(known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    port.extend(look.rates.iter().map(|(word, rate)| (format!("{word}_per_s"), Value::from(*rate))));
    Value::Object(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_drivers::netdev::rates::Rates;

    #[test]
    fn what_is_not_known_is_not_there() {
        let rates = Rates::from([("rx_bytes", 2.5e9), ("tx_errors", 0.0)]);
        let look = Look {
            name: "mlx5_0:1".into(),
            kind: Kind::Infiniband,
            up: Some(true),
            link_bit_per_s: Some(4e11),
            temperature_c: None,
            rates,
        };
        let text = document("n1", Stamp::from_unix_ms(1_790_000_000_000), &[look]);
        let said: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&said["node"], &said["t"]), (&"n1".into(), &1_790_000_000_000_000_000_i64.into()));
        let port = &said["ports"]["mlx5_0:1"];
        assert_eq!((&port["kind"], &port["up"]), (&"infiniband".into(), &true.into()));
        assert_eq!(
            (port["rx_bytes_per_s"].as_f64(), port["link_bit_per_s"].as_f64()),
            (Some(2.5e9), Some(4e11))
        );
        assert!(port.get("temperature_degc").is_none());
    }
}
