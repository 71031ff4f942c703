//! Why a GPU is too hot: its own plate, too little flow, water above its setpoint, or a setpoint that is too warm.
//!
//! Responsible for: what each GPU's cooling hangs on, what is usual there, and which of four distances is the largest. Not for:
//! what ails the plant for long (`crate::health`, whose findings are used here).
//!
//! ```text
//! R = (T_die - T_coolant) / P                            of each GPU; R_med over those of one coolant, R_usual over hours
//! plate     (R - R_med) P_g                  K           this GPU
//! flow      (R_med - R_usual) P_g            K           all of them
//! water     T_coolant - T_setpoint           K           the loop does not hold it: `devices` says why
//! setpoint  T_setpoint - T_fallback          K           it is held, and warmer than the plant would hold by itself
//! ```
//! Before them: a flow far below the usual one, whose temperatures say nothing.

use super::cause::Cause;
use super::devices::Devices;
use crate::line::Line;
use crate::topology::Topology;
use headroom_site::{Dimension, PointId, Site, Span, Stamp};

/// Distances below this are no explanation, K.
const LEAST_K: f64 = 1.0;
/// Time constant over which the usual resistance is learned, in looks of a minute.
const USUAL_LOOKS: f64 = 360.0;
/// Looks after which something is usual.
const KNOWN_LOOKS: u32 = 5;
/// Share of its highest cap above which a GPU's resistance is told from its temperatures.
const LOADED: f64 = 0.3;
/// A flow below this share of the usual one is what lets the water warm.
const LITTLE_FLOW: f64 = 0.6;
/// Time between two looks at what is usual.
const LOOK: Span = Span::from_ms(60_000);

/// GPUs that share their coolant.
#[derive(Debug, Clone)]
struct Loop {
    gpus: Vec<usize>,
    /// The setpoint that they hang on.
    actuator: Option<usize>,
    /// Setpoints upstream of it.
    upstream: Vec<usize>,
    flow: Option<PointId>,
    /// Index into the topology's racks.
    rack: Option<usize>,
    /// Everything that leads to them.
    chain: Vec<String>,
    usual_r: f64,
    usual_flow: f64,
    looks: u32,
    /// A GPU of it was hot at this instant: what is usual is not learned then.
    hot: Option<Stamp>,
    now: Option<(Stamp, Now)>,
}

/// A loop at an instant.
#[derive(Debug, Clone, Copy)]
struct Now {
    r_med: f64,
    water_k: f64,
    setpoint_k: Option<f64>,
    water: Cause,
    /// Far too little coolant passes, and why.
    starved: Option<Cause>,
}

/// All loops.
#[derive(Debug, Clone)]
pub(super) struct Loops {
    loops: Vec<Loop>,
    of_gpu: Vec<Option<u32>>,
    devices: Devices,
    looked: Option<Stamp>,
    scratch: Vec<f64>,
}

impl Loops {
    pub(super) fn new(site: &Site, topology: &Topology) -> Self {
        let mut loops: Vec<(&[PointId], Loop)> = Vec::new();
        let mut of_gpu = vec![None; site.gpus.len()];
        for (g, coolant) in topology.coolant.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
            let at = loops.iter().position(|(points, _)| points == coolant).unwrap_or_else(|| {
                loops.push((coolant, Loop::new(site, topology, g)));
                loops.len() - 1
            });
            loops[at].1.gpus.push(g);
            of_gpu[g] = Some(at as u32);
        }
        Self {
            loops: loops.into_iter().map(|l| l.1).collect(),
            of_gpu,
            devices: Devices::new(site),
            looked: None,
            scratch: Vec::new(),
        }
    }

    /// Looks at devices, and once a minute at what is usual.
    pub(super) fn look(&mut self, line: &Line) {
        let now = line.snapshot().stamp;
        self.devices.look(line.snapshot());
        if self.looked.is_some_and(|at| now.since(at) < LOOK) {
            return;
        }
        self.looked = Some(now);
        for l in &mut self.loops {
            if l.hot.is_some_and(|at| now.since(at) < LOOK) {
                continue;
            }
            let Some(r) = median_r(line, &l.gpus, &mut self.scratch) else { continue };
            l.looks += 1;
            let share = 1.0 / f64::from(l.looks).min(USUAL_LOOKS);
            l.usual_r += (r - l.usual_r) * share;
            if let Some(flow) = l.flow.and_then(|p| line.snapshot().good(p)) {
                l.usual_flow += (flow - l.usual_flow) * share;
            }
        }
    }

    /// Why a GPU that heat slows down is too hot.
    pub(super) fn cause(&mut self, line: &Line, gpu: usize) -> Cause {
        let now = line.snapshot().stamp;
        let Some(at) = self.of_gpu[gpu] else { return Cause::Unknown };
        let l = &mut self.loops[at as usize];
        l.hot = Some(now);
        let known = l.now.filter(|(at, _)| *at == now).map(|n| n.1);
        let seen = known.unwrap_or_else(|| l.see(line, &self.devices, &mut self.scratch));
        l.now = Some((now, seen));
        if super::devices::is_hot(line, gpu) {
            return Cause::HotGpu;
        }
        if let Some(cause) = seen.starved {
            return cause;
        }
        let watts = power_w(line, gpu).unwrap_or(0.0);
        let plate_k = resistance(line, gpu).map_or(0.0, |r| (r - seen.r_med) * watts);
        let flow_k = if l.looks >= KNOWN_LOOKS { (seen.r_med - l.usual_r) * watts } else { 0.0 };
        let mut most = (LEAST_K, seen.setpoint_k.map_or(Cause::Unknown, |_| Cause::Setpoint));
        let all = [
            (plate_k, Cause::HotGpu),
            (flow_k, Cause::Flow),
            (seen.water_k, seen.water),
            (seen.setpoint_k.unwrap_or(0.0), Cause::Setpoint),
        ];
        for (k, cause) in all {
            if k > most.0 {
                most = (k, cause);
            }
        }
        most.1
    }
}

