//! What a store remembers of its deadlines: how writers tell a sweep, and what
//! the sweep keeps from one time to the next. `kv::sweep` does the work.

pub(crate) mod filed;
pub(crate) mod handle;
pub(crate) mod inbox;
mod slot;
pub(crate) mod wheel;

#[cfg(all(test, not(epochkv_loom)))]
mod tests;

use crate::reclaim::{self, Guard, Ripe, Stack};
use crate::sync::stat::{AtomicUsize, Ordering as StatOrdering};
use crate::sync::{AtomicU32, Ordering, fence, order_write_before_reads};
use crate::table::Cursor;
use core::mem;
use crossbeam_utils::CachePadded;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use filed::Filed;
use handle::Handle;
use inbox::{Inbox, Taken};
use wheel::{END, Weeding, Wheel};

/// Between writers and sweeps.
pub(crate) struct Feed {
    /// Whether writers file their deadlines: not 0 from the first sweep on, until
    /// sweeping ends or the inbox is full.
    on: CachePadded<AtomicU32>,
    /// Sweepers that ask writers for help.
    help: CachePadded<AtomicUsize>,
    inbox: Inbox,
    /// The state of the sweep, while nobody sweeps: whoever takes it out sweeps,
    /// and who finds nothing leaves it at that. `None` where sweeping has not
    /// begun, or has ended.
    idle: Stack<Option<Box<State>>>,
    /// Entries that sweeps have removed and may release now.
    garbage: Arc<Stack<Ripe>>,
    /// Running sweepers.
    sweepers: AtomicUsize,
    /// For `Stats`.
    pub(crate) figures: Figures,
}

/// What there is to say about sweeping.
#[derive(Default)]
pub(crate) struct Figures {
    swept: AtomicUsize,
    panics: AtomicUsize,
    handles: AtomicUsize,
}

/// What a sweep keeps from one time to the next.
pub(crate) struct State {
    pub(crate) wheel: Wheel,
    /// Blocks from the inbox that were not read to their end.
    pub(crate) taken: Vec<Taken>,
    /// How far the walk has come that finds what was set before there was feeding.
    walk: Option<Cursor>,
    /// Whether it begins again at its end, because what it had filed was dropped.
    walks_again: bool,
    /// How far the search for handles that nobody wants has come.
    pub(crate) weeding: Option<Weeding>,
    /// Sweeps that pass before the next one begins.
    pub(crate) weeding_pause: usize,
}

impl State {
    fn new() -> Self {
        Self {
            wheel: Wheel::new(),
            taken: Vec::new(),
            walk: Some(Cursor::START),
            walks_again: false,
            weeding: None,
            weeding_pause: 0,
        }
    }

    /// Drops all handles, also those that were not read yet, if they are more than
    /// so many: the walk will file anew what is there. A note that is still being
    /// written is of an entry that was published before, so the walk meets it. A walk
    /// that is under way goes on to its end first: if it never got there, what stands
    /// there would be forgotten.
    pub(crate) fn begin_anew_above(&mut self, most: usize) {
        if self.handles() > most {
            let walks_again = self.walk.is_some();
            let walk = self.walk.or(Some(Cursor::START));
            *self = Self { walk, walks_again, ..Self::new() };
        }
    }

    /// Where the walk goes on, unless it is over.
    pub(crate) fn walk(&self) -> Option<Cursor> {
        self.walk
    }

    /// The walk has come to `next`, or to the end.
    pub(crate) fn walked_to(&mut self, next: Option<Cursor>) {
        self.walk = next.or_else(|| mem::take(&mut self.walks_again).then_some(Cursor::START));
    }

    /// Handles that wait.
    fn handles(&self) -> usize {
        self.wheel.len() + self.taken.iter().map(Taken::len).sum::<usize>()
    }
}

