//! Memory comes back: all that the store asks of the allocator is counted.
//!
//! One test at a time, because the counts are those of the process.

use epochkv::{IncrOptions, Kv, ManualClock, Pattern, Snapshot, Ttl, Value};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hash::RandomState;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

#[path = "memory/blocks.rs"]
mod blocks;
#[path = "memory/churn.rs"]
mod churn;
#[path = "memory/cleared.rs"]
mod cleared;
#[path = "memory/dying.rs"]
mod dying;
#[path = "memory/places.rs"]
mod places;
#[path = "memory/readers.rs"]
mod readers;
#[path = "memory/stalled.rs"]
mod stalled;
#[path = "common/writers.rs"]
mod writers;

/// The system's allocator, which counts what is out.
struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);
static BLOCKS: AtomicIsize = AtomicIsize::new(0);
/// Blocks that were ever taken.
static TAKEN: AtomicIsize = AtomicIsize::new(0);
/// Blocks that are as large as `MARKED`, which nothing else is.
static MARKS: AtomicIsize = AtomicIsize::new(0);

/// Sizes that only the values of these tests have.
const MARKED: std::ops::Range<usize> = 70_000..70_200;

fn count(layout: Layout, sign: isize) {
    // Relaxed: read when the threads that count have been joined, or by the
    // counting thread itself.
    BYTES.fetch_add(sign * layout.size() as isize, Ordering::Relaxed);
    BLOCKS.fetch_add(sign, Ordering::Relaxed);
    TAKEN.fetch_add(sign.max(0), Ordering::Relaxed);
    if MARKED.contains(&layout.size()) {
        MARKS.fetch_add(sign, Ordering::Relaxed);
    }
}

// SAFETY: both calls go to the system's allocator with the caller's arguments;
// the counting beside them touches atomics only and neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout, 1);
        // SAFETY: the caller's promise about the layout is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout, -1);
        // SAFETY: the block came from `alloc` above, so from the system's
        // allocator, with this layout, by the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Store = Kv<str, RandomState, ManualClock>;

/// What may stay: the collector's and the test harness's own.
const SLACK_BYTES: isize = 64 << 10;
const SLACK_BLOCKS: isize = 300;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    // What a process allocates once and keeps.
    let kv = Kv::new();
    kv.set_ex("warm", "up", 5).unwrap();
    flush();
    alone
}

fn flush() {
    // Several times: garbage may wait for a thread that has just ended.
    (0..20).for_each(|_| Kv::new().flush());
}

fn out() -> (isize, isize) {
    (BYTES.load(Ordering::Relaxed), BLOCKS.load(Ordering::Relaxed))
}

