//! Where overflow buckets come from.

use super::bucket::Bucket;
use super::entry::Entry;
use crate::sync::stat::{AtomicUsize, Ordering as StatOrdering};
use crate::sync::{AtomicPtr, Ordering};
use core::ptr;

/// Overflow buckets, taken from slabs that live as long as their table: no
/// allocation per bucket, and no walk over all buckets to free them.
pub(super) struct Arena<E> {
    head: AtomicPtr<Slab<E>>,
    slab_len: usize,
    /// How many are in chains.
    linked: AtomicUsize,
}

struct Slab<E> {
    next: *mut Slab<E>,
    /// Buckets handed out, or asked for in vain.
    taken: AtomicUsize,
    buckets: Box<[Bucket<E>]>,
}

impl<E> Arena<E> {
    pub(super) fn new(lg: u32) -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            slab_len: 1 << lg.saturating_sub(3).min(6),
            linked: AtomicUsize::new(0),
        }
    }

    /// The number of buckets that were linked into chains.
    pub(super) fn linked(&self) -> usize {
        // Relaxed: a statistic.
        self.linked.load(StatOrdering::Relaxed)
    }

    /// Counts buckets that were linked into a chain.
    pub(super) fn count_linked(&self, linked: usize) {
        // Relaxed: a statistic.
        self.linked.fetch_add(linked, StatOrdering::Relaxed);
    }

    fn slabs(&self) -> impl Iterator<Item = &Slab<E>> {
        // Acquire: pairs with the exchange in `take`.
        // SAFETY: I8: slabs are initialized before they are linked and live as
        // long as the arena.
        let head = unsafe { self.head.load(Ordering::Acquire).as_ref() };
        // SAFETY: as above; `next` never changes.
        core::iter::successors(head, |slab| unsafe { slab.next.as_ref() })
    }

    pub(super) fn bytes(&self) -> usize {
        self.slabs().map(|slab| size_of_val(slab) + size_of_val(&*slab.buckets)).sum()
    }
}

impl<E: Entry> Arena<E> {
    pub(super) fn take(&self) -> &Bucket<E> {
        loop {
            let first = self.slabs().next();
            if let Some(slab) = first {
                // Relaxed: only distinctness matters; the slab itself was
                // published by `head`.
                let index = slab.taken.fetch_add(1, StatOrdering::Relaxed);
                if let Some(bucket) = slab.buckets.get(index) {
                    return bucket;
                }
            }
            let next = first.map_or(ptr::null_mut(), |slab| ptr::from_ref(slab).cast_mut());
            let slab = Box::into_raw(Box::new(Slab {
                next,
                taken: AtomicUsize::new(0),
                buckets: (0..self.slab_len).map(|_| Bucket::unused()).collect(),
            }));
            // Release publishes the slab. No acquire: `next` was loaded with it,
            // and slabs stay, so their addresses do not return. Relaxed on
            // failure: the next round loads again.
            let linked =
                self.head.compare_exchange(next, slab, Ordering::Release, Ordering::Relaxed);
            if linked.is_err() {
                // SAFETY: made above and never shared.
                drop(unsafe { Box::from_raw(slab) });
            }
        }
    }
}

impl<E> Drop for Arena<E> {
    fn drop(&mut self) {
        // Acquire: slabs may have been linked by other threads.
        let mut head = self.head.load(Ordering::Acquire);
        while !head.is_null() {
            // SAFETY: made by `Box::into_raw`, and the arena is its owner.
            let slab = unsafe { Box::from_raw(head) };
            head = slab.next;
        }
    }
}
