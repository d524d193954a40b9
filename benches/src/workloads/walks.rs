//! Walks over all keys while somebody writes.

use super::Turn;
use crate::contestant::Contestant;
use crate::keys::PREFIX;
use crate::metric::{Metric, Sample};
use crate::window::{self, CHUNK};
use crate::workload::TEXTS;
use core::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Meets the keys, without keeping them.
pub(super) fn scan<C: Contestant>(store: &C, turn: &Turn<'_>) -> Sample {
    beside_a_writer(store, turn, || {
        let mut met = 0;
        store.visit_keys(PREFIX, |key| {
            black_box(key);
            met += 1;
        });
        met
    })
}

/// Lists the keys in order.
pub(super) fn list<C: Contestant>(store: &C, turn: &Turn<'_>) -> Sample {
    beside_a_writer(store, turn, || black_box(store.keys(PREFIX)).len())
}

/// Overwrites the next few keys of a walk.
fn writer<'c, C: Contestant>(store: &'c C, turn: &Turn<'c>) -> impl FnMut() -> u64 {
    let mut walk = turn.course.walks[0].walk(turn.seed);
    move || {
        (0..CHUNK).for_each(|_| store.set(walk.next(), TEXTS[1]));
        CHUNK as u64
    }
}

/// Ends the writer's work.
struct StopOnDrop<'f>(&'f AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// First the writer alone, then walks until the window is over, at least one,
/// with the writer beside them.
fn beside_a_writer<C: Contestant>(store: &C, turn: &Turn<'_>, walk: impl Fn() -> usize) -> Sample {
    let alone = window::throughput(1, turn.window, |_| writer(store, turn));

    let over = AtomicBool::new(false);
    let (walked, beside) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut work = writer(store, turn);
            let (began, mut calls) = (Instant::now(), work());
            // Relaxed: the flag guards no data, the thread is joined.
            while !over.load(Ordering::Relaxed) {
                calls += work();
            }
            calls as f64 / began.elapsed().as_secs_f64()
        });
        // Also if a check fails: the scope waits for the writer even then.
        let stop = StopOnDrop(&over);
        let (began, mut met) = (Instant::now(), 0);
        while met == 0 || began.elapsed() < turn.window {
            let once = walk();
            // No key comes or goes, so only an overwrite can hide or double one.
            let exact = once == turn.course.n || C::MAY_MISS_OVERWRITTEN;
            assert!(exact, "{} met {once} keys of {}", C::NAME, turn.course.n);
            met += once;
        }
        let walked = met as f64 / began.elapsed().as_secs_f64();
        drop(stop);
        (walked, writing.join().expect("the writer panicked"))
    });
    vec![(Metric::KeysMet, walked), (Metric::WriterKept, beside / alone)]
}
