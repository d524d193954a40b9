//! Who is reading: a word for each thread, written by that thread alone.
//!
//! A reader raises its word, reads, and lowers it again: plain stores to a line of its own, no
//! locked instruction. Whoever wants to free what nobody can find any more runs
//! the [heavy barrier](super::barrier::heavy) and then looks at all words: a
//! reader that is not seen there will not see what was unlinked before.

use super::barrier;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, const_outside_models, fence};
use core::ptr;
use crossbeam_utils::CachePadded;

/// The sections that a thread is in: bits of a word that hold their number. The bits above
/// count how often it has left the last one.
const DEPTH: u64 = u32::MAX as u64;

/// One thread's word.
pub struct Slot {
    state: AtomicU64,
    /// 1 while a thread owns it.
    taken: AtomicU32,
    next: AtomicPtr<CachePadded<Slot>>,
}

impl Slot {
    /// Begins a section; they may nest. Only for the owner.
    #[inline(always)]
    pub fn enter(&self) {
        // Relaxed: nobody else writes the word.
        let state = self.state.load(Ordering::Relaxed);
        // The barrier orders the store before all that the section reads. Release: what
        // the section before it read was read before; pairs with `is_over`, which may
        // see this word and never that of `leave`.
        self.state.store(state.wrapping_add(1), Ordering::Release);
        barrier::light();
    }

    /// Ends the section that was begun last. Returns how often a last one has been left, if
    /// this was it. Only for the owner.
    #[inline(always)]
    pub fn leave(&self) -> Option<u64> {
        // Relaxed: as in `enter`.
        let state = self.state.load(Ordering::Relaxed);
        let is_last = state & DEPTH == 1;
        let next = if is_last {
            (state - 1).wrapping_add(1 << DEPTH.count_ones())
        } else {
            without_inner(state)
        };
        // Release: what the section read was read before; pairs with `active` and `is_over`.
        self.state.store(next, Ordering::Release);
        is_last.then_some(next >> DEPTH.count_ones())
    }

    /// How often a last section has been left; none while the owner is in one. Only for the
    /// owner.
    pub fn sections(&self) -> Option<u64> {
        // Relaxed: as in `enter`.
        let state = self.state.load(Ordering::Relaxed);
        (state & DEPTH == 0).then_some(state >> DEPTH.count_ones())
    }

    /// Gives the slot back, for another thread.
    pub fn release(&self) {
        // Release: pairs with `claim`, so that the next owner goes on from this one's state.
        self.taken.store(0, Ordering::Release);
    }

    fn claim(&self) -> bool {
        // Acquire: pairs with `release`. Relaxed on failure.
        self.taken.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

/// A word after the end of a section within another one. Apart, so that the usual end is one
/// straight path.
#[cold]
fn without_inner(state: u64) -> u64 {
    state - 1
}

/// A section that was seen under way.
pub struct Blocker<'a> {
    slot: &'a Slot,
    state: u64,
}

impl Blocker<'_> {
    /// Whether that section has ended.
    pub fn is_over(&self) -> bool {
        // Acquire: pairs with `leave`, and with `enter` of the next section.
        let state = self.slot.state.load(Ordering::Acquire);
        // Beside the depth it counts how often a last section has been left.
        state & !DEPTH != self.state & !DEPTH
    }
}

/// The slots of all threads that have read so: as many as there ever were at a time.
pub struct Readers {
    head: AtomicPtr<CachePadded<Slot>>,
    /// How many threads may begin a section at any moment.
    light: CachePadded<AtomicU64>,
}

impl Readers {
    const_outside_models! {
        pub fn new() -> Self {
            let light = CachePadded::new(AtomicU64::new(0));
            Self { head: AtomicPtr::new(ptr::null_mut()), light }
        }
    }

    /// A slot for the calling thread, until it releases it. Lock-free, in the number of slots.
    pub fn register(&self) -> &Slot {
        self.slots().find(|slot| slot.claim()).unwrap_or_else(|| self.add())
    }

