//! What the points of a loop owe each other.
//!
//! Responsible for: each equation as a number that load does not move, and what moves it beside its fault. Not for: what is
//! usual of it on this site (`baseline`), or what it means that it has changed (`diagnose`).
//!
//! ```text
//! same water    r = Ta - Tb                                  two sensors in one stream
//! mixing        r = Tb - sum Vi Ti / sum Vi                  return of a loop is the mean of what comes back
//! mass          r = ln V / sum Vi
//! heat          r = ln rho c V (Tr - Ts) / P                 phi: ln P, since a part of P is constant and goes to air
//! exchange      r = ln Vh (Thi - Tho) / Vc (Tco - Tci)
//! conductance   r = ln UA,  UA = Q / dTlm                    phi: ln Vh, ln Vc
//! resistance    r = ln dp / V^2                              phi: ln x, opening of the valve in the path
//! branch        r = ln dp / dp_header                        phi: ln V^2 / dp_header
//! head          r = (dp / n^2) / (the same at first)         phi: (V / n)^2, over the same at first
//! pump power    r = ln P / n^3                               phi: ln V / n
//! sum           r = ln P / sum Pi
//! ```
//!
//! `dTlm` is the logarithmic mean of the differences at both ends of a counterflow exchanger, 1/UA goes with V^-0.8 of both
//! sides (Incropera and DeWitt, *Fundamentals of Heat and Mass Transfer*, ch. 11). Head, flow and power of a pump go with n^2,
//! n and n^3 (affinity laws, Karassik, *Pump Handbook*), and what pump and unit lose with V^2: dp = H n^2 - c V^2. n is the mean
//! speed of those that run, and each number of them has a curve of its own. Pressure falls with V^2 in turbulent flow. Flows in L/min, pressures in kPa, powers in W.

/// Index of a variable of a network.
pub type Var = usize;

/// Heat that a litre per minute carries per kelvin, W: rho c = 4.0 MJ/(m3 K), between water and water with a quarter of
/// propylene glycol (ASHRAE Fundamentals 2021, 31). What is off is learned.
pub const W_PER_LPM_K: f64 = 4.0e6 / 1000.0 / 60.0;
/// Speed from which on a pump runs.
const RUNS: f64 = 0.05;
/// Most pumps that run together and have a curve of their own.
pub const MODES: usize = 4;
/// Below this nothing can be said, W, L/min, kPa.
const LEAST_W: f64 = 2_000.0;
const LEAST_LPM: f64 = 1.0;
const LEAST_KPA: f64 = 3.0;
/// A rise that is less counts as this, K: a ratio must stay a number when sensors are swapped.
const LEAST_K: f64 = 0.1;

/// One side of an exchanger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Its flow.
    pub flow: Var,
    /// Temperature where it enters.
    pub enters: Var,
    /// Temperature where it leaves.
    pub leaves: Var,
}

/// An equation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Equation {
    /// Two temperatures of one stream.
    SameWater {
        /// One.
        a: Var,
        /// The other.
        b: Var,
    },
    /// What comes back together is the mean of what comes back alone.
    Mixing {
        /// Temperature of all.
        back: Var,
        /// Flow and temperature of each.
        parts: Vec<(Var, Var)>,
    },
    /// A flow is the sum of those that it feeds.
    Mass {
        /// The flow.
        whole: Var,
        /// Those.
        parts: Vec<Var>,
    },
    /// A liquid carries the power that is drawn.
    Heat {
        /// Flow.
        flow: Var,
        /// Temperature before.
        supply: Var,
        /// Temperature behind.
        back: Var,
        /// Power.
        power: Var,
    },
    /// Both sides of an exchanger carry the same heat.
    Exchange {
        /// The side that gives.
        hot: Side,
        /// The side that takes.
        cold: Side,
    },
    /// Conductance of an exchanger.
    Conductance {
        /// The side that gives.
        hot: Side,
        /// The side that takes.
        cold: Side,
    },
    /// Hydraulic resistance.
    Resistance {
        /// Pressure difference.
        dp: Var,
        /// Flow.
        flow: Var,
        /// Opening of the valve in its path, if it is read.
        valve: Option<Var>,
    },
    /// Pressure at a rack over that at the header.
    Branch {
        /// At the rack.
        dp: Var,
        /// At the header.
        header: Var,
        /// Flow of the rack.
        flow: Var,
    },
    /// Pressure that pumps make at the header.
    Head {
        /// Pressure difference.
        dp: Var,
        /// Flow.
        flow: Var,
        /// Speeds.
        speeds: Vec<Var>,
    },
    /// Power of pumps.
    PumpPower {
        /// Power.
        power: Var,
        /// Flow.
        flow: Var,
        /// Speeds.
        speeds: Vec<Var>,
    },
    /// A meter shows the sum of those behind it.
    Sum {
        /// The meter.
        whole: Var,
        /// Those.
        parts: Vec<Var>,
    },
}

