//! One allocation: header, buckets, filters. And the cell that points to the current one.
//!
//! ```text
//! [ Header | padding | Bucket 0 | Bucket 1 | ... | Bucket 2^lg - 1 | filters, if large ]
//!                    ^ base; packed with lg in its 6 low bits
//! ```
//! A reader gets base and size from one word. The header it touches only to ask for a successor.

use super::arena::Arena;
use super::bucket::Bucket;
use super::entry::Entry;
use super::filter::{self, Filter};
use super::pages;
use super::progress::Progress;
use super::tag::Tag;
use super::word::Link;
use crate::counter::Sharded;
use crate::reclaim::{Guard, Section};
use crate::sync::{AtomicPtr, Ordering};
use core::marker::PhantomData;
use core::num::NonZero;
use core::ptr::{self, NonNull};
use crossbeam_utils::CachePadded;
use std::alloc::{self, Layout};
use std::sync::Arc;

/// Buckets are 64-byte aligned, which leaves these bits of an address for `lg`.
const LG_BITS: usize = 63;

/// What an entry of a cleared table costs to release, in empty buckets that are looked through.
const RELEASE_COST: usize = 4;

/// Tables have at most this many buckets, as a power of two: more than any
/// address space holds, and few enough that no size computation overflows.
pub(super) const MAX_LG: u32 = 40;

/// The `lg` highest bits of a hash.
#[inline]
fn index_of(hash: u64, lg: u32) -> usize {
    // Two shifts, because one by 64 is none.
    ((hash >> 1) >> (63 - lg)) as usize
}

/// What a table knows besides its buckets.
pub(super) struct Header<E> {
    /// The successor, while this table is being migrated.
    pub(super) next: ArrayCell<E>,
    /// How far the migration from the predecessor into this table has come.
    pub(super) progress: Progress,
    /// The number of entries, shared by all tables between two calls of `clear`.
    pub(super) entries: Arc<Sharded>,
    /// Insertions into full buckets write it: apart from what every write reads.
    arena: CachePadded<Arena<E>>,
    /// The start of the allocation; the header lies behind some padding.
    start: NonNull<u8>,
}

/// A table that is valid during `'g`.
pub(super) struct Array<'g, E> {
    base: NonNull<Bucket<E>>,
    lg: u32,
    valid: PhantomData<&'g Header<E>>,
}

impl<E> Clone for Array<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Array<'_, E> {}

impl<E> PartialEq for Array<'_, E> {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base
    }
}

impl<'g, E: Entry> Array<'g, E> {
    /// What base and header are aligned to.
    const ALIGN: usize = if align_of::<Bucket<E>>() > align_of::<Header<E>>() {
        align_of::<Bucket<E>>()
    } else {
        align_of::<Header<E>>()
    };

    const HEADER: usize = size_of::<Header<E>>().next_multiple_of(Self::ALIGN);

    #[inline]
    fn unpack(packed: *mut Bucket<E>) -> Option<Self> {
        let lg = (packed.addr() & LG_BITS) as u32;
        let base = NonNull::new(packed.map_addr(|address| address & !LG_BITS))?;
        Some(Self { base, lg, valid: PhantomData })
    }

    fn packed(self) -> *mut Bucket<E> {
        self.base.as_ptr().map_addr(|address| address | self.lg as usize)
    }

    /// The allocator is asked for a small alignment and the rest is done by
    /// padding: for a large one the standard library zeroes the memory by hand,
    /// for a small one it has the system's zero pages, which cost nothing until
    /// they are touched.
    fn layout(lg: u32) -> Layout {
        // With lg <= MAX_LG neither the product nor the sum can overflow.
        let filter = if filter::is_in(lg) { size_of::<Filter>() } else { 0 };
        let size = Self::HEADER + ((size_of::<Bucket<E>>() + filter) << lg) + Self::ALIGN;
        Layout::from_size_align(size, 16).expect("lg is at most MAX_LG")
    }

    fn header_ptr(self) -> *mut Header<E> {
        // SAFETY: the header's room lies directly before the base in the same
        // allocation (I8).
        unsafe { self.base.as_ptr().byte_sub(Self::HEADER).cast() }
    }

