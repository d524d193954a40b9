//! Fetching lines of memory ahead of their use.

/// Asks the processor for the line at `address` without reading it. Any address
/// will do, valid or not.
#[inline(always)]
pub fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// As [`prefetch`], but takes the line away from other cores: for a line that is
/// about to be written, so that it travels once and not twice.
#[inline(always)]
pub fn prefetch_exclusive<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // The intrinsic would compile to this only with a target feature. All
    // processors of this architecture decode it, old ones as no operation.
    // SAFETY: a prefetch never faults and changes neither memory nor registers.
    unsafe {
        core::arch::asm!(
            "prefetchw [{}]",
            in(reg) address,
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(address);
}
