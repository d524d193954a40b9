//! Removal of expired entries without traffic.

use super::Kv;
use crate::key::Key;
use crate::reclaim::{self, Guard, Shared};
use crate::record::{Handle as Held, Record};
use crate::snapshot::Snapshot;
use crate::sweep::State;
use crate::sweep::handle::Handle;
use crate::sweep::wheel::FIRE;
use crate::sync;
use crate::table::Occupied;
use crate::time::clock::Clock;
use crate::time::ttl::Now;
use core::hash::BuildHasher;
use core::mem;
use std::panic::{self, AssertUnwindSafe};

/// Entries looked at under one guard; less than what is handed to the collector
/// by itself.
const PORTION: usize = 48;

/// Handles, by the number of entries, from which it is quicker to begin anew
/// than to look at each. Only those who are hopelessly behind have so many.
const TOO_MANY_HANDLES: usize = 4;
const TOO_MANY_AT_LEAST: usize = 1 << 16;

/// Handles beyond twice the number of entries, before it is asked which of them
/// nobody wants.
const SPARE_HANDLES: usize = if cfg!(epochkv_loom) { 1 } else { 1024 };

/// Handles that one sweep may weed on average: when all have been looked at, so
/// many sweeps pass before it begins again as they are worth.
const WEEDED_PER_SWEEP: usize = 1024;

/// Steps of the collector at the end of a sweep that has nothing left to do: as
/// many as an epoch takes, and some.
const FLUSHES: usize = 4;

/// What one step of upkeep does about cleared tables: some thousand entries, or as many
/// empty buckets.
const RELEASE_PER_STEP: usize = 4096;

/// What [`Kv::sweep`] did.
///
/// ```
/// let swept = epochkv::Kv::new().sweep(1000);
/// assert_eq!(swept, epochkv::Swept::default());
/// ```
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

/// How soon the next sweep should come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Entries that have expired, or handles, wait.
    Behind,
    /// There is other work.
    Soon,
    /// There is nothing to do.
    Rest,
}

/// An entry on its way to the callback.
type Expired<K> = (Held<K>, Snapshot);

/// What is called with each expired entry.
pub(super) type OnExpire<'f, K> = &'f mut dyn FnMut(&K, &Snapshot);

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
    /// let kv = Kv::builder().clock(clock.clone()).build();
    /// kv.set_ex("session", "token", 60)?;
    /// assert_eq!(kv.sweep(1000).removed, 0);
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(kv.len(), 1);
    /// assert_eq!(kv.sweep(1000).removed, 1);
    /// assert_eq!(kv.len(), 0);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn sweep(&self, budget: usize) -> Swept {
        self.sweep_reporting(budget, None).0
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
    /// let kv = Kv::builder().clock(clock.clone()).build();
    /// kv.set_ex("session", "token", 60)?;
    /// clock.advance(Duration::from_secs(60));
    /// let mut gone = Vec::new();
    /// kv.sweep_with(1000, |key, value| gone.push((key.to_owned(), value.clone())));
    /// assert_eq!(gone.len(), 1);
    /// assert_eq!(gone[0].1, "token");
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn sweep_with(&self, budget: usize, mut on_expire: impl FnMut(&K, &Snapshot)) -> Swept {
        self.sweep_reporting(budget, Some(&mut on_expire)).0
    }

    pub(super) fn sweep_reporting(
        &self,
        budget: usize,
        on_expire: Option<OnExpire<'_, K>>,
    ) -> (Swept, Pace) {
        self.inner.clock.refresh();
        let busy = Swept { busy: true, ..Swept::default() };
        Sweep::new(self, budget, on_expire).run().unwrap_or((busy, Pace::Rest))
    }
}

/// Calls foreign code; none if it panics. What it panics with is dropped here, and may
/// panic in turn.
pub(super) fn catch<R>(call: impl FnOnce() -> R) -> Option<R> {
    let payload = match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => return Some(done),
        Err(payload) => payload,
    };
    if let Err(another) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(another);
    }
    None
}

/// One call. The state is taken only to find out what is due: while entries are
/// removed, which takes longest and may have to wait for the allocator, others can sweep.
struct Sweep<'s, 'f, K: Key + ?Sized, S, C> {
    kv: &'s Kv<K, S, C>,
    /// For the step that is under way; what it takes to look at an entry is
    /// [`FIRE`].
    budget: usize,
    /// For handles that come from the inbox.
    taking: usize,
    on_expire: Option<OnExpire<'f, K>>,
    removed: usize,
    /// Buffers.
    due: Vec<Handle>,
    expired: Vec<Expired<K>>,
}

