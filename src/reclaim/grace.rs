//! The way of garbage after its epoch: no guard can see it any more, perhaps a reader
//! without one.
//!
//! It collects until one heavy barrier pays for much of it, waits for the sections that
//! are under way then, and is freed a little at a time by whoever brings more. All steps are
//! lock-free: who is stopped in one keeps back what it holds, and nothing else.

use super::garbage::Garbage;
use super::readers::{Blocker, Readers};
use super::stack::Stack;
use crate::sync::const_outside_models;
use crate::sync::stat::{AtomicUsize, Ordering};

/// The weight that is worth a barrier, which costs this thread and every other running one
/// some microseconds: some 2000 entries, or 1 MiB. More would save barriers, but memory that
/// lies in wait grows cold: four times as many entries make writes a fifth slower.
const ENOUGH: usize = if cfg!(crossbeam_sanitize) { 1 << 10 } else { 128 << 10 };

/// Pieces of garbage freed for each new one: as many as come, so that threads get memory back
/// as fast as they give it away.
const PIECES: usize = 1;

/// And one more for each so many that are there, so that it never piles up.
const MUCH: usize = 64;

/// Garbage on its way, and the readers it waits for.
pub struct Grace<'r> {
    readers: &'r Readers,
    /// Not looked at yet.
    ripe: Stack<Garbage>,
    /// What `ripe` weighs, about.
    weight: AtomicUsize,
    blocked: Stack<Blocked<'r>>,
    /// For nobody to see.
    free: Stack<Vec<Garbage>>,
}

/// Garbage and the sections that may see it; none if that could not be told yet.
struct Blocked<'r> {
    garbage: Vec<Garbage>,
    blockers: Option<Vec<Blocker<'r>>>,
}

impl<'r> Grace<'r> {
    const_outside_models! {
        pub fn new(readers: &'r Readers) -> Self {
            Self {
                readers,
                ripe: Stack::new(),
                weight: AtomicUsize::new(0),
                blocked: Stack::new(),
                free: Stack::new(),
            }
        }
    }

    /// Takes garbage that no guard can see any more; frees some of earlier times.
    pub fn add(&self, garbage: Garbage) {
        if self.ripe.is_empty() && self.blocked.is_empty() && self.readers.are_none() {
            garbage.free();
        } else {
            let weight = garbage.weight;
            let sum = self.collect(garbage);
            // While readers stand still, not with every piece.
            if sum < ENOUGH || sum / ENOUGH != (sum - weight) / ENOUGH {
                self.advance(ENOUGH);
            }
        }
        self.free_some(PIECES);
    }

    /// For threads that bring nothing: moves on what waits, if anything does.
    pub fn help(&self) {
        self.advance(ENOUGH);
        self.free_some(PIECES);
    }

    /// As [`add`](Self::add), for a thread that has much, and frees all it can itself;
    /// `now`: even if it is little.
    pub fn add_all(&self, garbage: Vec<Garbage>, now: bool) {
        garbage.into_iter().for_each(|garbage| _ = self.collect(garbage));
        self.advance(if now { 0 } else { ENOUGH });
        self.free_some(usize::MAX);
    }

    /// Frees all that can be freed now, be it little.
    #[cfg(any(test, epochkv_loom))]
    pub fn settle(&self) {
        self.add_all(Vec::new(), true);
    }

    fn collect(&self, garbage: Garbage) -> usize {
        // Relaxed: decides only when to look. Before the push, so that the count is not
        // taken off before it was added.
        let weight = garbage.weight;
        let sum = self.weight.fetch_add(weight, Ordering::Relaxed).saturating_add(weight);
        self.ripe.push(garbage);
        sum
    }

    /// Moves on what nobody can see any more; then, if nothing waits for readers,
    /// looks for those of what has collected, if that weighs so much.
    fn advance(&self, least: usize) {
        if !self.blocked.is_empty() && !self.unblock() || self.ripe.is_empty() {
            return;
        }
        // Relaxed: as in `collect`.
        if self.weight.load(Ordering::Relaxed) >= least || self.readers.are_none() {
            self.look();
        }
    }

    /// Whether nothing waits for readers any more.
    #[cold]
    fn unblock(&self) -> bool {
        // One group, but where threads have met here.
        let (mut waiting, mut blockers) = (Vec::new(), Some(Vec::new()));
        for Blocked { garbage, blockers: seen } in self.blocked.take_all() {
            let seen = seen.or_else(|| self.readers.active()).map(|mut seen| {
                seen.retain(|blocker| !blocker.is_over());
                seen
            });
            if seen.as_ref().is_some_and(Vec::is_empty) {
                self.free.push(garbage);
            } else {
                append(&mut waiting, garbage);
                // What cannot be told of one group cannot be told of both.
                blockers = blockers
                    .zip(seen)
                    .map(|(all, more)| [all, more].into_iter().flatten().collect());
            }
        }
        waiting.is_empty() || self.free_unless(waiting, blockers)
    }

    /// Looks for the readers of what has collected.
    #[cold]
    fn look(&self) {
        let garbage = self.ripe.take_all();
        let weight = garbage.iter().map(|garbage| garbage.weight).sum();
        // Relaxed: as in `collect`.
        self.weight.fetch_sub(weight, Ordering::Relaxed);
        self.free_unless(garbage, self.readers.active());
    }

    /// Files garbage as free, or as blocked. Returns whether it is free.
    fn free_unless(&self, garbage: Vec<Garbage>, blockers: Option<Vec<Blocker<'r>>>) -> bool {
        let is_free = blockers.as_ref().is_some_and(Vec::is_empty);
        if is_free {
            self.free.push(garbage);
        } else {
            self.blocked.push(Blocked { garbage, blockers });
        }
        is_free
    }