    fn add(&self) -> &Slot {
        let slot = Box::into_raw(Box::new(CachePadded::new(Slot {
            state: AtomicU64::new(0),
            taken: AtomicU32::new(1),
            next: AtomicPtr::new(ptr::null_mut()),
        })));
        // SAFETY: slots are freed with the whole list, which is borrowed.
        let shared = unsafe { &*slot };
        // Relaxed: only the expectation of the exchange.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange.
            shared.next.store(head, Ordering::Relaxed);
            // Release: publishes the slot to `slots`. Relaxed on failure.
            match self.head.compare_exchange(head, slot, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return shared,
                Err(now) => head = now,
            }
        }
    }

    /// All slots, whoever owns them. They never leave the list.
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        // Acquire: pairs with `add`, and with the additions before it by their
        // release sequence.
        let mut next = self.head.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: null, or made by `add` and freed with the whole list, which is borrowed.
            let slot: &Slot = unsafe { next.as_ref() }?;
            // Relaxed: written before the slot was published.
            next = slot.next.load(Ordering::Relaxed);
            Some(slot)
        })
    }

    /// From now on the calling thread may begin sections.
    pub fn start(&self) {
        // Relaxed: the fence orders the addition before all that sections read; pairs with
        // the fence in `are_none`.
        self.light.fetch_add(1, Ordering::Relaxed);
        fence();
    }

    /// From now on it does not; it has left all of them.
    pub fn stop(&self) {
        // Release: what its sections read was read before; pairs with `are_none`.
        self.light.fetch_sub(1, Ordering::Release);
    }

    /// Whether nobody reads so who may still see what the caller knows to be unlinked.
    pub fn are_none(&self) -> bool {
        // Of a thread that is not counted yet, the fence of `start` comes after this one,
        // so that it sees what was unlinked.
        fence();
        // Acquire: pairs with `stop`, of all threads: additions go on with its release sequence.
        self.light.load(Ordering::Acquire) == 0
    }

    /// The sections that may still see what the caller knows to be unlinked. None if
    /// that cannot be told now.
    pub fn active<'a>(&'a self) -> Option<Vec<Blocker<'a>>> {
        if self.are_none() {
            return Some(Vec::new());
        }
        if !barrier::heavy() {
            return None;
        }
        let blocker = |slot: &'a Slot| {
            // Acquire: pairs with `leave`: what an ended section read was read before
            // the caller frees it.
            let state = slot.state.load(Ordering::Acquire);
            (state & DEPTH != 0).then_some(Blocker { slot, state })
        };
        Some(self.slots().filter_map(blocker).collect())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Relaxed: nobody else reaches the list.
        let mut next = self.head.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: made by `add`, and borrowed by nobody any more.
            let slot = unsafe { Box::from_raw(next) };
            next = slot.next.load(Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::Readers;

    fn active(readers: &Readers) -> usize {
        readers.active().expect("the system has the barrier").len()
    }

    #[test]
    fn sections_nest() {
        let readers = Readers::new();
        readers.start();
        let slot = readers.register();
        for left in 0..3 {
            assert_eq!((slot.sections(), active(&readers)), (Some(left), 0));
            slot.enter();
            slot.enter();
            slot.leave();
            assert_eq!((slot.sections(), active(&readers)), (None, 1));
            slot.leave();
        }
        assert_eq!((slot.sections(), active(&readers)), (Some(3), 0));
    }

    #[test]
    fn a_blocker_is_over_with_its_outermost_section() {
        let readers = Readers::new();
        readers.start();
        let slot = readers.register();
        slot.enter();
        let blockers = readers.active().expect("the system has the barrier");
        slot.enter();
        slot.leave();
        assert!(blockers.iter().all(|blocker| !blocker.is_over()) && blockers.len() == 1);
        slot.leave();
        assert!(blockers.iter().all(super::Blocker::is_over));
        slot.enter();
        assert!(blockers.iter().all(super::Blocker::is_over));
        assert_eq!(active(&readers), 1);
    }

    #[test]
    fn a_released_slot_is_used_again() {
        let readers = Readers::new();
        let first = readers.register();
        let second = readers.register();
        assert!(!core::ptr::eq(first, second));
        first.enter();
        first.leave();
        first.release();
        let third = readers.register();
        assert!(core::ptr::eq(first, third) && third.sections() == Some(1));
        assert!(!core::ptr::eq(readers.register(), third));
    }

    #[test]
    fn none_are_counted_before_the_first_and_after_the_last() {
        let readers = Readers::new();
        assert!(readers.are_none());
        readers.start();
        readers.start();
        readers.stop();
        assert!(!readers.are_none());
        readers.stop();
        assert!(readers.are_none());
    }
}
