//! What a host application says to an edge node: payloads of NCMD and DCMD.

use super::number::{BOOLEAN, Wire, wire};

/// The metric with which every edge node can be asked to be born again.
const REBIRTH: &str = "Node Control/Rebirth";

/// How the metric is named: by its alias where its birth gave one, else by name, never by both (6.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    Alias(u64),
    Name(&'a str),
}

fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push((x as u8 & 0x7F) | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

fn field(out: &mut Vec<u8>, number: u64, x: u64) {
    varint(out, number << 3);
    varint(out, x);
}

fn bytes(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    varint(out, (number << 3) | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn payload(named: Named<'_>, datatype: u32, value: Wire, unix_ms: i64) -> Vec<u8> {
    let time = unix_ms.max(0).cast_unsigned();
    let mut metric = Vec::with_capacity(64);
    match named {
        Named::Name(name) => bytes(&mut metric, 1, name.as_bytes()),
        Named::Alias(alias) => field(&mut metric, 2, alias),
    }
    field(&mut metric, 3, time);
    field(&mut metric, 4, u64::from(datatype));
    match value {
        Wire::Int(x) => field(&mut metric, 10, u64::from(x)),
        Wire::Long(x) => field(&mut metric, 11, x),
        Wire::Float(x) => {
            varint(&mut metric, (12 << 3) | 5);
            metric.extend_from_slice(&x.to_le_bytes());
        }
        Wire::Double(x) => {
            varint(&mut metric, (13 << 3) | 1);
            metric.extend_from_slice(&x.to_le_bytes());
        }
        Wire::Boolean(x) => field(&mut metric, 14, u64::from(x)),
    }
    let mut out = Vec::with_capacity(metric.len() + 16);
    field(&mut out, 1, time);
    bytes(&mut out, 2, &metric);
    out
}

/// A request for one metric; `None` if the number does not fit the datatype.
pub(crate) fn set(named: Named<'_>, datatype: u32, value: f64, unix_ms: i64) -> Option<Vec<u8>> {
    Some(payload(named, datatype, wire(value, datatype)?, unix_ms))
}

/// Asks an edge node to be born again.
pub(crate) fn rebirth(unix_ms: i64) -> Vec<u8> {
    payload(Named::Name(REBIRTH), BOOLEAN, Wire::Boolean(true), unix_ms)
}

#[cfg(test)]
mod tests {
    use super::super::payload::reference;
    use super::*;
    use prost::Message;

    #[test]
    fn prost_reads_what_we_say() {
        let said = reference::Payload::decode(rebirth(1_700_000_000_000).as_slice()).unwrap();
        let metric = &said.metrics[0];
        assert_eq!((said.timestamp, said.seq), (Some(1_700_000_000_000), None));
        assert_eq!((metric.name.as_deref(), metric.alias), (Some(REBIRTH), None));
        assert_eq!((metric.datatype, &metric.value), (Some(11), &Some(reference::Value::Boolean(true))));
        for (datatype, x, value) in [
            (1, -2.0, reference::Value::Int(0xFFFF_FFFE)),
            (4, -2.0, reference::Value::Long(u64::MAX - 1)),
            (9, 1.5, reference::Value::Float(1.5)),
            (10, 31.25, reference::Value::Double(31.25)),
        ] {
            let bytes = set(Named::Alias(300), datatype, x, 5).unwrap();
            let metric = reference::Payload::decode(bytes.as_slice()).unwrap().metrics.remove(0);
            assert_eq!((metric.name, metric.alias, metric.value), (None, Some(300), Some(value)));
        }
        assert_eq!(set(Named::Name("x"), 5, -1.0, 0), None);
    }
}
