//! The way of garbage after its epoch: no guard can see it any more, perhaps a reader
//! without one.
//!
//! It collects until one heavy barrier pays for much of it, waits for the sections that
//! are under way then, and is freed a little at a time by whoever brings more. All steps are
//! lock-free: who is stopped in one keeps back what it holds, and nothing else.

use super::garbage::Garbage;
use super::readers::{Blocker, Readers};
use super::stack::Stack;
use crate::sync::stat::{AtomicUsize, Ordering};

/// Bytes that are worth a barrier, which costs this thread and every other running one some
/// microseconds. More would save barriers, but memory that lies in wait grows cold: twice the
/// caches' size makes writes a third slower.
const ENOUGH: usize = if cfg!(crossbeam_sanitize) { 4 << 10 } else { 128 << 10 };

/// Pieces of garbage freed for each new one: more than one, so that it never piles up.
const PIECES: usize = 2;

/// Garbage on its way, and the readers it waits for.
pub struct Grace<'r> {
    readers: &'r Readers,
    /// Not looked at yet.
    ripe: Stack<Garbage>,
    /// Bytes in `ripe`, about.
    bytes: AtomicUsize,
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
    #[cfg(not(epochkv_loom))]
    pub const fn new(readers: &'r Readers) -> Self {
        Self {
            readers,
            ripe: Stack::new(),
            bytes: AtomicUsize::new(0),
            blocked: Stack::new(),
            free: Stack::new(),
        }
    }

    #[cfg(epochkv_loom)]
    pub fn new(readers: &'r Readers) -> Self {
        Self {
            readers,
            ripe: Stack::new(),
            bytes: AtomicUsize::new(0),
            blocked: Stack::new(),
            free: Stack::new(),
        }
    }

    /// Takes garbage that no guard can see any more; frees some of earlier times.
    pub fn add(&self, garbage: Garbage) {
        if self.ripe.is_empty() && self.readers.are_none() {
            garbage.free();
        } else if self.collect(garbage) >= ENOUGH || self.readers.are_none() {
            self.advance();
        }
        self.free_some(PIECES);
    }

    /// As [`add`](Self::add), for a thread that has much, and frees all it can itself.
    pub fn add_all(&self, garbage: Vec<Garbage>) {
        let mut bytes = 0;
        for garbage in garbage {
            bytes = self.collect(garbage);
        }
        if bytes >= ENOUGH {
            self.advance();
        }
        self.free_some(usize::MAX);
    }

    /// Frees all that can be freed now, be it little.
    pub fn settle(&self) {
        self.advance();
        self.free_some(usize::MAX);
    }

    fn collect(&self, garbage: Garbage) -> usize {
        // Relaxed: decides only when to look. Before the push, so that the count is not
        // taken off before it was added.
        let bytes = garbage.bytes;
        let sum = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.ripe.push(garbage);
        sum
    }

    /// Moves on what nobody can see any more; then, if nothing waits for readers,
    /// looks for those of what has collected.
    #[cold]
    fn advance(&self) {
        let mut waits = false;
        for Blocked { garbage, blockers } in self.blocked.take_all() {
            let still = blockers.map(|mut blockers| {
                blockers.retain(|blocker| !blocker.is_over());
                blockers
            });
            waits |= !self.free_unless(garbage, still.or_else(|| self.readers.active()));
        }
        if waits || self.ripe.is_empty() {
            return;
        }
        let garbage = self.ripe.take_all();
        let bytes = garbage.iter().map(|garbage| garbage.bytes).sum();
        // Relaxed: as in `collect`.
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
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

    fn free_some(&self, mut pieces: usize) {
        if self.free.is_empty() {
            return;
        }
        for mut garbage in self.free.take_all() {
            let keep = garbage.len().saturating_sub(pieces);
            pieces -= garbage.len() - keep;
            let now = garbage.split_off(keep);
            if !garbage.is_empty() {
                self.free.push(garbage);
            }
            now.into_iter().for_each(Garbage::free);
        }
    }
}

/// The readers of the process, and its garbage.
#[cfg(not(epochkv_loom))]
mod process {
    use super::{Grace, Readers};

    pub static READERS: Readers = Readers::new();
    pub static GRACE: Grace<'static> = Grace::new(&READERS);
}

#[cfg(not(epochkv_loom))]
pub use process::{GRACE, READERS};
