//! The lock-free hash table. This page is the law; the code is in the files below.
//!
//! # Shape
//!
//! A table is an array of cache-line buckets: seven slots and a link. The highest
//! bits of a hash choose the bucket, so buckets stand in the order of hashes. A
//! slot names an entry and carries 15 bits of its hash, the tag, some of which
//! chose the bucket too (`tag.rs`); full buckets are chained.
//! Deleted slots are used again at once. The table grows and shrinks by moving
//! entry pointers, bucket by bucket, into a successor array, while everybody
//! goes on working; writers help. `root` names the current array.
//!
//! After DLHT (Katsarakis, Gavrielatos, Ntarmos, HPDC 2024) for the shape, and
//! Purcell and Harris (UCAM-CL-TR-639, 2005) for tentative insertion into
//! reused slots; replacement and migration are this crate's own.
//!
//! # States of a slot
//!
//! | state | who may leave it, to what |
//! | --- | --- |
//! | unused (0) | in a successor: a migration, once, to live; otherwise as empty |
//! | empty | an inserter: to tentative; a migration: to frozen empty |
//! | tentative(e) | its inserter: to live (commit) or empty (withdraw); a helper: to live, helped; a rival of the same key: to empty (kick); a migration: to frozen empty |
//! | live(e) | a writer: to live(e'); a remover: to empty; a migration: to frozen live(e) |
//! | frozen | nobody |
//!
//! A link is *unused* (in a successor: its group is not ready), *end*, or names
//! an overflow bucket; a migration freezes it last. Overflow buckets are never
//! unlinked while their array lives.
//!
//! # Invariants
//!
//! - **I1** An entry is retired only after the one word through which new
//!   guards could reach it was changed. So what an unfrozen word names, read
//!   under a guard, stays valid under that guard. (Here and below a reader's
//!   section does what a guard does, see `reclaim::readers`.)
//! - **I2** A pointer is claimed for at most once: an undone insertion goes on
//!   with a duplicate. So a tentative word, seen again, is the same claim.
//! - **I3** At most one live word per key. Let x in slot p and y in slot q
//!   become live, y second. The scan that committed y read p and neither saw x
//!   live, nor stood back for it, nor kicked it: so x was claimed after that
//!   read, and y was claimed before x. The scan that committed x then read q
//!   after both claims, while y was tentative: it stood back for y or kicked
//!   it. Both contradict. Needs each claim to be ordered before the claimer's
//!   own reads, hence `SeqCst`.
//! - **I4** An entry is retired exactly once: by whoever changed its live word
//!   to another entry or to empty, or, if it never was live, by its inserter.
//! - **I5** Before a helped entry leaves its slot, COMMITTED is set in it, so
//!   that its inserter learns of its success.
//! - **I6** A migration freezes all words of a group's source buckets, then
//!   fills the successor's buckets of that group, then makes the link of the
//!   group's first bucket non-zero: *ready*. Before that instant the frozen
//!   words are the truth and none of their entries is retired; after it only
//!   the successor is. So a frozen word is dereferenced only with a witness,
//!   taken under the same guard before the word is read, that the group is not
//!   ready.
//! - **I7** The right to an entry (the table's reference) is with the unfrozen
//!   live word, or with the frozen one until its group is ready, then with the
//!   successor's. All helpers write the same words into a successor: frozen
//!   sources do not change, tags among them, and the entry stores its hash.
//! - **I8** Headers, buckets and slabs are initialized before they are shared
//!   and freed only when no guard can reach them.
//! - **I9** Where an array has a filter, it admits the tag of every entry that was ever live in
//!   the array, before that was: an inserter sets its bits before the claim, a helper of a
//!   migration before it makes the group ready. So a key that it excludes, in an array that turns
//!   out to have no successor, was absent when the lookup loaded that array from the root.
//!
//! # Linearization points
//!
//! | operation | point |
//! | --- | --- |
//! | lookup, hit | the load of the slot word; in a frozen bucket, an instant between the readiness check and that load |
//! | lookup, miss | an instant during the search at which the key is absent: a live key changes its slot only by removal and insertion, or by a migration, which freezes first |
//! | lookup, miss by the filter | the load of `root`: the key was never live in that array (I9), and there was no other one |
//! | replace, remove | the compare-exchange of the slot |
//! | insert | the commit, also by a helper |
//! | clear | the swap of `root`; a write that still works in the old array is placed just before it |
//!
//! # Progress
//!
//! Lookups and scans never wait for anybody and write nothing that others read. Writes are
//! lock-free: a failed compare-exchange means that another write, or one step
//! of a migration, succeeded.
//!
//! # Trust
//!
//! Rust's privacy makes this module the boundary of its `unsafe` code: the
//! functions that are visible in `table` only (`Slot::fill`, `Link::publish`
//! and so on) are sound because the few callers here keep the invariants.

#[allow(unsafe_code)]
mod arena;
#[allow(unsafe_code)]
mod array;
mod bucket;
mod claim;
mod entry;
mod filter;
#[allow(unsafe_code)]
mod pages;
mod progress;
mod read;
mod resize;
mod root;
mod scan;
mod tag;
#[allow(unsafe_code)]
mod word;
mod write;

#[cfg(all(test, not(epochkv_loom)))]
#[allow(unsafe_code)]
mod tests;

pub use entry::Entry;
#[cfg(epochkv_loom)]
pub use filter::use_filter;
pub use root::Table;
pub use scan::{Cursor, Walk};
#[cfg(epochkv_loom)]
pub use write::Vacant;
pub use write::{Occupied, Place};
