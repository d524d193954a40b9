//! What the plot compares: the store, and a locked map as a careful user would write it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use epochkv::Kv;
use parking_lot::RwLock;

/// A store of strings with an optional time to live.
pub(crate) trait Contender: Sync {
    /// The length of the value, which is handed out as if to be kept; `None` if absent.
    fn get(&self, key: &str) -> Option<usize>;

    /// Stores a value; false if that was refused.
    fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> bool;
}

impl Contender for Kv {
    fn get(&self, key: &str) -> Option<usize> {
        let snapshot = Kv::get(self, key)?;
        snapshot.as_str().map(str::len)
    }

    fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> bool {
        self.set_ex(key, value, ttl).is_ok()
    }
}

#[derive(Debug)]
struct Entry {
    value: Arc<str>,
    deadline: Option<Instant>,
}

/// One `RwLock` around one `HashMap`, with the same hasher as the store.
#[derive(Debug, Default)]
pub(crate) struct LockedMap {
    map: RwLock<HashMap<String, Entry, ahash::RandomState>>,
}

impl Contender for LockedMap {
    fn get(&self, key: &str) -> Option<usize> {
        // The value is cloned out, so that the lock is not held while it is used.
        let value = {
            let map = self.map.read();
            let entry = map.get(key)?;
            if entry.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            Arc::clone(&entry.value)
        };
        Some(value.len())
    }

    fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> bool {
        // Allocated before the lock is taken; what is replaced is freed after it is released.
        let entry = Entry {
            value: Arc::from(value),
            deadline: ttl.and_then(|ttl| Instant::now().checked_add(ttl)),
        };
        let mut map = self.map.write();
        let replaced = match map.get_mut(key) {
            Some(present) => Some(std::mem::replace(present, entry)),
            None => map.insert(key.to_owned(), entry),
        };
        drop(map);
        drop(replaced);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaves(contender: &impl Contender) {
        assert_eq!(contender.get("a"), None);
        assert!(contender.set("a", "four", None));
        assert_eq!(contender.get("a"), Some(4));
        assert!(contender.set("a", "fours", Some(Duration::from_secs(60))));
        assert_eq!(contender.get("a"), Some(5));
        assert!(contender.set("a", "six", Some(Duration::from_millis(1))));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(contender.get("a"), None);
    }

    #[test]
    fn both_contenders_behave_alike() {
        behaves(&LockedMap::default());
        let store: Kv = Kv::new();
        behaves(&store);
    }
}
