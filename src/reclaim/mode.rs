//! Which of two ways a thread reads: by sections, or by guards.
//!
//! A section costs its reader nothing, but as long as some thread reads so, all that is
//! removed waits for a barrier. So it pays where reads are many times the
//! removals, and each thread looks at its own.

use super::barrier;
use super::grace::READERS;
use super::readers::Slot;
use core::cell::Cell;

/// Reads for each batch of removals that make sections worth it.
const READS_PER_BATCH: u32 = 512;

thread_local! {
    /// The calling thread's, while it reads by sections.
    static LIGHT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Reads by guards since the last batch of removals.
    static READS: Cell<u32> = const { Cell::new(0) };
    /// What the slot had counted then.
    static SECTIONS: Cell<u64> = const { Cell::new(0) };
    static OWNER: Owner = Owner(READERS.register());
}

/// Gives the slot back when the thread ends.
struct Owner(&'static Slot);

impl Drop for Owner {
    fn drop(&mut self) {
        if LIGHT.take().is_some() {
            READERS.stop();
        }
        // Nothing is left that could switch, see `switch`.
        self.0.release();
    }
}

/// The slot with which to begin a section, or none: then the caller pins.
#[inline(always)]
pub fn slot() -> Option<&'static Slot> {
    LIGHT.get().or_else(count_read)
}

#[inline]
fn count_read() -> Option<&'static Slot> {
    let reads = READS.get() + 1;
    READS.set(reads);
    if reads < READS_PER_BATCH { None } else { switch() }
}

/// From guards to sections.
#[cold]
fn switch() -> Option<&'static Slot> {
    READS.set(0);
    if !barrier::is_available() {
        return None;
    }
    // While a thread's destructors run it has no slot any more.
    let slot = OWNER.try_with(|owner| owner.0).ok()?;
    READERS.start();
    SECTIONS.set(slot.sections().unwrap_or(0));
    LIGHT.set(Some(slot));
    Some(slot)
}

/// The calling thread has handed over a full batch of removals: if it has read little
/// meanwhile, back from sections to guards.
pub fn batch_is_full() {
    READS.set(0);
    let Some(slot) = LIGHT.get() else { return };
    // In the middle of a section it stays.
    let Some(sections) = slot.sections() else { return };
    let read = sections.wrapping_sub(SECTIONS.replace(sections));
    if read < u64::from(READS_PER_BATCH) {
        LIGHT.set(None);
        READERS.stop();
    }
}
