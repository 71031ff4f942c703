//! The IT side of a world: jobs, GPUs, nodes and switches, gathered into rack powers and heats.
//!
//! Responsible for: coupling `headroom_truth`'s IT models to the racks and the facility to the GPUs.
//! Not for: the models themselves.
//!
//! Switches stand in the racks, one after the other; their heat goes to the air.

use headroom_truth::facility::fluid::AIR_J_M3K;
use headroom_truth::facility::{Facility, RackSpec};
use headroom_truth::gpu::{Fleet, Medium, Sku};
use headroom_truth::network::{Network, NetworkSpec};
use headroom_truth::node::{FanSpec, Fans, NodeLoad, NodeSpec};

use crate::scenario::plant::Group;
use std::ops::Range;

use super::place::{GPUS_PER_NODE, NODES_PER_RACK, Places};

/// Design rise of server air, K.
const SERVER_RISE_K: f64 = 12.0;

/// One kind of node in the plant.
#[derive(Debug, Clone)]
struct Kind {
    node: NodeSpec,
    sku: Sku,
    fans: Fans,
    /// First node of the kind.
    first: usize,
    /// Air of a node at the floor of its fans, m3/s.
    air_m3s: f64,
}

/// What the IT stands in.
#[derive(Debug, Clone, Copy)]
pub struct Plant<'a> {
    /// Places.
    pub places: &'a Places,
    /// Cooling and power.
    pub facility: &'a Facility,
    /// Network.
    pub network: &'a Network,
}

/// Powers and heats of the racks.
#[derive(Debug, Clone)]
pub struct ItSide {
    kinds: Vec<Kind>,
    /// Electric power of each rack, W.
    pub rack_w: Vec<f64>,
    /// Heat of each rack into its coolant, W.
    pub rack_liquid_w: Vec<f64>,
    /// Heat of all racks into the air, W.
    pub air_w: f64,
    /// Air flow of all servers, m3/s.
    pub server_air_m3s: f64,
    /// Power of all GPUs, W.
    pub gpu_w: f64,
}

impl Kind {
    fn new(group: &Group, nodes: Range<usize>) -> Self {
        let node = node_of(&group.sku);
        let (peak_w, liquid_w) = node_peak_w(&node, &group.sku, 200.0);
        let air_m3s = match group.sku.cooler.medium {
            Medium::Liquid => (peak_w - liquid_w) / (SERVER_RISE_K * AIR_J_M3K),
            Medium::Air => node.fans.floor * node.fans.full_m3s,
        };
        Self {
            fans: Fans::new(&node, nodes.len()),
            first: nodes.start,
            sku: group.sku.clone(),
            node,
            air_m3s,
        }
    }

    /// Peak electric power of a rack with so many of these nodes and a switch, and its liquid share.
    fn rack_peak(&self, nodes: usize) -> (f64, f64) {
        let (peak_w, liquid_w) = node_peak_w(&self.node, &self.sku, 8.0 * NetworkSpec::NDR400.nic_full_w);
        let rack_w = nodes as f64 * peak_w + NetworkSpec::NDR400.switch_full_w;
        (rack_w, nodes as f64 * liquid_w / rack_w)
    }
}

/// The node a product stands in. Racks here are built of nodes of eight GPUs: two trays of four count as one.
fn node_of(sku: &Sku) -> NodeSpec {
    let spec = NodeSpec::of(sku);
    if spec.gpus == GPUS_PER_NODE {
        return spec;
    }
    let times = GPUS_PER_NODE as f64 / spec.gpus as f64;
    NodeSpec {
        gpus: GPUS_PER_NODE,
        cpu_idle_w: times * spec.cpu_idle_w,
        cpu_full_w: times * spec.cpu_full_w,
        switch_idle_w: times * spec.switch_idle_w,
        switch_full_w: times * spec.switch_full_w,
        other_w: times * spec.other_w,
        fans: FanSpec { full_w: times * spec.fans.full_w, full_m3s: times * spec.fans.full_m3s, ..spec.fans },
        psu_rated_w: times * spec.psu_rated_w,
        psu_loss: [times * spec.psu_loss[0], spec.psu_loss[1], spec.psu_loss[2]],
        captured: spec.captured,
    }
}

/// Peak of a node: electric and liquid, W.
fn node_peak_w(spec: &NodeSpec, sku: &Sku, nic_w: f64) -> (f64, f64) {
    let gpu_w = sku.tdp_w * spec.gpus as f64;
    let liquid = if sku.cooler.medium == Medium::Liquid { sku.cooler.captured } else { 0.0 };
    let power = spec.power(&NodeLoad {
        gpu_w,
        gpu_coolant_w: liquid * gpu_w,
        gpu_air_w: (1.0 - liquid) * gpu_w,
        nic_w,
        cpu_utilisation: 0.8,
        network_utilisation: 1.0,
        air_inlet_c: 25.0,
        fan_speed: 0.0,
    });
    (power.total_w, power.liquid_w)
}

