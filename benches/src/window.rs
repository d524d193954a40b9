//! How threads are started together, and how their work is counted.

use core::time::Duration;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// Calls between two looks at the phase.
pub const CHUNK: usize = 64;

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// Lets threads work for a fixed time and returns their calls per second.
///
/// `worker` is called in each thread, with its number, and returns a closure that
/// does about [`CHUNK`] calls and says how many. A quarter of the time more is
/// spent before the count begins, so that caches hold what belongs to this
/// contestant and not what the one before has left there.
///
/// # Panics
///
/// If a worker panics.
pub fn throughput<W: FnMut() -> u64>(
    threads: usize,
    length: Duration,
    worker: impl Fn(usize) -> W + Sync,
) -> f64 {
    // Relaxed throughout: the phase guards no data, the threads are joined.
    let phase = AtomicU8::new(WARM_UP);
    let start = Barrier::new(threads + 1);
    let run = |thread| {
        let mut work = worker(thread);
        start.wait();
        while phase.load(Ordering::Relaxed) == WARM_UP {
            work();
        }
        let began = Instant::now();
        // Once at least, also if this thread never ran while the window was open.
        let mut calls = work();
        while phase.load(Ordering::Relaxed) != OVER {
            calls += work();
        }
        calls as f64 / began.elapsed().as_secs_f64()
    };
    let run = &run;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n))).collect();
        start.wait();
        std::thread::sleep(length / 4);
        phase.store(MEASURED, Ordering::Relaxed);
        std::thread::sleep(length);
        phase.store(OVER, Ordering::Relaxed);
        handles.into_iter().map(|handle| handle.join().expect("a worker panicked")).sum()
    })
}

/// Lets threads do a fixed work and returns the time until the last was done,
/// with what they return.
///
/// # Panics
///
/// If a worker panics.
pub fn to_the_end<T: Send>(
    threads: usize,
    worker: impl Fn(usize) -> T + Sync,
) -> (Duration, Vec<T>) {
    let start = Barrier::new(threads + 1);
    let run = |thread| {
        start.wait();
        let began = Instant::now();
        let result = worker(thread);
        (began, Instant::now(), result)
    };
    let run = &run;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n))).collect();
        start.wait();
        let mut results = Vec::with_capacity(threads);
        let mut span: Option<(Instant, Instant)> = None;
        for handle in handles {
            let (began, ended, result) = handle.join().expect("a worker panicked");
            let (first, last) = span.unwrap_or((began, ended));
            span = Some((first.min(began), last.max(ended)));
            results.push(result);
        }
        let elapsed = span.map_or(Duration::ZERO, |(first, last)| last - first);
        (elapsed, results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_all_threads() {
        let rate = throughput(2, Duration::from_millis(20), |_| {
            || {
                std::thread::sleep(Duration::from_millis(1));
                10
            }
        });
        assert!(rate > 100.0 && rate <= 20_000.0, "{rate}");
    }

    #[test]
    fn fixed_work_is_timed_from_first_to_last() {
        let (elapsed, results) = to_the_end(3, |thread| {
            std::thread::sleep(Duration::from_millis(5));
            thread
        });
        assert!(elapsed >= Duration::from_millis(5));
        assert_eq!(results, [0, 1, 2]);
    }
}