/// An equation's number at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The number, K or 1.
    pub r: f64,
    /// What moves it beside its fault.
    pub phi: [f64; 2],
    /// Which of its curves counts.
    pub mode: usize,
    /// Number and phi count over what they were at first: a straight line stays one.
    pub relative: bool,
}

impl Seen {
    const fn plain(r: f64) -> Self {
        Self { r, phi: [0.0; 2], mode: 0, relative: false }
    }
}

/// What is known of an equation before anything was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Mean and standard deviation of its number.
    pub r: (f64, f64),
    /// The same of what it changes with each phi.
    pub phi: [(f64, f64); 2],
    /// Standard deviation of what the equation leaves out, however long it is looked at.
    pub floor: f64,
}

impl Equation {
    /// Its number; none where it says nothing: a value is missing, or nothing flows.
    #[must_use]
    pub fn seen(&self, z: &[f64]) -> Option<Seen> {
        let seen = match self {
            Self::SameWater { a, b } => Seen::plain(z[*a] - z[*b]),
            Self::Mixing { back, parts } => {
                let flow = least(parts.iter().map(|p| z[p.0]).sum(), LEAST_LPM)?;
                let mean_c = parts.iter().map(|p| z[p.0] * z[p.1]).sum::<f64>() / flow;
                Seen::plain(z[*back] - mean_c)
            }
            Self::Mass { whole, parts } => {
                let parts = least(parts.iter().map(|p| z[*p]).sum(), LEAST_LPM)?;
                Seen::plain((least(z[*whole], LEAST_LPM)? / parts).ln())
            }
            Self::Heat { flow, supply, back, power } => {
                let (flow, power) = (least(z[*flow], LEAST_LPM)?, least(z[*power], LEAST_W)?);
                let carried = W_PER_LPM_K * flow * rise(z[*supply], z[*back])?;
                Seen { r: (carried / power).ln(), phi: [power.ln(), 0.0], mode: 0, relative: false }
            }
            Self::Exchange { hot, cold } => Seen::plain((duty(z, hot, true)? / duty(z, cold, false)?).ln()),
            Self::Conductance { hot, cold } => conductance(z, hot, cold)?,
            Self::Resistance { dp, flow, valve } => {
                let (dp, flow) = (least(z[*dp], LEAST_KPA)?, least(z[*flow], LEAST_LPM)?);
                let open = valve.map_or(Some(1.0), |v| least(z[v], 0.02))?;
                Seen { r: (dp / (flow * flow)).ln(), phi: [open.ln(), 0.0], mode: 0, relative: false }
            }
            Self::Branch { dp, header, flow } => {
                let (dp, header) = (least(z[*dp], LEAST_KPA)?, least(z[*header], LEAST_KPA)?);
                let flow = least(z[*flow], LEAST_LPM)?;
                Seen {
                    r: (dp / header).ln(),
                    phi: [(flow * flow / header).ln(), 0.0],
                    mode: 0,
                    relative: false,
                }
            }
            Self::Head { dp, flow, speeds } => {
                let (n, mode) = running(z, speeds)?;
                let (dp, flow) = (least(z[*dp], LEAST_KPA)?, least(z[*flow], LEAST_LPM)?);
                let (head, square) = (dp / (n * n), (flow / n).powi(2));
                Seen { r: head, phi: [square, 0.0], mode, relative: true }
            }
            Self::PumpPower { power, flow, speeds } => {
                let (n, mode) = running(z, speeds)?;
                let (power, flow) = (least(z[*power], 1.0)?, least(z[*flow], LEAST_LPM)?);
                Seen { r: (power / n.powi(3)).ln(), phi: [(flow / n).ln(), 0.0], mode, relative: false }
            }
            Self::Sum { whole, parts } => {
                let parts = least(parts.iter().map(|p| z[*p]).sum(), LEAST_W)?;
                Seen::plain((least(z[*whole], 0.1 * LEAST_W)? / parts).ln())
            }
        };
        seen.r.is_finite().then_some(seen)
    }

