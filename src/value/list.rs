//! `List`: an immutable, shared sequence of values.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;

use super::node::{Facts, Identity, ListNode, Node};
use super::{Value, ValueRef, teardown};

/// An immutable sequence of values, cloned in O(1) by sharing.
///
/// It reads like a slice. To change one, take its items with [`into_vec`](Self::into_vec) (or
/// copy them with `to_vec`) and build a new list; other holders of the old one never notice.
///
/// ```
/// use epochkv::{List, Value};
///
/// let list: List = [1, 2].into_iter().collect();
/// let mut items = list.to_vec();
/// items.push(Value::from("three"));
///
/// assert_eq!(List::from(items).to_string(), r#"[1, 2, "three"]"#);
/// assert_eq!(list.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct List(Option<Arc<ListNode>>);

impl List {
    /// The empty list; allocates nothing.
    ///
    /// ```
    /// assert!(epochkv::List::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// The items. O(1).
    ///
    /// ```
    /// use epochkv::{List, Value};
    ///
    /// let list: List = [true, false].into_iter().collect();
    /// assert_eq!(list.as_slice(), [Value::Bool(true), Value::Bool(false)]);
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[Value] {
        self.0.as_ref().map_or(&[], |node| &node.items)
    }

    /// The items as a vector of one's own. O(1) if nobody else holds this list, otherwise the
    /// items are cloned, each in O(1).
    ///
    /// ```
    /// use epochkv::{List, Value};
    ///
    /// let list: List = [3, 1, 2].into_iter().collect();
    /// let mut items = list.into_vec();
    /// items.sort_by_key(Value::as_int);
    /// assert_eq!(items, [1, 2, 3]);
    /// ```
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Value> {
        self.0.take().map_or_else(Vec::new, |node| Arc::unwrap_or_clone(node).items)
    }

    /// Whether both are the same list in memory, and so surely the same content. All empty lists
    /// are one. O(1).
    ///
    /// ```
    /// use epochkv::List;
    ///
    /// let a: List = [1, 2].into_iter().collect();
    /// let b: List = [1, 2].into_iter().collect();
    /// assert!(a.ptr_eq(&a.clone()));
    /// assert!(a == b && !a.ptr_eq(&b));
    /// ```
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.identity().address == other.identity().address
    }

    /// How many levels of lists and dicts there are, this one included. O(1).
    ///
    /// ```
    /// use epochkv::List;
    ///
    /// assert_eq!(List::new().depth(), 1);
    /// assert_eq!(List::from_iter([List::new()]).depth(), 2);
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.identity().facts.depth()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::of(self.0.as_ref())
    }

    /// Takes the node out if this was its last owner, and leaves the empty list behind. Of several
    /// threads that give up the last owners at once, exactly one gets the node.
    pub(super) fn take_last(&mut self) -> Option<ListNode> {
        self.0.take().and_then(Arc::into_inner)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if let Some(node) = self.take_last() {
            teardown::drop_list(node);
        }
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.as_slice()
    }
}

impl AsRef<[Value]> for List {
    fn as_ref(&self) -> &[Value] {
        self.as_slice()
    }
}

/// Takes over the vector without copying; O(n), because the items are looked through once.
impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        if items.is_empty() {
            return Self(None);
        }
        let facts = Facts::of(items.iter());
        Self(Some(Arc::new(Node { items, facts })))
    }
}

impl<V: Into<Value>> FromIterator<V> for List {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        Self::from(items.into_iter().map(Into::into).collect::<Vec<Value>>())
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = &'a Value;
    type IntoIter = core::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for List {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

/// As for [`Value`]: structural, NaN is not equal to itself.
impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        ValueRef::List(self) == ValueRef::List(other)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ValueRef::List(self).fmt(f)
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ValueRef::List(self), f)
    }
}
