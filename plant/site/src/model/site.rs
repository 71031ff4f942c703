//! The site as a whole, and the questions it answers.

use super::{
    Actuator, ActuatorId, DcgmSpec, Equipment, Gpu, GpuId, Job, Meters, ModbusSpec, MqttSpec, Node, NodeId,
    Point, PointId, PowerId, PowerNode, PrometheusSpec, Sku,
};
use crate::quantity::Dimension;
use crate::time::Span;
use std::collections::{BTreeMap, BTreeSet};

/// The site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name.
    pub name: String,
    /// Period of the power loop.
    pub power_period: Span,
    /// Period of the cooling loop.
    pub cooling_period: Span,
    /// Time between two looks of an agent at its GPUs.
    pub agent_period: Span,
    /// Time between two reports of an agent, in which all its looks since the last one are.
    pub report_period: Span,
    /// Life of a lease.
    pub lease: Span,
    /// Places other than nodes: hall, row, rack; id to (kind, parent).
    pub places: BTreeMap<String, (String, Option<String>)>,
    /// GPU models.
    pub skus: Vec<Sku>,
    /// Nodes, in file order; their GPUs are contiguous.
    pub nodes: Vec<Node>,
    /// GPUs, in order of node.
    pub gpus: Vec<Gpu>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Power tree, parents before children.
    pub power: Vec<PowerNode>,
    /// Equipment.
    pub equipment: Vec<Equipment>,
    /// Points.
    pub points: Vec<Point>,
    /// Actuators.
    pub actuators: Vec<Actuator>,
    /// MQTT connections.
    pub mqtt: Vec<MqttSpec>,
    /// Modbus devices.
    pub modbus: Vec<ModbusSpec>,
    /// Prometheus pages.
    pub prometheus: Vec<PrometheusSpec>,
    /// Pages of DCGM exporters.
    pub dcgm: Vec<DcgmSpec>,
    /// Points of the whole.
    pub meters: Meters,
    /// Least rack flow by supply temperature: (degC, L/min/kW), ascending.
    pub min_flow: Vec<(f64, f64)>,
    /// Least distance of technology supply above the room's dew point, K.
    pub dew_point_margin_k: f64,
    /// For so long points must contradict each other before one of them is doubted.
    pub plausibility_hold: Span,
}

impl Site {
    /// The point with this id.
    #[must_use]
    pub fn point(&self, id: &str) -> Option<PointId> {
        self.points.iter().position(|p| p.id == id).map(|i| PointId(i as u32))
    }

    /// The actuator with this id.
    #[must_use]
    pub fn actuator(&self, id: &str) -> Option<ActuatorId> {
        self.actuators.iter().position(|a| a.id == id).map(|i| ActuatorId(i as u32))
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.id == id).map(|i| NodeId(i as u32))
    }

    /// The GPU with this UUID.
    #[must_use]
    pub fn gpu(&self, uuid: &str) -> Option<GpuId> {
        self.gpus.iter().position(|g| &*g.uuid == uuid).map(|i| GpuId(i as u32))
    }

    /// Points of a thing with a point type and all of these process areas.
    pub fn points_of<'a>(
        &'a self,
        of: &'a str,
        kind: &'a str,
        area: &'a [&'a str],
    ) -> impl Iterator<Item = PointId> + 'a {
        self.points
            .iter()
            .enumerate()
            .filter(move |(_, p)| {
                p.of == of && p.kind == kind && area.iter().all(|a| p.area.iter().any(|x| x == a))
            })
            .map(|(i, _)| PointId(i as u32))
    }

    /// Dimension of a point.
    #[must_use]
    pub fn dimension(&self, point: PointId) -> Dimension {
        self.points[point.index()].unit.dimension
    }

    /// Everything downstream of a thing, itself included: by `serves` of equipment and by place.
    #[must_use]
    pub fn downstream(&self, of: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self
            .equipment
            .iter()
            .map(|e| e.id.as_str())
            .chain(self.places.keys().map(String::as_str))
            .filter(|id| *id == of)
            .collect();
        while let Some(id) = open.pop() {
            if !found.insert(id) {
                continue;
            }
            for e in self.equipment.iter().filter(|e| e.id == id) {
                open.extend(e.serves.iter().map(String::as_str));
            }
            open.extend(
                self.places.iter().filter(|(_, (_, p))| p.as_deref() == Some(id)).map(|(k, _)| k.as_str()),
            );
        }
        found
    }

    /// GPUs downstream of a thing.
    #[must_use]
    pub fn gpus_of(&self, of: &str) -> Vec<GpuId> {
        let below = self.downstream(of);
        self.nodes
            .iter()
            .filter(|n| below.contains(n.rack.as_str()) || n.id == of)
            .flat_map(|n| (n.gpus.0..n.gpus.1).map(GpuId))
            .collect()
    }

    /// For how long the GPUs of a node count as heard after a sample: five reports of an agent, or two collections of an exporter.
    #[must_use]
    pub fn heard_for(&self, node: &Node) -> Span {
        let agent = self.power_period.ns().max(self.report_period.ns()).max(1_000_000_000).saturating_mul(5);
        let page = node.dcgm.and_then(|page| self.dcgm.get(page));
        let exporter = page.map_or(0, |p| p.collect.ns().saturating_add(p.poll.ns()).saturating_mul(2));
        Span::from_ns(agent.max(exporter))
    }

    /// For each node the branch of the power tree that feeds its rack, if any.
    #[must_use]
    pub fn power_of_nodes(&self) -> Vec<Option<PowerId>> {
        self.nodes
            .iter()
            .map(|n| self.power.iter().position(|p| p.racks.contains(&n.rack)).map(|i| PowerId(i as u32)))
            .collect()
    }

    /// Least flow for a supply temperature, L/min/kW (linear between rows, flat outside).
    #[must_use]
    pub fn min_flow_at(&self, supply_c: f64) -> Option<f64> {
        let table = &self.min_flow;
        let (first, last) = (table.first()?, table.last()?);
        if supply_c <= first.0 {
            return Some(first.1);
        }
        for w in table.windows(2) {
            if supply_c <= w[1].0 {
                let x = (supply_c - w[0].0) / (w[1].0 - w[0].0);
                return Some(w[0].1 + x * (w[1].1 - w[0].1));
            }
        }
        Some(last.1)
    }
}
