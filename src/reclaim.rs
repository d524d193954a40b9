//! Reclamation: pinning, reading, and the stages in the life of a shared entry.
//!
//! An entry is [`Owned`] until it is published, [`Shared`] while somebody may
//! reach it under a [`Guard`] or a [`Section`] of a reader, and [`Unlinked`] in the hands of
//! the one thread that took it out of the table. Dropping that token retires the entry:
//! crossbeam-epoch keeps it until no guard of that time is left, and then [`grace`] until
//! no reader is.

mod barrier;
mod collector;
mod entry;
pub mod garbage;
pub mod grace;
#[cfg(not(epochkv_loom))]
mod mode;
mod prefetch;
pub mod protected;
pub mod readers;
pub mod reading;
mod stack;

use core::cell::RefCell;
use core::marker::PhantomData;
use core::mem;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use garbage::{Garbage, Retired};
#[cfg(not(epochkv_loom))]
use grace::GRACE;
use std::sync::Arc;

pub use entry::{Managed, Owned, Shared};
pub use garbage::waiting;
pub use prefetch::{prefetch, prefetch_exclusive};
pub use stack::Stack;

/// An entry that the holder, and nobody else, has taken out of the table.
/// Dropping it retires the entry.
pub struct Unlinked<'g, E: Managed> {
    entry: NonNull<E>,
    guard: &'g Guard,
}

impl<'g, E: Managed> Unlinked<'g, E> {
    /// # Safety
    ///
    /// The entry was reachable, the caller has made it unreachable for everyone
    /// who pins from now on, and nobody else does the same.
    pub unsafe fn new(entry: NonNull<E>, guard: &'g Guard) -> Self {
        Self { entry, guard }
    }

    /// The entry, still readable under the guard.
    pub fn share(&self) -> Shared<'g, E> {
        // SAFETY: it was reachable under the guard, and is retired not before this is dropped.
        unsafe { Shared::new(self.entry) }
    }
}

impl<E: Managed> Drop for Unlinked<'_, E> {
    #[inline]
    fn drop(&mut self) {
        let bytes = E::bytes(self.share());
        // SAFETY: the table's reference, which is the holder's by the contract of `new`.
        let entry = unsafe { Owned::from_raw(self.entry) };
        self.guard.retire_entry(Retired::new(entry), bytes);
    }
}

/// Entries that a thread has retired and not handed to the collector yet: one
/// deferred call for all of them.
#[derive(Default)]
struct Batch {
    entries: Vec<Retired>,
    bytes: usize,
}

/// Entries per batch; few where tools look for entries that are used too late.
const ENTRIES_PER_BATCH: usize = if cfg!(crossbeam_sanitize) { 4 } else { 64 };

/// Bytes per batch, whatever their number: a few large values must not wait for
/// many small ones.
const BYTES_PER_BATCH: usize = 128 << 10;

/// The calling thread's batch.
struct Pending(RefCell<Batch>);

thread_local! {
    static PENDING: Pending =
        const { Pending(RefCell::new(Batch { entries: Vec::new(), bytes: 0 })) };
}

impl Batch {
    /// Adds an entry. Returns whether the batch is full.
    #[inline]
    fn push(&mut self, entry: Retired, bytes: usize) -> bool {
        if self.entries.capacity() == 0 {
            self.entries.reserve_exact(ENTRIES_PER_BATCH);
        }
        self.entries.push(entry);
        self.bytes += bytes;
        self.entries.len() >= ENTRIES_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    /// The entries, which wait from now on, and their bytes. Apart, and in a box: deferred
    /// calls that hold more than three words are allocated.
    fn into_parts(self) -> (Box<[Retired]>, usize) {
        Garbage::count(&self.entries);
        (self.entries.into_boxed_slice(), self.bytes)
    }
}

impl Drop for Pending {
    /// At the end of the thread.
    fn drop(&mut self) {
        let batch = self.0.take();
        if !batch.entries.is_empty() {
            pin().defer_batch(batch, add);
        }
    }
}

/// While one is borrowed, nothing that could be reached when the borrow began is freed.
/// Comes from a [`Guard`] or from a [`Reading`](reading::Reading).
pub struct Section(PhantomData<*mut ()>);

impl Section {
    /// What a `Guard` or a `Reading`, each the stay of one thread, lends.
    const fn new() -> Self {
        Self(PhantomData)
    }
}

/// While it lives, nothing that was reachable when it was made is freed.
///
/// Guards never leave the crate. Foreign code runs under one in `Kv::with`, and
/// where the store's clock is the user's own.
#[repr(transparent)]
pub struct Guard(collector::Guard);

impl Guard {
    /// Runs `work`, which frees about so many bytes, when every guard that lives
    /// now is gone. `work` may run on any thread, also while that thread ends,
    /// and must not pin: a pin there could run further work, and so on.
    pub fn retire(&self, bytes: usize, work: impl FnOnce() + Send + 'static) {
        if cfg!(epochkv_loom) {
            return self.0.defer(work);
        }
        let garbage = Garbage::other(work, bytes);
        self.0.defer(move || add(garbage));
        if bytes >= BYTES_PER_BATCH {
            self.hand_over();
        }
    }

    /// Releases an entry when every guard that lives now is gone, or later.
    #[inline]
    fn retire_entry(&self, entry: Retired, bytes: usize) {
        if cfg!(epochkv_loom) {
            // A batch would outlive an execution of a model, which must repeat.
            return self.0.defer(move || entry.free());
        }
        let mut entry = Some(entry);
        let is_full =
            with_batch(|batch| entry.take().is_some_and(|entry| batch.push(entry, bytes)));
        if let Some(entry) = entry {
            return self.defer_batch(Batch { entries: vec![entry], bytes }, add);
        }
        if is_full == Some(true) {
            self.hand_over();
            #[cfg(not(epochkv_loom))]
            mode::batch_is_full();
        }
    }

