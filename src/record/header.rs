//! The fixed part of a record, and where everything else in its block stands.

use super::cell::Cell;
use super::content::Kind;
use super::pool;
use crate::sweep::filed::Filed;
use crate::sync::{AtomicU32, Ordering, assert_exclusive};
use crate::value::Value;

/// The longest key, in bytes: 256 MiB less one.
///
/// ```
/// use epochkv::{ErrorKind, Kv, MAX_KEY_LEN};
///
/// let key = "k".repeat(MAX_KEY_LEN + 1);
/// let kv = Kv::new();
/// assert_eq!(kv.set(&key, 1).unwrap_err().kind(), ErrorKind::KeyTooLong);
/// ```
pub const MAX_KEY_LEN: usize = (1 << KIND_SHIFT) - 1;

const KIND_SHIFT: u32 = 28;

/// Set in [`Meta`] where a [`Timing`] stands before the key.
const TIMED: u32 = 1 << 31;

/// Set in the reference count when a helper has committed the record's insertion.
const COMMITTED: u32 = 1 << 31;

/// More references than this are a leak, and about to overflow.
const MAX_REFERENCES: u32 = 1 << 30;

/// Milliseconds of the store's clock at which an entry is gone; zero for never.
pub(crate) type Deadline = u64;

/// What every record begins with.
#[repr(C)]
pub(super) struct Header {
    pub(super) references: AtomicU32,
    pub(super) meta: Meta,
    pub(super) hash: u64,
    /// The integer's cell, or a plain word.
    pub(super) cell: Cell,
}

/// Stands between header and key of a record that has a deadline.
#[repr(C)]
pub(crate) struct Timing {
    pub(crate) deadline: Deadline,
    pub(crate) filed: Filed,
}

#[cfg(not(epochkv_loom))]
const _: () = assert!(size_of::<Header>() == 24 && size_of::<Timing>() == 16);

// What makes the offsets below aligned.
const _: () = assert!(align_of::<Header>() == 8 && align_of::<Timing>() == 8);
const _: () = assert!(align_of::<Value>() <= 8);

/// Where everything is in a block: key length in the low bits, then the kind,
/// then `TIMED`.
#[derive(Clone, Copy)]
pub(super) struct Meta(u32);

impl Meta {
    pub(super) fn new(key_len: usize, kind: Kind, is_timed: bool) -> Self {
        let timed = if is_timed { TIMED } else { 0 };
        Self(key_len as u32 | (kind.0 << KIND_SHIFT) | timed)
    }

    #[inline]
    pub(super) fn key_len(self) -> usize {
        self.0 as usize & MAX_KEY_LEN
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        Kind((self.0 & !TIMED) >> KIND_SHIFT)
    }

    #[inline]
    pub(super) fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    /// Where the key begins, in bytes from the start of the record.
    #[inline]
    pub(super) fn key_offset(self) -> usize {
        // Computed, not branched on: every lookup comes by.
        size_of::<Header>() + (self.0 / TIMED) as usize * size_of::<Timing>()
    }

    /// Where a text begins: behind the key.
    #[inline]
    pub(super) fn text_offset(self) -> usize {
        self.key_offset() + self.key_len()
    }

    /// Where the `Value` begins, if there is one: behind the key, aligned.
    pub(super) fn value_offset(self) -> usize {
        self.text_offset().next_multiple_of(align_of::<Value>())
    }

    /// The size of the block.
    #[inline]
    pub(super) fn size(self, text_len: usize) -> usize {
        // Key and text are bounded, so the sums are far from overflow.
        pool::round(match self.kind() {
            Kind::SHARED => self.value_offset() + size_of::<Value>(),
            _ => self.text_offset() + text_len,
        })
    }
}

impl Header {
    /// With one reference.
    pub(super) fn new(meta: Meta, hash: u64, word: u64) -> Self {
        let cell = match meta.kind() {
            Kind::COUNTER => Cell::new(word as i64),
            _ => Cell::plain(word),
        };
        Self { references: AtomicU32::new(1), meta, hash, cell }
    }

    #[inline]
    pub(super) fn text_len(&self) -> usize {
        match self.meta.kind() {
            Kind::STR | Kind::BYTES => self.cell.word() as usize,
            _ => 0,
        }
    }

    /// The size of the record's block.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.meta.size(self.text_len())
    }

    /// See `Entry::set_committed`.
    pub(super) fn set_committed(&self) {
        // Relaxed: the slot word carries it. It is set before the exchange, a
        // release, by which the entry leaves its slot, and all later exchanges of
        // that word go on with its release sequence.
        self.references.fetch_or(COMMITTED, Ordering::Relaxed);
    }

    /// See `Entry::is_committed`.
    pub(super) fn is_committed(&self) -> bool {
        // Relaxed: asked after an acquiring read of the slot word, as above.
        self.references.load(Ordering::Relaxed) & COMMITTED != 0
    }

    /// Adds a reference.
    #[inline]
    pub(super) fn retain(&self) {
        // Relaxed: as in `Arc`, the caller has a reference or a guard already.
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        if before & !COMMITTED > MAX_REFERENCES {
            // Snapshots were leaked a billion times; an overflow would free
            // what others still read. `Arc` does the same.
            std::process::abort();
        }
    }

    /// After the last reference was given up: what follows destroys the record.
    #[inline]
    pub(super) fn end(&mut self) {
        assert_exclusive(&mut self.references);
    }
}

/// Gives up a reference. Returns whether it was the last one: then everything
/// that others did with the record happens before the return.
///
/// Takes the count alone: another thread may free the record while this is
/// running, and of a reference to an atomic nothing else is promised.
#[inline]
pub(super) fn give_up(references: &AtomicU32) -> bool {
    // Acquire: pairs with the release below, of all who gave up their
    // references before. Where one is left it is the caller's, and nobody can
    // add another: that takes a reference, or a guard or section from before the
    // table gave up its own.
    if references.load(Ordering::Acquire) & !COMMITTED == 1 {
        return true;
    }
    // AcqRel, as in `Arc`: the releases of all others happen before the
    // destruction. (`Arc` uses a fence, which sanitizers cannot see.)
    references.fetch_sub(1, Ordering::AcqRel) & !COMMITTED == 1
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{Header, Kind, Meta, give_up};

    #[test]
    fn a_commit_is_remembered_and_is_no_reference() {
        let header = Header::new(Meta::new(0, Kind::COUNTER, false), 0, 0);
        assert!(!header.is_committed());
        header.retain();
        header.set_committed();
        assert!(header.is_committed());
        assert!(!give_up(&header.references));
        assert!(header.is_committed());
        assert!(give_up(&header.references));
    }
}
