//! libFuzzer on `headroom_tests::targets::FORECAST`.
#![no_main]

#[global_allocator]
static MEMORY: headroom_tests::memory::Counting = headroom_tests::memory::Counting;

libfuzzer_sys::fuzz_target!(|input: &[u8]| headroom_tests::targets::FORECAST.run(input));
