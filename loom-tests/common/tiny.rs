//! The smallest entry for the table: one in which loom sees everything.
//!
//! Key, value and hash stand in a `loom::cell::UnsafeCell`, so that an entry
//! that is read without having been published properly is a causality violation;
//! and in a `loom::alloc::Track`, so that an entry that is never released is a
//! leak. Release empties the cell but keeps the memory to the end of the
//! execution: a read that comes too late, and a second release, are seen for
//! certain.

use super::Gate;
use core::cmp::Ordering as Compare;
use core::ptr::NonNull;
use epochkv::internals::{Cursor, Entry, Guard, Managed, Owned, Place, Shared, Table, pin};
use loom::alloc::Track;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, Ordering};
use std::cell::RefCell;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub key: u64,
    pub value: u64,
    pub hash: u64,
}

/// An entry of the table.
#[repr(align(16))]
pub struct Tiny {
    content: UnsafeCell<Option<Track<Content>>>,
    committed: AtomicBool,
}

thread_local! {
    /// The memory of released entries of this execution. Boxed, because a late
    /// reader must find it where it was.
    #[allow(clippy::vec_box)]
    static RELEASED: RefCell<Vec<Box<Tiny>>> = const { RefCell::new(Vec::new()) };
}

/// Frees the memory of the entries that the last execution released.
pub fn forget_released() {
    RELEASED.with_borrow_mut(Vec::clear);
}

impl Tiny {
    /// A new entry.
    pub fn owned(content: Content) -> Owned<Self> {
        let content = UnsafeCell::new(Some(Track::new(content)));
        let tiny = Box::new(Self { content, committed: AtomicBool::new(false) });
        // SAFETY: the only reference to a valid entry; `release` takes the box back.
        unsafe { Owned::from_raw(NonNull::from(Box::leak(tiny))) }
    }

    /// What the entry says. Fails if it has been released.
    pub fn content(&self) -> Content {
        self.content.with(|content| {
            // SAFETY: loom checks that no write is concurrent.
            let content = unsafe { &*content };
            *content.as_ref().expect("an entry was read after its release").get_ref()
        })
    }
}

// SAFETY: the content is written only by `release`, which the table calls when
// nobody reads any more; that this is so is what the models check. The one
// reference is the box.
unsafe impl Managed for Tiny {
    unsafe fn release(this: NonNull<Self>) {
        // SAFETY: made by `Box::leak` in `owned`.
        let tiny = unsafe { Box::from_raw(this.as_ptr()) };
        tiny.content.with_mut(|content| {
            // SAFETY: loom checks that no access is concurrent.
            let content = unsafe { &mut *content };
            drop(content.take().expect("an entry was released twice"));
        });
        RELEASED.with_borrow_mut(|released| released.push(tiny));
    }

    fn bytes(_: Shared<'_, Self>) -> usize {
        size_of::<Self>()
    }
}

// SAFETY: as for `Managed`.
unsafe impl Sync for Tiny {}

impl Entry for Tiny {
    type Key = u64;

    const REACH: usize = 0;

    fn hash(this: Shared<'_, Self>) -> u64 {
        this.get().content().hash
    }

    fn has_key(this: Shared<'_, Self>, key: &u64) -> bool {
        this.get().content().key == *key
    }

    fn compare_keys(a: Shared<'_, Self>, b: Shared<'_, Self>) -> Compare {
        a.get().content().key.cmp(&b.get().content().key)
    }

    fn set_committed(this: Shared<'_, Self>) {
        // Relaxed: as `Entry` admits.
        this.get().committed.store(true, Ordering::Relaxed);
    }

    fn is_committed(this: Shared<'_, Self>) -> bool {
        // Relaxed: as `Entry` admits.
        this.get().committed.load(Ordering::Relaxed)
    }

    fn duplicate(this: Shared<'_, Self>) -> Owned<Self> {
        Self::owned(this.get().content())
    }
}

/// All keys are in one bucket, whatever the table's size, and share a tag,
/// but for odd keys from 101 on, whose bucket is their own in a table of two. The tag is not
/// zero: words without an entry would be alike, and no look for rivals be a short one.
fn hash(key: u64) -> u64 {
    u64::from(key > 100 && key % 2 == 1) << 63 | 1 << 50
}

/// A map of numbers on the table.
pub struct Map {
    pub table: Table<Tiny>,
    /// Passed at the start of each operation.
    gate: Gate,
}

