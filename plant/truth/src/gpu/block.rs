//! Eight GPUs of one product, lane by lane.
//!
//! Responsible for: keeping what GPUs carry from step to step so that eight of them lie together.
//! Not for: what a step does with it (see `state` for one GPU, `eight` for all of a block).

use super::state::State;

/// GPUs of a block: the lanes of a vector.
pub(super) const LANES: usize = 8;

/// The state of eight GPUs, one array per quantity (see [`State`]).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block {
    pub q1_w: [f64; LANES],
    pub q2_w: [f64; LANES],
    pub plate_c: [f64; LANES],
    pub clock: [f32; LANES],
    pub power_scale: [f32; LANES],
    pub leak_w: [f32; LANES],
    pub r_scale: [f32; LANES],
    pub brake_s: [f32; LANES],
    pub sw_thermal: [bool; LANES],
    pub hw_thermal: [bool; LANES],
}

impl Block {
    /// Blocks of GPUs; lanes beyond the last GPU stay empty.
    pub(super) fn of(gpus: impl Iterator<Item = State>) -> Vec<Self> {
        let mut blocks = Vec::new();
        for (n, gpu) in gpus.enumerate() {
            if n.is_multiple_of(LANES) {
                blocks.push(Self::default());
            }
            if let Some(block) = blocks.last_mut() {
                block.put(n % LANES, &gpu);
            }
        }
        blocks
    }

    /// One GPU.
    #[inline]
    pub(super) fn get(&self, lane: usize) -> State {
        State {
            q1_w: self.q1_w[lane],
            q2_w: self.q2_w[lane],
            plate_c: self.plate_c[lane],
            clock: self.clock[lane],
            power_scale: self.power_scale[lane],
            leak_w: self.leak_w[lane],
            r_scale: self.r_scale[lane],
            brake_s: self.brake_s[lane],
            sw_thermal: self.sw_thermal[lane],
            hw_thermal: self.hw_thermal[lane],
        }
    }

    /// Puts one GPU back.
    #[inline]
    pub(super) fn put(&mut self, lane: usize, gpu: &State) {
        self.q1_w[lane] = gpu.q1_w;
        self.q2_w[lane] = gpu.q2_w;
        self.plate_c[lane] = gpu.plate_c;
        self.clock[lane] = gpu.clock;
        self.power_scale[lane] = gpu.power_scale;
        self.leak_w[lane] = gpu.leak_w;
        self.r_scale[lane] = gpu.r_scale;
        self.brake_s[lane] = gpu.brake_s;
        self.sw_thermal[lane] = gpu.sw_thermal;
        self.hw_thermal[lane] = gpu.hw_thermal;
    }

    /// Changes one GPU.
    pub(super) fn with(&mut self, lane: usize, change: impl FnOnce(&mut State)) {
        let mut gpu = self.get(lane);
        change(&mut gpu);
        self.put(lane, &gpu);
    }

    /// None of them is slowed down by heat or by a brake that still acts.
    #[inline(always)]
    pub(super) fn is_calm(&self) -> bool {
        self.brake_s.iter().fold(0.0, |all: f32, s| all.max(*s)) <= 0.0
            && self.sw_thermal == [false; LANES]
            && self.hw_thermal == [false; LANES]
    }
}
