//! Where runs begin: small plants that have settled, with a controller that has looked at them for a while.
//!
//! Responsible for: settling each plant once, with Headroom and without, so that a run begins with a copy; and what faults may
//! hit there. Not for: the run.

use super::fault::Plan;
use super::kinds::Hits;
use crate::files::load_policy;
use crate::run::turn::carry_out;
use crate::score::{INTEGRATION, build_world, site_of};
use crate::virtual_plant::VirtualPlant;
use anyhow::{Context, Result};
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use headroom_sim::desk::dsx::DsxConfig;
use headroom_sim::site_file::point_id;
use headroom_sim::strategy::{Baseline, Strategy};
use headroom_sim::world::tree::FEED;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::model::{Sink, Source};
use headroom_site::{Dimension, Field, Inbox, Site, Span};

/// GPUs of the plant: two racks on one CDU, so that every loop is there and a rack has a neighbour.
const GPUS: usize = 64;
/// Plant time before the controller comes, and with it, s.
const WARM_S: f64 = 600.0;
const SETTLE_S: u32 = 420;
/// Share of what it draws by itself that every other plant may draw, so that caps bind there.
const BINDS: f64 = 0.85;
/// Plants that differ, each with its hour of the day.
pub(super) const STARTS: u64 = 4;
/// The policy that runs.
pub(super) const POLICY: &str = "balanced";

/// A plant where runs begin.
pub(super) struct Start {
    pub(super) site: Site,
    pub(super) wants: Wants,
    pub(super) places: Places,
    /// The plant on its own BMS.
    pub(super) own: World,
    /// The plant with Headroom, and Headroom.
    pub(super) plant: VirtualPlant,
    pub(super) line: Line,
}

impl Start {
    /// The plant of a number.
    pub(super) fn new(number: u64) -> Result<Self> {
        Self::with_desk(number, DsxConfig::default())
    }

    /// The same, before a desk of its own kind.
    pub(super) fn with_desk(number: u64, desk: DsxConfig) -> Result<Self> {
        let default = WorldConfig::default();
        let config = WorldConfig {
            gpus: GPUS,
            seed: 900 + number,
            start_s: default.start_s + 3.0 * 3600.0 * number as f64,
            warmup_s: WARM_S,
            integration: INTEGRATION.to_owned(),
            ..default
        };
        let mut own = build_world(config)?;
        let mut site = site_of(&own)?;
        if number % 2 == 1 {
            tighten(&mut site, own.tree.branches[FEED].power_w);
        }
        let (_, wants) = load_policy(&site, POLICY, None)?.context("the policy has findings")?;
        let mut plant = VirtualPlant::with_desk(own.clone(), &site, desk)?;
        let mut line = line(&site, &wants, 1);
        let mut inbox = Inbox::default();
        for before in (0..40).rev() {
            plant.stand(Span::from_ms(before * 1000));
            tick(&mut line, &mut plant, &mut inbox)?;
        }
        let mut baseline = Baseline::new();
        for _ in 0..SETTLE_S {
            plant.step();
            tick(&mut line, &mut plant, &mut inbox)?;
            Strategy::act(&mut baseline, &mut own);
            own.step();
        }
        Ok(Self { places: Places::new(&site, &own), site, wants, own, plant, line })
    }

