//! How many blocks entries take, and how large.

use super::{alone, flush, out};
use epochkv::{Input, Kv};
use std::thread;

/// Bytes and blocks of an entry with a key of 8 bytes, on average.
fn entry(value: Input<'static>) -> (isize, f64) {
    const COUNT: isize = 1000;
    // On a thread of its own, which has no blocks that were freed.
    let filled = thread::spawn(move || {
        let kv: Kv = Kv::builder().capacity(4 * COUNT as usize).build();
        kv.set("warm", "up").unwrap();
        // What was there before is freed now, not meanwhile.
        flush();
        let (bytes, blocks) = out();
        (0..COUNT).for_each(|n| kv.set(&format!("key-{n:04}"), value.clone()).unwrap());
        let (now_bytes, now_blocks) = out();
        ((now_bytes - bytes) / COUNT, (now_blocks - blocks) as f64 / COUNT as f64)
    });
    filled.join().unwrap()
}

#[test]
fn key_and_short_text_are_one_block_with_24_bytes_beside_them() {
    let _alone = alone();
    let text = "x".repeat(24);
    for (value, expected) in
        [(text.clone().into(), 56), (text.into_bytes().into(), 56), (Input::from(1), 40)]
    {
        let (bytes, blocks) = entry(value.clone());
        assert!((expected..expected + 8).contains(&bytes), "{value:?}: {bytes} bytes");
        assert!((0.9..1.1).contains(&blocks), "{value:?}: {blocks} blocks");
    }
}

// Sanitizers are to see every block come and go.
#[cfg(not(crossbeam_sanitize))]
#[test]
fn what_was_overwritten_is_used_again_by_its_thread() {
    use super::TAKEN;
    use std::sync::atomic::Ordering;

    const COUNT: isize = 100_000;
    let _alone = alone();
    let kv = Kv::new();
    let before = TAKEN.load(Ordering::Relaxed);
    (0..COUNT).for_each(|_| kv.set("k", "x").unwrap());
    let taken = TAKEN.load(Ordering::Relaxed) - before;
    assert!(taken < COUNT / 4, "{taken} blocks for {COUNT} overwrites");
}

#[test]
fn flush_gives_back_what_the_thread_has_kept() {
    const COUNT: usize = 10_000;
    let _alone = alone();
    let left = thread::spawn(|| {
        let kv = Kv::new();
        let before = out().1;
        for n in 0..COUNT {
            kv.set("k", "x".repeat(n % 200)).unwrap();
        }
        kv.flush();
        out().1 - before
    });
    let left = left.join().unwrap();
    assert!(left < 200, "{left} blocks");
}
