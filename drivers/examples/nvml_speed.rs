//! Prints what one look at a GPU and one cap with read-back cost.
//!
//! `HEADROOM_NVML_PAGE=... cargo run --release -p headroom-drivers --example nvml_speed [LIBRARY]`; without a library
//! it makes a page of 512 GPUs and measures the harness's own.

use headroom_drivers::nvml::NvmlHost;
use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use headroom_site::Stamp;
use std::path::Path;
use std::time::Instant;

fn measure(library: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut host = NvmlHost::open(Some(library))?;
    let uuids: Vec<String> = host.uuids().map(str::to_owned).collect();
    let rounds = 200_000 / uuids.len().max(1);
    let begun = Instant::now();
    for _ in 0..rounds {
        for gpu in 0..uuids.len() {
            std::hint::black_box(host.sample(gpu, Stamp::default())?);
        }
    }
    let looks = (rounds * uuids.len()) as f64;
    println!("{} GPUs: one look {:.0} ns", uuids.len(), begun.elapsed().as_nanos() as f64 / looks);
    let limits = host.limits(&uuids[0])?;
    let begun = Instant::now();
    for _ in 0..100_000 {
        std::hint::black_box(host.set_cap(&uuids[0], limits.requested_mw)?);
    }
    println!("one cap with identity check and read-back {:.0} ns", begun.elapsed().as_nanos() as f64 / 1e5);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(library) = std::env::args_os().nth(1) {
        return measure(Path::new(&library));
    }
    let library = headroom_nvml_abi::library_path().ok_or("build the library first")?;
    let page = std::env::temp_dir().join(format!("headroom-speed-{}.page", std::process::id()));
    let gpu = |n: usize| GpuConfig::h100_sxm(&format!("GPU-{n:08}"), "node-01");
    let config = PageConfig { driver_version: "580.82.07".into(), gpus: (0..512).map(gpu).collect() };
    let world = PageWriter::create(&page, &config)?;
    (0..512).for_each(|n| world.publish(n, &GpuOutputs { stamp_us: 1, hbm_c: 50, ..GpuOutputs::default() }));
    // The library reads its environment in the process that loads it.
    let status = std::process::Command::new(std::env::current_exe()?)
        .arg(&library)
        .env(headroom_nvml_abi::PAGE_ENV, &page)
        .status()?;
    std::fs::remove_file(&page)?;
    if status.success() { Ok(()) } else { Err("the measurement failed".into()) }
}
