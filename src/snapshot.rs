//! `Snapshot`: what `get` returns.

mod extract;
#[cfg(feature = "serde")]
mod serde;

use crate::reclaim::Shared;
use crate::record::Record;
use crate::record::{AnyKey, Handle};
use crate::value::{Dict, Input, Kind, List, Value, ValueRef};
use core::fmt;

/// The value of a key at one instant: owned, immutable, and independent of the
/// store.
///
/// Scalars are copied out of the store. Text, bytes, lists and dicts share the
/// stored entry by reference count: making, cloning and dropping a snapshot is
/// O(1) and copies no content. A snapshot may be kept for ever, sent to other
/// threads and held across `.await`; it keeps its own entry in memory and
/// nothing else. Later writes to the key never show in it.
///
/// ```
/// use epochkv::Kv;
///
/// let kv = Kv::new();
/// kv.set("greeting", "hello")?;
/// let before = kv.get("greeting").unwrap();
/// kv.delete("greeting");
/// assert_eq!(before, "hello");
/// assert_eq!(before.as_str(), Some("hello"));
/// # Ok::<(), epochkv::Error>(())
/// ```
///
/// It is read in place by the methods below, or turned into a Rust type as a [`Value`] is; the
/// error says what was found instead:
///
/// ```
/// # let kv = epochkv::Kv::new();
/// kv.set("hosts", ["a", "b"])?;
/// let hosts: Vec<String> = kv.get("hosts").unwrap().try_into()?;
/// assert_eq!(hosts, ["a", "b"]);
/// let port = i64::try_from(&kv.get_or("port", "http"));
/// assert_eq!(port.unwrap_err().to_string(), "expected int, found str");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot(Repr);

/// Each payload is one whole word, an integer or a pointer, so that snapshots travel in two
/// registers. By memory they would be written in parts and read as a whole, which
/// processors wait for.
#[derive(Clone)]
enum Repr {
    Null,
    False,
    True,
    Int(i64),
    /// The bits of a float.
    Float(u64),
    Record(Handle<AnyKey>),
}

const _: () = {
    const fn is_send_sync_static<T: Send + Sync + 'static>() {}
    is_send_sync_static::<Snapshot>();
    assert!(size_of::<Snapshot>() == 16);
};

impl Snapshot {
    /// Of a record whose value, now or for good, is `value`.
    #[inline]
    pub(crate) fn new<K: ?Sized + 'static>(
        record: Shared<'_, Record<K>>,
        value: ValueRef<'_>,
    ) -> Self {
        Self::scalar(value).unwrap_or_else(|| Self(Repr::Record(Handle::new(record).forget_key())))
    }

    /// Of a record, exact: it does not change in place any more.
    pub(crate) fn exact<K: ?Sized + 'static>(record: Shared<'_, Record<K>>) -> Self {
        Self::new(record, record.exact_value())
    }

    /// Whether this is a snapshot of `record`, for good: of a scalar, whether the
    /// record holds the same kind and bits and will not change in place.
    pub(crate) fn is_of<K: ?Sized + 'static>(&self, record: Shared<'_, Record<K>>) -> bool {
        match &self.0 {
            Repr::Record(held) => held.share().as_ptr().cast() == record.as_ptr(),
            // The look before the freeze spares a counter that differs anyway.
            _ => self.as_ref().same(record.value()) && self.as_ref().same(record.exact_value()),
        }
    }

    fn scalar(value: ValueRef<'_>) -> Option<Self> {
        Some(Self(match value {
            ValueRef::Null => Repr::Null,
            ValueRef::Bool(false) => Repr::False,
            ValueRef::Bool(true) => Repr::True,
            ValueRef::Int(value) => Repr::Int(value),
            ValueRef::Float(value) => Repr::Float(value.to_bits()),
            ValueRef::Str(_) | ValueRef::Bytes(_) | ValueRef::List(_) | ValueRef::Dict(_) => {
                return None;
            }
        }))
    }

    /// The value, borrowed: the way to match on it.
    ///
    /// ```
    /// use epochkv::{Kv, ValueRef};
    ///
    /// let kv = Kv::new();
    /// kv.set("n", 5)?;
    /// assert!(matches!(kv.get("n").unwrap().as_ref(), ValueRef::Int(5)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match &self.0 {
            Repr::Null => ValueRef::Null,
            Repr::False => ValueRef::Bool(false),
            Repr::True => ValueRef::Bool(true),
            Repr::Int(value) => ValueRef::Int(*value),
            Repr::Float(bits) => ValueRef::Float(f64::from_bits(*bits)),
            Repr::Record(record) => record.share().value(),
        }
    }

    /// The kind of the value. O(1), as all that reads one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", 1.5)?;
    /// assert!(kv.get("k").is_some_and(|found| found.kind() == epochkv::Kind::Float));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.as_ref().kind()
    }

    /// Whether the value is null.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", ())?;
    /// assert!(kv.get("k").is_some_and(|found| found.is_null()));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_ref().is_null()
    }

    /// The bool, if it is one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", true)?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_bool() == Some(true)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.as_ref().as_bool()
    }

    /// The integer, if it is one; a float never counts as one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", 7)?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_int() == Some(7)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        self.as_ref().as_int()
    }

    /// The float, if it is one; an integer never counts as one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", 7.5)?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_float() == Some(7.5)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        self.as_ref().as_float()
    }

    /// The text, if it is one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", "text")?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_str() == Some("text")));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_ref().as_str()
    }

    /// The bytes, if the value is of that kind.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", b"\xff")?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_bytes() == Some(b"\xff")));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_ref().as_bytes()
    }

    /// The list, if it is one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", [1, 2])?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_list().is_some_and(|list| list[1] == 2)));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_list(&self) -> Option<&List> {
        self.as_ref().as_list()
    }

    /// The dict, if it is one.
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("k", epochkv::Value::dict([("a", 1)]))?;
    /// assert!(kv.get("k").is_some_and(|found| found.as_dict().is_some_and(|dict| dict.contains_key("a"))));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn as_dict(&self) -> Option<&Dict> {
        self.as_ref().as_dict()
    }

    /// The value of `key`, if this is a dict that has it. O(log n).
    ///
    /// ```
    /// use epochkv::{Kv, Value};
    ///
    /// let kv = Kv::new();
    /// kv.set("user", Value::dict([("name", "Ann")]))?;
    /// assert!(kv.get("user").is_some_and(|user| user.get("name") == Some(&"Ann".into())));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_ref().get(key)
    }

    /// The item at `index`, if this is a list that long. O(1).
    ///
    /// ```
    /// # let kv = epochkv::Kv::new();
    /// kv.set("primes", [2, 3, 5])?;
    /// let primes = kv.get("primes").unwrap();
    /// assert_eq!(primes.at(1).and_then(|prime| prime.as_int()), Some(3));
    /// assert!(primes.at(3).is_none());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.as_ref().at(index)
    }

    /// A [`Value`] to keep or to change. O(1) for lists, dicts and long texts;
    /// short texts (up to 1 KiB) are copied.
    ///
    /// ```
    /// use epochkv::{Kv, Value};
    ///
    /// let kv = Kv::new();
    /// kv.set("list", vec![1, 2])?;
    /// let mut own = kv.get("list").unwrap().as_list().unwrap().to_vec();
    /// own.push(Value::from(3));
    /// assert_eq!(kv.get("list").unwrap(), Value::from(vec![1, 2]));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Repr::Record(record) => record.share().to_value(),
            _ => self.as_ref().to_value(),
        }
    }

    /// Whether both are the same write to the store: the same entry, or, for
    /// scalars, the same kind and bits.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", "text")?;
    /// let first = kv.get("k").unwrap();
    /// assert!(first.is_same(&kv.get("k").unwrap()));
    /// kv.set("k", "text")?;
    /// assert!(!first.is_same(&kv.get("k").unwrap()));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Record(one), Repr::Record(other)) => one.share().is(other.share()),
            (Repr::Record(_), _) | (_, Repr::Record(_)) => false,
            _ => self.as_ref().same(other.as_ref()),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl From<Value> for Snapshot {
    /// A snapshot of a value that is in no store.
    fn from(value: Value) -> Self {
        Input::Value(value).into()
    }
}

