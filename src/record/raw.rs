//! The record's memory: layout, access, reference count. All `unsafe` code of
//! the records is here.

use super::cell::Cell;
use super::content::{Content, Kind};
use super::pool::{self, Magazines};
use crate::reclaim::{Managed, Owned, Shared};
use crate::sync::{AtomicU32, Ordering};
use crate::value::{Input, Value, ValueRef};
use core::cell::RefCell;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ptr::NonNull;
use std::alloc::{self, Layout};

/// The longest key, in bytes: 256 MiB less one.
pub const MAX_KEY_LEN: usize = (1 << KIND_SHIFT) - 1;

const KIND_SHIFT: u32 = 28;

/// Set in the reference count when a helper has committed the record's insertion.
const COMMITTED: u32 = 1 << 31;

/// More references than this are a leak, and about to overflow.
const MAX_REFERENCES: u32 = 1 << 30;

/// Milliseconds of the store's clock at which an entry is gone; zero for never.
pub(crate) type Deadline = u64;

/// A record of a store with keys of kind `K`. Always behind a pointer: the rest
/// of the allocation follows it.
#[repr(C, align(16))]
pub(crate) struct Record<K: ?Sized> {
    references: AtomicU32,
    /// Key length in the low bits, kind in the high ones.
    meta: u32,
    hash: u64,
    deadline: Deadline,
    cell: Cell,
    key: PhantomData<fn(&K)>,
}

#[cfg(not(epochkv_loom))]
const _: () = assert!(size_of::<Record<str>>() == 32);

impl<K: ?Sized + 'static> Record<K> {
    /// Where the key begins, in bytes from the start.
    const KEY: usize = size_of::<Self>();

    fn key_len(&self) -> usize {
        self.meta as usize & MAX_KEY_LEN
    }

    fn kind(&self) -> Kind {
        Kind(self.meta >> KIND_SHIFT)
    }

    fn text_len(&self) -> usize {
        match self.kind() {
            Kind::STR | Kind::BYTES => self.cell.word() as usize,
            _ => 0,
        }
    }

    /// Where the `Value` begins, if there is one: behind the key, aligned.
    fn value_offset(key_len: usize) -> usize {
        (Self::KEY + key_len).next_multiple_of(align_of::<Value>())
    }

    /// The size of a record's block.
    fn size(kind: Kind, key_len: usize, text_len: usize) -> usize {
        // Key and text are bounded, so the sums are far from overflow.
        pool::round(match kind {
            Kind::SHARED => Self::value_offset(key_len) + size_of::<Value>(),
            _ => Self::KEY + key_len + text_len,
        })
    }

    /// Makes a record with one reference. The key is the bytes of a `K` and at most [`MAX_KEY_LEN`] long.
    pub(super) fn from_bytes(
        key: &[u8],
        hash: u64,
        deadline: Deadline,
        content: Content<'_>,
    ) -> Owned<Self> {
        assert!(key.len() <= MAX_KEY_LEN, "the caller checks the key's length");
        let Content { kind, word, text, shared } = content;
        let start = Block::take(Self::size(kind, key.len(), text.len())).into_raw();
        let record = start.cast::<Self>();
        let cell = match kind {
            Kind::COUNTER => Cell::new(word as i64),
            _ => Cell::plain(word),
        };
        let header = Self {
            references: AtomicU32::new(1),
            meta: key.len() as u32 | (kind.0 << KIND_SHIFT),
            hash,
            deadline,
            cell,
            key: PhantomData,
        };
        // SAFETY: the allocation is fresh, aligned and has room for the header.
        unsafe { record.write(header) };
        if let Some(value) = shared {
            // SAFETY: for this kind the block has room for a `Value` here.
            let place = unsafe { start.byte_add(Self::value_offset(key.len())) };
            // SAFETY: fresh memory, aligned for it.
            unsafe { place.cast::<Value>().write(value) };
        }
        // SAFETY: the block has room for the key at this offset.
        let place = unsafe { start.byte_add(Self::KEY) };
        // SAFETY: fresh memory of that length, which the key cannot overlap.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len()) };
        // SAFETY: the block has room for the text behind the key.
        let place = unsafe { place.byte_add(key.len()) };
        // SAFETY: as for the key.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        // SAFETY: complete now, and nobody else has seen it.
        unsafe { Owned::from_raw(record) }
    }

    /// Release: see `Entry::set_committed`.
    pub(super) fn set_committed(&self) {
        self.references.fetch_or(COMMITTED, Ordering::Release);
    }

    /// Acquire: see `Entry::is_committed`.
    pub(super) fn is_committed(&self) -> bool {
        self.references.load(Ordering::Acquire) & COMMITTED != 0
    }

    /// Adds a reference.
    fn retain(&self) {
        // Relaxed: as in `Arc`, the caller has a reference or a guard already.
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        if before & !COMMITTED > MAX_REFERENCES {
            // Snapshots were leaked a billion times; an overflow would free
            // what others still read. `Arc` does the same.
            std::process::abort();
        }
    }
}

