//! Programs on top of the store, checked with loom: by the harness of the models here,
//! and by what users have, `epochkv::model`.
#![cfg(epochkv_loom)]

mod common;

use common::race::{Store, World};
use common::{Bound, Collector, Gate, explore, report};
use loom::cell::UnsafeCell;
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Work that one worker at a time may do, guarded by a key of the store.
struct Job {
    kv: Store,
    gate: Gate,
    done: UnsafeCell<u32>,
}

// SAFETY: `done` is touched only by the holder of the lock; that this is so is
// what the models check.
unsafe impl Sync for Job {}

impl Job {
    fn new() -> Self {
        Self { kv: World::new().kv, gate: Gate::default(), done: UnsafeCell::new(0) }
    }

    /// Does the job unless somebody else is at it. Returns whether it did.
    fn try_run(&self, worker: &str) -> bool {
        self.gate.pass();
        if !self.kv.set_if_absent("lock", worker, 0).expect("a text is not deep") {
            return false;
        }
        let lock = self.kv.get("lock").expect("nobody else deletes this lock");
        assert_eq!(lock, worker);
        self.done.with_mut(|done| {
            // SAFETY: this worker holds the lock; loom checks that no access is
            // concurrent.
            unsafe { *done += 1 }
        });
        self.kv.compare_and_delete_snapshot("lock", &lock)
    }

    fn done(&self) -> u32 {
        // SAFETY: as in `try_run`: loom checks it.
        self.done.with(|done| unsafe { *done })
    }
}

/// The lock excludes, and carries what one holder did to the next.
#[test]
fn a_lock_guards_its_job() {
    explore("a_lock_guards_its_job", Bound::None, Collector::Keep, || {
        let job = Arc::new(Job::new());
        let other = Arc::clone(&job);
        let worker = thread::spawn(move || u32::from(other.try_run("one")));
        let mine = u32::from(job.try_run("two"));
        let runs = mine + worker.join().expect("the worker panicked");
        assert!(runs >= 1, "somebody was at it when the other was refused");
        assert_eq!(job.done(), runs);
        assert!(!job.kv.exists("lock"));
    });
}

/// Work handed over through the store: who finds the ticket finds the work.
#[test]
fn a_ticket_hands_over_its_work() {
    explore("a_ticket_hands_over_its_work", Bound::None, Collector::Keep, || {
        let job = Arc::new(Job::new());
        let other = Arc::clone(&job);
        let producer = thread::spawn(move || {
            other.done.with_mut(|done| {
                // SAFETY: nobody looks before the ticket is there; loom checks it.
                unsafe { *done = 7 }
            });
            other.gate.pass();
            other.kv.incr("tickets").expect("nobody stores anything else there");
        });
        job.gate.pass();
        if job.kv.take("tickets").is_some() {
            assert_eq!(job.done(), 7);
        }
        producer.join().expect("the producer panicked");
    });
}

/// Runs a model by what users have, and says in how many executions, also if it fails.
fn model(name: &str, body: impl Fn() + Send + Sync + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executions);
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| {
        epochkv::model(None, move || {
            // Relaxed: loom runs a whole model on one thread of the system.
            count.fetch_add(1, Ordering::Relaxed);
            body();
        });
    }));
    report(name, "exhaustive", executions.load(Ordering::Relaxed), start);
    if let Err(failure) = result {
        resume_unwind(failure);
    }
}

/// The model that `docs/TESTING.md` shows, with nothing else of the harness here.
#[test]
fn one_of_two_wins() {
    model("one_of_two_wins", || {
        let kv = epochkv::Kv::with_capacity(8);
        let other = kv.clone();
        let worker = loom::thread::spawn(move || other.set_if_absent("k", 1, 0));
        let mine = kv.set_if_absent("k", 2, 0);
        let theirs = worker.join().unwrap();
        assert_ne!(mine, theirs);
    });
}

/// A model whose assertion fails in some interleaving fails, and says so.
#[test]
#[should_panic = "the other was faster"]
fn a_model_that_is_wrong_fails() {
    model("a_model_that_is_wrong_fails", || {
        let kv = epochkv::Kv::with_capacity(8);
        let other = kv.clone();
        let worker = loom::thread::spawn(move || other.set("k", 1));
        assert!(!kv.exists("k"), "the other was faster");
        worker.join().unwrap().unwrap();
    });
}
