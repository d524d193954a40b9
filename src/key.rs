//! `Key`: the kinds of key a store can have.

use crate::glob::Alphabet;
use crate::record::KeyBytes;
use core::fmt::Debug;

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
    /// Appends the key to a buffer of keys.
    #[doc(hidden)]
    fn append_to(&self, buffer: &mut Self::Owned);

    /// Empties a buffer of keys.
    #[doc(hidden)]
    fn clear(buffer: &mut Self::Owned);

    /// Of keys one after the other, the first, which has so many bytes, and the others.
    #[doc(hidden)]
    fn split(&self, len: usize) -> (&Self, &Self);

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
    fn append_to(&self, buffer: &mut String) {
        buffer.push_str(self);
    }

    fn clear(buffer: &mut String) {
        buffer.clear();
    }

    #[inline]
    fn split(&self, len: usize) -> (&Self, &Self) {
        self.split_at(len)
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
    fn append_to(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self);
    }

    fn clear(buffer: &mut Vec<u8>) {
        buffer.clear();
    }

    #[inline]
    fn split(&self, len: usize) -> (&Self, &Self) {
        self.split_at(len)
    }

    #[cfg(feature = "dump")]
    const IS_TEXT: bool = false;

    #[cfg(feature = "dump")]
    fn parse(bytes: &[u8]) -> Option<&Self> {
        Some(bytes)
    }
}
