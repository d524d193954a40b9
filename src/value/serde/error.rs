//! Why data did not pass through serde.

use core::fmt;
use serde_core::{de, ser};

use crate::error::{Error, ErrorKind};

/// Why data and a Rust type did not fit together, or why the store refused the data.
///
/// ```
/// use epochkv::{ErrorKind, SerdeError, Value, from_value, to_value};
///
/// let error: SerdeError = to_value(&u64::MAX).unwrap_err();
/// assert_eq!(error.refusal(), Some(ErrorKind::Overflow));
/// let error: SerdeError = from_value::<bool>(Value::from(1).as_ref()).unwrap_err();
/// assert_eq!(error.refusal(), None);
/// ```
#[derive(Clone)]
pub struct SerdeError(Cause);

#[derive(Clone)]
enum Cause {
    Refused(Error),
    Data(Box<str>),
}

impl SerdeError {
    /// What the store refuses in this data, if it is that and not the types.
    ///
    /// ```
    /// use epochkv::{ErrorKind, Kv, MAX_KEY_LEN};
    ///
    /// let long = "k".repeat(MAX_KEY_LEN + 1);
    /// let error = Kv::new().set_as(&long, &1).unwrap_err();
    /// assert_eq!(error.refusal(), Some(ErrorKind::KeyTooLong));
    /// ```
    #[must_use]
    pub fn refusal(&self) -> Option<ErrorKind> {
        match &self.0 {
            Cause::Refused(error) => Some(error.kind()),
            Cause::Data(_) => None,
        }
    }
}

impl From<Error> for SerdeError {
    fn from(error: Error) -> Self {
        Self(Cause::Refused(error))
    }
}

impl From<ErrorKind> for SerdeError {
    fn from(kind: ErrorKind) -> Self {
        Error::from(kind).into()
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Refused(error) => error.fmt(f),
            Cause::Data(message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerdeError({:?})", self.to_string())
    }
}

impl core::error::Error for SerdeError {}

impl ser::Error for SerdeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Cause::Data(message.to_string().into()))
    }
}

impl de::Error for SerdeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ser::Error::custom(message)
    }
}
