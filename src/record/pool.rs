//! Blocks of memory that this thread has freed and will need again.
//!
//! The collector frees entries in bursts of hundreds, long after they were
//! allocated and often on another thread: the pattern that general allocators
//! like least. So each thread keeps a bounded number of freed blocks by size
//! (magazines, after Bonwick and Adams, USENIX 2001) and takes new entries from
//! them. A block is an ordinary one of the global allocator's at every moment;
//! what does not fit into a magazine goes back at once.

use super::raw::Block;
use core::cell::RefCell;

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

thread_local! {
    static MAGAZINES: RefCell<Magazines> = const { RefCell::new(Magazines::new()) };
}

struct Magazines([Vec<Block>; CLASSES]);

impl Magazines {
    const fn new() -> Self {
        Self([const { Vec::new() }; CLASSES])
    }
}

/// The size to allocate for a record of `size` bytes, so that blocks of similar
/// records fit each other.
pub(super) fn round(size: usize) -> usize {
    (size + STEP - 1 - OFFSET) / STEP * STEP + OFFSET
}

/// A block of `size` bytes, which is a rounded size.
#[inline]
pub(super) fn allocate(size: usize) -> Block {
    with_magazine(size, Vec::pop).flatten().unwrap_or_else(|| Block::allocate(size))
}

/// Takes back a block of a rounded size.
#[inline]
pub(super) fn free(block: Block) {
    let mut block = Some(block);
    let size = block.as_ref().map_or(0, Block::size);
    with_magazine(size, |magazine| {
        if magazine.len() < MAGAZINE_BYTES / size {
            magazine.extend(block.take());
        }
    });
}

/// Gives this thread's blocks back to the allocator.
pub(super) fn release() {
    // Out of the cell first: freeing runs the allocator, which is user code.
    let magazines = MAGAZINES.try_with(|cell| cell.replace(Magazines::new()));
    drop(magazines);
}

#[inline]
fn with_magazine<R>(size: usize, with: impl FnOnce(&mut Vec<Block>) -> R) -> Option<R> {
    if !ENABLED || size > MAX_SIZE {
        return None;
    }
    // Gone while the thread's destructors run; borrowed while an allocator that
    // uses this crate itself is at work in `push`.
    let found = MAGAZINES.try_with(|cell| {
        let mut magazines = cell.try_borrow_mut().ok()?;
        Some(with(&mut magazines.0[size / STEP]))
    });
    found.ok().flatten()
}

#[cfg(all(test, not(any(epochkv_loom, crossbeam_sanitize))))]
mod tests {
    use super::{MAX_SIZE, OFFSET, STEP, allocate, free, release, round};

    #[test]
    fn sizes_and_classes_agree() {
        for size in 32..2000 {
            let rounded = round(size);
            assert!(rounded >= size && rounded < size + STEP && rounded % STEP == OFFSET);
        }
        assert_eq!(round(MAX_SIZE), MAX_SIZE);
    }

    #[test]
    fn a_freed_block_is_used_again_until_released() {
        let block = allocate(56);
        let address = block.address();
        free(block);
        let again = allocate(56);
        assert_eq!(again.address(), address);
        assert_ne!(allocate(72).address(), address);
        free(again);
        release();
        assert_eq!(super::with_magazine(56, |magazine| magazine.len()), Some(0));
    }
}
