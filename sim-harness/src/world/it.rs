//! The IT side of a world: jobs, GPUs, nodes and switches, gathered into rack powers and heats.
//!
//! Responsible for: coupling `headroom_truth`'s IT models to the racks and the facility to the GPUs.
//! Not for: the models themselves.
//!
//! Switches stand in the racks, one after the other; their heat goes to the air.

use headroom_truth::facility::Facility;
use headroom_truth::facility::fluid::AIR_J_M3K;
use headroom_truth::gpu::{Fleet, Medium, Sku};
use headroom_truth::network::{Network, NetworkSpec};
use headroom_truth::node::{Fans, NodeLoad, NodeSpec};
use headroom_truth::work::Workload;

use super::place::{GPUS_PER_NODE, NODES_PER_RACK, Places};

/// Design rise of server air, K.
const SERVER_RISE_K: f64 = 12.0;

/// Powers and heats of the racks.
#[derive(Debug, Clone)]
pub struct ItSide {
    /// Node product.
    pub node: NodeSpec,
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
    fans: Fans,
    /// Air of a node at the floor of its fans, m3/s.
    node_air_m3s: f64,
}

/// The node a product stands in: racks here are built of nodes of eight.
fn node_of(sku: &Sku) -> NodeSpec {
    let spec = NodeSpec::of(sku);
    if spec.gpus == GPUS_PER_NODE { spec } else { NodeSpec::HGX_LIQUID }
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
    /// An IT side for the places.
    #[must_use]
    pub fn new(places: &Places, sku: &Sku) -> Self {
        let node = node_of(sku);
        let (peak_w, liquid_w) = node_peak_w(&node, sku, 200.0);
        Self {
            fans: Fans::new(&node, places.nodes),
            node,
            rack_w: vec![0.0; places.racks],
            rack_liquid_w: vec![0.0; places.racks],
            air_w: 0.0,
            server_air_m3s: 0.0,
            gpu_w: 0.0,
            node_air_m3s: match sku.cooler.medium {
                Medium::Liquid => (peak_w - liquid_w) / (SERVER_RISE_K * AIR_J_M3K),
                Medium::Air => node.fans.floor * node.fans.full_m3s,
            },
        }
    }

    /// Peak electric power of a full rack and its liquid share.
    #[must_use]
    pub fn rack_peak(sku: &Sku) -> (f64, f64) {
        let spec = node_of(sku);
        let (peak_w, liquid_w) = node_peak_w(&spec, sku, 8.0 * NetworkSpec::NDR400.nic_full_w);
        let nodes = NODES_PER_RACK as f64;
        let rack_w = nodes * peak_w + NetworkSpec::NDR400.switch_full_w;
        (rack_w, nodes * liquid_w / rack_w)
    }

    /// Gives the GPUs the coolant that their rack receives, and lets the fans follow them.
    pub fn cool(&mut self, places: &Places, facility: &Facility, fleet: &mut Fleet, dt_s: f64) {
        for rack in 0..places.racks {
            let water = facility.rack(rack);
            let design_lpm = facility.spec.rack_flow_lpm(rack);
            let gpus = places.gpus_of_rack(rack);
            fleet.coolant_c[gpus.clone()].fill(water.supply_c() as f32);
            fleet.plate_flow[gpus].fill((water.flow_lpm / design_lpm) as f32);
        }
        let inlet_c = facility.hall.cold_c;
        for node in 0..places.nodes {
            self.fans.blow(node, fleet, places.gpus_of_node(node), inlet_c, dt_s);
        }
    }

    /// Gathers the powers of a step.
    pub fn gather(
        &mut self,
        places: &Places,
        fleet: &Fleet,
        network: &mut Network,
        work: &Workload,
        inlet_c: f64,
    ) {
        network.update(&work.node_traffic);
        self.rack_w.fill(0.0);
        self.rack_liquid_w.fill(0.0);
        (self.air_w, self.gpu_w) = (0.0, 0.0);
        for node in 0..places.nodes {
            let gpus = places.gpus_of_node(node);
            let (traffic, nic_w) = (network.nic_utilisation[node], network.nic_power_w[node]);
            let fan_speed = self.fans.speed[node];
            let load = NodeLoad { fan_speed, ..NodeLoad::of(fleet, gpus, traffic, nic_w, inlet_c) };
            let power = self.node.power(&load);
            let rack = places.rack_of_node(node);
            self.rack_w[rack] += power.total_w;
            self.rack_liquid_w[rack] += power.liquid_w;
            self.air_w += power.air_w;
            self.gpu_w += load.gpu_w;
        }
        for (n, switch) in network.switches.iter().enumerate() {
            self.rack_w[n % places.racks] += switch.power_w;
            self.air_w += switch.power_w;
        }
        let floor = self.node.fans.floor;
        self.server_air_m3s = self.node_air_m3s * self.fans.speed.iter().map(|s| s / floor).sum::<f64>();
    }

    /// Nameplate peak of each rack, W: full for full racks, in proportion for the last one.
    #[must_use]
    pub fn peaks_w(places: &Places, sku: &Sku) -> Vec<f64> {
        let (peak_w, _) = Self::rack_peak(sku);
        let full = (GPUS_PER_NODE * NODES_PER_RACK) as f64;
        (0..places.racks).map(|r| peak_w * (places.gpus_of_rack(r).len() as f64 / full).max(0.25)).collect()
    }
}
