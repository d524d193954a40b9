//! Why a dump was not loaded.

use core::fmt;
use std::io;

/// Why a dump was not loaded. The store is as it was before the call.
///
/// ```
/// use epochkv::{Kv, LoadError, LoadErrorKind};
///
/// let error: LoadError = Kv::new().load(&b"{\"not\": \"a dump\"}"[..]).unwrap_err();
/// assert_eq!(error.kind(), LoadErrorKind::NotADump);
/// assert_eq!(error.to_string(), "this is no dump of epochkv");
/// ```
#[derive(Debug)]
pub struct LoadError {
    kind: LoadErrorKind,
    position: u64,
    source: Option<io::Error>,
}

/// The kinds of [`LoadError`]; more may be added.
///
/// ```
/// use epochkv::{Kv, LoadErrorKind};
///
/// let mut dump = Vec::new();
/// Kv::builder().byte_keys().build().dump(&mut dump)?;
/// let error = Kv::new().load(&dump[..]).unwrap_err();
/// assert_eq!(error.kind(), LoadErrorKind::WrongKeys);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The reader, or the file system, failed; the error's source says how.
    Io,
    /// It does not begin as a dump does.
    NotADump,
    /// It is a dump of a newer format.
    UnsupportedVersion,
    /// Its keys are bytes, those of the store are text.
    WrongKeys,
    /// It ends too early.
    Truncated,
    /// It was changed after it was written, or something follows its end.
    Damaged,
}

impl LoadError {
    pub(super) const fn new(kind: LoadErrorKind, position: u64) -> Self {
        Self { kind, position, source: None }
    }

    /// The kind of this error.
    ///
    /// ```
    /// use epochkv::{Kv, LoadErrorKind};
    ///
    /// let error = Kv::new().load_file("no such file").unwrap_err();
    /// assert_eq!(error.kind(), LoadErrorKind::Io);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> LoadErrorKind {
        self.kind
    }

    /// How many bytes had been read and found in order.
    ///
    /// ```
    /// use epochkv::{Kv, LoadErrorKind};
    ///
    /// let mut dump = Vec::new();
    /// Kv::new().dump(&mut dump)?;
    /// let error = Kv::new().load(&dump[..dump.len() - 1]).unwrap_err();
    /// assert_eq!(error.kind(), LoadErrorKind::Truncated);
    /// assert!(error.position() < dump.len() as u64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Of an error of a reader that had given so many bytes.
    pub(super) fn reading(error: io::Error, position: u64) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::new(LoadErrorKind::Truncated, position),
            _ => Self { source: Some(error), ..Self::new(LoadErrorKind::Io, position) },
        }
    }
}

/// Of a file that cannot be opened.
impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::reading(error, 0)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position;
        match self.kind {
            LoadErrorKind::Io => match &self.source {
                Some(source) => write!(f, "the dump cannot be read: {source}"),
                None => f.write_str("the dump cannot be read"),
            },
            LoadErrorKind::NotADump => f.write_str("this is no dump of epochkv"),
            LoadErrorKind::UnsupportedVersion => {
                f.write_str("this dump was written by a newer version of epochkv")
            }
            LoadErrorKind::WrongKeys => f.write_str("this dump has keys of bytes, not of text"),
            LoadErrorKind::Truncated => write!(f, "the dump ends too early, after byte {position}"),
            LoadErrorKind::Damaged => write!(f, "the dump is damaged after byte {position}"),
        }
    }
}

impl core::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
