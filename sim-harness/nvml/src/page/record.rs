//! The layout: header and GPU record, every field an atomic of its own.
//!
//! Who writes what: the world writes [`Outputs`] and [`Control`], NVML callers write [`Inputs`], and nobody writes
//! [`Identity`] after the page is made. Each group begins on a cache line of its own.

use super::config::{GpuConfig, Thresholds};
use super::text::Text;
use std::sync::atomic::{
    AtomicI32, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// First word of a finished page: "HRNVMLP" and the layout version.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"HRNVMLP\x01");

/// Slots of the power-sample ring (about two seconds at 60 Hz on real boards).
pub const RING_SLOTS: usize = 128;

/// Start of the file.
#[repr(C, align(128))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) gpu_count: AtomicU32,
    pub(crate) record_bytes: AtomicU32,
    pub(crate) driver_version: Text<10>,
}

/// One GPU.
#[repr(C, align(128))]
pub(crate) struct GpuRecord {
    pub(crate) identity: Identity,
    pub(crate) outputs: Outputs,
    pub(crate) control: Control,
    pub(crate) inputs: Inputs,
    pub(crate) ring: Ring,
}

#[repr(C, align(64))]
pub(crate) struct Identity {
    pub(crate) uuid: Text<6>,
    pub(crate) name: Text<12>,
    pub(crate) serial: Text<4>,
    pub(crate) host: Text<8>,
    pub(crate) memory_bytes: AtomicU64,
    pub(crate) min_limit_mw: AtomicU32,
    pub(crate) max_limit_mw: AtomicU32,
    pub(crate) default_limit_mw: AtomicU32,
    pub(crate) min_sm_mhz: AtomicU32,
    pub(crate) max_sm_mhz: AtomicU32,
    pub(crate) max_mem_mhz: AtomicU32,
    pub(crate) shutdown_c: AtomicI32,
    pub(crate) slowdown_c: AtomicI32,
    pub(crate) gpu_max_c: AtomicI32,
    pub(crate) memory_max_c: AtomicI32,
}

#[repr(C, align(64))]
pub(crate) struct Outputs {
    pub(crate) stamp_us: AtomicU64,
    pub(crate) energy_mj: AtomicU64,
    pub(crate) reasons: AtomicU64,
    pub(crate) sw_power_ns: AtomicU64,
    pub(crate) sync_boost_ns: AtomicU64,
    pub(crate) sw_thermal_ns: AtomicU64,
    pub(crate) hw_thermal_ns: AtomicU64,
    pub(crate) power_brake_ns: AtomicU64,
    pub(crate) memory_used_bytes: AtomicU64,
    pub(crate) power_average_mw: AtomicU32,
    pub(crate) power_instant_mw: AtomicU32,
    pub(crate) memory_power_mw: AtomicU32,
    pub(crate) module_power_mw: AtomicU32,
    pub(crate) sm_mhz: AtomicU32,
    pub(crate) mem_mhz: AtomicU32,
    pub(crate) die_c: AtomicI32,
    pub(crate) hbm_c: AtomicI32,
    pub(crate) margin_c: AtomicI32,
    pub(crate) gpu_percent: AtomicU32,
    pub(crate) memory_percent: AtomicU32,
    pub(crate) performance_state: AtomicU32,
}

/// What the world does to the driver of this GPU.
#[repr(C, align(64))]
pub(crate) struct Control {
    pub(crate) present: AtomicU32,
    pub(crate) quirks: AtomicU32,
    /// Every call on this GPU takes at least this long.
    pub(crate) call_delay_us: AtomicU32,
    /// Limit set out of band (BMC); `u32::MAX` for none. The lowest limit wins.
    pub(crate) oob_limit_mw: AtomicU32,
    /// The enforced limit stands here whatever is asked; 0 for "follows".
    pub(crate) stuck_limit_mw: AtomicU32,
}

/// What NVML callers asked for.
#[repr(C, align(64))]
pub(crate) struct Inputs {
    pub(crate) limit_writes: AtomicU64,
    pub(crate) lock_writes: AtomicU64,
    pub(crate) requested_limit_mw: AtomicU32,
    pub(crate) module_limit_mw: AtomicU32,
    pub(crate) lock_min_mhz: AtomicU32,
    /// 0: no lock.
    pub(crate) lock_max_mhz: AtomicU32,
    pub(crate) persistence: AtomicU32,
}

