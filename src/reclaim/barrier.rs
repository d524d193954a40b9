//! An asymmetric fence: readers pay nothing, whoever reclaims pays for both.
//!
//! [`light`] is an order to the compiler alone. [`heavy`] has the system run a full
//! fence on every core that runs a thread of this process (Linux: `membarrier`, expedited),
//! so that for each pair of a `light` and a `heavy` either all accesses before the
//! `light` are seen by those after the `heavy`, or the other way round. The idea
//! is that of user-space RCU (Desnoyers, McKenney, Stern, Dagenais, Walpole 2012).

/// Whether the system offers [`heavy`]; the answer never changes.
#[cfg(not(epochkv_loom))]
#[inline]
pub fn is_available() -> bool {
    imp::is_available()
}

/// The reader's side: what comes before is ordered before what comes after, as far
/// as a [`heavy`] of another thread is concerned.
#[inline(always)]
pub fn light() {
    imp::light();
}

/// The reclaimer's side. False if the system refused, so that nothing is ordered.
pub fn heavy() -> bool {
    imp::heavy()
}

#[cfg(all(target_os = "linux", not(miri), not(epochkv_loom)))]
mod imp {
    use crate::sync::compiler_fence;
    use std::sync::LazyLock;

    static REGISTERED: LazyLock<bool> =
        LazyLock::new(|| call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));

    fn call(command: libc::c_int) -> bool {
        // SAFETY: the call reads and writes no memory of this process.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(super) fn is_available() -> bool {
        *REGISTERED
    }

    #[inline(always)]
    pub(super) fn light() {
        // Pairs with `heavy`.
        compiler_fence();
    }

    pub(super) fn heavy() -> bool {
        // Where it is not available, nobody reads without a guard.
        !is_available() || call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }
}

/// Models: what the system promises, said in the language. Of any two exchanges of one word
/// one is first, and all before it is seen by all after the other.
#[cfg(epochkv_loom)]
mod imp {
    use crate::sync::{Ordering, word_in_model};

    pub(super) fn light() {
        // AcqRel: pairs with `heavy`.
        word_in_model().fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn heavy() -> bool {
        // AcqRel: pairs with `light`.
        word_in_model().fetch_add(1, Ordering::AcqRel);
        true
    }
}

/// Elsewhere nobody reads without a guard, so nothing is to be ordered.
#[cfg(not(any(all(target_os = "linux", not(miri)), epochkv_loom)))]
mod imp {
    pub(super) fn is_available() -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn light() {}

    pub(super) fn heavy() -> bool {
        true
    }
}
