//! Values into any format.

use serde_core::ser::{Error as _, Serialize, Serializer};

use super::super::{Dict, List, Value, ValueRef};
use crate::error::{Error, ErrorKind};

/// As null, bool, `i64`, `f64`, text, bytes, sequence or map; refused if it is deeper than
/// [`Value::MAX_DEPTH`]. Whether bytes, NaN and infinities come back as they were depends on the
/// format: in JSON they do not.
///
/// ```
/// use epochkv::Value;
///
/// let value = Value::dict([("scores", Value::list([1.5, 2.0]))]);
/// assert_eq!(serde_json::to_string(&value)?, r#"{"scores":[1.5,2.0]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth() > Value::MAX_DEPTH {
            return Err(S::Error::custom(Error::new(ErrorKind::TooDeep)));
        }
        match *self {
            ValueRef::Null => serializer.serialize_unit(),
            ValueRef::Bool(it) => serializer.serialize_bool(it),
            ValueRef::Int(it) => serializer.serialize_i64(it),
            ValueRef::Float(it) => serializer.serialize_f64(it),
            ValueRef::Str(it) => serializer.serialize_str(it),
            ValueRef::Bytes(it) => serializer.serialize_bytes(it),
            ValueRef::List(it) => serializer.collect_seq(it),
            ValueRef::Dict(it) => serializer.collect_map(it),
        }
    }
}

/// As for [`ValueRef`].
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

/// As for [`ValueRef`].
impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ValueRef::List(self).serialize(serializer)
    }
}

/// As for [`ValueRef`].
impl Serialize for Dict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ValueRef::Dict(self).serialize(serializer)
    }
}
