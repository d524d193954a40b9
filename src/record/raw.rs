//! The record's memory: layout, access, reference count. All `unsafe` code of
//! the records is here.

use super::cell::Cell;
use super::content::{Content, Kind};
use super::header::{self, Deadline, Header, MAX_KEY_LEN, Meta, Timing};
use super::pool::Magazines;
use crate::reclaim::{Managed, Owned, Shared, prefetch_exclusive};
use crate::sweep::filed::Filed;
use crate::value::{Input, Value, ValueRef};
use core::cell::RefCell;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ptr::NonNull;
use std::alloc::{self, Layout};

/// A record of a store with keys of kind `K`. Always behind a pointer: the rest
/// of the allocation follows it.
#[repr(transparent)]
pub(crate) struct Record<K: ?Sized> {
    header: Header,
    key: PhantomData<fn(&K)>,
}

/// What a slot word needs for its flags.
const ALIGN: usize = 16;

impl<K: ?Sized + 'static> Record<K> {
    /// Makes a record with one reference. The key is the bytes of a `K` and at most
    /// [`MAX_KEY_LEN`] long.
    // Inlined, so that the content is taken apart where it was made: passed
    // through memory, its parts would be waited for.
    #[inline(always)]
    pub(super) fn from_bytes(
        key: &[u8],
        hash: u64,
        deadline: Deadline,
        content: Content<'_>,
    ) -> Owned<Self> {
        let Content { kind, word, text, shared } = content;
        let record = Self::from_parts(key, hash, deadline, kind, word, text);
        if let Some(value) = shared {
            let offset = Meta::new(key.len(), kind, deadline != 0).value_offset();
            // SAFETY: for this kind the block has room for a `Value` here.
            let place = unsafe { record.byte_add(offset) };
            // SAFETY: fresh memory, aligned for it.
            unsafe { place.cast::<Value>().write(value) };
        }
        // SAFETY: complete now, and nobody else has seen it.
        unsafe { Owned::from_raw(record) }
    }

    /// A record that is complete but for its `Value`, if its kind has one.
    fn from_parts(
        key: &[u8],
        hash: u64,
        deadline: Deadline,
        kind: Kind,
        word: u64,
        text: &[u8],
    ) -> NonNull<Self> {
        assert!(key.len() <= MAX_KEY_LEN, "the caller checks the key's length");
        let meta = Meta::new(key.len(), kind, deadline != 0);
        let start = Block::take(meta.size(text.len())).into_raw();
        let record = start.cast::<Self>();
        let header = Header::new(meta, hash, word);
        // SAFETY: the allocation is fresh, aligned and has room for the header.
        unsafe { record.write(Self { header, key: PhantomData }) };
        if meta.is_timed() {
            // SAFETY: a timed record's block has room for this behind the header.
            let place = unsafe { record.add(1) }.cast::<Timing>();
            // SAFETY: fresh memory, aligned as the header is.
            unsafe { place.write(Timing { deadline, filed: Filed::nowhere() }) };
        }
        // SAFETY: the block has room for the key at this offset.
        let place = unsafe { start.byte_add(meta.key_offset()) };
        // SAFETY: fresh memory of that length, which the key cannot overlap.
        unsafe { write_bytes(key, place) };
        // SAFETY: the block has room for the text behind the key.
        let place = unsafe { place.byte_add(key.len()) };
        // SAFETY: as for the key.
        unsafe { write_bytes(text, place) };
        record
    }
}

