//! epochkv itself, by its public operations.

use crate::contestant::{AsText, Contestant};
use ahash::RandomState;
use core::time::Duration;
use epochkv::{Kv, Pattern, Snapshot};

/// The store of this project.
#[derive(Debug)]
pub struct Epochkv {
    kv: Kv<str, RandomState>,
}

impl AsText for Snapshot {
    #[inline]
    fn as_text(&self) -> &str {
        self.as_str().unwrap_or_default()
    }
}

impl Contestant for Epochkv {
    const NAME: &'static str = "epochkv";

    type Snapshot = Snapshot;

    fn new(_: usize) -> Self {
        Self { kv: Kv::builder().hasher(super::hasher()).build() }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.kv.with(key, |value| value.as_str().map(read)).flatten()
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Snapshot> {
        self.kv.get(key)
    }

    fn get_many(&self, keys: &[&str], mut read: impl FnMut(&str)) {
        self.kv.with_many(keys.iter().copied(), |_, value| {
            value.and_then(|value| value.as_str()).map(&mut read);
        });
    }

    #[inline]
    fn set(&self, key: &str, text: &str) {
        self.kv.set(key, text).expect("a short key and a flat value");
    }

    #[inline]
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration) {
        self.kv.set_ex(key, text, ttl).expect("a short key and a flat value");
    }

    #[inline]
    fn insert(&self, key: &str, text: &str) {
        self.set(key, text);
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.kv.delete(key)
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        self.kv.incr(key).expect("an integer, far from overflow")
    }

    fn visit_keys(&self, prefix: &str, visit: impl FnMut(&str)) {
        self.kv.for_each_key(&Pattern::prefix(prefix), visit);
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        // No character of the prefixes used here means anything in a pattern.
        self.kv.keys(&format!("{prefix}*"))
    }

    fn settle(&self) {
        self.kv.flush();
    }
}
