//! The register map of a device, checked and laid out for look-up.
//!
//! Responsible for: which addresses exist, what covers them, where a block ends. Not for: values.

use thiserror::Error;

use super::codec;
use crate::image::{Image, Meaning, ModbusDevice, Register, Space};

/// Unmapped addresses between two registers that still belong to one block and read as 0.
const BLOCK_GAP: u16 = 8;

/// Why a device cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MapError {
    /// Two registers share an address.
    #[error("{device}: {space:?} {address} is mapped twice")]
    Overlap {
        /// Device id.
        device: String,
        /// Space.
        space: Space,
        /// PDU address.
        address: u16,
    },
    /// A register leads to a point that the image does not have.
    #[error("{device}: {space:?} {address} names no point of the image")]
    NoPoint {
        /// Device id.
        device: String,
        /// Space.
        space: Space,
        /// PDU address.
        address: u16,
    },
    /// Scale is zero or not finite.
    #[error("{device}: {space:?} {address} has no usable scale")]
    Scale {
        /// Device id.
        device: String,
        /// Space.
        space: Space,
        /// PDU address.
        address: u16,
    },
    /// A register that must be writable stands in a read-only space.
    #[error("{device}: {space:?} {address} must be a coil or a holding register")]
    ReadOnlySpace {
        /// Device id.
        device: String,
        /// Space.
        space: Space,
        /// PDU address.
        address: u16,
    },
}

/// One register with its extent and its block.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) register: Register,
    /// Addresses covered.
    pub(super) words: u16,
    /// First address after the block.
    pub(super) block_end: u32,
}

impl Cell {
    pub(super) fn start(&self) -> u32 {
        u32::from(self.register.address)
    }

    pub(super) fn end(&self) -> u32 {
        self.start() + u32::from(self.words)
    }
}

/// Lays the map out, sorted by space and address.
pub(super) fn lay_out(device: &ModbusDevice, image: &Image) -> Result<Vec<Cell>, MapError> {
    let mut cells: Vec<Cell> = device
        .registers
        .iter()
        .map(|r| Cell { register: r.clone(), words: extent(r), block_end: 0 })
        .collect();
    cells.sort_by_key(|c| (c.register.space, c.register.address));
    for cell in &cells {
        check(device, &cell.register, image)?;
    }
    for pair in cells.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        if a.register.space == b.register.space && a.end() > b.start() {
            let (space, address) = (b.register.space, b.register.address);
            return Err(MapError::Overlap { device: device.id.clone(), space, address });
        }
    }
    let mut next: Option<(Space, u32, u32)> = None;
    for cell in cells.iter_mut().rev() {
        let end = match next {
            Some((space, start, block_end))
                if space == cell.register.space && start <= cell.end() + u32::from(BLOCK_GAP) =>
            {
                block_end
            }
            _ => cell.end(),
        };
        cell.block_end = end;
        next = Some((cell.register.space, cell.start(), end));
    }
    Ok(cells)
}

/// True if an integration may write this register.
pub(super) fn writable(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Setpoint(_) | Meaning::RemoteEnable | Meaning::HeartbeatIn | Meaning::SetpointTimer
    )
}

fn extent(register: &Register) -> u16 {
    match register.space {
        Space::Coil | Space::Discrete => 1,
        Space::Input | Space::Holding => codec::words(register.encoding),
    }
}

fn check(device: &ModbusDevice, register: &Register, image: &Image) -> Result<(), MapError> {
    let (space, address) = (register.space, register.address);
    let device = || device.id.clone();
    let point = match register.meaning {
        Meaning::Value(p) | Meaning::Setpoint(p) | Meaning::Applied(p) => Some(p),
        _ => None,
    };
    if point.is_some_and(|p| p >= image.points.len()) {
        return Err(MapError::NoPoint { device: device(), space, address });
    }
    if !register.scale.is_finite() || register.scale == 0.0 {
        return Err(MapError::Scale { device: device(), space, address });
    }
    if writable(register.meaning) && matches!(space, Space::Discrete | Space::Input) {
        return Err(MapError::ReadOnlySpace { device: device(), space, address });
    }
    Ok(())
}