impl<K: ?Sized + KeyBytes> Record<K> {
    /// Makes a record with one reference.
    #[inline(always)]
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
    #[inline]
    pub(super) fn header(self) -> &'a Header {
        &self.get().header
    }

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
        let meta = self.header().meta;
        // SAFETY: the key stands there with that length.
        unsafe { self.tail(meta.key_offset(), meta.key_len()) }
    }

    fn text(self) -> &'a [u8] {
        let header = self.header();
        // SAFETY: the text stands behind the key with that length.
        unsafe { self.tail(header.meta.text_offset(), header.text_len()) }
    }

    pub(crate) fn hash(self) -> u64 {
        self.header().hash
    }

    #[inline]
    pub(crate) fn deadline(self) -> Deadline {
        self.timing().map_or(0, |timing| timing.deadline)
    }

    /// The deadline, and where it is filed, of a record that has one.
    #[inline]
    pub(crate) fn timing(self) -> Option<&'a Timing> {
        if !self.header().meta.is_timed() {
            return None;
        }
        // SAFETY: a timed record has this behind its header.
        let timing = unsafe { self.as_ptr().add(1) }.cast::<Timing>();
        // SAFETY: initialized with the record, changed by atomics only, and
        // valid for `'a`.
        Some(unsafe { timing.as_ref() })
    }

    /// The cell of a counter.
    #[inline]
    pub(crate) fn counter(self) -> Option<&'a Cell> {
        let header = self.header();
        (header.meta.kind() == Kind::COUNTER).then_some(&header.cell)
    }

    /// The value; of a counter, the value at this instant.
    #[inline]
    pub(crate) fn value(self) -> ValueRef<'a> {
        let header = self.header();
        let cell = &header.cell;
        match header.meta.kind() {
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

    /// The value, to keep: shared where the record shares it, otherwise a copy.
    pub(crate) fn to_value(self) -> Value {
        self.to_shared_value().unwrap_or_else(|| self.value().to_value())
    }

    /// The value, to keep, where the record shares it.
    pub(crate) fn to_shared_value(self) -> Option<Value> {
        (self.header().meta.kind() == Kind::SHARED).then(|| self.shared_value().clone())
    }

    /// The `Value` of a record of kind `Shared`.
    fn shared_value(self) -> &'a Value {
        debug_assert!(self.header().meta.kind() == Kind::SHARED);
        let offset = self.header().meta.value_offset();
        // SAFETY: in bounds of the record's block.
        let value = unsafe { self.as_ptr().byte_add(offset) }.cast::<Value>();
        // SAFETY: initialized with the record, never changed, valid for `'a`.
        unsafe { value.as_ref() }
    }

    /// About how many bytes the `Value` of a record of kind `Shared` takes: of
    /// containers only the length at the top is known at once.
    fn shared_bytes(self) -> usize {
        match self.shared_value().as_ref() {
            ValueRef::Str(text) => text.len(),
            ValueRef::Bytes(bytes) => bytes.len(),
            ValueRef::List(list) => list.len() * size_of::<Value>(),
            ValueRef::Dict(dict) => dict.len() * 2 * size_of::<Value>(),
            _ => 0,
        }
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
        let header = self.header();
        match header.meta.kind() {
            Kind::STR | Kind::BYTES => Content::text(header.meta.kind(), self.text()),
            Kind::SHARED => Content::shared(self.shared_value().clone()),
            kind => Content::scalar(kind, header.cell.word()),
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
    #[inline]
    unsafe fn release(mut this: NonNull<Self>) {
        // SAFETY: the caller owns a reference, so the record is alive.
        let record = unsafe { this.as_ref() };
        if !header::give_up(&record.header.references) {
            return;
        }
        // SAFETY: the last reference was ours, so nobody else reaches the record.
        let record = unsafe { this.as_mut() };
        record.header.end();
        let (meta, size) = (record.header.meta, record.header.size());
        if meta.kind() == Kind::SHARED {
            // SAFETY: the value stands there and the last reference is ours.
            let value = unsafe { this.byte_add(meta.value_offset()) };
            // SAFETY: as above; it is not used again.
            unsafe { value.cast::<Value>().drop_in_place() };
        }
        // SAFETY: as above.
        unsafe { this.drop_in_place() };
        // SAFETY: a block of this size since `from_bytes`, and nobody's any more.
        unsafe { Block::from_raw(this.cast(), size) }.recycle();
    }

    #[inline]
    fn bytes(this: Shared<'_, Self>) -> usize {
        let header = this.header();
        let shared = if header.meta.kind() == Kind::SHARED { this.shared_bytes() } else { 0 };
        header.size() + shared
    }
}

/// Copies bytes. A few words are copied here, which takes less than the call of the
/// library's copy; they overlap, so that the length is not branched on.
///
/// # Safety
///
/// `to` is memory of the caller's, for that many bytes.
#[inline(always)]
unsafe fn write_bytes(from: &[u8], to: NonNull<u8>) {
    let len = from.len();
    if !(8..=32).contains(&len) {
        // SAFETY: by the caller's promise.
        return unsafe { to.copy_from_nonoverlapping(NonNull::from(from).cast(), len) };
    }
    let last = len - 8;
    for at in [0, last.min(8), last.saturating_sub(8), last] {
        if let Some(word) = from[at..].first_chunk::<8>() {
            // SAFETY: `at + 8` is at most `len`, see the line above.
            let place = unsafe { to.byte_add(at) }.cast::<[u8; 8]>();
            // SAFETY: as above; bytes have no alignment.
            unsafe { place.write(*word) };
        }
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
    #[inline]
    fn take(size: usize) -> Self {
        let spare = with_spare(|spare| {
            let (block, next) = spare.take(size)?;
            // The next record's lines come while this one is being published:
            // an exchange waits for the writes before it.
            next.inspect(|next| next.prefetch());
            Some(block)
        });
        spare.flatten().unwrap_or_else(|| Self::allocate(size))
    }

    #[inline]
    fn prefetch(&self) {
        prefetch_exclusive(self.start.as_ptr());
        prefetch_exclusive(self.start.as_ptr().wrapping_add(self.size - 1));
    }

    /// Keeps the block for this thread's next records, or frees it.
    #[inline]
    fn recycle(self) {
        let size = self.size;
        let mut block = Some(self);
        let rest = with_spare(|spare| block.take().and_then(|block| spare.keep(size, block)));
        // Freed here, after the magazines were let go of.
        drop((rest, block));
    }

    #[cold]
    fn allocate(size: usize) -> Self {
        let layout = Self::layout(size);
        // SAFETY: no record is empty.
        let start = unsafe { alloc::alloc(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        Self { start, size }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, ALIGN).expect("a record is below 2^29 bytes")
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
        record.header().retain();
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

impl<K: ?Sized + 'static> Handle<K> {
    /// A record outside of any store. The key is one that a record can have.
    pub(crate) fn detached(key: &[u8], input: &Input<'_>) -> Self {
        Self(Record::from_bytes(key, 0, 0, Content::of(input)).into_raw())
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
