//! Runs `epochkv_fuzz::threads`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| epochkv_fuzz::threads::run(input));
