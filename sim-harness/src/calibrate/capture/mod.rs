//! What the sensors of the plant show, against a capture of a real pod.
//!
//! Responsible for: the list of point classes that capture and plant share, and the checks on them. Not for: reading
//! the capture (`file`), statistics (`figures`), or running the world (`pod`).
//!
//! The capture is the example of NVIDIA's DSX Exchange repository: 100 s of one pod with five loaded racks, a CDU and
//! two busways at steady load. Of each point class these are compared:
//!
//! ```text
//! quantum    greatest step of which all differences are multiples
//! wander     sd about a straight line over the 100 s        with what moves slowly
//! white      sd of successive differences of the same residuals / sqrt 2
//! memory     lag-1 autocorrelation of the same residuals
//! cadence    median time between arrivals; a value goes out when it changed
//! K-S        distance of residuals / sd, and of times between arrivals
//! ```
//! Each is the median over the points of the class. Standard deviations hold within a factor of 1.5, autocorrelations
//! within 0.25, cadences within 30 % or one second; where arrivals are few, within what is uncertain at 1 %: 2.58 / sqrt(n)
//! of an autocorrelation, a factor of exp(3.7 / sqrt(n)) of the median of exponential intervals. A Kolmogorov-Smirnov
//! distance holds below the critical value of the two-sample test at 1 %, with the number of arrivals reduced by their
//! autocorrelation to n (1 - r) / (1 + r); that of times between arrivals also below the distance of a single point of
//! the capture from its class.

pub mod carried;
pub mod figures;
pub mod file;
pub mod pod;

use super::{Check, DataError, Ledger, Tolerance};
use figures::{Figures, Pod};
use std::path::Path;

const SOURCE: &str =
    "NVIDIA DSX Exchange, local/mqtt-client/examples/dsx_exemplar.csv at cf93314 (Apache-2.0)";

/// A class of points that capture and plant share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Rack coolant flow.
    RackFlow,
    /// Rack differential pressure.
    RackDp,
    /// Rack supply temperature.
    RackSupply,
    /// Rack return temperature.
    RackReturn,
    /// Rack power.
    RackPower,
    /// Busway power.
    BuswayPower,
    /// Busway current.
    BuswayCurrent,
    /// CDU header pressure.
    CduDp,
    /// CDU supply temperature.
    CduSupply,
    /// Aisle temperatures.
    AisleTemperature,
    /// Aisle humidity.
    AisleHumidity,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RackFlow,
        Self::RackDp,
        Self::RackSupply,
        Self::RackReturn,
        Self::RackPower,
        Self::BuswayPower,
        Self::BuswayCurrent,
        Self::CduDp,
        Self::CduSupply,
        Self::AisleTemperature,
        Self::AisleHumidity,
    ];

    /// Name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RackFlow => "rack flow",
            Self::RackDp => "rack dP",
            Self::RackSupply => "rack supply temperature",
            Self::RackReturn => "rack return temperature",
            Self::RackPower => "rack power",
            Self::BuswayPower => "busway power",
            Self::BuswayCurrent => "busway current",
            Self::CduDp => "CDU dP",
            Self::CduSupply => "CDU supply temperature",
            Self::AisleTemperature => "aisle temperature",
            Self::AisleHumidity => "aisle humidity",
        }
    }

    /// Unit of its values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::RackFlow => "L/min",
            Self::RackDp | Self::CduDp => "kPa",
            Self::RackPower | Self::BuswayPower => "kW",
            Self::BuswayCurrent => "A",
            Self::AisleHumidity => "%RH",
            Self::RackSupply | Self::RackReturn | Self::CduSupply | Self::AisleTemperature => "K",
        }
    }

    /// True where noise grows with the reading, so that it is compared as a share of it.
    fn relative(self) -> bool {
        matches!(self, Self::RackFlow | Self::RackPower | Self::BuswayPower | Self::BuswayCurrent)
    }
}

/// All checks of this room.
///
/// # Errors
/// [`DataError`] if the capture cannot be read, or the world of the pod cannot be built.
pub fn checks(data: Option<&Path>) -> Result<Vec<Check>, DataError> {
    let published = match data {
        Some(folder) => file::read(folder)?,
        None => carried::pod(),
    };
    let ours = pod::run()?;
    let mut all = Vec::new();
    for (class, theirs) in &published.classes {
        if let Some(own) = ours.class(*class) {
            all.extend(class_checks(*class, theirs, own));
        }
    }
    all.extend(levels(&published, &ours));
    Ok(all)
}

