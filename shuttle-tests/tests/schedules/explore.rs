//! Runs a scenario under many schedules and judges each.

use crate::calls::Request;
use crate::checker::{Verdict, budget, check};
use crate::draw::{Draw, MILLISECOND, Step};
use crate::history::{Call, History, Op, Readings, Ret};
use crate::report::explain;
use crate::rng::seed_of_run;
use crate::spec::State;
use epochkv::{Change, Clock, Kv, ManualClock, Value, internals};
use shuttle::rand::RngCore;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner, thread};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const THREADS: u16 = 4;
const STEPS: usize = 8;

/// Points at which a schedule under PCT changes to another thread against all priorities.
const DEPTH: usize = 3;

/// What frees unlinked entries and arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collector {
    /// Nobody, until the schedule ends.
    Keep,
    /// crossbeam-epoch, under the same schedule.
    Epoch,
}

/// What the threads work on, and how each draws its steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) keys: u32,
    pub(crate) collector: Collector,
    /// Whether migrations are to be met.
    pub(crate) resizes: bool,
    /// Whether the clock moves, and expired entries are to be met.
    pub(crate) expires: bool,
    pub(crate) draw: fn(&mut Draw) -> Step,
}

/// What all schedules of a scenario have met.
#[derive(Debug, Default)]
struct Met {
    /// Begun.
    schedules: AtomicU64,
    /// Ended, and found right.
    judged: AtomicU64,
    resizes: AtomicU64,
    expired: AtomicU64,
}

/// Runs a scenario: half of the schedules at random, half by PCT (Burckhardt, Kothari,
/// Musuvathi, Nagarakatte 2010). Fails in the first schedule that has no linearization, or
/// in which the store panics, and if none has met what the scenario is for.
pub(crate) fn explore(scenario: Scenario) {
    let name = scenario.name;
    if let Ok(schedule) = std::env::var("EPOCHKV_SCHEDULE") {
        // Printed in lines.
        let schedule: String = schedule.split_whitespace().collect();
        let mut replay = ReplayScheduler::new_from_encoded(&schedule);
        // It ends where the failure was, before the destructors run.
        replay.set_allow_incomplete();
        let met = Arc::new(Met::default());
        run(scenario, replay, "replay", &met);
        assert_eq!(met.judged.load(Relaxed), 1, "the schedule does not fit this code");
        println!("{name}: the schedule passes");
        return;
    }
    let count: usize = std::env::var("EPOCHKV_SCHEDULES")
        .map_or(1000, |text| text.trim().parse().expect("EPOCHKV_SCHEDULES is a number"));
    assert!(count >= 2, "each scheduler needs a schedule");
    let seed = seed_of_run();
    println!("{name}: EPOCHKV_SEED={seed}");
    let met = Arc::new(Met::default());
    let start = Instant::now();
    run(scenario, RandomScheduler::new_from_seed(seed, count / 2), "random", &met);
    run(scenario, PctScheduler::new_from_seed(seed, DEPTH, count - count / 2), "PCT", &met);
    let seconds = start.elapsed().as_secs_f64();
    let (judged, resizes) = (met.judged.load(Relaxed), met.resizes.load(Relaxed));
    let expired = met.expired.load(Relaxed);
    println!("{name}: {judged} schedules, {resizes} resizes, {expired} expired, {seconds:.1} s");
    assert_eq!(judged, count as u64, "the exploration was cut");
    assert!(resizes > 0 || !scenario.resizes, "no schedule had a migration");
    assert!(expired > 0 || !scenario.expires, "in no schedule an entry expired");
}

fn run(
    scenario: Scenario,
    scheduler: impl Scheduler + Send + 'static,
    which: &str,
    met: &Arc<Met>,
) {
    let before = met.schedules.load(Relaxed);
    let counts = Arc::clone(met);
    let all = move || {
        let mut config = Config::new();
        // That it knows no weaker orderings is said in README.md.
        config.silence_warnings = true;
        Runner::new(scheduler, config).run(move || one(scenario, &counts));
    };
    // Shuttle's threads are all on one thread of the system, whose locals keep the garbage.
    let all = AssertUnwindSafe(|| internals::on_a_thread_of_its_own(all));
    if let Err(failure) = panic::catch_unwind(all) {
        let (name, number) = (scenario.name, met.schedules.load(Relaxed) - before);
        eprintln!("{name}: failed in schedule {number} ({which})");
        eprintln!("scripts/shuttle.sh --replay {name} SCHEDULE replays it; it is printed above");
        panic::resume_unwind(failure);
    }
}

