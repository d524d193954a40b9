//! Counting.

use super::Turn;
use crate::contestant::Contestant;
use crate::window::CHUNK;
use core::hint::black_box;

/// Adds 1, key after key of the walk.
pub(super) fn incr<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        move || {
            for _ in 0..CHUNK {
                black_box(store.incr(walk.next()));
            }
            CHUNK as u64
        }
    })
}
