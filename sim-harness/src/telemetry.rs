//! What a GPU of the world shows through NVML: integers, the board's own sensors and the order of the counters.
//!
//! One function for both ways out: the shared page of our NVML library (wires) and virtual time, so that the two show
//! the same plant.
//!
//! `world.boards` ([`SensorBank`]) holds the sensors; the world steps it after its fleet.

use headroom_nvml_abi::page::{GpuOutputs, quirk};
use headroom_truth::gpu::sensor::{Answer, Boards, Quirk, SensorBank};
use headroom_truth::gpu::{Fleet, Throttle};
use std::ops::Range;

/// What GPU `g` shows at an instant (Unix us). Fields that a board does not have show 0; [`quirks`] says which.
#[must_use]
pub fn gpu_outputs(fleet: &Fleet, boards: &SensorBank, g: usize, stamp_us: u64) -> GpuOutputs {
    let mut shown = GpuOutputs::default();
    each_output(fleet, boards, g..g + 1, stamp_us, |_, outputs| shown = outputs);
    shown
}

/// [`gpu_outputs`] of GPUs side by side, one after another, each with its number.
#[inline(always)]
pub fn each_output(
    fleet: &Fleet,
    boards: &SensorBank,
    gpus: Range<usize>,
    stamp_us: u64,
    mut take: impl FnMut(usize, GpuOutputs),
) {
    for run in fleet.runs(gpus) {
        let shown = Shown::of(fleet, boards, run.clone());
        for (k, g) in run.enumerate() {
            take(g, shown.outputs(k, if shown.quirks[k].zeros { 0 } else { stamp_us }));
        }
    }
}

/// Some GPUs of one product, as slices of the arrays.
struct Shown<'a> {
    boards: Boards<'a>,
    quirks: &'a [Quirk],
    activity: &'a [f32],
    memory: &'a [f32],
    clock_mhz: &'a [f32],
    reasons: &'a [u32],
    context: &'a [bool],
    /// In the order of [`Throttle`].
    throttle_ns: [&'a [u64]; Throttle::COUNT],
    fleet: &'a Fleet,
    first: usize,
}

impl<'a> Shown<'a> {
    #[inline(always)]
    fn of(fleet: &'a Fleet, boards: &'a SensorBank, run: Range<usize>) -> Self {
        let at = || run.clone();
        Self {
            boards: boards.boards_of(fleet, at()),
            quirks: &boards.quirks[at()],
            activity: &fleet.activity[at()],
            memory: &fleet.memory[at()],
            clock_mhz: &fleet.clock_mhz[at()],
            reasons: &fleet.reasons[at()],
            context: &fleet.context[at()],
            throttle_ns: fleet.throttle_ns.each_ref().map(|counter| &counter[at()]),
            fleet,
            first: run.start,
        }
    }

    #[inline(always)]
    fn outputs(&self, k: usize, stamp_us: u64) -> GpuOutputs {
        let readout = self.boards.read(k);
        // `as` cuts: of what is not negative this is the nearest
        let milliwatts = |w: f64| (w * 1e3 + 0.5) as u32;
        let throttle = |t: Throttle| self.throttle_ns[t as usize][k];
        let (activity, memory, reasons) = (self.activity[k], self.memory[k], self.reasons[k]);
        let instant_w = match readout.instant_w {
            Answer::Value(w) => w,
            // the field is not there, but the plain call is
            Answer::NotSupported => readout.power_w,
            Answer::Zero => 0.0,
        };
        GpuOutputs {
            stamp_us,
            energy_mj: readout.energy_mj.or_zero(),
            reasons: u64::from(reasons),
            sw_power_ns: throttle(Throttle::SwPowerCap),
            sync_boost_ns: self.fleet.sync_boost_ns(self.first + k),
            sw_thermal_ns: throttle(Throttle::SwThermal),
            hw_thermal_ns: throttle(Throttle::HwThermal),
            power_brake_ns: throttle(Throttle::PowerBrake),
            memory_used_bytes: if self.context[k] { 64 << 30 } else { 1 << 30 },
            power_average_mw: milliwatts(readout.power_w),
            power_instant_mw: milliwatts(instant_w),
            memory_power_mw: milliwatts(readout.memory_w.or_zero()),
            module_power_mw: 0,
            sm_mhz: Fleet::reported_mhz(self.clock_mhz[k]),
            mem_mhz: readout.memory_mhz,
            die_c: readout.die_c,
            hbm_c: readout.memory_c.or_zero(),
            margin_c: readout.margin_k.or_zero(),
            gpu_percent: (activity.max(memory) * 100.0 + 0.5).clamp(0.0, 100.0) as u32,
            memory_percent: (memory * 100.0 + 0.5).clamp(0.0, 100.0) as u32,
            performance_state: u32::from(reasons & 1 != 0 && !self.context[k]) * 8,
        }
    }
}

/// The bits of the shared page's [`quirk`] that say what this board's driver lacks.
#[must_use]
pub fn quirks(fleet: &Fleet, boards: &SensorBank, g: usize) -> u32 {
    let readout = boards.read(fleet, g);
    let bit = |lacks: bool, bit: u32| if lacks { bit } else { 0 };
    bit(readout.instant_w == Answer::NotSupported, quirk::NO_INSTANT_POWER)
        | bit(readout.margin_k == Answer::NotSupported, quirk::NO_MARGIN | quirk::NO_T_LIMIT)
        | bit(readout.memory_c == Answer::NotSupported, quirk::NO_HBM)
        | bit(readout.energy_mj == Answer::NotSupported, quirk::NO_ENERGY)
        | bit(boards.quirks[g].zeros, quirk::ZERO_STAMPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_truth::gpu::Sku;
    use headroom_truth::gpu::sensor::{Fields, Quirk};

    #[test]
    fn a_board_shows_its_own_watts_late_and_its_gaps_as_quirks() {
        let products = ["h100", "v100-sxm2"].map(|text| (Sku::find(text).unwrap(), 1));
        let mut fleet = Fleet::new(&products, 4);
        fleet.settle();
        let mut boards = SensorBank::new(&fleet, 4);
        fleet.activity.fill(0.8);
        for _ in 0..5 {
            fleet.step(0.1);
            boards.step(&fleet, 0.1);
        }
        let h100 = gpu_outputs(&fleet, &boards, 0, 7);
        assert!(h100.power_instant_mw > h100.power_average_mw + 50_000, "{h100:?}");
        assert!(h100.energy_mj > 0 && h100.memory_power_mw > 20_000 && h100.mem_mhz == 2619);
        let sensed = fleet.power_w[0] * fleet.sensor_gain[0];
        assert!((h100.power_instant_mw as f32 / 1e3 - sensed).abs() < 2.0);
        assert_eq!(quirks(&fleet, &boards, 0), 0);
        let bits = quirks(&fleet, &boards, 1);
        assert_eq!(bits, quirk::NO_INSTANT_POWER | quirk::NO_MARGIN | quirk::NO_T_LIMIT);
        assert_eq!(
            gpu_outputs(&fleet, &boards, 1, 7).power_average_mw,
            gpu_outputs(&fleet, &boards, 1, 7).power_instant_mw
        );
        boards.quirks[0] = Quirk { missing: Fields::MEMORY_TEMPERATURE, zeros: true };
        let silent = gpu_outputs(&fleet, &boards, 0, 7);
        assert_eq!((silent.stamp_us, silent.power_average_mw, silent.energy_mj), (0, 0, 0));
        assert_eq!(quirks(&fleet, &boards, 0), quirk::NO_HBM | quirk::ZERO_STAMPS);
    }
}
