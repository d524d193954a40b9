//! Many keys at once: one pin per batch, and lookups that overlap in memory.

use super::Kv;
use super::access::{Hashed, Step};
use crate::error::Error;
use crate::key::Key;
use crate::reclaim::reading::enter;
use crate::reclaim::{self, Shared};
use crate::record::{Content, Record};
use crate::snapshot::Snapshot;
use crate::table::Entry;
use crate::time::clock::Clock;
use crate::time::ttl::Ttl;
use crate::value::{Input, ValueRef};
use core::hash::BuildHasher;

/// Keys per pin: enough for their cache misses to overlap, few enough to hold
/// back next to nothing.
const BATCH: usize = 64;

/// Results for which room is made before they are there: a size hint is a hint.
const MAX_RESERVED: usize = 1 << 12;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The values of many keys, in their order. Each is read atomically, all
    /// together are not. Faster than as many calls of [`get`](Self::get): keys
    /// are fetched from memory in batches. Wait-free, O(number of keys).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("a", 1)?;
    /// kv.set("c", 3)?;
    /// let found = kv.get_many(["a", "b", "c"]);
    /// assert_eq!(found[0].as_ref().unwrap(), &1);
    /// assert!(found[1].is_none());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn get_many<'k>(&self, keys: impl IntoIterator<Item = &'k K>) -> Vec<Option<Snapshot>> {
        let keys = keys.into_iter();
        let mut found = Vec::with_capacity(keys.size_hint().0.min(MAX_RESERVED));
        self.find_many(keys, |_, record| {
            found.push(record.map(|record| Snapshot::new(record, record.value())));
        });
        found
    }

    /// Calls `read` with each key and its value, in place, or `None` if it is
    /// absent; in the order of the keys. To [`get_many`](Self::get_many) what
    /// [`with`](Self::with) is to [`get`](Self::get): no reference is counted, which makes
    /// it the fastest way to read many keys.
    ///
    /// Each value is the key's at some time during the call; what `read` itself
    /// writes may not show in the values that come after it.
    ///
    /// `read` runs inside the operation, as the closure of `with` does: it must
    /// be short and must not block, because what is removed meanwhile, by
    /// anybody, is not freed before it returns.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("a", "one"), ("b", "three")], 0)?;
    /// let mut letters = 0;
    /// kv.with_many(["a", "b", "c"], |_key, value| {
    ///     letters += value.and_then(|value| value.as_str()).map_or(0, str::len);
    /// });
    /// assert_eq!(letters, 8);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn with_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k K>,
        mut read: impl FnMut(&'k K, Option<ValueRef<'_>>),
    ) {
        self.find_many(keys, |key, record| read(key, record.map(Shared::value)));
    }

    /// Shows the live entries of keys, in their order: first all buckets of a batch
    /// are fetched from memory, then all entries, then they are found and shown.
    #[inline]
    fn find_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k K>,
        mut show: impl FnMut(&'k K, Option<Shared<'_, Record<K>>>),
    ) {
        self.in_batches(keys, |batch| {
            let section = enter();
            let mut found = [None; BATCH];
            for (found, key) in found.iter_mut().zip(batch) {
                *found = self.table().likely_entry(key.hash, &section);
            }
            for (found, key) in found.iter_mut().zip(batch) {
                let bytes = key.key.key_bytes();
                *found = found
                    .filter(|&record| Record::has_key(record, bytes))
                    .or_else(|| self.table().find_fetched(key.hash, bytes, &section));
            }
            // One reading of the clock for all of them, after they were found.
            let now = self.now();
            for (found, key) in found.into_iter().zip(batch) {
                match found {
                    Some(record) if now.is_past(record.deadline()) => {
                        let guard = reclaim::pin();
                        show(key.key, self.after_expiry(key, &now, &guard));
                    }
                    found => show(key.key, found),
                }
            }
        });
    }

    /// Stores many values with one time to live. Each is written atomically, all
    /// together are not; of equal keys the last one wins. Lock-free.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). Nothing is written then: all input is checked first.
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("a", 1), ("b", 2)], Ttl::NEVER)?;
    /// assert_eq!(kv.keys("*"), ["a", "b"]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn set_many<'k, 'v, V: Into<Input<'v>>>(
        &self,
        items: impl IntoIterator<Item = (&'k K, V)>,
        ttl: impl Into<Ttl>,
    ) -> Result<(), Error> {
        let deadline = ttl.into().deadline(&self.now());
        let checked = |(key, value): (&'k K, V)| {
            let input = value.into();
            input.check_depth()?;
            let key = self.hashed_for_write(key)?;
            let record = key.record(deadline, Content::of(&input));
            Ok((key, record))
        };
        let records = items.into_iter().map(checked).collect::<Result<Vec<_>, Error>>()?;
        let mut records = records.into_iter();
        while records.len() > 0 {
            for (key, _) in records.as_slice().iter().take(BATCH) {
                self.table().prefetch_bucket(key.hash);
            }
            let guard = reclaim::pin();
            for (key, record) in records.by_ref().take(BATCH) {
                self.put(&key, record, &guard);
            }
        }
        Ok(())
    }

    /// Removes many keys, each atomically. Returns how many were there. Lock-free.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("a", 1)?;
    /// assert_eq!(kv.delete_many(["a", "a", "b"]), 1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn delete_many<'k>(&self, keys: impl IntoIterator<Item = &'k K>) -> usize {
        let mut removed = 0;
        self.in_batches(keys, |batch| {
            let now = self.now();
            let guard = reclaim::pin();
            let remove = |live: Option<_>| Step::Remove(usize::from(live.is_some()));
            removed +=
                batch.iter().map(|key| self.decide(key, &now, &guard, remove).0).sum::<usize>();
        });
        removed
    }

    /// Hashes keys and starts to fetch their buckets, batch by batch. The
    /// caller's iterator and hasher run outside of any guard.
    fn in_batches<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k K>,
        mut work: impl FnMut(&[Hashed<'k, K>]),
    ) {
        let mut keys = keys.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            for key in keys.by_ref().take(BATCH) {
                batch.push(self.fetch(self.hashed(key)));
            }
            if batch.is_empty() {
                return;
            }
            work(&batch);
        }
    }
}
