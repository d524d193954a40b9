//! Reading without a guard: two plain stores in place of a locked instruction.

use super::{Guard, Section, pin};
#[cfg(not(epochkv_loom))]
use super::{mode, readers::Slot};
use core::marker::PhantomData;
use core::ops::Deref;

/// A thread's stay in a section: by its slot, or by a guard. As a [`Guard`], but nothing can
/// be retired under it. Stays in its thread, the only one that may write the slot.
pub struct Reading(Way, PhantomData<*mut ()>);

enum Way {
    #[cfg(not(epochkv_loom))]
    Light(&'static Slot),
    Pinned(Guard),
}

impl Deref for Reading {
    type Target = Section;

    #[inline(always)]
    fn deref(&self) -> &Section {
        // Not a part of it: borrowed, that would have to be in memory during every read.
        const { &Section::new() }
    }
}

impl Drop for Reading {
    #[inline(always)]
    fn drop(&mut self) {
        match &self.0 {
            #[cfg(not(epochkv_loom))]
            Way::Light(slot) => {
                if slot.leave().is_some_and(mode::is_turn) {
                    help();
                }
            }
            // The guard ends with its own drop.
            Way::Pinned(_guard) => {}
        }
    }
}

#[cfg(not(epochkv_loom))]
#[cold]
fn help() {
    // Looks for what no guard can see any more.
    pin().hand_over();
    mode::help();
}

/// Begins to read. Wait-free. The first calls of a thread register it; one in 1024 frees some
/// old garbage, if there is any.
#[inline(always)]
pub fn enter() -> Reading {
    enter_after(|| ())
}

/// As [`enter`]; calls `fetch` first if it has to pin, so that memory arrives meanwhile.
#[inline(always)]
pub fn enter_after(fetch: impl FnOnce()) -> Reading {
    // Models always pin.
    #[cfg(not(epochkv_loom))]
    if let Some(slot) = mode::slot() {
        slot.enter();
        return Reading(Way::Light(slot), PhantomData);
    }
    fetch();
    Reading(Way::Pinned(pin()), PhantomData)
}
