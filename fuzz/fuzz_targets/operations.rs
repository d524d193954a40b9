//! Runs `epochkv_fuzz::operations`, and says at the end how many calls that were.
#![no_main]

#[cfg(feature = "volume")]
#[path = "../compare.rs"]
mod compare;

use epochkv_fuzz::operations::{CALLS, run};
use std::sync::atomic::Ordering;

/// Prints when the main thread ends.
struct Tally;

impl Drop for Tally {
    fn drop(&mut self) {
        eprintln!("stat::calls: {}", CALLS.load(Ordering::Relaxed));
    }
}

thread_local! {
    static TALLY: Tally = const { Tally };
}

libfuzzer_sys::fuzz_target!(init: TALLY.with(|_| ()), |input: &[u8]| run(input));
