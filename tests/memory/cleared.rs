//! Tables that `clear` took away come back, whatever is or is not done meanwhile.

use super::{alone, out};
use epochkv::{Kv, ManualClock};

/// A store whose table has room for many keys, and what that takes.
fn with_room() -> (Kv<str, std::hash::RandomState, ManualClock>, isize) {
    let before = out().0;
    let kv = Kv::builder().hasher(Default::default()).clock(ManualClock::new()).capacity(200_000);
    (kv.build(), out().0 - before)
}

#[test]
fn cleared_again_and_again_they_do_not_pile_up() {
    let _alone = alone();
    let before = out().0;
    let (kv, table) = with_room();
    assert!(table > 2 << 20, "{table}");
    let mut most = 0;
    for round in 0..100 {
        (0..100).for_each(|n| kv.set(&format!("key:{n}"), round).unwrap());
        kv.clear();
        most = most.max(out().0 - before);
    }
    println!("{most} bytes out with tables of {table}");
    // The one in use, the last one cleared, and what waits for an epoch to pass.
    assert!(most < 6 * table, "{most} bytes out with tables of {table}");
}

#[test]
fn a_sweep_releases_an_empty_one_in_few_steps() {
    let _alone = alone();
    let before = out().0;
    let (kv, table) = with_room();
    kv.clear();
    let steps = (1..1000).find(|_| {
        kv.sweep(1);
        out().0 - before < table + table / 8
    });
    // Of 2^16 buckets.
    assert!(steps.is_some_and(|steps| steps < 40), "{steps:?} steps");
}

#[test]
fn a_sweep_says_that_one_is_left_and_does_not_release_it_at_once() {
    let _alone = alone();
    let (kv, _) = with_room();
    kv.clear();
    // Of 2^16 buckets 4096 at a time. The first sweep walks over the new one too.
    let steps = (1..1000).find(|_| !kv.sweep(1_000_000).more);
    assert!(steps.is_some_and(|steps| (16..40).contains(&steps)), "{steps:?} steps");
}
