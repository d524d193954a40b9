//! Blocks of memory that this thread has freed and will need again.
//!
//! The collector frees entries in bursts of hundreds, long after they were
//! allocated and often on another thread: the pattern that general allocators
//! like least. So each thread keeps a bounded number of freed blocks by size
//! (magazines, after Bonwick and Adams, USENIX 2001) and takes new entries from
//! them. A block is an ordinary one of the global allocator's at every moment;
//! what does not fit into a magazine goes back at once.

/// Block sizes are multiples of 16 plus 8: what common allocators hand out
/// without waste.
const STEP: usize = 16;
const OFFSET: usize = 8;

/// Sizes above this are left to the allocator.
const MAX_SIZE: usize = 15 * STEP + OFFSET;
const CLASSES: usize = MAX_SIZE / STEP + 1;

/// Bytes that one magazine holds at most: a burst of the collector's.
const MAGAZINE_BYTES: usize = 48 << 10;

/// Sanitizers and models must see every block come and go.
const ENABLED: bool = !cfg!(any(epochkv_loom, crossbeam_sanitize));

/// The size to allocate for a record of `size` bytes, so that blocks of similar
/// records fit each other.
#[inline]
pub(super) fn round(size: usize) -> usize {
    (size + STEP - 1 - OFFSET) / STEP * STEP + OFFSET
}

/// The magazines of one thread, of blocks of type `B`. All sizes are rounded ones.
pub(super) struct Magazines<B>([Vec<B>; CLASSES]);

impl<B> Magazines<B> {
    pub(super) const fn new() -> Self {
        Self([const { Vec::new() }; CLASSES])
    }

    /// A block of `size` bytes, if there is one; and a look at the one that will
    /// come after it.
    #[inline]
    pub(super) fn take(&mut self, size: usize) -> Option<(B, Option<&B>)> {
        let magazine = self.magazine(size)?;
        let block = magazine.pop()?;
        Some((block, magazine.last()))
    }

    /// Keeps a block of `size` bytes, or gives it back if there is no room.
    #[inline]
    pub(super) fn keep(&mut self, size: usize, block: B) -> Option<B> {
        match self.magazine(size) {
            Some(magazine) if (magazine.len() + 1) * size <= MAGAZINE_BYTES => {
                magazine.push(block);
                None
            }
            _ => Some(block),
        }
    }

    #[inline]
    fn magazine(&mut self, size: usize) -> Option<&mut Vec<B>> {
        if ENABLED { self.0.get_mut(size / STEP) } else { None }
    }
}

#[cfg(all(test, not(any(epochkv_loom, crossbeam_sanitize))))]
mod tests {
    use super::{MAGAZINE_BYTES, MAX_SIZE, Magazines, OFFSET, STEP, round};

    #[test]
    fn sizes_round_up_to_classes() {
        for size in 32..2000 {
            let rounded = round(size);
            assert!(rounded >= size && rounded < size + STEP && rounded % STEP == OFFSET);
        }
        assert_eq!(round(MAX_SIZE), MAX_SIZE);
    }

    #[test]
    fn keeps_a_bounded_number_by_size() {
        let mut magazines = Magazines::new();
        assert_eq!(magazines.keep(56, 1), None);
        assert_eq!(magazines.keep(56, 2), None);
        assert_eq!(magazines.take(72), None);
        assert_eq!(magazines.take(56), Some((2, Some(&1))));
        assert_eq!(magazines.take(56), Some((1, None)));
        assert_eq!(magazines.take(56), None);
        let kept = (0..10_000).take_while(|&block| magazines.keep(MAX_SIZE, block).is_none());
        assert_eq!(kept.count(), MAGAZINE_BYTES / MAX_SIZE);
        assert_eq!(magazines.keep(MAX_SIZE + STEP, 2), Some(2));
    }
}
