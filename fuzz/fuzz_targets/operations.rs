//! Runs `epochkv_fuzz::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::operations::run(input));
