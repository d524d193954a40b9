//! Loom models of programs that use the store.

use crate::reclaim;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

/// More scheduling points than an execution of a small model has: whoever reaches it is
/// in a loop that never ends.
const MAX_BRANCHES: usize = 20_000;

/// Runs `body` in every interleaving of the threads that it starts, or in those with at
/// most so many preemptions: `loom::model`, set up for code that uses a store. Exists in
/// model checking builds only, `RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom"`.
///
/// `body` makes its stores itself and joins all its threads. Removed entries are kept
/// until it ends. Calls of a store pass a word that all threads share, so that loom tries
/// every order of the calls. Panics as `body` does in any of the interleavings, and if it never ends.
///
/// Loom's variables in the environment are ignored: some of its limits end an exploration
/// as if it had succeeded.
pub fn model(preemptions: impl Into<Option<usize>>, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.max_branches = MAX_BRANCHES;
    builder.checkpoint_file = None;
    builder.max_permutations = None;
    builder.max_duration = None;
    on_a_thread_of_its_own(move || {
        builder.check(move || {
            reclaim::set_gate(true);
            body();
            reclaim::set_gate(false);
            reclaim::release_kept();
        });
    });
}

/// Runs an exploration, and passes its failure on. A failed one leaves objects
/// of loom behind in the thread's locals, whose destructors would abort the
/// process and hide the other models' results; so that thread never ends.
pub fn on_a_thread_of_its_own(check: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(check));
        let failed = result.is_err();
        let _ = sender.send(result);
        if failed {
            loop {
                thread::park();
            }
        }
    });
    if let Err(failure) = receiver.recv().expect("the thread sends before it ends") {
        panic::resume_unwind(failure);
    }
}
