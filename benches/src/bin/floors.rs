//! What the memory alone allows: the same reads of a plain `hashbrown` map that nobody may
//! write, so without any synchronization; and counters in such a map, which nobody can add or
//! remove.
//!
//! A store that can be written at the same time cannot be expected to be much faster than this.

use clap::Parser;
use epochkv_bench::contestant::{AsText, Contestant};
use epochkv_bench::keys::{Draw, Keys, Shape, Walk};
use epochkv_bench::peers::Epochkv;
use epochkv_bench::workload::TEXTS;
use std::hint::black_box;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

/// Calls of a thread in one round.
const CALLS: usize = 1 << 20;

type Plain<V> = hashbrown::HashMap<Box<str>, V, ahash::RandomState>;

#[derive(Debug, Parser)]
struct Args {
    /// Numbers of keys
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,10000000")]
    keys: Vec<usize>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// How often each has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() {
    let args = Args::parse();
    println!(
        "{:<14} {:>9} {:>4}  {:>9} {:>9}  ratio (low..high)",
        "", "keys", "thr", "floor", "epochkv"
    );
    for &keys in &args.keys {
        reads(&args, keys);
        counters(&args, keys);
    }
}

fn reads(args: &Args, keys: usize) {
    let store = Epochkv::new(keys);
    let mut plain = Plain::<Arc<str>>::default();
    for key in Keys::all(keys).iter() {
        store.set(key, TEXTS[0]);
        plain.insert(key.into(), TEXTS[0].into());
    }
    for &threads in &args.threads {
        let hits = drawn(Shape::Present, Draw::Uniform, keys, threads);
        let misses = drawn(Shape::Absent, Draw::Uniform, keys, threads);
        let row = Row { keys, rounds: args.rounds };
        row.print(
            "hit",
            &hits,
            |key| _ = black_box(plain.get(key).map(|text| text.as_bytes()[0])),
            |key| _ = black_box(store.read(key, |text| text.as_bytes()[0])),
        );
        row.print(
            "snapshot",
            &hits,
            |key| _ = black_box(plain.get(key).cloned()),
            |key| _ = black_box(store.get(key).map(|text| text.as_text().len())),
        );
        row.print(
            "miss",
            &misses,
            |key| _ = black_box(plain.get(key).map(|text| text.len())),
            |key| _ = black_box(store.read(key, str::len)),
        );
    }
}

fn counters(args: &Args, keys: usize) {
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
        let row = Row { keys, rounds: args.rounds };
        for (name, walks) in &walks {
            let ours = |key: &str| _ = black_box(store.incr(key));
            // What never errs, and what errs where the sum is none.
            row.print(
                &format!("{name}, added"),
                walks,
                |key| _ = black_box(plain[key].fetch_add(1, Ordering::Relaxed)),
                ours,
            );
            row.print(
                &format!("{name}, checked"),
                walks,
                |key| _ = black_box(add_checked(&plain[key])),
                ours,
            );
            if *name == "hot" {
                let bare = &plain[walks[0].get(0)];
                row.print("hot, no map", walks, |_| _ = black_box(add_checked(bare)), ours);
            }
        }
    }
}

/// As little as a counter can do that never wraps.
fn add_checked(counter: &AtomicI64) -> Option<i64> {
    let add = |count: i64| count.checked_add(1);
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()
}

/// Keys of so many threads.
fn drawn(shape: Shape, draw: Draw, keys: usize, threads: usize) -> Vec<Keys> {
    (0..threads as u64).map(|n| Keys::drawn(shape, draw, keys, CALLS, n)).collect()
}

/// What a line of the table is about.
struct Row {
    keys: usize,
    rounds: usize,
}

impl Row {
    /// Times the two in turns, and prints the round of the median ratio.
    fn print(
        &self,
        name: &str,
        walks: &[Keys],
        floor: impl Fn(&str) + Sync,
        ours: impl Fn(&str) + Sync,
    ) {
        let mut rounds: Vec<_> =
            (0..self.rounds).map(|_| (time(walks, &floor), time(walks, &ours))).collect();
        let ratio = |&(floor, ours): &(f64, f64)| floor / ours;
        rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let [low, high] = [&rounds[0], &rounds[rounds.len() - 1]].map(ratio);
        let middle = rounds[rounds.len() / 2];
        println!(
            "{name:<14} {:>9} {:>4}  {:>6.1} ns {:>6.1} ns  {:.2} ({low:.2}..{high:.2})",
            self.keys,
            walks.len(),
            middle.0,
            middle.1,
            ratio(&middle),
        );
    }
}

/// Nanoseconds per call, of all threads at once.
fn time(walks: &[Keys], call: impl Fn(&str) + Sync) -> f64 {
    let (barrier, call) = (&Barrier::new(walks.len()), &call);
    let seconds = std::thread::scope(|scope| {
        let run = |mut walk: Walk<'_>| {
            barrier.wait();
            let start = Instant::now();
            (0..CALLS).for_each(|_| call(walk.next()));
            start.elapsed().as_secs_f64()
        };
        let mut threads = Vec::new();
        for keys in walks {
            threads.push(scope.spawn(move || run(keys.walk(1))));
        }
        threads.into_iter().map(|thread| thread.join().expect("no call panics")).fold(0.0, f64::max)
    });
    seconds * 1e9 / CALLS as f64
}
