//! Atomic changes by the caller's own code.

use super::Kv;
use super::access::Step;
use crate::error::Error;
use crate::key::Key;
use crate::reclaim::{self, Shared};
use crate::record::Handle;
use crate::record::{Content, Record};
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::Ttl;
use crate::value::{Input, Value};
use core::hash::BuildHasher;

/// What an [`update`](Kv::update) closure wants to become of a key.
///
/// ```
/// use epochkv::{Change, Kv, Value};
///
/// let kv = Kv::new();
/// kv.set_ex("k", 1, 60)?;
/// kv.update("k", |_| Change::Set(Value::from(2)))?;
/// assert_eq!((kv.get("k").unwrap().as_int(), kv.ttl("k")), (Some(2), 60));
/// kv.update("k", |_| Change::SetEx(Value::from(3), 90.into()))?;
/// assert_eq!(kv.ttl("k"), 90);
/// kv.update("k", |_| Change::Remove)?;
/// assert!(kv.update("k", |_| Change::Keep)?.is_none());
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Nothing: the key stays as it is, or absent.
    Keep,
    /// This value; the deadline stays. A new key gets none.
    Set(Value),
    /// This value, with a time to live that counts from the change.
    SetEx(Value, Ttl),
    /// The key goes away.
    Remove,
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Changes a key by a closure, atomically: the change is made only if the
    /// key still is as the closure saw it, otherwise the closure runs again.
    /// Returns the value after the call.
    ///
    /// The closure may run more than once, so it should have no other effect.
    /// It runs under no lock and no guard: it may block, call the store (also
    /// for the same key) or panic, and then nothing has changed. Lock-free; but a closure
    /// that itself changes the key whenever it runs is run for ever.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::{Change, Kv, Snapshot, Value};
    ///
    /// let kv = Kv::new();
    /// let push = |item: i64| {
    ///     kv.update("list", |old| {
    ///         let mut list = old.and_then(Snapshot::as_list).map(|l| l.to_vec()).unwrap_or_default();
    ///         list.push(Value::from(item));
    ///         Change::Set(Value::from(list))
    ///     })
    /// };
    /// push(1)?;
    /// assert_eq!(push(2)?.unwrap(), Value::from(vec![1, 2]));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "compute")]
    #[doc(alias = "entry")]
    pub fn update(
        &self,
        key: &K,
        mut change: impl FnMut(Option<&Snapshot>) -> Change,
    ) -> Result<Option<Snapshot>, Error> {
        let answer = self.change(key, &mut change);
        // A drop that panics while an answer is on its way out loses it (rust-lang/rust#47949).
        drop(change);
        answer
    }

    fn change(
        &self,
        key: &K,
        change: &mut impl FnMut(Option<&Snapshot>) -> Change,
    ) -> Result<Option<Snapshot>, Error> {
        let key = self.fetch(self.hashed_for_write(key)?);
        loop {
            let seen = {
                let guard = reclaim::pin();
                self.find(&key, &self.now(), &guard)
                    .map(|record| (Handle::new(record), Snapshot::exact(record)))
            };
            let (value, ttl) = match change(seen.as_ref().map(|(_, snapshot)| snapshot)) {
                Change::Keep => return Ok(seen.map(|(_, snapshot)| snapshot)),
                Change::Set(value) => (Some(value), None),
                Change::SetEx(value, ttl) => (Some(value), Some(ttl)),
                Change::Remove => (None, None),
            };
            let input = value.map(Input::Value);
            input.as_ref().map_or(Ok(()), Input::check_depth)?;

            let now = self.now();
            let guard = reclaim::pin();
            let step = |live: Option<Shared<'_, Record<K>>>| {
                // The handle keeps its record alive, so an equal address is the
                // same record; and its cell is frozen, so it is the same value.
                let unchanged = match (&seen, live) {
                    (Some((handle, _)), Some(record)) => handle.share().is(record),
                    (None, None) => true,
                    _ => false,
                };
                if !unchanged {
                    return Step::Keep(false);
                }
                let Some(input) = &input else {
                    return Step::Remove(true);
                };
                let deadline = match ttl {
                    Some(ttl) => ttl.deadline(&now),
                    None => live.map_or(0, Shared::deadline),
                };
                Step::Put(key.record(deadline, Content::of(input)), true)
            };
            if let (true, new) = self.decide(&key, &now, &guard, step) {
                let written = new.zip(input);
                return Ok(written.map(|(new, input)| Snapshot::new(new, input.as_ref())));
            }
        }
    }

    /// The value of a key; if it is absent, the value that `make` returns is
    /// stored first, unless another thread is faster, whose value then is the
    /// result.
    ///
    /// `make` runs at most once, under no lock and no guard; callers that race
    /// for an absent key may each run theirs, and all get the one that won. Lock-free. The
    /// time to live counts from the end of `make`. A closure that only panics needs a type, as in
    /// `|| -> i64 { .. }`.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert_eq!(kv.get_or_insert_with("k", 60, || "made")?, "made");
    /// assert_eq!(kv.get_or_insert_with("k", 60, || "other")?, "made");
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[doc(alias = "entry")]
    pub fn get_or_insert_with<'v, V: Into<Input<'v>>>(
        &self,
        key: &K,
        ttl: impl Into<Ttl>,
        make: impl FnOnce() -> V,
    ) -> Result<Snapshot, Error> {
        self.try_get_or_insert_with(key, ttl, || Ok(make()))
    }

    /// As [`get_or_insert_with`](Self::get_or_insert_with), for a value that cannot always
    /// be made: if `make` fails, nothing is stored, and its error is the result.
    ///
    /// # Errors
    ///
    /// That of `make`; and as [`set`](Self::set), turned into the same type: into
    /// [`io::Error`](std::io::Error), `Box<dyn Error>` or one of your own, say.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::fs;
    ///
    /// let kv = Kv::new();
    /// let read = |path| kv.try_get_or_insert_with("config", 60, || fs::read_to_string(path));
    /// assert_eq!(read("no such file").unwrap_err().kind(), std::io::ErrorKind::NotFound);
    /// assert!(!kv.exists("config"));
    /// assert!(read("Cargo.toml")?.as_str().is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "try_get_with")]
    #[doc(alias = "or_try_insert_with")]
    pub fn try_get_or_insert_with<'v, V: Into<Input<'v>>, E: From<Error>>(
        &self,
        key: &K,
        ttl: impl Into<Ttl>,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Snapshot, E> {
        let key = self.hashed_for_write(key)?;
        if let Some(found) = self.get_hashed(key) {
            // As in `update`.
            drop((make, ttl));
            return Ok(found);
        }
        let input = Content::prepare(make()?.into());
        input.check_depth()?;
        let now = self.now();
        let deadline = ttl.into().deadline(&now);
        let guard = reclaim::pin();
        let insert = |live: Option<Shared<'_, Record<K>>>| match live {
            Some(record) => Step::Keep(Some(Snapshot::new(record, record.value()))),
            None => Step::Put(key.record(deadline, Content::of(&input)), None),
        };
        Ok(match self.decide(&key, &now, &guard, insert) {
            (Some(found), _) => found,
            (None, Some(new)) => Snapshot::new(new, input.as_ref()),
            // Unreachable: without a found value a record was put.
            (None, None) => input.into_value().into(),
        })
    }
}