/// Least number of arrivals of a point that says something about its noise.
const ENOUGH: f64 = 9.0;

fn class_checks(class: Class, theirs: &Figures, own: &Figures) -> Vec<Check> {
    let mut ledger = Ledger::new("capture", SOURCE);
    let name = class.name();
    // where the capture shows no step, one well below the noise is none either
    let step = if theirs.quantum > 0.0 { 0.02 * theirs.quantum } else { theirs.white / 3.0 };
    let quantum = Tolerance::Absolute(step);
    ledger.note(format!("{name}: quantum"), class.unit(), (theirs.quantum, own.quantum), quantum);
    let few = (theirs.arrivals - theirs.points).max(1.0).sqrt();
    let factor = (3.7 / few).exp().max(1.3);
    let interval_s = theirs.interval_s;
    let cadence = Tolerance::Range(
        (interval_s / factor).min(interval_s - 1.0),
        (interval_s * factor).max(interval_s + 1.0),
    );
    ledger.note(format!("{name}: median interval"), "s", (theirs.interval_s, own.interval_s), cadence);
    let limit = figures::critical(theirs.arrivals, own.arrivals).max(theirs.apart);
    let distance = figures::distance(&theirs.intervals, &own.intervals);
    ledger.note(format!("{name}: intervals, K-S"), "1", (0.0, distance), Tolerance::Range(0.0, limit));
    if theirs.arrivals / theirs.points < ENOUGH {
        return ledger.checks;
    }
    let per = |f: &Figures| if class.relative() { 0.01 * f.level } else { 1.0 };
    let unit = if class.relative() { "%" } else { class.unit() };
    for (what, theirs_sd, own_sd) in
        [("white noise, sd", theirs.white, own.white), ("noise and wander, sd", theirs.wander, own.wander)]
    {
        let pair = (theirs_sd / per(theirs), own_sd / per(own));
        let within = Tolerance::Range(pair.0 / 1.5, pair.0 * 1.5);
        ledger.note(format!("{name}: {what}"), unit, pair, within);
    }
    let memory = (theirs.memory, own.memory);
    let within = Tolerance::Absolute((2.58 / theirs.arrivals.sqrt()).max(0.25));
    ledger.note(format!("{name}: autocorrelation"), "1", memory, within);
    let limit = figures::critical(theirs.independent(), own.independent());
    let distance = figures::distance(&theirs.residuals, &own.residuals);
    ledger.note(format!("{name}: residuals, K-S"), "1", (0.0, distance), Tolerance::Range(0.0, limit));
    ledger.checks
}

/// Levels and balances of the racks.
fn levels(theirs: &Pod, own: &Pod) -> Vec<Check> {
    let mut ledger = Ledger::new("capture", SOURCE);
    let mut level = |quantity: &str, unit, get: fn(&Pod) -> f64, low: f64, high: f64| {
        ledger.note(quantity, unit, (get(theirs), get(own)), Tolerance::Range(low, high));
    };
    // the racks of the capture are liquid-cooled throughout (0.947 to 0.971); 8-GPU nodes on cold plates keep power
    // supplies, network cards and drives in the air (0.80 to 0.90 in vendors' statements)
    level("racks: liquid heat over electric power (PG25)", "1", |p| p.heat_share, 0.80, 0.98);
    level("racks: metered over true liquid heat (PG25)", "1", |p| p.meter_share, 0.97, 1.03);
    level("racks: flow per power", "L/min/kW", |p| p.flow_per_kw, 1.04, 1.45);
    level("racks: coolant rise", "K", |p| p.rise_k, 10.0, 14.0);
    level("racks: dP over CDU header dP", "1", |p| p.dp_over_header, 0.85, 0.92);
    level("racks: spread of dP / flow^2", "%", |p| p.resistance_spread, 0.3, 4.0);
    level("racks: valve position", "%", |p| p.valve, 60.8, 67.3);
    level("racks: exponent of dP over flow, header at 60 to 90 kPa", "1", |p| p.exponent, 1.94, 2.06);
    ledger.checks
}
