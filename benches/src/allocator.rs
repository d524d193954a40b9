//! An allocator that can be asked how much it has given out.
//!
//! It counts only while it is told to; otherwise it costs one load per call, the
//! same for every contestant.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};

/// Threads count on lines of their own, as long as there are no more of them.
const LINES: usize = 32;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTS: [CachePadded<Counts>; LINES] = [const { CachePadded::new(Counts::new()) }; LINES];

#[derive(Debug)]
struct Counts {
    bytes: AtomicIsize,
    blocks: AtomicIsize,
}

/// What is given out, less what has come back, since counting began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Bytes asked for, without what the allocator adds.
    pub bytes: isize,
    /// Allocations.
    pub blocks: isize,
}

impl Counts {
    const fn new() -> Self {
        Self { bytes: AtomicIsize::new(0), blocks: AtomicIsize::new(0) }
    }

    fn mine() -> &'static Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            // Neither an initializer nor a destructor: usable within an allocator.
            static LINE: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let line = LINE.with(|line| {
            if line.get() == usize::MAX {
                line.set(NEXT.fetch_add(1, Ordering::Relaxed) % LINES);
            }
            line.get()
        });
        &COUNTS[line]
    }
}

/// Relaxed: sums are exact when nobody allocates, and otherwise estimates.
#[inline]
fn count(bytes: isize, blocks: isize) {
    if COUNTING.load(Ordering::Relaxed) {
        let counts = Counts::mine();
        counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        counts.blocks.fetch_add(blocks, Ordering::Relaxed);
    }
}

/// Begins or ends to count.
pub fn set_counting(on: bool) {
    COUNTING.store(on, Ordering::Relaxed);
}

/// The balance of all threads; only differences between two balances mean something.
#[must_use]
pub fn balance() -> Balance {
    COUNTS.iter().fold(Balance { bytes: 0, blocks: 0 }, |sum, counts| Balance {
        bytes: sum.bytes + counts.bytes.load(Ordering::Relaxed),
        blocks: sum.blocks + counts.blocks.load(Ordering::Relaxed),
    })
}

/// Another allocator, counted.
#[derive(Debug, Default)]
pub struct Counting<A>(pub A);

fn signed(size: usize) -> isize {
    // No object is larger than `isize::MAX`, so this is exact.
    size as isize
}

// SAFETY: every call is passed on as it is to an allocator that keeps the
// contract; counting neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()), 1);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()), 1);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()), 0);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.0.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-signed(layout.size()), -1);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.0.dealloc(block, layout) }
    }
}
