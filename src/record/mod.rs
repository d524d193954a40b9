//! The entry of the store: one reference-counted allocation with header, key
//! and value, which at the same time is the snapshot that `get` hands out.
//!
//! ```text
//! [ references | lengths and kind | hash | word ][ deadline | filed ][ key ][ text or Value ]
//!   24 bytes                                      if it has a deadline
//! ```
//! The word is the integer's cell, or the scalar itself, or the length of a
//! text that stands inline behind the key. Lists, dicts and long texts are a
//! `Value`, which shares its content. Everything but the cell and the reference
//! count is immutable once the record is made: a new value or a new deadline is
//! a new record.

pub(crate) mod cell;
mod content;
mod header;
mod pool;
#[allow(unsafe_code)]
mod raw;

use crate::reclaim::{Owned, Shared};
use crate::table::Entry;
use core::cmp;

pub(crate) use content::Content;
pub(crate) use header::Deadline;
pub use header::MAX_KEY_LEN;
pub use raw::KeyBytes;
pub(crate) use raw::{AnyKey, Handle, Record, release_spare};

impl<K: ?Sized + 'static> Entry for Record<K> {
    type Key = [u8];

    // Header, timing or most keys, and some of the text.
    const REACH: usize = 56;

    #[inline]
    fn hash(this: Shared<'_, Self>) -> u64 {
        this.hash()
    }

    #[inline(always)]
    fn has_key(this: Shared<'_, Self>, key: &[u8]) -> bool {
        equal(this.key_bytes(), key)
    }

    fn compare_keys(a: Shared<'_, Self>, b: Shared<'_, Self>) -> cmp::Ordering {
        a.key_bytes().cmp(b.key_bytes())
    }

    fn set_committed(this: Shared<'_, Self>) {
        this.header().set_committed();
    }

    fn is_committed(this: Shared<'_, Self>) -> bool {
        this.header().is_committed()
    }

    fn duplicate(this: Shared<'_, Self>) -> Owned<Self> {
        let content = match this.counter() {
            Some(cell) => Content::int(cell.get()),
            None => this.immutable_content(),
        };
        Self::from_bytes(this.key_bytes(), this.hash(), this.deadline(), content)
    }
}

/// Equality of keys. Those of 8 to 32 bytes, the common case, are compared here by words
/// that overlap, three to 24 bytes, four above: no call, and no other branch on the length,
/// which would be mispredicted where keys of 16 and of 17 bytes are mixed.
#[inline(always)]
fn equal(a: &[u8], b: &[u8]) -> bool {
    let len = a.len();
    if len != b.len() {
        return false;
    }
    let differ = |at: usize| word_at(a, at) ^ word_at(b, at);
    match len {
        8..=24 => differ(0) | differ((len - 8).min(8)) | differ(len - 8) == 0,
        25..=32 => differ(0) | differ(8) | differ(16) | differ(len - 8) == 0,
        _ => a == b,
    }
}

/// The eight bytes at `at`, which are there.
#[inline(always)]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::{Handle, Record, equal};
    use crate::reclaim::Managed;
    use crate::value::Value;

    #[test]
    fn the_bytes_of_a_record_are_those_of_its_block_and_of_what_it_shares() {
        let value = size_of::<Value>();
        let dict = Value::dict((0..50).map(|n| (n.to_string(), n)));
        for (content, shared) in [
            (Value::Int(1), 0),
            (Value::list([1; 100]), 100 * value),
            (dict, 50 * 2 * value),
            ("x".repeat(5000).into(), 5000),
            (vec![1u8; 5000].into(), 5000),
        ] {
            let record = Handle::<str>::detached(b"key", &content.into());
            let bytes = <Record<str> as Managed>::bytes(record.share());
            assert!((shared + 32..shared + 128).contains(&bytes), "{shared}: {bytes}");
        }
    }

    #[test]
    fn equality_is_that_of_slices() {
        let text: Vec<u8> = (0..80).collect();
        for len in 0..40 {
            assert!(equal(&text[..len], &text.clone()[..len]));
            assert!(!equal(&text[..len], &text[..len + 1]));
            for at in 0..len {
                let mut other = text[..len].to_vec();
                other[at] ^= 1;
                assert!(!equal(&text[..len], &other), "{len} {at}");
                // Equal differences in two words do not cancel each other.
                for and in (0..len).filter(|and| *and != at) {
                    let mut other = other.clone();
                    other[and] ^= 1;
                    assert!(!equal(&text[..len], &other), "{len} {at} {and}");
                }
            }
        }
    }
}
