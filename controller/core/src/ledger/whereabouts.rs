//! Where each GPU's rows are: its rack, job and group.
//!
//! Responsible for: what stays the same while a site does. Not for: what is booked there (`accounts`).

use super::jobs::Group;
use super::peak;
use headroom_site::Site;

/// What stays the same of a GPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) rack: u32,
    /// The job, or one past the last of them.
    pub(super) job: u32,
    pub(super) group: Option<u32>,
    pub(super) peak_flops: f64,
}

/// Racks with GPUs, and the row of each.
pub(super) fn racks(site: &Site) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for node in &site.nodes {
        if all.iter().all(|(id, _)| *id != node.rack) {
            let row = site.places.get(&node.rack).and_then(|(_, parent)| parent.clone());
            let is_row = |id: &String| site.places.get(id).is_some_and(|(kind, _)| kind == "row");
            all.push((node.rack.clone(), row.filter(is_row).unwrap_or_default()));
        }
    }
    all
}

pub(super) fn places(site: &Site, racks: &[String], groups: &[Group]) -> Vec<Place> {
    let none = site.jobs.len() as u32;
    let place = |g: &headroom_site::model::Gpu| {
        let rack = racks.iter().position(|r| *r == site.nodes[g.node.index()].rack).unwrap_or(0) as u32;
        Place { rack, job: none, group: None, peak_flops: peak::of(&site.skus[g.sku].id) }
    };
    let mut all: Vec<Place> = site.gpus.iter().map(place).collect();
    for (group, members) in groups.iter().enumerate() {
        for g in members.gpus() {
            (all[g].job, all[g].group) = (members.job as u32, Some(group as u32));
        }
    }
    all
}