    fn free_some(&self, pieces: usize) {
        if self.free.is_empty() {
            return;
        }
        let mut garbage = Vec::new();
        self.free.take_all().into_iter().for_each(|group| append(&mut garbage, group));
        // After readers have stood still for long there is much.
        let pieces = pieces.saturating_add(garbage.len() / MUCH);
        let now = garbage.split_off(garbage.len().saturating_sub(pieces));
        if !garbage.is_empty() {
            self.free.push(garbage);
        }
        now.into_iter().for_each(Garbage::free);
    }
}

/// Appends the shorter to the longer.
fn append(all: &mut Vec<Garbage>, mut more: Vec<Garbage>) {
    if all.len() < more.len() {
        core::mem::swap(all, &mut more);
    }
    all.append(&mut more);
}

/// The readers of the process.
#[cfg(not(epochkv_loom))]
pub static READERS: Readers = Readers::new();

/// The garbage of the process.
#[cfg(not(epochkv_loom))]
pub static GRACE: Grace<'static> = Grace::new(&READERS);

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{ENOUGH, Garbage, Grace, PIECES, Readers};
    use crate::reclaim::readers::Slot;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Pieces of garbage that count how many of them are freed.
    #[derive(Clone, Default)]
    struct Freed(Arc<AtomicUsize>);

    impl Freed {
        fn piece(&self, weight: usize) -> Garbage {
            let count = Arc::clone(&self.0);
            Garbage::other(move || _ = count.fetch_add(1, Ordering::Relaxed), 8 * weight)
        }

        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn without_readers_garbage_is_freed_at_once() {
        let (readers, freed) = (Readers::new(), Freed::default());
        let grace = Grace::new(&readers);
        grace.add(freed.piece(1));
        assert_eq!(freed.count(), 1);
    }

    /// With one thread that may read.
    fn beside_a_reader(test: impl for<'r> FnOnce(&'r Readers, &'r Slot, &Grace<'r>, &Freed)) {
        let readers = Readers::new();
        readers.start();
        test(&readers, readers.register(), &Grace::new(&readers), &Freed::default());
    }

    #[test]
    fn with_readers_it_collects_and_then_is_freed_in_pieces() {
        beside_a_reader(|_, _, grace, freed| {
            let pieces = 16;
            for _ in 1..pieces {
                grace.add(freed.piece(ENOUGH / pieces));
                assert_eq!(freed.count(), 0);
            }
            grace.add(freed.piece(ENOUGH / pieces));
            for step in 2..=pieces / PIECES {
                assert_eq!(freed.count(), (step - 1) * PIECES);
                grace.add(freed.piece(1));
            }
            assert_eq!(freed.count(), pieces);
            grace.settle();
            assert_eq!(freed.count(), pieces + pieces / PIECES - 1);
        });
    }

    #[test]
    fn what_a_section_may_see_waits_for_it_and_holds_back_what_comes_later() {
        beside_a_reader(|_, slot, grace, freed| {
            slot.enter();
            for _ in 0..100 {
                grace.add(freed.piece(ENOUGH));
            }
            grace.settle();
            assert_eq!(freed.count(), 0);
            slot.leave();
            // What had been looked at is free; the rest is looked at now, and waits for
            // the section that is under way.
            slot.enter();
            grace.settle();
            assert_eq!(freed.count(), 1);
            slot.leave();
            grace.settle();
            assert_eq!(freed.count(), 100);
        });
    }

    #[test]
    fn what_was_in_the_way_does_not_keep_garbage_when_it_has_gone() {
        beside_a_reader(|readers, slot, grace, freed| {
            slot.enter();
            grace.add(freed.piece(ENOUGH));
            assert_eq!(freed.count(), 0);
            slot.leave();
            readers.stop();
            (0..2).for_each(|_| grace.add(freed.piece(1)));
            assert_eq!(freed.count(), 3);
            // And while somebody else may read.
            readers.start();
            slot.enter();
            grace.add(freed.piece(ENOUGH));
            slot.leave();
            grace.help();
            assert_eq!(freed.count(), 4);
        });
    }

    /// Threads that meet while a reader stands still leave several groups behind.
    #[test]
    fn groups_that_wait_become_one() {
        beside_a_reader(|readers, slot, grace, freed| {
            slot.enter();
            for _ in 0..100 {
                let garbage = vec![freed.piece(0)];
                assert!(!grace.free_unless(garbage, readers.active()));
            }
            grace.help();
            assert_eq!(grace.blocked.take_all().len(), 1);
            slot.leave();
            (0..100).for_each(|_| grace.free.push(vec![freed.piece(0)]));
            grace.help();
            let left = grace.free.take_all();
            assert_eq!(
                (left.len(), left[0].len(), freed.count()),
                (1, 100 - PIECES - 1, PIECES + 1)
            );
            left.into_iter().flatten().for_each(Garbage::free);
        });
    }

    #[test]
    fn when_the_last_reader_goes_what_has_collected_is_freed_with_the_next() {
        beside_a_reader(|readers, _, grace, freed| {
            grace.add(freed.piece(1));
            assert_eq!(freed.count(), 0);
            readers.stop();
            (0..2).for_each(|_| grace.add(freed.piece(1)));
            assert_eq!(freed.count(), 3);
        });
    }

    #[test]
    fn who_brings_much_frees_it_all() {
        beside_a_reader(|_, _, grace, freed| {
            grace.add_all((0..10).map(|_| freed.piece(1)).collect(), false);
            assert_eq!(freed.count(), 0);
            grace.add_all((0..10).map(|_| freed.piece(ENOUGH)).collect(), false);
            assert_eq!(freed.count(), 20);
        });
    }
}
