//! How operations reach an entry: one way to read, one way to decide and write.

use super::Kv;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::reclaim::reading::{Reading, enter_after};
use crate::reclaim::{self, Guard, Owned, Section, Shared};
use crate::record::{Content, Deadline, MAX_KEY_LEN, Record};
use crate::snapshot::Snapshot;
use crate::table::{Occupied, Place};
use crate::time::clock::Clock;
use crate::time::judge::Judge;
use crate::time::ttl::Now;
use core::hash::BuildHasher;

/// A key with its hash.
pub(super) struct Hashed<'k, K: ?Sized> {
    pub(super) key: &'k K,
    pub(super) hash: u64,
}

impl<K: ?Sized> Clone for Hashed<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized> Copy for Hashed<'_, K> {}

impl<K: Key + ?Sized> Hashed<'_, K> {
    /// A new record for this key.
    #[inline(always)]
    pub(super) fn record(&self, deadline: Deadline, content: Content<'_>) -> Owned<Record<K>> {
        Record::create(self.key, self.hash, deadline, content)
    }
}

/// What is to become of a key, with the answer for the caller.
pub(super) enum Step<K: ?Sized + 'static, R> {
    /// Leave it as it is.
    Keep(R),
    /// Insert or replace.
    Put(Owned<Record<K>>, R),
    /// Remove it.
    Remove(R),
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The time of an operation that begins now.
    #[inline]
    pub(super) fn now(&self) -> Now<'_, C> {
        Now::new(&self.inner.clock)
    }

    /// Hashes a key. Calls the user's hasher, so not under a guard.
    #[inline]
    pub(super) fn hashed<'k>(&self, key: &'k K) -> Hashed<'k, K> {
        Hashed { key, hash: self.hash_bytes(key.key_bytes()) }
    }

    /// Starts to fetch the bucket of a key, which the caller will look at after it has pinned.
    #[inline]
    pub(super) fn fetch<'k>(&self, key: Hashed<'k, K>) -> Hashed<'k, K> {
        self.table().prefetch_bucket(key.hash);
        key
    }

    /// Hashes a key that may be inserted.
    #[inline]
    pub(super) fn hashed_for_write<'k>(&self, key: &'k K) -> Result<Hashed<'k, K>, Error> {
        if key.key_bytes().len() > MAX_KEY_LEN {
            return Err(ErrorKind::KeyTooLong.into());
        }
        Ok(self.hashed(key))
    }

    /// Begins to read, the key's bucket first.
    #[inline(always)]
    pub(super) fn enter(&self, key: Hashed<'_, K>) -> Reading {
        enter_after(|| self.table().prefetch_bucket(key.hash))
    }

    /// The value of a key.
    #[inline]
    pub(super) fn get_hashed(&self, key: Hashed<'_, K>) -> Option<Snapshot> {
        self.read(key, |record| Snapshot::new(record, record.value()))
    }

    /// Shows `read` the live entry of a key.
    #[inline(always)]
    pub(super) fn read<R>(
        &self,
        key: Hashed<'_, K>,
        read: impl FnOnce(Shared<'_, Record<K>>) -> R,
    ) -> Option<R> {
        let section = self.enter(key);
        let record = self.table().find(key.hash, key.key.key_bytes(), &section)?;
        // Without a deadline there is no `Now`, which would have to be in memory.
        if record.deadline() != 0 {
            let now = self.now();
            if now.is_past(record.deadline()) {
                drop(section);
                return self.read_after_expiry(key.key, key.hash, now, read);
            }
        }
        Some(read(record))
    }

    /// As [`read`](Self::read), if an expired entry may have to go first.
    // The key in its parts: as a whole it would be in memory during every read.
    #[cold]
    fn read_after_expiry<R>(
        &self,
        key: &K,
        hash: u64,
        now: Now<'_, C>,
        read: impl FnOnce(Shared<'_, Record<K>>) -> R,
    ) -> Option<R> {
        let guard = reclaim::pin();
        self.after_expiry(&Hashed { key, hash }, &now, &guard).map(read)
    }

    /// The entry of a key, unless it may have expired; then it stays where it is.
    #[inline(always)]
    pub(super) fn find_unexpired<'g>(
        &self,
        key: &Hashed<'_, K>,
        now: &Now<'_, C>,
        section: &'g Section,
    ) -> Option<Shared<'g, Record<K>>> {
        let record = self.table().find(key.hash, key.key.key_bytes(), section)?;
        (!now.is_past(record.deadline())).then_some(record)
    }

    /// The live entry of a key. An expired one is unlinked.
    #[inline(always)]
    pub(super) fn find<'g>(
        &self,
        key: &Hashed<'_, K>,
        now: &Now<'_, C>,
        guard: &'g Guard,
    ) -> Option<Shared<'g, Record<K>>> {
        let record = self.table().find(key.hash, key.key.key_bytes(), guard)?;
        if now.is_past(record.deadline()) {
            return self.after_expiry(key, now, guard);
        }
        Some(record)
    }

    /// The live entry of the key of which one was seen that may have expired by now: if it has,
    /// it is unlinked before the answer is that there is none.
    #[cold]
    pub(super) fn after_expiry<'g>(
        &self,
        key: &Hashed<'_, K>,
        now: &Now<'_, C>,
        guard: &'g Guard,
    ) -> Option<Shared<'g, Record<K>>> {
        let mut judge = Judge::new(now);
        loop {
            let place = self.table().locate(key.hash, key.key.key_bytes(), guard);
            let Place::Occupied(place) = place else {
                return None;
            };
            match judge.has_expired(place.entry().deadline()) {
                Some(false) => return Some(place.entry()),
                Some(true) if self.unlink_expired(place, guard) => return None,
                _ => {}
            }
        }
    }

    fn unlink_expired<'g>(&self, place: Occupied<'g, Record<K>>, guard: &'g Guard) -> bool {
        let unlinked = self.table().remove(place, guard).is_some();
        if unlinked {
            self.inner.expired.increment();
        }
        unlinked
    }

    /// The last step of every write that put a new record in place of `old`, or
    /// where none was: a sweep will have to know of its deadline.
    #[inline]
    fn published<'g>(
        &self,
        new: Shared<'g, Record<K>>,
        old: Option<Shared<'g, Record<K>>>,
        guard: &'g Guard,
    ) {
        if let Some(timing) = new.timing() {
            let old = old.and_then(Shared::timing).map(|old| &old.filed);
            let feed = &self.inner.feed;
            if feed.published(new.hash(), timing.deadline, &timing.filed, old, guard) {
                self.help_to_sweep(new.hash(), guard);
            }
        }
    }

    /// Puts a record in place, whatever is there. Lock-free.
    pub(super) fn put(&self, key: &Hashed<'_, K>, mut record: Owned<Record<K>>, guard: &Guard) {
        loop {
            let tried = match self.table().locate(key.hash, key.key.key_bytes(), guard) {
                Place::Occupied(place) => {
                    let replaced = self.table().replace(place, record, guard);
                    replaced.map(|(new, old)| self.published(new, Some(old.share()), guard))
                }
                Place::Vacant(place) => {
                    let inserted = self.table().insert(place, record, guard);
                    inserted.map(|new| self.published(new, None, guard))
                }
            };
            match tried {
                Ok(()) => return,
                Err(back) => record = back,
            }
        }
    }

    /// Lets `decide` see the live entry of a key, if there is one, and carries
    /// out what it says, if the key still has that entry; otherwise asks again.
    /// Returns the answer, and the new record's entry if there is one.
    ///
    /// `decide` runs under the guard, so it is never user code. If it depends on
    /// the value, it must take it by `exact_value`. Lock-free.
    pub(super) fn decide<'g, R>(
        &self,
        key: &Hashed<'_, K>,
        now: &Now<'_, C>,
        guard: &'g Guard,
        mut decide: impl FnMut(Option<Shared<'g, Record<K>>>) -> Step<K, R>,
    ) -> (R, Option<Shared<'g, Record<K>>>) {
        let mut judge = Judge::new(now);
        loop {
            match self.table().locate(key.hash, key.key.key_bytes(), guard) {
                Place::Occupied(place) => {
                    // It may have been found in a table that is cleared by now.
                    let Some(expired) = judge.has_expired(place.entry().deadline()) else {
                        continue;
                    };
                    let live = (!expired).then_some(place.entry());
                    match decide(live) {
                        Step::Keep(answer) | Step::Remove(answer) if expired => {
                            if self.unlink_expired(place, guard) {
                                return (answer, None);
                            }
                        }
                        Step::Keep(answer) => return (answer, live),
                        Step::Remove(answer) => {
                            if self.table().remove(place, guard).is_some() {
                                return (answer, None);
                            }
                        }
                        Step::Put(record, answer) => {
                            if let Ok((new, old)) = self.table().replace(place, record, guard) {
                                if expired {
                                    self.inner.expired.increment();
                                }
                                self.published(new, Some(old.share()), guard);
                                return (answer, Some(new));
                            }
                        }
                    }
                }
                Place::Vacant(place) => match decide(None) {
                    Step::Keep(answer) | Step::Remove(answer) => return (answer, None),
                    Step::Put(record, answer) => {
                        if let Ok(new) = self.table().insert(place, record, guard) {
                            self.published(new, None, guard);
                            return (answer, Some(new));
                        }
                    }
                },
            }
        }
    }
}
