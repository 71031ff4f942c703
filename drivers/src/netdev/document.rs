//! What the ports of a node do, as one JSON document.
//!
//! Responsible for: its keys. What is not known is not there. Not for: where it is sent, nor for reading ports.

use super::{Kind, Look};
use headroom_site::Stamp;
use serde_json::{Map, Value, json};

/// The document of a node.
#[must_use]
pub fn document(node: &str, stamp: Stamp, looks: &[Look]) -> Vec<u8> {
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
    use crate::netdev::rates::Rates;

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
