//! From names in a file to places in a world.
//!
//! Responsible for: devices, points and jobs by name, with the known ones when there is none. Not for: effects.

use super::super::World;
use super::super::place::{
    cdu_name, chiller_name, crah_name, node_name, rack_name, rejection_name, row_name,
};
use super::WorldError;
use crate::scenario::Event;
use headroom_truth::work::JobKind;
use std::ops::Range;

/// A class of devices that an event may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Cdu,
    Crah,
    Chiller,
    Rack,
    Row,
    Node,
    Switch,
    /// The tower or dry cooler.
    Rejection,
    /// One device of this name.
    One(Device, &'static str),
}

/// A device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    Cdu(usize),
    Crah(usize),
    Chiller(usize),
    Rack(usize),
    Row(usize),
    Node(usize),
    Switch(usize),
    ChillerPlant,
    Tower,
    Economiser,
    FacilityWater,
    Site,
}

/// The tower as `CT-01`, the dry cooler as `DC-01`.
pub(super) const REJECTION: Class = Class::Rejection;
/// The economiser, as `HX-01`.
pub(super) const ECONOMISER: Class = Class::One(Device::Economiser, "HX-01");
/// The facility-water loop, as `FWS`.
pub(super) const FACILITY_WATER: Class = Class::One(Device::FacilityWater, "FWS");
/// Everything, as `site`.
pub(super) const SITE: Class = Class::One(Device::Site, "site");

/// An event on its way into a world.
pub(super) struct Bind<'a> {
    pub(super) world: &'a World,
    pub(super) event: &'a Event,
}

/// Most names that a finding lists of one class.
const LISTED: usize = 8;

