//! The one adapter that every contestant stands behind.

use core::fmt::Debug;
use core::time::Duration;

/// A store of text and counters with optional deadlines.
///
/// Each implementation does as little as its crate allows for the same outcome:
/// an expired entry is never seen, a read that meets one removes it, a snapshot
/// stays valid and unchanged after any later write.
pub trait Contestant: Debug + Send + Sync + Sized + 'static {
    /// The name in tables and plots.
    const NAME: &'static str;

    /// Whether a read that meets an overwrite of the same key may find nothing,
    /// and a walk may miss such a key or meet it twice.
    const MAY_MISS_OVERWRITTEN: bool = false;

    /// What [`get`](Self::get) hands out: owned, to be kept for any time.
    type Snapshot: AsText + Send;

    /// An empty store. It grows by itself; `expected` is for caches only, which
    /// must be told a size at the start.
    fn new(expected: usize) -> Self;

    /// Calls `read` with the text under a key, in place.
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R>;

    /// The text under a key, to keep.
    fn get(&self, key: &str) -> Option<Self::Snapshot>;

    /// Shows the texts under many keys, by the quickest means there is.
    fn get_many(&self, keys: &[&str], mut read: impl FnMut(&str)) {
        for key in keys {
            self.read(key, &mut read);
        }
    }

    /// Stores text without a deadline, whatever is there.
    fn set(&self, key: &str, text: &str);

    /// Stores text with a time to live, whatever is there.
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration);

    /// Stores text under a key that is most likely new.
    fn insert(&self, key: &str, text: &str);

    /// Removes a key; whether it was there.
    fn remove(&self, key: &str) -> bool;

    /// Adds 1 to a counter, which begins at 0, and returns the result.
    fn incr(&self, key: &str) -> i64;

    /// Shows all live keys that begin with `prefix`, in any order.
    fn visit_keys(&self, prefix: &str, visit: impl FnMut(&str));

    /// All live keys that begin with `prefix`, in ascending order.
    fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        self.visit_keys(prefix, |key| keys.push(key.to_owned()));
        keys.sort_unstable();
        keys
    }

    /// Frees what is waiting to be freed, as far as that can be asked for.
    fn settle(&self) {}
}

/// Anything with a text in it.
pub trait AsText {
    /// The text.
    fn as_text(&self) -> &str;
}

impl AsText for std::sync::Arc<str> {
    #[inline]
    fn as_text(&self) -> &str {
        self
    }
}
