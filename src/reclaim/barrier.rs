//! An asymmetric fence: readers pay nothing, whoever reclaims pays for both.
//!
//! [`light`] is an order to the compiler alone. [`heavy`] has the system run a full
//! fence on every core that runs a thread of this process (Linux: `membarrier`, expedited),
//! so that for each pair of a `light` and a `heavy` either all accesses before the
//! `light` are seen by those after the `heavy`, or the other way round. The idea
//! is that of user-space RCU (Desnoyers, McKenney, Stern, Dagenais, Walpole 2012).

/// Asks the system for [`heavy`], once in a process: a process of many threads may
/// wait for the answer for some milliseconds.
#[cfg(not(epochkv_loom))]
#[cold]
pub fn prepare() {
    imp::prepare();
}

/// Whether the system offers [`heavy`]: it was asked and has never refused.
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

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri), not(epochkv_loom)))]
mod imp {
    use crate::sync::compiler_fence;
    use crate::sync::stat::{AtomicUsize, Ordering};

    const UNASKED: usize = 0;
    const ASKING: usize = 1;
    const YES: usize = 2;
    const NO: usize = 3;

    /// Only for whoever may begin to read: who frees asks the system itself.
    static ANSWER: AtomicUsize = AtomicUsize::new(UNASKED);

    fn call(command: libc::c_int) -> bool {
        // SAFETY: the call reads and writes no memory of this process.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    fn register() -> bool {
        call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn prepare() {
        // Relaxed, all of them: what the system answers is true for all threads at once.
        let first =
            ANSWER.compare_exchange(UNASKED, ASKING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            ANSWER.store(if register() { YES } else { NO }, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn is_available() -> bool {
        ANSWER.load(Ordering::Relaxed) == YES
    }

    #[inline(always)]
    pub(super) fn light() {
        // Pairs with `heavy`.
        compiler_fence();
    }

    pub(super) fn heavy() -> bool {
        let command = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;
        // Again with a registration: a fork may have lost it.
        let done = call(command) || register() && call(command);
        if !done {
            ANSWER.store(NO, Ordering::Relaxed);
        }
        done
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

/// Elsewhere nobody reads without a guard, so nothing is to be ordered. Other processors have
/// not been measured; and a guard's fence is what orders a write before a read of another
/// key there, which on x86-64 every write does itself.
#[cfg(not(any(all(target_os = "linux", target_arch = "x86_64", not(miri)), epochkv_loom)))]
mod imp {
    pub(super) fn prepare() {}

    pub(super) fn is_available() -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn light() {}

    pub(super) fn heavy() -> bool {
        true
    }
}
