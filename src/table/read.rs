//! Lookup.

use super::array::Array;
use super::bucket::Probe;
use super::entry::Entry;
use super::filter::{self, Filter, Lookup};
use super::root::Table;
use crate::reclaim::{Section, Shared, prefetch};

impl<E: Entry> Table<E> {
    /// The live entry of a key. Wait-free in the length of one chain, unless
    /// migrations keep overtaking it; writes nothing that others read.
    #[inline(always)]
    pub fn find<'g>(&self, hash: u64, key: &E::Key, section: &'g Section) -> Option<Shared<'g, E>> {
        let array = self.array(section);
        let has_filter = filter::is_in(array.lg());
        if has_filter && filter::expects_to_miss() {
            return find_by_filter(array, hash, key, section);
        }
        let found = find_in(array, hash, key, section);
        if has_filter {
            filter::learn(if found.is_some() { Lookup::Hit } else { Lookup::Miss });
        }
        found
    }

    /// As [`find`](Self::find), of a key whose bucket has been fetched and is nearer than a filter.
    #[inline(always)]
    pub fn find_fetched<'g>(
        &self,
        hash: u64,
        key: &E::Key,
        section: &'g Section,
    ) -> Option<Shared<'g, E>> {
        find_in(self.array(section), hash, key, section)
    }

    /// Starts to fetch the line that an operation on `hash` will read first.
    /// Needs no guard.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        prefetch(self.root().hint(hash));
    }

    /// The live entry that a lookup of `hash` will probably find, from the first
    /// bucket of its chain, not read yet; and starts to fetch it. Of an absent key it
    /// may be another key's.
    #[inline]
    pub fn likely_entry<'g>(&self, hash: u64, section: &'g Section) -> Option<Shared<'g, E>> {
        let array = self.array(section);
        array.bucket(hash).likely_entry(array.tag(hash), section)
    }
}

/// Lookup in an array that may be about to be migrated.
#[inline(always)]
fn find_in<'g, E: Entry>(
    array: Array<'g, E>,
    hash: u64,
    key: &E::Key,
    section: &'g Section,
) -> Option<Shared<'g, E>> {
    match array.bucket(hash).probe(array.tag(hash), key, section) {
        Probe::Hit(entry) => Some(entry),
        Probe::Miss => None,
        Probe::Frozen => find_moving(array, hash, key, section),
    }
}

/// Lookup in an array with a filter, by a thread that expects it to help.
#[inline(never)]
fn find_by_filter<'g, E: Entry>(
    array: Array<'g, E>,
    hash: u64,
    key: &E::Key,
    section: &'g Section,
) -> Option<Shared<'g, E>> {
    // With a successor, the key may be there.
    let may_tell = array.header().next.load(section).is_none();
    let excludes = |filter: &Filter| filter.excludes(array.tag(hash));
    if may_tell && array.filter(array.bucket(hash)).is_some_and(excludes) {
        filter::learn(Lookup::Excluded);
        return None;
    }
    let found = find_in(array, hash, key, section);
    filter::learn(match found {
        Some(_) => Lookup::Hit,
        None if may_tell => Lookup::Passed,
        None => Lookup::Miss,
    });
    found
}

/// Lookup in a bucket that a migration has begun to freeze.
#[cold]
fn find_moving<'g, E: Entry>(
    mut array: Array<'g, E>,
    hash: u64,
    key: &E::Key,
    section: &'g Section,
) -> Option<Shared<'g, E>> {
    loop {
        // A frozen word is seen only after its successor was installed, so the
        // bucket itself answers where there is none.
        let next = array.header().next.load(section)?;
        if let Some(unready) = array.gate(next, hash).unready(section) {
            return array.bucket(hash).probe_unready(array.tag(hash), key, unready, section);
        }
        match next.bucket(hash).probe(next.tag(hash), key, section) {
            Probe::Hit(entry) => return Some(entry),
            Probe::Miss => return None,
            Probe::Frozen => array = next,
        }
    }
}
