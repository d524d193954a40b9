//! Faults of the caller: code that panics, calls back, or runs at the worst moment.

use epochkv::{Change, Input, Kv, ManualClock, Snapshot, Ttl, Value};
use operations::{Operation, Store, all, store};
use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use watchdog::watched;

#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/conversions.rs"]
mod conversions;
#[path = "faults/drops.rs"]
mod drops;
#[path = "faults/dying.rs"]
mod dying;
#[path = "faults/extremes.rs"]
mod extremes;
#[path = "common/operations.rs"]
mod operations;
#[path = "faults/script.rs"]
mod script;
#[path = "common/watchdog.rs"]
mod watchdog;
#[path = "common/writers.rs"]
mod writers;

/// Panics without a word on the standard error stream.
fn quiet_panic() -> ! {
    resume_unwind(Box::new("planned"))
}

/// Whether `body` panics.
fn panics(body: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(body)).is_err()
}

/// The store still does what it should.
fn check_usable(kv: &Store, what: &str) {
    let keys = kv.keys("*");
    assert_eq!((kv.live_len(), kv.scan_prefix("").count()), (keys.len(), keys.len()), "{what}");
    assert!(keys.iter().all(|key| kv.exists(key)), "{what}");
    kv.set_ex("usable", 1, 5).unwrap();
    assert_eq!((kv.incr("usable"), kv.ttl("usable"), kv.delete("usable")), (Ok(2), 5, true));
    (0..100).for_each(|n| kv.set(&format!("usable:{n}"), n).unwrap());
    assert_eq!(kv.delete_matching(&epochkv::Pattern::new("usable:*")), 100, "{what}");
    assert_eq!(kv.keys("*"), keys, "{what}");
    assert!(!kv.sweep(1000).busy, "{what}");
}

/// Makes hashes until a given call, which panics.
#[derive(Clone)]
struct Faulty {
    calls: Arc<AtomicUsize>,
    panics_at: usize,
}

struct FaultyHasher(std::hash::DefaultHasher, Faulty);

impl BuildHasher for Faulty {
    type Hasher = FaultyHasher;

    fn build_hasher(&self) -> FaultyHasher {
        FaultyHasher(std::hash::DefaultHasher::new(), self.clone())
    }
}

impl Hasher for FaultyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        if self.1.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.1.panics_at {
            quiet_panic();
        }
        self.0.finish()
    }
}

type FaultyStore = Kv<str, Faulty, ManualClock>;

#[test]
fn a_panic_in_any_call_of_the_hasher_does_nothing() {
    let called = script::run(usize::MAX);
    assert!(called >= 200, "{called}");
    (1..=called).for_each(|panics_at| _ = script::run(panics_at));
}

#[test]
fn a_panic_in_the_middle_of_a_bulk_removal_loses_nothing_else() {
    for panics_at in 1..=50 {
        let hasher = Faulty { calls: Arc::default(), panics_at: 100 + panics_at };
        let kv: FaultyStore = Kv::builder().hasher(hasher).clock(ManualClock::new()).build();
        for n in 0..50 {
            kv.set(&format!("doomed:{n}"), n).unwrap();
            kv.set(&format!("kept:{n}"), n).unwrap();
        }
        let doomed = epochkv::Pattern::new("doomed:*");
        let panicked = panics(|| match panics_at % 3 {
            0 => _ = kv.delete_matching(&doomed),
            1 => _ = kv.retain(|key, _| key.starts_with("kept")),
            _ => _ = kv.delete_many((0..50).map(|n| ["doomed:1", "doomed:2"][n % 2])),
        });
        // Walks know the hashes; only a list of keys has to be hashed.
        assert_eq!(panicked, panics_at % 3 == 2);
        assert_eq!(kv.keys("kept:*").len(), 50);
        kv.delete_matching(&doomed);
        assert_eq!((kv.len(), kv.live_len()), (50, 50));
    }
}

