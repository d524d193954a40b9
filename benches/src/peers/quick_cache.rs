//! quick_cache: sharded read-write locks; a cache, here with room for everything.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The cache hands out copies, so counters are behind an `Arc`.
type CacheSlot = Slot<Arc<AtomicI64>>;

/// More entries than any workload has: nothing is ever evicted.
const CAPACITY: u64 = 1 << 32;

/// A cache of quick_cache.
#[derive(Debug)]
pub struct QuickCache {
    cache: Cache<Box<str>, CacheSlot, UnitWeighter, RandomState>,
}

impl QuickCache {
    #[cold]
    fn evict(&self, key: &str) {
        self.cache.remove_if(key, Slot::is_expired);
    }

    #[inline]
    fn put(&self, key: &str, slot: CacheSlot) {
        self.cache.insert(key.into(), slot);
    }
}

impl Contestant for QuickCache {
    const NAME: &'static str = "quick_cache";

    type Snapshot = Arc<str>;

    fn new(expected: usize) -> Self {
        let lifecycle = DefaultLifecycle::default();
        let cache = Cache::with(expected, CAPACITY, UnitWeighter, super::hasher(), lifecycle);
        Self { cache }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.get(key).map(|text| read(&text))
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Arc<str>> {
        let slot = self.cache.get(key);
        let found = slot.and_then(|slot| Found::read(&slot, Arc::clone));
        Found::answer(found, || self.evict(key))
    }

    #[inline]
    fn set(&self, key: &str, text: &str) {
        self.put(key, Slot::text(text, None));
    }

    #[inline]
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration) {
        self.put(key, Slot::text(text, Some(ttl)));
    }

    #[inline]
    fn insert(&self, key: &str, text: &str) {
        self.put(key, Slot::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.cache.remove(key).is_some()
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        loop {
            let slot = self.cache.get(key).filter(|slot| !slot.is_expired());
            if let Some(count) = slot.as_ref().and_then(Slot::as_count) {
                return count.fetch_add(1, Ordering::Relaxed) + 1;
            }
            self.evict(key);
            // Whoever comes first makes the counter; it is counted in the next turn.
            let zero = || Ok::<_, core::convert::Infallible>(Slot::shared_count(0));
            let Ok(_) = self.cache.get_or_insert_with(&Box::from(key), zero);
        }
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        for (key, slot) in self.cache.iter() {
            if key.starts_with(prefix) && !slot.is_expired() {
                visit(&key);
            }
        }
    }
}
