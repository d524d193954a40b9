//! scc's `HashMap`: a read-write lock per bucket, values changed in place.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use scc::HashMap;
use std::sync::Arc;

/// A `HashMap` of scc.
#[derive(Debug)]
pub struct SccMap {
    map: HashMap<Box<str>, Slot<i64>, RandomState>,
}

impl SccMap {
    #[inline]
    fn with<R>(&self, key: &str, read: impl FnOnce(&Arc<str>) -> R) -> Option<R> {
        let found = self.map.read_sync(key, |_, slot| Found::read(slot, read)).flatten();
        Found::answer(found, || self.evict(key))
    }

    #[cold]
    fn evict(&self, key: &str) {
        self.map.remove_if_sync(key, |slot| slot.is_expired());
    }

    /// What is replaced is freed after the bucket is unlocked.
    #[inline]
    fn put(&self, key: &str, slot: Slot<i64>) {
        let mut slot = Some(slot);
        let replaced = self.map.update_sync(key, |_, present| {
            slot.take().map(|slot| core::mem::replace(present, slot))
        });
        if let Some(slot) = slot {
            self.map.upsert_sync(key.into(), slot);
        }
        drop(replaced);
    }
}

impl Contestant for SccMap {
    const NAME: &'static str = "scc HashMap";

    type Snapshot = Arc<str>;

    fn new(_: usize) -> Self {
        Self { map: HashMap::with_hasher(super::hasher()) }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.with(key, |text| read(text))
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Arc<str>> {
        self.with(key, Arc::clone)
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
        self.map.upsert_sync(key.into(), Slot::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.map.remove_sync(key).is_some()
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        fn step(slot: &mut Slot<i64>) -> i64 {
            if slot.is_expired() {
                *slot = Slot::count(0);
            }
            let count = slot.as_count_mut().expect("a counter");
            *count += 1;
            *count
        }
        match self.map.update_sync(key, |_, slot| step(slot)) {
            Some(count) => count,
            None => {
                step(self.map.entry_sync(key.into()).or_insert_with(|| Slot::count(0)).get_mut())
            }
        }
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        self.map.iter_sync(|key, slot| {
            if key.starts_with(prefix) && !slot.is_expired() {
                visit(key);
            }
            true
        });
    }
}