impl Map {
    /// A map of two buckets.
    pub fn new() -> Self {
        Self { table: Table::with_buckets(1), gate: Gate::default() }
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<u64> {
        let guard = pin();
        self.find(key, &guard).map(|tiny| tiny.get().content().value)
    }

    /// The entry of a key.
    pub fn find<'g>(&self, key: u64, guard: &'g Guard) -> Option<Shared<'g, Tiny>> {
        self.gate.pass();
        self.table.find(hash(key), &key, guard)
    }

    /// Sets a key; returns the value it replaced.
    pub fn set(&self, key: u64, value: u64) -> Option<u64> {
        self.gate.pass();
        self.set_with(key, Self::entry(key, value), &pin())
    }

    /// As `set`, in slot `index`, as if the key had been seen to be absent.
    pub fn set_at(&self, index: usize, key: u64, value: u64) -> Option<u64> {
        self.gate.pass();
        let guard = pin();
        match self.claim_at(index, key, value, &guard) {
            Ok(()) => None,
            Err(back) => self.set_with(key, back, &guard),
        }
    }

    /// Inserts an absent key; returns whether it was absent.
    pub fn insert(&self, key: u64, value: u64) -> bool {
        self.gate.pass();
        self.insert_with(key, Self::entry(key, value), &pin())
    }

    /// As `insert`, in slot `index`, as if the key had been seen to be absent.
    pub fn insert_at(&self, index: usize, key: u64, value: u64) -> bool {
        self.gate.pass();
        let guard = pin();
        match self.claim_at(index, key, value, &guard) {
            Ok(()) => true,
            Err(back) => self.insert_with(key, back, &guard),
        }
    }

    /// Removes a key; returns its value.
    pub fn remove(&self, key: u64) -> Option<u64> {
        self.gate.pass();
        let guard = pin();
        loop {
            let Place::Occupied(place) = self.table.locate(hash(key), &key, &guard) else {
                return None;
            };
            if let Some(old) = self.table.remove(place, &guard) {
                return Some(old.share().get().content().value);
            }
        }
    }

    /// As `insert_at`, but without a second attempt if the first is undone.
    pub fn insert_once_at(&self, index: usize, key: u64, value: u64) -> bool {
        self.gate.pass();
        self.claim_at(index, key, value, &pin()).is_ok()
    }

    /// As `remove`, but without a second attempt.
    pub fn remove_once(&self, key: u64) -> Option<u64> {
        self.gate.pass();
        let guard = pin();
        match self.table.locate(hash(key), &key, &guard) {
            Place::Occupied(place) => {
                self.table.remove(place, &guard).map(|old| old.share().get().content().value)
            }
            Place::Vacant(_) => None,
        }
    }

    /// How many live entries a key has, counted by removing them.
    pub fn count(&self, key: u64) -> usize {
        core::iter::from_fn(|| self.remove(key)).count()
    }

    /// The keys that a walk meets.
    pub fn keys(&self) -> Vec<u64> {
        self.gate.pass();
        let guard = pin();
        let mut found = Vec::new();
        let mut cursor = Some(Cursor::START);
        while let Some(at) = cursor {
            cursor = self.table.visit(at, &mut found, &guard);
        }
        found.into_iter().map(|tiny| tiny.get().content().key).collect()
    }

    /// Starts to move everything into an array of `2^lg` buckets.
    pub fn start_resize(&self, lg: u32) {
        self.table.resize_to(lg, &pin());
    }

    /// Moves everything into an array of `2^lg` buckets, if either array has one.
    pub fn resize(&self, lg: u32) {
        self.start_resize(lg);
        self.help_resize();
    }

    /// Does one write's share of a migration, which is all of it if either array
    /// has one bucket. (`finish_migration` loops, and loom lets it read for
    /// ever that the migration is not complete.)
    pub fn help_resize(&self) {
        assert_eq!(self.remove(u64::MAX), None);
    }

    fn entry(key: u64, value: u64) -> Owned<Tiny> {
        Tiny::owned(Content { key, value, hash: hash(key) })
    }

    /// Inserts into a chosen slot, if it is free.
    fn claim_at(
        &self,
        index: usize,
        key: u64,
        value: u64,
        guard: &Guard,
    ) -> Result<(), Owned<Tiny>> {
        let entry = Self::entry(key, value);
        match self.table.vacant_at(hash(key), index, guard) {
            Some(vacant) => self.table.insert(vacant, entry, guard).map(drop),
            None => Err(entry),
        }
    }

    fn set_with(&self, key: u64, mut entry: Owned<Tiny>, guard: &Guard) -> Option<u64> {
        loop {
            let tried = match self.table.locate(hash(key), &key, guard) {
                Place::Occupied(place) => self
                    .table
                    .replace(place, entry, guard)
                    .map(|(_, old)| Some(old.share().get().content().value)),
                Place::Vacant(place) => self.table.insert(place, entry, guard).map(|_| None),
            };
            match tried {
                Ok(old) => return old,
                Err(back) => entry = back,
            }
        }
    }

    fn insert_with(&self, key: u64, mut entry: Owned<Tiny>, guard: &Guard) -> bool {
        loop {
            let Place::Vacant(place) = self.table.locate(hash(key), &key, guard) else {
                return false;
            };
            match self.table.insert(place, entry, guard) {
                Ok(_) => return true,
                Err(back) => entry = back,
            }
        }
    }
}
