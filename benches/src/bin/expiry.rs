//! What expiry costs: writes with a sweeper and without, expirations a second, and
//! the speed of other keys while a million expire.
//!
//! ```sh
//! cargo run --release -p epochkv-bench --bin expiry
//! ```
//!
//! Every ratio compares turns of one round, and rounds alternate. Medians, with the
//! lowest and the highest round in brackets.

use clap::Parser;
use epochkv::{Kv, ManualClock};
use epochkv_bench::rng::Rng;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Measures what expiry costs.
#[derive(Debug, Parser)]
struct Args {
    /// How often everything is done
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Keys that expire at once
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// Other keys
    #[arg(long, default_value_t = 100_000)]
    others: usize,
    /// The sweeper's tick, in milliseconds
    #[arg(long, default_value_t = 100)]
    tick: u64,
    /// The time of a turn
    #[arg(long, default_value_t = 300)]
    window_ms: u64,
    /// Only parts whose names begin so: overwrite, insert, rate, others
    #[arg(long, default_value = "")]
    only: String,
}

type Store = Kv<str, ahash::RandomState, ManualClock>;

fn store(capacity: usize) -> (Store, ManualClock) {
    let clock = ManualClock::new();
    let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
    (Kv::builder().capacity(capacity).hasher(hasher).clock(clock.clone()).build(), clock)
}

fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}:{n:012}")).collect()
}

const VALUE: &str = "24 bytes of text, or so.";
const HOUR: u64 = 3600;

fn main() {
    let args = Args::parse();
    println!("{args:?}");
    for threads in [1, 2] {
        if "overwrite".starts_with(&args.only) {
            overwrite(&args, threads);
        }
        if "insert".starts_with(&args.only) {
            insert(&args, threads);
        }
    }
    if "rate".starts_with(&args.only) {
        rate(&args);
    }
    for threads in [1, 2] {
        if "others".starts_with(&args.only) {
            others(&args, threads);
        }
    }
}

/// Prints the median and the extremes.
fn report(what: &str, unit: &str, mut figures: Vec<f64>) {
    figures.sort_by(f64::total_cmp);
    let median = figures[figures.len() / 2];
    let (low, high) = (figures[0], figures[figures.len() - 1]);
    println!("{what:<58} {median:>9.3} {unit} [{low:.3}, {high:.3}]");
}

/// Runs `work` on so many threads and returns the time that the longest takes.
fn timed(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for index in 0..threads {
            let work = &work;
            scope.spawn(move || work(index));
        }
    });
    start.elapsed()
}

/// Nanoseconds of the processor that this thread has had: what it waits for while others
/// run on its core is not in it.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The longest write, by the clock of the wall and by the time of the processor, in nanoseconds.
#[derive(Default)]
struct Worst {
    wall: AtomicU64,
    processor: AtomicU64,
}

impl Worst {
    fn write(&self, write: impl FnOnce()) {
        let (start, processor) = (Instant::now(), processor_time());
        write();
        let processor = processor_time() - processor;
        self.wall.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.processor.fetch_max(processor, Ordering::Relaxed);
    }

    /// In milliseconds; begins anew.
    fn take(&self) -> [f64; 2] {
        [&self.wall, &self.processor].map(|worst| worst.swap(0, Ordering::Relaxed) as f64 / 1e6)
    }
}

/// The time of `set_ex` over a key that is there, with a sweeper, by that
/// without one.
fn overwrite(args: &Args, threads: usize) {
    let keys = keys("key", args.others);
    let (swept, _) = store(args.others);
    let (plain, _) = store(args.others);
    let _sweeper = swept.start_sweeper(Duration::from_millis(args.tick)).expect("a thread");
    for kv in [&swept, &plain] {
        keys.iter().for_each(|key| kv.set_ex(key, VALUE, HOUR).expect("it is stored"));
    }
    let turn = |kv: &Store, round: usize| {
        let calls = AtomicU64::new(0);
        let window = Duration::from_millis(args.window_ms);
        let time = timed(threads, |index| {
            let mut rng = Rng::new((round * 8 + index) as u64);
            let start = Instant::now();
            let mut own = 0;
            while start.elapsed() < window {
                for _ in 0..256 {
                    let key = &keys[rng.below(keys.len() as u64) as usize];
                    kv.set_ex(key, VALUE, HOUR).expect("it is stored");
                }
                own += 256;
            }
            calls.fetch_add(own, Ordering::Relaxed);
        });
        time.as_secs_f64() / calls.into_inner() as f64
    };
    alternate(
        args,
        &format!("set_ex over a key, {threads} threads: time on / off"),
        |on, round| turn(if on { &swept } else { &plain }, round),
    );
}

/// The same for `set_ex` of a key that is not there. Stores are used again, so
/// that turns find memory in one state; between turns all keys are deleted.
fn insert(args: &Args, threads: usize) {
    let keys = keys("key", args.others);
    let (swept, _) = store(keys.len());
    let (plain, _) = store(keys.len());
    let _sweeper = swept.start_sweeper(Duration::from_millis(args.tick)).expect("a thread");
    let share = keys.len() / threads;
    let turn = |kv: &Store| {
        let mut time = Duration::ZERO;
        for _ in 0..5 {
            time += timed(threads, |index| {
                for key in &keys[index * share..(index + 1) * share] {
                    kv.set_ex(key, VALUE, HOUR).expect("it is stored");
                }
            });
            timed(threads, |index| {
                for key in &keys[index * share..(index + 1) * share] {
                    assert!(kv.delete(key));
                }
                kv.flush();
            });
            // The sweeper drops the notes.
            thread::sleep(Duration::from_millis(2 * args.tick + 20));
        }
        time.as_secs_f64() / (5 * keys.len()) as f64
    };
    let name = format!("set_ex of a new key, {threads} threads: time on / off");
    alternate(args, &name, |on, _| turn(if on { &swept } else { &plain }));
}

