//! Which registers are read together.
//!
//! A register is never split over two requests (its words could tear). Requests stay within `max_block`
//! registers (16 times as many bits, at most 2000), read over unused addresses only up to `max_gap`, and never over
//! a forbidden one.

use headroom_site::model::{Forbidden, ModbusSpec, RegisterSpace, RegisterSpec};

/// Registers read with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) space: RegisterSpace,
    pub(super) start: u16,
    /// Words, or bits.
    pub(super) count: u16,
    /// Indices of the registers inside, by address.
    pub(super) registers: Vec<usize>,
}

pub(super) const fn is_bits(space: RegisterSpace) -> bool {
    matches!(space, RegisterSpace::Coil | RegisterSpace::Discrete)
}

/// The block around some registers of one space, in order of address.
fn block(all: &[RegisterSpec], registers: Vec<usize>) -> Option<Block> {
    let first = &all[*registers.first()?];
    let end = registers.iter().map(|&i| u32::from(all[i].address) + u32::from(all[i].width())).max()?;
    let count = u16::try_from(end - u32::from(first.address)).ok()?;
    Some(Block { space: first.space, start: first.address, count, registers })
}

/// Limits of a device's requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) max_block: u16,
    pub(super) max_gap: u16,
    pub(super) forbid: &'a [Forbidden],
}

impl<'a> Limits<'a> {
    pub(super) fn of(spec: &'a ModbusSpec) -> Self {
        Self { max_block: spec.max_block, max_gap: spec.max_gap, forbid: &spec.forbid }
    }
}

/// Plans the requests for the registers with these indices.
pub(super) fn plan(all: &[RegisterSpec], wanted: &[usize], limits: Limits<'_>) -> Vec<Block> {
    let Limits { max_block, max_gap, forbid } = limits;
    let mut order = wanted.to_vec();
    order.sort_by_key(|&i| (all[i].space, all[i].address, i));
    order.dedup();
    let mut blocks = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut start, mut end) = (0_u32, 0_u32);
    for i in order {
        let r = &all[i];
        let bits = is_bits(r.space);
        let limit = if bits { (u32::from(max_block) * 16).min(2000) } else { u32::from(max_block).min(125) };
        let gap = u32::from(max_gap) * if bits { 16 } else { 1 };
        let (at, until) = (u32::from(r.address), u32::from(r.address) + u32::from(r.width()));
        let fits = open.first().is_some_and(|&f| all[f].space == r.space)
            && at <= end + gap
            && !forbid.iter().any(|f| f.touches(r.space, end, at))
            && until.max(end) - start <= limit;
        if !fits {
            blocks.extend(block(all, std::mem::take(&mut open)));
            (start, end) = (at, at);
        }
        end = end.max(until);
        open.push(i);
    }
    blocks.extend(block(all, open));
    blocks
}

