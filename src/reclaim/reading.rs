//! Reading without a guard: two plain stores in place of a locked instruction.

use super::{Guard, Section, pin};
use core::ops::Deref;

#[cfg(not(epochkv_loom))]
use imp::Slot;
#[cfg(not(epochkv_loom))]
pub use imp::enter;

/// A thread's stay in the section of a reader. As a [`Guard`], but nothing can be retired
/// under it.
pub struct Reading(Way);

enum Way {
    #[cfg(not(epochkv_loom))]
    Light(&'static Slot),
    Pinned { _guard: Guard },
}

impl Deref for Reading {
    type Target = Section;

    #[inline(always)]
    fn deref(&self) -> &Section {
        &Section
    }
}

impl Reading {
    fn pinned() -> Self {
        Self(Way::Pinned { _guard: pin() })
    }
}

#[cfg(not(epochkv_loom))]
mod imp {
    use super::super::barrier;
    use super::super::grace::READERS;
    use super::{Reading, Way};
    use core::cell::Cell;

    pub use super::super::readers::Slot;

    thread_local! {
        /// The calling thread's, once it has read, until its end.
        static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
        static OWNER: Owner = Owner(READERS.register());
    }

    /// Gives the slot back when the thread ends.
    struct Owner(&'static Slot);

    impl Drop for Owner {
        fn drop(&mut self) {
            SLOT.set(None);
            self.0.release();
        }
    }

    impl Drop for Reading {
        #[inline(always)]
        fn drop(&mut self) {
            if let Way::Light(slot) = self.0 {
                slot.leave();
            }
        }
    }

    /// Begins to read. Wait-free but for the first call of a thread, which registers
    /// it. Where the system has no heavy barrier, pins.
    #[inline(always)]
    pub fn enter() -> Reading {
        let Some(slot) = SLOT.get() else { return enter_first() };
        slot.enter();
        Reading(Way::Light(slot))
    }

    #[cold]
    fn enter_first() -> Reading {
        if !barrier::is_available() {
            return Reading::pinned();
        }
        // While a thread's destructors run it has no slot any more.
        let Ok(slot) = OWNER.try_with(|owner| owner.0) else { return Reading::pinned() };
        SLOT.set(Some(slot));
        slot.enter();
        Reading(Way::Light(slot))
    }
}

/// Models pin.
#[cfg(epochkv_loom)]
pub fn enter() -> Reading {
    Reading::pinned()
}