    /// What is known of it beforehand. Sensors are of usual classes: 0.2 K, 2 % of flow, 0.5 % of power.
    #[must_use]
    pub const fn prior(&self) -> Prior {
        const NONE: (f64, f64) = (0.0, 0.0);
        const UNKNOWN: f64 = 10.0;
        let (r, phi, floor) = match self {
            // Water warms on its way, and immersion errors are of tenths of a kelvin.
            Self::SameWater { .. } => ((0.2, 0.5), [NONE; 2], 0.15),
            Self::Mixing { .. } => ((0.0, 0.4), [NONE; 2], 0.15),
            Self::Mass { .. } => ((0.0, 0.04), [NONE; 2], 0.015),
            Self::Heat { .. } => ((-0.2, 0.3), [(0.15, 0.15), NONE], 0.025),
            // One side may carry glycol: a kelvin of it is 7 % less.
            Self::Exchange { .. } => ((0.03, 0.06), [NONE; 2], 0.02),
            Self::Conductance { .. } => ((0.0, UNKNOWN), [(0.4, 0.1), (0.4, 0.1)], 0.035),
            Self::Resistance { .. } => ((0.0, UNKNOWN), [(-1.0, 0.7), NONE], 0.03),
            Self::Branch { .. } => ((-0.15, 0.3), [(-0.15, 0.1), NONE], 0.02),
            // Of a pump's head at rest a bit more than half is lost in it and its unit at the usual flow.
            Self::Head { .. } => ((1.0, UNKNOWN), [(-1.0, 0.35), NONE], 0.025),
            Self::PumpPower { .. } => ((0.0, UNKNOWN), [(0.3, 0.3), NONE], 0.03),
            Self::Sum { .. } => ((0.02, 0.05), [NONE; 2], 0.01),
        };
        Prior { r, phi, floor }
    }

    /// Does it hold this variable?
    #[must_use]
    pub fn has(&self, var: Var) -> bool {
        let side = |s: &Side| s.flow == var || s.enters == var || s.leaves == var;
        match self {
            Self::SameWater { a, b } => *a == var || *b == var,
            Self::Mixing { back, parts } => *back == var || parts.iter().any(|p| p.0 == var || p.1 == var),
            Self::Mass { whole, parts } | Self::Sum { whole, parts } => *whole == var || parts.contains(&var),
            Self::Heat { flow, supply, back, power } => [flow, supply, back, power].contains(&&var),
            Self::Exchange { hot, cold } | Self::Conductance { hot, cold } => side(hot) || side(cold),
            Self::Resistance { dp, flow, valve } => *dp == var || *flow == var || *valve == Some(var),
            Self::Branch { dp, header, flow } => [dp, header, flow].contains(&&var),
            Self::Head { dp, flow, speeds } => *dp == var || *flow == var || speeds.contains(&var),
            Self::PumpPower { power, flow, speeds } => *power == var || *flow == var || speeds.contains(&var),
        }
    }

    /// Its name, as people read it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SameWater { .. } => "same water",
            Self::Mixing { .. } => "mixing",
            Self::Mass { .. } => "mass balance",
            Self::Heat { .. } => "heat balance",
            Self::Exchange { .. } => "heat of both sides",
            Self::Conductance { .. } => "conductance",
            Self::Resistance { .. } => "hydraulic resistance",
            Self::Branch { .. } => "pressure of branch",
            Self::Head { .. } => "head of pumps",
            Self::PumpPower { .. } => "power of pumps",
            Self::Sum { .. } => "sum of meters",
        }
    }

    /// True if its number is of kelvins; else it is a ratio or the logarithm of one.
    #[must_use]
    pub const fn in_kelvin(&self) -> bool {
        matches!(self, Self::SameWater { .. } | Self::Mixing { .. })
    }
}

fn least(x: f64, least: f64) -> Option<f64> {
    (x >= least).then_some(x)
}

fn rise(from_c: f64, to_c: f64) -> Option<f64> {
    let rise = to_c - from_c;
    rise.is_finite().then(|| rise.max(LEAST_K))
}

fn duty(z: &[f64], side: &Side, gives: bool) -> Option<f64> {
    let (enters, leaves) = (z[side.enters], z[side.leaves]);
    let rise_k = if gives { rise(leaves, enters)? } else { rise(enters, leaves)? };
    Some(W_PER_LPM_K * least(z[side.flow], LEAST_LPM)? * rise_k)
}

fn conductance(z: &[f64], hot: &Side, cold: &Side) -> Option<Seen> {
    let q = (duty(z, hot, true)? * duty(z, cold, false)?).sqrt();
    let (warm, cool) = (rise(z[cold.leaves], z[hot.enters])?, rise(z[cold.enters], z[hot.leaves])?);
    let mean_k = if (warm - cool).abs() < 1e-3 { warm } else { (warm - cool) / (warm / cool).ln() };
    Some(Seen { r: (q / mean_k).ln(), phi: [z[hot.flow].ln(), z[cold.flow].ln()], mode: 0, relative: false })
}

/// Mean speed of the pumps that run, and the curve of so many; of more than [`MODES`] nothing is said.
fn running(z: &[f64], speeds: &[Var]) -> Option<(f64, usize)> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for &v in speeds {
        if z[v].is_nan() {
            return None;
        }
        if z[v] > RUNS {
            (sum, count) = (sum + z[v], count + 1);
        }
    }
    (1..=MODES).contains(&count).then(|| (sum / count as f64, count - 1))
}
