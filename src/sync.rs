//! The only door to atomics: the standard library's, or loom's inside a model.
//!
//! Algorithm files take every atomic from here. In models their sizes are smaller: one slot or two,
//! short chunks and blocks; and nobody stands back from an exchange.

#[cfg(epochkv_loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
#[cfg(not(epochkv_loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

#[cfg(all(epochkv_loom, not(crossbeam_loom)))]
compile_error!("model checking needs both switches: --cfg epochkv_loom --cfg crossbeam_loom");

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "epochkv packs a part of the hash beside a 48-bit address and needs a 64-bit target"
);

/// Makes a function `const`, except in models, whose atomics cannot be made before they run.
macro_rules! const_outside_models {
    ($(#[$attribute:meta])* $visibility:vis fn $($function:tt)*) => {
        $(#[$attribute])*
        #[cfg(not(epochkv_loom))]
        $visibility const fn $($function)*

        $(#[$attribute])*
        #[cfg(epochkv_loom)]
        $visibility fn $($function)*
    };
}
pub(crate) use const_outside_models;

/// Counters that only steer or report: how many entries there are, which chunk
/// to take next. No protocol decision rests on them, so models do not explore
/// them, and they are the standard library's in every build.
pub(crate) mod stat {
    pub(crate) use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
}

/// Orders all earlier writes of this thread before its later reads, where not
/// all of them are sequentially consistent.
#[inline]
pub(crate) fn fence() {
    #[cfg(epochkv_loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
    #[cfg(not(epochkv_loom))]
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// Makes the loads before it acquire loads, whoever made them.
#[inline]
pub(crate) fn acquire_fence() {
    #[cfg(epochkv_loom)]
    loom::sync::atomic::fence(Ordering::Acquire);
    #[cfg(not(epochkv_loom))]
    std::sync::atomic::fence(Ordering::Acquire);
}

/// Keeps the compiler, and only it, from moving accesses over this in either direction.
#[cfg(not(epochkv_loom))]
#[inline(always)]
pub(crate) fn compiler_fence() {
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// In a model, a word that there is once in each execution.
#[cfg(epochkv_loom)]
pub(crate) fn word_in_model() -> &'static AtomicU64 {
    loom::lazy_static! {
        static ref WORD: AtomicU64 = AtomicU64::new(0);
    }
    &WORD
}

/// Orders an earlier sequentially consistent write before later sequentially
/// consistent reads of other words.
///
/// The language already gives this to `SeqCst` accesses, so outside of models
/// it is empty. Loom treats a `SeqCst` access as acquire-release and models only
/// the fence.
#[inline(always)]
pub(crate) fn order_write_before_reads() {
    #[cfg(epochkv_loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// In a model, the latest value: there a load may return an older one even long after,
/// which no machine does with a clock, and only an exchange may not.
#[inline(always)]
pub(crate) fn latest_in_model(atomic: &AtomicU64) -> Option<u64> {
    #[cfg(epochkv_loom)]
    return Some(atomic.fetch_add(0, Ordering::AcqRel));
    #[cfg(not(epochkv_loom))]
    {
        let _ = atomic;
        None
    }
}

/// Tells a model that nobody else reaches what this atomic is part of: it fails
/// if some other access to the atomic does not happen before. Nothing elsewhere.
#[inline(always)]
pub(crate) fn assert_exclusive(atomic: &mut AtomicU32) {
    #[cfg(epochkv_loom)]
    atomic.with_mut(|_| ());
    #[cfg(not(epochkv_loom))]
    let _ = atomic;
}
