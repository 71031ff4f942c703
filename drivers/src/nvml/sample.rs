//! One look at one board: which calls, and what their answers mean.
//!
//! One batched field query (one trip through the driver's lock), then the getters that have no field. Answers are
//! matched by position. A value that is not there stays `None` and leaves its reason in the board's qualities:
//!
//! | answer | quality |
//! | --- | --- |
//! | value with a stamp | good |
//! | `NOT_SUPPORTED`, or the symbol is missing | bad: not supported |
//! | success with value 0 and stamp 0; 0 degC of HBM | bad: no-sensor value |
//! | `GPU_IS_LOST` | bad: no communication |
//! | anything else | bad: device failure |

use super::raw::{Field, Handle, Library, Number};
use headroom_site::{GpuSample, Quality, Reason, Stamp};
use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy, TemperatureSensor};
use nvml_wrapper::error::NvmlError as Call;

/// What is read of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Instant power (field 186).
    Power,
    /// Average power (field 185).
    PowerAverage,
    /// Enforced limit (field 190).
    EnforcedCap,
    /// Memory temperature (field 82).
    Hbm,
    /// Energy counter (field 83).
    Energy,
    /// Counter of software power capping (field 74).
    SwPowerCap,
    /// Counter of software thermal slowdown.
    SwThermal,
    /// Counter of hardware thermal slowdown.
    HwThermal,
    /// Counter of the power brake.
    PowerBrake,
    /// SM clock.
    Clock,
    /// Memory clock.
    MemoryClock,
    /// Die temperature.
    Die,
    /// Margin to slowdown.
    Margin,
    /// Clocks-event reasons.
    Reasons,
    /// Utilisation.
    Utilisation,
}

impl Quantity {
    /// All of them, in the order of a board's qualities.
    pub const ALL: [Self; 15] = [
        Self::Power,
        Self::PowerAverage,
        Self::EnforcedCap,
        Self::Hbm,
        Self::Energy,
        Self::SwPowerCap,
        Self::SwThermal,
        Self::HwThermal,
        Self::PowerBrake,
        Self::Clock,
        Self::MemoryClock,
        Self::Die,
        Self::Margin,
        Self::Reasons,
        Self::Utilisation,
    ];
}

/// Quality of every [`Quantity`], by its place in [`Quantity::ALL`].
pub(super) type Qualities = [Quality; Quantity::ALL.len()];

/// What was never asked for yet.
pub(super) const NEVER: Qualities = [Quality::Bad(Reason::NeverSeen); Quantity::ALL.len()];

fn why(call: &Call) -> Quality {
    Quality::Bad(match call {
        Call::NotSupported | Call::FailedToLoadSymbol(_) => Reason::NotSupported,
        Call::GpuLost => Reason::NoCommunication,
        _ => Reason::DeviceFailure,
    })
}

/// Keeps the value and notes the quality.
fn keep<T>(qualities: &mut Qualities, of: Quantity, answer: Result<T, Quality>) -> Option<T> {
    let (value, quality) = match answer {
        Ok(value) => (Some(value), Quality::Good),
        Err(quality) => (None, quality),
    };
    qualities[of as usize] = quality;
    value
}

fn field(field: &Field) -> Result<Number, Quality> {
    match &field.number {
        Ok(number) if field.stamp_us == 0 && number.f64() == 0.0 => Err(Quality::Bad(Reason::Sentinel)),
        Ok(number) => Ok(*number),
        Err(call) => Err(why(call)),
    }
}

fn watts(milliwatts: Number) -> f32 {
    (milliwatts.f64() * 1e-3) as f32
}

