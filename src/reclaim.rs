//! Reclamation: pinning, and the three stages in the life of a shared entry.
//!
//! An entry is [`Owned`] until it is published, [`Shared`] while somebody may
//! reach it under a [`Guard`], and [`Unlinked`] in the hands of the one thread
//! that took it out of the table; dropping that token hands the entry to the
//! collector, which releases it when no guard of that time is left.
//!
//! This is the only file that names crossbeam-epoch. All stores of a process
//! share one collector of their own: a guard that some other crate keeps on
//! crossbeam's default collector holds back nothing here.

pub mod protected;
mod stack;

use crate::sync::stat::{AtomicUsize, Ordering};
use core::cell::RefCell;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ptr::{self, NonNull};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

pub use stack::Stack;

/// An allocation that manages its own reference count.
///
/// # Safety
///
/// `release` may be called from any thread, so the implementor must be fit to
/// be sent and shared, and it must free the allocation only when the last
/// reference is given up.
pub unsafe trait Managed: Sized + Send + Sync + 'static {
    /// Gives up one reference.
    ///
    /// # Safety
    ///
    /// The caller owns one reference to `this` and does not use it afterwards.
    unsafe fn release(this: NonNull<Self>);

    /// About how many bytes the last release frees.
    fn bytes(this: Shared<'_, Self>) -> usize;
}

/// One reference, to be given up when this is dropped.
struct Reference<E: Managed>(NonNull<E>);

// SAFETY: `Managed` promises that an implementor may be released by any thread.
unsafe impl<E: Managed> Send for Reference<E> {}

impl<E: Managed> Drop for Reference<E> {
    fn drop(&mut self) {
        // SAFETY: a `Reference` is made only from a reference that its maker
        // owned, and this is its end.
        unsafe { E::release(self.0) }
    }
}

/// An entry that no other thread has seen.
pub struct Owned<E: Managed>(Reference<E>);

impl<E: Managed> Owned<E> {
    /// # Safety
    ///
    /// The caller hands over the only reference to a valid entry.
    pub unsafe fn from_raw(entry: NonNull<E>) -> Self {
        Self(Reference(entry))
    }

    /// Gives the reference to the caller.
    pub fn into_raw(self) -> NonNull<E> {
        ManuallyDrop::new(self).0.0
    }

    /// The entry, readable while it is owned here.
    pub fn share(&self) -> Shared<'_, E> {
        Shared { entry: self.0.0, valid: PhantomData }
    }
}

/// An entry that stays valid during `'a`, because a guard or a reference of its
/// own protects it.
pub struct Shared<'a, E> {
    entry: NonNull<E>,
    valid: PhantomData<&'a E>,
}

impl<E> Clone for Shared<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Shared<'_, E> {}

impl<'a, E> Shared<'a, E> {
    /// # Safety
    ///
    /// The entry is valid for all of `'a`.
    pub unsafe fn new(entry: NonNull<E>) -> Self {
        Self { entry, valid: PhantomData }
    }

    pub fn as_ptr(self) -> NonNull<E> {
        self.entry
    }

    /// The fixed part of the entry.
    pub fn get(self) -> &'a E {
        // SAFETY: valid for `'a` by the contract of `new`; nobody ever makes a
        // mutable reference to a shared entry.
        unsafe { self.entry.as_ref() }
    }

    /// Whether both are the same allocation.
    pub fn is(self, other: Self) -> bool {
        self.entry == other.entry
    }
}

/// Asks the processor for the line at `address` without reading it. Any address
/// will do, valid or not.
#[inline(always)]
pub fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// As [`prefetch`], but takes the line away from other cores: for a line that is
/// about to be written, so that it travels once and not twice.
#[inline(always)]
pub fn prefetch_exclusive<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // The intrinsic would compile to this only with a target feature. All
    // processors of this architecture decode it, old ones as no operation.
    // SAFETY: a prefetch never faults and changes neither memory nor registers.
    unsafe {
        core::arch::asm!(
            "prefetchw [{}]",
            in(reg) address,
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(address);
}

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
        Shared { entry: self.entry, valid: PhantomData }
    }
}

impl<E: Managed> Drop for Unlinked<'_, E> {
    #[inline]
    fn drop(&mut self) {
        let bytes = E::bytes(self.share());
        self.guard.retire_entry(Retired::new(self.entry), bytes);
    }
}

