//! Finding literal text: the two-way algorithm of Crochemore and Perrin (1991).
//!
//! Linear time, constant space beside the needle. The needle is cut at a position, the
//! critical one, where the shortest repetition across the cut is as long as the period of
//! the whole needle. The part right of the cut is compared left to right, then the part left
//! of it; whichever fails tells how far the window may move without losing a match.

use core::cmp::Ordering;
use core::ops::Range;

/// A needle of at least one byte, prepared.
#[derive(Clone)]
pub(super) struct Substring {
    needle: Box<[u8]>,
    /// Where the needle is cut.
    critical: usize,
    /// How far the window moves after the right part has matched.
    shift: usize,
    /// How many bytes at the front of the needle are known to match after such a move.
    overlap: usize,
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
        let (shift, overlap) = if periodic {
            (period, length - period)
        } else {
            (critical.max(length - critical) + 1, 0)
        };
        let bytes = needle.iter().fold(0, |set, &byte| set | bit(byte));
        Self { needle, critical, shift, overlap, bytes }
    }

    /// The text after the leftmost occurrence of the needle.
    pub(super) fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let length = self.needle.len();
        let mut start = 0;
        let mut known = 0;
        loop {
            let window = text.get(start..start + length)?;
            let &last = window.last()?;
            if self.bytes & bit(last) == 0 {
                start += length;
                known = 0;
                continue;
            }
            let right = self.critical.max(known);
            if let Some(offset) = mismatch(&self.needle, window, right..length) {
                start += offset - self.critical + 1;
                known = 0;
            } else if mismatch(&self.needle, window, known..self.critical).is_some() {
                start += self.shift;
                known = self.overlap;
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

/// The first position of `range` where the two differ.
#[inline]
fn mismatch(a: &[u8], b: &[u8], range: Range<usize>) -> Option<usize> {
    let start = range.start;
    let a = a.get(range.clone())?;
    let b = b.get(range)?;
    a.iter().zip(b).position(|(a, b)| a != b).map(|offset| start + offset)
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