#[test]
fn a_closure_that_panics_changes_nothing() {
    for value in [Value::from(5), "text".into(), Value::list([1])] {
        let (kv, _) = store();
        kv.set_ex("k", &value, 9).unwrap();
        kv.set("l", 1).unwrap();
        let before = kv.get("k").unwrap();
        assert!(panics(|| _ = kv.update("k", |_| quiet_panic())));
        assert!(panics(|| _ = kv.update("absent", |_| quiet_panic())));
        assert!(panics(|| _ = kv.get_or_insert_with("absent", 9, || -> i64 { quiet_panic() })));
        assert!(panics(|| _ = kv.with("k", |_| -> () { quiet_panic() })));
        assert!(panics(|| _ = kv.retain(|_, _| quiet_panic())));
        let items = [1, 2, 3].into_iter();
        let items = items.map(|n| if n == 3 { quiet_panic() } else { ("many", n) });
        assert!(panics(|| _ = kv.set_many(items, 9)));
        // Not by identity alone: an increment in place would not show in it.
        assert!(kv.get("k").unwrap().is_same(&before));
        assert_eq!((kv.keys("*"), kv.ttl("k")), (vec!["k".into(), "l".into()], 9));
        check_usable(&kv, "after panics");
    }
}

#[test]
fn retain_has_done_what_it_did_before_its_closure_panics() {
    let (kv, _) = store();
    (0..300).for_each(|n| kv.set(&n.to_string(), n).unwrap());
    let mut shown = 0;
    assert!(panics(|| {
        kv.retain(|_, _| {
            shown += 1;
            if shown == 100 { quiet_panic() } else { false }
        });
    }));
    assert_eq!((kv.len(), kv.live_len()), (201, 201));
    check_usable(&kv, "after a panic in retain");
}

#[test]
fn retain_shows_an_entry_again_that_was_written_after_it_was_shown() {
    for (first, second) in [(Value::from(1), Value::from(2)), ("old".into(), "new".into())] {
        let (kv, _) = store();
        kv.set("k", &first).unwrap();
        let mut shown = Vec::new();
        let removed = kv.retain(|key, value| {
            shown.push(value.to_value());
            kv.set(key, &second).unwrap();
            *value == second
        });
        assert_eq!((removed, shown), (0, vec![first, second.clone()]));
        assert_eq!(kv.get("k").unwrap(), second);
    }
}

/// A call that runs `inner` from the caller's code inside of it.
type Host = (&'static str, fn(&Store, &str, &mut dyn FnMut()));

/// Runs code when it is converted.
struct Converted<'a>(&'a mut dyn FnMut());

impl<'v> From<Converted<'_>> for Input<'v> {
    fn from(converted: Converted<'_>) -> Self {
        (converted.0)();
        5.into()
    }
}

const HOSTS: [Host; 14] = [
    ("update", |kv, key, inner| {
        let (mut inner, mut runs) = (Some(inner), 0);
        let change = |_: Option<&Snapshot>| {
            runs += 1;
            // Once: a change in every run would never end.
            inner.take().into_iter().for_each(|inner| inner());
            Change::Set("updated".into())
        };
        assert_eq!(kv.update(key, change).unwrap().unwrap(), "updated");
        assert!(runs <= 2 && kv.get(key).unwrap() == "updated");
    }),
    ("get_or_insert_with", |kv, key, inner| {
        kv.delete(key);
        kv.get_or_insert_with(key, 9, || {
            inner();
            "made"
        })
        .unwrap();
        assert!(kv.exists(key));
    }),
    ("with", |kv, key, inner| assert!(kv.with(key, |_| inner()).is_some())),
    ("with_many", |kv, key, inner| {
        let mut inner = Some(inner);
        kv.with_many([key, key], |_, _| inner.take().into_iter().for_each(|inner| inner()));
    }),
    ("for_each_key", |kv, _, inner| {
        let mut inner = Some(inner);
        let all = epochkv::Pattern::new("*");
        kv.for_each_key(&all, |_| inner.take().into_iter().for_each(|inner| inner()));
    }),
    ("retain", |kv, _, inner| {
        let mut inner = Some(inner);
        kv.retain(|_, _| {
            inner.take().into_iter().for_each(|inner| inner());
            false
        });
    }),
    ("set's value", |kv, key, inner| kv.set(key, Converted(inner)).unwrap()),
    ("get_or_insert_with's value", |kv, key, inner| {
        kv.delete(key);
        assert!(kv.get_or_insert_with(key, 9, || Converted(inner)).is_ok() && kv.exists(key));
    }),
    ("compare_and_set's expected", |kv, key, inner| {
        _ = kv.compare_and_set(key, Converted(inner), 1, 9).unwrap();
    }),
    ("compare_and_delete's expected", |kv, key, inner| {
        _ = kv.compare_and_delete(key, Converted(inner));
    }),
    ("swap's value", |kv, key, inner| _ = kv.swap(key, Converted(inner), 9).unwrap()),
    ("get_many's keys", |kv, key, inner| {
        assert_eq!(kv.get_many([key, key].into_iter().inspect(|_| inner())).len(), 2);
    }),
    ("set_many's items", |kv, key, inner| {
        kv.set_many([(key, 1), (key, 2)].into_iter().inspect(|_| inner()), 0).unwrap();
        assert_eq!(kv.get(key).unwrap(), 2);
    }),
    ("delete_many's keys", |kv, key, inner| {
        kv.delete_many([key, key].into_iter().inspect(|_| inner()));
    }),
];

