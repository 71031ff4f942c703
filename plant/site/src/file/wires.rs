//! Connections of the site file: Prometheus pages, and the lists of MQTT connections (`mqtt`) and Modbus devices (`modbus`).

use super::Names;
use super::modbus::modbus_spec;
use crate::doc::Table;
use crate::model::{ModbusSpec, MqttSpec, PrometheusSpec};
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
        let (poll, engine) = (t.or("poll", Span::from_s(5.0)), super::engines::engine(t));
        prometheus.push(PrometheusSpec { id: id.value, url, poll, engine });
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
