//! Reading without a guard: two plain stores in place of a locked instruction.

use super::{Guard, Section, pin};
#[cfg(not(epochkv_loom))]
use super::{mode, readers::Slot};
use core::ops::Deref;

/// A thread's stay in a section: by its slot, or by a guard. As a [`Guard`], but nothing can
/// be retired under it.
pub struct Reading(Way);

enum Way {
    #[cfg(not(epochkv_loom))]
    Light(&'static Slot),
    Pinned(Guard),
}

impl Deref for Reading {
    type Target = Section;

    #[inline(always)]
    fn deref(&self) -> &Section {
        &Section
    }
}

impl Drop for Reading {
    #[inline(always)]
    fn drop(&mut self) {
        match &self.0 {
            #[cfg(not(epochkv_loom))]
            Way::Light(slot) => slot.leave(),
            // The guard ends with its own drop.
            Way::Pinned(_guard) => {}
        }
    }
}

/// Begins to read. Wait-free but for a thread's first calls, which register it.
#[inline(always)]
pub fn enter() -> Reading {
    // Models always pin.
    #[cfg(not(epochkv_loom))]
    if let Some(slot) = mode::slot() {
        slot.enter();
        return Reading(Way::Light(slot));
    }
    Reading(Way::Pinned(pin()))
}
