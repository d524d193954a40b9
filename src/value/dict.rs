//! `Dict`: an immutable, shared map from text to values.

use core::fmt;
use core::iter::FusedIterator;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use super::node::{DictNode, Facts, Identity, Node};
use super::{Value, ValueRef, teardown};

/// An immutable map from text to values, ordered by the bytes of the keys and cloned in O(1) by
/// sharing.
///
/// To change one, take its entries with [`into_map`](Self::into_map) (or copy them with
/// [`to_map`](Self::to_map)) and build a new dict; other holders of the old one never notice.
///
/// ```
/// use epochkv::{Dict, Value};
///
/// let dict: Dict = [("b", 1), ("a", 2), ("b", 3)].into_iter().collect();
/// assert_eq!(dict.to_string(), r#"{"a": 2, "b": 3}"#); // a later duplicate wins
///
/// let mut map = dict.to_map();
/// map.insert("c".into(), Value::Null);
/// assert_eq!(Dict::from(map).len(), 3);
/// assert_eq!(dict.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Dict(Option<Arc<DictNode>>);

/// Stands behind every empty dict, so that reading one needs no special case.
static NO_ENTRIES: BTreeMap<Arc<str>, Value> = BTreeMap::new();

impl Dict {
    /// The empty dict; allocates nothing.
    ///
    /// ```
    /// assert!(epochkv::Dict::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    fn entries(&self) -> &BTreeMap<Arc<str>, Value> {
        self.0.as_ref().map_or(&NO_ENTRIES, |node| &node.items)
    }

    /// The value of `key`. O(log n).
    ///
    /// ```
    /// let dict: epochkv::Dict = [("a", 1)].into_iter().collect();
    /// assert_eq!(dict.get("a").and_then(|v| v.as_int()), Some(1));
    /// assert!(dict.get("b").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().get(key)
    }

    /// Whether there is a value of `key`. O(log n).
    ///
    /// ```
    /// let dict: epochkv::Dict = [("a", 1)].into_iter().collect();
    /// assert!(dict.contains_key("a") && !dict.contains_key("b"));
    /// ```
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries().contains_key(key)
    }

    /// The number of entries. O(1).
    ///
    /// ```
    /// let dict: epochkv::Dict = [("a", 1), ("b", 2)].into_iter().collect();
    /// assert_eq!(dict.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are no entries. O(1).
    ///
    /// ```
    /// assert!(epochkv::Dict::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The entries in the order of the bytes of their keys.
    ///
    /// ```
    /// let dict: epochkv::Dict = [("b", 1), ("a", 2)].into_iter().collect();
    /// assert_eq!(dict.iter().map(|(key, _)| key).collect::<String>(), "ab");
    /// ```
    #[must_use]
    pub fn iter(&self) -> DictIter<'_> {
        DictIter(self.entries().iter())
    }

    /// The keys in the order of their bytes.
    ///
    /// ```
    /// let dict: epochkv::Dict = [("b", 1), ("a", 2)].into_iter().collect();
    /// assert!(dict.keys().eq(["a", "b"]));
    /// ```
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of the bytes of their keys.
    ///
    /// ```
    /// let dict: epochkv::Dict = [("b", 1), ("a", 2)].into_iter().collect();
    /// assert!(dict.values().filter_map(|v| v.as_int()).eq([2, 1]));
    /// ```
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The entries as a map of one's own. O(n); keys and values are shared.
    ///
    /// ```
    /// let dict: epochkv::Dict = [("a", 1)].into_iter().collect();
    /// let mut map = dict.to_map();
    /// map.clear();
    /// assert_eq!(dict.len(), 1);
    /// ```
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<Arc<str>, Value> {
        self.entries().clone()
    }

    /// The entries as a map of one's own. O(1) if nobody else holds this dict, otherwise as
    /// [`to_map`](Self::to_map).
    ///
    /// ```
    /// use epochkv::{Dict, Value};
    ///
    /// let mut map = Dict::new().into_map();
    /// map.insert("a".into(), Value::from(1));
    /// assert_eq!(Dict::from(map).to_string(), r#"{"a": 1}"#);
    /// ```
    #[must_use]
    pub fn into_map(mut self) -> BTreeMap<Arc<str>, Value> {
        self.0.take().map_or_else(BTreeMap::new, |node| Arc::unwrap_or_clone(node).items)
    }

    /// Whether both are the same dict in memory, and so surely the same content. All empty dicts
    /// are one. O(1).
    ///
    /// ```
    /// let dict: epochkv::Dict = [("a", 1)].into_iter().collect();
    /// assert!(dict.ptr_eq(&dict.clone()));
    /// assert!(!dict.ptr_eq(&dict.to_map().into()));
    /// ```
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.identity().address == other.identity().address
    }

    /// How many levels of lists and dicts there are, this one included. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Dict::new().depth(), 1);
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.identity().facts.depth()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::of(self.0.as_ref())
    }

    /// Takes the node out if this was its last owner, and leaves the empty dict behind. Of several
    /// threads that give up the last owners at once, exactly one gets the node.
    pub(super) fn take_last(&mut self) -> Option<DictNode> {
        self.0.take().and_then(Arc::into_inner)
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        if let Some(node) = self.take_last() {
            teardown::drop_dict(node);
        }
    }
}

/// Takes over the map without copying; O(n), because the values are looked through once.
impl From<BTreeMap<Arc<str>, Value>> for Dict {
    fn from(items: BTreeMap<Arc<str>, Value>) -> Self {
        if items.is_empty() {
            return Self(None);
        }
        let facts = Facts::of(items.values());
        Self(Some(Arc::new(Node { items, facts })))
    }
}

/// Of entries with the same key the last one wins.
impl<K: Into<Arc<str>>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            map.insert(key.into(), value.into());
        }
        Self::from(map)
    }
}

/// The entries of a [`Dict`] in the order of the bytes of their keys; see [`Dict::iter`].
///
/// ```
/// let dict: epochkv::Dict = [("b", 1), ("a", 2)].into_iter().collect();
/// let entries: epochkv::DictIter<'_> = dict.iter();
/// assert_eq!(entries.rev().map(|(key, _)| key).collect::<String>(), "ba");
/// ```
#[derive(Clone, Debug)]
pub struct DictIter<'a>(btree_map::Iter<'a, Arc<str>, Value>);

impl<'a> Iterator for DictIter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (&**key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for DictIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (&**key, value))
    }
}

impl ExactSizeIterator for DictIter<'_> {}

impl FusedIterator for DictIter<'_> {}

impl<'a> IntoIterator for &'a Dict {
    type Item = (&'a str, &'a Value);
    type IntoIter = DictIter<'a>;

    fn into_iter(self) -> DictIter<'a> {
        self.iter()
    }
}

/// The entries, in the order of the bytes of their keys; see [`Dict::into_map`] for the cost.
impl IntoIterator for Dict {
    type Item = (Arc<str>, Value);
    type IntoIter = btree_map::IntoIter<Arc<str>, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_map().into_iter()
    }
}

/// As for [`Value`]: structural, NaN is not equal to itself.
impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        ValueRef::Dict(self) == ValueRef::Dict(other)
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ValueRef::Dict(self).fmt(f)
    }
}

impl fmt::Display for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ValueRef::Dict(self), f)
    }
}
