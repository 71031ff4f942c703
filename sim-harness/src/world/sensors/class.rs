//! Classes of sensors: how often they are read, in which steps they show, how noisy and how wrong they are.
//!
//! Responsible for: the one table of these figures. Not for: which point is of which class ([`crate::world::points`]).
//!
//! Cadence, steps and noise are calibrated to the 100 s exemplar capture of one pod in NVIDIA dsx-exchange
//! (`local/mqtt-client/examples/dsx_exemplar.csv`, Apache-2.0): 5 loaded racks, 1 CDU, busway meters. A reading is
//! ```text
//! x = q * round((lag(v) + b + s + w) / q)
//! s(t + d) = s(t) * exp(-d / T) + S * sqrt(1 - exp(-2 d / T)) * n1      slow part: Ornstein-Uhlenbeck
//! w = W * n2                                                            white part
//! ```
//! with `v` the true value, `b` the bias drawn once per sensor, `q` the step, `n1`, `n2` standard normal. `S`, `T` and `W`
//! follow the structure function `sqrt(mean((x(t + k) - x(t))^2) / 2)` of the capture at k = 1, 3, 10 and 30 s: rack flow
//! is an OU process of 1.4 s, rack differential pressure one of 14 s, temperatures wander over a minute, power is white.
//! Biases are the accuracy classes of the instruments: Pt100 and NTC 0.2 K, ultrasonic flow 2 %, capacitive RH 3 %,
//! meters class 0.5 (IEC 62053-22); the limit is two deviations of a lot cut there.

use crate::image::ImagePoint;

/// An amount that grows with the value: `absolute + share * |value|`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// In the point's unit.
    pub absolute: f64,
    /// Of the value.
    pub share: f64,
}

impl Spread {
    /// None at all.
    pub const ZERO: Self = Self { absolute: 0.0, share: 0.0 };

    const fn absolute(absolute: f64) -> Self {
        Self { absolute, share: 0.0 }
    }

    const fn share(share: f64) -> Self {
        Self { absolute: 0.0, share }
    }

    /// The amount at a value.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        self.absolute + self.share * value.abs()
    }

    /// True if there is none whatever the value.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

/// A class of sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorClass {
    /// Name.
    pub name: &'static str,
    /// Seconds between two looks of the BMS at the sensor.
    pub scan_s: f64,
    /// How far looks are early or late, as a share of `scan_s`.
    pub jitter: f64,
    /// Share of looks that come to nothing because the field bus is busy.
    pub missed: f64,
    /// Smallest change that is shown before the repetition every 100 s, in the point's unit.
    pub deadband: f64,
    /// Step of the display, in the point's unit; 0 = continuous.
    pub quantum: f64,
    /// White noise, standard deviation.
    pub white: Spread,
    /// Slow noise, standard deviation.
    pub slow: Spread,
    /// Correlation time of the slow noise, s.
    pub slow_s: f64,
    /// Limit of the bias.
    pub bias: Spread,
    /// First-order lag of the sensor in its well, s.
    pub lag_s: f64,
    /// What the transmitter can show at all.
    pub range: (f64, f64),
    /// True if all sensors of an object share one bias, as the registers of a meter do.
    pub one_instrument: bool,
    /// Where the figures are from.
    pub source: &'static str,
}

impl SensorClass {
    /// Least time between two changes of what is shown, s.
    #[must_use]
    pub fn gap_s(&self) -> f64 {
        self.scan_s * (1.0 - self.jitter).max(0.0)
    }

    /// A class for tests: read every `scan_s`, shown in steps, otherwise perfect.
    #[must_use]
    pub const fn ideal(scan_s: f64, quantum: f64) -> Self {
        Self { name: "ideal", scan_s, quantum, source: "definition", ..EXACT }
    }
}

const EXACT: SensorClass = SensorClass {
    name: "exact",
    scan_s: 5.0,
    jitter: 0.0,
    missed: 0.0,
    deadband: 0.0,
    quantum: 0.01,
    white: Spread::ZERO,
    slow: Spread::ZERO,
    slow_s: 1.0,
    bias: Spread::ZERO,
    lag_s: 0.0,
    range: (f64::NEG_INFINITY, f64::INFINITY),
    one_instrument: false,
    source: "a number, not a measurement",
};

const CAPTURE: &str = "dsx-exchange exemplar capture";
const PRACTICE: &str = "instrument class; not in the capture";

