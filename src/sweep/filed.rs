//! The word by which an entry knows under which tick it is filed.

use crate::sync::{AtomicU64, Ordering};

/// The tick of the handle that will come to look at an entry; 0 while nobody
/// has filed one. Only entries with a deadline have it.
///
/// | from | to | who |
/// | --- | --- | --- |
/// | 0 | a tick | the writer of the entry, or a sweep that meets it first |
/// | a tick | the deadline | a sweep that came with the handle of that tick, or [`enforce`](Self::enforce) |
///
/// # The two races
///
/// *A writer takes over the handle of the entry that it replaced, while a sweep
/// moves that handle.* The writer exchanges the slot, then reads the old entry's
/// word; the sweep writes that word, then reads the slot. In the total order of
/// the four one of the reads comes last: either the writer sees the
/// new tick, or the sweep sees the new entry and deals with it too.
///
/// *A writer decides whether to file at all, while sweeping begins.* The writer
/// exchanges the slot, then reads whether there is feeding; the sweep turns feeding on, then
/// reads all slots. Either the writer files its entry, or the walk meets it.
///
/// Both need the order of a store before a later load, hence `SeqCst` here, in
/// `Slot::replace`, and where an insertion is committed.
pub(crate) struct Filed(AtomicU64);

impl Filed {
    /// Of a new entry.
    pub(crate) fn nowhere() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The tick, or 0.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // SeqCst: comes after the exchange of the slot in the writer's order;
        // pairs with `renew` and `enforce`.
        self.0.load(Ordering::SeqCst)
    }

    /// 0 to `tick`; false if somebody was faster.
    #[inline]
    pub(crate) fn settle(&self, tick: u64) -> bool {
        self.exchange(0, tick)
    }

    /// The step of a sweep with the handle of `tick`: if that is this entry's, or
    /// nobody has filed for it yet, its handle is from now on that of `next`,
    /// which the caller files before it looks at the slot again.
    pub(crate) fn renew(&self, tick: u64, next: u64) -> bool {
        // In this order: its writer may settle it for `tick` in between.
        self.settle(next) || self.exchange(tick, next)
    }

    /// Any state to `tick`, which the caller files, whatever was said before:
    /// the handle of a former tick may have been lost.
    pub(crate) fn enforce(&self, tick: u64) {
        // SeqCst: as `exchange`.
        self.0.store(tick, Ordering::SeqCst);
    }

    fn exchange(&self, from: u64, to: u64) -> bool {
        // SeqCst: the write of a sweep comes before its next reading of the slot
        // in the total order; pairs with `get`. Relaxed on failure: nothing
        // follows from what was read.
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}