#[test]
fn every_operation_may_be_called_from_within_every_closure() {
    let in_host =
        |(host_name, host): Host, (name, operation): Operation, inner_key: &'static str| {
            let what = format!("{name} of {inner_key:?} within {host_name}");
            let shown = what.clone();
            watched(&what, move || {
                for value in [Value::from(5), "text".into()] {
                    let (kv, clock) = store();
                    kv.set_ex("k", &value, 9).unwrap();
                    kv.set_ex("other", &value, 1).unwrap();
                    (0..20).for_each(|n| kv.set(&format!("filler:{n}"), n).unwrap());
                    clock.advance(Duration::from_millis(500));
                    let mut runs = 0;
                    host(&kv, "k", &mut || {
                        runs += 1;
                        operation(&kv, inner_key);
                    });
                    assert!(runs > 0);
                    check_usable(&kv, &shown);
                }
            });
        };
    for host in HOSTS {
        for operation in all() {
            in_host(host, operation, "k");
            in_host(host, operation, "other");
        }
    }
}

#[test]
fn closures_may_be_nested_in_each_other() {
    watched("nested closures", || {
        let (kv, _) = store();
        kv.set("k", "text").unwrap();
        fn nest(kv: &Store, hosts: &[Host]) {
            if let Some(((_, host), rest)) = hosts.split_first() {
                kv.set("k", "text").unwrap();
                host(kv, "k", &mut || nest(kv, rest));
            } else {
                kv.set("innermost", 1).unwrap();
            }
        }
        // Without retain, which would remove what proves that the end was reached.
        let hosts: Vec<_> = HOSTS.into_iter().filter(|(name, _)| *name != "retain").collect();
        nest(&kv, &hosts);
        assert!(kv.exists("innermost"));
        check_usable(&kv, "nested closures");
    });
}

