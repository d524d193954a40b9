//! Runs `epochkv_fuzz::load`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::load::run(input));
