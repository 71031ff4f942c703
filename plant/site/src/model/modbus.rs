//! Modbus devices: how they are reached, what their registers hold, and how they let themselves be commanded.

use crate::quantity::Unit;
use crate::time::Span;

/// Order of the four bytes of a 32-bit value, as Telegraf writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// High word first, high byte first.
    Abcd,
    /// Low word first.
    Cdab,
    /// High word first, low byte first.
    Badc,
    /// All reversed.
    Dcba,
}

/// Modbus register space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegisterSpace {
    /// FC1, written by FC5.
    Coil,
    /// FC2, read only.
    Discrete,
    /// FC4, read only.
    Input,
    /// FC3, written by FC6 or FC16.
    Holding,
}

/// Type of a register value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterType {
    /// One bit.
    Bool,
    /// Unsigned 16 bit.
    Uint16,
    /// Signed 16 bit.
    Int16,
    /// Unsigned 32 bit.
    Uint32,
    /// Signed 32 bit.
    Int32,
    /// Unsigned 64 bit.
    Uint64,
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 double.
    Float64,
}

macro_rules! words {
    ($name:ident, $what:literal, $($word:literal $variant:ident),+) => {
        impl $name {
            #[doc = concat!("Every ", $what, " by its word in files.")]
            pub const ALL: &[(&str, Self)] = &[$(($word, Self::$variant)),+];

            /// Its word in files.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words!(ByteOrder, "order", "ABCD" Abcd, "CDAB" Cdab, "BADC" Badc, "DCBA" Dcba);
words!(RegisterSpace, "space", "coil" Coil, "discrete" Discrete, "input" Input, "holding" Holding);
words!(
    RegisterType, "type", "bool" Bool, "uint16" Uint16, "int16" Int16, "uint32" Uint32, "int32" Int32,
    "uint64" Uint64, "float32" Float32, "float64" Float64
);

impl RegisterType {
    /// Number of 16-bit words (1 for a bit).
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Bool | Self::Uint16 | Self::Int16 => 1,
            Self::Uint32 | Self::Int32 | Self::Float32 => 2,
            Self::Uint64 | Self::Float64 => 4,
        }
    }
}

/// A named register of a device: `value = raw * scale + offset`, in its own unit or that of the point that uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterSpec {
    /// Name.
    pub name: String,
    /// Space.
    pub space: RegisterSpace,
    /// PDU address, zero based (the file's `address-base` already taken off).
    pub address: u16,
    /// Type.
    pub kind: RegisterType,
    /// Order of bytes.
    pub order: ByteOrder,
    /// Engineering value of one count.
    pub scale: f64,
    /// Engineering value at raw zero.
    pub offset: f64,
    /// Register of the same device that holds a power of ten by which `raw` counts besides (SunSpec's `_SF`).
    pub scale_register: Option<usize>,
    /// Unit of the value, where it is not that of the point.
    pub unit: Option<Unit>,
    /// Values in its own unit outside of which it says nothing.
    pub range: Option<(f64, f64)>,
    /// Raw bit patterns that mean "no sensor".
    pub invalid: Vec<u64>,
    /// For people.
    pub description: String,
}

impl RegisterSpec {
    /// Addresses it takes: one for a bit, else one per word.
    #[must_use]
    pub const fn width(&self) -> u16 {
        match self.space {
            RegisterSpace::Coil | RegisterSpace::Discrete => 1,
            RegisterSpace::Input | RegisterSpace::Holding => self.kind.words(),
        }
    }
}

/// Addresses that no request may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// Space; every one if none.
    pub space: Option<RegisterSpace>,
    /// First PDU address.
    pub first: u16,
    /// Last PDU address.
    pub last: u16,
}

impl Forbidden {
    /// True if some address of `from..to` of a space is forbidden.
    #[must_use]
    pub fn touches(&self, space: RegisterSpace, from: u32, to: u32) -> bool {
        self.space.is_none_or(|s| s == space) && u32::from(self.first) < to && u32::from(self.last) >= from
    }
}

/// What a register map file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RegisterMap {
    /// Registers, templates written out.
    pub registers: Vec<RegisterSpec>,
    /// What no request may touch.
    pub forbid: Vec<Forbidden>,
}

/// How a device proves that it is alive to us, and we to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatKind {
    /// 1 to 32767 and never 0, which devices take for "never written".
    Counter,
    /// 1, 0, 1, 0.
    Toggle,
    /// What the device's own counter shows, from this register.
    Mirror(usize),
}

/// A register that must keep changing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Register it is written to.
    pub register: usize,
    /// How often.
    pub period: Span,
    /// What is written.
    pub kind: HeartbeatKind,
}

/// How a device lets itself be commanded from remote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remote {
    /// Register and value that switch remote control on; written before setpoints, cleared on release.
    pub enable: Option<(usize, f64)>,
    /// Register that must keep changing.
    pub heartbeat: Option<Heartbeat>,
    /// Register the device echoes the heartbeat in, or its own counter.
    pub echo: Option<usize>,
    /// Count-down register in seconds and what to write into it before each setpoint.
    pub timer: Option<(usize, Span)>,
    /// Register that is 1 while an operator has the device in local.
    pub local: Option<usize>,
    /// How often a setpoint that the device still shows is written again; with every refresh if none.
    pub rewrite: Option<Span>,
}

/// Function that writes holding registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteWith {
    /// FC16; FC6 for single registers of a device that turns out not to know it.
    #[default]
    Either,
    /// FC6 always.
    Single,
    /// FC16 always.
    Multiple,
}

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Modbus TCP.
    Tcp,
    /// RTU frames with their checksum over TCP, as gateways to serial lines speak.
    RtuOverTcp,
    /// Modbus/TCP Security: Modbus TCP inside TLS.
    Tls(Tls),
}

/// Who may be on the other end of a TLS connection, and who we are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// PEM file of the authority that signed the certificate of the device or broker.
    pub ca: String,
    /// PEM files of our own certificate and key, where they are asked for.
    pub own: Option<(String, String)>,
    /// Name in a device's certificate; the host of the address if none.
    pub server_name: Option<String>,
}

/// A Modbus device.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusSpec {
    /// Id.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// How it is reached there.
    pub transport: Transport,
    /// Unit id.
    pub unit: u8,
    /// Period of reading.
    pub poll: Span,
    /// Deadline of one request.
    pub timeout: Span,
    /// Pause between requests.
    pub min_gap: Span,
    /// Most registers in one request.
    pub max_block: u16,
    /// Unused registers to read over rather than split a block.
    pub max_gap: u16,
    /// What no request may touch.
    pub forbid: Vec<Forbidden>,
    /// How holding registers are written.
    pub write: WriteWith,
    /// Registers.
    pub registers: Vec<RegisterSpec>,
    /// Remote control.
    pub remote: Remote,
}