/// Runs all operations when it is dropped, and reports their answers.
struct Late {
    kv: Store,
    report: mpsc::Sender<(&'static str, String)>,
}

impl Late {
    fn run(&self) {
        for (name, operation) in all() {
            self.kv.set("k", 5).expect("an integer is accepted");
            // The receiver outlives the thread.
            _ = self.report.send((name, operation(&self.kv, "k")));
        }
        self.kv.set("late", "done").expect("a text is accepted");
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.run();
    }
}

/// The answers at an ordinary moment.
fn ordinary_answers() -> Vec<(&'static str, String)> {
    let (report, answers) = mpsc::channel();
    drop(Late { kv: store().0, report });
    answers.iter().collect()
}

/// Answers that do not depend on the state of the table.
fn comparable(answers: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    answers.into_iter().filter(|(name, _)| *name != "stats").collect()
}

#[test]
fn operations_from_a_drop_during_unwinding() {
    watched("operations during unwinding", || {
        let (kv, _) = store();
        let (report, answers) = mpsc::channel();
        assert!(panics(|| {
            let _late = Late { kv: kv.clone(), report };
            _ = kv.update("k", |_| {
                kv.set("k", "inside").unwrap();
                quiet_panic()
            });
        }));
        assert_eq!(comparable(answers.iter().collect()), comparable(ordinary_answers()));
        assert_eq!(kv.get("late").unwrap(), "done");
        check_usable(&kv, "after unwinding");
    });
}

#[test]
fn operations_from_thread_local_destructors() {
    thread_local! {
        static EARLY: RefCell<Option<Late>> = const { RefCell::new(None) };
        static LATER: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    watched("operations from thread-local destructors", || {
        let (kv, _) = store();
        for rounds in 0..3 {
            let (report, answers) = mpsc::channel();
            let handle = kv.clone();
            kv.delete("late");
            // Registered before and after the library's own thread-locals, so
            // one of the two destructors runs when those are gone.
            let late = move || Some(Late { kv: handle.clone(), report: report.clone() });
            let worker = thread::spawn(move || {
                EARLY.with(|early| *early.borrow_mut() = late());
                late().iter().take(rounds).for_each(Late::run);
                LATER.with(|later| *later.borrow_mut() = late());
            });
            worker.join().unwrap();
            let answers: Vec<_> = answers.iter().collect();
            assert_eq!(answers.len() % ordinary_answers().len(), 0);
            assert!(answers.len() >= 2 * ordinary_answers().len(), "destructors did not run");
            assert_eq!(kv.get("late").unwrap(), "done");
        }
        check_usable(&kv, "after thread-local destructors");
    });
}

#[test]
fn a_thread_that_dies_in_user_code_holds_up_nobody() {
    watched("work after a thread died", || {
        let kv = Kv::new();
        for _ in 0..200 {
            let handle = kv.clone();
            let worker = thread::spawn(move || {
                _ = handle.update("k", |_| {
                    (0..50).for_each(|n| handle.set(&n.to_string(), n).unwrap());
                    quiet_panic()
                });
            });
            assert!(worker.join().is_err());
            assert!(kv.set_if_absent("k", 1, Ttl::NEVER).unwrap() && kv.delete("k"));
        }
        assert_eq!(kv.live_len(), 50);
    });
}

/// A thread that ends late in the life of much garbage releases it without
/// nesting one piece of work in the other.
#[test]
fn thousands_of_clears_wait_for_one_reader_and_end_with_a_thread() {
    let kv = Kv::new();
    kv.set("k", 1).unwrap();
    kv.with("k", |_| {
        let kv = kv.clone();
        let clears = std::thread::spawn(move || (0..20_000).for_each(|_| kv.clear()));
        clears.join().unwrap();
    });
    let other = kv.clone();
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || (0..2_000).for_each(|_| _ = other.get("k")))
        .unwrap()
        .join()
        .unwrap();
    kv.flush();
    assert!(kv.is_empty());
}

/// Answers differently every time.
#[derive(Clone, Default)]
struct Fickle(Arc<AtomicUsize>);

impl BuildHasher for Fickle {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        let mut hasher = Self::Hasher::new();
        hasher.write_usize(self.0.fetch_add(1, Ordering::Relaxed) % 2);
        hasher
    }
}

#[test]
fn a_fickle_hasher_makes_keys_unfindable_and_nothing_worse() {
    let kv: Kv<str, Fickle> = Kv::builder().hasher(Fickle::default()).build();
    for n in 0..1000 {
        let key = format!("key:{}", n % 50);
        kv.set(&key, n).unwrap();
        _ = kv.compare_and_delete(&key, n);
        _ = kv.compare_and_set(&key, n, n, Ttl::NEVER);
        _ = kv.update(&key, |_| Change::Set(Value::from(n)));
        _ = kv.get(&key);
    }
    assert!(kv.retain(|_, _| false) > 0);
    assert_eq!((kv.len(), kv.live_len()), (0, 0));
}