impl From<Input<'_>> for Snapshot {
    /// A snapshot of a value that is in no store; text and bytes are copied once.
    fn from(input: Input<'_>) -> Self {
        Self::scalar(input.as_ref())
            .unwrap_or_else(|| Self(Repr::Record(Handle::detached(&[], &input))))
    }
}

impl From<&Snapshot> for Value {
    fn from(snapshot: &Snapshot) -> Self {
        snapshot.to_value()
    }
}

impl From<Snapshot> for Value {
    fn from(snapshot: Snapshot) -> Self {
        snapshot.to_value()
    }
}

impl<'a> From<&'a Snapshot> for Input<'a> {
    /// Copies no text and no items: shares what the snapshot shares with its entry, borrows the rest.
    fn from(snapshot: &'a Snapshot) -> Self {
        let shared = match &snapshot.0 {
            Repr::Record(record) => record.share().to_shared_value(),
            _ => None,
        };
        shared.map_or_else(|| snapshot.as_ref().into(), Input::Value)
    }
}

impl From<Snapshot> for Input<'_> {
    fn from(snapshot: Snapshot) -> Self {
        Input::Value(snapshot.to_value())
    }
}

impl PartialEq for Snapshot {
    /// Compares the values, as [`Value`] does.
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

/// Implements comparison with what a [`ValueRef`] compares with.
macro_rules! compares_with {
    ($($other:ty $(where [$($generics:tt)*])?),*) => {$(
        impl $(<$($generics)*>)? PartialEq<$other> for Snapshot {
            fn eq(&self, other: &$other) -> bool {
                self.as_ref() == *other
            }
        }

        impl $(<$($generics)*>)? PartialEq<Snapshot> for $other {
            fn eq(&self, other: &Snapshot) -> bool {
                other == self
            }
        }
    )*};
}

compares_with!(bool, i32, i64, f64, &str, String, &[u8], Vec<u8>, List, Dict, Value);
compares_with!([u8; N] where [const N: usize], &[u8; N] where [const N: usize]);

impl PartialEq<ValueRef<'_>> for Snapshot {
    fn eq(&self, other: &ValueRef<'_>) -> bool {
        self.as_ref() == *other
    }
}

impl PartialEq<Snapshot> for ValueRef<'_> {
    fn eq(&self, other: &Snapshot) -> bool {
        other == self
    }
}

impl PartialEq<str> for Snapshot {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}
