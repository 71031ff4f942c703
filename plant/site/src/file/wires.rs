//! Connections of the site file: MQTT, Modbus devices with their registers, Prometheus pages.

use super::Names;
use crate::doc::{At, Doc, Finding, Table};
use crate::model::{
    ByteOrder, ModbusSpec, MqttSpec, PrometheusSpec, RegisterSpace, RegisterSpec, RegisterType, Remote,
};
use crate::time::Span;
use std::path::Path;

pub(super) struct Wires {
    pub(super) mqtt: Vec<MqttSpec>,
    pub(super) modbus: Vec<ModbusSpec>,
    pub(super) prometheus: Vec<PrometheusSpec>,
    pub(super) mqtt_names: Names,
    pub(super) modbus_names: Names,
    pub(super) prometheus_names: Names,
    pub(super) register_names: Vec<Names>,
}

pub(super) fn read(root: &Table<'_>, base: &Path) -> Wires {
    let (mqtt, mqtt_names) = super::mqtt::read(root);
    let mut prometheus_names = Names::new("prometheus page");
    let mut prometheus = Vec::new();
    root.tables("prometheus", |t| {
        let Some(id) = t.need_at::<String>("id") else { return };
        prometheus_names.add(t.doc(), &id, prometheus.len());
        let url = scheme(t, "url", &["http://"]).unwrap_or_default();
        prometheus.push(PrometheusSpec { id: id.value, url, poll: t.or("poll", Span::from_s(5.0)) });
    });
    let mut modbus_names = Names::new("modbus device");
    let mut modbus = Vec::new();
    let mut register_names = Vec::new();
    root.tables("modbus", |t| {
        let Some(id) = t.need_at::<String>("id") else { return };
        modbus_names.add(t.doc(), &id, modbus.len());
        let (spec, names) = modbus_spec(t, id.value, base);
        modbus.push(spec);
        register_names.push(names);
    });
    Wires { mqtt, modbus, prometheus, mqtt_names, modbus_names, prometheus_names, register_names }
}

pub(super) fn scheme(t: &Table<'_>, key: &str, accepted: &[&str]) -> Option<String> {
    let url = t.need_at::<String>(key)?;
    if accepted.iter().any(|s| url.value.starts_with(s)) {
        return Some(url.value);
    }
    t.doc().find(
        url.span,
        format!("`{}` is not an address of this kind", url.value),
        format!("write {}host:port", accepted.join("... or ")),
    );
    None
}

fn modbus_spec(t: &Table<'_>, id: String, base: &Path) -> (ModbusSpec, Names) {
    let mut names = Names::new("register");
    let mut registers = Vec::new();
    let address_base = t.or("address-base", 0_u16);
    let order = byte_order(t);
    if let Some(map) = t.at::<String>("map") {
        let path = base.join(&map.value);
        match std::fs::read_to_string(&path) {
            Ok(text) => match read_register_map(&map.value, &text) {
                Ok(list) => {
                    for r in list {
                        names.ids.insert(r.name.clone(), registers.len());
                        registers.push(r);
                    }
                }
                Err(findings) => {
                    for f in findings {
                        t.doc().find(
                            map.span.clone(),
                            format!("in the map: {}:{}: {}", f.file, f.line, f.what),
                            f.remedy,
                        );
                    }
                }
            },
            Err(e) => {
                let what = format!("cannot read map `{}`: {e}", path.display());
                t.doc().find(map.span, what, "correct the path (relative to the site file)");
            }
        }
    }
    t.tables("register", |r| register(r, address_base, order, &mut names, &mut registers));
    let remote = t.table("remote", |r| remote(r, &names)).unwrap_or_default();
    let unit = t.or("unit", 1_u16);
    if unit > 255 {
        t.doc().find(t.span_of("unit"), "`unit` is not in 0..255", "write the unit (slave) id of the device");
    }
    let max_block = t.or("max-block", 100_u16);
    if !(1..=125).contains(&max_block) {
        t.doc().find(
            t.span_of("max-block"),
            "`max-block` is not in 1..125",
            "a Modbus read carries at most 125 registers",
        );
    }
    let spec = ModbusSpec {
        id,
        address: scheme(t, "url", &["tcp://"]).unwrap_or_default().trim_start_matches("tcp://").to_owned(),
        unit: unit as u8,
        poll: t.or("poll", Span::from_s(2.0)),
        timeout: t.or("timeout", Span::from_s(1.0)),
        min_gap: t.or("min-gap", Span::ZERO),
        max_block: max_block.clamp(1, 125),
        max_gap: t.or("max-gap", 8),
        registers,
        remote,
    };
    (spec, names)
}