/// Takes turns with and without; the first one changes from round to round.
fn alternate(args: &Args, name: &str, mut turn: impl FnMut(bool, usize) -> f64) {
    let (mut ratios, mut on, mut off) = (Vec::new(), Vec::new(), Vec::new());
    turn(true, 0);
    turn(false, 0);
    for round in 0..args.rounds {
        let first = round % 2 == 0;
        let one = turn(first, round);
        let other = turn(!first, round);
        let (with, without) = if first { (one, other) } else { (other, one) };
        ratios.push(with / without);
        on.push(with * 1e9);
        off.push(without * 1e9);
    }
    report(name, "x", ratios);
    report("    on", "ns", on);
    report("    off", "ns", off);
}

/// Expirations a second by one thread: of handles that are in the wheel, and
/// with all that came before, from the inbox on.
fn rate(args: &Args) {
    let keys = keys("key", args.keys);
    let (mut due, mut filing, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let (kv, clock) = store(0);
        kv.sweep(1000);
        for key in &keys {
            kv.set_ex(key, VALUE, 60 + round as u64).expect("it is stored");
        }
        let start = Instant::now();
        while kv.sweep(4096).more {}
        filing.push(args.keys as f64 / start.elapsed().as_secs_f64() / 1e6);
        clock.advance(Duration::from_secs(60 + round as u64));
        let start = Instant::now();
        let mut calls = 0;
        if round % 2 == 0 {
            while kv.sweep(4096).more {}
        } else {
            while kv.sweep_with(4096, |key, _| calls += key.len()).more {}
        }
        let rate = args.keys as f64 / start.elapsed().as_secs_f64() / 1e6;
        assert!(kv.is_empty());
        if round % 2 == 0 { due.push(rate) } else { told.push(rate) }
    }
    report("handles a second from inbox to wheel, one thread", "M/s", filing);
    report("expirations a second, one thread", "M/s", due);
    if !told.is_empty() {
        report("expirations a second with a callback, one thread", "M/s", told);
    }
}

/// How fast reads and writes of other keys are while a million expire, by how
/// fast they are otherwise; and the longest call.
fn others(args: &Args, threads: usize) {
    let keys = keys("key", args.keys);
    let others = self::keys("other", args.others);
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    let (mut longest, mut longest_otherwise) =
        ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for round in 0..args.rounds {
        let (kv, clock) = store(0);
        let tick = Duration::from_millis(args.tick);
        let _sweeper = kv.start_sweeper(tick).expect("a thread");
        others.iter().for_each(|key| kv.set(key, VALUE).expect("it is stored"));
        keys.iter().for_each(|key| kv.set_ex(key, VALUE, HOUR).expect("it is stored"));
        while kv.stats().handles < keys.len() {
            thread::sleep(Duration::from_millis(10));
        }
        let (calls, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let worst = Worst::default();
        let work = |index: usize| {
            let mut rng = Rng::new((round * 8 + index) as u64);
            while !stop.load(Ordering::Relaxed) {
                for n in 0..64 {
                    let key = &others[rng.below(others.len() as u64) as usize];
                    if n % 10 == 0 {
                        worst.write(|| kv.set(key, VALUE).expect("it is stored"));
                    } else {
                        assert!(kv.exists(key));
                    }
                }
                calls.fetch_add(64, Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for index in 0..threads {
                let work = &work;
                scope.spawn(move || work(index));
            }
            thread::sleep(Duration::from_millis(100));
            let rate_of = |phase: &dyn Fn()| {
                worst.take();
                let (start, before) = (Instant::now(), calls.load(Ordering::Relaxed));
                phase();
                let done = calls.load(Ordering::Relaxed) - before;
                let time = start.elapsed();
                (done as f64 / time.as_secs_f64(), time, worst.take())
            };
            let window = Duration::from_millis(2 * args.window_ms);
            let (otherwise, _, calm) = rate_of(&|| thread::sleep(window));
            let (meanwhile, time, worst) = rate_of(&|| {
                clock.advance(Duration::from_secs(HOUR));
                while kv.len() > others.len() {
                    thread::sleep(Duration::from_millis(1));
                }
            });
            stop.store(true, Ordering::Relaxed);
            ratios.push(meanwhile / otherwise);
            rates.push(keys.len() as f64 / time.as_secs_f64() / 1e6);
            for kind in 0..2 {
                longest[kind].push(worst[kind]);
                longest_otherwise[kind].push(calm[kind]);
            }
        });
    }
    report(&format!("other keys while all expire, {threads} threads: speed"), "x", ratios);
    report("    expirations a second meanwhile, first tick included", "M/s", rates);
    let kinds = longest.into_iter().zip(longest_otherwise);
    for (by, (longest, otherwise)) in ["", ", time of the processor"].iter().zip(kinds) {
        report(&format!("    longest write meanwhile{by}"), "ms", longest);
        report(&format!("    longest write otherwise{by}"), "ms", otherwise);
    }
}
