//! What sweeps are bounded by, and what they do beside each other.

use epochkv::{Clock, Kv, ManualClock};
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

const ALL: usize = usize::MAX;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Store = Kv<str, RandomState, ManualClock>;

fn store() -> (Store, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

/// A store for which writers note their deadlines.
fn fed() -> (Store, ManualClock) {
    let (kv, clock) = store();
    assert!(!kv.sweep(ALL).more);
    (kv, clock)
}

/// Sweeps in portions until nothing is due.
fn sweep(kv: &Store) -> usize {
    let mut removed = 0;
    for _ in 0..100_000 {
        let swept = kv.sweep(100);
        removed += swept.removed;
        if !swept.more {
            return removed;
        }
    }
    panic!("there always is more to do");
}

/// Nobody sweeps: the notes end at their bound, and are made up for.
#[test]
fn an_inbox_that_overflows_loses_nothing() {
    let (kv, clock) = fed();
    // At first below the bound, where nothing is made up for.
    for count in [10_000, 1_200_000] {
        for n in 0..count {
            kv.set_ex(&n.to_string(), 1, 1 + n % 7).unwrap();
        }
        clock.advance(secs(7));
        assert_eq!(sweep(&kv), count as usize);
        assert_eq!((kv.len(), kv.stats().handles), (0, 0));
    }
}

/// Threads file in parts of the inbox, one for each core; there are more threads than that.
#[test]
fn what_more_threads_than_cores_file_is_swept() {
    let threads = 4 * thread::available_parallelism().map_or(1, usize::from) as u64;
    let (kv, clock) = fed();
    let all_here = Barrier::new(threads as usize);
    thread::scope(|scope| {
        for n in 0..threads {
            let (kv, all_here) = (&kv, &all_here);
            scope.spawn(move || {
                // Its part is a thread's from its first call on.
                kv.set("k", 1).unwrap();
                all_here.wait();
                kv.set_ex(&n.to_string(), 1, 1).unwrap();
            });
        }
    });
    clock.advance(secs(1));
    assert_eq!(sweep(&kv) as u64, threads);
}

/// A key that is deleted long before its deadline leaves a handle behind; but
/// not many.
#[test]
fn handles_of_deleted_keys_are_weeded_out() {
    let (kv, clock) = fed();
    kv.set_ex("stays", 1, 3600).unwrap();
    for n in 0..100_000 {
        kv.set_ex(&format!("key:{n}"), n, 3600).unwrap();
        kv.delete(&format!("key:{n}"));
        if n % 1000 == 0 {
            sweep(&kv);
            assert!(kv.stats().handles < 6_000, "{:?}", kv.stats());
        }
    }
    clock.advance(secs(3600));
    assert_eq!((sweep(&kv), kv.len()), (1, 0));
}

#[test]
fn weeding_keeps_what_is_wanted() {
    let (kv, clock) = fed();
    for n in 0..3_000u64 {
        kv.set_ex(&format!("stays:{n}"), 1, secs(10 + n % 5)).unwrap();
    }
    for n in 0..30_000 {
        kv.set_ex(&format!("key:{n}"), n, 12).unwrap();
        kv.delete(&format!("key:{n}"));
    }
    // Once more, after the pause that follows.
    (0..100).for_each(|_| _ = sweep(&kv));
    let handles = kv.stats().handles;
    assert!((3_000..12_000).contains(&handles), "{handles}");
    clock.advance(secs(9));
    for _ in 0..5 {
        clock.advance(secs(1));
        assert_eq!(sweep(&kv), 600);
    }
}

#[test]
fn a_budget_is_kept() {
    let (kv, clock) = store();
    let fill = || (0..10_000).for_each(|n| kv.set_ex(&n.to_string(), n, 1).unwrap());
    fill();
    clock.advance(secs(1));
    let mut calls = 0;
    loop {
        let swept = kv.sweep(100);
        // A step of the walk is a whole bucket with its chain.
        assert!(swept.removed < 300, "{swept:?}");
        calls += 1;
        if !swept.more {
            break;
        }
    }
    assert!(calls > 50, "{calls} calls");
    fill();
    clock.advance(secs(1));
    let mut removed = 0;
    while removed < 10_000 {
        let swept = kv.sweep(100);
        assert!(swept.removed <= 100);
        removed += swept.removed;
    }
    assert_eq!(kv.sweep(0).removed, 0);
}

/// Sweeps that are too small for what is filed: keys that were deleted leave no
/// more handles behind than the bound says, wherever they wait.
#[test]
fn handles_are_bounded_however_little_is_swept() {
    for budget in [0, 1] {
        let (kv, clock) = store();
        kv.sweep(ALL);
        kv.set_ex("stays", 1, 3600).unwrap();
        for n in 0..400_000 {
            kv.set_ex(&format!("key:{n}"), n, 3600).unwrap();
            kv.delete(&format!("key:{n}"));
            if n % 1000 == 0 {
                kv.sweep(budget);
                let handles = kv.stats().handles;
                assert!(handles < 70_000, "{handles} after {n}");
            }
        }
        clock.advance(secs(3600));
        while kv.sweep(100).more {}
        assert_eq!(kv.len(), 0, "the walk finds what was dropped");
    }
}

/// The walk of a first sweep holds back no other sweep while it tells the callback.
#[test]
fn others_can_sweep_while_the_walk_tells_the_callback() {
    let (kv, clock) = store();
    (0..1_000).for_each(|n| kv.set_ex(&n.to_string(), n, 5).unwrap());
    clock.advance(secs(5));
    let mut told = 0;
    let swept = kv.sweep_with(ALL, |_, _| {
        assert!(!kv.sweep(0).busy);
        told += 1;
    });
    assert_eq!((swept.removed, told, kv.len()), (1_000, 1_000, 0));
}

/// A clock whose next reading is overtaken: between the reading and its use, time
/// passes and another sweep does its work.
#[derive(Clone, Default)]
struct Overtaken {
    ns: Arc<AtomicU64>,
    store: Arc<OnceLock<Weak<Kv<str, RandomState, Self>>>>,
    overtake: Arc<Mutex<Option<Duration>>>,
}

impl Clock for Overtaken {
    fn now_ns(&self) -> u64 {
        let now = self.ns.load(Ordering::SeqCst);
        let by = self.overtake.lock().unwrap().take();
        if let Some((by, kv)) = by.zip(self.store.get().and_then(Weak::upgrade)) {
            self.ns.fetch_add(by.as_nanos().try_into().unwrap(), Ordering::SeqCst);
            // Too little for all of them: some of the handles have been found due, and
            // wait for the next sweep.
            let swept = kv.sweep(15);
            assert!(swept.busy || (swept.removed > 0 && swept.more), "{swept:?}");
        }
        now
    }
}

#[test]
fn a_sweep_that_was_overtaken_postpones_nothing() {
    let clock = Overtaken::default();
    let hasher = RandomState::new();
    let kv = Arc::new(Kv::builder().hasher(hasher).clock(clock.clone()).build());
    assert!(clock.store.set(Arc::downgrade(&kv)).is_ok());
    kv.sweep(ALL);
    (0..20).for_each(|n| kv.set_ex(&n.to_string(), n, 5).unwrap());
    kv.sweep(ALL);
    *clock.overtake.lock().unwrap() = Some(secs(5));
    kv.sweep(ALL);
    assert_eq!(clock.now_ns(), 5_000_000_000);
    // No time passes any more.
    while kv.sweep(100).more {}
    assert_eq!(kv.len(), 0);
}