/// Reads a register map file: `[[register]]` tables as in a site file's `[[modbus.register]]`.
///
/// # Errors
/// Every finding.
pub fn read_register_map(file: &str, text: &str) -> Result<Vec<RegisterSpec>, Vec<Finding>> {
    let doc = Doc::new(file, text);
    let mut registers = Vec::new();
    doc.read(|root| {
        let _ = root.get::<String>("vendor");
        let _ = root.get::<String>("model");
        let _ = root.get::<String>("source");
        let address_base = root.or("address-base", 0_u16);
        let order = byte_order(root);
        let mut names = Names::new("register");
        root.tables("register", |r| register(r, address_base, order, &mut names, &mut registers));
    });
    if doc.is_clean() { Ok(registers) } else { Err(doc.findings()) }
}

fn byte_order(t: &Table<'_>) -> ByteOrder {
    let Some(order) = t.at::<String>("byte-order") else { return ByteOrder::Abcd };
    match order.value.as_str() {
        "ABCD" => ByteOrder::Abcd,
        "CDAB" => ByteOrder::Cdab,
        "BADC" => ByteOrder::Badc,
        "DCBA" => ByteOrder::Dcba,
        other => {
            t.doc().find(order.span, format!("unknown byte order `{other}`"), "use ABCD, CDAB, BADC or DCBA");
            ByteOrder::Abcd
        }
    }
}

/// One of some words, or the default where the key is missing (or wrong, which is found).
pub(super) fn choice_or<T: Copy>(t: &Table<'_>, key: &str, choices: &[(&str, T)], default: T) -> T {
    t.at::<String>(key).and_then(|at| one_of(t, key, at, choices)).unwrap_or(default)
}

fn choice<T: Copy>(t: &Table<'_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
    one_of(t, key, t.need_at::<String>(key)?, choices)
}

fn one_of<T: Copy>(t: &Table<'_>, key: &str, at: At<String>, choices: &[(&str, T)]) -> Option<T> {
    if let Some((_, v)) = choices.iter().find(|(n, _)| *n == at.value) {
        return Some(*v);
    }
    let names: Vec<_> = choices.iter().map(|(n, _)| *n).collect();
    t.doc().find(
        at.span,
        format!("`{key}` cannot be `{}`", at.value),
        format!("use one of {}", names.join(", ")),
    );
    None
}

fn register(
    t: &Table<'_>,
    address_base: u16,
    order: ByteOrder,
    names: &mut Names,
    out: &mut Vec<RegisterSpec>,
) {
    let name = t.need_at::<String>("name");
    let space = choice(
        t,
        "space",
        &[
            ("coil", RegisterSpace::Coil),
            ("discrete", RegisterSpace::Discrete),
            ("input", RegisterSpace::Input),
            ("holding", RegisterSpace::Holding),
        ],
    );
    let bits = matches!(space, Some(RegisterSpace::Coil | RegisterSpace::Discrete));
    let kind = if bits && !t.has("type") {
        Some(RegisterType::Bool)
    } else {
        choice(
            t,
            "type",
            &[
                ("bool", RegisterType::Bool),
                ("uint16", RegisterType::Uint16),
                ("int16", RegisterType::Int16),
                ("uint32", RegisterType::Uint32),
                ("int32", RegisterType::Int32),
                ("uint64", RegisterType::Uint64),
                ("float32", RegisterType::Float32),
                ("float64", RegisterType::Float64),
            ],
        )
    };
    let address = t.need_at::<u16>("address");
    let scale = t.or("scale", 1.0);
    if scale == 0.0 {
        t.doc().find(t.span_of("scale"), "`scale` is zero", "give the engineering value of one count");
    }
    let offset = t.or("offset", 0.0);
    let own_order = if t.has("byte-order") { byte_order(t) } else { order };
    let invalid = t.get::<Vec<i64>>("invalid").unwrap_or_default().into_iter().map(|v| v as u64).collect();
    let _ = t.get::<String>("description");
    let (Some(name), Some(space), Some(kind), Some(address)) = (name, space, kind, address) else { return };
    let Some(pdu) = address.value.checked_sub(address_base) else {
        let what = format!("address {} is below the address base {address_base}", address.value);
        t.doc().find(address.span, what, "correct the address, or `address-base`");
        return;
    };
    names.add(t.doc(), &name, out.len());
    out.push(RegisterSpec {
        name: name.value,
        space,
        address: pdu,
        kind,
        order: own_order,
        scale,
        offset,
        invalid,
    });
}

fn remote(t: &Table<'_>, names: &Names) -> Remote {
    let find = |key: &str| t.at::<String>(key).and_then(|n: At<String>| names.find(t.doc(), &n));
    let enable = find("enable").map(|r| (r, t.or("enable-value", 1.0)));
    let heartbeat = find("heartbeat").map(|r| (r, t.or("heartbeat-period", Span::from_s(5.0))));
    let timer = find("timer").map(|r| (r, t.or("hold", Span::from_s(120.0))));
    Remote { enable, heartbeat, echo: find("echo"), timer, local: find("local") }
}
