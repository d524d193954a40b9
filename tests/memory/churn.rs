//! Keys that come and go leave nothing behind, however many there have been.

use super::{alone, out};
use epochkv::Kv;
use std::env;
use std::fmt::Write as _;

/// Keys that are there at a time.
const ALIVE: usize = 10_000;

/// Keys after which all that is needed has been asked for.
const WARM_UP: usize = 30 * ALIVE;

/// How many keys: a million, or as many as the environment says.
fn keys() -> usize {
    env::var("EPOCHKV_CHURN").map_or(1_000_000, |keys| keys.parse().expect("a number of keys"))
}

#[test]
fn distinct_keys_that_come_and_go_need_no_more_memory() {
    let _alone = alone();
    let kv = Kv::new();
    let before = out().0;
    let mut name = String::new();
    let mut named = |n: usize, call: &dyn Fn(&str)| {
        name.clear();
        write!(name, "key:{n}").expect("a text takes it");
        call(&name);
    };
    let (mut in_warm_up, mut most, mut buckets) = (0, 0, 0);
    for n in 0..keys() {
        named(n, &|key| kv.set(key, "a text").unwrap());
        if n >= ALIVE {
            named(n - ALIVE, &|key| assert!(kv.delete(key)));
        }
        if n % 1000 == 0 {
            let stats = kv.stats();
            buckets = buckets.max(stats.buckets + stats.overflow_buckets);
            let part = if n < WARM_UP { &mut in_warm_up } else { &mut most };
            *part = (out().0 - before).max(*part);
        }
    }
    println!("{} keys: {in_warm_up} bytes, then {most}, {buckets} buckets", keys());
    assert_eq!((kv.len(), kv.live_len()), (ALIVE, ALIVE));
    assert!(most > 0, "fewer keys than the warm-up has");
    // A table on its way to another one is there twice, and of a hundred million keys some
    // come when much else is out.
    assert!(most <= 2 * in_warm_up, "{most} bytes out, {in_warm_up} in the warm-up");
    assert!(7 * buckets <= 8 * ALIVE, "{buckets} buckets for {ALIVE} keys");
}
