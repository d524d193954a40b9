//! The one error type of the crate.

use core::fmt;
use std::io;

/// Why a call was refused. The store is as it was before the call.
///
/// ```
/// use epochkv::{ErrorKind, Kv};
///
/// let kv = Kv::new();
/// kv.set("name", "Ann")?;
/// let error = kv.incr("name").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotAnInteger);
/// assert_eq!(error.to_string(), "value is not an integer");
/// assert_eq!(kv.get("name").unwrap(), "Ann");
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
}

/// The kinds of [`Error`]; more may be added.
///
/// ```
/// use epochkv::{ErrorKind, Ttl};
///
/// let refused = Ttl::from_secs(-1).map_err(|error| error.kind());
/// assert_eq!(refused, Err(ErrorKind::NegativeTtl));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The value is nested deeper than [`Value::MAX_DEPTH`](crate::Value::MAX_DEPTH) levels.
    TooDeep,
    /// The stored value is not an integer, so it cannot be incremented by one.
    NotAnInteger,
    /// The stored value is neither an integer nor a float.
    NotANumber,
    /// An integer, or the result of an increment, does not fit into an `i64`.
    Overflow,
    /// The result, the amount, or a number where JSON is wanted, is NaN or infinite.
    NotFinite,
    /// A time to live below zero.
    NegativeTtl,
    /// The key is longer than [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes.
    KeyTooLong,
    /// The lower bound of an increment is above its upper bound.
    BadBounds,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Self { kind }
    }

    /// The kind of this error.
    ///
    /// ```
    /// let error = epochkv::Ttl::from_secs(-1).unwrap_err();
    /// assert_eq!(error.kind(), epochkv::ErrorKind::NegativeTtl);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

/// For functions that read and write files too: of the kind `InvalidInput`, with this error
/// within.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::TooDeep => "value is nested too deep",
            ErrorKind::NotAnInteger => "value is not an integer",
            ErrorKind::NotANumber => "value is not a number",
            ErrorKind::Overflow => "integer does not fit into an i64",
            ErrorKind::NotFinite => "number is NaN or infinite",
            ErrorKind::NegativeTtl => "time to live is negative",
            ErrorKind::KeyTooLong => "key is too long",
            ErrorKind::BadBounds => "lower bound is above upper bound",
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?})", self.kind)
    }
}

impl core::error::Error for Error {}