impl<K: ?Sized + KeyBytes> Record<K> {
    /// Makes a record with one reference.
    pub(crate) fn create(
        key: &K,
        hash: u64,
        deadline: Deadline,
        content: Content<'_>,
    ) -> Owned<Self> {
        Self::from_bytes(key.key_bytes(), hash, deadline, content)
    }
}

impl<'a, K: ?Sized + 'static> Shared<'a, Record<K>> {
    /// `len` bytes of the record's tail.
    ///
    /// # Safety
    ///
    /// They lie within the allocation and were initialized.
    unsafe fn tail(self, offset: usize, len: usize) -> &'a [u8] {
        // SAFETY: in bounds by the caller's promise.
        let start = unsafe { self.as_ptr().byte_add(offset) }.cast::<u8>();
        // SAFETY: initialized by the caller's promise, and immutable for as
        // long as the record lives, which is at least `'a`.
        unsafe { core::slice::from_raw_parts(start.as_ptr(), len) }
    }

    pub(crate) fn key_bytes(self) -> &'a [u8] {
        let record = self.get();
        // SAFETY: the key stands there with that length.
        unsafe { self.tail(Record::<K>::KEY, record.key_len()) }
    }

    fn text(self) -> &'a [u8] {
        let record = self.get();
        let offset = Record::<K>::KEY + record.key_len();
        // SAFETY: the text stands behind the key with that length.
        unsafe { self.tail(offset, record.text_len()) }
    }

    pub(crate) fn hash(self) -> u64 {
        self.get().hash
    }

    pub(crate) fn deadline(self) -> Deadline {
        self.get().deadline
    }

    /// The cell of a counter.
    #[inline]
    pub(crate) fn counter(self) -> Option<&'a Cell> {
        let record = self.get();
        (record.kind() == Kind::COUNTER).then_some(&record.cell)
    }

    /// The value; of a counter, the value at this instant.
    #[inline]
    pub(crate) fn value(self) -> ValueRef<'a> {
        let record = self.get();
        let cell = &record.cell;
        match record.kind() {
            Kind::NULL => ValueRef::Null,
            Kind::BOOL => ValueRef::Bool(cell.word() != 0),
            Kind::COUNTER => ValueRef::Int(cell.get()),
            Kind::WIDE_INT => ValueRef::Int(cell.word() as i64),
            Kind::FLOAT => ValueRef::Float(f64::from_bits(cell.word())),
            // SAFETY: the text of this kind was copied from a `str`.
            Kind::STR => ValueRef::Str(unsafe { core::str::from_utf8_unchecked(self.text()) }),
            Kind::BYTES => ValueRef::Bytes(self.text()),
            _ => self.shared_value().as_ref(),
        }
    }

    /// The `Value` of a record of kind `Shared`.
    fn shared_value(self) -> &'a Value {
        debug_assert!(self.get().kind() == Kind::SHARED);
        let offset = Record::<K>::value_offset(self.get().key_len());
        // SAFETY: in bounds of the record's block.
        let value = unsafe { self.as_ptr().byte_add(offset) }.cast::<Value>();
        // SAFETY: initialized with the record, never changed, valid for `'a`.
        unsafe { value.as_ref() }
    }

    /// The value for good: a counter is frozen first.
    pub(crate) fn exact_value(self) -> ValueRef<'a> {
        match self.counter() {
            Some(cell) => ValueRef::Int(cell.freeze()),
            None => self.value(),
        }
    }

    /// The content, for another record. Exact, as `exact_value`.
    pub(crate) fn exact_content(self) -> Content<'a> {
        match self.exact_value() {
            ValueRef::Int(value) => Content::int(value),
            _ => self.immutable_content(),
        }
    }

    pub(super) fn immutable_content(self) -> Content<'a> {
        let record = self.get();
        match record.kind() {
            Kind::STR | Kind::BYTES => Content::text(record.kind(), self.text()),
            Kind::SHARED => Content::shared(self.shared_value().clone()),
            kind => Content::scalar(kind, record.cell.word()),
        }
    }
}

