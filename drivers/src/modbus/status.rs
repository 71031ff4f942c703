//! What can be seen of a device's driver.

/// State and counts of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceStatus {
    /// Id of the site file.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// True while connected.
    pub up: bool,
    /// What went wrong last, if it still matters.
    pub trouble: Option<String>,
    /// Registers the device refuses, with the reason; read again after the next reconnect.
    pub out_of_service: Vec<String>,
    /// Connections made.
    pub connects: u64,
    /// Requests sent.
    pub requests: u64,
    /// Reading rounds finished.
    pub rounds: u64,
    /// Registers and coils written, heartbeats included.
    pub writes: u64,
    /// Setpoints being held.
    pub held: u64,
    /// True while the device says that its operator has it in local.
    pub local: bool,
}
