//! What DCGM's exporter calls its fields.
//!
//! Responsible for: the names of each field by version, their units, and DCGM's marks for "no value". Not for: reading pages.
//!
//! A page names fields by their macros, never by their ids. DCGM 4.6 renamed many (the ids stayed), and 4.7 added some in base
//! units under new ids: MHz became Hz, mJ became J. All of them are known here. Utilisation is taken only under its old name,
//! a percentage: the new one (`DCGM_FI_DEV_GPU_UTIL_RATIO`) was a percentage in 4.6 and is a ratio since.
//!
//! The two old counters of violation time (240, 241) are what NVML says, nanoseconds, whatever the help texts of older exporters
//! say. Heat in hardware and in software is one counter there; it is booked as software, as where NVML has no better.

use headroom_site::GpuSample;
use headroom_site::Offered;

/// A field of a GPU: its id, the names it may have with the factor to our unit, and where it goes.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) id: u16,
    pub(super) names: &'static [(&'static str, f64)],
    /// False for a counter, which may have any value.
    gauge: bool,
    /// What a page ought to have.
    pub(super) wanted: bool,
    put: fn(&mut GpuSample, f64),
}

const fn gauge(id: u16, names: &'static [(&'static str, f64)], put: fn(&mut GpuSample, f64)) -> Field {
    Field { id, names, gauge: true, wanted: true, put }
}

const fn counter(id: u16, names: &'static [(&'static str, f64)], put: fn(&mut GpuSample, f64)) -> Field {
    Field { id, names, gauge: false, wanted: true, put }
}

const fn unwanted(field: Field) -> Field {
    Field { wanted: false, ..field }
}

/// All of them. Where two give the same quantity, the better one stands later.
pub(super) const FIELDS: &[Field] = &[
    gauge(100, &[("DCGM_FI_DEV_SM_CLOCK", 1.0), ("DCGM_FI_DEV_SM_CLOCK_HERTZ", 1e-6)], |s, v| {
        s.clock_mhz = Offered::new(v as f32);
    }),
    unwanted(gauge(
        101,
        &[("DCGM_FI_DEV_MEM_CLOCK", 1.0), ("DCGM_FI_DEV_MEMORY_CLOCK_HERTZ", 1e-6)],
        |s, v| {
            s.memory_clock_mhz = Offered::new(v as f32);
        },
    )),
    gauge(140, &[("DCGM_FI_DEV_MEMORY_TEMP", 1.0), ("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS", 1.0)], |s, v| {
        // 0 is what a board without that sensor says.
        s.hbm_c = Some(v as f32).filter(|c| *c > 0.0).into();
    }),
    gauge(150, &[("DCGM_FI_DEV_GPU_TEMP", 1.0), ("DCGM_FI_DEV_GPU_TEMP_CELSIUS", 1.0)], |s, v| {
        s.die_c = Offered::new(v as f32);
    }),
    gauge(
        153,
        &[("DCGM_FI_DEV_GPU_TEMP_LIMIT", 1.0), ("DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS", 1.0)],
        |s, v| {
            s.margin_k = Offered::new(v as f32);
        },
    ),
    gauge(155, &[("DCGM_FI_DEV_POWER_USAGE", 1.0), ("DCGM_FI_DEV_BOARD_POWER_WATTS", 1.0)], |s, v| {
        s.power_average_w = Offered::new(v as f32);
    }),
    unwanted(gauge(
        157,
        &[("DCGM_FI_DEV_POWER_USAGE_INSTANT", 1.0), ("DCGM_FI_DEV_BOARD_POWER_RAW_WATTS", 1.0)],
        |s, v| s.power_w = Offered::new(v as f32),
    )),
    counter(
        156,
        &[("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 1e-3), ("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", 1.0)],
        |s, v| s.energy_j = Offered::new(v),
    ),
    gauge(
        164,
        &[("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", 1.0), ("DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", 1.0)],
        |s, v| s.enforced_cap_w = Offered::new(v as f32),
    ),
    unwanted(gauge(203, &[("DCGM_FI_DEV_GPU_UTIL", 1e-2)], |s, v| s.utilisation = Offered::new(v as f32))),
    unwanted(gauge(
        112,
        &[("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", 1.0), ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", 1.0)],
        |s, v| s.reasons = v as u32,
    )),
    unwanted(counter(240, &[("DCGM_FI_DEV_POWER_VIOLATION", 1.0)], |s, v| {
        s.throttle_ns[0] = Offered::new(v as u64);
    })),
    unwanted(counter(241, &[("DCGM_FI_DEV_THERMAL_VIOLATION", 1.0)], |s, v| {
        s.throttle_ns[1] = Offered::new(v as u64);
    })),
    counter(1420, &[("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS", 1.0)], |s, v| {
        s.throttle_ns[0] = Offered::new(v as u64);
    }),
    counter(1422, &[("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS", 1.0)], |s, v| {
        s.throttle_ns[1] = Offered::new(v as u64);
    }),
    counter(1423, &[("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS", 1.0)], |s, v| {
        s.throttle_ns[2] = Offered::new(v as u64);
    }),
    counter(1424, &[("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS", 1.0)], |s, v| {
        s.throttle_ns[3] = Offered::new(v as u64);
    }),
];

/// Values from these on are DCGM's marks (`dcgm_structs.h`): blank, not found, not supported, not permitted.
const INT32_BLANK: f64 = 2_147_483_632.0;
const FP64_BLANK: f64 = 140_737_488_355_328.0;
const INT64_BLANK: f64 = 9_223_372_036_854_775_792.0;
/// How many marks of a kind there may be.
const MARKS: f64 = 16.0;

impl Field {
    /// Whether a value is one, and no mark for "no value". No field is as far below zero as the marks are above it.
    pub(super) fn is_value(&self, value: f64) -> bool {
        let marked = |blank: f64| (blank..blank + MARKS).contains(&value);
        let blank = value >= INT64_BLANK || (self.gauge && (marked(INT32_BLANK) || marked(FP64_BLANK)));
        !blank && value > -INT64_BLANK && (self.gauge || value >= 0.0)
    }

    /// Puts a value, in our unit, into a sample.
    pub(super) fn put(&self, sample: &mut GpuSample, value: f64) {
        (self.put)(sample, value);
    }

    /// What a page without it is told.
    pub(super) fn missing(&self) -> String {
        let names: Vec<_> = self.names.iter().map(|(name, _)| *name).collect();
        format!("field {} ({}) is not on the page", self.id, names.join(" or "))
    }
}
