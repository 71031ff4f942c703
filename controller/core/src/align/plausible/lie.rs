//! What a contradiction is called: the rule, with its numbers, as a sentence.
//!
//! Responsible for: the words. Not for: finding it (the rooms beside), nor for how long it must last ([`super::court`]).

use headroom_site::{Dimension, Reason};
use std::fmt;

/// A contradiction between points, in base units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lie {
    /// No flow although a pump runs and presses; what is served downstream, where that is known.
    NoFlow {
        /// Flow, L/min.
        flow_lpm: f64,
        /// Speed of the fastest pump, 1.
        pump: f64,
        /// Pressure difference, kPa.
        dp_kpa: f64,
        /// Sum of the flows downstream, L/min.
        served_lpm: Option<f64>,
    },
    /// No pressure difference although a pump runs and liquid flows.
    NoPressure {
        /// Pressure difference, kPa.
        dp_kpa: f64,
        /// Speed of the fastest pump, 1.
        pump: f64,
        /// Flow, L/min.
        flow_lpm: f64,
    },
    /// No pump although liquid flows and a pressure difference is there.
    NoPump {
        /// Speed of the fastest pump, 1.
        pump: f64,
        /// Pressure difference, kPa.
        dp_kpa: f64,
        /// Flow, L/min.
        flow_lpm: f64,
    },
    /// Flow, although the pumps stand and nothing presses.
    FlowAlone {
        /// Flow, L/min.
        flow_lpm: f64,
    },
    /// A pressure difference, although the pumps stand and nothing flows.
    PressureAlone {
        /// Pressure difference, kPa.
        dp_kpa: f64,
    },
    /// Less flow than what it serves.
    LessThanServed {
        /// Flow, L/min.
        flow_lpm: f64,
        /// Sum downstream, L/min.
        served_lpm: f64,
        /// Of so many flows.
        parts: usize,
    },
    /// No voltage although current flows.
    NoVoltage {
        /// Voltage, V.
        voltage_v: f64,
        /// Current, A.
        current_a: f64,
        /// Power, W, where it is metered.
        power_w: Option<f64>,
    },
    /// No current although power is drawn at a voltage.
    NoCurrent {
        /// Current, A.
        current_a: f64,
        /// Power, W.
        power_w: f64,
        /// Voltage, V.
        voltage_v: f64,
    },
    /// No power although current flows at a voltage.
    NoPower {
        /// Power, W.
        power_w: f64,
        /// Voltage, V.
        voltage_v: f64,
        /// Current, A.
        current_a: f64,
    },
    /// Power that is not what voltage and current make.
    Product {
        /// Power, W.
        power_w: f64,
        /// sqrt(3) U I, VA.
        product_va: f64,
    },
    /// A limit that is exceeded for longer than any breaker of it would let through.
    LimitPassed {
        /// The limit, A.
        limit_a: f64,
        /// What is drawn, A.
        drawn_a: f64,
    },
    /// A pressure difference other than that of its peers at the same flow.
    Resistance {
        /// Pressure difference, kPa.
        dp_kpa: f64,
        /// What its peers' resistance makes of the flow, kPa.
        expected_kpa: f64,
        /// Flow, L/min.
        flow_lpm: f64,
        /// So many peers.
        peers: usize,
    },
    /// A flow other than what the peers' resistance makes of the pressure difference.
    Conductance {
        /// Flow, L/min.
        flow_lpm: f64,
        /// What its peers make of the pressure difference, L/min.
        expected_lpm: f64,
        /// So many peers.
        peers: usize,
    },
    /// Another temperature than that of others in the same water.
    OtherWater {
        /// Temperature, degC.
        value_c: f64,
        /// Median of the others, degC.
        median_c: f64,
        /// So many others.
        peers: usize,
    },
    /// The liquid carries another heat than is drawn as power.
    HeatBalance {
        /// rho c V (Tr - Ts), W.
        carried_w: f64,
        /// Electric power, W.
        drawn_w: f64,
    },
    /// A meter that shows less than what it feeds.
    LessThanParts {
        /// The meter, W.
        whole_w: f64,
        /// Sum of what it feeds, W.
        parts_w: f64,
        /// So many meters.
        parts: usize,
    },
    /// No movement at all while what feeds it moves.
    Flat {
        /// The value.
        value: f64,
        /// Its dimension.
        dimension: Dimension,
        /// For so long, s.
        for_s: f64,
        /// What feeds it has moved so far.
        moved: f64,
        /// Dimension of that.
        by: Dimension,
    },
    /// Moved faster than what it measures can.
    Jump {
        /// Last believed value.
        from: f64,
        /// The value.
        to: f64,
        /// Their dimension.
        dimension: Dimension,
        /// Within so long, s.
        within_s: f64,
    },
}