/// Recent power samples. A slot's stamp is 0 while the slot is being rewritten, so a reader who finds the same
/// stamp before and after has a whole sample.
#[repr(C, align(64))]
pub(crate) struct Ring {
    /// Samples ever written.
    pub(crate) head: AtomicU64,
    pub(crate) slots: [Slot; RING_SLOTS],
}

#[repr(C)]
pub(crate) struct Slot {
    pub(crate) stamp_us: AtomicU64,
    pub(crate) power_mw: AtomicU64,
}

/// What a GPU shows at one instant. The world fills it; integers because NVML's are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GpuOutputs {
    /// Unix time of the values, us.
    pub stamp_us: u64,
    /// Energy since driver load, mJ.
    pub energy_mj: u64,
    /// Clocks-event reasons, NVML's bits.
    pub reasons: u64,
    /// Time under the software power cap since driver load, ns.
    pub sw_power_ns: u64,
    /// Time held back by sync boost, ns.
    pub sync_boost_ns: u64,
    /// Time under software thermal slowdown, ns.
    pub sw_thermal_ns: u64,
    /// Time under hardware thermal slowdown, ns.
    pub hw_thermal_ns: u64,
    /// Time under the external power brake, ns.
    pub power_brake_ns: u64,
    /// Memory in use, bytes.
    pub memory_used_bytes: u64,
    /// One-second average board power, mW.
    pub power_average_mw: u32,
    /// Instantaneous board power, mW.
    pub power_instant_mw: u32,
    /// Power of the memory, mW.
    pub memory_power_mw: u32,
    /// Power of the module (superchips), mW.
    pub module_power_mw: u32,
    /// SM clock, MHz.
    pub sm_mhz: u32,
    /// Memory clock, MHz.
    pub mem_mhz: u32,
    /// Die temperature, degC.
    pub die_c: i32,
    /// HBM temperature, degC.
    pub hbm_c: i32,
    /// Kelvin left before software thermal slowdown; hardware slowdown begins below zero.
    pub margin_c: i32,
    /// Share of time with a kernel running, percent.
    pub gpu_percent: u32,
    /// Share of time with memory traffic, percent.
    pub memory_percent: u32,
    /// Performance state, 0 to 15.
    pub performance_state: u32,
}

/// What NVML callers have asked of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuRequests {
    /// Power limit asked for last, mW.
    pub requested_limit_mw: u32,
    /// Limit in force: the lowest of asked and out of band, unless it is stuck, mW.
    pub enforced_limit_mw: u32,
    /// Limit of the module (superchips), mW.
    pub module_limit_mw: u32,
    /// Clock lock, lowest and highest MHz.
    pub lock_mhz: Option<(u32, u32)>,
    /// Persistence mode.
    pub persistence: bool,
    /// Accepted writes of power limits.
    pub limit_writes: u64,
    /// Accepted writes of clock locks, resets included.
    pub lock_writes: u64,
}

macro_rules! move_outputs {
    ($($field:ident),* $(,)?) => {
        impl Outputs {
            pub(crate) fn store(&self, out: &GpuOutputs) {
                $(self.$field.store(out.$field, Relaxed);)*
            }
            pub(crate) fn load(&self) -> GpuOutputs {
                GpuOutputs { $($field: self.$field.load(Relaxed)),* }
            }
        }
    };
}

// The stamp comes last: a value may be newer than its stamp says, never older.
move_outputs!(
    energy_mj,
    reasons,
    sw_power_ns,
    sync_boost_ns,
    sw_thermal_ns,
    hw_thermal_ns,
    power_brake_ns,
    memory_used_bytes,
    power_average_mw,
    power_instant_mw,
    memory_power_mw,
    module_power_mw,
    sm_mhz,
    mem_mhz,
    die_c,
    hbm_c,
    margin_c,
    gpu_percent,
    memory_percent,
    performance_state,
    stamp_us,
);

