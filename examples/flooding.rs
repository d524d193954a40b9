//! What it costs a store that somebody knows keys which collide: under seeds that he knows, and
//! in a store as it is, whose seeds are its own.
//!
//! ```sh
//! cargo run --release --example flooding
//! ```
//!
//! It judges by the clock, so it wants a machine without other work. `tests/peers.rs` has what
//! holds on any machine: no two stores hash alike.

use ahash::RandomState;
use clap::Parser;
use epochkv::Kv;
use std::hash::{BuildHasher, Hasher};
use std::process::ExitCode;
use std::time::Instant;

/// What it costs that somebody knows keys which collide.
#[derive(Debug, Parser)]
struct Args {
    /// Keys
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// Bits of the hash, from the highest on, that are alike: so many halvings of the
    /// buckets that the keys are in
    #[arg(long, default_value_t = 10)]
    bits: u32,
    /// Rounds; each measures everything once
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How much longer the keys may take in a store with seeds of its own
    #[arg(long, default_value_t = 2.0)]
    most: f64,
}

/// What the store multiplies hashes by (`src/kv/mod.rs`).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

fn known() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

/// The hash by which a store with the known seeds places a key.
fn hash(seeds: &RandomState, key: &str) -> u64 {
    let mut hasher = seeds.build_hasher();
    hasher.write(key.as_bytes());
    hasher.finish().wrapping_mul(SPREAD)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seeds = known();
    let names = || (0_u64..).map(|n| format!("key:{n:012}"));
    let any: Vec<_> = names().take(args.keys).collect();
    let collide = |key: &String| hash(&seeds, key) >> (64 - args.bits) == 0;
    let colliding: Vec<_> = names().filter(collide).take(args.keys).collect();
    let mut seconds = [const { Vec::new() }; 4];
    for _ in 0..args.rounds {
        seconds[0].push(set_and_get(&Kv::new(), &any));
        seconds[1].push(set_and_get(&Kv::new(), &colliding));
        seconds[2].push(set_and_get(&Kv::builder().hasher(known()).build(), &any));
        seconds[3].push(set_and_get(&Kv::builder().hasher(known()).build(), &colliding));
    }
    let [own, attacked, fixed, flooded] = seconds.map(median);
    println!("{} keys set and got, in ms: any, colliding, by", args.keys);
    let line = |name: &str, any: f64, colliding: f64| {
        println!("{name:<10} {:>8.1} {:>8.1} {:>8.2}", any * 1e3, colliding * 1e3, colliding / any);
    };
    line("own seeds", own, attacked);
    line("known ones", fixed, flooded);
    let passed = attacked / own <= args.most;
    println!("{}", if passed { "PASS" } else { "FAIL" });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Seconds.
fn set_and_get<S: BuildHasher>(kv: &Kv<str, S>, keys: &[String]) -> f64 {
    let start = Instant::now();
    for key in keys {
        kv.set(key, 1).expect("a number is not deep");
    }
    assert!(keys.iter().all(|key| kv.exists(key)));
    start.elapsed().as_secs_f64()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
