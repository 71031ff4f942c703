//! A page in a temporary place, and a process of its own for each test: the library reads its environment once and
//! is shared by a whole process.

use headroom_drivers::nvml::NvmlHost;
use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use std::path::PathBuf;
use std::process::Command;

const CHILD: &str = "HEADROOM_TEST_CHILD";

/// Runs `body` in a child process of this test executable, with a page path in its environment.
pub(crate) fn isolated(test: &str, env: &[(&str, &str)], body: impl FnOnce(PathBuf)) {
    let page =
        std::env::temp_dir().join(format!("headroom-{}-{}.page", std::process::id(), test.replace(':', "-")));
    if std::env::var(CHILD).as_deref() == Ok(test) {
        return body(PathBuf::from(std::env::var_os(headroom_nvml_abi::PAGE_ENV).unwrap()));
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).env(CHILD, test).env(headroom_nvml_abi::PAGE_ENV, &page);
    let output = child.envs(env.iter().copied()).output().unwrap();
    let _ = std::fs::remove_file(&page);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
}

pub(crate) fn uuid(n: usize) -> String {
    format!("GPU-00000000-0000-4000-8000-{n:012x}")
}

pub(crate) fn busy() -> GpuOutputs {
    GpuOutputs {
        stamp_us: 1_790_000_000_000_000,
        energy_mj: 5_000_000,
        reasons: 0x24,
        sw_power_ns: 74,
        sync_boost_ns: 76,
        sw_thermal_ns: 251,
        hw_thermal_ns: 252,
        power_brake_ns: 0,
        power_average_mw: 500_000,
        power_instant_mw: 612_345,
        sm_mhz: 1755,
        mem_mhz: 2619,
        die_c: 61,
        hbm_c: 70,
        margin_c: -3,
        gpu_percent: 99,
        ..GpuOutputs::default()
    }
}

pub(crate) fn world(page: &std::path::Path, driver: &str, gpus: usize) -> PageWriter {
    let gpu = |n| GpuConfig::h100_sxm(&uuid(n), "node-01");
    let config = PageConfig { driver_version: driver.into(), gpus: (0..gpus).map(gpu).collect() };
    let world = PageWriter::create(page, &config).unwrap();
    (0..gpus).for_each(|n| world.publish(n, &busy()));
    world
}

pub(crate) fn host() -> NvmlHost {
    NvmlHost::open(headroom_nvml_abi::library_path().as_deref()).unwrap()
}