impl GpuRecord {
    /// Fills the record of a page under construction.
    pub(crate) fn initialise(&self, config: &GpuConfig) {
        let id = &self.identity;
        id.uuid.set(&config.uuid);
        id.name.set(&config.name);
        id.serial.set(&config.serial);
        id.host.set(&config.host);
        id.memory_bytes.store(config.memory_bytes, Relaxed);
        id.min_limit_mw.store(config.min_limit_mw, Relaxed);
        id.max_limit_mw.store(config.max_limit_mw, Relaxed);
        id.default_limit_mw.store(config.default_limit_mw, Relaxed);
        id.min_sm_mhz.store(config.min_sm_mhz, Relaxed);
        id.max_sm_mhz.store(config.max_sm_mhz, Relaxed);
        id.max_mem_mhz.store(config.max_mem_mhz, Relaxed);
        let Thresholds { shutdown_c, slowdown_c, gpu_max_c, memory_max_c } = config.thresholds;
        id.shutdown_c.store(shutdown_c, Relaxed);
        id.slowdown_c.store(slowdown_c, Relaxed);
        id.gpu_max_c.store(gpu_max_c, Relaxed);
        id.memory_max_c.store(memory_max_c, Relaxed);
        self.control.present.store(1, Relaxed);
        self.control.quirks.store(config.quirks, Relaxed);
        self.control.oob_limit_mw.store(u32::MAX, Relaxed);
        self.forget_requests();
    }

    /// What a driver reload does: limits and locks are gone.
    pub(crate) fn forget_requests(&self) {
        let default = self.identity.default_limit_mw.load(Relaxed);
        self.inputs.requested_limit_mw.store(default, Relaxed);
        self.inputs.module_limit_mw.store(self.identity.max_limit_mw.load(Relaxed), Relaxed);
        self.inputs.lock_min_mhz.store(0, Relaxed);
        self.inputs.lock_max_mhz.store(0, Relaxed);
        self.inputs.persistence.store(0, Relaxed);
    }

    /// Changes places with another GPU of the same product.
    pub(crate) fn exchange(&self, other: &Self) {
        let uuid = self.identity.uuid.get();
        self.identity.uuid.set(&other.identity.uuid.get());
        other.identity.uuid.set(&uuid);
        let (ours, theirs) = (&self.inputs, &other.inputs);
        for (a, b) in [
            (&ours.requested_limit_mw, &theirs.requested_limit_mw),
            (&ours.module_limit_mw, &theirs.module_limit_mw),
            (&ours.lock_min_mhz, &theirs.lock_min_mhz),
            (&ours.lock_max_mhz, &theirs.lock_max_mhz),
            (&ours.persistence, &theirs.persistence),
        ] {
            a.store(b.swap(a.load(Relaxed), Relaxed), Relaxed);
        }
    }

    /// The limit in force, mW.
    pub(crate) fn enforced_limit_mw(&self) -> u32 {
        let asked = self.inputs.requested_limit_mw.load(Relaxed);
        match self.control.stuck_limit_mw.load(Relaxed) {
            0 => asked.min(self.control.oob_limit_mw.load(Relaxed)),
            stuck => stuck,
        }
    }

    /// Everything asked for so far.
    pub(crate) fn requests(&self) -> GpuRequests {
        let lock_max = self.inputs.lock_max_mhz.load(Relaxed);
        let lock_min = self.inputs.lock_min_mhz.load(Relaxed);
        GpuRequests {
            requested_limit_mw: self.inputs.requested_limit_mw.load(Relaxed),
            enforced_limit_mw: self.enforced_limit_mw(),
            module_limit_mw: self.inputs.module_limit_mw.load(Relaxed),
            lock_mhz: (lock_max != 0).then_some((lock_min, lock_max)),
            persistence: self.inputs.persistence.load(Relaxed) != 0,
            limit_writes: self.inputs.limit_writes.load(Relaxed),
            lock_writes: self.inputs.lock_writes.load(Relaxed),
        }
    }
}

impl Ring {
    /// Adds a sample (one writer).
    pub(crate) fn push(&self, stamp_us: u64, power_mw: u32) {
        let head = self.head.load(Relaxed);
        if let Some(slot) = self.slots.get(head as usize % RING_SLOTS) {
            slot.stamp_us.store(0, Relaxed);
            slot.power_mw.store(u64::from(power_mw), Release);
            slot.stamp_us.store(stamp_us, Release);
        }
        self.head.store(head + 1, Release);
    }

    /// Hands over the samples newer than `since_us`, oldest first.
    pub(crate) fn since(&self, since_us: u64, mut f: impl FnMut(u64, u32)) {
        let head = self.head.load(Acquire);
        for k in head.saturating_sub(RING_SLOTS as u64)..head {
            let Some(slot) = self.slots.get(k as usize % RING_SLOTS) else { continue };
            let stamp = slot.stamp_us.load(Acquire);
            let power = slot.power_mw.load(Acquire);
            if stamp != 0 && stamp > since_us && slot.stamp_us.load(Acquire) == stamp {
                f(stamp, power as u32);
            }
        }
    }
}
