//! Atomic neighbours of `set` and `delete`: each decides and writes at one instant.

use super::Kv;
use super::access::{Hashed, Step};
use crate::error::Error;
use crate::key::Key;
use crate::reclaim::{self, Shared};
use crate::record::{Content, Deadline, Record};
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::{Now, Ttl};
use crate::value::{Input, ValueRef};
use core::hash::BuildHasher;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Stores a value and returns the one it replaced, exactly: no increment
    /// falls between the two. Lock-free, one allocation.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// assert!(kv.swap("k", 1, Ttl::NEVER)?.is_none());
    /// assert_eq!(kv.swap("k", "two", 60)?.unwrap(), 1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "replace")]
    #[doc(alias = "getset")]
    pub fn swap<'v>(
        &self,
        key: &K,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<Option<Snapshot>, Error> {
        Ok(self.write_if(&self.prepare(key, value, ttl)?, |old| Ok(old.map(Snapshot::exact))))
    }

    /// Removes a key and returns its value, exactly: every increment is either in it or
    /// goes to a new value. Lock-free, O(1).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.incr_by("credits", 5)?;
    /// assert_eq!(kv.take("credits").unwrap(), 5);
    /// assert!(kv.take("credits").is_none());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "remove")]
    #[doc(alias = "getdel")]
    pub fn take(&self, key: &K) -> Option<Snapshot> {
        let key = self.fetch(self.hashed(key));
        let guard = reclaim::pin();
        let take = |live: Option<_>| Step::Remove(live.map(Snapshot::exact));
        self.decide(&key, &self.now(), &guard, take).0
    }

    /// Stores a value only if the key is absent. Returns whether it did.
    /// Lock-free, O(1).
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert!(kv.set_if_absent("lock", "worker-1", 30)?);
    /// assert!(!kv.set_if_absent("lock", "worker-2", 30)?);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "setnx")]
    #[doc(alias = "try_insert")]
    pub fn set_if_absent<'v>(
        &self,
        key: &K,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<bool, Error> {
        let absent =
            |live: Option<Shared<'_, _>>| if live.is_none() { Ok(true) } else { Err(false) };
        Ok(self.write_if(&self.prepare(key, value, ttl)?, absent))
    }

    /// Stores a value only if the key is there. Returns whether it did.
    /// Lock-free, O(1).
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// assert!(!kv.set_if_present("k", 1, Ttl::NEVER)?);
    /// assert!(!kv.exists("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn set_if_present<'v>(
        &self,
        key: &K,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<bool, Error> {
        let present =
            |live: Option<Shared<'_, _>>| if live.is_some() { Ok(true) } else { Err(false) };
        Ok(self.write_if(&self.prepare(key, value, ttl)?, present))
    }

    /// Stores `new` only if the value is `expected`: the same kind, and equal,
    /// floats by their bits (see [`Value::same`](crate::Value::same)). Returns whether it did.
    ///
    /// Lock-free. Containers are compared outside of any guard, in time linear
    /// in their size.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// kv.set("state", "idle")?;
    /// assert!(kv.compare_and_set("state", "idle", "busy", Ttl::NEVER)?);
    /// assert!(!kv.compare_and_set("state", "idle", "busy", Ttl::NEVER)?);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn compare_and_set<'e, 'v>(
        &self,
        key: &K,
        expected: impl Into<Input<'e>>,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<bool, Error> {
        let expected = expected.into();
        let write = self.prepare(key, new, ttl)?;
        let try_write = |seen: &Snapshot| self.write_if(&write, is_unchanged(seen));
        Ok(self.while_same(&write.key, expected.as_ref(), try_write))
    }

    /// Stores `new` only if nobody has written the key since `expected` was
    /// read from it; a new deadline is a write too. Of scalars, which are
    /// copied, the value is compared, as in
    /// [`compare_and_set`](Self::compare_and_set). Returns whether it did.
    /// Lock-free, O(1).
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// kv.set("config", vec!["a", "b"])?;
    /// let seen = kv.get("config").unwrap();
    /// kv.set("config", vec!["a", "b"])?;
    /// assert!(!kv.compare_and_set_snapshot("config", &seen, vec!["c"], Ttl::NEVER)?);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn compare_and_set_snapshot<'v>(
        &self,
        key: &K,
        expected: &Snapshot,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<bool, Error> {
        Ok(self.write_if(&self.prepare(key, new, ttl)?, is_unchanged(expected)))
    }

    /// Removes a key only if its value is `expected`, compared as in
    /// [`compare_and_set`](Self::compare_and_set). Returns whether it did: so nobody removes
    /// what another one has put there meanwhile. Lock-free.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_if_absent("lock", "worker-1", 30)?;
    /// assert!(!kv.compare_and_delete("lock", "worker-2"));
    /// assert!(kv.compare_and_delete("lock", "worker-1"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn compare_and_delete<'e>(&self, key: &K, expected: impl Into<Input<'e>>) -> bool {
        let expected = expected.into();
        let key = self.hashed(key);
        self.while_same(&key, expected.as_ref(), |seen| self.delete_if_unchanged(&key, seen))
    }

    /// Removes a key only if nobody has written it since `expected` was read
    /// from it; as
    /// [`compare_and_set_snapshot`](Self::compare_and_set_snapshot). Lock-free, O(1).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", "v")?;
    /// let seen = kv.get("k").unwrap();
    /// assert!(kv.compare_and_delete_snapshot("k", &seen));
    /// assert!(!kv.compare_and_delete_snapshot("k", &seen));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn compare_and_delete_snapshot(&self, key: &K, expected: &Snapshot) -> bool {
        self.delete_if_unchanged(&self.fetch(self.hashed(key)), expected)
    }

    /// Removes a key if its entry is the one of `expected`.
    pub(super) fn delete_if_unchanged(&self, key: &Hashed<'_, K>, expected: &Snapshot) -> bool {
        let guard = reclaim::pin();
        let remove = |live: Option<Shared<'_, Record<K>>>| match is_unchanged(expected)(live) {
            Ok(answer) => Step::Remove(answer),
            Err(answer) => Step::Keep(answer),
        };
        self.decide(key, &self.now(), &guard, remove).0
    }

    /// As long as the key's value is `expected`, lets `act` try to change exactly
    /// what was seen; it fails if the key was written in between, perhaps with an
    /// equal value. The comparison runs outside of any guard.
    fn while_same(
        &self,
        key: &Hashed<'_, K>,
        expected: ValueRef<'_>,
        act: impl Fn(&Snapshot) -> bool,
    ) -> bool {
        while let Some(seen) = self.get_hashed(*key) {
            if !seen.as_ref().same(expected) {
                return false;
            }
            if act(&seen) {
                return true;
            }
        }
        false
    }

    /// Checks the input of a conditional write, and does what must not be done
    /// under a guard: the caller's conversions and hasher, and copies of long text.
    fn prepare<'k, 'v>(
        &self,
        key: &'k K,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<Write<'k, 'v, '_, K, C>, Error> {
        let now = self.now();
        let deadline = ttl.into().deadline(&now);
        let input = value.into();
        input.check_depth()?;
        let key = self.fetch(self.hashed_for_write(key)?);
        Ok(Write { key, input: Content::prepare(input), deadline, now })
    }

    /// Writes a value if `decide` answers `Ok` to the key's live entry; returns
    /// what it answered.
    fn write_if<R>(
        &self,
        write: &Write<'_, '_, '_, K, C>,
        mut decide: impl FnMut(Option<Shared<'_, Record<K>>>) -> Result<R, R>,
    ) -> R {
        let Write { key, input, deadline, now } = write;
        let guard = reclaim::pin();
        let step = |live: Option<_>| match decide(live) {
            Ok(answer) => Step::Put(key.record(*deadline, Content::of(input)), answer),
            Err(answer) => Step::Keep(answer),
        };
        self.decide(key, now, &guard, step).0
    }
}

/// A conditional write whose input is checked.
struct Write<'k, 'v, 'c, K: ?Sized, C> {
    key: Hashed<'k, K>,
    input: Input<'v>,
    deadline: Deadline,
    now: Now<'c, C>,
}

/// Whether the live entry is the one of a snapshot.
fn is_unchanged<K: Key + ?Sized>(
    expected: &Snapshot,
) -> impl Fn(Option<Shared<'_, Record<K>>>) -> Result<bool, bool> {
    |live| if live.is_some_and(|record| expected.is_of(record)) { Ok(true) } else { Err(false) }
}