    pub(super) fn header(self) -> &'g Header<E> {
        // SAFETY: I8: the header was written before the table was shared, is
        // only read through shared references, and is valid for `'g`.
        unsafe { &*self.header_ptr() }
    }

    /// The number of buckets as a power of two.
    #[inline]
    pub(super) fn lg(self) -> u32 {
        self.lg
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        1 << self.lg
    }

    /// The index of the bucket for a hash: its highest bits. So the order of
    /// buckets is the order of hashes, in a table of any size.
    #[inline]
    pub(super) fn index_of(self, hash: u64) -> usize {
        index_of(hash, self.lg)
    }

    /// The tag of an entry with this hash.
    #[inline]
    pub(super) fn tag(self, hash: u64) -> Tag {
        Tag::of(hash, self.lg)
    }

    /// What the bucket and the tag of an entry tell of its hash; the other bits are zero. It is
    /// enough for its bucket and tag in any table where tags are the same (I7).
    pub(super) fn known_hash(self, index: usize, tag: Tag) -> u64 {
        self.first_hash(index) | tag.of_hash(self.lg)
    }

    /// The least hash of a bucket.
    pub(super) fn first_hash(self, index: usize) -> u64 {
        // In a table of one bucket the shift would be by all bits.
        (index as u64).checked_shl(u64::BITS - self.lg).unwrap_or(0)
    }

    /// The bucket for a hash.
    #[inline]
    pub(super) fn bucket(self, hash: u64) -> &'g Bucket<E> {
        // SAFETY: it is a number of `lg` bits.
        unsafe { self.at_unchecked(self.index_of(hash)) }
    }

    /// The bucket of an index, modulo the number of buckets.
    #[inline]
    pub(super) fn at(self, index: usize) -> &'g Bucket<E> {
        // SAFETY: the number of buckets is a power of two.
        unsafe { self.at_unchecked(index & (self.len() - 1)) }
    }

    /// The bucket of an index.
    ///
    /// # Safety
    ///
    /// The index is below the number of buckets.
    #[inline]
    unsafe fn at_unchecked(self, index: usize) -> &'g Bucket<E> {
        debug_assert!(index < self.len());
        // SAFETY: the allocation has `len` buckets, and the index is below that.
        let bucket = unsafe { self.base.add(index) };
        // SAFETY: I8: buckets are initialized with the table and valid for `'g`;
        // they consist of atomics, so shared references are all there ever are.
        unsafe { bucket.as_ref() }
    }

    /// Where the filter of bucket `index` is, in an array that has filters.
    fn filter_ptr(self, index: usize) -> Option<NonNull<Filter>> {
        if !filter::is_in(self.lg) {
            return None;
        }
        // SAFETY: the allocation of such an array goes on behind its `len` buckets.
        let first = unsafe { self.base.add(self.len()) }.cast();
        // SAFETY: with room for so many.
        Some(unsafe { first.add(index & (self.len() - 1)) })
    }

    /// The filter of a bucket of this array, which is no overflow bucket (I9).
    #[inline]
    pub(super) fn filter(self, bucket: &Bucket<E>) -> Option<&'g Filter> {
        let offset = ptr::from_ref(bucket).addr() - self.base.addr().get();
        // SAFETY: I8, as for a bucket; zeroed memory is an unused filter.
        self.filter_ptr(offset / size_of::<Bucket<E>>()).map(|filter| unsafe { filter.as_ref() })
    }

    /// Buckets per group, where the keys of this table form so many groups.
    pub(super) fn per_group(self, groups: usize) -> usize {
        self.len() / groups
    }

    /// The group of a hash in the migration to `next`.
    pub(super) fn group_of(self, next: Self, hash: u64) -> usize {
        index_of(hash, self.lg.min(next.lg))
    }

    /// The link by which a hash's group becomes ready in the successor `next`: that
    /// of the group's first bucket there.
    pub(super) fn gate(self, next: Self, hash: u64) -> &'g Link<Bucket<E>> {
        let groups = self.len().min(next.len());
        next.at(self.group_of(next, hash) * next.per_group(groups)).link()
    }

    /// A fresh overflow bucket that only the caller can reach.
    pub(super) fn overflow_bucket(self) -> &'g Bucket<E> {
        self.header().arena.take()
    }

    /// Bytes of this table, overflow buckets included.
    pub(super) fn bytes(self) -> usize {
        Self::layout(self.lg).size() + self.header().arena.bytes()
    }

    /// The number of overflow buckets in chains.
    pub(super) fn overflow_buckets(self) -> usize {
        self.header().arena.linked()
    }

    /// Counts overflow buckets that were linked into a chain.
    pub(super) fn count_overflow_buckets(self, linked: usize) {
        self.header().arena.count_linked(linked);
    }

    /// Frees the table's memory, without regard to entries.
    ///
    /// # Safety
    ///
    /// No other thread can reach the table, and it is not used afterwards.
    unsafe fn free(self) {
        let layout = Self::layout(self.lg);
        let start = self.header().start;
        // SAFETY: exclusive by the caller's promise; written by `allocate`.
        unsafe { self.header_ptr().drop_in_place() };
        // SAFETY: allocated with this layout by `allocate`.
        unsafe { alloc::dealloc(start.as_ptr(), layout) };
    }

    /// Releases the entries that bucket `index` owns (I7): those that have
    /// arrived from the predecessor and have not left for the successor. Returns how many
    /// they were.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); each bucket is released once.
    unsafe fn release_bucket(self, index: usize) -> usize {
        // SAFETY: exclusive by the caller's promise.
        let guard = unsafe { Guard::unprotected() };
        let header = self.header();
        // A table without a predecessor has no groups.
        let groups =
            NonZero::new(header.progress.groups()).map(|groups| self.per_group(groups.get()));
        let first_of_group = groups.map(|per_group| index / per_group * per_group);
        let arrived = first_of_group.is_none_or(|first| self.is_ready(first, guard));
        let hash = self.first_hash(index);
        let left = |next| self.gate(next, hash).unready(guard).is_none();
        if !arrived || header.next.load(guard).is_some_and(left) {
            return 0;
        }
        let mut released = 0;
        for slot in self.at(index).chain(guard).flat_map(Bucket::slots) {
            if let Some(entry) = slot.load(guard).pointer() {
                // SAFETY: the word held the table's reference to the entry, and
                // the table is never read again.
                unsafe { E::release(entry) };
                released += 1;
            }
        }
        released
    }

    /// Whether this bucket has been filled from the predecessor; of the first one of
    /// a group: whether all of them have.
    pub(super) fn is_ready(self, index: usize, guard: &'g Section) -> bool {
        self.at(index).link().unready(guard).is_none()
    }
}

