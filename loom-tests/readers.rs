//! Sections of readers, which take no guard: what one reads is not freed before it ends
//! (I1), and all of it is freed in the end.
//!
//! The barrier of these models promises what the system's does, and no more: see
//! `src/reclaim/barrier.rs`.
#![cfg(epochkv_loom)]

mod common;

use common::{Bound, Collector, Gate, explore};
use epochkv::internals::{Garbage, Grace, Readers};
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::thread;
use std::sync::Arc;

const BOUND: Bound = Bound::None;

fn explore_all(name: &str, body: impl Fn() + Send + Sync + 'static) {
    explore(name, BOUND, Collector::Keep, body);
}

/// The first barrier of an execution makes its word, which orders more than a barrier.
fn warm(readers: &Readers) {
    readers.start();
    assert!(readers.active().is_some_and(|blockers| blockers.is_empty()));
    readers.stop();
}

/// Something that can be found until it is unlinked, and read until it is freed.
struct World {
    readers: Readers,
    linked: AtomicU64,
    /// Loom fails if it is freed while it is read.
    content: UnsafeCell<u64>,
    /// Passed before all that the other thread may see.
    gate: Gate,
}

// SAFETY: the models read and free the content as the store does its entries, and
// loom reports the first time that is wrong.
unsafe impl Sync for World {}

impl World {
    fn new() -> Arc<Self> {
        let linked = AtomicU64::new(1);
        let content = UnsafeCell::new(7);
        let world = Self { readers: Readers::new(), linked, content, gate: Gate::default() };
        warm(&world.readers);
        Arc::new(world)
    }

    /// With readers that were counted and registered before: then it is about the words
    /// of sections alone.
    fn with_readers() -> Arc<Self> {
        let world = Self::new();
        world.readers.start();
        world.readers.register().release();
        world
    }

    /// What a section does.
    fn read(&self) {
        self.gate.pass();
        if self.linked.load(Acquire) == 1 {
            // SAFETY: what the model is to show.
            self.content.with(|content| assert_eq!(unsafe { *content }, 7));
        }
    }

    fn unlink(&self) {
        self.gate.pass();
        self.linked.store(0, Release);
    }

    fn free(&self) {
        // SAFETY: what the model is to show.
        self.content.with_mut(|content| unsafe { *content = 0 });
    }

    /// Frees if no section is in the way.
    fn try_to_free(&self) {
        self.gate.pass();
        if self.readers.active().is_some_and(|blockers| blockers.is_empty()) {
            self.free();
        }
    }
}

#[test]
fn what_a_section_reads_is_not_freed() {
    explore_all("what_a_section_reads_is_not_freed", || {
        let world = World::with_readers();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let slot = other.readers.register();
            slot.enter();
            other.read();
            slot.leave();
        });
        world.unlink();
        world.try_to_free();
        reader.join().expect("the reader panicked");
    });
}

/// The reader's slot is added to the list, or taken over from a thread that has
/// ended, while the reclaimer looks.
#[test]
fn a_new_reader_is_seen() {
    explore_all("a_new_reader_is_seen", || {
        let world = World::new();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            other.readers.start();
            let slot = other.readers.register();
            slot.enter();
            other.read();
            slot.leave();
            slot.release();
            other.readers.stop();
        });
        world.unlink();
        world.try_to_free();
        reader.join().expect("the reader panicked");
        // Nobody is counted and nobody is in a section any more.
        assert!(world.readers.are_none());
    });
}

/// As long as nobody is counted no barrier is needed; who is counted later sees what
/// was unlinked.
#[test]
fn nobody_reads_while_none_are_counted() {
    explore_all("nobody_reads_while_none_are_counted", || {
        let world = World::new();
        world.readers.register().release();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let slot = other.readers.register();
            other.readers.start();
            slot.enter();
            other.read();
            slot.leave();
            other.readers.stop();
        });
        world.unlink();
        if world.readers.are_none() {
            world.free();
        }
        reader.join().expect("the reader panicked");
    });
}

/// A section that was in the way is over when its thread has left it, although the
/// thread is in the next one; and not before, although it has left one inside of it.
#[test]
fn a_blocker_is_over_when_it_has_left() {
    explore_all("a_blocker_is_over_when_it_has_left", || {
        let world = World::with_readers();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let slot = other.readers.register();
            slot.enter();
            slot.enter();
            slot.leave();
            other.read();
            slot.leave();
            slot.enter();
            other.read();
            slot.leave();
        });
        world.unlink();
        let blockers = world.readers.active().expect("the barrier never fails here");
        if blockers.iter().all(|blocker| blocker.is_over()) {
            world.free();
        }
        reader.join().expect("the reader panicked");
        assert!(blockers.iter().all(|blocker| blocker.is_over()));
    });
}

/// The next owner of a slot goes on from where the last one stopped: no section of
/// either stays behind.
#[test]
fn a_slot_changes_hands_whole() {
    explore_all("a_slot_changes_hands_whole", || {
        let world = World::with_readers();
        let one = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let slot = one.readers.register();
            slot.enter();
            slot.leave();
            slot.release();
        });
        let slot = world.readers.register();
        slot.enter();
        world.read();
        slot.leave();
        slot.release();
        reader.join().expect("the reader panicked");
        let blockers = world.readers.active().expect("the barrier never fails here");
        assert!(blockers.is_empty());
    });
}

/// The way of garbage: it is freed once, by whichever thread comes by, and not before
/// the section that was in the way is over.
#[test]
fn garbage_waits_for_its_readers() {
    explore("garbage_waits_for_its_readers", Bound::None, Collector::Keep, || {
        let world = World::new();
        // For the rest of the process in the store, for this execution here.
        let readers: &'static Readers = Box::leak(Box::new(Readers::new()));
        let grace: &'static Grace<'static> = Box::leak(Box::new(Grace::new(readers)));
        let freed = Arc::new(AtomicU64::new(0));
        warm(readers);
        readers.start();
        readers.register().release();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let slot = readers.register();
            slot.enter();
            other.read();
            slot.leave();
            grace.settle();
        });
        world.unlink();
        let (own, count) = (Arc::clone(&world), Arc::clone(&freed));
        let free = move || {
            own.free();
            // Relaxed: read after the threads have been joined.
            count.fetch_add(1, Relaxed);
        };
        grace.add(Garbage::other(free, usize::MAX / 2));
        reader.join().expect("the reader panicked");
        grace.settle();
        assert_eq!(freed.load(Relaxed), 1);
        // SAFETY: leaked above, and nobody uses it any more.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(grace).cast_mut()) });
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(readers).cast_mut()) });
    });
}
