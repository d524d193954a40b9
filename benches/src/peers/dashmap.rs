//! dashmap, the released version and the next one: sharded read-write locks.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use std::sync::Arc;

/// The adapter of one version; both have the operations that are used here.
macro_rules! dashmap {
    ($version:ident, $map:ty, $name:literal) => {
        /// A map of dashmap.
        #[derive(Debug)]
        pub struct $version {
            map: $map,
        }

        impl $version {
            #[inline]
            fn with<R>(&self, key: &str, read: impl FnOnce(&Arc<str>) -> R) -> Option<R> {
                // The shard must be unlocked before an expired entry is evicted.
                let found = self.map.get(key).and_then(|slot| Found::read(slot.value(), read));
                Found::answer(found, || self.evict(key))
            }

            #[cold]
            fn evict(&self, key: &str) {
                self.map.remove_if(key, |_, slot| slot.is_expired());
            }

            /// What is replaced is freed after the shard is unlocked.
            #[inline]
            fn put(&self, key: &str, slot: Slot<i64>) {
                let replaced = match self.map.get_mut(key) {
                    Some(mut present) => Some(core::mem::replace(present.value_mut(), slot)),
                    None => self.map.insert(key.into(), slot),
                };
                drop(replaced);
            }
        }

        impl Contestant for $version {
            const NAME: &'static str = $name;

            type Snapshot = Arc<str>;

            fn new(_: usize) -> Self {
                Self { map: <$map>::with_hasher(super::hasher()) }
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
                self.map.insert(key.into(), Slot::text(text, None));
            }

            #[inline]
            fn remove(&self, key: &str) -> bool {
                self.map.remove(key).is_some()
            }

            #[inline]
            fn incr(&self, key: &str) -> i64 {
                if let Some(mut slot) = self.map.get_mut(key).filter(|slot| !slot.is_expired()) {
                    let count = slot.as_count_mut().expect("a counter");
                    *count += 1;
                    return *count;
                }
                let mut slot = self.map.entry(key.into()).or_insert_with(|| Slot::count(0));
                if slot.is_expired() {
                    *slot = Slot::count(0);
                }
                let count = slot.as_count_mut().expect("a counter");
                *count += 1;
                *count
            }

            fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
                for entry in self.map.iter() {
                    if entry.key().starts_with(prefix) && !entry.value().is_expired() {
                        visit(entry.key());
                    }
                }
            }
        }
    };
}

dashmap!(DashMap6, dashmap::DashMap<Box<str>, Slot<i64>, RandomState>, "dashmap 6");
dashmap!(DashMap7, dashmap7::DashMap<Box<str>, Slot<i64>, RandomState>, "dashmap 7-rc");