/// A table that no other thread can reach. Dropping it frees its memory, but
/// not the entries in it.
pub(super) struct OwnedArray<E: Entry>(Array<'static, E>);

// SAFETY: a table is made of atomics, counters and entries, and entries may be
// sent and shared (`Managed`).
unsafe impl<E: Entry> Send for OwnedArray<E> {}

impl<E: Entry> OwnedArray<E> {
    /// An empty table of `2^lg` buckets. Aborts, as the standard library does,
    /// if memory is refused.
    pub(super) fn allocate(lg: u32, progress: Progress, entries: Arc<Sharded>) -> Self {
        let lg = lg.min(MAX_LG);
        let layout = Array::<E>::layout(lg);
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        pages::advise_huge(start, layout.size());
        let padding = start.addr().get().wrapping_neg() % Array::<E>::ALIGN;
        // SAFETY: the layout has room for padding and header before the buckets.
        let base = unsafe { start.byte_add(padding + Array::<E>::HEADER) }.cast::<Bucket<E>>();
        let array = Array { base, lg, valid: PhantomData };
        let arena = CachePadded::new(Arena::new(lg));
        let header = Header { next: ArrayCell::empty(), progress, entries, arena, start };
        // SAFETY: in bounds, aligned, and exclusive.
        unsafe { array.header_ptr().write(header) };
        // Zeroed memory is a valid array of unused buckets; loom's atomics are
        // more than their value and have to be made.
        #[cfg(epochkv_loom)]
        for index in 0..array.len() {
            // SAFETY: in bounds.
            let bucket = unsafe { base.add(index) };
            // SAFETY: exclusive.
            unsafe { bucket.write(Bucket::unused()) };
            if let Some(filter) = array.filter_ptr(index) {
                // SAFETY: as above.
                unsafe { filter.write(Filter::unused()) };
            }
        }
        Self(array)
    }

    fn into_array(self) -> Array<'static, E> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// The table, while it is nobody else's.
    pub(super) fn share(&self) -> Array<'_, E> {
        self.0
    }
}

impl<E: Entry> Drop for OwnedArray<E> {
    fn drop(&mut self) {
        // SAFETY: an `OwnedArray` is the only way to its table.
        unsafe { self.0.free() }
    }
}

/// Tables that were taken out of service together with their entries: a table
/// and, if its migration had begun, its successors.
pub(super) struct Detached<E: Entry> {
    /// The first table that is not freed yet.
    array: Option<OwnedArray<E>>,
    /// The first bucket of it that was not looked at yet.
    position: usize,
}

impl<E: Entry> From<Option<OwnedArray<E>>> for Detached<E> {
    fn from(array: Option<OwnedArray<E>>) -> Self {
        Self { array, position: 0 }
    }
}

impl<E: Entry> Drop for Detached<E> {
    fn drop(&mut self) {
        while self.release_some(usize::MAX) {}
    }
}

