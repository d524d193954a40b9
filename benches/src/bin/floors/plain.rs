//! A `hashbrown` map that nobody may write, and counters in one.

use super::Args;
use super::turns::{Row, drawn, each};
use epochkv_bench::contestant::{AsText, Contestant};
use epochkv_bench::keys::{Draw, Keys, Shape};
use epochkv_bench::peers::Epochkv;
use epochkv_bench::workload::TEXTS;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

type Plain<V> = hashbrown::HashMap<Box<str>, V, ahash::RandomState>;

pub fn reads(args: &Args, keys: usize) {
    let store = Epochkv::new(keys);
    let mut plain = Plain::<Arc<str>>::default();
    for key in Keys::all(keys).iter() {
        store.set(key, TEXTS[0]);
        plain.insert(key.into(), TEXTS[0].into());
    }
    for &threads in &args.threads {
        let hits = drawn(Shape::Present, Draw::Uniform, keys, threads);
        let misses = drawn(Shape::Absent, Draw::Uniform, keys, threads);
        let row = Row { keys, threads, rounds: args.rounds };
        row.print(
            "hit",
            each(&hits, |key| _ = black_box(plain.get(key).map(|text| text.as_bytes()[0]))),
            each(&hits, |key| _ = black_box(store.read(key, |text| text.as_bytes()[0]))),
        );
        row.print(
            "snapshot",
            each(&hits, |key| _ = black_box(plain.get(key).cloned())),
            each(&hits, |key| _ = black_box(store.get(key).map(|text| text.as_text().len()))),
        );
        row.print(
            "miss",
            each(&misses, |key| _ = black_box(plain.get(key).map(|text| text.len()))),
            each(&misses, |key| _ = black_box(store.read(key, str::len))),
        );
    }
}

pub fn counters(args: &Args, keys: usize) {
    let store = Epochkv::new(keys);
    let mut plain = Plain::<AtomicI64>::default();
    for key in Keys::all(keys).iter() {
        store.incr(key);
        plain.insert(key.into(), AtomicI64::new(1));
    }
    for &threads in &args.threads {
        let hot = (0..threads as u64).map(|n| Keys::drawn(Shape::Present, Draw::Uniform, 1, 1, n));
        let walks = [
            ("hot", hot.collect()),
            ("zipf", drawn(Shape::Present, Draw::Zipf(0.99), keys, threads)),
            ("uniform", drawn(Shape::Present, Draw::Uniform, keys, threads)),
        ];
        let row = Row { keys, threads, rounds: args.rounds };
        for (name, walks) in &walks {
            let ours = |key: &str| _ = black_box(store.incr(key));
            // What never errs, and what errs where the sum is none.
            row.print(
                &format!("{name}, added"),
                each(walks, |key| _ = black_box(plain[key].fetch_add(1, Ordering::Relaxed))),
                each(walks, ours),
            );
            row.print(
                &format!("{name}, checked"),
                each(walks, |key| _ = black_box(super::add_checked(&plain[key]))),
                each(walks, ours),
            );
            if *name == "hot" {
                let bare = &plain[walks[0].get(0)];
                row.print(
                    "hot, no map",
                    each(walks, |_| _ = black_box(super::add_checked(bare))),
                    each(walks, ours),
                );
            }
        }
    }
}