/// Reads one board.
pub(super) fn take(
    library: &Library,
    handle: Handle,
    now: Stamp,
    qualities: &mut Qualities,
) -> Result<GpuSample, Call> {
    let [sw_thermal, hw_thermal, brake] = library.counters();
    let answers = library.fields(handle, [186, 185, 190, 82, 83, 74, sw_thermal, hw_thermal, brake])?;
    let stamped = answers.iter().map(|answer| answer.stamp_us).find(|stamp_us| *stamp_us > 0);
    let [power, average, cap, hbm, energy, counters @ ..] = answers;
    let q = qualities;
    let mut sample = GpuSample {
        stamp: stamped.map_or(now, |us| Stamp::from_unix_ns(us.saturating_mul(1000))),
        power_w: keep(q, Quantity::Power, field(&power)).map(watts).into(),
        power_average_w: keep(q, Quantity::PowerAverage, field(&average)).map(watts).into(),
        enforced_cap_w: keep(q, Quantity::EnforcedCap, field(&cap)).map(watts).into(),
        hbm_c: keep(q, Quantity::Hbm, field(&hbm).and_then(not_zero)).map(|n| n.f64() as f32).into(),
        energy_j: keep(q, Quantity::Energy, field(&energy)).map(|n| n.f64() * 1e-3).into(),
        ..GpuSample::default()
    };
    let of = [Quantity::SwPowerCap, Quantity::SwThermal, Quantity::HwThermal, Quantity::PowerBrake];
    for ((slot, answer), of) in sample.throttle_ns.iter_mut().zip(&counters).zip(of) {
        // A counter may well stand at zero; its stamp tells whether it was read.
        *slot = keep(q, of, field(answer)).map(Number::u64).into();
    }
    getters(library, handle, &mut sample, q);
    older_drivers(library, handle, &mut sample, q);
    Ok(sample)
}

fn not_zero(number: Number) -> Result<Number, Quality> {
    if number.f64() == 0.0 { Err(Quality::Bad(Reason::Sentinel)) } else { Ok(number) }
}

/// What has no field.
fn getters(library: &Library, handle: Handle, sample: &mut GpuSample, q: &mut Qualities) {
    let device = library.device(handle);
    let mhz = |clock| device.clock_info(clock).map(|mhz| mhz as f32).map_err(|e| why(&e));
    sample.clock_mhz = keep(q, Quantity::Clock, mhz(Clock::SM)).into();
    sample.memory_clock_mhz = keep(q, Quantity::MemoryClock, mhz(Clock::Memory)).into();
    let die = device.temperature(TemperatureSensor::Gpu).map(|c| c as f32).map_err(|e| why(&e));
    sample.die_c = keep(q, Quantity::Die, die).into();
    let margin = library.margin(handle).map(|k| k as f32).map_err(|e| why(&e));
    sample.margin_k = keep(q, Quantity::Margin, margin).into();
    let reasons = device.current_throttle_reasons().map(|bits| bits.bits() as u32).map_err(|e| why(&e));
    sample.reasons = keep(q, Quantity::Reasons, reasons).unwrap_or(0);
    let busy = device.utilization_rates().map(|u| u.gpu as f32 / 100.0).map_err(|e| why(&e));
    sample.utilisation = keep(q, Quantity::Utilisation, busy).into();
}

/// Drivers without the fields have older calls for some of them.
fn older_drivers(library: &Library, handle: Handle, sample: &mut GpuSample, q: &mut Qualities) {
    let device = library.device(handle);
    if sample.power_average_w.is_none() {
        let average = device.power_usage().map(|mw| (f64::from(mw) * 1e-3) as f32).map_err(|e| why(&e));
        sample.power_average_w = keep(q, Quantity::PowerAverage, average).into();
    }
    if sample.enforced_cap_w.is_none() {
        let cap = device.enforced_power_limit().map(|mw| (f64::from(mw) * 1e-3) as f32).map_err(|e| why(&e));
        sample.enforced_cap_w = keep(q, Quantity::EnforcedCap, cap).into();
    }
    // Thermal violation time is software and hardware together; it is booked as software, the rarer alarm staying clean.
    let older = [
        (0, Quantity::SwPowerCap, PerformancePolicy::Power),
        (1, Quantity::SwThermal, PerformancePolicy::Thermal),
    ];
    for (slot, of, policy) in older {
        if sample.throttle_ns[slot].is_none() {
            let ns = device.violation_status(policy).map(|t| t.violation_time).map_err(|e| why(&e));
            sample.throttle_ns[slot] = keep(q, of, ns).into();
        }
    }
}
