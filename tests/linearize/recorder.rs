//! Drives a real store from several threads and records what they see.

use crate::calls::Request;
use crate::history::{Call, GRAIN, History, Op, Readings};
use crate::mixes::{Beside, Front, Mix, Next, Script};
use crate::rng::Rng;
use epochkv::{Clock, Kv, ManualClock, Stats};
use std::cell::Cell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A clock that can be read beside the store and, perhaps, moved.
pub(crate) trait TestClock: Clock + Clone + Send + Sync + 'static {
    /// Lets a little time pass.
    fn tick(&self);
}

impl TestClock for ManualClock {
    fn tick(&self) {
        self.advance(Duration::from_millis(1));
    }
}

/// Real time that passes faster, so that deadlines are reached within few calls. As
/// with the store's own clock, time passes in the middle of calls, but the
/// recorder can read it too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastClock {
    base: Instant,
    speed: u64,
}

impl FastClock {
    pub(crate) fn new(speed: u64) -> Self {
        Self { base: Instant::now(), speed }
    }
}

impl Clock for FastClock {
    fn now_ns(&self) -> u64 {
        since(self.base) * self.speed
    }
}

impl TestClock for FastClock {
    fn tick(&self) {}
}

fn since(base: Instant) -> u64 {
    base.elapsed().as_nanos() as u64
}

/// The clock given to the store: now and then a reading is held back, so that a call
/// is suspended after it began and others run meanwhile; with deadlines, until a
/// millisecond has passed. A call that acts on a stale reading is rare otherwise, and it is
/// where a store may change an entry that others have already seen expired.
#[derive(Debug)]
struct Stale<C> {
    clock: C,
    /// How often a reading that is held back gives up the processor at most.
    patience: u32,
}

/// One reading of a thread in so many is held back.
const HELD_BACK: u32 = 32;

thread_local! {
    /// The readings of this thread. A count of all threads would put a barrier into each
    /// call.
    static READINGS: Cell<u32> = const { Cell::new(0) };
}

impl<C: TestClock> Clock for Stale<C> {
    fn now_ns(&self) -> u64 {
        let now = self.clock.now_ns();
        let readings = READINGS.get().wrapping_add(1);
        READINGS.set(readings);
        if readings % HELD_BACK == 0 {
            for _ in 0..self.patience {
                thread::yield_now();
                if self.clock.now_ns() >= now.saturating_add(GRAIN) {
                    break;
                }
            }
        }
        now
    }
}

type Store<C> = Kv<str, ahash::RandomState, Stale<C>>;

/// Runs `mix` on a new store and returns `events` recorded calls.
pub(crate) fn record<C: TestClock>(
    mix: Mix,
    threads: u16,
    events: u32,
    seed: u64,
    clock: &C,
) -> (History, Stats) {
    let stale = Stale { clock: clock.clone(), patience: if mix.ttl { 32 } else { 2 } };
    let kv: Store<C> = Kv::builder().clock(stale).build();
    let front = Front::new(threads, events, &mut Rng::new(!seed));
    let start = Barrier::new(usize::from(threads));
    let stop = AtomicBool::new(false);
    let base = Instant::now();
    let mut history = History::default();
    thread::scope(|scope| {
        scope.spawn(|| accompany(&kv, mix.beside, clock, seed, &stop));
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let script = Script::new(mix, seed, thread, &front);
                let mut log = Vec::with_capacity(2 * events as usize / usize::from(threads));
                let (kv, start) = (&kv, &start);
                scope.spawn(move || {
                    let mut worker =
                        Worker { kv, clock, base, thread, name: String::new(), script };
                    start.wait();
                    while worker.call(&mut log) {}
                    log
                })
            })
            .collect();
        for worker in workers {
            let log = worker.join().expect("a recording thread does not panic");
            for (key, call) in log {
                if call.op == Op::Clear {
                    history.clears.push(call);
                } else {
                    history.calls.push((key, call));
                }
            }
        }
        // Relaxed: the join of the scope orders everything else.
        stop.store(true, Ordering::Relaxed);
    });
    let stats = kv.stats();
    (history, stats)
}

/// The thread beside the workers.
fn accompany<C: TestClock>(kv: &Store<C>, beside: Beside, clock: &C, seed: u64, stop: &AtomicBool) {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let fillers: Vec<String> = match beside {
        Beside::Filler => (0..LEAST_FILLERS << 7).map(|n| format!("filler:{n}")).collect(),
        _ => Vec::new(),
    };
    let sweeps = rng.one_in(2);
    // Relaxed: a flag that publishes nothing.
    while !stop.load(Ordering::Relaxed) {
        match beside {
            Beside::Nothing => return,
            Beside::Filler => {
                // Small sets more often than large ones: a small table changes its size
                // in a short time.
                let fillers = &fillers[..LEAST_FILLERS << rng.next().trailing_zeros().min(7)];
                for name in fillers {
                    kv.set(name, 1_i64).expect("a filler key is accepted");
                }
                for name in fillers {
                    kv.delete(name);
                }
                kv.shrink_to_fit();
                if rng.one_in(4) {
                    // To the workers that have yielded in the middle of their calls.
                    thread::yield_now();
                }
            }
            Beside::Ticker => {
                clock.tick();
                if sweeps {
                    kv.sweep(256);
                }
                if rng.one_in(64) {
                    kv.flush();
                }
                // A sleeper is woken in the middle of the workers' time slices.
                thread::sleep(Duration::from_micros(20));
            }
        }
    }
}

/// The keys that come and go beside the recorded ones: so many, or up to 2^7 times as many.
const LEAST_FILLERS: usize = 16;

/// One recording thread.
struct Worker<'a, C: TestClock> {
    kv: &'a Store<C>,
    clock: &'a C,
    base: Instant,
    thread: u16,
    name: String,
    script: Script<'a>,
}

impl<C: TestClock> Worker<'_, C> {
    /// Records one call, or moves the clock. False at the end.
    fn call(&mut self, log: &mut Vec<(u32, Call)>) -> bool {
        let (key, op) = match self.script.next() {
            Next::Call(key, op) => (key, op),
            Next::Tick => {
                self.clock.tick();
                return true;
            }
            Next::End => return false,
        };
        name(key, &mut self.name);
        let request = Request::new(op);
        // The readings enclose the timestamps: if one call ends before another
        // starts, its readings are not later than the other's.
        let before = self.clock.now_ns();
        let start = since(self.base);
        let ret = request.run(self.kv, &self.name);
        let end = since(self.base);
        let after = self.clock.now_ns();
        self.script.learn(key, op, ret);
        let clock = Readings { before, after };
        log.push((key, Call { op, ret, start, end, clock, thread: self.thread }));
        true
    }
}

/// The name of a key: its number in letters, without the detour of formatting, which
/// would take longer than most calls.
fn name(mut key: u32, name: &mut String) {
    name.clear();
    name.push_str("key:");
    loop {
        name.push(char::from(b'a' + (key % 16) as u8));
        key /= 16;
        if key == 0 {
            return;
        }
    }
}
