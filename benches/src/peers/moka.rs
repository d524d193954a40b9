//! moka: an unbounded cache that takes care of expiry itself, entry by entry.

use crate::contestant::Contestant;
use ahash::RandomState;
use core::time::Duration;
use moka::Expiry;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// What is stored, with the time to live that [`TimeToLive`] reads.
#[derive(Clone, Debug)]
struct Timed {
    ttl: Option<Duration>,
    value: Value,
}

/// The cache hands out copies, so both kinds are shared.
#[derive(Clone, Debug)]
enum Value {
    Text(Arc<str>),
    Count(Arc<AtomicI64>),
}

impl Timed {
    fn text(text: &str, ttl: Option<Duration>) -> Self {
        Self { ttl, value: Value::Text(Arc::from(text)) }
    }
}

/// Each entry has its own time to live, renewed when it is written.
#[derive(Debug)]
struct TimeToLive;

impl Expiry<Box<str>, Timed> for TimeToLive {
    fn expire_after_create(&self, _: &Box<str>, timed: &Timed, _: Instant) -> Option<Duration> {
        timed.ttl
    }

    fn expire_after_update(
        &self,
        _: &Box<str>,
        timed: &Timed,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        timed.ttl
    }
}

/// A cache of moka.
#[derive(Debug)]
pub struct Moka {
    cache: Cache<Box<str>, Timed, RandomState>,
}

impl Contestant for Moka {
    const NAME: &'static str = "moka";

    type Snapshot = Arc<str>;

    fn new(_: usize) -> Self {
        // Without a maximum it never evicts, and keeps no order of use.
        let options = Cache::builder().expire_after(TimeToLive);
        Self { cache: options.build_with_hasher(super::hasher()) }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.get(key).map(|text| read(&text))
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Arc<str>> {
        match self.cache.get(key)?.value {
            Value::Text(text) => Some(text),
            Value::Count(_) => None,
        }
    }

    #[inline]
    fn set(&self, key: &str, text: &str) {
        self.insert(key, text);
    }

    #[inline]
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration) {
        self.cache.insert(key.into(), Timed::text(text, Some(ttl)));
    }

    #[inline]
    fn insert(&self, key: &str, text: &str) {
        self.cache.insert(key.into(), Timed::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.cache.remove(key).is_some()
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        let zero = || Timed { ttl: None, value: Value::Count(Arc::new(AtomicI64::new(0))) };
        let timed = match self.cache.get(key) {
            Some(timed) => timed,
            None => self.cache.entry(key.into()).or_insert_with(zero).into_value(),
        };
        match timed.value {
            Value::Count(count) => count.fetch_add(1, Ordering::Relaxed) + 1,
            Value::Text(_) => panic!("a counter"),
        }
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        for (key, _) in &self.cache {
            if key.starts_with(prefix) {
                visit(&key);
            }
        }
    }

    fn settle(&self) {
        self.cache.run_pending_tasks();
    }
}
