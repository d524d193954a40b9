//! Keys that are set together and do not expire together: `cargo run --example ttl_jitter`.
//!
//! A cache that is filled at once would be empty at once, and everything would be loaded
//! again in the same second. A time to live that differs from key to key spreads that.

use epochkv::{Error, Kv, ManualClock};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A time between `ttl` and `ttl + spread`, which depends on the key: no random
/// generator is needed, and a key that is set again keeps its place.
fn with_jitter(ttl: Duration, spread: Duration, key: &str, hashes: &RandomState) -> Duration {
    // The upper half of the hash, as a fraction of 1.
    let fraction = (hashes.hash_one(key) >> 32) as f64 / f64::from(u32::MAX);
    ttl + spread.mul_f64(fraction)
}

/// Sets 10,000 keys at one moment, and returns how many of them expire in each second.
fn expirations(ttl_of: impl Fn(&str) -> Duration) -> Result<Vec<usize>, Error> {
    let clock = ManualClock::new();
    let kv = Kv::builder().clock(clock.clone()).build();
    for number in 0..10_000 {
        let key = format!("page:{number}");
        kv.set_ex(&key, "content", ttl_of(&key))?;
    }
    let mut seconds = Vec::new();
    while !kv.is_empty() {
        clock.advance(Duration::from_secs(1));
        let mut expired = 0;
        loop {
            let swept = kv.sweep(1000);
            expired += swept.removed;
            if !swept.more {
                break;
            }
        }
        seconds.push(expired);
    }
    Ok(seconds)
}

pub(crate) fn main() -> Result<(), Error> {
    let (ttl, spread) = (Duration::from_secs(60), Duration::from_secs(20));
    let together = expirations(|_| ttl)?;
    let hashes = RandomState::new();
    let spread_out = expirations(|key| with_jitter(ttl, spread, key, &hashes))?;

    let most = |seconds: &[usize]| seconds.iter().copied().max().unwrap_or(0);
    println!("at most in one second: {} without, {} with", most(&together), most(&spread_out));
    assert_eq!(most(&together), 10_000);
    // 500 are expected in each of the 20 seconds.
    assert!(most(&spread_out) < 700);
    assert_eq!(spread_out.iter().sum::<usize>(), 10_000);
    Ok(())
}
