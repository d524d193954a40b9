//! What has been retired: entries, or other work. It is freed by [`Garbage::free`]
//! alone; what is dropped by mistake leaks.

use super::entry::{Managed, Owned};
use super::prefetch::prefetch_exclusive;
use crate::sync::stat::{AtomicUsize, Ordering};
use core::ptr::NonNull;
use crossbeam_utils::CachePadded;

/// The table's reference to a retired entry, whatever its type.
pub struct Retired {
    entry: NonNull<()>,
    release: unsafe fn(NonNull<()>),
}

// SAFETY: `Managed` promises that an implementor may be released by any thread.
unsafe impl Send for Retired {}

impl Retired {
    #[inline]
    pub fn new<E: Managed>(entry: Owned<E>) -> Self {
        unsafe fn release<E: Managed>(entry: NonNull<()>) {
            // SAFETY: the reference that `Retired` owns, of the type it was made with.
            unsafe { E::release(entry.cast()) }
        }
        Self { entry: entry.into_raw().cast(), release: release::<E> }
    }

    /// As [`Garbage::free`].
    #[inline]
    pub fn free(self) {
        // SAFETY: the reference that was handed over in `new`; this is its end.
        unsafe { (self.release)(self.entry) }
    }
}

/// Entries, and whatever else, that were handed to the collector and are not freed yet.
static WAITING: CachePadded<AtomicUsize> = CachePadded::new(AtomicUsize::new(0));

/// How many entries, tables and the like of all stores wait for those that may still see
/// them.
pub fn waiting() -> usize {
    // Relaxed: a statistic.
    WAITING.load(Ordering::Relaxed)
}

/// The weight of an entry, however small: it is memory that is warm in the caches now.
const ENTRY: usize = 64;

/// Bytes that weigh 1.
const BYTES: usize = 8;

/// Something to free, and how much it matters not to keep it.
pub struct Garbage {
    pub weight: usize,
    work: Work,
}

enum Work {
    Entries(Box<[Retired]>),
    Other(Box<dyn FnOnce() + Send>),
}

impl Garbage {
    /// Counts the entries among what waits, from now on.
    pub fn count(entries: &[Retired]) {
        // Relaxed: a statistic; likewise below.
        WAITING.fetch_add(entries.len(), Ordering::Relaxed);
    }

    /// Entries that have been counted.
    pub fn entries(entries: Box<[Retired]>, bytes: usize) -> Self {
        let weight = (entries.len() * ENTRY).max(bytes / BYTES);
        Self { weight, work: Work::Entries(entries) }
    }

    /// Anything else. `work` must not pin.
    pub fn other(work: impl FnOnce() + Send + 'static, bytes: usize) -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self { weight: bytes / BYTES, work: Work::Other(Box::new(work)) }
    }

    /// Frees it. Nobody may be able to see it any more.
    pub fn free(self) {
        match self.work {
            Work::Entries(entries) => {
                WAITING.fetch_sub(entries.len(), Ordering::Relaxed);
                // They have not been looked at for a while: all are fetched at once.
                entries.iter().for_each(|retired| prefetch_exclusive(retired.entry.as_ptr()));
                entries.into_iter().for_each(Retired::free);
            }
            Work::Other(work) => {
                WAITING.fetch_sub(1, Ordering::Relaxed);
                work();
            }
        }
    }
}
