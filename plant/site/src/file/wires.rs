//! Connections of the site file: MQTT, Prometheus pages, and the list of Modbus devices (`modbus`).

use super::Names;
use super::modbus::modbus_spec;
use crate::doc::Table;
use crate::model::{Dialect, ModbusSpec, MqttSpec, PrometheusSpec};
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
    let mut mqtt_names = Names::new("mqtt connection");
    let mut mqtt = Vec::new();
    root.tables("mqtt", |t| {
        let Some(id) = t.need_at::<String>("id") else { return };
        mqtt_names.add(t.doc(), &id, mqtt.len());
        mqtt.push(mqtt_spec(t, id.value));
    });
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

fn scheme(t: &Table<'_>, key: &str, accepted: &[&str]) -> Option<String> {
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

fn mqtt_spec(t: &Table<'_>, id: String) -> MqttSpec {
    let dialect = match t.at::<String>("dialect").map(|d| (d.value.clone(), d)) {
        None => Dialect::Dsx,
        Some((d, _)) if d == "dsx" => Dialect::Dsx,
        Some((d, _)) if d == "json" => Dialect::Json,
        Some((d, at)) => {
            t.doc().find(at.span, format!("unknown dialect `{d}`"), "use \"dsx\" or \"json\"");
            Dialect::Json
        }
    };
    MqttSpec {
        id,
        url: scheme(t, "url", &["mqtt://"]).unwrap_or_default(),
        dialect,
        integration: t.or("integration", "headroom".to_owned()),
        heartbeat: t.or("heartbeat", Span::from_s(10.0)),
        agents: t.or("agents", false),
    }
}
