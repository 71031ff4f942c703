//! The power tree: who feeds whom, what each branch may draw, what it draws now.
//!
//! Responsible for: names, parents, budgets, true powers. Not for: losses (truth) or enforcement.

use super::place::{Places, busway_name, rack_name};
use headroom_truth::facility::Facility;

/// A node of the power tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Name, as the meter is called.
    pub name: String,
    /// Index of what feeds it; `None` for the site feed.
    pub parent: Option<usize>,
    /// What it may draw as a mean over 5 s, W.
    pub budget_w: f64,
    /// What it draws now, W.
    pub power_w: f64,
}

/// The tree. Order: feed, UPS, mechanical panel, busways, racks.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerTree {
    /// The branches.
    pub branches: Vec<Branch>,
    rows: usize,
}

/// Index of the site feed.
pub const FEED: usize = 0;
/// Index of the UPS.
pub const UPS: usize = 1;
/// Index of the mechanical panel.
pub const MECHANICAL: usize = 2;
const FIRST_BUSWAY: usize = 3;

/// Budget of a rack over its nameplate peak.
const RACK_SHARE: f64 = 1.03;
/// Budget of a busway over the sum of its racks' peaks: rows never peak together with all GPUs at TDP.
const BUSWAY_SHARE: f64 = 0.92;
/// Budget of the UPS over the sum of all racks' peaks, CDU pumps and hall fans included.
const UPS_SHARE: f64 = 0.88;
/// Budget of the mechanical panel over the sum of all racks' peaks.
const MECHANICAL_SHARE: f64 = 0.20;
/// Budget of the site feed over the sum of all racks' peaks: about a tenth above the busiest hot afternoon.
pub const FEED_SHARE: f64 = 1.00;

impl PowerTree {
    /// The tree of a plant whose rack `r` peaks at `peak_w[r]`.
    #[must_use]
    pub fn new(places: &Places, peak_w: &[f64]) -> Self {
        let all: f64 = peak_w.iter().sum();
        let branch =
            |name: &str, parent, budget_w| Branch { name: name.to_owned(), parent, budget_w, power_w: 0.0 };
        let mut branches = vec![
            branch("FEED", None, FEED_SHARE * all),
            branch("UPS-01", Some(FEED), UPS_SHARE * all),
            branch("MECH", Some(FEED), MECHANICAL_SHARE * all),
        ];
        for row in 0..places.rows {
            let peak: f64 = peak_w[places.racks_of_row(row)].iter().sum();
            // In a hall of one row the UPS is the tighter of the two.
            let budget_w = (BUSWAY_SHARE * peak).min(UPS_SHARE * all);
            branches.push(branch(&busway_name(row), Some(UPS), budget_w));
        }
        for (rack, peak) in peak_w.iter().enumerate() {
            let busway = FIRST_BUSWAY + places.row_of_rack(rack);
            // In a row of one rack the busway is the tighter of the two.
            let budget_w = (RACK_SHARE * peak).min(branches[busway].budget_w);
            branches.push(branch(&rack_name(rack), Some(busway), budget_w));
        }
        Self { branches, rows: places.rows }
    }

    /// Index of a busway.
    #[must_use]
    pub fn busway(&self, row: usize) -> usize {
        FIRST_BUSWAY + row
    }

    /// Index of a rack.
    #[must_use]
    pub fn rack(&self, rack: usize) -> usize {
        FIRST_BUSWAY + self.rows + rack
    }

    /// Takes the powers of the last step.
    pub fn update(&mut self, facility: &Facility, rack_w: &[f64]) {
        let power = &facility.power;
        let head = [power.import_w, power.ups_input_w, power.mechanical_w];
        let values = head.iter().chain(&power.busway_w).chain(rack_w);
        for (branch, &value) in self.branches.iter_mut().zip(values) {
            branch.power_w = value;
        }
    }
}