impl ItSide {
    /// An IT side for groups of GPUs at their places.
    #[must_use]
    pub fn new(places: &Places, groups: &[Group]) -> Self {
        Self {
            kinds: groups
                .iter()
                .zip(places.nodes_of_groups())
                .map(|(g, nodes)| Kind::new(g, nodes))
                .collect(),
            rack_w: vec![0.0; places.racks],
            rack_liquid_w: vec![0.0; places.racks],
            air_w: 0.0,
            server_air_m3s: 0.0,
            gpu_w: 0.0,
        }
    }

    /// The racks as the facility is built for them: every place in a rack counts, taken or not.
    #[must_use]
    pub fn racks(&self, places: &Places) -> Vec<RackSpec> {
        let rack = |r: usize| {
            let place = places.rack(r);
            let (peak_w, liquid_share) = self.kinds[place.group].rack_peak(NODES_PER_RACK);
            let liquid_share = if place.cdu.is_some() { liquid_share } else { 0.0 };
            RackSpec { peak_w, liquid_share, cdu: place.cdu, row: place.row }
        };
        (0..places.racks).map(rack).collect()
    }

    /// Gives the GPUs of some racks the coolant that they receive, or the air that their node's fans move.
    pub fn cool(&mut self, racks: Range<usize>, plant: &Plant<'_>, fleet: &mut Fleet, dt_s: f64) {
        let Plant { places, facility, .. } = *plant;
        for rack in racks {
            let place = places.rack(rack);
            if place.cdu.is_some() {
                let (water, gpus) = (facility.rack(rack), places.gpus_of_rack(rack));
                let flow = water.flow_lpm / facility.spec.rack_flow_lpm(rack);
                fleet.coolant_c[gpus.clone()].fill(water.supply_c() as f32);
                fleet.plate_flow[gpus].fill(flow as f32);
            }
            let inlet_c = facility.inlet_air_c(rack);
            let kind = &mut self.kinds[place.group];
            for node in place.nodes.clone() {
                let gpus = places.gpus_of_node(node);
                kind.fans.blow(node - kind.first, fleet, gpus, inlet_c, dt_s);
            }
        }
    }

    /// Begins to gather the powers of a step.
    pub fn begin(&mut self) {
        (self.air_w, self.gpu_w, self.server_air_m3s) = (0.0, 0.0, 0.0);
    }

    /// Gathers the powers of some racks.
    pub fn gather(&mut self, racks: Range<usize>, plant: &Plant<'_>, fleet: &Fleet) {
        let Plant { places, facility, network } = *plant;
        let powered = facility.power.critical_powered();
        for rack in racks {
            let place = places.rack(rack);
            let kind = &self.kinds[place.group];
            let inlet_c = facility.inlet_air_c(rack);
            let (mut rack_w, mut liquid_w, mut speeds) = (0.0, 0.0, 0.0);
            for node in place.nodes.clone() {
                let gpus = places.gpus_of_node(node);
                let (traffic, nic_w) = (network.nic_utilisation[node], network.nic_power_w[node]);
                let fan_speed = kind.fans.speed[node - kind.first];
                let load = NodeLoad { fan_speed, ..NodeLoad::of(fleet, gpus, traffic, nic_w, inlet_c) };
                let power = kind.node.power(&load);
                speeds += fan_speed;
                rack_w += power.total_w;
                liquid_w += power.liquid_w;
                self.air_w += power.air_w;
                self.gpu_w += load.gpu_w;
            }
            self.rack_w[rack] = if powered { rack_w } else { 0.0 };
            self.rack_liquid_w[rack] = liquid_w;
            self.server_air_m3s += kind.air_m3s * speeds / kind.node.fans.floor;
        }
    }

    /// Adds the switches, which stand in the racks one after the other.
    pub fn finish(&mut self, plant: &Plant<'_>) {
        if !plant.facility.power.critical_powered() {
            return;
        }
        for (n, switch) in plant.network.switches.iter().enumerate() {
            self.rack_w[n % plant.places.racks] += switch.power_w;
            self.air_w += switch.power_w;
        }
    }

    /// Nameplate peak of each rack, W: full for full racks, in proportion for one that is partly filled.
    #[must_use]
    pub fn peaks_w(&self, places: &Places) -> Vec<f64> {
        let full = (GPUS_PER_NODE * NODES_PER_RACK) as f64;
        let peak = |r: usize| {
            let (peak_w, _) = self.kinds[places.rack(r).group].rack_peak(NODES_PER_RACK);
            peak_w * (places.gpus_of_rack(r).len() as f64 / full).max(0.25)
        };
        (0..places.racks).map(peak).collect()
    }
}
