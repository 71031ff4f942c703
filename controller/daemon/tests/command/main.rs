//! The `headroom` command through its real interfaces: processes, signals, brokers, registers, the NVML ABI, browsers.
//!
//! One binary, so that what it links is linked once and two of its tests can wait at a time. A file says what its tests
//! need; `common` stages it.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod advisory;
mod agent;
mod availability;
mod backtest;
mod book;
mod calibrate;
mod commission;
mod common;
mod contract;
mod cut;
mod demo;
mod discover;
mod exit_codes;
mod explain;
mod export;
mod https;
mod identify;
mod ingest;
mod instruct;
mod kill;
mod ladder;
mod lies;
mod map;
mod modbus_truth;
mod network;
mod pages;
mod release;
mod replay;
mod report;
mod response;
mod score;
mod see;
mod sequence;
mod soak;
mod top;
mod web;
