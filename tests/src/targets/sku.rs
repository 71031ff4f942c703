//! GPU products.

use super::Target;
use super::text::{findings_stand, text};
use headroom_truth::gpu::{Cooler, Sku};

const FILE: &str = "sku.toml";

/// Product files.
pub const SKU: Target = Target { name: "sku", body: read, bytes_per_byte: 1 << 10 };

fn read(input: &[u8]) {
    let text = text(input);
    match Sku::read_named(FILE, &text) {
        Ok(sku) => stands(&sku),
        Err(findings) => findings_stand(FILE, &text, &findings),
    }
}

/// Every figure is finite, limits are in order, and what is divided by is above zero.
fn stands(sku: &Sku) {
    let all = [
        sku.base_w,
        sku.hbm_idle_w,
        sku.hbm_w,
        sku.leak_w,
        sku.leak_per_k,
        sku.clock_tree_w,
        sku.memory_clock_mhz,
        sku.hbm_r_kpw,
        sku.brake_hold_s,
        sku.sensor.delay_s,
        sku.sensor.lag_s,
    ];
    assert!(all.iter().all(|x| x.is_finite() && *x >= 0.0), "{sku:?}");
    let limits = [sku.max_operating_c, sku.slowdown_c, sku.shutdown_c, sku.hbm_max_c, sku.cap_max_w];
    assert!(limits.iter().chain([&sku.clock_max_mhz]).all(|x| x.is_finite()), "{sku:?}");
    assert!(0.0 < sku.cap_min_w && sku.cap_min_w <= sku.tdp_w && sku.tdp_w <= sku.cap_max_w, "{sku:?}");
    assert!(0.0 < sku.clock_min_mhz && sku.clock_min_mhz <= sku.clock_idle_mhz, "{sku:?}");
    assert!(sku.clock_idle_mhz <= sku.clock_max_mhz, "{sku:?}");
    assert!(sku.max_operating_c < sku.slowdown_c && sku.slowdown_c < sku.shutdown_c, "{sku:?}");
    let divisors = [
        sku.core_w,
        sku.r1_kpw,
        sku.r2_kpw,
        sku.tau1_s,
        sku.tau2_s,
        sku.hbm_tau_s,
        sku.hbm_coupling,
        sku.sensor.refresh_s,
        sku.sensor.window_s,
        sku.sensor.energy_refresh_s,
    ];
    assert!(divisors.iter().all(|x| x.is_finite() && *x > 0.0) && sku.tau1_s < sku.tau2_s, "{sku:?}");
    let spread = [sku.spread.power, sku.spread.leakage, sku.spread.thermal, sku.spread.sensor_gain];
    assert!(spread.iter().chain([&sku.slowdown_clock]).all(|x| (0.0..=1.0).contains(x)), "{sku:?}");
    [Some(sku.cooler), sku.other_cooler].into_iter().flatten().for_each(cools);
    for share in [0.0, 0.2, 0.5, 0.9, 1.0, 1.5] {
        let voltage = sku.voltage_at(share * sku.clock_max_mhz);
        assert!(voltage > 0.0 && voltage <= 1.0 + 1e-9, "{voltage} of the top voltage: {sku:?}");
    }
}

/// Heat finds its way at any flow, and more flow is never worse.
fn cools(cooler: Cooler) {
    assert!(cooler.capacity_jpk.is_finite() && cooler.capacity_jpk > 0.0, "{cooler:?}");
    assert!(cooler.captured > 0.0 && cooler.captured <= 1.0, "{cooler:?}");
    let resistances = [0.0, 0.5, 1.0, 2.0].map(|flow| cooler.resistance_kpw(flow));
    assert!(resistances.iter().all(|r| r.is_finite() && *r > 0.0), "{resistances:?}: {cooler:?}");
    assert!(resistances.windows(2).all(|w| w[0] >= w[1]), "{resistances:?}: {cooler:?}");
}
