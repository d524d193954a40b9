//! The entry of the store: one reference-counted allocation with header, key
//! and value, which at the same time is the snapshot that `get` hands out.
//!
//! ```text
//! [ references | length and kind | hash | deadline | word ][ Value? ][ key ][ text? ]
//!   32 bytes                                                24 bytes
//! ```
//! The word is the integer's cell, or the scalar itself, or the length of a
//! text that stands inline behind the key. Lists, dicts and long texts are a
//! `Value`, which shares its content. Everything but the cell and the reference
//! count is immutable once the record is made: a new value or a new deadline is
//! a new record.

pub(crate) mod cell;
pub(crate) mod handle;
pub(crate) mod key;

use crate::reclaim::{Managed, Owned, Shared};
use crate::sync::{AtomicU32, Ordering};
use crate::table::Entry;
use crate::value::{Input, Value, ValueRef};
use cell::Cell;
use core::cmp;
use core::marker::PhantomData;
use core::ptr::NonNull;
use key::KeyBytes;
use std::alloc::{self, Layout};
use std::sync::Arc;

/// The longest key, in bytes: 256 MiB less one.
pub const MAX_KEY_LEN: usize = (1 << KIND_SHIFT) - 1;

/// Texts up to this length stand in the record; longer ones are shared, so that
/// a new deadline does not copy them.
const INLINE_MAX: usize = 1024;

const KIND_SHIFT: u32 = 28;

/// Set in the reference count when a helper has committed the record's insertion.
const COMMITTED: u32 = 1 << 31;

/// More references than this are a leak, and about to overflow.
const MAX_REFERENCES: u32 = 1 << 30;

/// Milliseconds of the store's clock at which an entry is gone; zero for never.
pub(crate) type Deadline = u64;

/// How the value is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Null,
    Bool,
    /// An integer of 63 bits, which changes in place.
    Counter,
    /// An integer that does not fit into a cell.
    WideInt,
    Float,
    Str,
    Bytes,
    Shared,
}

const KINDS: [Kind; 8] = [
    Kind::Null,
    Kind::Bool,
    Kind::Counter,
    Kind::WideInt,
    Kind::Float,
    Kind::Str,
    Kind::Bytes,
    Kind::Shared,
];

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

/// What goes into a record as its value.
pub(crate) struct Content<'a> {
    kind: Kind,
    word: u64,
    text: &'a [u8],
    shared: Option<Value>,
}

impl<'a> Content<'a> {
    fn scalar(kind: Kind, word: u64) -> Self {
        Self {
            kind,
            word,
            text: &[],
            shared: None,
        }
    }

    fn text(kind: Kind, text: &'a [u8]) -> Self {
        Self {
            kind,
            word: text.len() as u64,
            text,
            shared: None,
        }
    }

    fn shared(value: Value) -> Self {
        Self {
            kind: Kind::Shared,
            word: 0,
            text: &[],
            shared: Some(value),
        }
    }

    /// An integer, as a counter if it fits.
    pub(crate) fn int(value: i64) -> Self {
        let kind = if Cell::fits(value) {
            Kind::Counter
        } else {
            Kind::WideInt
        };
        Self::scalar(kind, value as u64)
    }

    /// A float.
    pub(crate) fn float(value: f64) -> Self {
        Self::scalar(Kind::Float, value.to_bits())
    }

    /// Borrows what can stay where it is and shares what can be shared.
    pub(crate) fn of(input: &'a Input<'_>) -> Self {
        match input {
            Input::Str(text) => Self::str(text, || Arc::from(*text)),
            Input::String(text) => Self::str(text, || Arc::from(text.as_str())),
            Input::Bytes(bytes) => Self::bytes(bytes, || Arc::from(*bytes)),
            Input::ByteVec(bytes) => Self::bytes(bytes, || Arc::from(bytes.as_slice())),
            Input::Value(value) => match value {
                Value::Null => Self::scalar(Kind::Null, 0),
                Value::Bool(value) => Self::scalar(Kind::Bool, u64::from(*value)),
                Value::Int(value) => Self::int(*value),
                Value::Float(value) => Self::float(*value),
                Value::Str(text) => Self::str(text, || text.clone()),
                Value::Bytes(bytes) => Self::bytes(bytes, || bytes.clone()),
                Value::List(_) | Value::Dict(_) => Self::shared(value.clone()),
            },
        }
    }