/// Why it is looked at the entries with a hash.
#[derive(Clone, Copy)]
struct Look {
    /// The tick of the handle; none on a walk.
    tick: Option<u64>,
    now: u64,
    /// The first tick that has not passed for the wheel: later than `now` if the
    /// clock has gone back.
    next: u64,
}

impl<'s, 'f, K: Key + ?Sized, S: BuildHasher, C: Clock> Sweep<'s, 'f, K, S, C> {
    fn new(kv: &'s Kv<K, S, C>, budget: usize, on_expire: Option<OnExpire<'f, K>>) -> Self {
        let (due, expired) = (Vec::new(), Vec::new());
        let budget = budget.saturating_mul(FIRE);
        Self { kv, budget, taking: budget, on_expire, removed: 0, due, expired }
    }

    /// None if another thread is sweeping.
    fn run(mut self) -> Option<(Swept, Pace)> {
        let feed = &self.kv.inner.feed;
        // No step may take it all: new handles keep coming, and so do deadlines.
        let part = self.budget / 4;
        let fired = self.fire()?;
        self.budget = self.budget.max(part);
        let walked = self.walk();
        self.budget = self.budget.max(part);
        let weeded = feed.sweep(|state| self.weed(state)).unwrap_or(true);
        let tended = self.tend();
        let pace = match (fired, walked && weeded && tended) {
            (false, _) => Pace::Behind,
            (true, false) => Pace::Soon,
            (true, true) => Pace::Rest,
        };
        Some((Swept { removed: self.removed, more: pace != Pace::Rest, busy: false }, pace))
    }

    /// Milliseconds of the store's clock.
    fn now(kv: &Kv<K, S, C>) -> u64 {
        Now::new(&kv.inner.clock).ms()
    }

    /// Moves handles from the inbox to the wheel, and looks at what is due. Like
    /// the steps below, returns whether it has come to its end before the budget.
    fn fire(&mut self) -> Option<bool> {
        let (kv, feed) = (self.kv, &self.kv.inner.feed);
        let most = TOO_MANY_HANDLES.saturating_mul(kv.len()).saturating_add(TOO_MANY_AT_LEAST);
        let mut rested = None;
        loop {
            let portion = (PORTION * FIRE).min(self.budget);
            let (due, taking) = (&mut self.due, &mut self.taking);
            let mut read = Vec::with_capacity(if *taking > 0 { PORTION } else { 0 });
            let step = feed.sweep(|state| {
                // Not before: by an older time than the wheel's, an entry whose
                // handle is taken here might not have expired yet.
                let now = Self::now(kv);
                if rested.is_none() {
                    state.begin_anew_above(most);
                }
                let all_taken = feed.take(state, taking, &mut read);
                let left = state.wheel.advance(now, portion, |handle| due.push(handle));
                (now, left, all_taken && state.wheel.is_at_rest(now), state.wheel.next())
            });
            // Who is faster goes on with it.
            let Some((now, left, at_rest, next)) = step else { return rested };
            rested = Some(at_rest);
            self.budget -= portion - left;
            let is_over = left > 0 && self.due.is_empty();
            self.visit_due(now, next);
            if is_over || self.budget == 0 {
                return rested;
            }
        }
    }

    fn visit_due(&mut self, now: u64, next: u64) {
        let mut due = mem::take(&mut self.due);
        if !due.is_empty() {
            let (table, feed) = (self.kv.table(), &self.kv.inner.feed);
            due.iter().for_each(|handle| table.prefetch_bucket(handle.hash));
            let guard = reclaim::pin();
            due.iter().for_each(|handle| _ = table.likely_entry(handle.hash, &guard));
            let mut found = Vec::new();
            for Handle { hash, tick } in due.drain(..) {
                let look = Look { tick: Some(tick), now, next };
                self.visit(hash, look, &mut found, &mut |it| feed.hand_over(it, &guard), &guard);
            }
            feed.release(false, &guard);
        }
        self.due = due;
        self.report();
    }

    /// Finds what was set while writers did not file.
    fn walk(&mut self) -> bool {
        let feed = &self.kv.inner.feed;
        loop {
            // Who is faster goes on with it.
            let Some(is_over) = feed.sweep(|state| self.walk_on(state)) else { return true };
            self.report();
            if is_over || self.budget == 0 {
                return is_over;
            }
        }
    }