impl Lie {
    /// The reason that the point's quality carries.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Flat { .. } => Reason::Flatline,
            Self::Jump { .. } => Reason::RateOfChange,
            _ => Reason::Implausible,
        }
    }

    /// Short name of the rule.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NoFlow { .. }
            | Self::NoPressure { .. }
            | Self::NoPump { .. }
            | Self::FlowAlone { .. }
            | Self::PressureAlone { .. }
            | Self::LessThanServed { .. } => "moving-fluid",
            Self::NoVoltage { .. } | Self::NoCurrent { .. } | Self::NoPower { .. } | Self::Product { .. } => {
                "electricity"
            }
            Self::LimitPassed { .. } => "current-limit",
            Self::Resistance { .. } | Self::Conductance { .. } | Self::OtherWater { .. } => "peers",
            Self::HeatBalance { .. } => "heat-balance",
            Self::LessThanParts { .. } => "sum-of-parts",
            Self::Flat { .. } => "flatline",
            Self::Jump { .. } => "rate-of-change",
        }
    }
}

/// A number of a dimension as people read it.
struct Shown(f64, Dimension);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            other if self.0.abs() >= 1e9 => write!(f, "{:.1e} {}", self.0, other.base()),
            Dimension::Power => write!(f, "{:.1} kW", self.0 * 1e-3),
            Dimension::Ratio => write!(f, "{:.0} %", self.0 * 100.0),
            other => write!(f, "{:.1} {}", self.0, other.base()),
        }
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fluid(f).or_else(|| self.electricity(f)).unwrap_or_else(|| self.others(f))
    }
}

impl Lie {
    /// Sentences of moving fluid.
    fn fluid(&self, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
        use Dimension::{Flow, Pressure, Ratio};
        let s = Shown;
        Some(match *self {
            Self::NoFlow { flow_lpm, pump, dp_kpa, served_lpm } => {
                let (v, n, dp) = (s(flow_lpm, Flow), s(pump, Ratio), s(dp_kpa, Pressure));
                let said = write!(f, "flow {v} although pump runs at {n} and dP is {dp}");
                let more = |v| write!(f, " and {} flow in what it serves", s(v, Flow));
                said.and_then(|()| served_lpm.map_or(Ok(()), more))
            }
            Self::NoPressure { dp_kpa, pump, flow_lpm } => {
                let (dp, n, v) = (s(dp_kpa, Pressure), s(pump, Ratio), s(flow_lpm, Flow));
                write!(f, "dP {dp} although pump runs at {n} and flow is {v}")
            }
            Self::NoPump { pump, dp_kpa, flow_lpm } => {
                let (n, dp, v) = (s(pump, Ratio), s(dp_kpa, Pressure), s(flow_lpm, Flow));
                write!(f, "pumps at {n} although dP is {dp} and flow is {v}")
            }
            Self::FlowAlone { flow_lpm } => {
                write!(f, "flow {} although pumps stand and nothing presses", s(flow_lpm, Flow))
            }
            Self::PressureAlone { dp_kpa } => {
                write!(f, "dP {} although pumps stand and nothing flows", s(dp_kpa, Pressure))
            }
            Self::LessThanServed { flow_lpm, served_lpm, parts } => {
                let (v, sum) = (s(flow_lpm, Flow), s(served_lpm, Flow));
                write!(f, "flow {v} although the {parts} flows it serves add up to {sum}")
            }
            _ => return None,
        })
    }

