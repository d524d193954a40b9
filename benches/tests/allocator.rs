//! The counting allocator counts. In a process of its own: the count is global.

use epochkv_bench::allocator::{Balance, Counting, balance, set_counting};
use std::alloc::{GlobalAlloc, Layout, System};

#[test]
fn the_balance_follows_the_calls() {
    let counted = Counting(System);
    let layout = Layout::from_size_align(100, 8).unwrap();
    let since = |before: Balance| {
        let now = balance();
        (now.bytes - before.bytes, now.blocks - before.blocks)
    };
    // SAFETY: the layout is not of size zero.
    let block = unsafe { counted.alloc(layout) };
    // SAFETY: the block has this layout.
    unsafe { counted.dealloc(block, layout) };
    assert_eq!((balance().bytes, balance().blocks), (0, 0), "not asked to count");

    set_counting(true);
    let before = balance();
    // SAFETY: the layout is not of size zero.
    let block = unsafe { counted.alloc_zeroed(layout) };
    assert_eq!(since(before), (100, 1));
    // SAFETY: the block has this layout, and the new size is not zero.
    let block = unsafe { counted.realloc(block, layout, 300) };
    assert_eq!(since(before), (300, 1));
    let layout = Layout::from_size_align(300, 8).unwrap();
    // SAFETY: the block has this layout since it was reallocated.
    unsafe { counted.dealloc(block, layout) };
    assert_eq!(since(before), (0, 0));

    set_counting(false);
    // SAFETY: the layout is not of size zero.
    let block = unsafe { counted.alloc(layout) };
    assert_eq!(since(before), (0, 0));
    // SAFETY: the block has this layout.
    unsafe { counted.dealloc(block, layout) };
}
