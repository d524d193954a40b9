//! The bare table beside epochkv: the same lines of memory, and nothing else.

use super::Args;
use super::bare::{BATCH, Entry, Table, arena, entries};
use super::turns::{CALLS, Row, batches, drawn, each};
use epochkv_bench::contestant::Contestant;
use epochkv_bench::keys::{Draw, Keys, Shape};
use epochkv_bench::peers::Epochkv;
use epochkv_bench::workload::TEXTS;
use std::hint::black_box;
use std::sync::Mutex;

pub fn reads_and_counters(args: &Args, keys: usize) {
    let all = Keys::all(keys);
    let arena = arena(all.iter());
    let mut table = Table::for_keys(keys);
    all.iter().zip(entries(&arena)).for_each(|(key, entry)| table.insert(key, entry));
    reads(args, &all, &table);
    counters(args, &all, &table);
}

fn reads(args: &Args, all: &Keys, table: &Table<&Entry>) {
    let keys = all.len();
    let store = Epochkv::new(keys);
    all.iter().for_each(|key| store.set(key, TEXTS[0]));
    for &threads in &args.threads {
        let hits = drawn(Shape::Present, Draw::Uniform, keys, threads);
        let misses = drawn(Shape::Absent, Draw::Uniform, keys, threads);
        let row = Row { keys, threads, rounds: args.rounds };
        let first = |text: &str| black_box(text.as_bytes()[0]);
        row.print(
            "bare hit",
            each(&hits, |key| _ = black_box(table.hit(key))),
            each(&hits, |key| _ = black_box(store.read(key, first))),
        );
        row.print(
            "bare miss",
            each(&misses, |key| _ = black_box(table.miss(key))),
            each(&misses, |key| _ = black_box(store.read(key, str::len))),
        );
        row.print(
            "bare batch",
            batches::<BATCH>(&hits, |keys| _ = black_box(table.batch(keys))),
            batches::<BATCH>(&hits, |keys| store.get_many(keys, |text| _ = first(text))),
        );
    }
}

fn counters(args: &Args, all: &Keys, table: &Table<&Entry>) {
    let keys = all.len();
    let store = Epochkv::new(keys);
    all.iter().for_each(|key| _ = store.incr(key));
    for &threads in &args.threads {
        let row = Row { keys, threads, rounds: args.rounds };
        for (name, draw) in [("zipf", Draw::Zipf(0.99)), ("uniform", Draw::Uniform)] {
            let walks = drawn(Shape::Present, draw, keys, threads);
            let ours = |key: &str| _ = black_box(store.incr(key));
            row.print(
                &format!("bare {name}, added"),
                each(&walks, |key| _ = black_box(table.add(key))),
                each(&walks, ours),
            );
            row.print(
                &format!("bare {name}, checked"),
                each(&walks, |key| _ = black_box(table.add_checked(key))),
                each(&walks, ours),
            );
        }
    }
}

/// Keys that come and go: twice as many as are there at any time.
struct Ring {
    keys: Keys,
    removed: usize,
}

impl Ring {
    /// So many live keys for one thread.
    fn of(thread: usize, live: usize) -> Self {
        let numbers = 2 * live * thread..2 * live * (thread + 1);
        Self { keys: Keys::of(Shape::Present, numbers), removed: 0 }
    }

    fn live(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().take(self.keys.len() / 2)
    }

    /// Shows the next key to insert and the oldest, as often as makes [`CALLS`] calls.
    fn turn(&mut self, mut insert_and_remove: impl FnMut(&str, &str)) {
        let (len, removed) = (self.keys.len(), self.removed);
        for oldest in removed..removed + CALLS / 2 {
            let key = |age: usize| self.keys.get((oldest + age) % len);
            insert_and_remove(key(len / 2), key(0));
        }
        self.removed += CALLS / 2;
    }
}

/// A removal: bucket, entry, the slot is written. An insertion: bucket, the slot is written, and
/// the entry is allocated, as the removed one is freed. Each thread has a table and keys of its
/// own, so that nothing has to be agreed on.
pub fn churn(args: &Args, keys: usize) {
    for &threads in &args.threads {
        let live = keys / threads;
        let ring = |thread| Mutex::new(Ring::of(thread, live));
        let table = |ring: &Mutex<Ring>| {
            let mut table = Table::for_keys(live);
            let ring = ring.lock().expect("nobody panics");
            ring.live().for_each(|key| table.insert(key, Box::new(Entry::new(key))));
            Mutex::new(table)
        };
        let theirs: Vec<_> = (0..threads).map(ring).collect();
        let tables: Vec<_> = theirs.iter().map(table).collect();
        let rings: Vec<_> = (0..threads).map(ring).collect();
        let store = Epochkv::new(keys);
        for ring in &rings {
            let ring = ring.lock().expect("nobody panics");
            ring.live().for_each(|key| store.insert(key, TEXTS[0]));
        }
        Row { keys, threads, rounds: args.rounds }.print(
            "bare churn",
            |thread| {
                let mut table = tables[thread].lock().expect("nobody panics");
                let mut ring = theirs[thread].lock().expect("nobody panics");
                ring.turn(|new, oldest| {
                    table.insert(new, Box::new(Entry::new(new)));
                    assert!(black_box(table.remove(oldest)).is_some(), "a lost key");
                });
            },
            |thread| {
                let mut ring = rings[thread].lock().expect("nobody panics");
                ring.turn(|new, oldest| {
                    store.insert(new, TEXTS[1]);
                    assert!(store.remove(oldest), "a lost key");
                });
            },
        );
    }
}
