//! Property tests that one number replays: `EPOCHKV_SEED`, as in all tests that draw.

use proptest::test_runner::{Config, RngSeed};

#[allow(dead_code, reason = "not every test that has a seed draws by itself")]
#[path = "seed.rs"]
pub mod seed;

/// So many cases of a test, drawn by the seed of this run, which it prints.
pub fn seeded(cases: u32) -> Config {
    // The test harness calls the thread like the test.
    let thread = std::thread::current();
    let rng_seed = RngSeed::Fixed(seed::seed_of_run(thread.name().unwrap_or("a property")));
    Config { cases, rng_seed, failure_persistence: None, ..Config::default() }
}
