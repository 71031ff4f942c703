//! The page without NVML.
#![allow(missing_docs)]

mod common;

use common::{busy, config};
use headroom_nvml_abi::page::{PageReader, PageWriter};

#[test]
fn what_is_published_is_read() {
    let path = std::env::temp_dir().join(format!("headroom-{}-plain.page", std::process::id()));
    let writer = PageWriter::create(&path, &config("580.82.07", 3)).unwrap();
    writer.publish(2, &busy());
    let reader = PageReader::open(&path).unwrap();
    assert_eq!(reader.gpu_count(), 3);
    assert_eq!(reader.driver_version(), "580.82.07");
    assert_eq!(reader.outputs(2), Some(busy()));
    assert_eq!(reader.outputs(1), Some(Default::default()));
    assert_eq!((reader.outputs(3), reader.requests(3), reader.uuid(3)), (None, None, None));
    assert_eq!(reader.host(2).as_deref(), Some("node-01"));
    assert_eq!(reader.requests(2), writer.requests(2));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let path = std::env::temp_dir().join(format!("headroom-{}-long.page", std::process::id()));
    let mut long = config("580.82.07", 1);
    long.gpus[0].host = "h".repeat(64);
    assert!(PageWriter::create(&path, &long).is_err());
    assert!(!path.exists(), "a refused page is not there");
    assert!(!path.with_extension("page.new").exists(), "nor is what it was built from");
}