impl Bind<'_> {
    /// A number of the event; 0 when absent, which required fields never are.
    pub(super) fn number(&self, field: &str) -> f64 {
        self.event.values.number(field).unwrap_or(0.0)
    }

    /// A text of the event.
    pub(super) fn text(&self, field: &str) -> &str {
        self.event.values.text(field)
    }

    fn name(&self, class: Class, n: usize) -> String {
        match class {
            Class::Cdu => cdu_name(n),
            Class::Crah => crah_name(n),
            Class::Chiller => chiller_name(n),
            Class::Rack => rack_name(n),
            Class::Row => row_name(n),
            Class::Node => node_name(n),
            Class::Switch => self.world.network.switches.get(n).map_or_else(String::new, |s| s.name.clone()),
            Class::Rejection => rejection_name(self.world.facility.spec.heat_rejection).to_owned(),
            Class::One(_, name) => name.to_owned(),
        }
    }

    fn count(&self, class: Class) -> usize {
        let (places, facility) = (&self.world.places, &self.world.facility);
        match class {
            Class::Cdu => places.cdus,
            Class::Crah => facility.hall.crahs.len(),
            Class::Chiller => facility.primary.chillers.len(),
            Class::Rack => places.racks,
            Class::Row => places.rows,
            Class::Node => places.nodes,
            Class::Switch => self.world.network.switches.len(),
            Class::Rejection | Class::One(..) => 1,
        }
    }

    fn place(class: Class, n: usize) -> Device {
        match class {
            Class::Cdu => Device::Cdu(n),
            Class::Crah => Device::Crah(n),
            Class::Chiller => Device::Chiller(n),
            Class::Rack => Device::Rack(n),
            Class::Row => Device::Row(n),
            Class::Node => Device::Node(n),
            Class::Switch => Device::Switch(n),
            Class::Rejection => Device::Tower,
            Class::One(device, _) => device,
        }
    }

    /// The device that a field names, of one of the classes.
    pub(super) fn device(&self, field: &str, classes: &[Class]) -> Result<Device, WorldError> {
        let wanted = self.text(field);
        for &class in classes {
            if let Some(n) = (0..self.count(class)).find(|n| self.name(class, *n) == wanted) {
                return Ok(Self::place(class, n));
            }
        }
        let mut known = Vec::new();
        for &class in classes {
            let count = self.count(class);
            known.extend((0..count.min(LISTED)).map(|n| self.name(class, n)));
            if count > LISTED {
                known.push(format!("... {}", self.name(class, count - 1)));
            }
        }
        Err(WorldError::UnknownDevice {
            line: self.event.line,
            device: wanted.to_owned(),
            kind: self.event.kind.name,
            known: known.join(", "),
        })
    }

    /// GPUs of what a field names: a rack, row, node or the site.
    pub(super) fn gpus(&self, field: &str) -> Result<Range<usize>, WorldError> {
        let places = &self.world.places;
        Ok(match self.device(field, &[Class::Rack, Class::Row, Class::Node, SITE])? {
            Device::Rack(rack) => places.gpus_of_rack(rack),
            Device::Node(node) => places.gpus_of_node(node),
            Device::Row(row) => {
                let racks = places.racks_of_row(row);
                let last = racks.end.saturating_sub(1);
                places.gpus_of_rack(racks.start).start..places.gpus_of_rack(last).end
            }
            _ => 0..places.gpus,
        })
    }

    /// GPUs of a node that `device` names, or the one of them that `gpu` counts, from 0 as its driver does.
    pub(super) fn gpus_of_node(&self) -> Result<Range<usize>, WorldError> {
        let Device::Node(node) = self.device("device", &[Class::Node])? else { return Ok(0..0) };
        let all = self.world.places.gpus_of_node(node);
        Ok(match self.event.values.number("gpu") {
            Some(gpu) => {
                let gpu = (all.start + gpu as usize).min(all.end.saturating_sub(1));
                gpu..gpu + 1
            }
            None => all,
        })
    }

    /// The sensor point that a field names by its tag or an ending of it that only one has.
    pub(super) fn point(&self, field: &str) -> Result<usize, WorldError> {
        let (name, points) = (self.text(field), &self.world.image.points);
        let fits =
            |tag: &str| tag.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        let mut matches = points.iter().enumerate().filter(|(_, p)| !p.request && fits(&p.tag));
        match (matches.next(), matches.count()) {
            (Some((index, _)), 0) => Ok(index),
            (first, more) => Err(WorldError::UnknownPoint {
                line: self.event.line,
                point: name.to_owned(),
                found: usize::from(first.is_some()) + more,
                example: points.first().map(|p| p.tag.clone()).unwrap_or_default(),
            }),
        }
    }

    /// The sources that a field names: one, or `all`.
    pub(super) fn sources(&self, field: &str) -> Result<Vec<usize>, WorldError> {
        let (wanted, image) = (self.text(field), &self.world.image);
        if wanted == "all" {
            return Ok((0..image.sources.len()).collect());
        }
        image.source(wanted).map(|source| vec![source]).ok_or_else(|| WorldError::UnknownDevice {
            line: self.event.line,
            device: wanted.to_owned(),
            kind: self.event.kind.name,
            known: format!("all, {}", image.sources.join(", ")),
        })
    }

    /// The name of a job of one of the kinds, which runs now or is to come.
    pub(super) fn job(&self, field: &str, kinds: &[JobKind]) -> Result<String, WorldError> {
        let wanted = self.text(field);
        let now = self.world.workload.jobs.iter().map(|job| (job.name.as_str(), job.kind));
        let listed = self.world.config.scenario.work.jobs.iter();
        let later = listed.map(|job| (job.template.name.as_str(), job.kind()));
        let known: Vec<&str> =
            now.chain(later).filter(|(_, kind)| kinds.contains(kind)).map(|(name, _)| name).collect();
        // jobs of a stream have a number behind the name
        let fits = |name: &&str| wanted == *name || wanted.strip_prefix(*name).is_some_and(is_number);
        if known.iter().any(fits) {
            return Ok(wanted.to_owned());
        }
        Err(WorldError::UnknownJob {
            line: self.event.line,
            job: wanted.to_owned(),
            kind: self.event.kind.name,
            known: known.join(", "),
        })
    }

    /// What this plant has not.
    pub(super) fn missing(&self, what: &'static str, remedy: &'static str) -> WorldError {
        WorldError::Missing { line: self.event.line, what, remedy }
    }
}

/// `-0012` and the like.
fn is_number(tail: &str) -> bool {
    tail.strip_prefix('-')
        .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}