type Store = Kv<str, epochkv::DefaultHashBuilder, ManualClock>;

/// A store, its clock, and the time by which calls are ordered.
#[derive(Clone, Debug)]
struct World {
    kv: Store,
    clock: ManualClock,
    expires: bool,
    /// The standard library's: a stamp must be no point of the schedule.
    time: Arc<AtomicU64>,
}

/// One schedule.
fn one(scenario: Scenario, met: &Met) {
    met.schedules.fetch_add(1, Relaxed);
    internals::use_epoch(scenario.collector == Collector::Epoch);
    judge(scenario, met);
    internals::release_kept();
    met.judged.fetch_add(1, Relaxed);
}

fn judge(scenario: Scenario, met: &Met) {
    // Drawn by shuttle, so that a replay draws the same.
    let seed = shuttle::rand::thread_rng().next_u64();
    internals::use_filter(seed % 2 == 0);
    let clock = ManualClock::new();
    let kv = Kv::builder().clock(clock.clone()).build();
    let world = World { kv, clock, expires: scenario.expires, time: Arc::default() };
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let world = world.clone();
            let draw = Draw::new(seed, number, scenario.keys);
            thread::spawn(move || world.work(number, draw, scenario.draw))
        })
        .collect();
    let mut history = History::default();
    for thread in threads {
        let log = thread.join().expect("the thread panicked");
        for (key, call) in log {
            if call.op == Op::Clear {
                history.clears.push(call);
            } else {
                history.calls.push((key, call));
            }
        }
    }
    let stats = world.kv.stats();
    met.resizes.fetch_add(stats.resizes, Relaxed);
    met.expired.fetch_add(stats.expired, Relaxed);
    // What is there in the end.
    let mut live = 0;
    for key in 0..scenario.keys {
        let last =
            world.call(THREADS, key, Op::Get, |kv, name| Request::new(Op::Get).run(kv, name));
        live += usize::from(last.ret != Ret::Value(None));
        history.calls.push((key, last));
    }
    assert_eq!(world.kv.live_len(), live, "a walk and look-ups do not agree");
    for (key, calls) in history.into_keys() {
        let outcome = check(&calls, State::ABSENT, budget(calls.len()));
        if outcome.verdict != Verdict::Linearizable {
            panic!("key {key}: {:?}, {}", outcome.verdict, explain(&calls));
        }
    }
}

impl World {
    /// The steps of one thread.
    fn work(&self, thread: u16, mut draw: Draw, next: fn(&mut Draw) -> Step) -> Vec<(u32, Call)> {
        let mut log = Vec::with_capacity(STEPS);
        for _ in 0..STEPS {
            let step = draw.step(next);
            let key = draw.key;
            let call = match step {
                Step::Call(op) => {
                    let request = Request::new(op);
                    self.call(thread, key, op, |kv, name| request.run(kv, name))
                }
                Step::Update(n) => {
                    self.call(thread, key, Op::Incr(n), |kv, name| increment_by_update(kv, name, n))
                }
                Step::Tick => {
                    self.clock.advance(Duration::from_nanos(MILLISECOND));
                    continue;
                }
                Step::Sweep => {
                    self.kv.sweep(8);
                    continue;
                }
                Step::Resize(lg) => {
                    self.kv.start_resize(lg);
                    continue;
                }
                Step::Flush => {
                    internals::pin().hand_over();
                    continue;
                }
            };
            draw.learn(call.op, call.ret);
            log.push((key, call));
        }
        log
    }

    fn call(&self, thread: u16, key: u32, op: Op, run: impl FnOnce(&Store, &str) -> Ret) -> Call {
        let name = format!("key:{key}");
        let before = self.reading();
        let start = self.time.fetch_add(1, Relaxed);
        let ret = run(&self.kv, &name);
        let end = self.time.fetch_add(1, Relaxed);
        let clock = Readings { before, after: self.reading() };
        Call { op, ret, start, end, clock, thread }
    }

    /// The clock's, which is a point of the schedule: not where it stands still.
    fn reading(&self) -> u64 {
        if self.expires { self.clock.now_ns() } else { 0 }
    }
}

/// What `incr_by` does, done by a closure.
fn increment_by_update(kv: &Store, key: &str, n: i64) -> Ret {
    let value = kv.update(key, |old| match old.map(|old| old.as_int()) {
        None => Change::Set(Value::from(n)),
        Some(Some(old)) => Change::Set(Value::from(old + n)),
        Some(None) => Change::Keep,
    });
    let value = value.expect("the key is short").expect("the key is there");
    value.as_int().map_or(Ret::Refused, Ret::Int)
}