impl<'a, K: ?Sized + KeyBytes> Shared<'a, Record<K>> {
    pub(crate) fn key(self) -> &'a K {
        // SAFETY: a `Record<K>` is made from a key of kind `K` (`create`).
        unsafe { K::from_bytes(self.key_bytes()) }
    }
}

// SAFETY: a record is immutable but for atomics; its key is bytes and its value
// is `Send + Sync`. `release` frees it with the last reference.
unsafe impl<K: ?Sized + 'static> Managed for Record<K> {
    unsafe fn release(this: NonNull<Self>) {
        // SAFETY: the caller owns a reference, so the record is alive.
        let record = unsafe { this.as_ref() };
        // Acquire: pairs with the release below, of all who gave up their
        // references before. Where one is left it is the caller's, and nobody can
        // add another: that takes a reference, or a guard from before the table
        // gave up its own.
        if record.references.load(Ordering::Acquire) & !COMMITTED != 1 {
            // AcqRel, as in `Arc`: the releases of all others happen before the
            // destruction below. (`Arc` uses a fence, which sanitizers cannot see.)
            let before = record.references.fetch_sub(1, Ordering::AcqRel);
            if before & !COMMITTED != 1 {
                return;
            }
        }
        let kind = record.kind();
        let size = Self::size(kind, record.key_len(), record.text_len());
        if kind == Kind::SHARED {
            // SAFETY: the value stands there and the last reference is ours.
            let value = unsafe { this.byte_add(Self::value_offset(record.key_len())) };
            // SAFETY: as above; it is not used again.
            unsafe { value.cast::<Value>().drop_in_place() };
        }
        // SAFETY: as above.
        unsafe { this.drop_in_place() };
        // SAFETY: a block of this size since `from_bytes`, and nobody's any more.
        unsafe { Block::from_raw(this.cast(), size) }.recycle();
    }

    fn bytes(this: Shared<'_, Self>) -> usize {
        let record = this.get();
        let size = Self::size(record.kind(), record.key_len(), record.text_len());
        // Of containers only the length at the top is known at once.
        let shared = match this.value() {
            _ if record.kind() != Kind::SHARED => 0,
            ValueRef::Str(text) => text.len(),
            ValueRef::Bytes(bytes) => bytes.len(),
            ValueRef::List(list) => list.len() * size_of::<Value>(),
            ValueRef::Dict(dict) => dict.len() * 2 * size_of::<Value>(),
            _ => 0,
        };
        size + shared
    }
}

/// A block of memory, aligned for a record, with nothing in it.
pub(super) struct Block {
    start: NonNull<u8>,
    size: usize,
}

thread_local! {
    static SPARE: RefCell<Magazines<Block>> = const { RefCell::new(Magazines::new()) };
}

impl Block {
    /// A block, from this thread's spare ones or else from the global allocator.
    /// Aborts if memory is refused.
    fn take(size: usize) -> Self {
        with_spare(|spare| spare.take(size)).flatten().unwrap_or_else(|| Self::allocate(size))
    }

    /// Keeps the block for this thread's next records, or frees it.
    fn recycle(self) {
        let size = self.size;
        let mut block = Some(self);
        let rest = with_spare(|spare| block.take().and_then(|block| spare.keep(size, block)));
        // Freed here, after the magazines were let go of.
        drop((rest, block));
    }

