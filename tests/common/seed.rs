//! Randomness that one number replays: `EPOCHKV_SEED`, printed by every test that draws.

use std::hash::{BuildHasher, RandomState};

/// A generator: a counter whose numbers are scrambled.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        // Weyl's sequence through a finalizer with full avalanche.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            word = (word ^ (word >> 30)).wrapping_mul(factor);
        }
        word ^ (word >> 31)
    }
}

/// The seed of this run, printed with the test's name.
pub fn seed_of_run(test: &str) -> u64 {
    let seed = match std::env::var("EPOCHKV_SEED") {
        Ok(text) => text.trim().parse().expect("EPOCHKV_SEED is a decimal number"),
        Err(_) => RandomState::new().hash_one(test),
    };
    println!("{test}: EPOCHKV_SEED={seed}");
    seed
}
