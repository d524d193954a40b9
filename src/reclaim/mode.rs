//! Which of two ways a thread reads: by sections, or by guards.
//!
//! A section costs its reader nothing, but as long as some thread reads so, all that is
//! removed waits for a barrier. So it pays where reads are many times the
//! removals, and each thread looks at its own.

use super::barrier;
use super::garbage::waiting;
use super::grace::{GRACE, READERS};
use super::readers::Slot;
use core::cell::Cell;

/// Sections between two turns to help.
const SECTIONS_PER_TURN: u64 = 1024;

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
        // In the middle of a section, when a process exits within one, all stays as it is.
        if self.0.sections().is_some() {
            stop();
            // Nobody takes it up again for this thread, see `switch`.
            self.0.release();
        }
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
    // In the middle of a section it stays.
    let Some(sections) = LIGHT.get().and_then(Slot::sections) else { return };
    let read = sections.wrapping_sub(SECTIONS.replace(sections));
    if read < u64::from(READS_PER_BATCH) {
        stop();
    }
}

/// From sections to guards. Not in the middle of a section.
fn stop() {
    if LIGHT.take().is_some() {
        READERS.stop();
    }
}

/// Whether it is the turn of a thread that has just left a section to help with
/// garbage: guards come with that, sections do not.
#[inline(always)]
pub fn is_turn(sections: u64) -> bool {
    sections % SECTIONS_PER_TURN == 0 && waiting() > 0
}

/// Helps. Not in the middle of a section.
#[cold]
pub fn help() {
    GRACE.help();
    if !barrier::is_available() {
        // The system has changed its mind.
        stop();
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64", not(miri)))]
mod tests {
    use super::{
        READS_PER_BATCH, SECTIONS_PER_TURN, barrier, batch_is_full, is_turn, slot, waiting,
    };
    use crate::reclaim::pin;

    fn on_a_new_thread(test: impl FnOnce() + Send + 'static) {
        barrier::prepare();
        std::thread::spawn(test).join().expect("the test panicked");
    }

    fn reads(count: u32) -> bool {
        (0..count).all(|_| {
            let Some(slot) = slot() else { return false };
            slot.enter();
            slot.leave();
            true
        })
    }

    #[test]
    fn a_thread_that_reads_takes_to_sections_and_keeps_to_them() {
        on_a_new_thread(|| {
            assert!((1..READS_PER_BATCH).all(|_| slot().is_none()));
            assert!(reads(10 * READS_PER_BATCH));
            batch_is_full();
            assert!(reads(READS_PER_BATCH));
            batch_is_full();
            assert!(reads(1));
        });
    }

    #[test]
    fn a_thread_that_removes_goes_back_to_guards() {
        on_a_new_thread(|| {
            let before = (1..READS_PER_BATCH).filter(|_| slot().is_some()).count();
            assert!(before == 0 && reads(READS_PER_BATCH - 1));
            batch_is_full();
            assert!(slot().is_none());
            // And as long as it removes as often, it stays with them.
            for _ in 0..10 {
                assert!((2..READS_PER_BATCH).all(|_| slot().is_none()));
                batch_is_full();
            }
        });
    }

    #[test]
    fn in_the_middle_of_a_section_nothing_changes() {
        on_a_new_thread(|| {
            assert!((1..READS_PER_BATCH).all(|_| slot().is_none()));
            let outer = slot().expect("it has read enough");
            outer.enter();
            (0..10).for_each(|_| batch_is_full());
            assert!(slot().is_some() && outer.sections().is_none());
            outer.leave();
            batch_is_full();
            assert!(slot().is_none());
        });
    }

    #[test]
    fn while_garbage_waits_every_1024th_section_is_somebodys_turn_to_help() {
        // Nothing that is removed while it lives is freed.
        let _guard = pin();
        let kv = crate::Kv::new();
        (0..200).for_each(|_| kv.set("k", "text").unwrap());
        assert!(waiting() >= 128, "{} wait", waiting());
        assert!(is_turn(SECTIONS_PER_TURN) && is_turn(2 * SECTIONS_PER_TURN));
        assert!(!is_turn(1) && !is_turn(SECTIONS_PER_TURN - 1));
    }
}
