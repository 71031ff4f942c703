//! Connections of the site file: Prometheus pages, and the lists of MQTT connections (`mqtt`) and Modbus devices (`modbus`).

use super::Names;
use super::modbus::modbus_spec;
use crate::doc::Table;
use crate::model::{DcgmSpec, ModbusSpec, MqttSpec, PrometheusSpec};
use crate::time::Span;
use std::path::Path;

pub(super) struct Wires {
    pub(super) mqtt: Vec<MqttSpec>,
    pub(super) modbus: Vec<ModbusSpec>,
    pub(super) prometheus: Vec<PrometheusSpec>,
    pub(super) dcgm: Vec<DcgmSpec>,
    pub(super) mqtt_names: Names,
    pub(super) modbus_names: Names,
    pub(super) prometheus_names: Names,
    pub(super) dcgm_names: Names,
    pub(super) register_names: Vec<Names>,
}

pub(super) fn read(root: &Table<'_>, base: &Path) -> Wires {
    let (mqtt, mqtt_names) = super::mqtt::read(root, base);
    let mut prometheus_names = Names::new("prometheus page");
    let mut prometheus = Vec::new();
    root.tables("prometheus", |t| {
        let Some(id) = t.need_at::<String>("id") else { return };
        prometheus_names.add(t.doc(), &id, prometheus.len());
        let url = scheme(t, "url", &["http://"]).unwrap_or_default();
        let (poll, engine) = (t.or("poll", Span::from_s(5.0)), super::engines::engine(t));
        prometheus.push(PrometheusSpec { id: id.value, url, poll, engine });
    });
    let (dcgm, dcgm_names) = read_dcgm(root);
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
    Wires {
        mqtt,
        modbus,
        prometheus,
        dcgm,
        mqtt_names,
        modbus_names,
        prometheus_names,
        dcgm_names,
        register_names,
    }
}

/// Pages of DCGM exporters. The default of `collect` is the exporter's own.
fn read_dcgm(root: &Table<'_>) -> (Vec<DcgmSpec>, Names) {
    let mut names = Names::new("dcgm page");
    let mut pages = Vec::new();
    root.tables("dcgm", |t| {
        let id = t.need_at::<String>("id");
        let url = scheme(t, "url", &["http://"]).unwrap_or_default();
        let (poll, collect) = (t.or("poll", Span::from_s(1.0)), t.or("collect", Span::from_s(30.0)));
        let Some(id) = id else { return };
        names.add(t.doc(), &id, pages.len());
        for (key, span) in [("poll", poll), ("collect", collect)] {
            if span.ns() <= 0 {
                t.doc().find(t.span_of(key), format!("`dcgm.{key}` is zero"), "give a time above zero");
            }
        }
        if poll > collect {
            let remedy = "make `poll` shorter: when a page changes tells when it was collected";
            t.doc().find(t.span_of("poll"), "the page is read less often than it is collected", remedy);
        }
        pages.push(DcgmSpec { id: id.value, url, poll, collect });
    });
    (pages, names)
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
