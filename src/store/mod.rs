//! `Store`: the operations as futures, for code that may outgrow one process.

mod error;
mod local;

use crate::glob::Pattern;
use crate::kv::{Change, IncrOptions, Incremented, Item};
use crate::snapshot::Snapshot;
use crate::time::ttl::{Expiry, Ttl};
use crate::value::{Input, Value};
use core::future::Future;
use core::time::Duration;

pub use error::{StoreError, StoreErrorKind};

/// The operations of [`Kv`](crate::Kv) with text keys, as futures that may fail: what a store in
/// this process and an engine elsewhere have in common.
///
/// Code that takes `impl Store` runs on both. [`Kv`](crate::Kv) implements it with futures that
/// are ready at once and fail only where `Kv` itself returns an error; the crate `epochkv-redis`
/// implements it for Redis, Valkey and clusters of them, and has an enum that chooses by a URL.
///
/// The calls mean what those of `Kv` of the same name mean, and each key is still changed
/// atomically. What an engine must do otherwise, its documentation lists. Three things hold for
/// every implementation:
///
/// - Nothing happens before the future is polled, except that a value is converted to [`Input`]
///   and an iterator is read to its end.
/// - A future may be dropped halfway. Then the change may happen or not, as after an error that
///   [may have happened](StoreError::may_have_happened).
/// - All futures are `Send`, none is boxed. So the trait cannot be made into an object; an enum
///   over its implementations takes that place.
///
/// On a `Kv`, methods of `Kv` itself win over those of this trait: `kv.get("k")` is the plain
/// call also where `Store` is in scope.
///
/// ```
/// use epochkv::{IncrOptions, Kv, Store, StoreError};
///
/// async fn admit(store: &impl Store, client: &str) -> Result<bool, StoreError> {
///     let window = IncrOptions::by(1).max(2).ttl_on_create(60);
///     Ok(store.incr_with(client, &window).await?.applied == 1)
/// }
///
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match future.as_mut().poll(&mut context) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!("the store in this process is always ready"),
/// #     }
/// # }
/// # block_on(async {
/// let store = Kv::new();
/// assert!(admit(&store, "10.0.0.1").await?);
/// assert!(admit(&store, "10.0.0.1").await?);
/// assert!(!admit(&store, "10.0.0.1").await?);
/// # Ok::<(), StoreError>(())
/// # }).unwrap();
/// ```
pub trait Store: Send + Sync {
    /// A walk; see [`scan`](Self::scan).
    type Scan<'s>: StoreScan
    where
        Self: 's;

    /// The value of a key, or `None` if it is absent; see [`Kv::get`](crate::Kv::get).
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// The value of a key, or `default`, which is not stored; see
    /// [`Kv::get_or`](crate::Kv::get_or).
    fn get_or(
        &self,
        key: &str,
        default: impl Into<Value>,
    ) -> impl Future<Output = Result<Snapshot, StoreError>> + Send {
        let default = default.into();
        async move { Ok(self.get(key).await?.unwrap_or_else(|| default.into())) }
    }

