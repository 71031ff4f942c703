//! Shared by the tests: a page in a temporary place, and a process of its own for each test, because the library
//! reads its environment once and is shared by a whole process.
#![allow(dead_code, reason = "not every test file uses everything")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test helpers")]

use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use nvml_wrapper::Nvml;
use std::path::PathBuf;
use std::process::Command;

const CHILD: &str = "HEADROOM_TEST_CHILD";

/// Runs `body` in a child process of this test executable, with a page path and `env` in its environment.
pub(crate) fn isolated(test: &str, env: &[(&str, &str)], body: impl FnOnce(PathBuf)) {
    let page = std::env::temp_dir().join(format!("headroom-{}-{test}.page", std::process::id()));
    if std::env::var(CHILD).as_deref() == Ok(test) {
        return body(PathBuf::from(std::env::var_os(headroom_nvml_abi::PAGE_ENV).unwrap()));
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).env(CHILD, test).env(headroom_nvml_abi::PAGE_ENV, &page);
    child.env_remove(headroom_nvml_abi::HOST_ENV).env_remove(headroom_nvml_abi::DENY_WRITES_ENV);
    let output = child.envs(env.iter().copied()).output().unwrap();
    let _ = std::fs::remove_file(&page);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
}

pub(crate) fn uuid(n: usize) -> String {
    format!("GPU-00000000-0000-4000-8000-{n:012x}")
}

/// A page of `gpus` H100s, eight per host.
pub(crate) fn config(driver: &str, gpus: usize) -> PageConfig {
    let gpu = |n: usize| GpuConfig::h100_sxm(&uuid(n), &format!("node-{:02}", n / 8 + 1));
    PageConfig { driver_version: driver.into(), gpus: (0..gpus).map(gpu).collect() }
}

pub(crate) fn busy() -> GpuOutputs {
    GpuOutputs {
        stamp_us: 1_790_000_000_000_000,
        energy_mj: 5_000_000_000_000,
        reasons: 0x24,
        sw_power_ns: 74,
        sync_boost_ns: 76,
        sw_thermal_ns: 251,
        hw_thermal_ns: 252,
        power_brake_ns: 253,
        memory_used_bytes: 40 << 30,
        power_average_mw: 500_000,
        power_instant_mw: 612_345,
        memory_power_mw: 60_000,
        module_power_mw: 0,
        sm_mhz: 1755,
        mem_mhz: 2619,
        die_c: 61,
        hbm_c: 70,
        margin_c: -3,
        gpu_percent: 99,
        memory_percent: 40,
        performance_state: 0,
    }
}

pub(crate) fn with_page(path: &std::path::Path, driver: &str, gpus: usize) -> PageWriter {
    let writer = PageWriter::create(path, &config(driver, gpus)).unwrap();
    (0..gpus).for_each(|gpu| writer.publish(gpu, &busy()));
    writer
}

pub(crate) fn nvml() -> Nvml {
    let library = headroom_nvml_abi::library_path().expect("cargo has built the library");
    Nvml::builder().lib_path(library.as_os_str()).init().unwrap()
}
