//! What the table asks of its entries; it knows nothing else about them.

use crate::reclaim::{Managed, Owned, Shared};
use core::cmp::Ordering;

/// A reference-counted allocation with a key inside.
///
/// The hash is stored, never computed again: two helpers of one resize must
/// agree on where an entry goes, whatever a user's hasher does.
///
/// None of these may call user code: all run under a guard, and some between
/// the claim and the commit of an insertion.
pub trait Entry: Managed {
    /// What a lookup is given.
    type Key: ?Sized;

    /// How far from its start an entry is read when its key is compared and a
    /// short value read, in bytes; below a cache line.
    const REACH: usize;

    /// The hash the entry was made with.
    fn hash(this: Shared<'_, Self>) -> u64;

    /// Whether the entry's key is `key`.
    fn has_key(this: Shared<'_, Self>, key: &Self::Key) -> bool;

    /// Some total order of the keys of two entries.
    fn compare_keys(a: Shared<'_, Self>, b: Shared<'_, Self>) -> Ordering;

    /// Remembers, for the thread that inserts this entry, that a helper has
    /// committed it. May be relaxed: the slot word carries it.
    fn set_committed(this: Shared<'_, Self>);

    /// Whether [`set_committed`](Self::set_committed) was called. May be relaxed.
    fn is_committed(this: Shared<'_, Self>) -> bool;

    /// A fresh entry with the same content, for an insertion that was undone
    /// and starts again. Content that changes in place has not changed, because
    /// `this` was never live.
    fn duplicate(this: Shared<'_, Self>) -> Owned<Self>;
}

/// Whether two entries have the same key.
pub fn same_key<E: Entry>(a: Shared<'_, E>, b: Shared<'_, E>) -> bool {
    E::hash(a) == E::hash(b) && E::compare_keys(a, b).is_eq()
}