/// Rack coolant temperature: NTC in the energy valve. Capture: steps 0.01 C, change every 1 to 4 s, sd 0.015 to 0.05 K.
pub const RACK_TEMPERATURE: SensorClass = SensorClass {
    name: "rack temperature",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.07,
    deadband: 0.01,
    quantum: 0.01,
    slow: Spread::absolute(0.03),
    slow_s: 60.0,
    white: Spread::absolute(0.001),
    bias: Spread::absolute(0.2),
    lag_s: 3.0,
    range: (-20.0, 120.0),
    source: CAPTURE,
    ..EXACT
};

/// Rack coolant flow: ultrasonic, in the energy valve. Capture: steps 0.001 L/min, 1 s, sd 0.22 to 0.29 at 50 L/min.
pub const RACK_FLOW: SensorClass = SensorClass {
    name: "rack flow",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.07,
    deadband: 0.001,
    quantum: 0.001,
    slow: Spread::share(0.005),
    slow_s: 1.4,
    bias: Spread::share(0.02),
    lag_s: 0.5,
    range: (0.0, 1.0e4),
    source: CAPTURE,
    ..EXACT
};

/// Rack differential pressure. Capture: steps 0.01 kPa, changes of 0.03 kPa or more, sd 0.25 to 0.4 kPa.
pub const RACK_DP: SensorClass = SensorClass {
    name: "rack differential pressure",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.07,
    deadband: 0.03,
    quantum: 0.01,
    slow: Spread::absolute(0.3),
    slow_s: 14.0,
    bias: Spread { absolute: 0.2, share: 0.005 },
    lag_s: 0.5,
    range: (-50.0, 1000.0),
    source: CAPTURE,
    ..EXACT
};

/// Rack power as the busway's tap-offs tell it. Capture: 5 s, steps 0.001 kW, sd 0.006 kW at 48 kW.
pub const RACK_POWER: SensorClass = SensorClass {
    name: "rack power",
    scan_s: 5.0,
    jitter: 0.02,
    missed: 0.03,
    deadband: 0.001,
    quantum: 0.001,
    white: Spread { absolute: 0.0005, share: 0.000_13 },
    bias: Spread::share(0.005),
    range: (0.0, f64::INFINITY),
    one_instrument: true,
    source: CAPTURE,
    ..EXACT
};

/// Power meter. Capture: 1 s, steps 0.001 kW, sd 0.018 kW at 103 kW.
pub const METER: SensorClass = SensorClass {
    name: "power meter",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.05,
    deadband: 0.001,
    quantum: 0.001,
    white: Spread { absolute: 0.0005, share: 0.000_17 },
    bias: Spread::share(0.005),
    one_instrument: true,
    source: CAPTURE,
    ..EXACT
};

/// Current, and the power of small machines, read more slowly. Capture: busway current 5 s, steps 0.001 A, sd 0.03 at 162 A.
pub const SLOW_METER: SensorClass = SensorClass {
    name: "slow meter",
    scan_s: 5.0,
    jitter: 0.02,
    missed: 0.03,
    deadband: 0.001,
    quantum: 0.001,
    white: Spread { absolute: 0.0005, share: 0.000_17 },
    bias: Spread::share(0.005),
    one_instrument: true,
    source: CAPTURE,
    ..EXACT
};

/// Energy register of a meter.
pub const ENERGY: SensorClass = SensorClass {
    name: "energy register",
    scan_s: 60.0,
    quantum: 0.1,
    bias: Spread::share(0.005),
    one_instrument: true,
    source: PRACTICE,
    ..EXACT
};

/// Water temperature at a CDU or in the plant: Pt100. Capture: steps 0.1 C, change every 15 to 30 s.
pub const WATER_TEMPERATURE: SensorClass = SensorClass {
    name: "CDU temperature",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.05,
    deadband: 0.1,
    quantum: 0.1,
    slow: Spread::absolute(0.05),
    slow_s: 60.0,
    bias: Spread::absolute(0.2),
    lag_s: 5.0,
    range: (-50.0, 150.0),
    source: CAPTURE,
    ..EXACT
};

/// Water flow at a CDU or in the plant. Capture: steps 0.378541 L/min (0.1 gal/min), changes of four steps or more.
pub const WATER_FLOW: SensorClass = SensorClass {
    name: "CDU flow",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.05,
    deadband: 1.514_164,
    quantum: 0.378_541,
    slow: Spread { absolute: 1.45, share: 0.003 },
    slow_s: 10.0,
    bias: Spread::share(0.02),
    lag_s: 2.0,
    range: (0.0, f64::INFINITY),
    source: CAPTURE,
    ..EXACT
};

