//! What all models share: how an exploration is run, counted and bounded.

// Every test file compiles its own copy and uses a part of it.
#![allow(dead_code)]

pub mod ops;
pub mod poison;
pub mod race;
pub mod tiny;

use epochkv::internals;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::Relaxed;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// More scheduling points than any execution here has: whoever reaches it is in
/// a loop that never ends.
const MAX_BRANCHES: usize = 20_000;

/// A model that needs more executions than this is too large for the suite.
const MAX_EXECUTIONS: usize = 3_000_000;

/// The same in a long run: some 20 minutes.
const MAX_EXECUTIONS_LONG: usize = 20_000_000;

/// How far an exploration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// All interleavings.
    None,
    /// All interleavings with at most so many preemptions.
    Preemptions(usize),
}

impl Bound {
    /// This one in the gate, `long` in a long run.
    pub fn or_long(self, long: Self) -> Self {
        if is_long() { long } else { self }
    }

    /// This one, unless `EPOCHKV_PREEMPTIONS` tries another: a number, or `none`.
    fn in_trial(self) -> Self {
        match env::var("EPOCHKV_PREEMPTIONS") {
            Err(_) => self,
            Ok(most) if most == "none" => Self::None,
            Ok(most) => Self::Preemptions(most.parse().expect("a number, or none")),
        }
    }
}

/// Whether this is a long run (`scripts/loom.sh --long`).
fn is_long() -> bool {
    env::var_os("EPOCHKV_LONG").is_some()
}

/// What frees unlinked entries within a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collector {
    /// Nobody, until the execution ends.
    Keep,
    /// crossbeam-epoch, explored together with the store.
    Epoch,
}

/// Runs `body` in every interleaving that `bound` admits, prints how many those
/// are, and fails if the exploration was cut off or met only one of them.
///
/// Loom's own limits end an exploration as if it had succeeded, so all of them
/// are switched off here, whatever the environment says.
pub fn explore(
    name: &str,
    bound: Bound,
    collector: Collector,
    body: impl Fn() + Send + Sync + 'static,
) {
    let bound = bound.in_trial();
    let mut builder = loom::model::Builder::new();
    builder.max_branches = MAX_BRANCHES;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(most) => Some(most),
    };
    let most = if is_long() { MAX_EXECUTIONS_LONG } else { MAX_EXECUTIONS };
    let executions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executions);
    let start = Instant::now();
    let check = move || {
        builder.check(move || {
            // Relaxed: loom runs a whole model on one thread of the system.
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(number <= most, "too many executions: the model is not small");
            tiny::forget_released();
            internals::use_epoch(collector == Collector::Epoch);
            internals::use_filter(false);
            body();
            internals::release_kept();
        })
    };
    internals::on_a_thread_of_its_own(check);
    let executions = executions.load(Ordering::Relaxed);
    let bound = match bound {
        Bound::None => String::from("exhaustive"),
        Bound::Preemptions(most) => format!("{most} preemptions"),
    };
    report(name, &bound, executions, start);
}

/// Prints what an exploration was, and fails if it met one execution only.
pub fn report(name: &str, bound: &str, executions: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("model: {name} | {bound} | {executions} executions | {seconds:.1} s");
    assert!(executions > 1, "the threads of this model never meet");
}

/// A point that every thread of a model passes before each of its steps, so that
/// loom tries all orders of the steps.
///
/// Loom compares an access only with the last earlier one to the same object. A
/// thread that loads a word and then exchanges it hides the loads of others from
/// its own exchange, and loom may never try that exchange first. Exchanges on one
/// object are always tried in all orders.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicU64>);

impl Gate {
    /// Takes part in the orders, and in nothing else.
    pub fn pass(&self) {
        // Relaxed: the models must not see order where the store made none.
        self.0.fetch_add(1, Relaxed);
    }
}