/// The table's reference to a retired entry, whatever its type.
struct Retired {
    entry: NonNull<()>,
    release: unsafe fn(NonNull<()>),
}

// SAFETY: `Managed` promises that an implementor may be released by any thread.
unsafe impl Send for Retired {}

impl Retired {
    fn new<E: Managed>(entry: NonNull<E>) -> Self {
        unsafe fn release<E: Managed>(entry: NonNull<()>) {
            // SAFETY: the reference that `Retired` owns, of the type it was made with.
            unsafe { E::release(entry.cast()) }
        }
        Self { entry: entry.cast(), release: release::<E> }
    }
}

impl Drop for Retired {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made by `Unlinked`, which owned the table's reference and gives
        // it up with this.
        unsafe { (self.release)(self.entry) }
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

/// Entries of the batches that were handed over and are not released yet.
static WAITING: CachePadded<AtomicUsize> = CachePadded::new(AtomicUsize::new(0));

/// How many entries of all stores wait for guards that may still see them.
pub fn waiting() -> usize {
    // Relaxed: a statistic.
    WAITING.load(Ordering::Relaxed)
}

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

    /// The entries, to be handed over. Alone: with the count of bytes they would be
    /// too large to be deferred without an allocation.
    fn hand_over(self) -> Vec<Retired> {
        // Relaxed: a statistic; likewise below.
        WAITING.fetch_add(self.entries.len(), Ordering::Relaxed);
        self.entries
    }

    /// Releases the entries of a batch that was handed over.
    fn release(entries: Vec<Retired>) {
        WAITING.fetch_sub(entries.len(), Ordering::Relaxed);
        // They have not been looked at for a while: all are fetched at once.
        entries.iter().for_each(|retired| prefetch_exclusive(retired.entry.as_ptr()));
        drop(entries);
    }
}

impl Drop for Pending {
    /// At the end of the thread.
    fn drop(&mut self) {
        let batch = self.0.take();
        if !batch.entries.is_empty() {
            pin().defer_batch(batch);
        }
    }
}

/// While it lives, nothing that was reachable when it was made is freed.
///
/// Guards never leave the crate. Foreign code runs under one in `Kv::with`, and
/// where the store's clock is the user's own.
#[repr(transparent)]
pub struct Guard(imp::Guard);

impl Guard {
    /// Runs `work`, which frees about so many bytes, when every guard that lives
    /// now is gone. `work` may run on any thread, also while that thread ends,
    /// and must not pin: a pin there could run further work, and so on.
    pub fn retire(&self, bytes: usize, work: impl FnOnce() + Send + 'static) {
        self.0.defer(work);
        if bytes >= BYTES_PER_BATCH {
            self.flush();
        }
    }

    /// Releases an entry when every guard that lives now is gone, or later.
    #[inline]
    fn retire_entry(&self, entry: Retired, bytes: usize) {
        if cfg!(epochkv_loom) {
            // A batch would outlive an execution of a model, which must repeat.
            return self.0.defer(move || drop(entry));
        }
        let mut entry = Some(entry);
        let is_full =
            with_batch(|batch| entry.take().is_some_and(|entry| batch.push(entry, bytes)));
        if let Some(entry) = entry {
            return self.0.defer(move || drop(entry));
        }
        if is_full == Some(true) {
            self.flush();
        }
    }

    fn defer_batch(&self, batch: Batch) {
        let entries = batch.hand_over();
        self.0.defer(move || Batch::release(entries));
    }

    /// Stands for a guard where none is needed.
    ///
    /// # Safety
    ///
    /// The caller reads only memory that no other thread can reach, and retires
    /// nothing.
    pub unsafe fn unprotected() -> &'static Self {
        // SAFETY: by the caller's promise; `Guard` is a transparent wrapper.
        unsafe { &*ptr::from_ref(imp::unprotected()).cast::<Self>() }
    }

    /// Hands this thread's garbage to the collector and lets it free what it can.
    #[cold]
    pub fn flush(&self) {
        if let Some(batch) = take_batch() {
            self.defer_batch(batch);
        }
        self.0.flush();
    }

    /// As [`flush`](Self::flush), but who comes by when every guard that lives now
    /// is gone does not release the entries: it puts them into `home`, for whoever
    /// takes them from there. Keeps a thread that removes many entries from
    /// leaving the work to the others.
    pub fn flush_to(&self, home: &Arc<Stack<Garbage>>) {
        if let Some(batch) = take_batch() {
            let (home, entries) = (Arc::clone(home), batch.hand_over());
            self.0.defer(move || home.push(Garbage(entries)));
        }
        self.0.flush();
    }
}

