//! The public calls one by one, over one and over two threads: what a change does
//! to a single operation, without peers.
//!
//! ```sh
//! cargo bench -p epochkv-bench
//! cargo bench -p epochkv-bench -- set
//! ```

use ahash::RandomState;
use core::cell::Cell;
use core::time::Duration;
use divan::{Bencher, black_box};
use epochkv::{IncrOptions, Kv, Pattern, Ttl};
use epochkv_bench::keys::{Draw, Keys, Shape, Walk};

const THREADS: [usize; 2] = [1, 2];
/// What fits into the nearest caches, and what does not.
const SIZES: [usize; 2] = [1_000, 100_000];
const BATCH: usize = 64;
const TEXT: &str = "a text of 24 characters.";

fn main() {
    divan::main();
}

fn filled(keys: usize) -> Kv<str, RandomState> {
    let hasher = RandomState::with_seeds(1, 2, 3, 4);
    let kv: Kv<str, RandomState> = Kv::builder().hasher(hasher).build();
    for key in Keys::of(Shape::Present, 0..keys).iter() {
        kv.set(key, TEXT).expect("a short key and a flat value");
    }
    kv
}

/// Calls `call` with keys in random order.
fn over_keys<R>(
    bencher: Bencher<'_, '_>,
    size: usize,
    shape: Shape,
    call: impl Fn(&Kv<str, RandomState>, &str) -> R + Sync,
) {
    let kv = filled(size);
    let keys = Keys::drawn(shape, Draw::Uniform, size, 1 << 16, 1);
    over(bencher, &keys, |key| call(&kv, key));
}

fn over<R>(bencher: Bencher<'_, '_>, keys: &Keys, call: impl Fn(&str) -> R + Sync) {
    bencher.bench(|| {
        thread_local! {
            static AT: Cell<u64> = const { Cell::new(0) };
        }
        let at = AT.replace(AT.get().wrapping_add(1));
        let mut walk: Walk<'_> = keys.walk(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..BATCH {
            black_box(call(walk.next()));
        }
    });
}

/// 64 calls of `with`.
#[divan::bench(args = SIZES, threads = THREADS)]
fn with_hit(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| {
        kv.with(key, |value| value.as_str().map(str::len))
    });
}

/// 64 calls of `get`, and the drop of the snapshot.
#[divan::bench(args = SIZES, threads = THREADS)]
fn get_hit(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| kv.get(key));
}

/// 64 calls of `get` for absent keys.
#[divan::bench(args = SIZES, threads = THREADS)]
fn get_miss(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Absent, |kv, key| kv.get(key));
}

/// 64 overwrites.
#[divan::bench(args = SIZES, threads = THREADS)]
fn set(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| kv.set(key, TEXT));
}

/// 64 overwrites with a time to live.
#[divan::bench(args = SIZES, threads = THREADS)]
fn set_ex(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| kv.set_ex(key, TEXT, 3600));
}

/// 64 times a new deadline.
#[divan::bench(args = SIZES, threads = THREADS)]
fn expire(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| kv.expire(key, Duration::from_secs(3600)));
}

/// 64 times the removal of a key and its insertion.
#[divan::bench(args = SIZES, threads = THREADS)]
fn delete_and_set(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| (kv.delete(key), kv.set(key, TEXT)));
}

/// 64 compare-and-set by the identity of what was read.
#[divan::bench(args = SIZES, threads = THREADS)]
fn compare_and_set(bencher: Bencher<'_, '_>, size: usize) {
    over_keys(bencher, size, Shape::Present, |kv, key| {
        let seen = kv.get(key).expect("the key is there");
        kv.compare_and_set_snapshot(key, &seen, TEXT, Ttl::NEVER)
    });
}

/// 64 counts.
#[divan::bench(args = SIZES, threads = THREADS)]
fn incr(bencher: Bencher<'_, '_>, size: usize) {
    let kv: Kv = Kv::new();
    over(bencher, &Keys::drawn(Shape::Present, Draw::Uniform, size, 1 << 16, 1), |key| {
        kv.incr(key)
    });
}

/// 64 counts under a limit, in a window.
#[divan::bench(args = SIZES, threads = THREADS)]
fn incr_with(bencher: Bencher<'_, '_>, size: usize) {
    let kv: Kv = Kv::new();
    let limit = IncrOptions::by(1).max(1_000_000).ttl_on_create(3600);
    let keys = Keys::drawn(Shape::Present, Draw::Uniform, size, 1 << 16, 1);
    over(bencher, &keys, |key| kv.incr_with(key, &limit));
}

/// 64 keys in one call of `get_many`.
#[divan::bench(args = SIZES, threads = THREADS)]
fn get_many(bencher: Bencher<'_, '_>, size: usize) {
    let kv = filled(size);
    let keys = Keys::drawn(Shape::Present, Draw::Uniform, size, BATCH, 1);
    let keys: Vec<&str> = keys.iter().collect();
    bencher.bench(|| kv.get_many(keys.iter().copied()));
}

/// A walk over all keys.
#[divan::bench(args = SIZES)]
fn for_each_key(bencher: Bencher<'_, '_>, size: usize) {
    let kv = filled(size);
    let all = Pattern::new("*");
    bencher.bench(|| {
        let mut met = 0;
        kv.for_each_key(&all, |_| met += 1);
        met
    });
}
