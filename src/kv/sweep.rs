//! Removal of expired entries without traffic.

use super::Kv;
use crate::key::Key;
use crate::reclaim::{self, Guard, Shared};
use crate::record::{Handle as Held, Record};
use crate::snapshot::Snapshot;
use crate::sweep::State;
use crate::sweep::wheel::Handle;
use crate::sync;
use crate::table::Occupied;
use crate::time::clock::Clock;
use core::hash::BuildHasher;
use core::mem;
use std::panic::{self, AssertUnwindSafe};

/// Entries looked at under one guard; less than what is handed to the collector
/// by itself.
const PORTION: usize = 48;

/// Handles beyond twice the number of entries, before it is asked which of them
/// nobody wants.
const SPARE_HANDLES: usize = if cfg!(epochkv_loom) { 1 } else { 1024 };

/// Handles that one sweep may weed on average: when all have been looked at, so
/// many sweeps pass before it begins again as they are worth.
const WEEDED_PER_SWEEP: usize = 1024;

/// Steps of the collector at the end of a sweep that has nothing left to do: as
/// many as an epoch takes, and some.
const FLUSHES: usize = 4;

/// Buckets of cleared tables that one step of upkeep releases.
const RELEASE_PER_STEP: usize = 256;

/// What [`Kv::sweep`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Expired entries that it removed.
    pub removed: usize,
    /// Whether the budget ended before the work: call again soon.
    pub more: bool,
    /// Whether another thread was sweeping; then nothing was done.
    pub busy: bool,
}

/// An entry on its way to the callback.
type Expired<K> = (Held<K>, Snapshot);

/// What is called with each expired entry.
type OnExpire<'f, K> = &'f mut dyn FnMut(&K, &Snapshot);

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Removes entries that have expired, looking at about `budget` entries at
    /// most, and does the upkeep that otherwise waits for traffic: it lets the
    /// table shrink, releases cleared tables, and frees removed entries.
    ///
    /// For programs without threads, for tests and simulations; servers start a
    /// [sweeper](Self::start_sweeper). An expired entry is absent for
    /// every call, swept or not; sweeping gives its memory back.
    ///
    /// The first call also makes writers note their deadlines from then on, and
    /// begins a walk over the table that finds those of before. If nobody calls
    /// any more, the notes end at 16 MiB, and the next call starts
    /// anew. Lock-free for everybody else; if another thread is sweeping, it returns at once.
    ///
    /// ```
    /// use epochkv::{Kv, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
    /// kv.set_ex("session", "token", 60)?;
    /// assert_eq!(kv.sweep(1000).removed, 0);
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(kv.len(), 1);
    /// assert_eq!(kv.sweep(1000).removed, 1);
    /// assert_eq!(kv.len(), 0);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn sweep(&self, budget: usize) -> Swept {
        self.sweep_reporting(budget, None)
    }

    /// As [`sweep`](Self::sweep), and calls `on_expire` with the key and last value of
    /// each entry that this call has removed, after it is gone.
    ///
    /// `on_expire` runs under no lock and no guard and may call the store, also on
    /// the same key, which may be there again. If it panics, the panic is caught and
    /// [counted](crate::Stats::callback_panics). Entries that another operation found expired are
    /// not reported.
    ///
    /// ```
    /// use epochkv::{Kv, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
    /// kv.set_ex("session", "token", 60)?;
    /// clock.advance(Duration::from_secs(60));
    /// let mut gone = Vec::new();
    /// kv.sweep_with(1000, |key, value| gone.push((key.to_owned(), value.clone())));
    /// assert_eq!(gone.len(), 1);
    /// assert_eq!(gone[0].1, "token");
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn sweep_with(&self, budget: usize, mut on_expire: impl FnMut(&K, &Snapshot)) -> Swept {
        self.sweep_reporting(budget, Some(&mut on_expire))
    }

    pub(super) fn sweep_reporting(
        &self,
        budget: usize,
        on_expire: Option<OnExpire<'_, K>>,
    ) -> Swept {
        self.inner.clock.refresh();
        let sweep = |state: &mut State| Sweep::new(self, state, budget, on_expire).run();
        let busy = Swept { busy: true, ..Swept::default() };
        self.inner.feed.sweep(sweep).unwrap_or(busy)
    }
}

