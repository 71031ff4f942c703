//! The classes of sensors of a plant.
//!
//! Responsible for: the one table of cadence, steps, noise and accuracy, with its sources. Not for: what the figures do
//! ([`super`]).
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
//! is an OU process of 1.4 s, rack differential pressure one of 20 s, temperatures wander over minutes, power is white.
//! Biases are the accuracy classes of the instruments: Pt100 and NTC 0.2 K, ultrasonic flow 2 %, capacitive RH 3 %,
//! meters class 0.5 (IEC 62053-22); the limit is two deviations of a lot cut there.

use super::class::{SensorClass, Spread};

/// A number rather than a measurement.
pub(super) const EXACT: SensorClass = SensorClass {
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
    deadband: 0.008,
    quantum: 0.01,
    slow: Spread::absolute(0.05),
    slow_s: 150.0,
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
    missed: 0.25,
    deadband: 0.03,
    quantum: 0.01,
    slow: Spread::absolute(0.3),
    slow_s: 20.0,
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

/// Total of a water meter in the make-up line: class 2 of ISO 4064-1, a pulse each 10 L.
pub const WATER_TOTAL: SensorClass = SensorClass {
    name: "water total",
    scan_s: 60.0,
    quantum: 0.01,
    bias: Spread::share(0.01),
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
    slow: Spread::absolute(0.06),
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
    slow: Spread { absolute: 1.9, share: 0.003 },
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
    deadband: 0.36,
    quantum: 0.689_476,
    slow: Spread::absolute(0.35),
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
    slow: Spread::absolute(0.006),
    slow_s: 80.0,
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
    slow: Spread::absolute(0.035),
    slow_s: 300.0,
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
    deadband: 0.0004,
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
pub const CLASSES: [&SensorClass; 20] = [
    &RACK_TEMPERATURE,
    &RACK_FLOW,
    &RACK_DP,
    &RACK_POWER,
    &METER,
    &SLOW_METER,
    &ENERGY,
    &WATER_TOTAL,
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
