//! What a store can say about itself, and upkeep by hand.

use super::Kv;
use crate::key::Key;
use crate::reclaim;
use crate::record;

/// Steps of the collector that one `flush` makes.
const FLUSHES: usize = 16;

/// Buckets of a cleared table that `flush` releases before it looks again.
const RELEASE_PER_STEP: usize = 1 << 16;

/// Figures about a store, for dashboards and tests. Each is read by itself, not
/// all at one instant.
///
/// ```
/// use epochkv::Kv;
///
/// let kv = Kv::new();
/// kv.set("k", 1)?;
/// let stats = kv.stats();
/// assert_eq!((stats.entries, stats.expired), (1, 0));
/// assert!(stats.table_bytes > 0 && !stats.resizing);
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries in the table; as [`Kv::len`].
    pub entries: usize,
    /// Buckets of the table, of seven entries each.
    pub buckets: usize,
    /// Overflow buckets in use.
    pub overflow_buckets: usize,
    /// Bytes of the table itself, without entries.
    pub table_bytes: usize,
    /// Whether the table is just growing or shrinking.
    pub resizing: bool,
    /// How often the table has grown or shrunk.
    pub resizes: u64,
    /// Expired entries that were removed, by operations that met them or by
    /// sweeps. A plain `set` does not look at what it replaces, and counts none.
    pub expired: u64,
    /// Those of them that sweeps have removed.
    pub swept: u64,
    /// Notes that wait for their deadlines; as of the last sweep.
    pub handles: usize,
    /// Removed entries and replaced tables, of all stores of the process, that are not freed
    /// because a thread in the middle of an operation, or of [`Kv::with`], might still see them.
    /// Each thread has up to 64 more that it has not handed over.
    pub garbage: usize,
    /// Panics of the callback that is told of expired entries, and of other foreign code
    /// that sweepers call: the clock, the recorder of metrics.
    pub callback_panics: u64,
}

impl<K: Key + ?Sized, S, C> Kv<K, S, C> {
    /// The number of entries, in O(number of cores), without a walk.
    ///
    /// Exact when nobody writes, but for entries that have expired and that no
    /// operation has met since: they still count. During concurrent writes it is
    /// a value near the truth. [`live_len`](Kv::live_len) counts exactly.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 1)?;
    /// assert_eq!(kv.len(), 1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().len(&reclaim::pin())
    }

    /// Whether [`len`](Self::len) is 0.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert!(kv.is_empty());
    /// kv.set("k", 1)?;
    /// assert!(!kv.is_empty());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Figures about this store. Wait-free, O(number of cores).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::with_capacity(1000);
    /// assert!(kv.stats().buckets >= 1000 / 7);
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let guard = reclaim::pin();
        let shape = self.table().shape(&guard);
        Stats {
            entries: self.table().len(&guard),
            buckets: shape.buckets,
            overflow_buckets: shape.overflow_buckets,
            table_bytes: shape.bytes,
            resizing: shape.migrating,
            resizes: shape.resizes,
            expired: self.inner.expired.sum() as u64,
            swept: self.inner.feed.figures.swept() as u64,
            handles: self.inner.feed.figures.handles(),
            garbage: reclaim::waiting(),
            callback_panics: self.inner.feed.figures.panics() as u64,
        }
    }

    /// Shrinks the table to what its entries need, at the expense of the calling
    /// thread; others go on working. It shrinks by itself too, but only while
    /// keys are removed.
    ///
    /// O(n). Lock-free for everybody else.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// (0..10_000).try_for_each(|n| kv.set(&format!("key:{n}"), n))?;
    /// kv.clear();
    /// kv.shrink_to_fit();
    /// assert!(kv.stats().buckets < 100);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn shrink_to_fit(&self) {
        self.table().shrink_to_fit();
    }

    /// Frees the memory of removed and cleared entries now, as far as no thread
    /// is in the middle of an operation that could still see them. Removals of
    /// other threads that they have not handed over yet, a few dozen each, are
    /// freed after their next operations. A change of the table's size that is under way is
    /// finished. What this thread keeps for its next
    /// entries (at most some hundred KiB) goes back to the allocator too.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", "v")?;
    /// kv.delete("k");
    /// kv.flush();
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn flush(&self) {
        self.table().finish_migration();
        // An epoch passes in up to three steps, one of which each flush can do;
        // and each frees a bounded number of batches.
        for _ in 0..FLUSHES {
            self.inner.feed.release(true, &reclaim::pin());
            while self.table().release_cleared(RELEASE_PER_STEP) {}
        }
        record::release_spare();
    }

    /// Starts a migration to `2^lg` buckets, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn start_resize(&self, lg: u32) {
        self.table().resize_to(lg, &reclaim::pin());
    }

    /// Does one write's share of a running migration, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn help_resize(&self) {
        self.table().help(&reclaim::pin());
    }

    /// Finishes a running migration, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn finish_resize(&self) {
        self.table().finish_migration();
    }
}
