//! Whole-store calls that are made of walks.

use super::Kv;
use super::scan::Cursor;
use super::walk::{PAGE, STRIDE};
use crate::glob::Pattern;
use crate::key::Key;
use crate::snapshot::Snapshot;
use crate::table::{self, Walk};
use crate::time::clock::Clock;
use core::borrow::Borrow;
use core::hash::BuildHasher;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The keys that match a glob pattern, in ascending order of their bytes.
    ///
    /// `*` stands for any run of characters, `?` for one, `[a-z]` for one of a
    /// class, `[^a-z]` for one outside of it, and `\` takes the next character
    /// as it is; [`Pattern`] has the whole grammar. Every pattern means
    /// something, and none takes more than linear time per key.
    ///
    /// Keys that are there during the whole call are listed, each once; keys
    /// that come or go meanwhile may be. Blocks nobody. O(n) and the sorting; a
    /// pattern without wildcards is one lookup.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("user:2", 1), ("user:1", 1), ("job:1", 1)], 60)?;
    /// assert_eq!(kv.keys("user:*"), ["user:1", "user:2"]);
    /// assert_eq!(kv.keys("[^u]*"), ["job:1"]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn keys(&self, pattern: &K) -> Vec<K::Owned> {
        let mut keys = Vec::new();
        self.for_each_key(&Pattern::new(pattern), |key| keys.push(key.to_owned()));
        keys.sort_unstable();
        keys
    }

    /// Calls `visit` with every key that matches, in no particular order. The
    /// fastest walk: keys are copied, some hundred at a time, and nothing else is
    /// touched.
    ///
    /// What is met is as for [`scan`](Self::scan). `visit` runs outside of any
    /// operation: it may take its time and may call the store.
    ///
    /// ```
    /// use epochkv::{Kv, Pattern};
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("user:2", 1), ("user:1", 1), ("job:1", 1)], 60)?;
    /// let mut users = 0;
    /// kv.for_each_key(&Pattern::prefix("user:"), |_key| users += 1);
    /// assert_eq!(users, 2);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn for_each_key(&self, pattern: &Pattern<K>, mut visit: impl FnMut(&K)) {
        let mut page = K::Owned::default();
        let mut lengths = Vec::new();
        let mut walk = Walk::from(table::Cursor::START);
        while walk.cursor().is_some() {
            self.step(&mut walk, STRIDE, pattern, |record, _| {
                record.key().append_to(&mut page);
                lengths.push(record.key_bytes().len());
            });
            let mut keys: &K = page.borrow();
            for length in lengths.drain(..) {
                let (key, others) = keys.split(length);
                visit(key);
                keys = others;
            }
            K::clear(&mut page);
        }
    }

    /// Removes the keys that match a pattern. Returns how many it removed. Keys
    /// that come meanwhile may stay. O(n); each removal is lock-free.
    ///
    /// ```
    /// use epochkv::{Kv, Pattern};
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("user:2", 1), ("user:1", 1), ("job:1", 1)], 60)?;
    /// assert_eq!(kv.delete_matching(&Pattern::new("user:*")), 2);
    /// assert_eq!(kv.keys("*"), ["job:1"]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn delete_matching(&self, pattern: &Pattern<K>) -> usize {
        // The items know their hashes, so the user's hasher is not called.
        self.scan(pattern).filter(|item| self.delete_hashed(&item.hashed())).count()
    }

    /// Removes the entries for which `keep` returns false. Returns how many it
    /// removed. An entry that changes after `keep` saw it is shown again.
    ///
    /// `keep` runs under no lock and no guard and may call the store. O(n); each removal is
    /// lock-free. `keep` may see an entry that is gone when it returns, and keys that come
    /// meanwhile perhaps not. If `keep` itself changes the entry whenever it refuses it, there
    /// is no end.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("a", 1), ("b", 2), ("c", 3)], 60)?;
    /// assert_eq!(kv.retain(|_, value| value.as_int() > Some(1)), 1);
    /// assert_eq!(kv.keys("*"), ["b", "c"]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K, &Snapshot) -> bool) -> usize {
        let mut removed = 0;
        let mut cursor = Some(Cursor::START);
        while let Some(at) = cursor {
            let (next, page) = self.scan_page(at, &Pattern::everything(), PAGE);
            for item in page {
                let mut seen = Some(item.snapshot());
                while let Some(value) = seen.take_if(|value| !keep(item.key(), value)) {
                    if self.delete_if_unchanged(&item.hashed(), &value) {
                        removed += 1;
                    } else {
                        seen = self.get_hashed(item.hashed());
                    }
                }
            }
            cursor = (!next.is_start()).then_some(next);
        }
        removed
    }

    /// The number of live keys, counted by a walk. O(n).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 1)?;
    /// assert_eq!(kv.live_len(), 1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn live_len(&self) -> usize {
        let mut count = 0;
        let mut walk = Walk::from(table::Cursor::START);
        while walk.cursor().is_some() {
            self.step(&mut walk, STRIDE, &Pattern::everything(), |_, _| count += 1);
        }
        count
    }
}
