//! Runs `epochkv_fuzz::glob`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::glob::run(input));
