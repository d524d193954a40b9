//! `Key`: the kinds of key a store can have.

use crate::glob::Alphabet;
use crate::record::KeyBytes;
use core::fmt::Debug;
use core::ops::Range;

/// The kinds of key a store can have: `str`, compared and matched by characters,
/// and `[u8]`, by bytes. Sealed.
///
/// ```
/// use epochkv::{Clock, Error, Key, Kv};
/// use std::hash::BuildHasher;
///
/// fn count<K: Key + ?Sized, S: BuildHasher, C: Clock>(kv: &Kv<K, S, C>, key: &K) -> Result<i64, Error> {
///     kv.incr(key)
/// }
/// assert_eq!(count(&Kv::new(), "text")?, 1);
/// assert_eq!(count(&Kv::builder().byte_keys().build(), b"\xff\x00")?, 1);
/// # Ok::<(), epochkv::Error>(())
/// ```
pub trait Key: KeyBytes + Alphabet + Debug + ToOwned<Owned: Ord + Clone + Debug + Default> {
    /// Appends the key to a buffer of keys. Returns where it ends there.
    #[doc(hidden)]
    fn append_to(&self, buffer: &mut Self::Owned) -> usize;

    /// Empties a buffer of keys.
    #[doc(hidden)]
    fn clear(buffer: &mut Self::Owned);

    /// A key in a buffer.
    #[doc(hidden)]
    fn part(buffer: &Self::Owned, range: Range<usize>) -> &Self;

    /// Whether keys are text.
    #[cfg(feature = "dump")]
    #[doc(hidden)]
    const IS_TEXT: bool;

    /// The key of these bytes, if they are one.
    #[cfg(feature = "dump")]
    #[doc(hidden)]
    fn parse(bytes: &[u8]) -> Option<&Self>;
}

impl Key for str {
    #[inline]
    fn append_to(&self, buffer: &mut String) -> usize {
        buffer.push_str(self);
        buffer.len()
    }

    fn clear(buffer: &mut String) {
        buffer.clear();
    }

    #[inline]
    fn part(buffer: &String, range: Range<usize>) -> &Self {
        &buffer[range]
    }

    #[cfg(feature = "dump")]
    const IS_TEXT: bool = true;

    #[cfg(feature = "dump")]
    fn parse(bytes: &[u8]) -> Option<&Self> {
        core::str::from_utf8(bytes).ok()
    }
}

impl Key for [u8] {
    #[inline]
    fn append_to(&self, buffer: &mut Vec<u8>) -> usize {
        buffer.extend_from_slice(self);
        buffer.len()
    }

    fn clear(buffer: &mut Vec<u8>) {
        buffer.clear();
    }

    #[inline]
    fn part(buffer: &Vec<u8>, range: Range<usize>) -> &Self {
        &buffer[range]
    }
    #[cfg(feature = "dump")]
    const IS_TEXT: bool = false;

    #[cfg(feature = "dump")]
    fn parse(bytes: &[u8]) -> Option<&Self> {
        Some(bytes)
    }
}