    /// Stores a value for ever; see [`Kv::set`](crate::Kv::set).
    fn set<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.set_ex(key, value, Ttl::NEVER)
    }

    /// Stores a value with a time to live; see [`Kv::set_ex`](crate::Kv::set_ex).
    fn set_ex<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes a key. Returns whether it was there; see [`Kv::delete`](crate::Kv::delete).
    fn delete(&self, key: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether the key is there; see [`Kv::exists`](crate::Kv::exists).
    fn exists(&self, key: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Adds 1 to an integer; see [`Kv::incr`](crate::Kv::incr).
    fn incr(&self, key: &str) -> impl Future<Output = Result<i64, StoreError>> + Send {
        self.incr_by(key, 1)
    }

    /// Adds to an integer; see [`Kv::incr_by`](crate::Kv::incr_by).
    fn incr_by(
        &self,
        key: &str,
        amount: i64,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Adds to an integer within bounds, with a time to live; see
    /// [`Kv::incr_with`](crate::Kv::incr_with).
    fn incr_with(
        &self,
        key: &str,
        options: &IncrOptions,
    ) -> impl Future<Output = Result<Incremented, StoreError>> + Send;

    /// The whole seconds left, rounded up; -1 without a deadline, -2 if absent; see
    /// [`Kv::ttl`](crate::Kv::ttl).
    fn ttl(&self, key: &str) -> impl Future<Output = Result<i64, StoreError>> + Send {
        async { Ok(self.expiry(key).await?.as_secs()) }
    }

    /// As [`ttl`](Self::ttl), in whole milliseconds, of which the one that has begun does not
    /// count; at least 1.
    fn ttl_ms(&self, key: &str) -> impl Future<Output = Result<i64, StoreError>> + Send {
        async { Ok(self.expiry(key).await?.as_millis()) }
    }

    /// As [`ttl`](Self::ttl), as an enum.
    fn expiry(&self, key: &str) -> impl Future<Output = Result<Expiry, StoreError>> + Send;

    /// Gives a key a new time to live; zero removes it; see [`Kv::expire`](crate::Kv::expire).
    fn expire(
        &self,
        key: &str,
        after: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a key's deadline; see [`Kv::persist`](crate::Kv::persist).
    fn persist(&self, key: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns the value of a key and gives it a new time to live; see
    /// [`Kv::get_and_expire`](crate::Kv::get_and_expire).
    fn get_and_expire(
        &self,
        key: &str,
        after: Duration,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// Stores a value and returns the one it replaced; see [`Kv::swap`](crate::Kv::swap).
    fn swap<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// Removes a key and returns its value; see [`Kv::take`](crate::Kv::take).
    fn take(&self, key: &str) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// Stores a value only if the key is absent; see
    /// [`Kv::set_if_absent`](crate::Kv::set_if_absent).
    fn set_if_absent<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores a value only if the key is there; see
    /// [`Kv::set_if_present`](crate::Kv::set_if_present).
    fn set_if_present<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores `new` only if the value is `expected`; see
    /// [`Kv::compare_and_set`](crate::Kv::compare_and_set).
    fn compare_and_set<'e, 'v>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a key only if its value is `expected`; see
    /// [`Kv::compare_and_delete`](crate::Kv::compare_and_delete).
    fn compare_and_delete<'e>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Changes a key by a closure, atomically; the closure may run more than once; see
    /// [`Kv::update`](crate::Kv::update).
    fn update<F>(
        &self,
        key: &str,
        change: F,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send
    where
        F: FnMut(Option<&Snapshot>) -> Change + Send;

    /// The values of many keys, in their order; see [`Kv::get_many`](crate::Kv::get_many).
    fn get_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<Vec<Option<Snapshot>>, StoreError>> + Send;

    /// Stores many values with one time to live; see [`Kv::set_many`](crate::Kv::set_many).
    fn set_many<'k, 'v, V: Into<Input<'v>>>(
        &self,
        items: impl IntoIterator<Item = (&'k str, V)>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes many keys. Returns how many were there; see
    /// [`Kv::delete_many`](crate::Kv::delete_many).
    fn delete_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// The keys that match a glob pattern, in ascending order of their bytes, each once; see
    /// [`Kv::keys`](crate::Kv::keys).
    fn keys(&self, pattern: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Walks over all keys that match a pattern, with their values; see
    /// [`Kv::scan`](crate::Kv::scan).
    fn scan(&self, pattern: &Pattern) -> Self::Scan<'_>;

    /// Removes all keys; see [`Kv::clear`](crate::Kv::clear).
    fn clear(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A walk over a [`Store`].
///
/// ```
/// use epochkv::{Kv, Pattern, Store, StoreError, StoreScan};
///
/// async fn sum(store: &impl Store, pattern: &Pattern) -> Result<i64, StoreError> {
///     let (mut scan, mut sum) = (store.scan(pattern), 0);
///     while let Some(item) = scan.next_item().await? {
///         sum += item.value().as_int().unwrap_or(0);
///     }
///     Ok(sum)
/// }
/// ```
pub trait StoreScan: Send {
    /// The next entry, or `None` at the end. After an error the walk goes on where it was,
    /// so that one may try again.
    fn next_item(&mut self) -> impl Future<Output = Result<Option<Item>, StoreError>> + Send;
}