    /// Sentences of electricity.
    fn electricity(&self, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
        use Dimension::{Current, Power, Voltage};
        let s = Shown;
        Some(match *self {
            Self::NoVoltage { voltage_v, current_a, power_w } => {
                let (u, i) = (s(voltage_v, Voltage), s(current_a, Current));
                let said = write!(f, "voltage {u} although {i} flow");
                let more = |w| write!(f, " and {} are drawn", s(w, Power));
                said.and_then(|()| power_w.map_or(Ok(()), more))
            }
            Self::NoCurrent { current_a, power_w, voltage_v } => {
                let (i, p, u) = (s(current_a, Current), s(power_w, Power), s(voltage_v, Voltage));
                write!(f, "current {i} although {p} are drawn at {u}")
            }
            Self::NoPower { power_w, voltage_v, current_a } => {
                let (p, i, u) = (s(power_w, Power), s(current_a, Current), s(voltage_v, Voltage));
                write!(f, "power {p} although {i} flow at {u}")
            }
            Self::Product { power_w, product_va } => {
                let (p, ui) = (s(power_w, Power), product_va * 1e-3);
                write!(f, "power {p} although voltage and current make {ui:.1} kVA")
            }
            Self::LimitPassed { limit_a, drawn_a } => {
                let (limit, i) = (s(limit_a, Current), s(drawn_a, Current));
                write!(f, "limit {limit} although {i} are drawn and nothing trips")
            }
            _ => return None,
        })
    }

    /// Sentences of the other rules.
    fn others(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Dimension::{Flow, Power, Pressure, Temperature};
        let s = Shown;
        match *self {
            Self::Resistance { dp_kpa, expected_kpa, flow_lpm, peers } => {
                let (dp, v, peer) = (s(dp_kpa, Pressure), s(flow_lpm, Flow), s(expected_kpa, Pressure));
                write!(f, "dP {dp} at {v} although its {peers} peers show {peer} at the same flow")
            }
            Self::Conductance { flow_lpm, expected_lpm, peers } => {
                let (v, peer) = (s(flow_lpm, Flow), s(expected_lpm, Flow));
                write!(f, "flow {v} although its {peers} peers pass {peer} at the same dP")
            }
            Self::OtherWater { value_c, median_c, peers } => {
                let (t, peer) = (s(value_c, Temperature), s(median_c, Temperature));
                write!(f, "temperature {t} although {peers} others in the same water show {peer}")
            }
            Self::HeatBalance { carried_w, drawn_w } => {
                let (q, p) = (s(carried_w, Power), s(drawn_w, Power));
                write!(f, "flow and temperatures carry {q} although {p} are drawn")
            }
            Self::LessThanParts { whole_w, parts_w, parts } => {
                let (whole, sum) = (s(whole_w, Power), s(parts_w, Power));
                write!(f, "power {whole} although the {parts} meters it feeds add up to {sum}")
            }
            Self::Flat { value, dimension, for_s, moved, by } => {
                let (x, y) = (s(value, dimension), s(moved, by.of_difference()));
                write!(f, "{x} without any movement for {for_s:.0} s although what feeds it moved by {y}")
            }
            Self::Jump { from, to, dimension, within_s } => {
                let (a, b) = (s(from, dimension), s(to, dimension));
                write!(f, "{b} within {within_s:.0} s of {a}: faster than it can be")
            }
            // Said above.
            _ => Ok(()),
        }
    }
}
