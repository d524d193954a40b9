//! Any call, interrupted at its readings of the clock by anything: one place among the
//! interruptions must explain its answer, all theirs, and what is there in the end.

use epochkv::{Change, Clock, Condition, Expiry, IncrOptions, Kv, Pattern, Ttl, Value};
use std::fmt::Debug;
use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Store = Kv<str, RandomState, Interrupted>;

/// What happens at a reading, which is that of the number, counted from 1. Returns what is read.
type Hook = Box<dyn Fn(u64) -> u64 + Send>;

/// Readings of one call. Without another thread at work few do.
const MOST_READINGS: u64 = 8;

/// Shows seconds. Where it is armed, whoever reads it is interrupted first.
#[derive(Clone, Default)]
pub struct Interrupted(Arc<State>);

#[derive(Default)]
struct State {
    seconds: AtomicU64,
    armed: AtomicBool,
    readings: AtomicU64,
    hook: Mutex<Option<Hook>>,
}

impl Interrupted {
    fn seconds(&self) -> u64 {
        self.0.seconds.load(Ordering::Relaxed)
    }

    /// Says nothing.
    pub fn pass(&self, seconds: u64) -> String {
        self.0.seconds.fetch_add(seconds, Ordering::Release);
        String::new()
    }

    /// What `call` returns, with its readings interrupted.
    fn interrupt<R>(&self, hook: Hook, call: impl FnOnce() -> R) -> R {
        *self.0.hook.lock().unwrap() = Some(hook);
        self.0.armed.store(true, Ordering::Relaxed);
        let result = call();
        self.0.armed.store(false, Ordering::Relaxed);
        *self.0.hook.lock().unwrap() = None;
        result
    }

    /// What `call` returns, with `event` at its first reading, which it must come to.
    pub fn interrupt_once<R>(
        &self,
        event: impl Fn() -> u64 + Send + 'static,
        call: impl FnOnce() -> R,
    ) -> R {
        let clock = self.clone();
        let hook = move |number| if number == 1 { event() } else { clock.seconds() };
        let result = self.interrupt(Box::new(hook), call);
        assert!(self.0.readings.load(Ordering::Relaxed) > 0, "it read no clock");
        result
    }
}

impl Clock for Interrupted {
    fn now_ns(&self) -> u64 {
        // Interruptions are not interrupted.
        let seconds = if self.0.armed.swap(false, Ordering::Relaxed) {
            let number = self.0.readings.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(number <= MOST_READINGS, "a call that finds no end");
            let seconds = self.0.hook.lock().unwrap().as_ref().unwrap()(number);
            self.0.armed.store(true, Ordering::Relaxed);
            seconds
        } else {
            self.seconds()
        };
        seconds * 1_000_000_000
    }
}