impl Loop {
    fn new(site: &Site, topology: &Topology, gpu: usize) -> Self {
        let cools = |a: &usize| {
            let (actuator, reach) = (&site.actuators[*a], &topology.reach[*a]);
            let degrees = actuator.unit.dimension == Dimension::Temperature;
            degrees && reach.cools && reach.gpus.contains(&gpu)
        };
        let actuator = (0..site.actuators.len()).find(cools);
        let rack = topology.racks.iter().position(|r| r.gpus.contains(&gpu));
        Self {
            gpus: Vec::new(),
            actuator,
            upstream: actuator.map_or_else(Vec::new, |a| topology.reach[a].upstream.clone()),
            flow: rack.map(|r| topology.racks[r].flow),
            rack,
            chain: chain(site, &site.nodes[site.gpus[gpu].node.index()].rack),
            usual_r: 0.0,
            usual_flow: 0.0,
            looks: 0,
            hot: None,
            now: None,
        }
    }

    fn see(&self, line: &Line, devices: &Devices, scratch: &mut Vec<f64>) -> Now {
        let (site, snapshot) = (line.site(), line.snapshot());
        let coolant_c = self.gpus.first().map_or(f64::NAN, |&g| line.estimate().coolant_c[g]);
        let stands = |a: usize| snapshot.good(site.actuators[a].readback?);
        let setpoint_c = self.actuator.and_then(stands);
        let fallback_c = self.actuator.map(|a| site.actuators[a].fallback);
        Now {
            r_med: median_r(line, &self.gpus, scratch).unwrap_or(self.usual_r),
            water_k: setpoint_c.or(fallback_c).map_or(0.0, |c| coolant_c - c),
            setpoint_k: setpoint_c.zip(fallback_c).map(|(c, home)| c - home),
            water: self.water(line, devices),
            starved: self.starved(line, devices),
        }
    }

    /// Where so little coolant passes, temperatures of what does say nothing.
    fn starved(&self, line: &Line, devices: &Devices) -> Option<Cause> {
        let flow = line.snapshot().good(self.flow.filter(|_| self.looks >= KNOWN_LOOKS)?)?;
        let stopped = devices.stopped(&self.chain, line.snapshot().stamp);
        let moves = stopped.filter(|c| matches!(c, Cause::Feed | Cause::Pump));
        (flow < LITTLE_FLOW * self.usual_flow).then(|| moves.unwrap_or(Cause::Flow))
    }

    /// Why the water is warm.
    fn water(&self, line: &Line, devices: &Devices) -> Cause {
        let snapshot = line.snapshot();
        let stopped = devices.stopped(&self.chain, snapshot.stamp);
        let found = super::devices::found(line, &self.chain, self.rack);
        let warm = |a: &usize| {
            let actuator = &line.site().actuators[*a];
            let measured = actuator.measures.and_then(|p| snapshot.good(p));
            let stands = actuator.readback.and_then(|p| snapshot.good(p));
            Some(measured? - stands? > LEAST_K)
        };
        let upstream: Vec<bool> = self.upstream.iter().filter_map(warm).collect();
        let machine =
            stopped.filter(|c| *c != Cause::Chiller || upstream.is_empty() || upstream.contains(&true));
        machine.or(found).unwrap_or(match upstream.as_slice() {
            [] => Cause::Unknown,
            all if all.contains(&true) => Cause::Weather,
            _ => Cause::Exchanger,
        })
    }
}

/// Everything that leads to a rack: equipment that serves it or a place around it, and so on upstream.
fn chain(site: &Site, rack: &str) -> Vec<String> {
    let mut found = vec![rack.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let id = found[next].clone();
        next += 1;
        let parent = site.places.get(&id).and_then(|(_, parent)| parent.clone());
        let serving = site.equipment.iter().filter(|e| e.serves.contains(&id)).map(|e| e.id.clone());
        for up in serving.chain(parent) {
            if !found.contains(&up) {
                found.push(up);
            }
        }
    }
    found
}

fn power_w(line: &Line, gpu: usize) -> Option<f64> {
    let g = &line.snapshot().gpus[gpu];
    g.sample.watts().map(f64::from).filter(|_| g.vouches())
}

/// Die over coolant per watt, K/W, of a GPU that is loaded.
fn resistance(line: &Line, gpu: usize) -> Option<f64> {
    let (e, watts) = (line.estimate(), power_w(line, gpu)?);
    let die_c = f64::from(line.snapshot().gpus[gpu].sample.die_c.get()?);
    (watts > LOADED * e.limits.cap_w[gpu]).then(|| (die_c - e.coolant_c[gpu]) / watts)
}

fn median_r(line: &Line, gpus: &[usize], scratch: &mut Vec<f64>) -> Option<f64> {
    scratch.clear();
    scratch.extend(gpus.iter().filter_map(|&g| resistance(line, g)));
    scratch.sort_unstable_by(f64::total_cmp);
    scratch.get(scratch.len() / 2).copied()
}
