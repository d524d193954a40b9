//! The eight operations, but for `incr` and `keys`, and their direct relatives.

use super::Kv;
use super::access::{Hashed, Step};
use crate::error::Error;
use crate::key::Key;
use crate::reclaim;
use crate::reclaim::reading::enter;
use crate::record::Content;
use crate::record::cell::Cell;
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::Ttl;
use crate::value::{Input, Value, ValueRef};
use core::hash::BuildHasher;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Stores a value under a key, for ever; replaces whatever was there, and
    /// removes a deadline.
    ///
    /// Lock-free; O(1) and at most one allocation for text up to 1 KiB and for
    /// scalars. An integer over an integer without a deadline is written in
    /// place, without an allocation.
    ///
    /// # Errors
    ///
    /// [`TooDeep`](crate::ErrorKind::TooDeep) or
    /// [`KeyTooLong`](crate::ErrorKind::KeyTooLong); the store is unchanged.
    ///
    /// ```
    /// use epochkv::{Kv, Value};
    ///
    /// let kv = Kv::new();
    /// kv.set("name", "Ann")?;
    /// kv.set("scores", vec![1.5, 2.0])?;
    /// kv.set("user", Value::dict([("id", 7)]))?;
    /// kv.set("name", 5)?;
    /// assert_eq!(kv.get("name").unwrap(), 5);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[inline]
    #[doc(alias = "insert")]
    #[doc(alias = "put")]
    pub fn set<'v>(&self, key: &K, value: impl Into<Input<'v>>) -> Result<(), Error> {
        self.set_ex(key, value, Ttl::NEVER)
    }

    /// As [`set`](Self::set), with a time to live: seconds, or a
    /// [`Duration`](core::time::Duration). Zero means no expiry. Lock-free, O(1).
    ///
    /// The time counts from the start of the call; afterwards the key is absent
    /// for every operation.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("session", "token", 60)?;
    /// kv.set_ex("flash", "saved", Duration::from_millis(250))?;
    /// assert_eq!(kv.ttl("session"), 60);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn set_ex<'v>(
        &self,
        key: &K,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> Result<(), Error> {
        let deadline = ttl.into().deadline(&self.now());
        let input = value.into();
        input.check_depth()?;
        let key = self.fetch(self.hashed_for_write(key)?);
        if let (0, ValueRef::Int(value)) = (deadline, input.as_ref()) {
            self.set_int(&key, value);
            return Ok(());
        }
        let record = key.record(deadline, Content::of(&input));
        self.put(&key, record, &reclaim::pin());
        Ok(())
    }

    /// Stores an integer without a deadline: over one of its kind, in place.
    fn set_int(&self, key: &Hashed<'_, K>, value: i64) {
        {
            let section = enter();
            let old = self.table().find(key.hash, key.key.key_bytes(), &section);
            let cell = old.filter(|old| old.deadline() == 0).and_then(|old| old.counter());
            if cell.is_some_and(|cell| overwrite(cell, value)) {
                return;
            }
        }
        self.put(key, key.record(0, Content::int(value)), &reclaim::pin());
    }

    /// The value of a key, or `None` if it is absent.
    ///
    /// Wait-free, O(1): one lookup, and for text, bytes, lists
    /// and dicts one increment of the entry's reference count. Copies nothing.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", "v")?;
    /// assert_eq!(kv.get("k").unwrap(), "v");
    /// assert!(kv.get("other").is_none());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Snapshot> {
        self.get_hashed(self.hashed(key))
    }

    /// The value of a key, or `default`, which is not stored. Wait-free, O(1), and the
    /// conversion of the default.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert_eq!(kv.get_or("k", 7), 7);
    /// kv.set("k", false)?;
    /// assert_eq!(kv.get_or("k", true), false);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn get_or(&self, key: &K, default: impl Into<Value>) -> Snapshot {
        self.get(key).unwrap_or_else(|| default.into().into())
    }

    /// Calls `read` with the value of a key, without touching a reference count:
    /// the cheapest read where many threads read one key.
    ///
    /// Wait-free, O(1), but for `read`. With [`with_many`](Self::with_many) this is the only
    /// call that runs a closure of the caller's while holding back reclamation: as long as
    /// `read` runs, nothing that any thread removes from any store of the process is freed.
    /// Keep it short, and do not block in it. It may call the store.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("text", "some words")?;
    /// let words = kv.with("text", |value| value.as_str().map(|text| text.split(' ').count()));
    /// assert_eq!(words, Some(Some(2)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    ///
    /// The value itself cannot leave the closure:
    ///
    /// ```compile_fail
    /// let kv = epochkv::Kv::new();
    /// let kept = kv.with("text", |value| value);
    /// ```
    #[doc(alias = "read")]
    #[doc(alias = "peek")]
    pub fn with<R>(&self, key: &K, read: impl FnOnce(ValueRef<'_>) -> R) -> Option<R> {
        self.read(self.hashed(key), |record| read(record.value()))
    }

    /// Removes a key with its value and deadline. Returns whether it was there.
    ///
    /// Lock-free, O(1); frees the memory when no snapshot and no reader needs it.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 1)?;
    /// assert!(kv.delete("k"));
    /// assert!(!kv.delete("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "remove")]
    #[doc(alias = "del")]
    pub fn delete(&self, key: &K) -> bool {
        self.delete_hashed(&self.fetch(self.hashed(key)))
    }

    pub(super) fn delete_hashed(&self, key: &Hashed<'_, K>) -> bool {
        let guard = reclaim::pin();
        let remove = |live: Option<_>| Step::Remove(live.is_some());
        self.decide(key, &self.now(), &guard, remove).0
    }

    /// Whether the key is there: true exactly if [`get`](Self::get) would find it.
    /// Wait-free, O(1).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 0)?;
    /// assert!(kv.exists("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "contains_key")]
    #[doc(alias = "contains")]
    pub fn exists(&self, key: &K) -> bool {
        self.with(key, |_| ()).is_some()
    }

    /// Removes all keys at one instant.
    ///
    /// When it returns, nothing that was set before it began is there; what is
    /// set after it returns stays. Snapshots stay valid. Lock-free. The entries' memory is freed
    /// by later writes, each a little, or by [`flush`](Self::flush). O(1), unless tables of more
    /// than one earlier `clear` still wait for that: then it frees all but the last of them, in
    /// O(n).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 1)?;
    /// kv.clear();
    /// assert!(kv.keys("*").is_empty());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn clear(&self) {
        self.table().release_earlier();
        self.table().clear(&reclaim::pin());
    }
}

/// Writes an integer in place, if the cell may still change.
fn overwrite(cell: &Cell, value: i64) -> bool {
    cell.update(|_| value)
}
