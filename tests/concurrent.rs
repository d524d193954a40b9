//! Threads against each other: nothing lost, nothing doubled, nothing half done.
//!
//! More threads than cores, and short: the depth is in `linearize` and in the models.

use epochkv::{Change, IncrOptions, Kv, ManualClock, Pattern, Snapshot, Ttl, Value};
use seed::{Rng, seed_of_run};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use weak::Weak;
use writers::Stop;

#[path = "concurrent/absent.rs"]
mod absent;
#[path = "common/seed.rs"]
mod seed;
#[path = "concurrent/walks.rs"]
mod walks;
#[path = "common/weak.rs"]
mod weak;
#[path = "common/writers.rs"]
mod writers;

const THREADS: usize = 8;

/// A call to make beside others, with its name.
type Named = (&'static str, fn(&Kv));

/// Runs `work` in as many threads as there are, all starting together, and
/// returns what they return.
fn together<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let spawn = |index| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(index)
            })
        };
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
    })
}

/// Runs `work` again and again beside `main`, until `main` returns.
fn beside<R>(work: impl Fn(usize) + Sync, main: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for index in 0..2 {
            let (stop, work) = (&stop, &work);
            // Relaxed: nothing is read because of the flag.
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    work(index);
                }
            });
        }
        let _stop = Stop(&stop);
        main()
    })
}

/// A cleared table that still waits when the process ends looks like a leak.
fn release_cleared(kv: &Kv) {
    kv.flush();
}

/// Calls `round` for about a second, at least 20 times.
fn for_a_while(mut round: impl FnMut(u64)) {
    let start = Instant::now();
    (0..)
        .take_while(|n| *n < 20 || start.elapsed() < Duration::from_millis(800))
        .for_each(&mut round);
}

#[test]
fn results_of_incr_are_dense_and_distinct() {
    // Beside writers that freeze the integer, so that both ways to count meet.
    let decide: [Named; 4] = [
        ("nothing", |_| thread::yield_now()),
        ("expire and persist", |kv| {
            kv.expire("n", Duration::from_secs(1000));
            kv.persist("n");
        }),
        ("update", |kv| _ = kv.update("n", |_| Change::Keep)),
        ("compare_and_set", |kv| {
            if let Some(seen) = kv.get("n") {
                _ = kv.compare_and_set("n", &seen, &seen, Ttl::NEVER);
            }
        }),
    ];
    for (name, decide) in decide {
        const EACH: i64 = 20_000;
        let kv = Kv::new();
        let results = beside(
            |_| decide(&kv),
            || together(THREADS, |_| (0..EACH).map(|_| kv.incr("n").unwrap()).collect::<Vec<_>>()),
        );
        for own in &results {
            assert!(own.is_sorted(), "beside {name}: a thread's own results go up");
        }
        let mut all = results.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=EACH * THREADS as i64), "beside {name}");
    }
}

#[test]
fn increments_and_the_calls_that_take_the_value_add_up() {
    let kv = Kv::new();
    let (taken, mut added) = (AtomicI64::new(0), 0);
    let take = |snapshot: Option<Snapshot>| {
        let amount = snapshot.and_then(|value| value.as_int()).unwrap_or(0);
        taken.fetch_add(amount, Ordering::Relaxed);
    };
    let takers = |index| match index {
        0 => take(kv.take("n")),
        _ => take(kv.swap("n", 0, Ttl::NEVER).unwrap()),
    };
    beside(takers, || {
        for_a_while(|_| {
            let add = |n: i64| kv.incr_by("n", n).map(|_| n).unwrap();
            added +=
                together(2, |_| (0..5_000).map(|n| add(n % 7)).sum::<i64>()).iter().sum::<i64>();
        });
    });
    take(kv.take("n"));
    assert_eq!(taken.into_inner(), added);
}

/// Lets two threads begin each step at the same moment, closer than a lock could.
#[derive(Default)]
struct Steps(AtomicUsize);

