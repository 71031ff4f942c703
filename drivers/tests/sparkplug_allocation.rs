//! Reading a Sparkplug data message allocates nothing, whatever the number of its metrics.
#![allow(missing_docs, unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

use headroom_drivers::mqtt::sparkplug::payload::Payload;
use prost::Message;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[path = "../src/mqtt/sparkplug/payload/reference.rs"]
mod reference;

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
fn a_data_message_is_read_without_allocation() {
    let set = reference::PropertySet {
        keys: vec!["Quality".into()],
        values: vec![reference::PropertyValue {
            int_value: Some(192),
            ..reference::PropertyValue::default()
        }],
    };
    let metric = |n: u64| reference::Metric {
        name: Some(format!("Loop {n}/Supply Temperature")),
        alias: Some(n),
        timestamp: Some(1_752_840_000_000),
        properties: Some(set.clone()),
        value: Some(reference::Value::Double(n as f64)),
        ..reference::Metric::default()
    };
    let metrics = (0..1000).map(metric).collect();
    let whole = reference::Payload { metrics, seq: Some(1), ..reference::Payload::default() };
    let bytes = whole.encode_to_vec();
    let before = COUNT.load(Relaxed);
    let good = Payload::read(&bytes).unwrap().metrics().filter(|m| m.unwrap().quality() == Some(192)).count();
    // The test harness's own threads may allocate a little meanwhile.
    let made = COUNT.load(Relaxed) - before;
    assert_eq!(good, 1000);
    assert!(made < 50, "{made} allocations for 1000 metrics");
}
