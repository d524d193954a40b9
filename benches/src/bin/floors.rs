//! What the memory alone allows: the same reads of a plain `hashbrown` map that nobody may
//! write, so without any synchronization.
//!
//! A store that can be written at the same time cannot be expected to be much faster than this.

use clap::Parser;
use epochkv_bench::contestant::{AsText, Contestant};
use epochkv_bench::keys::{Draw, Keys, Shape, Walk};
use epochkv_bench::peers::Epochkv;
use epochkv_bench::workload::TEXTS;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::Instant;

/// Calls of a thread in one round.
const CALLS: usize = 1 << 20;

type Plain = hashbrown::HashMap<Box<str>, Arc<str>, ahash::RandomState>;

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
        "{:<10} {:>9} {:>4}  {:>9} {:>9}  ratio (low..high)",
        "", "keys", "thr", "floor", "epochkv"
    );
    for &keys in &args.keys {
        let all = Keys::all(keys);
        let store = Epochkv::new(keys);
        let mut plain = Plain::default();
        for key in all.iter() {
            store.set(key, TEXTS[0]);
            plain.insert(key.into(), TEXTS[0].into());
        }
        for &threads in &args.threads {
            let drawn = |shape| -> Vec<Keys> {
                (0..threads as u64)
                    .map(|n| Keys::drawn(shape, Draw::Uniform, keys, CALLS, n))
                    .collect()
            };
            let (hits, misses) = (drawn(Shape::Present), drawn(Shape::Absent));
            let row = |name,
                       walks: &[Keys],
                       floor: &(dyn Fn(&str) + Sync),
                       ours: &(dyn Fn(&str) + Sync)| {
                let mut rounds: Vec<_> =
                    (0..args.rounds).map(|_| (time(walks, floor), time(walks, ours))).collect();
                rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
                let (floor, ours) = rounds[rounds.len() / 2];
                let ratio = |(floor, ours): (f64, f64)| floor / ours;
                let (low, high) = (ratio(rounds[0]), ratio(rounds[rounds.len() - 1]));
                println!(
                    "{name:<10} {keys:>9} {threads:>4}  {floor:>6.1} ns {ours:>6.1} ns  {:.2} ({low:.2}..{high:.2})",
                    floor / ours
                );
            };
            row(
                "hit",
                &hits,
                &|key| _ = black_box(plain.get(key).map(|text| text.as_bytes()[0])),
                &|key| {
                    black_box(store.read(key, |text| text.as_bytes()[0]));
                },
            );
            row("snapshot", &hits, &|key| _ = black_box(plain.get(key).cloned()), &|key| {
                black_box(store.get(key).map(|text| text.as_text().len()));
            });
            row(
                "miss",
                &misses,
                &|key| _ = black_box(plain.get(key).map(|text| text.len())),
                &|key| {
                    black_box(store.read(key, str::len));
                },
            );
        }
    }
}

/// Nanoseconds per call, of all threads at once.
fn time(walks: &[Keys], call: &(dyn Fn(&str) + Sync)) -> f64 {
    let barrier = &Barrier::new(walks.len());
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
