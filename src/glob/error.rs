//! Why the strict parser refuses a pattern.

use core::fmt;

/// A pattern that [`Pattern::strict`](crate::Pattern::strict) refuses, and where.
///
/// # Examples
///
/// ```
/// use epochkv::{Pattern, PatternErrorKind};
///
/// let error = Pattern::strict("user:[0-9").unwrap_err();
/// assert_eq!(error.kind(), PatternErrorKind::UnclosedClass);
/// assert_eq!(error.position(), 5);
/// assert_eq!(error.to_string(), "class without `]` at byte 5 of the pattern");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError {
    kind: PatternErrorKind,
    position: usize,
}

/// The kinds of [`PatternError`]; more may be added.
///
/// ```
/// use epochkv::{Pattern, PatternErrorKind};
///
/// let error = Pattern::strict("user:[]").unwrap_err();
/// assert_eq!(error.kind(), PatternErrorKind::EmptyClass);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// A `[` without its `]`.
    UnclosedClass,
    /// A class without members: `[]` or `[^]`.
    EmptyClass,
    /// A range whose first end is greater than its second, such as `[z-a]`.
    ReversedRange,
    /// A backslash at the end of the pattern, with nothing to escape.
    TrailingBackslash,
}

impl PatternError {
    pub(super) const fn new(kind: PatternErrorKind, position: usize) -> Self {
        Self { kind, position }
    }

    /// What is doubtful.
    ///
    /// ```
    /// use epochkv::{Pattern, PatternErrorKind};
    ///
    /// let error = Pattern::strict("a\\").unwrap_err();
    /// assert_eq!(error.kind(), PatternErrorKind::TrailingBackslash);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> PatternErrorKind {
        self.kind
    }

    /// Where it begins, in bytes from the start of the pattern.
    ///
    /// ```
    /// assert_eq!(epochkv::Pattern::strict("ab[c").unwrap_err().position(), 2);
    /// ```
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PatternErrorKind::UnclosedClass => "class without `]`",
            PatternErrorKind::EmptyClass => "empty class",
            PatternErrorKind::ReversedRange => "reversed range",
            PatternErrorKind::TrailingBackslash => "backslash with nothing to escape",
        };
        write!(f, "{what} at byte {} of the pattern", self.position)
    }
}

impl core::error::Error for PatternError {}