/// One call.
struct Sweep<'s, 'f, K: Key + ?Sized, S, C> {
    kv: &'s Kv<K, S, C>,
    state: &'s mut State,
    budget: usize,
    on_expire: Option<OnExpire<'f, K>>,
    removed: usize,
    /// Buffers.
    due: Vec<Handle>,
    expired: Vec<Expired<K>>,
}

impl<'s, 'f, K: Key + ?Sized, S: BuildHasher, C: Clock> Sweep<'s, 'f, K, S, C> {
    fn new(
        kv: &'s Kv<K, S, C>,
        state: &'s mut State,
        budget: usize,
        on_expire: Option<OnExpire<'f, K>>,
    ) -> Self {
        let (due, expired) = (Vec::new(), Vec::new());
        Self { kv, state, budget, on_expire, removed: 0, due, expired }
    }

    fn run(mut self) -> Swept {
        let rested = self.take_handles() && self.fire() && self.walk() && self.weed();
        let tended = self.tend();
        self.kv.inner.feed.figures.count_swept(self.removed);
        Swept { removed: self.removed, more: !(rested && tended), busy: false }
    }

    /// Milliseconds of the store's clock.
    fn now(&self) -> u64 {
        self.kv.now().ms()
    }

    /// Moves handles from the inbox to the wheel. Like the steps below, returns
    /// whether it has come to its end before the budget.
    fn take_handles(&mut self) -> bool {
        self.kv.inner.feed.take(self.state, &reclaim::pin());
        let State { wheel, taken, .. } = &mut *self.state;
        let mut late = Vec::new();
        while self.budget > 0 {
            let Some(mut block) = taken.pop() else { break };
            self.budget = self.budget.saturating_sub(block.len());
            if !block.read(|handle| wheel.file(handle)) {
                late.push(block);
            }
        }
        taken.append(&mut late);
        self.budget > 0
    }

    /// Looks at what is due.
    fn fire(&mut self) -> bool {
        loop {
            let now = self.now();
            let portion = PORTION.min(self.budget);
            let due = &mut self.due;
            let left = self.state.wheel.advance(now, portion, |handle| due.push(handle));
            self.budget -= portion - left;
            self.visit_due(now);
            if left > 0 || self.budget == 0 {
                return self.state.wheel.is_at_rest(now);
            }
        }
    }

    fn visit_due(&mut self, now: u64) {
        let mut due = mem::take(&mut self.due);
        if !due.is_empty() {
            let table = self.kv.table();
            due.iter().for_each(|handle| table.prefetch_bucket(handle.hash));
            let guard = reclaim::pin();
            due.iter().for_each(|handle| _ = table.likely_entry(handle.hash, &guard));
            let mut found = Vec::new();
            for handle in due.drain(..) {
                self.visit(handle.hash, Some(handle.tick), now, &mut found, &guard);
            }
            self.kv.inner.feed.release(&guard);
        }
        self.due = due;
        self.report();
    }

    /// Finds what was set while writers did not file.
    fn walk(&mut self) -> bool {
        while let Some(start) = self.state.walk {
            if self.budget == 0 {
                return false;
            }
            let now = self.now();
            let guard = reclaim::pin();
            let (mut cursor, mut looked_at) = (Some(start), 0);
            let (mut met, mut hashes, mut found) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(at) = cursor.filter(|_| looked_at < PORTION) {
                self.kv.table().look_ahead(at, &guard);
                cursor = self.kv.table().visit(at, &mut met, &guard);
                looked_at += 1 + met.len();
                let timed = met.drain(..).filter(|record| record.timing().is_some());
                hashes.extend(timed.map(Shared::hash));
                // Equal hashes are met in one step.
                hashes.sort_unstable();
                hashes.dedup();
                for hash in hashes.drain(..) {
                    self.visit(hash, None, now, &mut found, &guard);
                }
            }
            self.budget = self.budget.saturating_sub(looked_at);
            self.state.walk = cursor;
            self.kv.inner.feed.release(&guard);
            drop((met, found));
            drop(guard);
            self.report();
        }
        true
    }

