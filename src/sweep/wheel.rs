//! The hierarchical timer wheel: which handles are due. Pure: no clock, no
//! thread, no sharing.
//!
//! After Varghese and Lauck (SOSP 1987, scheme 6). Eight levels of 64 slots, each level
//! 64 times as coarse as the one before it, and a bit per slot that says whether
//! something is in it: the next slot is found by eight bit scans, so time that
//! passes without a deadline costs nothing, however long.
//!
//! A handle stands in the level of the highest six bits in which its tick
//! differs from the wheel's time. When the time comes to the beginning of its slot
//! it is filed again, in a lower level, and so fires at its very tick.

use super::handle::Handle;
use super::slot::{Slot, Spare};
use core::cmp::Reverse;
use core::mem;

/// Bits of a tick that one level decides by.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 8;

/// What it costs to fire a handle, by what it costs to file one: the caller looks
/// into a table that is larger than the caches.
pub(crate) const FIRE: usize = 8;

/// From this tick on there is no time: 8,900 years of milliseconds, and a clock
/// of 64-bit nanoseconds ends after 584.
pub(crate) const END: u64 = 1 << (BITS * LEVELS as u32);

/// One granularity.
struct Level {
    occupied: u64,
    slots: [Slot; SLOTS],
}

/// A slot and the tick at which it begins.
#[derive(Clone, Copy)]
struct Turn {
    tick: u64,
    level: usize,
    slot: usize,
}

/// The wheel. What a tick means is the caller's business; those from [`END`] on
/// never come.
pub(crate) struct Wheel {
    /// The first tick that has not passed.
    next: u64,
    len: usize,
    /// The content of the slot that is being worked off, and handles that
    /// were overdue when they came.
    open: Slot,
    spare: Spare,
    /// A slice, so that the twelve kilobytes never stand on a caller's stack.
    levels: Box<[Level]>,
}

impl Wheel {
    /// An empty wheel at tick 0.
    pub(crate) fn new() -> Self {
        let level = || Level { occupied: 0, slots: [Slot::EMPTY; SLOTS] };
        Self {
            next: 0,
            len: 0,
            open: Slot::EMPTY,
            spare: Spare::default(),
            levels: (0..LEVELS).map(|_| level()).collect(),
        }
    }

    /// The number of handles.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first tick that has not passed.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The number of handles that there is memory for.
    #[cfg(all(test, not(epochkv_loom)))]
    pub(crate) fn capacity(&self) -> usize {
        let slots = self.levels.iter().flat_map(|level| &level.slots);
        slots.map(Slot::capacity).sum::<usize>() + self.open.capacity() + self.spare.capacity()
    }

    /// Files a handle; one whose tick has passed fires at the next opportunity,
    /// one whose tick never comes is dropped. O(1), amortized.
    pub(crate) fn file(&mut self, handle: Handle) {
        if handle.tick < END {
            self.len += 1;
            self.place(handle);
        }
    }

    fn place(&mut self, handle: Handle) {
        if handle.tick < self.next {
            return self.open.push(handle, &mut self.spare);
        }
        let differs = (handle.tick ^ self.next) | 1;
        let level = differs.ilog2() / BITS;
        let slot = (handle.tick >> (level * BITS)) as usize % SLOTS;
        let level = &mut self.levels[level as usize];
        level.occupied |= 1 << slot;
        level.slots[slot].push(handle, &mut self.spare);
    }

    /// Moves the time to `now` and calls `fire` with every handle whose tick has
    /// come, as far as `budget` allows, of which a handle that goes to a lower level
    /// takes 1 and one that fires [`FIRE`]. Returns what is left of it; if nothing is, the
    /// rest is for another call. A `now` earlier than the last one is that one again.
    pub(crate) fn advance(
        &mut self,
        now: u64,
        mut budget: usize,
        mut fire: impl FnMut(Handle),
    ) -> usize {
        let now = now.min(END - 1);
        loop {
            while let Some(handle) = self.open.last() {
                if budget == 0 {
                    return 0;
                }
                self.open.pop(&mut self.spare);
                if handle.tick < self.next {
                    budget = budget.saturating_sub(FIRE);
                    self.len -= 1;
                    fire(handle);
                } else {
                    budget -= 1;
                    self.place(handle);
                }
            }
            match self.turn().filter(|turn| turn.tick <= now) {
                Some(turn) => self.open(turn),
                None => {
                    if self.len == 0 {
                        self.open = Slot::EMPTY;
                        self.spare = Spare::default();
                    }
                    self.next = self.next.max(now + 1);
                    return budget;
                }
            }
        }
    }

    /// Takes a slot's content out, to be fired or placed again.
    fn open(&mut self, turn: Turn) {
        let level = &mut self.levels[turn.level];
        level.occupied &= !(1 << turn.slot);
        self.open = mem::take(&mut level.slots[turn.slot]);
        // In the lowest level a slot is one tick long, so that tick has passed.
        self.next = turn.tick + u64::from(turn.level == 0);
    }

    /// The occupied slot that begins first; of several the coarsest, because
    /// what is in it may belong into the others.
    fn turn(&self) -> Option<Turn> {
        let first = |(level, of): (usize, &Level)| {
            let shift = level as u32 * BITS;
            // What lies before the place of now has been worked off.
            let slot = of.occupied.trailing_zeros();
            let above = self.next >> shift >> BITS;
            (slot < SLOTS as u32).then(|| Turn {
                tick: ((above << BITS) | u64::from(slot)) << shift,
                level,
                slot: slot as usize,
            })
        };
        let turns = self.levels.iter().enumerate().filter_map(first);
        turns.min_by_key(|turn| (turn.tick, Reverse(turn.level)))
    }

    /// Whether nothing is to be done before `now` has passed.
    pub(crate) fn is_at_rest(&self, now: u64) -> bool {
        self.open.is_empty() && self.turn().is_none_or(|turn| turn.tick > now)
    }

    /// Goes on with a walk over the slots in which handles that `keep` does not
    /// want are dropped, and looks at no more than `budget`. Returns what is left of
    /// the budget; the walk has ended if anything is.
    ///
    /// Handles that are filed, or move to a lower level, during the walk may be
    /// passed over.
    pub(crate) fn weed(
        &mut self,
        weeding: &mut Weeding,
        mut budget: usize,
        mut keep: impl FnMut(Handle) -> bool,
    ) -> usize {
        while let Some(level) = self.levels.get_mut(weeding.slot / SLOTS) {
            let slot = &mut level.slots[weeding.slot % SLOTS];
            // Backwards: what a removal moves here has been looked at.
            let mut end = weeding.end.unwrap_or(slot.len()).min(slot.len());
            while end > 0 {
                if budget == 0 {
                    weeding.end = Some(end);
                    return 0;
                }
                budget -= 1;
                end -= 1;
                if !keep(slot.get(end)) {
                    slot.swap_remove(end, &mut self.spare);
                    self.len -= 1;
                }
            }
            if slot.is_empty() {
                level.occupied &= !(1 << (weeding.slot % SLOTS));
            }
            *weeding = Weeding { slot: weeding.slot + 1, end: None };
        }
        self.spare = Spare::default();
        budget
    }
}

/// Where a walk of [`Wheel::weed`] goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weeding {
    slot: usize,
    /// The handles of the slot that were not looked at; none: all.
    end: Option<usize>,
}