    /// Lets `then` have the entries when every guard that lives now is gone.
    fn defer_batch(&self, batch: Batch, then: impl FnOnce(Garbage) + Send + 'static) {
        let (entries, bytes) = batch.into_parts();
        self.0.defer(move || then(Garbage::entries(entries, bytes)));
    }

    /// Stands for a guard where none is needed.
    ///
    /// # Safety
    ///
    /// The caller reads only memory that no other thread can reach, and retires
    /// nothing.
    pub unsafe fn unprotected() -> &'static Self {
        // SAFETY: by the caller's promise; `Guard` is a transparent wrapper.
        unsafe { &*ptr::from_ref(collector::unprotected()).cast::<Self>() }
    }

    /// Hands this thread's garbage to the collector and lets it look for what no guard
    /// can see any more.
    #[cold]
    pub fn hand_over(&self) {
        self.hand_over_then(add);
    }

    /// As [`hand_over`](Self::hand_over), but who comes by when every guard that lives now
    /// is gone puts the entries into `home`, for whoever takes them from there. Keeps a thread
    /// that removes many entries from leaving the work to the others.
    pub fn hand_over_to(&self, home: &Arc<Stack<Ripe>>) {
        let home = Arc::clone(home);
        self.hand_over_then(move |garbage| home.push(Ripe(Some(garbage))));
    }

    fn hand_over_then(&self, then: impl FnOnce(Garbage) + Send + 'static) {
        if let Some(batch) = take_batch() {
            self.defer_batch(batch, then);
        }
        self.0.flush();
    }
}

impl Deref for Guard {
    type Target = Section;

    #[inline(always)]
    fn deref(&self) -> &Section {
        const { &Section::new() }
    }
}

/// Entries that no guard can see any more. Dropped, they go on to wait for readers.
pub struct Ripe(Option<Garbage>);

impl Drop for Ripe {
    fn drop(&mut self) {
        if let Some(garbage) = self.0.take() {
            add(garbage);
        }
    }
}

/// Frees garbage that has come home, and what else can be freed, on this thread; `now`:
/// even if it is little.
pub fn free(ripe: Vec<Ripe>, now: bool) {
    #[cfg(not(epochkv_loom))]
    GRACE.add_all(ripe.into_iter().filter_map(|mut ripe| ripe.0.take()).collect(), now);
    #[cfg(epochkv_loom)]
    drop((ripe, now));
}

/// To be called before there is something to read: see [`reading::enter`].
#[inline]
pub fn prepare() {
    // Models read under guards, and make their collectors anew.
    #[cfg(not(epochkv_loom))]
    {
        collector::prepare();
        barrier::prepare();
    }
}

/// What a deferred call does with what no guard can see any more.
fn add(garbage: Garbage) {
    #[cfg(not(epochkv_loom))]
    GRACE.add(garbage);
    // The readers of models pin.
    #[cfg(epochkv_loom)]
    garbage.free();
}

fn take_batch() -> Option<Batch> {
    with_batch(mem::take).filter(|batch| !batch.entries.is_empty())
}

/// None while a thread's destructors run, and within an allocation for the
/// batch, where an allocator that uses this crate may be at work.
#[inline]
fn with_batch<R>(with: impl FnOnce(&mut Batch) -> R) -> Option<R> {
    PENDING.try_with(|it| it.0.try_borrow_mut().ok().map(|mut batch| with(&mut batch))).ok()?
}

/// Pins the current thread. Wait-free but for the first call of a thread, which
/// registers it. One pin in 128 also frees a bounded amount of old garbage.
// As large as it looks to the compiler, every write has it, and a call takes 20 instructions.
#[inline(always)]
pub fn pin() -> Guard {
    Guard(collector::pin())
}

/// Lets the models of this thread run on crossbeam-epoch (`true`) or on the
/// collector that keeps everything (`false`, the default).
#[cfg(epochkv_loom)]
pub fn use_epoch(yes: bool) {
    collector::use_epoch(yes);
}

/// Lets every pin of this model pass one shared word first, so that loom tries all orders of
/// the store's calls, or no longer. Loom compares an access only with the last one to the same
/// object, and may never let a thread that exchanges a word after a look go first.
#[cfg(epochkv_loom)]
pub fn set_gate(closed: bool) {
    collector::set_gate(closed);
}

/// Ends one execution of a model that kept its garbage: releases all of it.
#[cfg(epochkv_loom)]
pub fn release_kept() {
    collector::release_kept();
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{BYTES_PER_BATCH, ENTRIES_PER_BATCH, with_batch};

    #[test]
    fn a_batch_is_handed_over_when_it_has_many_entries_or_many_bytes() {
        let test = || {
            let pending = || with_batch(|batch| batch.entries.len()).expect("the thread lives");
            let kv = crate::Kv::new();
            kv.set("k", "small").unwrap();
            for removed in 1..=3 * ENTRIES_PER_BATCH {
                kv.set("k", "small").unwrap();
                assert_eq!(pending(), removed % ENTRIES_PER_BATCH);
            }
            kv.set("k", vec![0; BYTES_PER_BATCH]).unwrap();
            assert_eq!(pending(), 1, "a small one was removed");
            kv.set("k", "small").unwrap();
            assert_eq!(pending(), 0, "a large one was removed");
        };
        std::thread::spawn(test).join().expect("the test panicked");
    }
}