    /// The events of a plan, as a scenario of this plant.
    pub(super) fn scenario(&self, plan: &Plan) -> Result<Option<headroom_sim::scenario::Scenario>> {
        let now_s = self.own.elapsed_s();
        let mut text = String::new();
        for fault in &plan.0 {
            for effect in (fault.kind.effects)(fault, self) {
                let super::state::Effect::World(event) = effect else { continue };
                let (at_s, for_s) = (now_s + f64::from(fault.at_s), fault.for_s);
                text += &format!("[[event]]\nat = \"{at_s} s\"\nfor = \"{for_s} s\"\n{event}\n");
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let text = format!("name = \"faults\"\nhours = 24\n{text}");
        let scenario = headroom_sim::scenario::Scenario::parse(&text).map_err(|findings| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{plan}: {}", lines.join("\n"))
        })?;
        Ok(Some(scenario))
    }
}

/// What the site may draw by its file, where that binds: the plant itself may draw more.
fn tighten(site: &mut Site, drawn_w: f64) {
    for branch in site.power.iter_mut().filter(|branch| branch.parent.is_none()) {
        let most_w = BINDS * drawn_w;
        branch.budget_w = Some(branch.budget_w.map_or(most_w, |w| w.min(most_w)));
    }
}

/// A controller that has just started.
pub(super) fn line(site: &Site, wants: &Wants, epoch: u64) -> Line {
    Line::with_wants(site, wants.clone(), Identity { who: format!("faults-{epoch}"), epoch })
}

fn tick(line: &mut Line, plant: &mut VirtualPlant, inbox: &mut Inbox) -> Result<()> {
    plant.take_back(inbox);
    inbox.clear();
    plant.drain(inbox);
    let tick = line.tick(inbox, plant.now());
    carry_out(&tick, Ok(()), || false, plant).map(drop)
}

/// What faults may hit, by name.
#[derive(Debug, Default)]
pub(super) struct Places {
    points: Vec<String>,
    temperatures: Vec<String>,
    /// Id, tag, and seconds between two looks of the BMS at it.
    tags: Vec<(String, String, f64)>,
    sources: Vec<String>,
    devices: Vec<String>,
    remote: Vec<String>,
    node_names: Vec<String>,
    subsets: Vec<String>,
    gpus: Vec<String>,
    actuators: Vec<String>,
    /// Device and unit scale of each actuator.
    sinks: Vec<(Option<String>, f64)>,
    local: Vec<String>,
}

impl Places {
    fn new(site: &Site, world: &World) -> Self {
        let mut p = Self::default();
        for point in &site.points {
            let Source::Dsx { tag: Some(tag), .. } = &point.source else { continue };
            let Some(image) = world.image.points.iter().find(|i| i.tag == *tag) else { continue };
            p.tags.push((point_id(image), tag.clone(), image.class.scan_s));
            if image.is_setpoint || image.request || point.counter {
                continue;
            }
            p.points.push(point_id(image));
            if point.unit.dimension == Dimension::Temperature {
                p.temperatures.push(point_id(image));
            }
            if !p.sources.contains(&point.of) && world.image.source(&point.of).is_some() {
                p.sources.push(point.of.clone());
            }
        }
        p.devices = world.modbus.iter().map(|d| d.id.clone()).collect();
        p.node_names = site.nodes.iter().map(|n| n.id.clone()).collect();
        // all but none, of up to eight nodes
        let few = p.node_names.len().min(8);
        p.subsets = (1..1_usize << few)
            .map(|mask| {
                let some: Vec<&str> =
                    (0..few).filter(|n| mask >> n & 1 == 1).map(|n| p.node_names[n].as_str()).collect();
                some.join("+")
            })
            .collect();
        for node in &site.nodes {
            p.gpus.extend((0..node.gpus.1 - node.gpus.0).map(|g| format!("{}/{g}", node.id)));
        }
        for a in &site.actuators {
            p.actuators.push(a.id.clone());
            let device = match &a.sink {
                Sink::Modbus { device, .. } => Some(site.modbus[*device].id.clone()),
                _ => None,
            };
            let taken = device.clone().unwrap_or_else(|| a.of.clone());
            if !p.local.contains(&taken) {
                p.local.push(taken);
            }
            if let Some(device) = device.clone().filter(|d| !p.remote.contains(d)) {
                p.remote.push(device);
            }
            p.sinks.push((device, a.unit.scale));
        }
        p
    }

    /// Everything that a kind may hit.
    pub(super) fn of(&self, hits: Hits) -> &[String] {
        match hits {
            Hits::All => &[],
            Hits::Point => &self.points,
            Hits::Temperature => &self.temperatures,
            Hits::Source => &self.sources,
            Hits::Device => &self.devices,
            Hits::RemoteDevice => &self.remote,
            Hits::Node => &self.node_names,
            Hits::Nodes => &self.subsets,
            Hits::Gpu => &self.gpus,
            Hits::Actuator => &self.actuators,
            Hits::Local => &self.local,
        }
    }

    /// Is there such a thing? Subsets of nodes are known by their nodes.
    pub(super) fn knows(&self, hits: Hits, target: &str) -> bool {
        match hits {
            Hits::All => target.is_empty(),
            Hits::Nodes => target.split('+').all(|node| self.node_names.iter().any(|n| n == node)),
            _ => self.of(hits).iter().any(|known| known == target),
        }
    }

    /// Tag of a point on the bus.
    pub(super) fn tag(&self, id: &str) -> &str {
        self.tags.iter().find(|(point, ..)| point == id).map_or("", |(_, tag, _)| tag)
    }

    /// Seconds between two looks of the BMS at a point.
    pub(super) fn scan_s(&self, id: &str) -> f64 {
        self.tags.iter().find(|(point, ..)| point == id).map_or(1.0, |(.., scan_s)| *scan_s)
    }

    /// All nodes.
    pub(super) fn every_node(&self) -> Vec<usize> {
        (0..self.node_names.len()).collect()
    }

    /// Nodes of a target.
    pub(super) fn nodes_of(&self, target: &str) -> Vec<usize> {
        let named = |n: &usize| target.split('+').any(|node| node == self.node_names[*n]);
        (0..self.node_names.len()).filter(named).collect()
    }

    /// An actuator.
    pub(super) fn actuator(&self, id: &str) -> Option<usize> {
        self.actuators.iter().position(|a| a == id)
    }

    /// Actuators of a device.
    pub(super) fn actuators_of<'a>(&'a self, device: &'a str) -> impl Iterator<Item = usize> + 'a {
        (0..self.sinks.len()).filter(move |&a| self.sinks[a].0.as_deref() == Some(device))
    }

    /// An amount in an actuator's unit as one in the base unit.
    pub(super) fn base(&self, actuator: usize, amount: f64) -> f64 {
        amount * self.sinks[actuator].1
    }
}