/// Two halves of a block that a device refused, or `None` if it holds a single register. The split falls at
/// the widest gap, since reading over a hole is the usual reason of a refusal; else in the middle.
pub(super) fn split(all: &[RegisterSpec], refused: &Block) -> Option<(Block, Block)> {
    let n = refused.registers.len();
    if n < 2 {
        return None;
    }
    let gap = |k: usize| {
        let (a, b) = (&all[refused.registers[k - 1]], &all[refused.registers[k]]);
        u32::from(b.address).saturating_sub(u32::from(a.address) + u32::from(a.width()))
    };
    let at = (1..n).max_by_key(|&k| (gap(k), std::cmp::Reverse(k.abs_diff(n / 2))))?;
    let (low, high) = refused.registers.split_at(at);
    Some((block(all, low.to_vec())?, block(all, high.to_vec())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::model::{ByteOrder, RegisterType};
    use proptest::prelude::*;

    pub(super) fn register(space: RegisterSpace, address: u16, kind: RegisterType) -> RegisterSpec {
        let (order, scale, offset) = (ByteOrder::Abcd, 1.0, 0.0);
        RegisterSpec {
            name: format!("{address}"),
            space,
            address,
            kind,
            order,
            scale,
            offset,
            scale_register: None,
            unit: None,
            range: None,
            invalid: vec![],
            description: String::new(),
        }
    }

    const fn limits(max_block: u16, max_gap: u16, forbid: &[Forbidden]) -> Limits<'_> {
        Limits { max_block, max_gap, forbid }
    }

    #[test]
    fn blocks_end_at_125_and_never_cut_a_value() {
        let all: Vec<_> =
            (0..63).map(|i| register(RegisterSpace::Holding, i * 2, RegisterType::Float32)).collect();
        let wanted: Vec<_> = (0..63).collect();
        let blocks = plan(&all, &wanted, limits(125, 8, &[]));
        assert_eq!(blocks.iter().map(|b| (b.start, b.count)).collect::<Vec<_>>(), [(0, 124), (124, 2)]);
    }

    #[test]
    fn a_refused_block_is_cut_at_its_hole() {
        let all: Vec<_> =
            [0, 1, 2, 8, 9].map(|a| register(RegisterSpace::Input, a, RegisterType::Uint16)).to_vec();
        let blocks = plan(&all, &[0, 1, 2, 3, 4], limits(100, 8, &[]));
        assert_eq!(blocks.len(), 1);
        let (low, high) = split(&all, &blocks[0]).unwrap();
        assert_eq!((low.start, low.count, high.start, high.count), (0, 3, 8, 2));
        assert_eq!(split(&all, &plan(&all, &[3], limits(100, 8, &[]))[0]), None);
    }

    #[test]
    fn a_forbidden_gap_ends_a_block() {
        let all: Vec<_> = [0, 4].map(|a| register(RegisterSpace::Input, a, RegisterType::Uint16)).to_vec();
        let hole = |space| [Forbidden { space, first: 2, last: 3 }];
        let count = |space| plan(&all, &[0, 1], limits(100, 8, &hole(space))).len();
        assert_eq!(
            [count(None), count(Some(RegisterSpace::Input)), count(Some(RegisterSpace::Coil))],
            [2, 2, 1]
        );
    }

    #[test]
    fn the_last_address_is_reached() {
        let all = [register(RegisterSpace::Holding, 65534, RegisterType::Float32)];
        assert_eq!(plan(&all, &[0], limits(125, 8, &[]))[0].count, 2);
    }

    proptest! {
        #[test]
        fn every_register_is_in_one_block_within_limits(
            addresses in proptest::collection::vec((0_u16..2000, 0_usize..4, 0_usize..4), 0..80),
            max_block in 1_u16..=125,
            max_gap in 0_u16..20,
            holes in proptest::collection::vec((0_u16..2000, 0_u16..9), 0..4),
        ) {
            let spaces = [RegisterSpace::Coil, RegisterSpace::Discrete, RegisterSpace::Input, RegisterSpace::Holding];
            let kinds = [RegisterType::Bool, RegisterType::Int16, RegisterType::Float32, RegisterType::Uint64];
            let all: Vec<_> = addresses.iter().map(|&(a, s, k)| register(spaces[s], a, kinds[k])).collect();
            let wanted: Vec<_> = (0..all.len()).collect();
            // A register inside a hole is refused by the site file; here such holes are left out.
            let mut forbid: Vec<_> = holes
                .iter()
                .map(|&(first, n)| Forbidden { space: None, first, last: first + n })
                .collect();
            let ends = |r: &RegisterSpec| (u32::from(r.address), u32::from(r.address + r.width()));
            forbid.retain(|f| !all.iter().any(|r| f.touches(r.space, ends(r).0, ends(r).1)));
            let blocks = plan(&all, &wanted, limits(max_block, max_gap, &forbid));
            let mut seen: Vec<usize> = blocks.iter().flat_map(|b| b.registers.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, wanted);
            for b in &blocks {
                let limit = if is_bits(b.space) { 2000 } else { max_block.max(4) };
                prop_assert!(b.count <= limit);
                let (from, to) = (u32::from(b.start), u32::from(b.start + b.count));
                prop_assert!(!forbid.iter().any(|f| f.touches(b.space, from, to)));
                for &i in &b.registers {
                    let r = &all[i];
                    prop_assert!(r.space == b.space && r.address >= b.start);
                    prop_assert!(r.address + r.width() <= b.start + b.count);
                }
                if let Some((low, high)) = split(&all, b) {
                    prop_assert_eq!(low.registers.len() + high.registers.len(), b.registers.len());
                }
            }
        }
    }
}