impl Steps {
    /// Waits for the other thread; `step` counts from 1.
    fn meet(&self, step: usize) {
        self.0.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0u32;
        while self.0.load(Ordering::Acquire) < 2 * step {
            spins += 1;
            if spins % 1000 == 0 { thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

#[test]
fn exactly_one_thread_inserts_an_absent_key() {
    // A chain that takes a moment to search, so that the insertions overlap.
    let kv = Kv::builder().hasher(Weak { bits: 0, high: false }).build();
    (0..60).for_each(|n| kv.set(&format!("stable:{n}"), n).unwrap());
    let (steps, winners) = (Steps::default(), AtomicUsize::new(0));
    together(2, |index| {
        for round in 0..20_000 {
            steps.meet(2 * round + 1);
            let own = if round % 2 == 0 {
                kv.set_if_absent("k", index as i64, Ttl::NEVER).unwrap()
            } else {
                let made = kv.get_or_insert_with("k", Ttl::NEVER, || index as i64);
                made.unwrap() == index as i64
            };
            winners.fetch_add(usize::from(own), Ordering::Relaxed);
            steps.meet(2 * round + 2);
            // A violation shows after the end: a panic here would leave the other waiting.
            if index == 0 && kv.delete("k") && kv.exists("k") {
                winners.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert_eq!(winners.into_inner(), 20_000, "two winners, or a second copy after the delete");
    assert_eq!((kv.len(), kv.live_len(), kv.exists("k")), (60, 60, false));
}

#[test]
fn no_update_is_lost() {
    const EACH: usize = 4_000;
    let kv = Kv::new();
    let push = |old: Option<&Snapshot>, item: i64| {
        let mut list =
            old.and_then(Snapshot::as_list).map(|list| list.to_vec()).unwrap_or_default();
        // Short, so that the test does not copy for most of its time.
        if list.len() == 8 {
            list.clear();
        }
        list.push(item.into());
        Value::list(list)
    };
    let lengths = together(4, |index| {
        for n in 0..EACH {
            _ = kv.update("list", |old| Change::Set(push(old, 1))).unwrap();
            kv.update("sum", |old| {
                Change::Set((old.and_then(Snapshot::as_int).unwrap_or(0) + 1).into())
            })
            .unwrap();
            loop {
                let seen = kv.get("float");
                let next = seen.as_ref().and_then(Snapshot::as_float).unwrap_or(0.0) + 1.0;
                let done = match &seen {
                    None => kv.set_if_absent("float", next, Ttl::NEVER),
                    Some(seen) if n % 2 == 0 => kv.compare_and_set("float", seen, next, Ttl::NEVER),
                    Some(seen) => kv.compare_and_set_snapshot("float", seen, next, Ttl::NEVER),
                };
                if done.unwrap() {
                    break;
                }
            }
            loop {
                let Some(seen) = kv.get("text") else {
                    _ = kv.set_if_absent("text", "0", Ttl::NEVER);
                    continue;
                };
                let next = seen.as_str().unwrap().parse::<usize>().unwrap() + 1;
                if kv.compare_and_set_snapshot("text", &seen, next.to_string(), 0).unwrap() {
                    break;
                }
            }
            _ = kv.incr_float("incr_float", 1.0).unwrap();
        }
        index
    });
    let total = EACH * lengths.len();
    assert_eq!(kv.get("sum").unwrap(), total as i64);
    assert_eq!(kv.get("float").unwrap(), total as f64);
    assert_eq!(kv.get("text").unwrap(), total.to_string());
    assert_eq!(kv.get("incr_float").unwrap(), total as f64);
    // A list of 1 to 8 items, one more each time.
    assert_eq!(kv.get("list").unwrap().as_list().unwrap().len(), (total - 1) % 8 + 1);
}

#[test]
fn a_key_never_goes_missing_while_the_table_is_resized_around_it() {
    let kv = Kv::new();
    kv.set("text", "0").unwrap();
    kv.set("count", 0).unwrap();
    let churn = |index: usize| {
        (0..3000).for_each(|n| kv.set(&format!("{index}:{n}"), n).unwrap());
        (0..3000).for_each(|n| assert!(kv.delete(&format!("{index}:{n}")), "{n} was there"));
        kv.shrink_to_fit();
    };
    beside(churn, || {
        let mut last = 0;
        for_a_while(|round| {
            for n in 0..200 {
                kv.set("text", (round * 1000 + n).to_string()).unwrap();
                assert_eq!(kv.get("text").unwrap(), (round * 1000 + n).to_string());
                last += 1;
                assert_eq!(kv.incr("count"), Ok(last));
                assert!(kv.exists("count") && kv.expire("count", Duration::from_secs(500)));
            }
        });
    });
}

#[test]
fn nothing_set_before_a_clear_that_returned_survives_it() {
    let kv = Kv::new();
    // Each thread's writes are numbered. What is seen after a clear must have
    // been begun after the clear began.
    let begun: [AtomicI64; 2] = Default::default();
    let write = |index: usize| {
        for key in 0..50 {
            let number = begun[index].load(Ordering::SeqCst);
            kv.set(&format!("{index}:{key}"), number).unwrap();
            begun[index].store(number + 1, Ordering::SeqCst);
        }
    };
    beside(write, || {
        for_a_while(|_| {
            // What ended before the clear begins has a number below this one.
            let ended: Vec<_> = begun.iter().map(|begun| begun.load(Ordering::SeqCst)).collect();
            kv.clear();
            for item in kv.scan(&Pattern::new("*")) {
                let index: usize = item.key().split(':').next().unwrap().parse().unwrap();
                let number = item.value().as_int().unwrap();
                assert!(number >= ended[index], "{item:?}, but {ended:?} had ended before");
            }
        });
    });
    kv.clear();
    assert_eq!((kv.len(), kv.live_len()), (0, 0));
    release_cleared(&kv);
}

#[test]
fn what_is_set_after_a_clear_that_returned_stays() {
    let kv = Kv::new();
    beside(
        |index| (0..200).for_each(|n| kv.set(&format!("noise {index} {n}"), n).unwrap()),
        || {
            for_a_while(|round| {
                kv.clear();
                kv.set("mine", round as i64).unwrap();
                kv.shrink_to_fit();
                assert_eq!(kv.get("mine").unwrap(), round as i64);
                assert_eq!((kv.incr("counter"), kv.keys("mine").len()), (Ok(1), 1));
            });
        },
    );
    release_cleared(&kv);
}

#[test]
fn clear_takes_all_keys_at_one_instant() {
    let kv = Kv::new();
    let names: Vec<String> = (0..3_000).map(|n| format!("k{n}")).collect();
    for_a_while(|_| {
        names.iter().for_each(|name| kv.set(name, 1).unwrap());
        together(2, |index| {
            if index == 0 {
                thread::yield_now();
                return kv.clear();
            }
            let mut gone = false;
            while !gone {
                for name in &names {
                    let here = kv.exists(name);
                    assert!(!(gone && here), "{name} is there, another one was cleared");
                    gone |= !here;
                }
            }
        });
    });
    release_cleared(&kv);
}

#[test]
fn bounds_hold_among_threads() {
    for_a_while(|_| {
        let kv = Kv::new();
        let applied = |options: IncrOptions| {
            let one = || kv.incr_with("k", &options).unwrap().applied;
            together(THREADS, |_| (0..100).map(|_| one()).sum::<i64>()).iter().sum::<i64>()
        };
        assert_eq!(applied(IncrOptions::by(1).max(500).ttl_on_create(1000)), 500);
        assert!(kv.get("k").unwrap() == 500 && kv.ttl("k") > 900);
        assert_eq!(applied(IncrOptions::by(-3).min(0).saturate(true)), -500);
        assert!(kv.get("k").unwrap() == 0 && kv.ttl("k") > 900);
    });
}

#[test]
fn take_and_delete_hand_each_value_to_one_caller() {
    const ITEMS: i64 = 40_000;
    let kv = Kv::new();
    let deleted = AtomicUsize::new(0);
    let taken = together(6, |index| {
        let mut taken = Vec::new();
        for n in 0..ITEMS {
            let key = format!("{}", n % 16);
            match index {
                // Two producers, each with values of its own.
                0 | 1 => {
                    let value = n * 2 + index as i64;
                    while !kv.set_if_absent(&key, value, Ttl::NEVER).unwrap() {
                        taken.extend(kv.take(&key).and_then(|value| value.as_int()));
                    }
                }
                2 => _ = deleted.fetch_add(usize::from(kv.delete(&key)), Ordering::Relaxed),
                _ => taken.extend(kv.take(&key).and_then(|value| value.as_int())),
            }
        }
        taken
    });
    let taken = taken.concat();
    let distinct: BTreeSet<_> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len(), "a value was taken twice");
    let left = kv.live_len();
    assert_eq!(taken.len() + deleted.into_inner() + left, 2 * ITEMS as usize);
}

#[test]
fn nobody_sees_a_key_absent_and_then_its_expired_value() {
    let seed = seed_of_run("nobody_sees_a_key_absent_and_then_its_expired_value");
    let mut draw = Rng::new(seed);
    for_a_while(|_| {
        let clock = ManualClock::new();
        let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
        kv.set_ex("k", "old", Duration::from_millis(20)).unwrap();
        kv.set_ex("n", 1000, Duration::from_millis(20)).unwrap();
        let ticks: Vec<_> = (0..40).map(|_| Duration::from_micros(draw.next() % 1000)).collect();
        together(5, |index| match index {
            0 => ticks.iter().for_each(|tick| {
                clock.advance(*tick);
                thread::yield_now();
            }),
            // Renews while the key lives: may win or lose, but only once each.
            1 => {
                for _ in 0..200 {
                    kv.expire("k", Duration::from_millis(2));
                    kv.persist("absent");
                }
            }
            2 => {
                for _ in 0..200 {
                    let counted = kv.incr("n").unwrap();
                    assert!(
                        counted > 1000 || kv.ttl("n") < 0,
                        "a new count under the old deadline"
                    );
                }
            }
            _ => {
                let (mut absent, mut anew) = (false, false);
                for _ in 0..400 {
                    let seen = kv.get("k").is_some();
                    assert!(!(absent && seen), "it came back");
                    absent |= !seen;
                    let count = kv.get("n").and_then(|value| value.as_int()).unwrap_or(0);
                    assert!(!(anew && count >= 1000), "the old count came back: {count}");
                    anew |= count < 1000;
                }
            }
        });
    });
}

#[test]
fn values_are_never_torn() {
    let kv = Kv::new();
    let make = |n: u64| match n % 3 {
        0 => Value::list([n as i64; 20]),
        1 => Value::from(n.to_string().repeat(30)),
        _ => Value::from("x".repeat(3000 + n as usize % 7)),
    };
    let is_whole = |value: &Snapshot| match (value.as_list(), value.as_str()) {
        (Some(list), _) => list.len() == 20 && list.iter().all(|item| item == &list[0]),
        (_, Some(text)) if text.starts_with('x') => text.bytes().all(|byte| byte == b'x'),
        (_, Some(text)) => text == text[..text.len() / 30].repeat(30),
        _ => false,
    };
    let numbers = AtomicUsize::new(0);
    beside(
        |_| {
            let n = numbers.fetch_add(1, Ordering::Relaxed) as u64;
            kv.set_ex("k", make(n), Ttl::from(n % 2 * 1000)).unwrap();
            let ttl = kv.ttl("k");
            assert!(ttl == -1 || ttl > 900, "{ttl}");
        },
        || {
            for_a_while(|_| {
                for _ in 0..1000 {
                    assert!(kv.get("k").is_none_or(|value| is_whole(&value)));
                }
            })
        },
    );
}
