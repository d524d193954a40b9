//! Memory that is refused ends the process as the standard library does, whatever the
//! store was doing; and memory that is aligned no better than asked will do.

use epochkv::{Change, Cursor, IncrOptions, Kv, Pattern, Value};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::env;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Refuses the allocation that the calling thread's countdown comes to, and all that is
/// larger than any machine; and aligns a block to what was asked and to no more.
struct Strict;

thread_local! {
    /// Allocations of this thread until one is refused; 0: none is.
    static COUNTDOWN: Cell<usize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Blocks that are aligned to exactly what was asked.
static STRICTLY_ALIGNED: AtomicUsize = AtomicUsize::new(0);

const TOO_LARGE: usize = 1 << 40;

impl Strict {
    fn refuses(size: usize) -> bool {
        let is_last = COUNTDOWN.try_with(|countdown| {
            let left = countdown.get();
            countdown.set(left.saturating_sub(1));
            ALLOCATIONS.set(ALLOCATIONS.get() + 1);
            left == 1
        });
        size > TOO_LARGE || is_last.unwrap_or(false)
    }

    /// With room in front, so that the block may stand beside a better alignment.
    fn around(layout: Layout) -> Option<Layout> {
        let align = layout.align();
        Layout::from_size_align(layout.size().checked_add(align)?, 2 * align).ok()
    }
}

// SAFETY: a block stands `align` bytes behind one of the system's that is larger by as
// much, so it is in bounds and aligned; it goes back as it came. Neither panics.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(around) = Self::around(layout) else { return std::ptr::null_mut() };
        if Self::refuses(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: not empty, because of the room in front.
        let start = unsafe { System.alloc(around) };
        if start.is_null() {
            return start;
        }
        STRICTLY_ALIGNED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the block is longer than that.
        unsafe { start.add(layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `alloc` has made the same of the same layout.
        let around = unsafe { Self::around(layout).unwrap_unchecked() };
        // SAFETY: there it began.
        let start = unsafe { block.sub(layout.align()) };
        // SAFETY: it came from the system with this layout.
        unsafe { System.dealloc(start, around) }
    }
}

#[global_allocator]
static ALLOCATOR: Strict = Strict;

/// Every other way to write a key, which is gone in the end.
fn on_one_key(kv: &Kv, n: i64) {
    let key = format!("other:{n}");
    let long = || "long ".repeat(500);
    assert!(kv.set_if_absent(&key, "short", 60).unwrap());
    assert_eq!(kv.swap(&key, long(), 60).unwrap().unwrap(), "short");
    assert!(kv.set_if_present(&key, vec![n], 60).unwrap());
    assert!(kv.compare_and_set(&key, Value::list([n]), "short", 60).unwrap());
    assert!(kv.expire(&key, Duration::from_secs(9)) && kv.persist(&key));
    kv.set_many([(&*key, Value::from(1.5)), (&*key, n.into())], 60).unwrap();
    assert_eq!(kv.incr_float(&key, 0.5), Ok(n as f64 + 0.5));
    assert_eq!(kv.take(&key).unwrap(), n as f64 + 0.5);
    assert_eq!(kv.get_or_insert_with(&key, 60, long).unwrap(), long().as_str());
    assert_eq!(kv.get_many([&*key, &*key]).len(), 2);
    assert_eq!(kv.delete_many([&*key]), 1);
}

/// Everything that allocates.
fn script() {
    let kv = Kv::new();
    for n in 0..300 {
        let key = format!("key:{n}");
        kv.set(&key, n).unwrap();
        kv.set(&key, "short").unwrap();
        kv.set_ex(&key, "long ".repeat(500), 60).unwrap();
        kv.set(&format!("list:{n}"), Value::list([Value::from(n), "x".into()])).unwrap();
        kv.incr_by(&format!("count:{n}"), i64::MAX).unwrap();
        kv.incr_with("window", &IncrOptions::by(1).ttl_on_create(9)).unwrap();
        kv.update(&key, |_| Change::Set(Value::dict([("k", n)]))).unwrap();
        on_one_key(&kv, n);
    }
    assert!(!kv.sweep(100).more || kv.sweep(1_000_000).removed == 0);
    assert_eq!((kv.len(), kv.keys("key:*").len()), (901, 300));
    assert_eq!(kv.scan(&Pattern::new("list:*")).count(), 300);
    let (mut cursor, mut met) = (Cursor::START, 0);
    loop {
        let (next, page) = kv.scan_page(cursor, &Pattern::new("list:*"), 50);
        (cursor, met) = (next, met + page.len());
        if cursor.is_start() {
            break;
        }
    }
    assert_eq!(met, 300);
    // A thread, and what writers file for it; it ends before the rest.
    let sweeper = kv.start_sweeper(Duration::from_secs(60)).unwrap();
    kv.set_ex("filed", 1, 60).unwrap();
    drop(sweeper);
    assert!(kv.delete("filed"));
    #[cfg(feature = "dump")]
    {
        let mut bytes = Vec::new();
        assert_eq!(kv.dump(&mut bytes).unwrap().entries, 901);
        let other = Kv::new();
        assert_eq!(other.load(&bytes[..]).unwrap().stored, 901);
    }
    assert_eq!(kv.delete_matching(&Pattern::new("count:*")), 300);
    kv.shrink_to_fit();
    kv.clear();
    kv.flush();
    assert!(kv.is_empty());
}

/// Runs one test of this file in another process.
fn child(test: &str, refused: usize) -> Output {
    let this = env::current_exe().expect("this test is a program");
    let mut command = Command::new(this);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("EPOCHKV_REFUSED", refused.to_string()).env("RUST_BACKTRACE", "0");
    command.output().expect("it can run itself")
}

/// What a child is told.
fn refused() -> Option<usize> {
    env::var("EPOCHKV_REFUSED").ok()?.parse().ok()
}

fn aborted_for_want_of_memory(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{what} was not refused");
    assert!(said.contains("memory allocation of"), "{what}: {said}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(6), "{what}");
}

#[test]
fn any_allocation_may_be_refused() {
    if let Some(refused) = refused() {
        ALLOCATIONS.set(0);
        COUNTDOWN.set(refused);
        script();
        return eprintln!("allocations: {}", ALLOCATIONS.get());
    }
    ALLOCATIONS.set(0);
    script();
    let all = ALLOCATIONS.get();
    assert!(all > 2000, "only {all} allocations");
    // Hashes are random, and blocks are used again when threads let them, so another run may
    // need less.
    let mut not_reached = 0;
    // All of the beginning, then some.
    for number in (1..150).chain((150..all).step_by(all / 40)) {
        let output = child("any_allocation_may_be_refused", number);
        let said = String::from_utf8_lossy(&output.stderr);
        let needed = said.split("allocations: ").nth(1).and_then(|it| it.trim().parse().ok());
        if output.status.success() && needed.is_some_and(|needed: usize| needed < number) {
            not_reached += 1;
            continue;
        }
        aborted_for_want_of_memory(&output, &format!("allocation {number} of {all}"));
    }
    assert!(not_reached < 15, "{not_reached} of the last ones");
}

#[test]
fn a_capacity_that_cannot_be_had_is_refused() {
    if let Some(capacity) = refused() {
        let kv = Kv::with_capacity(capacity);
        return assert!(kv.set("k", 1).is_ok());
    }
    for capacity in [usize::MAX, usize::MAX / 2 + 1, 1 << 60] {
        let output = child("a_capacity_that_cannot_be_had_is_refused", capacity);
        aborted_for_want_of_memory(&output, &format!("a capacity of {capacity}"));
    }
}

/// papaya 0574e3e: tag bits in pointers that only some allocators left free.
#[test]
fn memory_aligned_no_better_than_asked_will_do() {
    let before = STRICTLY_ALIGNED.load(Ordering::Relaxed);
    script();
    let kv = Kv::new();
    for length in 0..400 {
        let key = "k".repeat(length);
        kv.set(&key, "v".repeat(length)).unwrap();
        kv.set_ex(&key, "w".repeat(length), 9).unwrap();
        assert_eq!(kv.get(&key).unwrap(), "w".repeat(length).as_str());
    }
    assert_eq!((kv.len(), kv.live_len()), (400, 400));
    assert!(STRICTLY_ALIGNED.load(Ordering::Relaxed) > before + 1000);
}
