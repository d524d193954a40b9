//! An allocator that shows what is used after it was freed.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, but what is freed is overwritten first.
pub struct Poisoning;

// SAFETY: as the system's; a block is overwritten within its size, before it is
// given back.
unsafe impl GlobalAlloc for Poisoning {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the caller's until the next line.
        unsafe { block.write_bytes(0xdd, layout.size()) };
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
