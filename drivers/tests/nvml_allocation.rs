//! One look at a GPU allocates nothing on our side: ten a second and GPU, for months.
#![allow(missing_docs, unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "nvml/common.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod common;

use headroom_site::Stamp;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_look_allocates_nothing() {
    common::isolated("a_look_allocates_nothing", &[], |page| {
        let world = common::world(&page, "580.82.07", 8);
        let mut host = common::host();
        for quirks in [0, headroom_nvml_abi::page::quirk::NO_MARGIN | headroom_nvml_abi::page::quirk::NO_HBM]
        {
            (0..8).for_each(|gpu| world.set_quirks(gpu, quirks));
            let before = COUNT.load(Relaxed);
            for gpu in (0..8).cycle().take(800) {
                assert!(host.sample(gpu, Stamp::default()).is_ok());
            }
            // The test harness's own threads may allocate a little meanwhile; a look that allocates makes 800.
            let made = COUNT.load(Relaxed) - before;
            assert!(made < 50, "{made} allocations in 800 looks");
        }
    });
}