fn store() -> (Store, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

/// Whether all that `work` asks for comes back, and nothing else; it returns the greatest
/// number of bytes that were out before its end.
fn comes_back(what: &str, work: impl FnOnce() -> isize) {
    flush();
    let before = out();
    let most = work();
    let start = Instant::now();
    let (bytes, blocks) = loop {
        flush();
        let after = out();
        let (bytes, blocks) = (after.0 - before.0, after.1 - before.1);
        // A scope does not wait for the destructors of its threads, which hand over
        // what the threads have removed.
        let is_back = bytes.abs() < SLACK_BYTES && blocks.abs() < SLACK_BLOCKS;
        if is_back || start.elapsed() > Duration::from_secs(5) {
            break (bytes, blocks);
        }
    };
    assert!(most - before.0 > 4 * SLACK_BYTES, "{what}: too little to tell, {}", most - before.0);
    // Fewer than before would be some that came back twice.
    assert!(bytes.abs() < SLACK_BYTES, "{what}: {bytes} bytes stay out");
    assert!(blocks.abs() < SLACK_BLOCKS, "{what}: {blocks} blocks stay out");
}

fn value(n: usize) -> Value {
    match n % 5 {
        0 => (n as i64).into(),
        1 => "short".into(),
        2 => "x".repeat(300 + n % 2000).into(),
        3 => Value::list([n as i64; 10]),
        _ => Value::dict([("a", Value::from(n.to_string())), ("b", Value::list([1.5]))]),
    }
}

fn fill(kv: &Store, range: std::ops::Range<usize>, ttl: impl Into<Ttl>) {
    let ttl = ttl.into();
    range.for_each(|n| kv.set_ex(&format!("key:{n}"), value(n), ttl).unwrap());
}

#[test]
fn after_the_store_is_dropped() {
    let _alone = alone();
    comes_back("drop", || {
        let (kv, _) = store();
        fill(&kv, 0..20_000, 0);
        out().0
    });
    comes_back("drop in the middle of a resize", || {
        let (kv, _) = store();
        fill(&kv, 0..20_000, 0);
        // The next writes would move more; nobody makes them.
        kv.delete_matching(&Pattern::new("key:1*"));
        fill(&kv, 50_000..57_000, 9);
        out().0
    });
    comes_back("drop of stores with notes that no sweep has read", || {
        let stores: Vec<_> = (0..1_000).map(|_| store().0).collect();
        for kv in &stores {
            kv.sweep(0);
            kv.set_ex("k", 1, 60).unwrap();
        }
        out().0
    });
}

/// Each takes up what another one has left.
#[test]
fn threads_that_read_and_end_leave_nothing() {
    let _alone = alone();
    let (kv, _) = store();
    kv.set("k", "v").unwrap();
    let read = || (0..3_000).for_each(|_| assert!(kv.exists("k")));
    let many = || {
        for _ in 0..1_000 {
            thread::scope(|scope| scope.spawn(read).join().unwrap());
        }
        flush();
        out().0
    };
    let first = many();
    let second = many();
    assert!(second - first < SLACK_BYTES, "{} bytes stay out", second - first);
}

#[test]
fn after_overwrites_deletes_expirations_and_clears_of_a_living_store() {
    let _alone = alone();
    let (kv, clock) = store();
    let ways: [(&str, &dyn Fn()); 5] = [
        ("delete", &|| (0..20_000).for_each(|n| assert!(kv.delete(&format!("key:{n}"))))),
        ("delete_matching", &|| _ = kv.delete_matching(&Pattern::new("*"))),
        ("retain", &|| _ = kv.retain(|_, _| false)),
        ("clear", &|| {
            kv.clear();
            // What was cleared is released by the store's own writes or flushes.
            kv.flush();
        }),
        ("expiry", &|| {
            (0..20_000)
                .for_each(|n| assert!(kv.expire(&format!("key:{n}"), Duration::from_secs(1))));
            clock.advance(Duration::from_secs(1));
            assert!(kv.keys("*").is_empty());
        }),
    ];
    for (name, remove) in ways {
        comes_back(name, || {
            fill(&kv, 0..20_000, 0);
            fill(&kv, 0..20_000, 500);
            let most = out().0;
            remove();
            kv.shrink_to_fit();
            assert!(kv.is_empty());
            most
        });
    }
    comes_back("ten clears in a row", || {
        let mut most = 0;
        for _ in 0..10 {
            fill(&kv, 0..5_000, 0);
            most = most.max(out().0);
            kv.clear();
        }
        kv.flush();
        kv.shrink_to_fit();
        most
    });
}

#[test]
fn overwriting_one_key_for_long_needs_no_more_memory() {
    let _alone = alone();
    let (kv, _) = store();
    let before = out().0;
    let mut most = 0;
    for n in 0..50_000 {
        kv.set("k", format!("{n:0>1000}")).unwrap();
        most = most.max(out().0 - before);
    }
    assert!(most < 2 << 20, "{most} bytes out while 50 MB went through one key");
    kv.clear();
    flush();
    assert!(out().0 - before < SLACK_BYTES);
}

#[test]
fn after_threads_that_wrote_read_and_ended() {
    let _alone = alone();
    comes_back("threads", || {
        let (kv, clock) = store();
        let mosts: Vec<_> = thread::scope(|scope| {
            let work = |index: usize| {
                fill(&kv, index * 5_000..index * 5_000 + 10_000, index as u64);
                let kept: Vec<_> = kv.scan(&Pattern::new("*")).collect();
                kv.delete_matching(&Pattern::prefix(&format!("key:{index}")));
                clock.advance(Duration::from_millis(300));
                kv.shrink_to_fit();
                let most = out().0;
                drop(kept);
                kv.flush();
                most
            };
            let workers: Vec<_> = (0..4).map(|index| scope.spawn(move || work(index))).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
        });
        mosts.into_iter().max().unwrap_or(0)
    });
    comes_back("many short threads", || {
        let (kv, _) = store();
        let mut most = 0;
        for index in 0..200 {
            thread::scope(|scope| _ = scope.spawn(|| fill(&kv, index * 50..index * 50 + 100, 0)));
            most = most.max(out().0);
        }
        most
    });
}

#[test]
fn an_entry_is_freed_exactly_when_its_last_snapshot_goes() {
    let _alone = alone();
    let marked = |n: u8| Value::bytes(vec![n; MARKED.start + 50]);
    let marks = || MARKS.load(Ordering::Relaxed);
    assert_eq!(marks(), 0);
    let (kv, _) = store();
    for n in 0..50 {
        kv.set(&n.to_string(), marked(n)).unwrap();
    }
    flush();
    assert_eq!(marks(), 50);
    let mut kept: Vec<Snapshot> = kv.scan(&Pattern::new("*")).map(|item| item.snapshot()).collect();
    kept.extend(kept.clone());
    let items: Vec<_> = kv.scan(&Pattern::new("1?")).collect();
    assert_eq!((marks(), items.len()), (50, 10), "a snapshot copies nothing");
    // Half is deleted, half overwritten; then the store goes.
    (0..25).for_each(|n| assert!(kv.delete(&n.to_string())));
    (25..50).for_each(|n| kv.set(&n.to_string(), 1).unwrap());
    drop(kv);
    flush();
    assert_eq!(marks(), 50);
    for left in (0..50).rev() {
        let last = kept.pop().expect("two of each");
        let same = kept.iter().position(|other| other.is_same(&last)).expect("its clone");
        drop(last);
        flush();
        let held_by_item = items.iter().any(|item| item.snapshot().is_same(&kept[same]));
        let before = marks();
        drop(kept.swap_remove(same));
        assert_eq!(before - marks(), isize::from(!held_by_item), "{left} left");
    }
    assert_eq!(marks(), 10);
    drop(items);
    assert_eq!(marks(), 0);
}

#[test]
fn a_snapshot_holds_its_own_entry_and_nothing_else() {
    let _alone = alone();
    let before = out().0;
    let (kv, _) = store();
    fill(&kv, 0..20_000, 0);
    kv.set("kept", "text").unwrap();
    let snapshot = kv.get("kept").unwrap();
    drop(kv);
    flush();
    assert!(out().0 - before < SLACK_BYTES, "{} bytes out", out().0 - before);
    assert_eq!(snapshot, "text");
}

#[test]
fn deleting_most_keys_shrinks_the_table() {
    let _alone = alone();
    let before = out().0;
    let (kv, _) = store();
    let small = kv.stats().table_bytes;
    for n in 0..50_000 {
        kv.set(&n.to_string(), n).unwrap();
    }
    let (grown, most) = (kv.stats(), out().0 - before);
    assert!(grown.table_bytes > 50_000 * 8, "{grown:?}");
    // By itself, while keys are removed.
    (0..49_900).for_each(|n| assert!(kv.delete(&n.to_string())));
    let shrunk = kv.stats();
    assert!(shrunk.table_bytes < grown.table_bytes / 4, "{grown:?} to {shrunk:?}");
    assert!(shrunk.resizes > grown.resizes);
    // Not the table alone: of all that was asked for, with its last hundred keys there.
    flush();
    let left = out().0 - before;
    println!("{most} bytes for 50,000 keys, {left} for the last 100");
    assert!(most > 50_000 * 40 && left < most / 5, "of {most} bytes {left} stay out");
    // And by hand, as far as the rest allows.
    kv.shrink_to_fit();
    flush();
    let fitted = kv.stats();
    assert!(fitted.table_bytes <= shrunk.table_bytes && fitted.buckets <= 64, "{fitted:?}");
    assert_eq!((fitted.entries, kv.live_len(), kv.keys("499??").len()), (100, 100, 100));
    kv.clear();
    kv.shrink_to_fit();
    assert!(kv.stats().table_bytes <= small, "{:?}", kv.stats());
}

#[test]
fn a_capacity_is_kept_and_saves_the_growing() {
    let _alone = alone();
    let kv = Kv::with_capacity(10_000);
    let (start, resizes) = (kv.stats().buckets, kv.stats().resizes);
    (0..10_000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
    assert_eq!((kv.stats().buckets, kv.stats().resizes), (start, resizes));
    (0..10_000).for_each(|n| assert!(kv.delete(&n.to_string())));
    kv.shrink_to_fit();
    assert_eq!(kv.stats().buckets, start, "it does not shrink below its capacity");
}

/// Waits until something is so.
fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: {:?}", out());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Without any call of the store's, and without a flush: only the sweeper works.
#[test]
fn a_sweeper_gives_memory_back_after_a_mass_expiry_and_a_mass_delete() {
    let _alone = alone();
    let (kv, clock) = store();
    let _sweeper = kv.start_sweeper(Duration::from_millis(1)).unwrap();
    // What a sweeper and its wheel need themselves.
    kv.set_ex("warm", "up", 1).unwrap();
    clock.advance(Duration::from_secs(1));
    until("the first entry goes", || kv.is_empty());
    flush();
    let before = out();
    let is_back = || {
        let after = out();
        after.0 - before.0 < SLACK_BYTES && after.1 - before.1 < SLACK_BLOCKS
    };
    for round in 0..3 {
        let most = thread::scope(|scope| {
            let fill = || {
                fill(&kv, 0..50_000, 60);
                out().0
            };
            scope.spawn(fill).join().expect("no panic")
        });
        assert!(most - before.0 > 100 * SLACK_BYTES, "too little to tell: {most}");
        if round == 1 {
            // The deleter ends, and so hands over what it has removed.
            thread::scope(|scope| {
                scope.spawn(|| (0..50_000).for_each(|n| assert!(kv.delete(&format!("key:{n}")))));
            });
            // Their handles go when their time comes, or when they are too many.
        } else {
            clock.advance(Duration::from_secs(60));
        }
        until("memory comes back", is_back);
        until("the table shrinks", || kv.stats().buckets == 1);
    }
}

#[test]
fn a_sweeper_gives_back_what_a_clear_and_an_idle_store_have_left() {
    let _alone = alone();
    let (kv, _) = store();
    let _sweeper = kv.start_sweeper(Duration::from_millis(1)).unwrap();
    flush();
    let before = out().0;
    for _ in 0..3 {
        thread::scope(|scope| {
            scope.spawn(|| {
                fill(&kv, 0..20_000, 0);
                kv.clear();
            });
        });
        until("cleared entries are released", || out().0 - before < SLACK_BYTES);
        // Removed entries of an idle store, one epoch later.
        thread::scope(|scope| {
            scope.spawn(|| {
                fill(&kv, 0..2_000, 0);
                fill(&kv, 0..2_000, 0);
                kv.retain(|_, _| false);
            });
        });
        until("removed entries are freed", || out().0 - before < SLACK_BYTES);
    }
}

#[test]
fn a_counter_changes_in_place() {
    let _alone = alone();
    let (kv, _) = store();
    kv.set("reading", "keeps what others remove").unwrap();
    kv.set("count", 1).unwrap();
    kv.set_ex("window", 1, 60).unwrap();
    let ways: [&dyn Fn(i64); 6] = [
        &|_| _ = kv.incr("count").unwrap(),
        &|n| kv.set("count", n).unwrap(),
        &|_| _ = kv.incr_with("count", &IncrOptions::by(1).ttl_on_create(9)).unwrap(),
        &|_| _ = kv.incr_with("count", &IncrOptions::by(1).ttl_if_none(Ttl::NEVER)).unwrap(),
        &|_| _ = kv.incr_with("window", &IncrOptions::by(1).ttl_if_none(9)).unwrap(),
        &|_| _ = kv.incr_with("count", &IncrOptions::by(1).ttl_refresh(Ttl::NEVER)).unwrap(),
    ];
    for (n, way) in ways.iter().enumerate() {
        let grown = kv.with("reading", |_| {
            let before = out().0;
            (0..10_000).for_each(way);
            out().0 - before
        });
        assert!(grown.unwrap() < SLACK_BYTES, "way {n}: {grown:?}");
    }
}

/// Notes that nobody takes: bounded, whatever writers do.
#[test]
fn notes_without_a_sweep_are_bounded() {
    let _alone = alone();
    let (kv, _) = store();
    assert!(!kv.sweep(10).more);
    let before = out().0;
    let mut most = 0;
    for n in 0..3_000_000u64 {
        kv.set_ex(&(n % 8).to_string(), 1, 60).unwrap();
        kv.delete(&(n % 8).to_string());
        if n % 1000 == 0 {
            most = most.max(out().0 - before);
        }
    }
    assert!((8 << 20..24 << 20).contains(&most), "{most} bytes of notes");
    while kv.sweep(1000).more {}
    assert_eq!(kv.stats().handles, 0, "all that was lost is found, and nothing else");
    flush();
    assert!(out().0 - before < SLACK_BYTES, "{} bytes stay out", out().0 - before);
}
