//! Walks over the store: streaming, and in pages.

use super::Kv;
use super::access::Hashed;
use super::walk::{ENTRIES, PAGE, STRIDE};
use crate::error::{Error, ErrorKind};
use crate::glob::Pattern;
use crate::key::Key;
use crate::reclaim::Shared;
#[cfg(feature = "dump")]
use crate::record::Deadline;
use crate::record::{Handle, MAX_KEY_LEN, Record};
use crate::snapshot::Snapshot;
use crate::table::{self, Walk};
use crate::time::clock::Clock;
use crate::time::ttl::Expiry;
use crate::value::{Input, ValueRef};
use core::fmt;
use core::hash::BuildHasher;

/// One entry, as a scan met it. Holds its key and value by one reference and is
/// as independent of the store as a [`Snapshot`].
///
/// ```
/// use epochkv::{Expiry, Kv};
///
/// let kv = Kv::new();
/// kv.set("user:1", "Ann")?;
/// let item = kv.scan_prefix("user:").next().unwrap();
/// kv.clear();
/// assert_eq!(item.key(), "user:1");
/// assert_eq!(item.value(), "Ann");
/// assert_eq!(item.expiry(), Expiry::Never);
/// # Ok::<(), epochkv::Error>(())
/// ```
pub struct Item<K: Key + ?Sized = str> {
    record: Handle<K>,
    /// The value, if it is an integer: the record's may change in place.
    int: i64,
    expiry: Expiry,
}

impl<K: Key + ?Sized> Item<K> {
    /// An entry that is in no store of this process; for those who implement
    /// [`Store`](crate::Store).
    ///
    /// # Errors
    ///
    /// [`TooDeep`](ErrorKind::TooDeep) or [`KeyTooLong`](ErrorKind::KeyTooLong).
    ///
    /// ```
    /// use epochkv::{Expiry, Item};
    ///
    /// let item = Item::<str>::new("k", 1, Expiry::Never)?;
    /// assert_eq!((item.key(), item.value().as_int()), ("k", Some(1)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn new<'v>(key: &K, value: impl Into<Input<'v>>, expiry: Expiry) -> Result<Self, Error> {
        let (key, input) = (key.key_bytes(), value.into());
        input.check_depth()?;
        if key.len() > MAX_KEY_LEN {
            return Err(ErrorKind::KeyTooLong.into());
        }
        let int = input.as_ref().as_int().unwrap_or(0);
        Ok(Self { record: Handle::detached(key, &input), int, expiry })
    }

    #[inline]
    fn met(record: Shared<'_, Record<K>>, expiry: Expiry) -> Self {
        let int = record.value().as_int().unwrap_or(0);
        Self { record: Handle::new(record), int, expiry }
    }

    /// The key.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("user:1", "Ann")?;
    /// for item in kv.scan_prefix("user:") {
    ///     assert_eq!(item.key(), "user:1");
    /// }
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &K {
        self.record.share().key()
    }

    /// The value.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("user:1", "Ann")?;
    /// for item in kv.scan_prefix("user:") {
    ///     assert_eq!(item.value().as_str(), Some("Ann"));
    /// }
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        match self.record.share().value() {
            ValueRef::Int(_) => ValueRef::Int(self.int),
            value => value,
        }
    }

    /// The value, to keep.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("user:1", "Ann")?;
    /// for item in kv.scan_prefix("user:") {
    ///     assert!(item.snapshot().is_same(&kv.get(item.key()).unwrap()));
    /// }
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.record.share(), self.value())
    }

    /// The time to live, as of when the scan met the entry.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("user:1", "Ann")?;
    /// for item in kv.scan_prefix("user:") {
    ///     assert_eq!(item.expiry(), epochkv::Expiry::Never);
    /// }
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }
}

impl<K: Key + ?Sized> Item<K> {
    /// The deadline by the store's clock.
    #[cfg(feature = "dump")]
    pub(super) fn deadline(&self) -> Deadline {
        self.record.share().deadline()
    }

    /// The key, with the hash that its entry has.
    pub(super) fn hashed(&self) -> Hashed<'_, K> {
        Hashed { key: self.key(), hash: self.record.share().hash() }
    }
}

impl<K: Key + ?Sized> Clone for Item<K> {
    fn clone(&self) -> Self {
        Self { record: self.record.clone(), int: self.int, expiry: self.expiry }
    }
}

impl<K: Key + ?Sized> fmt::Debug for Item<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("key", &self.key())
            .field("value", &self.value())
            .field("expiry", &self.expiry)
            .finish()
    }
}

/// Where a walk by pages goes on. Begins and ends as [`START`](Self::START),
/// which as a number is 0.
///
/// A cursor stays valid whatever happens to the store, resizes and `clear`
/// included, and may be kept or sent elsewhere as a `u64`. Every number is one.
///
/// ```
/// use epochkv::Cursor;
///
/// assert!(Cursor::default().is_start() && Cursor::from(0).is_start());
/// assert_eq!(u64::from(Cursor::from(7)), 7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor(table::Cursor);

impl Cursor {
    /// The beginning, and the sign that the end was reached.
    ///
    /// ```
    /// assert_eq!(u64::from(epochkv::Cursor::START), 0);
    /// ```
    pub const START: Self = Self(table::Cursor::START);

    /// Whether this is [`START`](Self::START).
    ///
    /// ```
    /// use epochkv::{Cursor, Kv, Pattern};
    ///
    /// let (next, page) = Kv::new().scan_page(Cursor::START, &Pattern::new("*"), 10);
    /// assert!(next.is_start() && page.is_empty());
    /// ```
    #[must_use]
    pub fn is_start(self) -> bool {
        self == Self::START
    }
}

