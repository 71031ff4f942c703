//! What an hour cost, as rows of sums: site, racks, jobs, branches.
//!
//! Responsible for: the rows, and adding them up. Every figure is a sum (J, s, tokens, GPU-seconds), so that hours and parts of
//! an hour add up without weights; ratios such as PUE are reckoned from sums (`figures`). Not for: filling them (`accounts`).

use super::cause::Cause;
use super::responses::ResponseRow;
use headroom_site::gpu::ThrottleReason;
use serde::{Deserialize, Serialize};

/// Standard uncertainty of a meter as a share of what it shows: class 0.5 (IEC 62053-22) allows 0.5 %, taken as rectangular.
pub const METER_SIGMA: f64 = 0.005 / 1.732_050_8;

/// A meter over a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Energy while it was good, J.
    pub j: f64,
    /// For so long, s.
    pub s: f64,
    /// Variance that comes of holding a reading until the next one, J2.
    pub sampling_j2: f64,
}

impl Energy {
    /// Adds another stretch.
    pub fn add(&mut self, other: &Self) {
        self.j += other.j;
        self.s += other.s;
        self.sampling_j2 += other.sampling_j2;
    }

    /// Standard uncertainty, J: of the meter's class, and of the time between its readings.
    #[must_use]
    pub fn sigma_j(&self) -> f64 {
        (METER_SIGMA * self.j).hypot(self.sampling_j2.sqrt())
    }
}

/// What a reason and its cause took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What NVML said.
    pub reason: ThrottleReason,
    /// What lies behind it.
    pub cause: Cause,
    /// GPU-seconds in which it held.
    pub gpu_s: f64,
    /// GPU-seconds at the clock that would have stood otherwise that were lost.
    pub lost_gpu_s: f64,
    /// Operations lost at the product's published dense peak; 0 where none is published.
    pub lost_flop: f64,
    /// Tokens lost.
    pub lost_tokens: f64,
}

/// Time for which something was seen, and for which it was as promised, s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Seen.
    pub seen_s: f64,
    /// As promised.
    pub kept_s: f64,
}

impl Kept {
    /// Takes a stretch.
    pub fn take(&mut self, kept: bool, dt_s: f64) {
        self.seen_s += dt_s;
        self.kept_s += if kept { dt_s } else { 0.0 };
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.seen_s += other.seen_s;
        self.kept_s += other.kept_s;
    }
}

/// Prices as the policy had them, money per base unit; 0 where it names none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// ISO 4217; empty without prices.
    pub currency: String,
    /// Of energy with its carbon, per J.
    pub energy_per_j: f64,
    /// Earned per token.
    pub token: f64,
    /// Of water taken from the mains, per L.
    #[serde(default)]
    pub water_per_l: f64,
    /// Carbon of the grid, kg/J; 0 where the policy names none.
    pub carbon_kg_per_j: f64,
}

/// What the policy held the plant to; absent where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Aims {
    /// Spread of the clock inside a job.
    pub clock_spread: Option<f64>,
    /// Seconds that a GPU may be throttled per day.
    pub throttled_s_per_day: Option<f64>,
    /// Facility energy over IT energy.
    pub pue: Option<f64>,
}

/// Two meters over the time in which both were good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Both {
    /// Above, J.
    pub over_j: f64,
    /// Below, J.
    pub under_j: f64,
    /// For so long, s.
    pub s: f64,
}

impl Both {
    pub(super) fn add(&mut self, other: &Self) {
        self.over_j += other.over_j;
        self.under_j += other.under_j;
        self.s += other.s;
    }
}

/// What was taken or given besides electricity, while its meters and that of the IT were good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Amount: L of water, J of heat.
    pub amount: f64,
    /// Of the IT in that time, J.
    pub it_j: f64,
    /// For so long, s.
    pub s: f64,
}

impl Used {
    pub(super) fn add(&mut self, other: &Self) {
        self.amount += other.amount;
        self.it_j += other.it_j;
        self.s += other.s;
    }
}

/// A range of energies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// At least, J.
    pub low_j: f64,
    /// At most, J.
    pub high_j: f64,
    /// For so long it could be said, s.
    pub s: f64,
}

impl Bounds {
    pub(super) fn add(&mut self, other: &Self) {
        self.low_j += other.low_j;
        self.high_j += other.high_j;
        self.s += other.s;
    }
}

