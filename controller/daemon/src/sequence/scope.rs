//! Scope: what there is, and what is and is never written to it.

use super::model::{EquipmentSheet, Scope};
use super::say::{in_s, list, span};
use crate::files::Loaded;
use headroom_core::wants::Wants;
use headroom_site::Site;
use headroom_site::model::{Dialect, Sink};

/// All of it.
pub(super) fn scope(loaded: &Loaded) -> Scope {
    let site = &loaded.site;
    let equipment = |e: &headroom_site::model::Equipment| EquipmentSheet {
        id: e.id.clone(),
        kind: e.kind.clone(),
        serves: e.serves.clone(),
    };
    Scope {
        power_period_s: in_s(site.power_period),
        cooling_period_s: in_s(site.cooling_period),
        nodes: site.nodes.len(),
        gpus: site.gpus.len(),
        points: site.points.len(),
        equipment: site.equipment.iter().map(equipment).collect(),
        connections: connections(site),
        writes: writes(site, &loaded.wants),
        never: never(site, &loaded.wants),
    }
}

fn connections(site: &Site) -> Vec<String> {
    let dialect = |d| match d {
        Dialect::Dsx => "DSX Exchange over MQTT",
        Dialect::Json => "JSON over MQTT",
        Dialect::Sparkplug => "Sparkplug B over MQTT",
    };
    let mqtt = site.mqtt.iter().map(|m| {
        let agents = if m.agents { "; the agents of the GPU nodes meet the controller here" } else { "" };
        format!("`{}`: {} at {}{agents}", m.id, dialect(m.dialect), m.url)
    });
    let modbus = site
        .modbus
        .iter()
        .map(|d| format!("`{}`: Modbus unit {} at {}, read every {}", d.id, d.unit, d.address, span(d.poll)));
    let pages = site
        .prometheus
        .iter()
        .map(|p| format!("`{}`: Prometheus page {}, read every {}", p.id, p.url, span(p.poll)));
    let dcgm =
        site.dcgm.iter().map(|p| format!("`{}`: DCGM page {}, read every {}", p.id, p.url, span(p.poll)));
    mqtt.chain(modbus).chain(pages).chain(dcgm).collect()
}

/// Where an actuator's commands go.
pub(super) fn path(site: &Site, sink: &Sink) -> String {
    match sink {
        Sink::Dsx { connection, tag } => {
            let tag = tag.as_ref().map_or("found by its metadata".to_owned(), |tag| format!("tag `{tag}`"));
            format!("DSX request on `{}`, {tag}", site.mqtt[*connection].id)
        }
        Sink::Json { connection, topic } => {
            format!("JSON on `{}`, topic `{topic}`", site.mqtt[*connection].id)
        }
        Sink::Sparkplug { connection, edge, device, metric } => {
            let device = device.as_ref().map_or(String::new(), |d| format!("/{d}"));
            format!(
                "Sparkplug command on `{}` to `{edge}{device}`, metric `{metric}`",
                site.mqtt[*connection].id
            )
        }
        Sink::Modbus { device, register } => {
            let spec = &site.modbus[*device];
            let r = &spec.registers[*register];
            format!("Modbus device `{}`, {} register {} (`{}`)", spec.id, r.space.word(), r.address, r.name)
        }
    }
}

fn writes(site: &Site, wants: &Wants) -> Vec<String> {
    let mut out = Vec::new();
    for (a, mode) in site.actuators.iter().zip(&wants.actuator_mode) {
        let may = match (mode.may_write(), wants.policy().promotion.required) {
            (true, true) => "commanded where a backtest of this site is evidence for it, else advised",
            (true, false) => "commanded",
            (false, _) => "not commanded",
        };
        out.push(format!(
            "`{}` of `{}`: {}; group `{}` is in mode {mode}: {may}",
            a.id,
            a.of,
            path(site, &a.sink),
            a.group
        ));
    }
    let commanded = site.gpus.len() - crate::run::view::read_only(site);
    if commanded > 0 {
        let may = if wants.caps_mode.may_write() { "commanded" } else { "not commanded" };
        out.push(format!(
            "power cap and clock lock of {commanded} GPUs, by the agent of each node; mode {}: {may}",
            wants.caps_mode
        ));
    }
    for m in site.mqtt.iter().filter(|m| m.dialect == Dialect::Dsx) {
        out.push(format!(
            "heartbeat and echo on `{}` every {}, as `{}`, while something is commanded",
            m.id,
            span(m.heartbeat),
            m.integration
        ));
    }
    for d in &site.modbus {
        let name = |r: usize| format!("`{}`", d.registers[r].name);
        let r = &d.remote;
        let all = [r.enable.map(|(e, _)| e), r.heartbeat.map(|h| h.register), r.timer.map(|(t, _)| t)];
        let all: Vec<String> = all.into_iter().flatten().map(name).collect();
        if !all.is_empty() {
            out.push(format!("remote-control registers {} of `{}`", list(&all), d.id));
        }
    }
    if out.is_empty() {
        out.push("nothing: the site file has neither actuators nor GPUs that can be commanded".to_owned());
    }
    out
}

fn never(site: &Site, wants: &Wants) -> Vec<String> {
    let mut out = vec![
        "any point that is not an actuator of the site file; sensors are only read".to_owned(),
        "any value outside the range of its actuator, as the site file has it and the policy narrows it".to_owned(),
        "trips, leak and flow interlocks, breakers: they stay in PLC, BMC and GPU. No safety integrity level is claimed".to_owned(),
        "anything retained on a bus: nothing is played back to a plant that was away".to_owned(),
    ];
    for d in site.modbus.iter().filter(|d| !d.forbid.is_empty()) {
        let ranges: Vec<String> = d
            .forbid
            .iter()
            .map(|f| {
                format!(
                    "{} {} to {}",
                    f.space.map_or("any space", headroom_site::model::RegisterSpace::word),
                    f.first,
                    f.last
                )
            })
            .collect();
        out.push(format!("addresses of `{}` that the site file forbids: {}", d.id, list(&ranges)));
    }
    let read_only = crate::run::view::read_only(site);
    if read_only > 0 {
        out.push(format!("{read_only} GPUs that are read from a DCGM page"));
    }
    if !wants.caps_mode.may_write() && wants.actuator_mode.iter().all(|m| !m.may_write()) {
        out.push(
            "anything at all under this policy: the writing parts of the drivers are not built".to_owned(),
        );
    }
    out
}
