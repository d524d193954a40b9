//! `Key`: the kinds of key a store can have.

use crate::glob::Alphabet;
use crate::record::KeyBytes;
use core::fmt::Debug;

/// The kinds of key a store can have: `str`, compared and matched by characters,
/// and `[u8]`, by bytes. Sealed.
pub trait Key: KeyBytes + Alphabet + Debug + ToOwned<Owned: Ord + Clone + Debug> {}

impl Key for str {}

impl Key for [u8] {}
