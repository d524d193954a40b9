//! The store: a cheap handle to a table of records, a hasher and a clock.
//!
//! # How an operation meets expiry
//!
//! An entry is gone when the clock reaches its deadline: alive is what lives by a
//! reading from after it was found, gone what had expired by a reading from before
//! (`time::judge`). A deadline never changes within an entry: a new deadline is a
//! new entry. Whoever finds an entry expired unlinks exactly that entry before
//! answering that the key is absent, or finds that it has changed and looks
//! again. So an operation that judged an entry alive a moment earlier, and then
//! replaces it, fails if anybody has been told in between that the key is gone:
//! no expired value comes back to life.
//!
//! # How an operation meets increments
//!
//! An integer changes in place. An operation whose decision depends on the
//! value freezes it first (`record::cell`), then puts a new entry into the slot.

mod access;
mod atomic;
mod batch;
mod builder;
#[cfg(feature = "dump")]
mod dump;
mod expire;
mod incr;
mod keys;
#[cfg(feature = "dump")]
mod load;
#[cfg(feature = "metrics")]
mod metrics;
mod ops;
mod rounds;
mod scan;
mod stats;
mod sweep;
mod sweeper;
#[cfg(feature = "serde")]
mod typed;
mod update;
mod walk;

use crate::counter::Sharded;
use crate::key::Key;
use crate::reclaim;
use crate::record::Record;
use crate::sweep::Feed;
use crate::table::Table;
use crate::time::clock::{Clock, SystemClock};
use core::fmt;
use core::hash::{BuildHasher, Hasher};
use std::sync::Arc;

pub use builder::Builder;
#[cfg(feature = "dump")]
pub use dump::Dumped;
pub use incr::{IncrOptions, Incremented, TtlRule};
#[cfg(feature = "dump")]
pub use load::Loaded;
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use scan::{Cursor, Item, Scan};
pub use stats::Stats;
pub use sweep::Swept;
pub use sweeper::Sweeper;
pub use update::Change;

/// A lock-free key-value store: a handle that is cheap to clone; all clones are
/// one store, which goes away with the last of them.
///
/// `K` is the kind of key: `str` (the default), or `[u8]` for keys that need
/// not be text. `S` makes the hasher, `C` is the [`Clock`].
///
/// Every operation on one key is linearizable, none takes a lock or waits for
/// another thread, and all may be called from everywhere, also from within the
/// closures that some of them take. The [table](crate#what-each-operation-guarantees) on the
/// crate's page says for each operation what progress it guarantees and what it costs; the
/// [guide](crate::guide::guarantees) says what that means.
///
/// ```
/// use epochkv::Kv;
/// use std::time::Duration;
///
/// let kv = Kv::new();
/// kv.set("name", "Ann")?;
/// kv.set_ex("session:7", "token", Duration::from_millis(1500))?;
/// assert_eq!(kv.get("name").unwrap(), "Ann");
/// assert_eq!(kv.incr("visits")?, 1);
/// assert_eq!(kv.ttl("session:7"), 2);
/// assert_eq!(kv.keys("*s*"), ["session:7", "visits"]);
///
/// let other = kv.clone();
/// std::thread::spawn(move || other.incr("visits")).join().unwrap()?;
/// assert_eq!(kv.get("visits").unwrap(), 2);
/// # Ok::<(), epochkv::Error>(())
/// ```
pub struct Kv<K: Key + ?Sized = str, S = DefaultHashBuilder, C = SystemClock> {
    inner: Arc<Inner<K, S, C>>,
}

/// Makes the hashers of a store that is not given others: ahash with random keys, new
/// ones for every store. For naming the type of a store that has another clock.
///
/// In model checking builds it is a hasher without random keys, so that every execution
/// of a model finds the same table.
///
/// ```
/// use epochkv::{DefaultHashBuilder, Kv, ManualClock};
///
/// struct Sessions {
///     kv: Kv<str, DefaultHashBuilder, ManualClock>,
/// }
/// let sessions = Sessions { kv: Kv::builder().clock(ManualClock::new()).build() };
/// sessions.kv.set_ex("7", "Ann", 60)?;
/// # Ok::<(), epochkv::Error>(())
/// ```
#[cfg(not(epochkv_loom))]
pub type DefaultHashBuilder = ahash::RandomState;

/// See above.
#[cfg(epochkv_loom)]
pub type DefaultHashBuilder = core::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// 2^64 divided by the golden ratio, made odd (Knuth, The Art of Computer
/// Programming 3, 6.4: Fibonacci hashing).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What all handles of a store share.
struct Inner<K: Key + ?Sized, S, C> {
    table: Table<Record<K>>,
    hasher: S,
    clock: C,
    /// Entries that were found expired and unlinked.
    expired: Sharded,
    /// How sweeps learn of deadlines.
    feed: Feed,
}

impl Kv {
    /// An empty store with text keys, randomly seeded hasher and the system's clock.
    ///
    /// ```
    /// let kv = epochkv::Kv::new();
    /// assert!(kv.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty store that holds `capacity` entries before it grows, and that
    /// does not shrink below that. Aborts if the memory cannot be had.
    ///
    /// ```
    /// let kv = epochkv::Kv::with_capacity(1000);
    /// assert!(kv.is_empty() && kv.stats().buckets >= 1000 / 7);
    /// ```
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::builder().capacity(capacity).build()
    }

    /// A store with other than the default options.
    ///
    /// ```
    /// let kv = epochkv::Kv::builder().byte_keys().build();
    /// kv.set(b"\xff", "value")?;
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<K: Key + ?Sized, S, C> Kv<K, S, C> {
    fn from_parts(capacity: usize, hasher: S, clock: C, name: Arc<str>) -> Self {
        let table = Table::with_capacity(capacity, name);
        let (expired, feed) = (Sharded::new(), Feed::new());
        reclaim::prepare();
        Self { inner: Arc::new(Inner { table, hasher, clock, expired, feed }) }
    }

    fn table(&self) -> &Table<Record<K>> {
        &self.inner.table
    }

    /// The name that [`Builder::name`] gave the store; else it is empty.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// assert_eq!(Kv::builder().name("sessions").build().name(), "sessions");
    /// assert_eq!(Kv::new().name(), "");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.table().name()
    }

    /// Whether both handles are of one store.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert!(kv.is_same_store(&kv.clone()));
    /// assert!(!kv.is_same_store(&Kv::new()));
    /// ```
    #[must_use]
    pub fn is_same_store(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The hash of a key's bytes. Runs user code; never called under a guard.
    #[inline]
    fn hash_bytes(&self, key: &[u8]) -> u64 {
        let mut hasher = self.inner.hasher.build_hasher();
        hasher.write(key);
        // The table uses the highest bits. Hashers of numbers leave them empty; an odd
        // factor loses nothing and fills them.
        hasher.finish().wrapping_mul(SPREAD)
    }
}

impl<K: Key + ?Sized, S, C> Clone for Kv<K, S, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Key + ?Sized, S: Default, C: Default> Default for Kv<K, S, C> {
    fn default() -> Self {
        Self::from_parts(0, S::default(), C::default(), Arc::default())
    }
}

impl<K: Key + ?Sized, S, C> fmt::Debug for Kv<K, S, C> {
    /// Shows the name, if there is one, and the number of entries, not the entries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.table().len(&reclaim::pin());
        let mut kv = f.debug_struct("Kv");
        if !self.name().is_empty() {
            kv.field("name", &self.name());
        }
        kv.field("len", &len).finish_non_exhaustive()
    }
}
