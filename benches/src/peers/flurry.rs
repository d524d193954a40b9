//! flurry: values behind pointers, shared in place under a guard.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use flurry::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A map of flurry. Counters are atomics in place: values never move.
#[derive(Debug)]
pub struct Flurry {
    map: HashMap<Box<str>, Slot<AtomicI64>, RandomState>,
}

impl Flurry {
    #[inline]
    fn with<R>(&self, key: &str, read: impl FnOnce(&Arc<str>) -> R) -> Option<R> {
        let map = self.map.pin();
        let found = map.get(key).and_then(|slot| Found::read(slot, read));
        Found::answer(found, || self.evict(key))
    }

    #[cold]
    fn evict(&self, key: &str) {
        self.map
            .pin()
            .compute_if_present(key, |_, slot| (!slot.is_expired()).then(|| slot.duplicate()));
    }
}

impl Contestant for Flurry {
    const NAME: &'static str = "flurry";

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

    fn get_many(&self, keys: &[&str], mut read: impl FnMut(&str)) {
        // One guard for all of them.
        let map = self.map.pin();
        for key in keys {
            let found = map.get(*key).and_then(|slot| Found::read(slot, |text| read(text)));
            Found::answer(found, || self.evict(key));
        }
    }

    #[inline]
    fn set(&self, key: &str, text: &str) {
        self.insert(key, text);
    }

    #[inline]
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration) {
        self.map.pin().insert(key.into(), Slot::text(text, Some(ttl)));
    }

    #[inline]
    fn insert(&self, key: &str, text: &str) {
        self.map.pin().insert(key.into(), Slot::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.map.pin().remove(key).is_some()
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        let map = self.map.pin();
        loop {
            match map.get(key).filter(|slot| !slot.is_expired()) {
                Some(slot) => {
                    let count = slot.as_count().expect("a counter");
                    return count.fetch_add(1, Ordering::Relaxed) + 1;
                }
                None => {
                    self.evict(key);
                    if map.try_insert(key.into(), Slot::count(1)).is_ok() {
                        return 1;
                    }
                }
            }
        }
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        for (key, slot) in self.map.pin().iter() {
            if key.starts_with(prefix) && !slot.is_expired() {
                visit(key);
            }
        }
    }
}
