//! The BMS image: every value the plant shows and every request it accepts, as one table.
//!
//! The world fills [`Image::values`] each step. The desks resolve what integrations ask for (with
//! heartbeats, timers and remote-enable already taken into account) into [`Image::requests`]. The
//! wires only ever read the one and feed the other, so they know nothing about the plant.

/// Index of a point in the image.
pub type PointIndex = usize;

/// One value that the BMS shows, or one request that it accepts.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePoint {
    /// DSX object type, for example `CDU`.
    pub object_type: &'static str,
    /// Unique id of the equipment, for example `CDU-01`. Also used as its name.
    pub object_id: String,
    /// DSX point type, for example `LiquidTemperature`.
    pub point_type: &'static str,
    /// DSX process areas, for example `["Secondary", "Supply"]`.
    pub process_area: Vec<&'static str>,
    /// DSX engineering unit (`C`, `kPa`, `LPM`, `kW`, `A`, `V`, `%`, `kWh`); `None` for state points.
    pub unit: Option<&'static str>,
    /// States of a state point, value and text.
    pub state_text: Vec<(i64, &'static str)>,
    /// Tag path, unique, free of `.`, space, `+`, `#`.
    pub tag: String,
    /// Ids of the objects this object serves.
    pub serves: Vec<String>,
    /// Seconds between publications when the value keeps changing.
    pub period_s: f64,
    /// Smallest step the sensor shows, in `unit`; 0 = continuous.
    pub quantum: f64,
    /// Standard deviation of the sensor noise, in `unit`.
    pub noise: f64,
    /// True for a setpoint rather than a sensor.
    pub is_setpoint: bool,
    /// True if an integration (not the BMS) owns this value: a request point.
    pub request: bool,
}

/// The whole image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// What the points are. Never changes after the world is built.
    pub points: Vec<ImagePoint>,
    /// Sensor values as the BMS sees them (noise and quantum applied), in the point's unit. For request
    /// points: the value the BMS last accepted.
    pub values: Vec<f64>,
    /// DSX quality, 1 = good.
    pub quality: Vec<i32>,
    /// For request points: what an integration asks for now; `None` when nobody does, when its heartbeat
    /// is silent, or when the operator has taken the point. Written by the desks, read by the BMS.
    pub requests: Vec<Option<f64>>,
}

/// Register space of a Modbus device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// FC1/5/15.
    Coil,
    /// FC2.
    Discrete,
    /// FC4.
    Input,
    /// FC3/6/16.
    Holding,
}

/// How a value stands in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned 16 bit.
    U16,
    /// Signed 16 bit.
    I16,
    /// Unsigned 32 bit, high word first.
    U32,
    /// IEEE 754 single, high word first (ABCD).
    F32,
    /// IEEE 754 single, low word first (CDAB).
    F32Swapped,
}

/// What a register stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A value the device shows: `raw = value / scale`.
    Value(PointIndex),
    /// A setpoint the device accepts for a request point.
    Setpoint(PointIndex),
    /// The setpoint now in force, read only.
    Applied(PointIndex),
    /// 1 = remote control enabled; setpoints count only then.
    RemoteEnable,
    /// Counter or toggle the integration must keep changing.
    HeartbeatIn,
    /// The device's echo of the heartbeat.
    HeartbeatOut,
    /// Seconds left before the local setpoint returns; written by the integration, counts down.
    SetpointTimer,
    /// 1 = the operator has switched the device to local.
    Local,
}

/// One logical register (one or two words).
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// Space.
    pub space: Space,
    /// PDU address (zero based).
    pub address: u16,
    /// Encoding.
    pub encoding: Encoding,
    /// Engineering value of one count.
    pub scale: f64,
    /// What it stands for.
    pub meaning: Meaning,
}

/// One Modbus device that the harness serves on its own TCP port.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusDevice {
    /// Id, for example `chiller-plant`.
    pub id: String,
    /// Unit id it answers to.
    pub unit: u8,
    /// Registers, sorted by space and address.
    pub registers: Vec<Register>,
    /// Seconds without a heartbeat change after which remote control is dropped.
    pub heartbeat_timeout_s: f64,
}
