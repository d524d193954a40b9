//! Runs `epochkv_fuzz::values`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::values::run(input));
