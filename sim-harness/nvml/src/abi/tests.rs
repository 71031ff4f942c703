//! The library's own side: calls on the path of every tick allocate nothing.

use super::fields::{FieldValue, nvmlDeviceGetFieldValues};
use super::{Handle, session};
use crate::page::{GpuConfig, PageConfig, PageWriter};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn field_values_allocate_nothing() {
    const CHILD: &str = "HEADROOM_TEST_CHILD";
    let page = std::env::temp_dir().join(format!("headroom-{}-allocation.page", std::process::id()));
    if std::env::var_os(CHILD).is_none() {
        // The environment is read once per process, so the test has one of its own.
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["abi::tests::field_values_allocate_nothing", "--exact"]).env(CHILD, "1");
        assert!(child.env(crate::PAGE_ENV, &page).status().unwrap().success());
        std::fs::remove_file(&page).unwrap();
        return;
    }
    let page = std::env::var_os(crate::PAGE_ENV).unwrap();
    let config =
        PageConfig { driver_version: "580.82.07".into(), gpus: vec![GpuConfig::h100_sxm("GPU-a", "here")] };
    let world = PageWriter::create(std::path::Path::new(&page), &config).unwrap();
    session::init().unwrap();
    let gpu: Handle = session::handle_at(0).unwrap();
    // SAFETY: all zeros is a field value.
    let mut fields: [FieldValue; 3] = unsafe { std::mem::zeroed() };
    let before = COUNT.load(Relaxed);
    for _ in 0..1000 {
        world.publish(0, &crate::page::GpuOutputs::default());
        // SAFETY: three field values of ours.
        assert_eq!(unsafe { nvmlDeviceGetFieldValues(gpu, 3, fields.as_mut_ptr()) }, 0);
    }
    let made = COUNT.load(Relaxed) - before;
    assert!(made < 50, "{made} allocations in 1000 calls");
    session::shutdown().unwrap();
}
