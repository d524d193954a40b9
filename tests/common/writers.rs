//! What writers that work beside a test share: how they are told to stop, and waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Tells writers to stop, also if the test fails: a scope waits for its threads.
pub struct Stop<'s>(pub &'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        // Relaxed: nothing is read because of the flag.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until each of these counts has grown by so much.
#[allow(dead_code, reason = "not every test counts")]
pub fn wait_for(counts: &[AtomicUsize], more: usize, what: &str) {
    let start = Instant::now();
    for count in counts {
        let goal = count.load(Ordering::Relaxed) + more;
        while count.load(Ordering::Relaxed) < goal {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: no writes");
            thread::sleep(Duration::from_micros(100));
        }
    }
}
