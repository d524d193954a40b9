//! Finding literal text: the two-way algorithm of Crochemore and Perrin (1991).
//!
//! Linear time, constant space beside the needle. The needle is cut at a position, the
//! critical one, where the shortest repetition across the cut is as long as the period of
//! the whole needle. The part right of the cut is compared left to right, then the part left
//! of it; whichever fails tells how far the window may move without losing a match.

use core::cmp::Ordering;

/// A needle of at least one byte, prepared.
#[derive(Clone)]
pub(super) struct Substring {
    needle: Box<[u8]>,
    /// Where the needle is cut.
    critical: usize,
    /// How far the window moves when only the right part matches.
    shift: usize,
    /// Bit `b % 64` is set if the needle has a byte `b`.
    bytes: u64,
}

impl Substring {
    /// Takes O(n) for a needle of n bytes.
    pub(super) fn new(needle: Box<[u8]>) -> Self {
        let ascending = maximal_suffix(&needle, |a, b| a.cmp(&b));
        let descending = maximal_suffix(&needle, |a, b| b.cmp(&a));
        // Of the two maximal suffixes, the shorter one starts at a critical position.
        let (critical, period) = ascending.max(descending);
        let length = needle.len();
        // `period` is that of the right part. It is the needle's own if the left part
        // repeats too.
        let periodic = needle.get(period..period + critical) == needle.get(..critical);
        let shift = if periodic { period } else { critical.max(length - critical) + 1 };
        let bytes = needle.iter().fold(0, |set, &byte| set | bit(byte));
        Self { needle, critical, shift, bytes }
    }

    /// The text after the leftmost occurrence of the needle.
    ///
    /// The algorithm proper remembers what is known to match after a move by the period. To
    /// find the first occurrence it need not: the left part is known to match then, so that
    /// the next comparison either ends the search or moves the window by all it read.
    pub(super) fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let length = self.needle.len();
        let (needle_left, needle_right) = self.needle.split_at_checked(self.critical)?;
        let mut start = 0;
        loop {
            let window = text.get(start..start + length)?;
            let (left, right) = window.split_at_checked(self.critical)?;
            let &last = right.last()?;
            if self.bytes & bit(last) == 0 {
                start += length;
            } else if let Some(offset) = mismatch(needle_right, right) {
                start += offset + 1;
            } else if needle_left != left {
                start += self.shift;
            } else {
                return text.get(start + length..);
            }
        }
    }
}

#[inline]
fn bit(byte: u8) -> u64 {
    1 << (byte % 64)
}

/// The first position where two texts of one length differ.
#[inline]
fn mismatch(a: &[u8], b: &[u8]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b)
}

/// Where the greatest suffix of `text` starts under an order of bytes, and its period.
fn maximal_suffix(text: &[u8], order: impl Fn(u8, u8) -> Ordering) -> (usize, usize) {
    let mut best = 0;
    let mut rival = 1;
    let mut offset = 0;
    let mut period = 1;
    while let (Some(&ours), Some(&theirs)) = (text.get(best + offset), text.get(rival + offset)) {
        match order(theirs, ours) {
            Ordering::Less => {
                rival += offset + 1;
                offset = 0;
                period = rival - best;
            }
            Ordering::Equal if offset + 1 == period => {
                rival += period;
                offset = 0;
            }
            Ordering::Equal => offset += 1,
            Ordering::Greater => {
                best = rival;
                rival += 1;
                offset = 0;
                period = 1;
            }
        }
    }
    (best, period)
}