/// Header pressure at a CDU or in the plant. Capture: steps 0.689476 kPa (0.1 psi), change every 2 to 30 s.
pub const WATER_DP: SensorClass = SensorClass {
    name: "CDU differential pressure",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.05,
    deadband: 0.689_476,
    quantum: 0.689_476,
    slow: Spread::absolute(0.25),
    slow_s: 15.0,
    bias: Spread { absolute: 0.2, share: 0.005 },
    lag_s: 1.0,
    range: (-50.0, 2000.0),
    source: CAPTURE,
    ..EXACT
};

/// Air temperature in an aisle. Capture: 1 s, no visible step, sd 0.0004 to 0.016 K over 100 s.
pub const AIR_TEMPERATURE: SensorClass = SensorClass {
    name: "air temperature",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.15,
    deadband: 0.0001,
    quantum: 0.0001,
    white: Spread::absolute(0.0004),
    slow: Spread::absolute(0.005),
    slow_s: 60.0,
    bias: Spread::absolute(0.2),
    lag_s: 20.0,
    range: (-50.0, 120.0),
    source: CAPTURE,
    ..EXACT
};

/// Relative humidity. Capture: 1 s, no visible step, sd 0.01 to 0.023 % over 100 s.
pub const HUMIDITY: SensorClass = SensorClass {
    name: "relative humidity",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.08,
    deadband: 0.0001,
    quantum: 0.0001,
    white: Spread::absolute(0.0008),
    slow: Spread::absolute(0.018),
    slow_s: 60.0,
    bias: Spread::absolute(3.0),
    lag_s: 15.0,
    range: (0.0, 100.0),
    source: CAPTURE,
    ..EXACT
};

/// Aisle pressure. Capture: changes of 0.0007 Pa at 0.03 to 0.06 Pa, one or two seconds apart, sd 0.0007 Pa.
pub const AISLE_DP: SensorClass = SensorClass {
    name: "aisle pressure",
    scan_s: 1.0,
    jitter: 0.05,
    missed: 0.05,
    deadband: 0.0007,
    quantum: 0.0007,
    white: Spread::absolute(0.0004),
    slow: Spread::absolute(0.0005),
    slow_s: 10.0,
    lag_s: 2.0,
    range: (-100.0, 100.0),
    source: CAPTURE,
    ..EXACT
};

/// Outdoor dry bulb: a slow station on the roof.
pub const OUTDOOR_TEMPERATURE: SensorClass = SensorClass {
    name: "outdoor temperature",
    scan_s: 30.0,
    quantum: 0.1,
    deadband: 0.1,
    slow: Spread::absolute(0.05),
    slow_s: 120.0,
    bias: Spread::absolute(0.2),
    lag_s: 60.0,
    range: (-60.0, 60.0),
    source: PRACTICE,
    ..EXACT
};

/// Outdoor relative humidity.
pub const OUTDOOR_HUMIDITY: SensorClass = SensorClass {
    name: "outdoor humidity",
    scan_s: 30.0,
    quantum: 0.1,
    deadband: 0.1,
    slow: Spread::absolute(0.3),
    slow_s: 120.0,
    bias: Spread::absolute(3.0),
    lag_s: 60.0,
    range: (0.0, 100.0),
    source: PRACTICE,
    ..EXACT
};

/// Position of a valve, speed of a fan or pump, %: a feedback without noise, shown when it moves.
pub const POSITION: SensorClass = SensorClass {
    name: "position",
    scan_s: 2.0,
    deadband: 0.3,
    quantum: 0.1,
    range: (-5.0, 400.0),
    source: "capture: no change in 100 s at rest",
    ..EXACT
};

/// Setpoint in force, limit or request: a number of the BMS itself.
pub const SETPOINT: SensorClass = SensorClass { name: "setpoint", ..EXACT };

/// Limit that the grid sets: said at once.
pub const LIMIT: SensorClass = SensorClass { name: "limit", scan_s: 1.0, ..EXACT };

/// Contact or state.
pub const STATE: SensorClass = SensorClass { name: "state", quantum: 0.0, ..EXACT };

/// Every class.
pub const CLASSES: [&SensorClass; 19] = [
    &RACK_TEMPERATURE,
    &RACK_FLOW,
    &RACK_DP,
    &RACK_POWER,
    &METER,
    &SLOW_METER,
    &ENERGY,
    &WATER_TEMPERATURE,
    &WATER_FLOW,
    &WATER_DP,
    &AIR_TEMPERATURE,
    &HUMIDITY,
    &AISLE_DP,
    &OUTDOOR_TEMPERATURE,
    &OUTDOOR_HUMIDITY,
    &POSITION,
    &SETPOINT,
    &LIMIT,
    &STATE,
];

/// Class of a point.
#[must_use]
pub fn class_of(point: &ImagePoint) -> &'static SensorClass {
    point.class
}