    /// One portion of the walk; whether it is over.
    fn walk_on(&mut self, state: &mut State) -> bool {
        let Some(start) = state.walk() else { return true };
        if self.budget == 0 {
            return false;
        }
        let look = Look { tick: None, now: Self::now(self.kv), next: state.wheel.next() };
        let guard = reclaim::pin();
        let (mut cursor, mut looked_at) = (Some(start), 0);
        let (mut met, mut hashes, mut found) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(at) = cursor.filter(|_| looked_at < PORTION) {
            cursor = self.kv.table().visit(at, &mut met, &guard);
            looked_at += 1 + met.len();
            let timed = met.drain(..).filter(|record| record.timing().is_some());
            hashes.extend(timed.map(Shared::hash));
            // Equal hashes are met in one step.
            hashes.sort_unstable();
            hashes.dedup();
            for hash in hashes.drain(..) {
                self.visit(hash, look, &mut found, &mut |it| state.wheel.file(it), &guard);
            }
        }
        self.budget = self.budget.saturating_sub(looked_at * FIRE);
        state.walked_to(cursor);
        self.kv.inner.feed.release(false, &guard);
        state.walk().is_none()
    }

    /// Looks at all entries with a hash, because a handle of it has fired, or because
    /// the walk has come by. Removes those that have expired; lets `file` have a
    /// handle for each other one that this one was for, or any on a walk.
    fn visit<'g>(
        &mut self,
        hash: u64,
        look: Look,
        found: &mut Vec<Occupied<'g, Record<K>>>,
        file: &mut dyn FnMut(Handle),
        guard: &'g Guard,
    ) {
        let mut walked: Vec<Shared<'_, Record<K>>> = Vec::new();
        loop {
            let mut again = false;
            self.kv.table().locate_hash(hash, found, guard);
            for place in found.drain(..) {
                let record = place.entry();
                let Some(timing) = record.timing() else { continue };
                if timing.deadline <= look.now {
                    again |= !self.remove(place, guard);
                    continue;
                }
                // If the clock has gone back, not before it comes here again.
                let next = timing.deadline.max(look.next);
                let mine = match look.tick {
                    Some(tick) => timing.filed.renew(tick, next),
                    None if walked.iter().any(|known| known.is(record)) => false,
                    None => {
                        walked.push(record);
                        timing.filed.enforce(next);
                        true
                    }
                };
                if mine {
                    file(Handle { hash, tick: next });
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
            if catch(|| on_expire(record.share().key(), &value)).is_none() {
                self.kv.inner.feed.figures.count_panic();
            }
        }
    }

    /// Drops handles that nobody wants, where they are more than the others:
    /// those of keys that were deleted long before their deadlines.
    fn weed(&mut self, state: &mut State) -> bool {
        let State { wheel, weeding, weeding_pause, .. } = state;
        *weeding_pause = weeding_pause.saturating_sub(1);
        let enough = || 2 * self.kv.len() + SPARE_HANDLES;
        if weeding.is_none() && (*weeding_pause > 0 || wheel.len() <= enough()) {
            return true;
        }
        let place = weeding.get_or_insert_default();
        while self.budget > 0 {
            let portion = PORTION.min(self.budget.div_ceil(FIRE));
            let guard = reclaim::pin();
            let mut found = Vec::new();
            let keep = |handle| self.kv.wants(handle, &mut found, &guard);
            let left = wheel.weed(place, portion, keep);
            self.budget = self.budget.saturating_sub((portion - left) * FIRE);
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
            self.kv.inner.feed.release(true, &reclaim::pin());
        }
        !migrating && !releasing
    }
}

impl<K: Key + ?Sized, S, C> Drop for Sweep<'_, '_, K, S, C> {
    /// Also if the clock has panicked.
    fn drop(&mut self) {
        self.kv.inner.feed.figures.count_swept(self.removed);
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// What a writer does that has just filed an entry and is asked for help:
    /// removes what has expired in the same bucket, which takes nothing that the
    /// sweep may be holding. Hashes are spread evenly, so every bucket gets a visit for
    /// as many entries as there are buckets: entries that have expired never are
    /// much more than those, however little time a sweeper gets among many threads.
    #[cold]
    pub(super) fn help_to_sweep(&self, hash: u64, guard: &Guard) {
        // Before the table is entered, as in `decide`.
        // The write has been made: a clock that panics must not make it look as if it had not.
        let Some(now) = catch(|| Now::new(&self.inner.clock).ms()) else { return };
        for place in self.table().neighbours(hash, guard) {
            let expires = place.entry().timing().is_some_and(|timing| timing.deadline <= now);
            if expires && self.table().remove(place, guard).is_some() {
                self.inner.expired.increment();
            }
        }
    }

    /// What the end of a sweeper does, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn stop_sweeping(&self) {
        self.inner.feed.enter();
        self.inner.feed.leave();
    }

    /// What a sweep does that is hopelessly behind, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn forget_handles(&self) {
        self.inner.feed.sweep(|state| state.begin_anew_above(0));
    }

    /// What a sweeper does that is behind, for models.
    #[cfg(epochkv_loom)]
    #[doc(hidden)]
    pub fn ask_for_help(&self) {
        self.inner.feed.ask_for_help();
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