    fn allocate(size: usize) -> Self {
        let layout = Self::layout(size);
        // SAFETY: `layout` makes no empty layout.
        let start = unsafe { alloc::alloc(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        Self { start, size }
    }

    fn layout(size: usize) -> Layout {
        let align = align_of::<Record<AnyKey>>();
        Layout::from_size_align(size.max(1), align).expect("a record is below 2^29 bytes")
    }

    /// Gives the block to the caller.
    fn into_raw(self) -> NonNull<u8> {
        ManuallyDrop::new(self).start
    }

    /// # Safety
    ///
    /// The caller hands over a block of this size that came from `into_raw`.
    unsafe fn from_raw(start: NonNull<u8>, size: usize) -> Self {
        Self { start, size }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `allocate`.
        unsafe { alloc::dealloc(self.start.as_ptr(), Self::layout(self.size)) };
    }
}

/// Gives the blocks that this thread keeps back to the allocator.
pub(crate) fn release_spare() {
    // Out of the cell first: the allocator may be user code.
    let spare = with_spare(|spare| mem::replace(spare, Magazines::new()));
    drop(spare);
}

/// None while a thread's destructors run, and within an allocation by one of
/// the magazines, where an allocator that uses this crate may be at work.
#[inline]
fn with_spare<R>(with: impl FnOnce(&mut Magazines<Block>) -> R) -> Option<R> {
    SPARE.try_with(|spare| spare.try_borrow_mut().ok().map(|mut spare| with(&mut spare))).ok()?
}

/// Owns one reference to a record.
pub(crate) struct Handle<K: ?Sized + 'static>(NonNull<Record<K>>);

/// In place of the kind of key where it does not matter.
pub(crate) struct AnyKey;

// SAFETY: a record may be read and released by any thread (`Managed`).
unsafe impl<K: ?Sized + 'static> Send for Handle<K> {}
// SAFETY: as above.
unsafe impl<K: ?Sized + 'static> Sync for Handle<K> {}

impl<K: ?Sized + 'static> Handle<K> {
    /// Adds a reference to a record that somebody else keeps alive.
    pub(crate) fn new(record: Shared<'_, Record<K>>) -> Self {
        record.get().retain();
        Self(record.as_ptr())
    }

    /// The record.
    pub(crate) fn share(&self) -> Shared<'_, Record<K>> {
        // SAFETY: the handle's reference keeps the record alive while it is
        // borrowed.
        unsafe { Shared::new(self.0) }
    }

    /// The same record with its kind of key forgotten.
    pub(crate) fn forget_key(self) -> Handle<AnyKey> {
        // The kind of key is a phantom: the layout does not depend on it.
        Handle(ManuallyDrop::new(self).0.cast())
    }
}

impl Handle<AnyKey> {
    /// A record outside of any store.
    pub(crate) fn detached(input: &Input<'_>) -> Self {
        Self(Record::from_bytes(&[], 0, 0, Content::of(input)).into_raw())
    }
}

impl<K: ?Sized + 'static> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self::new(self.share())
    }
}

impl<K: ?Sized + 'static> Drop for Handle<K> {
    fn drop(&mut self) {
        // SAFETY: gives up the handle's own reference.
        unsafe { Record::release(self.0) }
    }
}

/// What the record needs of a key.
pub trait KeyBytes: 'static {
    /// The key as bytes; equal keys have equal bytes.
    fn key_bytes(&self) -> &[u8];

    /// The reverse of [`key_bytes`](Self::key_bytes).
    ///
    /// # Safety
    ///
    /// The bytes came from `key_bytes` of this type.
    unsafe fn from_bytes(bytes: &[u8]) -> &Self;
}

impl KeyBytes for str {
    fn key_bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    unsafe fn from_bytes(bytes: &[u8]) -> &Self {
        // SAFETY: the bytes of a `str`, by the caller's promise.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }
}

impl KeyBytes for [u8] {
    fn key_bytes(&self) -> &[u8] {
        self
    }

    unsafe fn from_bytes(bytes: &[u8]) -> &Self {
        bytes
    }
}
