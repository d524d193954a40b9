//! The store in this process, as a `Store`: each future is ready when it is first polled.

use super::{Store, StoreError, StoreScan};
use crate::glob::Pattern;
use crate::kv::{Change, IncrOptions, Incremented, Item, Kv, Scan};
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::{Expiry, Ttl};
use crate::value::Input;
use core::future::Future;
use core::hash::BuildHasher;
use core::time::Duration;

impl<S: BuildHasher + Send + Sync, C: Clock> Store for Kv<str, S, C> {
    type Scan<'s>
        = Scan<'s, str, S, C>
    where
        Self: 's;

    #[inline]
    async fn get(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.get(key))
    }

    #[inline]
    fn set_ex<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { Ok(self.set_ex(key, value, ttl)?) }
    }

    #[inline]
    async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.delete(key))
    }

    #[inline]
    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.exists(key))
    }

    #[inline]
    async fn incr_by(&self, key: &str, amount: i64) -> Result<i64, StoreError> {
        Ok(self.incr_by(key, amount)?)
    }

    #[inline]
    async fn incr_with(&self, key: &str, options: &IncrOptions) -> Result<Incremented, StoreError> {
        Ok(self.incr_with(key, options)?)
    }

    #[inline]
    async fn expiry(&self, key: &str) -> Result<Expiry, StoreError> {
        Ok(self.expiry(key))
    }

    #[inline]
    async fn expire(&self, key: &str, after: Duration) -> Result<bool, StoreError> {
        Ok(self.expire(key, after))
    }

    #[inline]
    async fn persist(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.persist(key))
    }

    #[inline]
    async fn get_and_expire(
        &self,
        key: &str,
        after: Duration,
    ) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.get_and_expire(key, after))
    }

    #[inline]
    fn swap<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { Ok(self.swap(key, value, ttl)?) }
    }

    #[inline]
    async fn take(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.take(key))
    }

    #[inline]
    fn set_if_absent<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { Ok(self.set_if_absent(key, value, ttl)?) }
    }

    #[inline]
    fn set_if_present<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (value, ttl) = (value.into(), ttl.into());
        async move { Ok(self.set_if_present(key, value, ttl)?) }
    }

    #[inline]
    fn compare_and_set<'e, 'v>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let (expected, new, ttl) = (expected.into(), new.into(), ttl.into());
        async move { Ok(self.compare_and_set(key, expected, new, ttl)?) }
    }

    #[inline]
    fn compare_and_delete<'e>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let expected = expected.into();
        async move { Ok(self.compare_and_delete(key, expected)) }
    }

    #[inline]
    async fn update<F>(&self, key: &str, change: F) -> Result<Option<Snapshot>, StoreError>
    where
        F: FnMut(Option<&Snapshot>) -> Change + Send,
    {
        Ok(self.update(key, change)?)
    }

    #[inline]
    fn get_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<Vec<Option<Snapshot>>, StoreError>> + Send {
        let keys: Vec<_> = keys.into_iter().collect();
        async move { Ok(self.get_many(keys)) }
    }

    #[inline]
    fn set_many<'k, 'v, V: Into<Input<'v>>>(
        &self,
        items: impl IntoIterator<Item = (&'k str, V)>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let items: Vec<_> = items.into_iter().map(|(key, value)| (key, value.into())).collect();
        let ttl = ttl.into();
        async move { Ok(self.set_many(items, ttl)?) }
    }

    #[inline]
    fn delete_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        let keys: Vec<_> = keys.into_iter().collect();
        async move { Ok(self.delete_many(keys)) }
    }

    #[inline]
    async fn keys(&self, pattern: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.keys(pattern))
    }

    #[inline]
    fn scan(&self, pattern: &Pattern) -> Scan<'_, str, S, C> {
        self.scan(pattern)
    }

    #[inline]
    async fn clear(&self) -> Result<(), StoreError> {
        self.clear();
        Ok(())
    }
}

impl<S: BuildHasher + Send + Sync, C: Clock> StoreScan for Scan<'_, str, S, C> {
    #[inline]
    async fn next_item(&mut self) -> Result<Option<Item>, StoreError> {
        Ok(self.next())
    }
}
