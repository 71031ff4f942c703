//! The document as data; the Markdown is written from it, and holds nothing else.

use serde::Serialize;

/// The sequence of operation of a site under a policy.
#[derive(Debug, Serialize)]
pub(super) struct Sequence {
    /// Format of this document.
    pub(super) format: u32,
    pub(super) site: String,
    pub(super) policy: String,
    pub(super) scope: Scope,
    pub(super) actuators: Vec<ActuatorSheet>,
    pub(super) gpus: Option<GpuSheet>,
    pub(super) branches: Vec<BranchSheet>,
    pub(super) wants: Wanted,
    pub(super) events: Vec<Event>,
    pub(super) tests: Vec<Trial>,
}

/// What there is, and what may be written to it.
#[derive(Debug, Serialize)]
pub(super) struct Scope {
    pub(super) power_period_s: f64,
    pub(super) cooling_period_s: f64,
    pub(super) nodes: usize,
    pub(super) gpus: usize,
    pub(super) points: usize,
    pub(super) equipment: Vec<EquipmentSheet>,
    pub(super) connections: Vec<String>,
    pub(super) writes: Vec<String>,
    pub(super) never: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EquipmentSheet {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) serves: Vec<String>,
}

/// An actuator. Values are in `unit`, differences in `unit_of_difference`.
#[derive(Debug, Serialize)]
pub(super) struct ActuatorSheet {
    pub(super) id: String,
    pub(super) of: String,
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) mode: String,
    pub(super) unit: String,
    pub(super) unit_of_difference: String,
    /// The site's range.
    pub(super) site_least: f64,
    pub(super) site_most: f64,
    /// What of it the policy leaves.
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) ramp_per_min: f64,
    pub(super) step: f64,
    pub(super) deadband: f64,
    pub(super) refresh_s: f64,
    pub(super) time_to_live_s: f64,
    pub(super) fallback: f64,
    pub(super) saves: String,
    pub(super) readback: Option<String>,
    pub(super) measures: Option<String>,
    /// Where commands go.
    pub(super) path: String,
    /// What it returns to, and when.
    pub(super) returns: Vec<String>,
    /// What the guard does to what is asked of it.
    pub(super) guard: Vec<String>,
    /// How its group becomes active.
    pub(super) promotion: String,
}

/// Caps and clocks.
#[derive(Debug, Serialize)]
pub(super) struct GpuSheet {
    pub(super) mode: String,
    pub(super) lease_s: f64,
    pub(super) agent_period_s: f64,
    pub(super) heard_for_s: f64,
    pub(super) models: Vec<ModelSheet>,
    pub(super) read_only: usize,
    pub(super) says: Vec<String>,
}

/// A GPU model.
#[derive(Debug, Serialize)]
pub(super) struct ModelSheet {
    pub(super) id: String,
    pub(super) gpus: usize,
    pub(super) min_cap_w: f64,
    pub(super) max_cap_w: f64,
    pub(super) min_clock_mhz: f64,
    pub(super) max_clock_mhz: f64,
}

/// A branch of the power tree.
#[derive(Debug, Serialize)]
pub(super) struct BranchSheet {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) parent: Option<String>,
    pub(super) budget_w: Option<f64>,
    /// The budget less the policy's reserve: what is planned for.
    pub(super) planned_w: Option<f64>,
    pub(super) gpus: usize,
    pub(super) meter: Option<String>,
    pub(super) limit_point: Option<String>,
    /// What the policy schedules for it.
    pub(super) schedule: Vec<String>,
}

/// What the policy wants.
#[derive(Debug, Serialize)]
pub(super) struct Wanted {
    pub(super) objective: Vec<String>,
    pub(super) headroom: Vec<String>,
    pub(super) cooling: Vec<String>,
    pub(super) power: Vec<String>,
    pub(super) grid: Vec<String>,
}

/// What happens when.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) steps: Vec<String>,
}

/// A functional test.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    pub(super) number: usize,
    pub(super) of: String,
    pub(super) what: String,
    pub(super) act: String,
    pub(super) expect: String,
    /// By when, s after the act; none where the files do not say.
    pub(super) by_s: Option<f64>,
    pub(super) by: String,
}
