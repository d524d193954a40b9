//! What contestants do in their turns: one function per family of workloads,
//! compiled for each contestant, so that no indirect call is timed.

mod counters;
mod grow;
mod grow_reads;
mod memory;
mod reads;
mod timed;
mod walks;
mod writes;

pub use memory::MEMORY_METRICS;

use crate::contestant::Contestant;
use crate::metric::{Metric, Sample};
use crate::window;
use crate::workload::{Course, Fill, LONG, SHORT, TEXTS, Workload};
use core::fmt::Debug;
use core::time::Duration;

/// One turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'c> {
    /// What to do.
    pub workload: Workload,
    /// With which keys.
    pub course: &'c Course,
    /// By how many threads.
    pub threads: usize,
    /// For how long, where the work is not fixed.
    pub window: Duration,
    /// Where in their walks threads begin.
    pub seed: u64,
}

impl Turn<'_> {
    /// Runs threads for the window; see [`window::throughput`].
    fn throughput<W: FnMut() -> u64>(&self, worker: impl Fn(usize) -> W + Sync) -> f64 {
        window::throughput(self.threads, self.window, worker)
    }
}

/// A contestant with its store, its type forgotten.
pub trait Bout: Debug {
    /// Fills the store.
    fn fill(&self, fill: Fill, course: &Course);

    /// Overwrites all entries twice, in random order, so that neighbours in the
    /// table are no longer neighbours in memory.
    fn age(&self, course: &Course);

    /// Takes a turn.
    fn take_turn(&self, turn: &Turn<'_>) -> Sample;
}

/// The store of one contestant, and where its churn has got to.
#[derive(Debug)]
pub struct Arena<C> {
    store: C,
    lanes: writes::Lanes,
}

impl<C: Contestant> Arena<C> {
    /// An empty store; see [`Contestant::new`].
    #[must_use]
    pub fn new(expected: usize) -> Self {
        Self { store: C::new(expected), lanes: writes::Lanes::default() }
    }
}

impl<C: Contestant> Bout for Arena<C> {
    fn fill(&self, fill: Fill, course: &Course) {
        let store = &self.store;
        let keys = || (0..course.n).map(|index| course.all.get(index));
        match fill {
            Fill::Nothing => {}
            Fill::Text if course.all.len() > course.n => self.lanes.fill(store, course),
            Fill::Text => keys().for_each(|key| store.insert(key, TEXTS[0])),
            Fill::Counters => keys().for_each(|key| assert_eq!(store.incr(key), 1)),
            Fill::Expiring => keys().enumerate().for_each(|(index, key)| {
                let ttl = if index % 10 == 0 { SHORT } else { LONG };
                store.set_ttl(key, TEXTS[0], ttl);
            }),
        }
        store.settle();
    }

    fn age(&self, course: &Course) {
        let mut rng = crate::rng::Rng::new(course.n as u64);
        for _ in 0..2 * course.n {
            let index = rng.below(course.n as u64) as usize;
            self.store.set(course.all.get(index), TEXTS[0]);
        }
        self.store.settle();
    }

    fn take_turn(&self, turn: &Turn<'_>) -> Sample {
        let store = &self.store;
        let rate = match turn.workload {
            Workload::GetHit => reads::hit(store, turn),
            Workload::GetSnapshot => reads::snapshot(store, turn),
            Workload::GetBatch => reads::batch(store, turn),
            Workload::GetMiss => reads::miss(store, turn),
            Workload::YcsbB => writes::mix(store, turn, 5),
            Workload::YcsbA => writes::mix(store, turn, 50),
            Workload::Overwrite => writes::mix(store, turn, 100),
            Workload::TtlMix => writes::with_ttl(store, turn),
            Workload::Churn => self.lanes.churn(store, turn),
            Workload::IncrHot | Workload::IncrZipf | Workload::IncrUniform => {
                counters::incr(store, turn)
            }
            Workload::Grow => return grow::run::<C>(turn),
            Workload::GrowReads => return grow_reads::run::<C>(turn),
            Workload::KeysScan => return walks::scan(store, turn),
            Workload::KeysList => return walks::list(store, turn),
            Workload::Memory => return memory::run::<C>(turn),
        };
        vec![(Metric::Throughput, rate)]
    }
}
