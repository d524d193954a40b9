//! The lock and the store together, in the interleavings of two workers.
//!
//! ```sh
//! RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom" \
//!     cargo test --release -p epochkv-job-lock --test loom_lock
//! ```
#![cfg(epochkv_loom)]

use epochkv::{Kv, ManualClock};
use epochkv_job_lock::JobLock;
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(60);

/// A job that must not be done by two at once, and its lock.
struct Job {
    lock: JobLock<ManualClock>,
    done: UnsafeCell<i64>,
}

// SAFETY: `done` is touched by the holder of the lock only: this is what the models
// check. Loom fails if two accesses are not ordered.
unsafe impl Sync for Job {}

impl Job {
    fn new(clock: ManualClock) -> Self {
        // Room for both keys: a table that grows would make the models larger.
        let kv = Kv::builder().capacity(8).clock(clock).build();
        Self { lock: JobLock::new(kv, "job", TIME), done: UnsafeCell::new(0) }
    }

    /// Does the job unless somebody else is at it. Returns how often it did.
    fn try_run(&self) -> i64 {
        let Some(held) = self.lock.try_lock().expect("the keys hold numbers") else {
            return 0;
        };
        self.done.with_mut(|done| {
            // SAFETY: this worker holds the lock.
            unsafe { *done += 1 }
        });
        drop(held);
        1
    }
}

/// Runs a model and says in how many executions: where there is one only, the threads never
/// meet, and it proves nothing.
fn explore(name: &str, preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let (count, start) = (Arc::clone(&executions), Instant::now());
    epochkv::model(preemptions, move || {
        count.fetch_add(1, Ordering::Relaxed);
        body();
    });
    let executions = executions.load(Ordering::Relaxed);
    let bound = preemptions.map_or("exhaustive".into(), |most| format!("{most} preemptions"));
    let seconds = start.elapsed().as_secs_f64();
    println!("model: {name} | {bound} | {executions} executions | {seconds:.1} s");
    assert!(executions > 1, "the threads of this model never meet");
}

#[test]
fn workers_exclude_each_other_and_see_what_was_done_before() {
    explore("workers_exclude_each_other_and_see_what_was_done_before", Some(3), || {
        let job = Arc::new(Job::new(ManualClock::new()));
        // A model should hold what is asked, and nothing else: with the count of holders
        // there from the start, nobody explores how two workers begin it.
        let first = job.try_run();
        let other = Arc::clone(&job);
        let worker = thread::spawn(move || other.try_run());
        let runs = first + job.try_run() + worker.join().expect("the worker panicked");
        assert!(runs >= 2, "whoever is refused was refused by a holder");
        // SAFETY: the other worker has ended.
        assert_eq!(job.done.with(|done| unsafe { *done }), runs);
    });
}

#[test]
fn a_slow_holder_does_not_give_back_what_is_not_its_own() {
    explore("a_slow_holder_does_not_give_back_what_is_not_its_own", None, || {
        let clock = ManualClock::new();
        let job = Arc::new(Job::new(clock.clone()));
        let slow = job.lock.try_lock().expect("numbers").expect("nobody has it");
        clock.advance(TIME);
        let other = Arc::clone(&job);
        let worker = thread::spawn(move || {
            let held = other.lock.try_lock().expect("numbers").expect("its time is over");
            assert!(held.extend().expect("a number"), "somebody has given back my lock");
        });
        drop(slow);
        worker.join().expect("the worker panicked");
    });
}
