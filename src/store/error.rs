//! Why a call through the trait failed.

use crate::error::{Error, ErrorKind};
use core::fmt;

/// Why a call through [`Store`](crate::Store) failed, and whether what it was to do may have
/// happened all the same.
///
/// The store in this process fails only as [`Kv`](crate::Kv) does: with
/// [`Refused`](StoreErrorKind::Refused), and nothing has changed. An engine elsewhere can be
/// down, slow, or cut off in the middle of a reply.
///
/// ```
/// use epochkv::{Error, ErrorKind, StoreError, StoreErrorKind};
///
/// let refused = StoreError::from(Error::from(ErrorKind::Overflow));
/// assert_eq!(refused.kind(), StoreErrorKind::Refused(ErrorKind::Overflow));
/// assert!(!refused.may_have_happened());
/// ```
#[derive(Clone)]
pub struct StoreError(
    // A result is as small as the answer that it mostly is.
    Box<Inner>,
);

#[derive(Clone)]
struct Inner {
    kind: StoreErrorKind,
    may_have_happened: bool,
    message: String,
}

/// The kinds of [`StoreError`]; more may be added.
///
/// ```
/// use epochkv::{StoreError, StoreErrorKind};
///
/// fn may_succeed_later(error: &StoreError) -> bool {
///     use StoreErrorKind::{Interrupted, TimedOut, Unreachable};
///     matches!(error.kind(), Interrupted | TimedOut | Unreachable)
/// }
/// assert!(may_succeed_later(&StoreError::new(StoreErrorKind::TimedOut, "no answer in 2s")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store refuses the call, as [`Kv`](crate::Kv) would.
    Refused(ErrorKind),
    /// The address, or another setting, cannot be used.
    BadConfig,
    /// The engine cannot be reached: the call was not sent.
    Unreachable,
    /// There was no answer in time.
    TimedOut,
    /// The connection broke before the answer was there.
    Interrupted,
    /// The engine answered with an error of its own.
    Engine,
    /// What the engine holds is no value of ours.
    Undecodable,
}

impl StoreError {
    /// An error whose call has changed nothing. For those who implement
    /// [`Store`](crate::Store); `message` says what happened, for people.
    ///
    /// ```
    /// use epochkv::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::TimedOut, "no answer in 2s").unknown_outcome();
    /// assert!(error.may_have_happened());
    /// assert_eq!(error.to_string(), "no answer in 2s; the change may have happened");
    /// ```
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, may_have_happened: false, message: message.into() }))
    }

    /// The same error, of a call whose change may have happened.
    ///
    /// ```
    /// use epochkv::{StoreError, StoreErrorKind};
    ///
    /// let lost = StoreError::new(StoreErrorKind::Interrupted, "cut off").unknown_outcome();
    /// assert!(lost.may_have_happened());
    /// ```
    #[must_use]
    pub fn unknown_outcome(mut self) -> Self {
        self.0.may_have_happened = true;
        self
    }

    /// The kind of this error.
    ///
    /// ```
    /// use epochkv::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::BadConfig, "no such scheme");
    /// assert_eq!(error.kind(), StoreErrorKind::BadConfig);
    /// ```
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// Whether the change that was asked for may have been made, or some of the changes of a
    /// batch. If not, the store is as it was before the call. Never true of a call that only reads.
    ///
    /// After an increment for which this is true, another try may count twice.
    ///
    /// ```
    /// use epochkv::{StoreError, StoreErrorKind};
    ///
    /// assert!(!StoreError::new(StoreErrorKind::Unreachable, "refused").may_have_happened());
    /// ```
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.0.may_have_happened
    }
}

impl From<Error> for StoreError {
    #[cold]
    fn from(error: Error) -> Self {
        Self::new(StoreErrorKind::Refused(error.kind()), error.to_string())
    }
}

impl From<ErrorKind> for StoreError {
    fn from(kind: ErrorKind) -> Self {
        Error::from(kind).into()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if self.0.may_have_happened {
            f.write_str("; the change may have happened")?;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({:?}: {self})", self.kind())
    }
}

impl core::error::Error for StoreError {}