/// The site over an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteRow {
    /// Meter of the facility.
    pub facility: Energy,
    /// Meter of the IT.
    pub it: Energy,
    /// Meters of the cooling, while all were good.
    pub cooling: Energy,
    /// Meters of the racks, while all were good.
    pub racks: Energy,
    /// IT meter over racks' meters.
    pub it_over_racks: Both,
    /// Facility over IT: what PUE is reckoned from.
    pub facility_over_it: Both,
    /// IT and cooling over IT: partial PUE of the cooling.
    pub cooled_over_it: Both,
    /// Cooling and IT while the least cooling could be reckoned.
    pub cooling_over_it: Both,
    /// The least cooling then.
    pub least_cooling: Bounds,
    /// Water taken from the mains.
    #[serde(default)]
    pub water: Used,
    /// Heat that others used.
    #[serde(default)]
    pub reused: Used,
    /// What the plant did not draw because of what was commanded.
    pub saved: Bounds,
    /// Something of ours was in force, s.
    pub commanded_s: f64,
    /// Outdoor temperature over time, K s above 0 degC.
    pub outdoor_c_s: f64,
    /// For so long, s.
    pub outdoor_s: f64,
    /// GPU-seconds heard.
    pub heard_gpu_s: f64,
}

/// A rack over an hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RackRow {
    /// Its id.
    pub id: String,
    /// The row that it stands in; empty where the site file names none.
    pub row: String,
    /// Its meter; without one nothing was seen.
    pub meter: Energy,
    /// Energy of its GPUs with the gains of their sensors taken off, J.
    pub gpu_j: f64,
    /// GPU-seconds of work.
    pub busy_gpu_s: f64,
    /// Tokens that jobs lost while they waited for a GPU of this rack.
    pub drift_tokens: f64,
    /// The same in GPU-seconds of those that waited.
    pub drift_gpu_s: f64,
    /// GPUs' energy beyond what the work needed, J.
    pub over_j: f64,
    /// Throttled time.
    pub throttled: Vec<Cell>,
}

/// A job over an hour; the one without an id is the GPUs that no job has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its id.
    pub id: String,
    /// `training` or `serving`.
    pub kind: String,
    /// Its GPUs.
    pub gpus: usize,
    /// Energy of its GPUs, J.
    pub gpu_j: f64,
    /// GPU-seconds of work.
    pub busy_gpu_s: f64,
    /// Tokens made.
    pub tokens: f64,
    /// For so long they could be counted, s.
    pub counted_s: f64,
    /// Tokens lost to clocks that differ: all wait for the slowest.
    pub drift_tokens: f64,
    /// The same in GPU-seconds of those that waited.
    pub drift_gpu_s: f64,
    /// Tokens given up for watts: locks of ours below the highest clock.
    pub chosen_tokens: f64,
    /// Tokens lost to clocks that nothing explains: the residual of the bridge from made to possible.
    pub other_tokens: f64,
    /// Standard deviation of all that was lost, tokens: of how its tokens follow its clock.
    pub sigma_tokens: f64,
    /// GPUs' energy beyond what the work needed, J.
    pub over_j: f64,
    /// Spread of the clock over time, s.
    pub spread_s: f64,
    /// The spread against its target; without one nothing is seen.
    pub spread: Kept,
    /// Mean of it: what `spread_s` is over, s.
    pub clocked_s: f64,
    /// Time to first token.
    pub first_token: Kept,
    /// Time per output token.
    pub per_token: Kept,
    /// Throttled time.
    pub throttled: Vec<Cell>,
}

/// A metered branch of the power tree over an hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BranchRow {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its meter.
    pub meter: Energy,
    /// Its meter over those right below it, while all were good: what is lost or has no meter between them.
    pub over_below: Both,
    /// GPU-seconds throttled by our caps under its budget.
    pub held_gpu_s: f64,
}

/// A GPU that was throttled, or for which others waited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuRow {
    /// Its UUID.
    pub uuid: String,
    /// Its node.
    pub node: String,
    /// GPU-seconds throttled.
    pub throttled_s: f64,
    /// GPU-seconds of others that waited for it.
    pub drift_gpu_s: f64,
}

/// An hour, or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    /// Start of the hour, Unix s.
    pub hour_unix_s: i64,
    /// First and last instant that was booked, Unix ms.
    pub from_unix_ms: i64,
    /// The last one.
    pub to_unix_ms: i64,
    /// Seconds booked; the rest of the hour is a gap.
    pub booked_s: f64,
    /// Epoch of the controller.
    pub epoch: u64,
    /// Prices.
    pub rates: Rates,
    /// Targets.
    pub aims: Aims,
    /// ISO/IEC 30134-2 category of the IT meter, if the site file tells.
    pub pue_category: Option<u8>,
    /// The site.
    pub site: SiteRow,
    /// Racks.
    pub racks: Vec<RackRow>,
    /// Jobs, and at the end the GPUs without one.
    pub jobs: Vec<JobRow>,
    /// Metered branches.
    pub branches: Vec<BranchRow>,
    /// GPUs that stood out most.
    pub worst: Vec<GpuRow>,
    /// Demand responses.
    #[serde(default)]
    pub responses: Vec<ResponseRow>,
}