impl Feed {
    pub(crate) fn new() -> Self {
        let idle = Stack::new();
        idle.push(None);
        Self {
            on: CachePadded::new(AtomicU32::new(0)),
            help: CachePadded::default(),
            inbox: Inbox::new(),
            idle,
            garbage: Arc::new(Stack::new()),
            sweepers: AtomicUsize::new(0),
            figures: Figures::default(),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        // SeqCst: comes after the exchange of the slot in the writer's order;
        // pairs with `Turn::begin`.
        self.on.load(Ordering::SeqCst) != 0
    }

    /// The last step of a write that has published an entry with a deadline, in
    /// place of one that was filed at `old`, if there was one. Returns whether the writer
    /// should help to sweep. Lock-free.
    #[inline]
    pub(crate) fn published(
        &self,
        hash: u64,
        deadline: u64,
        filed: &Filed,
        old: Option<&Filed>,
        guard: &Guard,
    ) -> bool {
        order_write_before_reads();
        let files = self.is_on() && deadline < END;
        files && self.file(Handle { hash, tick: deadline }, filed, old, guard)
    }

    fn file(&self, own: Handle, filed: &Filed, old: Option<&Filed>, guard: &Guard) -> bool {
        // Read after the slot was exchanged: see `filed`.
        let inherited = old.map_or(0, Filed::get);
        if inherited != 0 && inherited <= own.tick {
            // Its handle comes early enough for this entry too.
            filed.settle(inherited);
            return false;
        }
        if filed.settle(own.tick) {
            self.hand_over(own, guard);
        }
        self.wants_help()
    }

    /// Whether a sweeper asks writers for help.
    pub(crate) fn wants_help(&self) -> bool {
        // Relaxed: a request.
        self.help.load(StatOrdering::Relaxed) != 0
    }

    /// A sweeper asks writers for help, until it thanks them.
    pub(crate) fn ask_for_help(&self) {
        // Relaxed: a request.
        self.help.fetch_add(1, StatOrdering::Relaxed);
    }

    /// The sweeper that has asked writers for help needs it no more.
    pub(crate) fn thank(&self) {
        // Relaxed: a request.
        self.help.fetch_sub(1, StatOrdering::Relaxed);
    }

    /// Lets `work` sweep, if nobody else is at it.
    pub(crate) fn sweep<R>(&self, work: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut state = self.idle.take_all().pop()?.unwrap_or_else(|| Box::new(State::new()));
        // The clock is the user's and may panic; the state must come back.
        let done = panic::catch_unwind(AssertUnwindSafe(|| {
            self.begin(&mut state);
            work(&mut state)
        }));
        // Relaxed: a statistic.
        self.figures.handles.store(state.handles(), StatOrdering::Relaxed);
        self.idle.push(Some(state));
        Some(done.unwrap_or_else(|panic| panic::resume_unwind(panic)))
    }

    /// Turns feeding on. If it was off, all that was known is void: handles
    /// have been lost, and a walk over the table will file everything anew.
    fn begin(&self, state: &mut State) {
        if self.is_on() {
            return;
        }
        *state = State::new();
        self.discard();
        // SeqCst, and the fence: comes before the walk's reading of the slots in
        // the total order; pairs with `is_on`.
        self.on.store(1, Ordering::SeqCst);
        fence();
    }

    /// Hands over what the calling thread has removed, and frees what nobody
    /// can reach any more; `now`: even if it is little.
    pub(crate) fn release(&self, now: bool, guard: &Guard) {
        guard.hand_over_to(&self.garbage);
        reclaim::free(self.garbage.take_all(), now);
    }

    fn discard(&self) {
        self.inbox.take(&mut Vec::new(), &reclaim::pin());
    }

    /// Moves what has been handed over to the wheel, as far as `budget` allows;
    /// returns whether that was all. What has been read goes to `read`, to be
    /// dropped when others can sweep.
    pub(crate) fn take(
        &self,
        state: &mut State,
        budget: &mut usize,
        read: &mut Vec<Taken>,
    ) -> bool {
        self.inbox.take(&mut state.taken, &reclaim::pin());
        let mut late = Vec::new();
        while *budget > 0 {
            let Some(mut block) = state.taken.pop() else { break };
            *budget = budget.saturating_sub(block.len());
            let is_complete = block.read(|handle| state.wheel.file(handle));
            if is_complete { read.push(block) } else { late.push(block) }
        }
        let is_all = state.taken.is_empty();
        state.taken.append(&mut late);
        is_all
    }

    /// Files a handle whose entry says so already.
    pub(crate) fn hand_over(&self, handle: Handle, guard: &Guard) {
        if !self.inbox.push(handle, guard) {
            // Nobody sweeps, or not often enough. The next sweep starts anew.
            // Relaxed: it has nothing to say but that; a write that still files
            // does no harm.
            self.on.store(0, Ordering::Relaxed);
        }
    }

    /// Whether so much has been filed that the next sweep should come soon.
    pub(crate) fn is_filling(&self) -> bool {
        self.inbox.is_filling()
    }

    /// A sweeper begins.
    pub(crate) fn enter(&self) {
        // Relaxed: see `leave`.
        self.sweepers.fetch_add(1, StatOrdering::Relaxed);
    }

    /// A sweeper ends; with the last one, feeding does. If somebody is sweeping
    /// at this moment it goes on, until the inbox is full.
    pub(crate) fn leave(&self) {
        // Relaxed: who enters at this moment sweeps afterwards, and turns feeding
        // on again if it finds it off.
        if self.sweepers.fetch_sub(1, StatOrdering::Relaxed) > 1 {
            return;
        }
        let Some(_) = self.idle.take_all().pop() else { return };
        // Relaxed: as in `hand_over`.
        self.on.store(0, Ordering::Relaxed);
        self.discard();
        self.figures.handles.store(0, StatOrdering::Relaxed);
        self.idle.push(None);
    }
}

impl Figures {
    pub(crate) fn count_swept(&self, entries: usize) {
        // Relaxed: a statistic, as all of these.
        self.swept.fetch_add(entries, StatOrdering::Relaxed);
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, StatOrdering::Relaxed);
    }

    pub(crate) fn swept(&self) -> usize {
        self.swept.load(StatOrdering::Relaxed)
    }

    pub(crate) fn panics(&self) -> usize {
        self.panics.load(StatOrdering::Relaxed)
    }

    pub(crate) fn handles(&self) -> usize {
        self.handles.load(StatOrdering::Relaxed)
    }
}
