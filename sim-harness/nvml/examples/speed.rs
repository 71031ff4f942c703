//! Prints what a call costs: one batch of twelve fields, one getter, one setter with read-back.
//!
//! `cargo run --release -p headroom-nvml-abi --example speed`
#![allow(unsafe_code, reason = "calls the batched getter as an agent does, without the binding's allocation")]

use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use nvml_wrapper::Nvml;
use nvml_wrapper_sys::bindings::nvmlFieldValue_t;
use std::time::Instant;

const CALLS: u32 = 200_000;

fn measure(what: &str, mut f: impl FnMut()) {
    let begun = Instant::now();
    (0..CALLS).for_each(|_| f());
    println!("{what:<40} {:>8.1} ns", begun.elapsed().as_nanos() as f64 / f64::from(CALLS));
}

fn bench() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::var_os(headroom_nvml_abi::PAGE_ENV).ok_or("started without a page")?;
    let gpu = |n: usize| GpuConfig::h100_sxm(&format!("GPU-{n:08}"), "node-01");
    let config = PageConfig { driver_version: "580.82.07".into(), gpus: (0..512).map(gpu).collect() };
    let world = PageWriter::create(std::path::Path::new(&path), &config)?;
    let library = headroom_nvml_abi::library_path().ok_or("build the library first")?;
    let nvml = Nvml::builder().lib_path(library.as_os_str()).init()?;
    let mut device = nvml.device_by_index(100)?;
    // SAFETY: the handle is used while `nvml` lives.
    let handle = unsafe { device.handle() };
    // SAFETY: all zeros is a field value.
    let mut fields: [nvmlFieldValue_t; 12] = unsafe { std::mem::zeroed() };
    for (field, id) in fields.iter_mut().zip([186, 185, 190, 192, 82, 83, 74, 76, 269, 270, 271, 194]) {
        field.fieldId = id;
    }
    measure("GetFieldValues, 12 fields", || {
        // SAFETY: twelve field values of ours.
        unsafe { nvml.lib().nvmlDeviceGetFieldValues(handle, 12, fields.as_mut_ptr()) };
    });
    measure("GetPowerUsage", || drop(device.power_usage()));
    measure("SetPowerManagementLimit + read back", || {
        let _ = device.set_power_management_limit(450_000);
        let _ = device.enforced_power_limit();
    });
    let outputs = GpuOutputs::default();
    measure("publish one GPU", || world.publish(100, &outputs));
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os(headroom_nvml_abi::PAGE_ENV).is_some() {
        return bench();
    }
    // The library reads its environment in the process that loads it.
    let page = std::env::temp_dir().join(format!("headroom-speed-{}.page", std::process::id()));
    let status = std::process::Command::new(std::env::current_exe()?)
        .env(headroom_nvml_abi::PAGE_ENV, &page)
        .status()?;
    std::fs::remove_file(&page)?;
    if status.success() { Ok(()) } else { Err("the measurement failed".into()) }
}