impl From<u64> for Cursor {
    fn from(word: u64) -> Self {
        Self(word.into())
    }
}

impl From<Cursor> for u64 {
    fn from(cursor: Cursor) -> Self {
        cursor.0.into()
    }
}

/// A streaming walk; see [`Kv::scan`].
///
/// ```
/// use epochkv::{Kv, Pattern};
///
/// let kv = Kv::new();
/// kv.set("k", 1)?;
/// let mut scan = kv.scan(&Pattern::new("*"));
/// assert_eq!(scan.next().unwrap().key(), "k");
/// assert!(scan.next().is_none());
/// # Ok::<(), epochkv::Error>(())
/// ```
pub struct Scan<'s, K: Key + ?Sized, S, C> {
    kv: &'s Kv<K, S, C>,
    pattern: Pattern<K>,
    /// None at the end.
    cursor: Option<Cursor>,
    page: std::vec::IntoIter<Item<K>>,
}

impl<K: Key + ?Sized, S, C> fmt::Debug for Scan<'_, K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Iterator for Scan<'_, K, S, C> {
    type Item = Item<K>;

    fn next(&mut self) -> Option<Item<K>> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(item);
            }
            let (next, page) = self.kv.scan_page(self.cursor?, &self.pattern, PAGE);
            self.cursor = (!next.is_start()).then_some(next);
            self.page = page.into_iter();
        }
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> core::iter::FusedIterator for Scan<'_, K, S, C> {}

/// All entries, as [`Kv::scan`] meets them.
///
/// ```
/// use epochkv::Kv;
///
/// let kv = Kv::new();
/// kv.set_many([("a", 1), ("b", 2)], 0)?;
/// let mut sum = 0;
/// for item in &kv {
///     sum += item.value().as_int().unwrap_or(0);
/// }
/// assert_eq!(sum, 3);
/// # Ok::<(), epochkv::Error>(())
/// ```
impl<'s, K: Key + ?Sized, S: BuildHasher, C: Clock> IntoIterator for &'s Kv<K, S, C> {
    type Item = Item<K>;
    type IntoIter = Scan<'s, K, S, C>;

    fn into_iter(self) -> Scan<'s, K, S, C> {
        self.scan(&Pattern::everything())
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Walks over all keys that match a pattern, in no particular order, without
    /// collecting them first.
    ///
    /// Keys that are there during the whole walk are met exactly once, also if
    /// the table grows or shrinks meanwhile; keys that come or go may be met or
    /// not. The walk blocks nobody and holds nothing back between two items; it
    /// may be dropped halfway. O(n) for all of it, whatever the pattern; a pattern without
    /// wildcards is one lookup.
    ///
    /// ```
    /// use epochkv::{Kv, Pattern};
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("user:1", 10), ("user:2", 20), ("job:1", 30)], 60)?;
    /// let users = Pattern::new("user:*");
    /// let sum: i64 = kv.scan(&users).filter_map(|item| item.value().as_int()).sum();
    /// assert_eq!(sum, 30);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "iter")]
    pub fn scan(&self, pattern: &Pattern<K>) -> Scan<'_, K, S, C> {
        let page = Vec::new().into_iter();
        Scan { kv: self, pattern: pattern.clone(), cursor: Some(Cursor::START), page }
    }

    /// Walks over all keys that begin with `prefix`, as [`scan`](Self::scan).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_many([("a*1", 1), ("ab1", 2)], 60)?;
    /// assert_eq!(kv.scan_prefix("a*").count(), 1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn scan_prefix(&self, prefix: &K) -> Scan<'_, K, S, C> {
        self.scan(&Pattern::prefix(prefix))
    }

    /// A part of a walk: matching entries, and the cursor for the next part.
    ///
    /// Begin with [`Cursor::START`] and go on until it comes back. A page has
    /// about `count` entries or fewer, perhaps none; its cost is bounded by
    /// `count`, not by the size of the store; it visits one bucket at least. The pattern may
    /// change from part to part. Guarantees as for [`scan`](Self::scan).
    ///
    /// ```
    /// use epochkv::{Cursor, Kv, Pattern};
    ///
    /// let kv = Kv::new();
    /// (0..100).try_for_each(|n| kv.set(&format!("key:{n}"), n))?;
    /// let (mut cursor, mut met) = (Cursor::START, 0);
    /// loop {
    ///     let (next, page) = kv.scan_page(cursor, &Pattern::new("*"), 10);
    ///     met += page.len();
    ///     cursor = next;
    ///     if cursor.is_start() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(met, 100);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn scan_page(
        &self,
        cursor: Cursor,
        pattern: &Pattern<K>,
        count: usize,
    ) -> (Cursor, Vec<Item<K>>) {
        let mut page = Vec::new();
        let mut walk = Walk::from(cursor.0);
        // As many positions as entries, because few entries may match.
        let mut positions = count.max(1);
        loop {
            let missing = count.saturating_sub(page.len());
            let step = missing.div_ceil(ENTRIES).clamp(1, STRIDE).min(positions);
            self.step(&mut walk, step, pattern, |record, now| {
                page.push(Item::met(record, Expiry::of(record.deadline(), now)));
            });
            positions -= step;
            if walk.cursor().is_none() || page.len() >= count || positions == 0 {
                break;
            }
        }
        (walk.cursor().map_or(Cursor::START, Cursor), page)
    }
}
