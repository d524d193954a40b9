//! What the system is told about a large array's memory.

use core::ptr::NonNull;

/// Large tables are read at random: fewer, larger pages spare most of the
/// translation misses. A hint only; what cannot be had changes nothing.
pub(super) fn advise_huge(start: NonNull<u8>, size: usize) {
    const HUGE: usize = 2 << 20;
    const PAGE: usize = 4 << 10;
    #[cfg(all(target_os = "linux", not(miri)))]
    if size >= 2 * HUGE {
        let padding = start.addr().get().wrapping_neg() % PAGE;
        let inside = start.as_ptr().map_addr(|address| address + padding);
        // SAFETY: the pages lie within an allocation that is the caller's, and
        // the advice does not change their content.
        unsafe { libc::madvise(inside.cast(), size - padding, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, size, HUGE, PAGE);
}
