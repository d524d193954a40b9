//! `AnyStore`: the choice between this process and an engine, at run time.

use crate::address::Address;
use crate::options::Options;
use crate::scan::RedisScan;
use crate::store::RedisStore;
use epochkv::{
    Change, Expiry, IncrOptions, Incremented, Input, Item, Kv, Pattern, Snapshot, Store,
    StoreError, StoreScan, Ttl,
};
use std::future::Future;
use std::time::Duration;

/// A store in this process or on an engine, as a URL says: a program grows by changing one line.
///
/// ```
/// use epochkv::Store;
/// use epochkv_redis::AnyStore;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let url = std::env::var("STORE_URL").unwrap_or("memory:".into());
/// let store = AnyStore::open(&url).await?;
/// assert_eq!(store.incr("visits").await?, 1);
/// # Ok::<(), epochkv::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AnyStore {
    /// In this process.
    Local(Kv),
    /// On an engine.
    Redis(RedisStore),
}

impl AnyStore {
    /// Opens the store at a URL: `memory:` makes a new one in this process, for which
    /// options have no meaning; all others are those of [`RedisStore::connect`].
    ///
    /// # Errors
    ///
    /// As [`RedisStore::connect`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, Options::new()).await
    }

    /// As [`open`](Self::open), with options; those in the URL win.
    ///
    /// # Errors
    ///
    /// As [`RedisStore::connect`].
    pub async fn open_with(url: &str, options: Options) -> Result<Self, StoreError> {
        match Address::parse(url, options)? {
            (Address::Memory, _) => Ok(Self::Local(Kv::new())),
            (address, options) => Ok(Self::Redis(RedisStore::open(address, options).await?)),
        }
    }
}

/// A walk; see [`Store::scan`].
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyScan<'s> {
    /// In this process.
    Local(<Kv as Store>::Scan<'s>),
    /// On an engine.
    Redis(RedisScan<'s>),
}

/// The same call on whichever it is.
macro_rules! either {
    ($this:expr, $store:ident => $call:expr) => {
        match $this {
            Self::Local($store) => $call,
            Self::Redis($store) => $call,
        }
    };
}

impl Store for AnyStore {
    type Scan<'s> = AnyScan<'s>;

    async fn get(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        either!(self, store => Store::get(store, key).await)
    }

    fn set_ex<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { either!(self, store => Store::set_ex(store, key, value, ttl).await) }
    }

    async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        either!(self, store => Store::delete(store, key).await)
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        either!(self, store => Store::exists(store, key).await)
    }

    // Not by way of `incr_by`: one future less on the way.
    async fn incr(&self, key: &str) -> Result<i64, StoreError> {
        either!(self, store => Store::incr(store, key).await)
    }

    async fn incr_by(&self, key: &str, amount: i64) -> Result<i64, StoreError> {
        either!(self, store => Store::incr_by(store, key, amount).await)
    }

    async fn incr_with(&self, key: &str, options: &IncrOptions) -> Result<Incremented, StoreError> {
        either!(self, store => Store::incr_with(store, key, options).await)
    }

    async fn expiry(&self, key: &str) -> Result<Expiry, StoreError> {
        either!(self, store => Store::expiry(store, key).await)
    }

    async fn expire(&self, key: &str, after: Duration) -> Result<bool, StoreError> {
        either!(self, store => Store::expire(store, key, after).await)
    }

    async fn persist(&self, key: &str) -> Result<bool, StoreError> {
        either!(self, store => Store::persist(store, key).await)
    }

    async fn get_and_expire(
        &self,
        key: &str,
        after: Duration,
    ) -> Result<Option<Snapshot>, StoreError> {
        either!(self, store => Store::get_and_expire(store, key, after).await)
    }

    fn swap<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { either!(self, store => Store::swap(store, key, value, ttl).await) }
    }

    async fn take(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        either!(self, store => Store::take(store, key).await)
    }

    fn set_if_absent<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { either!(self, store => Store::set_if_absent(store, key, value, ttl).await) }
    }

    fn set_if_present<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { either!(self, store => Store::set_if_present(store, key, value, ttl).await) }
    }

    fn compare_and_set<'e, 'v>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (expected, new, ttl) = (expected.into(), new.into(), ttl.into());
        async move {
            either!(self, store => Store::compare_and_set(store, key, expected, new, ttl).await)
        }
    }

    fn compare_and_delete<'e>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let expected = expected.into();
        async move { either!(self, store => Store::compare_and_delete(store, key, expected).await) }
    }

    async fn update<F>(&self, key: &str, change: F) -> Result<Option<Snapshot>, StoreError>
    where
        F: FnMut(Option<&Snapshot>) -> Change + Send,
    {
        either!(self, store => Store::update(store, key, change).await)
    }

    fn get_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<Vec<Option<Snapshot>>, StoreError>> + Send {
        let keys: Vec<_> = keys.into_iter().collect();
        async move { either!(self, store => Store::get_many(store, keys).await) }
    }

    fn set_many<'k, 'v, V: Into<Input<'v>>>(
        &self,
        items: impl IntoIterator<Item = (&'k str, V)>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let items: Vec<_> = items.into_iter().map(|(key, value)| (key, value.into())).collect();
        let ttl = ttl.into();
        async move { either!(self, store => Store::set_many(store, items, ttl).await) }
    }

    fn delete_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        let keys: Vec<_> = keys.into_iter().collect();
        async move { either!(self, store => Store::delete_many(store, keys).await) }
    }

    async fn keys(&self, pattern: &str) -> Result<Vec<String>, StoreError> {
        either!(self, store => Store::keys(store, pattern).await)
    }

    fn scan(&self, pattern: &Pattern) -> AnyScan<'_> {
        match self {
            Self::Local(store) => AnyScan::Local(store.scan(pattern)),
            Self::Redis(store) => AnyScan::Redis(store.scan(pattern)),
        }
    }

    async fn clear(&self) -> Result<(), StoreError> {
        either!(self, store => Store::clear(store).await)
    }
}

impl StoreScan for AnyScan<'_> {
    async fn next_item(&mut self) -> Result<Option<Item>, StoreError> {
        either!(self, scan => scan.next_item().await)
    }
}