/// Entries that nobody can reach any more; released when this is dropped.
pub struct Garbage(Vec<Retired>);

impl Drop for Garbage {
    fn drop(&mut self) {
        Batch::release(mem::take(&mut self.0));
    }
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
#[inline]
pub fn pin() -> Guard {
    Guard(imp::pin())
}

#[cfg(not(epochkv_loom))]
mod imp {
    use crossbeam_epoch::{Collector, LocalHandle};
    use std::sync::LazyLock;

    pub(super) use crossbeam_epoch::Guard;

    static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

    thread_local! {
        static PARTICIPANT: LocalHandle = COLLECTOR.register();
    }

    pub(super) fn unprotected() -> &'static Guard {
        // SAFETY: the caller of `Guard::unprotected` promises what this asks.
        unsafe { crossbeam_epoch::unprotected() }
    }

    #[inline]
    pub(super) fn pin() -> Guard {
        // The thread-local is gone while a thread's destructors run; a call from
        // there registers for its own duration.
        PARTICIPANT.try_with(LocalHandle::pin).unwrap_or_else(|_| COLLECTOR.register().pin())
    }
}

/// Models choose the collector at run time: crossbeam-epoch's own, which is
/// explored too, or one that keeps all garbage until the model ends and so adds
/// nothing to the state space.
#[cfg(epochkv_loom)]
mod imp {
    use crate::sync::{AtomicU64, Ordering};
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    thread_local! {
        // Loom runs all threads of a model on one thread of the system.
        static KEEP: Cell<bool> = const { Cell::new(true) };
        static KEPT: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
        static GATE: RefCell<Option<Arc<AtomicU64>>> = const { RefCell::new(None) };
    }

    pub(super) enum Guard {
        Epoch(crossbeam_epoch::Guard),
        Keep,
    }

    impl Guard {
        pub(super) fn defer(&self, work: impl FnOnce() + Send + 'static) {
            match self {
                Self::Epoch(guard) => guard.defer(work),
                Self::Keep => KEPT.with_borrow_mut(|kept| kept.push(Box::new(work))),
            }
        }

        pub(super) fn flush(&self) {
            if let Self::Epoch(guard) = self {
                guard.flush();
            }
        }
    }

    pub(super) fn pin() -> Guard {
        if let Some(gate) = GATE.with_borrow(Clone::clone) {
            // Relaxed: a model must not see order where the store made none.
            gate.fetch_add(1, Ordering::Relaxed);
        }
        if KEEP.get() { Guard::Keep } else { Guard::Epoch(crossbeam_epoch::pin()) }
    }

    pub(super) fn unprotected() -> &'static Guard {
        Box::leak(Box::new(Guard::Keep))
    }

    pub(super) fn use_epoch(yes: bool) {
        KEEP.set(!yes);
    }

    pub(super) fn set_gate(closed: bool) {
        GATE.set(closed.then(Arc::default));
    }

    pub(super) fn release_kept() {
        loop {
            let kept = KEPT.with_borrow_mut(std::mem::take);
            if kept.is_empty() {
                return;
            }
            kept.into_iter().for_each(|work| work());
        }
    }
}

/// Lets the models of this thread run on crossbeam-epoch (`true`) or on the
/// collector that keeps everything (`false`, the default).
#[cfg(epochkv_loom)]
pub fn use_epoch(yes: bool) {
    imp::use_epoch(yes);
}

/// Lets every pin of this model pass one shared word first, so that loom tries all orders of
/// the store's calls, or no longer. Loom compares an access only with the last one to the same
/// object, and may never let a thread that exchanges a word after a look go first.
#[cfg(epochkv_loom)]
pub fn set_gate(closed: bool) {
    imp::set_gate(closed);
}

/// Ends one execution of a model that kept its garbage: releases all of it.
#[cfg(epochkv_loom)]
pub fn release_kept() {
    imp::release_kept();
}
