//! Keys that are there and keys that are not, while the table grows through all sizes: large
//! ones answer for absent keys by their filters, which nobody asks who finds all keys.

use super::seed::{Rng, seed_of_run};
use super::together;
use epochkv::Kv;

const THREADS: usize = 4;

/// Keys of each thread. Optimized, enough for 2^19 buckets and more, where filters begin
/// then; otherwise they begin at 2^4.
const KEYS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_500_000 };

/// A key is removed when so many younger ones are there.
const AGE: u64 = 1000;

fn is_removed(n: u64) -> bool {
    n % 16 == 3
}

fn key(thread: usize, n: u64) -> String {
    format!("user:{thread}:{n}")
}

fn absent(thread: usize, n: u64) -> String {
    format!("none:{thread}:{n}")
}

/// Whether exactly the keys that `is_there` names are there.
fn check(kv: &Kv, is_there: impl Fn(u64) -> bool + Sync) {
    together(THREADS, |thread| {
        for n in 0..KEYS {
            assert!(!kv.exists(&absent(thread, n)), "{}", absent(thread, n));
            assert_eq!(kv.exists(&key(thread, n)), is_there(n), "{}", key(thread, n));
        }
    });
}

#[test]
fn absent_keys_are_absent_and_no_others_while_a_table_grows_and_shrinks() {
    let seed = seed_of_run("absent_keys_are_absent_and_no_others_while_a_table_grows_and_shrinks");
    let kv = Kv::new();
    together(THREADS, |thread| {
        let mut rng = Rng::new(seed ^ thread as u64);
        for n in 0..KEYS {
            kv.set(&key(thread, n), n as i64).unwrap();
            // More misses than hits, so that filters are asked.
            for _ in 0..3 {
                assert!(!kv.exists(&absent(thread, rng.next() % KEYS)));
            }
            assert_eq!(kv.get(&key(thread, n)).unwrap(), n as i64);
            let old = rng.next() % (n + 1);
            let is_there = !is_removed(old) || old + AGE >= n;
            assert_eq!(kv.exists(&key(thread, old)), is_there, "{} of {n}", key(thread, old));
            if n >= AGE && is_removed(n - AGE) {
                assert!(kv.delete(&key(thread, n - AGE)));
                assert!(!kv.exists(&key(thread, n - AGE)));
            }
        }
    });
    let stats = kv.stats();
    assert!(stats.buckets >= if cfg!(debug_assertions) { 1 << 12 } else { 1 << 19 }, "{stats:?}");
    check(&kv, |n| !is_removed(n) || n + AGE >= KEYS);
    together(THREADS, |thread| {
        for n in (0..KEYS).filter(|n| n % 8 != 0) {
            kv.delete(&key(thread, n));
        }
    });
    kv.shrink_to_fit();
    check(&kv, |n| n % 8 == 0);
}