impl<E: Entry> Detached<E> {
    /// Releases entries, and frees a table that is done with. A bucket takes one of the
    /// budget, each entry [`RELEASE_COST`] more. Returns whether something is left.
    pub(super) fn release_some(&mut self, mut budget: usize) -> bool {
        while budget > 0 {
            let Some(owned) = &self.array else {
                return false;
            };
            let array = owned.share();
            // SAFETY: `Detached` owns the tables and comes by each bucket once.
            let released = unsafe { array.release_bucket(self.position) };
            budget = budget.saturating_sub(1 + RELEASE_COST * released);
            self.position += 1;
            if self.position >= array.len() {
                let next = array.header().next.take();
                self.array = next;
                self.position = 0;
                break;
            }
        }
        self.array.is_some()
    }
}

/// An atomic pointer to a table: the root, and the successor in a header.
pub(super) struct ArrayCell<E>(AtomicPtr<Bucket<E>>);

impl<E> ArrayCell<E> {
    fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }
}

impl<E: Entry> ArrayCell<E> {
    pub(super) fn new(array: OwnedArray<E>) -> Self {
        Self(AtomicPtr::new(array.into_array().packed()))
    }

    /// Acquire: pairs with `install`, `promote` and `swap`, which publish the
    /// table's header and buckets.
    #[inline]
    pub(super) fn load<'g>(&self, _: &'g Section) -> Option<Array<'g, E>> {
        Array::unpack(self.0.load(Ordering::Acquire))
    }

    /// As [`load`](Self::load), of a cell that is never empty while it is shared.
    #[inline]
    pub(super) fn load_root<'g>(&self, _: &'g Section) -> Array<'g, E> {
        // Acquire: as in `load`.
        let packed = self.0.load(Ordering::Acquire);
        let lg = (packed.addr() & LG_BITS) as u32;
        let base = packed.map_addr(|address| address & !LG_BITS);
        // SAFETY: I8: the root is made with an array and only ever exchanged for
        // another one, until the table is dropped.
        Array { base: unsafe { NonNull::new_unchecked(base) }, lg, valid: PhantomData }
    }

    /// The address of the bucket that a lookup will read, from a word that may
    /// be stale: good for a prefetch, never to be dereferenced.
    #[inline]
    pub(super) fn hint(&self, hash: u64) -> *const Bucket<E> {
        // Relaxed: nothing is read through it.
        let packed = self.0.load(Ordering::Relaxed);
        let offset = index_of(hash, (packed.addr() & LG_BITS) as u32) * size_of::<Bucket<E>>();
        packed.map_addr(|address| (address & !LG_BITS).wrapping_add(offset))
    }

    /// Empty to `array`; the loser gets its table back.
    pub(super) fn install(&self, array: OwnedArray<E>) -> Result<(), OwnedArray<E>> {
        let packed = array.share().packed();
        // Release publishes the new table. No acquire: null was never written.
        // Relaxed on failure.
        match self.0.compare_exchange(ptr::null_mut(), packed, Ordering::Release, Ordering::Relaxed)
        {
            Ok(_) => {
                let _ = array.into_array();
                Ok(())
            }
            Err(_) => Err(array),
        }
    }

    /// From a table to its completed successor; retires the old table's memory.
    /// Fails if another thread did it, or if the store was cleared.
    pub(super) fn promote(&self, old: Array<'_, E>, new: Array<'_, E>, guard: &Guard) -> bool {
        // Release publishes to those who enter through the root what this thread
        // has seen of the migration. No acquire: `old` was loaded with it under
        // this guard, and no other table can have its address.
        let swapped = self.0.compare_exchange(
            old.packed(),
            new.packed(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if swapped.is_ok() {
            let old = OwnedArray(Array { base: old.base, lg: old.lg, valid: PhantomData });
            guard.retire(old.0.bytes(), move || drop(old));
        }
        swapped.is_ok()
    }

    /// Puts another table in place; the old one is the caller's to release once
    /// no guard of now is left.
    pub(super) fn swap(&self, array: OwnedArray<E>) -> Detached<E> {
        let packed = array.into_array().packed();
        // AcqRel: release publishes the new table, acquire takes over the old.
        let old = self.0.swap(packed, Ordering::AcqRel);
        Detached::from(Array::unpack(old).map(OwnedArray))
    }

    /// Takes the table out of a cell that no other thread can reach.
    pub(super) fn take(&self) -> Option<OwnedArray<E>> {
        // Acquire: the table was published by another thread perhaps.
        Array::unpack(self.0.swap(ptr::null_mut(), Ordering::Acquire)).map(OwnedArray)
    }
}
