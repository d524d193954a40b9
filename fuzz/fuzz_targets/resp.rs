//! Runs `epochkv_fuzz::resp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::resp::run(input));
