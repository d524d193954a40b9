//! One kind of call, again and again, for `scripts/instructions.sh` to count the
//! instructions of. With `baseline` it does all but the call.

use clap::{Parser, ValueEnum};
use epochkv_bench::contestant::Contestant;
use epochkv_bench::keys::{Draw, Keys, PREFIX, Shape, Walk};
use epochkv_bench::peers::Epochkv;
use epochkv_bench::workload::TEXTS;
use std::hint::black_box;

/// Few enough to stay in the caches: instructions are counted, not misses.
const KEYS: usize = 1_000;

/// Keys that are read at once.
const BATCH: usize = 64;

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Call {
    /// Nothing.
    Baseline,
    /// Read a value in place.
    GetHit,
    /// Get a snapshot and drop it.
    GetSnapshot,
    /// Read values in place, 64 at once.
    GetBatch,
    /// Look up a key that is not there.
    GetMiss,
    /// Overwrite a text.
    Set,
    /// Add 1 to a counter.
    Incr,
    /// Insert a key and remove it again.
    Churn,
    /// Meet a key on a walk over all of them.
    Walk,
}

#[derive(Debug, Parser)]
struct Args {
    /// What to do
    call: Call,
    /// How often
    times: usize,
}

fn main() {
    let args = Args::parse();
    let store = Epochkv::new(KEYS);
    let texts = Keys::drawn(Shape::Present, Draw::Uniform, KEYS, 1 << 13, 1);
    let absent = Keys::drawn(Shape::Absent, Draw::Uniform, KEYS, 1 << 13, 1);
    // Counters are under keys that no text is under.
    texts.iter().for_each(|key| store.set(key, TEXTS[0]));
    let counters = Keys::of(Shape::Present, KEYS..2 * KEYS);
    counters.iter().for_each(|key| assert_eq!(store.incr(key), 1));

    let (present, miss, counter) = (texts.walk(1), absent.walk(1), counters.walk(1));
    match args.call {
        Call::Baseline => baseline(args.times, present),
        Call::GetHit => repeat(args.times, present, |key| {
            black_box(store.read(key, str::len));
        }),
        Call::GetSnapshot => repeat(args.times, present, |key| drop(black_box(store.get(key)))),
        Call::GetBatch => {
            let mut batch = Vec::with_capacity(BATCH);
            repeat(args.times, present, |key| {
                batch.push(key);
                if batch.len() == BATCH {
                    store.get_many(&batch, |text| {
                        black_box(text.len());
                    });
                    batch.clear();
                }
            });
        }
        Call::GetMiss => repeat(args.times, miss, |key| {
            black_box(store.read(key, str::len));
        }),
        Call::Set => repeat(args.times, present, |key| store.set(key, TEXTS[1])),
        Call::Incr => repeat(args.times, counter, |key| {
            black_box(store.incr(key));
        }),
        Call::Churn => repeat(args.times, miss, |key| {
            store.insert(key, TEXTS[1]);
            assert!(store.remove(key), "the key was inserted");
        }),
        Call::Walk => {
            // Is taken off, as from all others.
            baseline(args.times, present);
            // Over texts and counters.
            (0..args.times.div_ceil(2 * KEYS)).for_each(|_| {
                store.visit_keys(PREFIX, |key| {
                    black_box(key);
                });
            });
        }
    }
}

fn baseline(times: usize, walk: Walk<'_>) {
    repeat(times, walk, |key| {
        black_box(key);
    });
}

/// Not inlined: so the loop is the same for all calls.
#[inline(never)]
fn repeat<'k>(times: usize, mut walk: Walk<'k>, mut call: impl FnMut(&'k str)) {
    for _ in 0..times {
        call(black_box(walk.next()));
    }
}
