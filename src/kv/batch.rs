//! Many keys at once: one pin per batch, and lookups that overlap in memory.

use super::Kv;
use super::access::{Hashed, Step};
use crate::error::Error;
use crate::key::Key;
use crate::reclaim;
use crate::record::Content;
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::Ttl;
use crate::value::Input;
use core::hash::BuildHasher;

/// Keys per pin: enough for their cache misses to overlap, few enough to hold
/// back next to nothing.
const BATCH: usize = 64;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The values of many keys, in their order. Each is read atomically, all
    /// together are not. Faster than as many calls of [`get`](Self::get): keys
    /// are fetched from memory in batches.
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
        let mut found = Vec::new();
        self.in_batches(keys, |batch| {
            let now = self.now();
            let guard = reclaim::pin();
            batch.iter().for_each(|key| self.table().prefetch_entry(key.hash, &guard));
            found.extend(batch.iter().map(|key| {
                self.find(key, &now, &guard).map(|record| Snapshot::new(record, record.value()))
            }));
        });
        found
    }

    /// Stores many values with one time to live. Each is written atomically, all
    /// together are not; of equal keys the last one wins.
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

    /// Removes many keys, each atomically. Returns how many were there.
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

    /// Hashes keys, which starts to fetch their buckets, batch by batch. The
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
                batch.push(self.hashed(key));
            }
            if batch.is_empty() {
                return;
            }
            work(&batch);
        }
    }
}
