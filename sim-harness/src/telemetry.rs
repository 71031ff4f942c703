//! What a GPU of the world shows through NVML: integers, board gain and the order of the counters.
//!
//! One function for both ways out: the shared page of our NVML library (wires) and virtual time, so that the two show
//! the same plant.

use headroom_nvml_abi::page::GpuOutputs;
use headroom_truth::gpu::{Fleet, Throttle};

/// What GPU `g` shows at an instant (Unix us). At steps of a second the mean of the step is both the average and the
/// instantaneous power.
#[must_use]
pub fn gpu_outputs(fleet: &Fleet, g: usize, stamp_us: u64) -> GpuOutputs {
    let milliwatts = (fleet.sensed_power_w(g) * 1e3).round().max(0.0) as u32;
    let throttle = |t: Throttle| fleet.throttle_ns[t as usize][g];
    let busy = fleet.activity[g].max(fleet.memory[g]);
    GpuOutputs {
        stamp_us,
        energy_mj: fleet.energy_mj[g].max(0.0) as u64,
        reasons: u64::from(fleet.reasons[g]),
        sw_power_ns: throttle(Throttle::SwPowerCap),
        sync_boost_ns: 0,
        sw_thermal_ns: throttle(Throttle::SwThermal),
        hw_thermal_ns: throttle(Throttle::HwThermal),
        power_brake_ns: throttle(Throttle::PowerBrake),
        memory_used_bytes: if fleet.context[g] { 64 << 30 } else { 1 << 30 },
        power_average_mw: milliwatts,
        power_instant_mw: milliwatts,
        memory_power_mw: 0,
        module_power_mw: 0,
        sm_mhz: fleet.reported_clock_mhz(g),
        mem_mhz: 2619,
        die_c: fleet.die_c[g].round() as i32,
        hbm_c: fleet.hbm_c[g].round() as i32,
        margin_c: fleet.thermal_margin_k(g).floor() as i32,
        gpu_percent: (busy * 100.0).round().clamp(0.0, 100.0) as u32,
        memory_percent: (fleet.memory[g] * 100.0).round().clamp(0.0, 100.0) as u32,
        performance_state: u32::from(fleet.reasons[g] & 1 != 0 && !fleet.context[g]) * 8,
    }
}