    fn str(text: &'a str, share: impl FnOnce() -> Arc<str>) -> Self {
        if text.len() <= INLINE_MAX {
            Self::text(Kind::Str, text.as_bytes())
        } else {
            Self::shared(Value::Str(share()))
        }
    }

    fn bytes(bytes: &'a [u8], share: impl FnOnce() -> Arc<[u8]>) -> Self {
        if bytes.len() <= INLINE_MAX {
            Self::text(Kind::Bytes, bytes)
        } else {
            Self::shared(Value::Bytes(share()))
        }
    }
}

impl<K: ?Sized + 'static> Record<K> {
    const VALUE: usize = size_of::<Self>();

    fn key_len(&self) -> usize {
        self.meta as usize & MAX_KEY_LEN
    }

    fn kind(&self) -> Kind {
        KINDS[(self.meta >> KIND_SHIFT) as usize & 7]
    }

    fn text_len(&self) -> usize {
        match self.kind() {
            Kind::Str | Kind::Bytes => self.cell.word() as usize,
            _ => 0,
        }
    }

    /// Where the key begins, in bytes from the start.
    fn key_offset(kind: Kind) -> usize {
        Self::VALUE
            + if kind == Kind::Shared {
                size_of::<Value>()
            } else {
                0
            }
    }

    fn layout(kind: Kind, key_len: usize, text_len: usize) -> Layout {
        // Key and text are bounded, so the sum is far from overflow.
        let size = Self::key_offset(kind) + key_len + text_len;
        Layout::from_size_align(size, align_of::<Self>()).expect("a record is below 2^29 bytes")
    }

    /// Makes a record with one reference. The key is at most [`MAX_KEY_LEN`] long.
    pub(crate) fn from_bytes(
        key: &[u8],
        hash: u64,
        deadline: Deadline,
        content: Content<'_>,
    ) -> Owned<Self> {
        assert!(
            key.len() <= MAX_KEY_LEN,
            "the caller checks the key's length"
        );
        let Content {
            kind,
            word,
            text,
            shared,
        } = content;
        let layout = Self::layout(kind, key.len(), text.len());
        // SAFETY: the layout's size is at least that of the header.
        let start = unsafe { alloc::alloc(layout) };
        let Some(start) = NonNull::new(start) else {
            alloc::handle_alloc_error(layout)
        };
        let record = start.cast::<Self>();
        let cell = match kind {
            Kind::Counter => Cell::new(word as i64),
            _ => Cell::plain(word),
        };
        let header = Self {
            references: AtomicU32::new(1),
            meta: key.len() as u32 | ((kind as u32) << KIND_SHIFT),
            hash,
            deadline,
            cell,
            key: PhantomData,
        };
        // SAFETY: the allocation is fresh, aligned and has room for the header.
        unsafe { record.write(header) };
        if let Some(value) = shared {
            // SAFETY: for this kind the layout has room for a `Value` after the
            // header, at an offset that is aligned for it.
            unsafe { start.byte_add(Self::VALUE).cast::<Value>().write(value) };
        }
        // SAFETY: the layout has room for the key at this offset.
        let place = unsafe { start.byte_add(Self::key_offset(kind)) };
        // SAFETY: fresh memory of that length, which the key cannot overlap.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len()) };
        // SAFETY: the layout has room for the text behind the key.
        let place = unsafe { place.byte_add(key.len()) };
        // SAFETY: as for the key.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        // SAFETY: complete now, and nobody else has seen it.
        unsafe { Owned::from_raw(record) }
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
        Self::from_bytes(key.as_bytes(), hash, deadline, content)
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
        unsafe { self.tail(Record::<K>::key_offset(record.kind()), record.key_len()) }
    }

    fn text(self) -> &'a [u8] {
        let record = self.get();
        let offset = Record::<K>::key_offset(record.kind()) + record.key_len();
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
        (record.kind() == Kind::Counter).then_some(&record.cell)
    }

    /// The value; of a counter, the value at this instant.
    #[inline]
    pub(crate) fn value(self) -> ValueRef<'a> {
        let record = self.get();
        let cell = &record.cell;
        match record.kind() {
            Kind::Null => ValueRef::Null,
            Kind::Bool => ValueRef::Bool(cell.word() != 0),
            Kind::Counter => ValueRef::Int(cell.get()),
            Kind::WideInt => ValueRef::Int(cell.word() as i64),
            Kind::Float => ValueRef::Float(f64::from_bits(cell.word())),
            // SAFETY: the text of this kind was copied from a `str`.
            Kind::Str => ValueRef::Str(unsafe { core::str::from_utf8_unchecked(self.text()) }),
            Kind::Bytes => ValueRef::Bytes(self.text()),
            Kind::Shared => self.shared_value().as_ref(),
        }
    }

    /// The `Value` of a record of kind `Shared`.
    fn shared_value(self) -> &'a Value {
        debug_assert!(self.get().kind() == Kind::Shared);
        // SAFETY: a record of this kind has a `Value` at this offset.
        let value = unsafe { self.as_ptr().byte_add(Record::<K>::VALUE) }.cast::<Value>();
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

    fn immutable_content(self) -> Content<'a> {
        let record = self.get();
        match record.kind() {
            Kind::Str | Kind::Bytes => Content::text(record.kind(), self.text()),
            Kind::Shared => Content::shared(self.shared_value().clone()),
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
        // AcqRel, as in `Arc`: the releases of all others happen before the
        // destruction below. (`Arc` uses a fence, which sanitizers cannot see.)
        let before = record.references.fetch_sub(1, Ordering::AcqRel);
        if before & !COMMITTED != 1 {
            return;
        }
        let kind = record.kind();
        let layout = Self::layout(kind, record.key_len(), record.text_len());
        if kind == Kind::Shared {
            // SAFETY: the value stands there and the last reference is ours.
            let value = unsafe { this.byte_add(Self::VALUE) }.cast::<Value>();
            // SAFETY: as above; it is not used again.
            unsafe { value.drop_in_place() };
        }
        // SAFETY: as above.
        unsafe { this.drop_in_place() };
        // SAFETY: allocated with this layout in `from_bytes`.
        unsafe { alloc::dealloc(this.as_ptr().cast(), layout) };
    }
}

impl<K: ?Sized + 'static> Entry for Record<K> {
    type Key = [u8];

    #[inline]
    fn hash(this: Shared<'_, Self>) -> u64 {
        this.get().hash
    }

    #[inline]
    fn has_key(this: Shared<'_, Self>, key: &[u8]) -> bool {
        this.key_bytes() == key
    }

    fn compare_keys(a: Shared<'_, Self>, b: Shared<'_, Self>) -> cmp::Ordering {
        a.key_bytes().cmp(b.key_bytes())
    }

    fn set_committed(this: Shared<'_, Self>) {
        // Release: see `Entry::set_committed`.
        this.get().references.fetch_or(COMMITTED, Ordering::Release);
    }

    fn is_committed(this: Shared<'_, Self>) -> bool {
        // Acquire: see `Entry::is_committed`.
        this.get().references.load(Ordering::Acquire) & COMMITTED != 0
    }

    fn duplicate(this: Shared<'_, Self>) -> Owned<Self> {
        let content = match this.counter() {
            Some(cell) => Content::int(cell.get()),
            None => this.immutable_content(),
        };
        Self::from_bytes(this.key_bytes(), this.hash(), this.deadline(), content)
    }
}