    /// Looks at all entries with a hash, because the handle of `tick` has fired,
    /// or because the walk has come by. Removes those that have expired; sees to
    /// it that there is a handle for each other one that this one was for.
    fn visit<'g>(
        &mut self,
        hash: u64,
        tick: Option<u64>,
        now: u64,
        found: &mut Vec<Occupied<'g, Record<K>>>,
        guard: &'g Guard,
    ) {
        let mut walked: Vec<Shared<'_, Record<K>>> = Vec::new();
        loop {
            let mut again = false;
            self.kv.table().locate_hash(hash, found, guard);
            for place in found.drain(..) {
                let record = place.entry();
                let Some(timing) = record.timing() else { continue };
                if timing.deadline <= now {
                    again |= !self.remove(place, guard);
                    continue;
                }
                // If the clock has gone back, not before it comes here again.
                let next = timing.deadline.max(self.state.wheel.next());
                let mine = match tick {
                    Some(tick) => timing.filed.renew(tick, next),
                    None if walked.iter().any(|known| known.is(record)) => false,
                    None => {
                        walked.push(record);
                        timing.filed.enforce(next);
                        true
                    }
                };
                if mine {
                    self.state.wheel.file(Handle { hash, tick: next });
                    again = true;
                }
            }
            if !again {
                return;
            }
            // What was written above comes before the next reading of the slots
            // in the total order; pairs with `Filed::get`. A writer that read an
            // older tick has put its entry there before.
            sync::fence();
        }
    }

    /// Removes exactly this entry; false if it is not there any more.
    fn remove<'g>(&mut self, place: Occupied<'g, Record<K>>, guard: &'g Guard) -> bool {
        let Some(unlinked) = self.kv.table().remove(place, guard) else { return false };
        self.kv.inner.expired.increment();
        self.removed += 1;
        if self.on_expire.is_some() {
            let record = unlinked.share();
            self.expired.push((Held::new(record), Snapshot::exact(record)));
        }
        true
    }

    /// Tells the callback, under no guard.
    fn report(&mut self) {
        let Some(on_expire) = &mut self.on_expire else { return };
        for (record, value) in self.expired.drain(..) {
            let call = AssertUnwindSafe(|| on_expire(record.share().key(), &value));
            if panic::catch_unwind(call).is_err() {
                self.kv.inner.feed.figures.count_panic();
            }
        }
    }

    /// Drops handles that nobody wants, where they are more than the others:
    /// those of keys that were deleted long before their deadlines.
    fn weed(&mut self) -> bool {
        let State { wheel, weeding, weeding_pause, .. } = &mut *self.state;
        *weeding_pause = weeding_pause.saturating_sub(1);
        let enough = || 2 * self.kv.len() + SPARE_HANDLES;
        if weeding.is_none() && (*weeding_pause > 0 || wheel.len() <= enough()) {
            return true;
        }
        let place = weeding.get_or_insert_default();
        while self.budget > 0 {
            let portion = PORTION.min(self.budget);
            let guard = reclaim::pin();
            let mut found = Vec::new();
            let keep = |handle| self.kv.wants(handle, &mut found, &guard);
            let left = wheel.weed(place, portion, keep);
            self.budget -= portion - left;
            if left > 0 {
                *weeding = None;
                *weeding_pause = wheel.len() / WEEDED_PER_SWEEP;
                return true;
            }
        }
        false
    }

    /// Upkeep that has nothing to do with expiry.
    fn tend(&mut self) -> bool {
        let table = self.kv.table();
        let migrating = table.tend(&reclaim::pin());
        let releasing = table.release_cleared(RELEASE_PER_STEP);
        for _ in 0..FLUSHES {
            self.kv.inner.feed.release(&reclaim::pin());
        }
        !migrating && !releasing
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// What the end of a sweeper does, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn stop_sweeping(&self) {
        self.inner.feed.enter();
        self.inner.feed.leave();
    }

    /// Whether an entry's handle is this one, or may be: a writer may just be
    /// about to take it over.
    fn wants<'g>(
        &self,
        handle: Handle,
        found: &mut Vec<Occupied<'g, Record<K>>>,
        guard: &'g Guard,
    ) -> bool {
        self.table().locate_hash(handle.hash, found, guard);
        let ticks = found.iter().filter_map(|place| place.entry().timing());
        let wanted = |filed: u64| filed == handle.tick || filed == 0;
        ticks.map(|timing| timing.filed.get()).any(wanted)
    }
}