fn show(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fixed(seconds: u64) -> Ttl {
    Ttl::until(secs(seconds))
}

/// Four seconds to live: from now, or, for the explanation, from then.
fn four(since: Option<u64>) -> Ttl {
    since.map_or(4.into(), |since| fixed(since + 4))
}

fn expire(kv: &Store, since: Option<u64>, condition: Condition) -> bool {
    match since {
        None => kv.expire_if("k", secs(4), condition),
        Some(since) => kv.expire_at("k", secs(since + 4), condition),
    }
}

fn update(kv: &Store, change: impl Fn() -> Change) -> String {
    let mut seen = None;
    let result = kv.update("k", |old| {
        seen = old.map(ToString::to_string);
        change()
    });
    show((result, seen))
}

/// A call with its answer as text. A time to live counts from the call, or from then.
type Call = fn(&Store, Option<u64>) -> String;

const CALLS: &[Call] = &[
    |kv, _| show(kv.get("k")),
    |kv, _| show(kv.with("k", |value| show(value))),
    |kv, _| show(kv.exists("k")),
    // Each key by itself, so only of one.
    |kv, _| show(&kv.get_many(["j", "k"])[1]),
    |kv, _| {
        let mut last = String::new();
        kv.with_many(["j", "k"], |_, value| last = show(value));
        last
    },
    |kv, _| show(kv.incr("k")),
    |kv, _| show(kv.incr_by("k", i64::MAX)),
    |kv, _| show(kv.incr_float("k", 1.0)),
    |kv, _| show(kv.incr_with("k", &IncrOptions::by(1).max(9))),
    |kv, since| show(kv.incr_with("k", &IncrOptions::by(1).ttl_on_create(four(since)))),
    |kv, since| show(kv.incr_with("k", &IncrOptions::by(1).ttl_if_none(four(since)))),
    |kv, since| show(kv.incr_with("k", &IncrOptions::by(1).ttl_refresh(four(since)))),
    |kv, _| show(kv.set("k", 50)),
    |kv, since| show(kv.set_ex("k", 50, four(since))),
    |kv, since| show(kv.set_many([("k", 50)], four(since))),
    |kv, _| show(kv.swap("k", 50, Ttl::NEVER)),
    |kv, since| show(kv.swap("k", 50, four(since))),
    |kv, _| show(kv.set_if_absent("k", 50, Ttl::NEVER)),
    |kv, since| show(kv.set_if_absent("k", 50, four(since))),
    |kv, _| show(kv.set_if_present("k", 50, Ttl::NEVER)),
    |kv, since| show(kv.set_if_present("k", 50, four(since))),
    |kv, _| show(kv.compare_and_set("k", 7, 50, Ttl::NEVER)),
    |kv, since| show(kv.compare_and_set("k", 10, 50, four(since))),
    |kv, _| show(kv.compare_and_delete("k", 10)),
    |kv, _| show(kv.take("k")),
    |kv, _| update(kv, || Change::Keep),
    |kv, _| update(kv, || Change::Set(Value::from(50))),
    |kv, since| update(kv, || Change::SetEx(Value::from(50), four(since))),
    |kv, _| update(kv, || Change::Remove),
    |kv, _| show(kv.get_or_insert_with("k", Ttl::NEVER, || 50)),
    |kv, since| show(kv.get_or_insert_with("k", four(since), || 50)),
    |kv, since| show(expire(kv, since, Condition::Always)),
    |kv, since| show(expire(kv, since, Condition::IfNone)),
    |kv, since| show(expire(kv, since, Condition::IfLater)),
    |kv, since| show(expire(kv, since, Condition::IfEarlier)),
    |kv, _| show(kv.expire("k", Duration::ZERO)),
    |kv, _| show(kv.expire_at("k", secs(9), Condition::IfSome)),
    |kv, since| match since {
        None => show(kv.get_and_expire("k", secs(4))),
        Some(_) => {
            let value = kv.get("k");
            expire(kv, since, Condition::Always);
            show(value)
        }
    },
    |kv, _| show(kv.persist("k")),
    |kv, _| show(kv.ttl_ms("k")),
    |kv, _| show(kv.delete("k")),
    |kv, _| show(kv.delete_many(["k"])),
    |kv, _| show(kv.delete_matching(&Pattern::new("k"))),
    |kv, _| show(kv.retain(|key, _| key != "k")),
    |kv, _| show(kv.keys("k")),
    |kv, _| show(kv.keys("*").contains(&"k".to_owned())),
    |kv, _| {
        let seen = |item: epochkv::Item| (item.key() == "k").then(|| show(item.value()));
        show(kv.scan(&Pattern::new("*")).filter_map(seen).collect::<Vec<_>>())
    },
    |kv, _| {
        kv.sweep(1000);
        String::new()
    },
];

/// What happens at a reading, with its answer as text.
type Step = fn(&Store, &Interrupted) -> String;

/// The first ones move the clock, by so much.
const PASSES: [u64; 3] = [3, 3, 10];

const STEPS: &[Step] = &[
    |_, clock| clock.pass(PASSES[0]),
    |_, clock| clock.pass(PASSES[1]),
    |_, clock| clock.pass(PASSES[2]),
    |kv, _| show(kv.set("k", 7)),
    |kv, _| show(kv.set_ex("k", 7, fixed(5))),
    |kv, _| show(kv.set_ex("k", 7, fixed(8))),
    |kv, _| show(kv.set_ex("k", 7, fixed(30))),
    |kv, _| show(kv.delete("k")),
    |kv, _| {
        kv.clear();
        String::new()
    },
    |kv, _| show(kv.expire_at("k", secs(30), Condition::Always)),
    |kv, _| show(kv.expire_at("k", secs(8), Condition::Always)),
    |kv, _| show(kv.incr("k")),
    |kv, _| show(kv.get("k")),
    |kv, _| show(kv.set_if_absent("k", 8, Ttl::NEVER)),
    |kv, _| show(kv.persist("k")),
    |kv, _| show(kv.take("k")),
];

/// A store with one of five contents.
fn store(content: usize) -> (Store, Interrupted) {
    let clock = Interrupted::default();
    let kv: Store = Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build();
    kv.set_ex("j", 0, 1000).unwrap();
    match content {
        0 => {}
        1 => kv.set("k", 10).unwrap(),
        2 => kv.set_ex("k", 10, 5).unwrap(),
        3 => kv.set_ex("k", 10, 12).unwrap(),
        _ => kv.set_ex("k", "text", 5).unwrap(),
    }
    (kv, clock)
}

/// What is there in the end, with its deadline.
fn end(kv: &Store, clock: &Interrupted) -> String {
    let until = match kv.expiry("k") {
        Expiry::In(left) => show(left + secs(clock.seconds())),
        other => show(other),
    };
    show((kv.get("k"), until))
}

/// Numbers by Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}

/// The steps at one reading, and after how many of them it is taken.
type Interruption = (Vec<usize>, usize);

/// What was done at readings, in order, with the answers.
type Log = Vec<(usize, String)>;

fn hook(kv: &Store, clock: &Interrupted, plan: Vec<Interruption>, log: &Arc<Mutex<Log>>) -> Hook {
    let (kv, clock, log) = (kv.clone(), clock.clone(), Arc::clone(log));
    Box::new(move |number| {
        let Some((steps, read_after)) = plan.get(number as usize - 1) else {
            return clock.seconds();
        };
        let mut seconds = clock.seconds();
        for (done, &step) in steps.iter().enumerate() {
            let answer = STEPS[step](&kv, &clock);
            log.lock().unwrap().push((step, answer));
            if done < *read_after {
                seconds = clock.seconds();
            }
        }
        seconds
    })
}

/// Whether the call could have come at one instant between two steps of the log.
fn is_explained(content: usize, call: Call, answer: &str, log: &Log, last: &str) -> bool {
    let mut time = 0;
    let passed = log.iter().map(|(step, _)| {
        time += PASSES.get(*step).copied().unwrap_or(0);
        time
    });
    let mut times = vec![0];
    times.extend(passed);
    times.dedup();
    let starts = || [None].into_iter().chain(times.iter().copied().map(Some));
    (0..=log.len()).any(|cut| {
        starts().any(|since| {
            let (kv, clock) = store(content);
            let as_logged = |(step, answer): &(usize, String)| STEPS[*step](&kv, &clock) == *answer;
            log[..cut].iter().all(as_logged)
                && call(&kv, since) == answer
                && log[cut..].iter().all(as_logged)
                && end(&kv, &clock) == last
        })
    })
}

#[test]
fn every_call_has_an_instant_whatever_comes_between_its_readings() {
    let rounds = if cfg!(miri) { 300 } else { 200_000 };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut interrupted = 0;
    for round in 0..rounds {
        let (content, number) = (random.below(5), random.below(CALLS.len()));
        let plan: Vec<Interruption> = (0..5)
            .map(|_| {
                let steps: Vec<_> =
                    (0..random.below(5)).map(|_| random.below(STEPS.len())).collect();
                let read_after = random.below(steps.len() + 1);
                (steps, read_after)
            })
            .collect();
        let (kv, clock) = store(content);
        let log = Arc::new(Mutex::new(Log::new()));
        let hook = hook(&kv, &clock, plan.clone(), &log);
        let answer = clock.interrupt(hook, || CALLS[number](&kv, None));
        let (last, log) = (end(&kv, &clock), log.lock().unwrap().clone());
        interrupted += usize::from(!log.is_empty());
        assert!(
            is_explained(content, CALLS[number], &answer, &log, &last),
            "round {round}: no instant explains call {number} on content {content}: {answer}, \
             interrupted by {log:?} as of {plan:?}, in the end {last}"
        );
    }
    assert!(interrupted > rounds / 4, "{interrupted} were");
}

/// A clock that is no clock: no call reads it for ever.
#[test]
fn readings_that_go_anywhere_end() {
    let mut random = Random(77);
    for _ in 0..if cfg!(miri) { 300 } else { 40_000 } {
        let (kv, clock) = store(random.below(5));
        let most = [2, 7, 15, 18_000_000_000][random.below(4)];
        let number = random.below(CALLS.len());
        let readings = Mutex::new(Random(random.below(usize::MAX >> 12) as u64 + 1));
        let anything = move |_| readings.lock().unwrap().below(most) as u64;
        clock.interrupt(Box::new(anything), || CALLS[number](&kv, None));
    }
}

#[test]
fn an_item_that_took_the_place_of_an_expired_one_has_its_own_time() {
    let (kv, clock) = store(2);
    let (another, time) = (kv.clone(), clock.clone());
    let event = move || {
        time.pass(20);
        another.set_ex("k", 11, 5).unwrap();
        5
    };
    let found: Vec<_> = clock.interrupt_once(event, || {
        kv.scan(&Pattern::new("k*")).map(|item| (show(item.value()), item.expiry())).collect()
    });
    assert_eq!(found, [(show(Value::from(11)), Expiry::In(secs(5)))]);
}
