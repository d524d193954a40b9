//! How a floor and epochkv take turns, and the table's lines.

use epochkv_bench::keys::{Draw, Keys, Shape};
use std::sync::Barrier;
use std::time::Instant;

/// Calls of a thread in one turn.
pub const CALLS: usize = 1 << 20;

/// The first line of the table.
pub fn print_header() {
    println!(
        "{:<21} {:>9} {:>4}  {:>9} {:>9}  ratio (low..high)",
        "", "keys", "thr", "floor", "epochkv"
    );
}

/// What some lines of the table are about.
pub struct Row {
    pub keys: usize,
    pub threads: usize,
    pub rounds: usize,
}

impl Row {
    /// Times the two in turns, and prints the round of the median ratio. Each is called once by
    /// each thread, with its number, and makes [`CALLS`] calls.
    pub fn print(&self, name: &str, floor: impl Fn(usize) + Sync, ours: impl Fn(usize) + Sync) {
        let turns = || (time(self.threads, &floor), time(self.threads, &ours));
        let mut rounds: Vec<_> = (0..self.rounds).map(|_| turns()).collect();
        let ratio = |&(floor, ours): &(f64, f64)| floor / ours;
        rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let [low, high] = [&rounds[0], &rounds[rounds.len() - 1]].map(ratio);
        let middle = rounds[rounds.len() / 2];
        println!(
            "{name:<21} {:>9} {:>4}  {:>6.1} ns {:>6.1} ns  {:.2} ({low:.2}..{high:.2})",
            self.keys,
            self.threads,
            middle.0,
            middle.1,
            ratio(&middle),
        );
    }
}

/// Keys of so many threads.
pub fn drawn(shape: Shape, draw: Draw, keys: usize, threads: usize) -> Vec<Keys> {
    (0..threads as u64).map(|n| Keys::drawn(shape, draw, keys, CALLS, n)).collect()
}

/// One call per key.
pub fn each(walks: &[Keys], call: impl Fn(&str) + Sync) -> impl Fn(usize) + Sync {
    move |thread| {
        let mut walk = walks[thread].walk(1);
        (0..CALLS).for_each(|_| call(walk.next()));
    }
}

/// One call for `N` keys; it counts as `N`.
pub fn batches<const N: usize>(
    walks: &[Keys],
    call: impl Fn(&[&str; N]) + Sync,
) -> impl Fn(usize) + Sync {
    move |thread| {
        let mut walk = walks[thread].walk(1);
        let mut keys = [""; N];
        for _ in 0..CALLS / N {
            keys.iter_mut().for_each(|key| *key = walk.next());
            call(&keys);
        }
    }
}

/// Nanoseconds per call, of all threads at once.
fn time(threads: usize, run: impl Fn(usize) + Sync) -> f64 {
    let (barrier, run) = (&Barrier::new(threads), &run);
    let seconds = std::thread::scope(|scope| {
        let timed = |thread| {
            barrier.wait();
            let start = Instant::now();
            run(thread);
            start.elapsed().as_secs_f64()
        };
        let started: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || timed(thread))).collect();
        let seconds = started.into_iter().map(|thread| thread.join().expect("no call panics"));
        seconds.fold(0.0, f64::max)
    });
    seconds * 1e9 / CALLS as f64
}
