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
    Pinned {
        _guard: Guard,
    },
}

impl Deref for Reading {
    type Target = Section;

    #[inline(always)]
    fn deref(&self) -> &Section {
        &Section
    }
}

#[cfg(not(epochkv_loom))]
impl Drop for Reading {
    #[inline(always)]
    fn drop(&mut self) {
        if let Way::Light(slot) = self.0 {
            slot.leave();
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
    Reading(Way::Pinned { _guard: pin() })
}
