//! Memory: what entries need, and what waits to be freed.

use super::Turn;
use crate::allocator::{balance, set_counting};
use crate::contestant::Contestant;
use crate::metric::{Metric, Sample};
use crate::window::CHUNK;
use crate::workload::TEXTS;
use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The figures of a turn, in this order.
pub const MEMORY_METRICS: [Metric; 3] = [Metric::Bytes, Metric::Blocks, Metric::Garbage];

/// Between two looks at how much is waiting.
const TICK: Duration = Duration::from_micros(200);

/// Fills a store of its own, then lets all threads overwrite at full speed.
pub(super) fn run<C: Contestant>(turn: &Turn<'_>) -> Sample {
    let keys = &turn.course.all;
    set_counting(true);
    let empty = balance();
    let store = C::new(keys.len());
    keys.iter().for_each(|key| store.insert(key, TEXTS[0]));
    store.settle();
    let full = balance();
    let most = most_under_writers(&store, turn);
    drop(store);
    set_counting(false);

    let per_entry = |of: isize| of as f64 / keys.len() as f64;
    let values = [
        per_entry(full.bytes - empty.bytes),
        per_entry(full.blocks - empty.blocks),
        (most - full.bytes).max(0) as f64,
    ];
    MEMORY_METRICS.into_iter().zip(values).collect()
}

/// The greatest balance while all threads overwrite. All values are equally
/// long, so whatever comes on top waits to be freed.
fn most_under_writers<C: Contestant>(store: &C, turn: &Turn<'_>) -> isize {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for keys in &turn.course.walks[..turn.threads] {
            let mut walk = keys.walk(turn.seed);
            let over = &over;
            scope.spawn(move || {
                // Relaxed: the flag guards no data, the thread is joined.
                while !over.load(Ordering::Relaxed) {
                    (0..CHUNK).for_each(|_| store.set(walk.next(), TEXTS[1]));
                }
            });
        }
        let (began, mut most) = (Instant::now(), balance().bytes);
        while began.elapsed() < 4 * turn.window {
            std::thread::sleep(TICK);
            most = most.max(balance().bytes);
        }
        over.store(true, Ordering::Relaxed);
        most
    })
}
