//! Lookups. Each checks that it finds what is there: a wrong answer is quick too.

use super::Turn;
use crate::contestant::{AsText, Contestant};
use crate::window::CHUNK;
use core::hint::black_box;

/// Touches the text itself, not only its length.
#[inline]
pub(super) fn look(text: &str) -> u64 {
    black_box(text.as_bytes()[0]);
    1
}

/// Reads in place.
pub(super) fn hit<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        move || {
            let found: u64 = (0..CHUNK).filter_map(|_| store.read(walk.next(), look)).sum();
            assert_eq!(found, CHUNK as u64, "{} lost a key", C::NAME);
            found
        }
    })
}

/// Gets snapshots and drops them.
pub(super) fn snapshot<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        move || {
            let mut found = 0;
            for _ in 0..CHUNK {
                let snapshot = black_box(store.get(walk.next()));
                found += snapshot.map_or(0, |snapshot| look(snapshot.as_text()));
            }
            assert_eq!(found, CHUNK as u64, "{} lost a key", C::NAME);
            found
        }
    })
}

/// Reads 64 keys at once.
pub(super) fn batch<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        move || {
            let keys: [&str; CHUNK] = core::array::from_fn(|_| walk.next());
            let mut found = 0;
            store.get_many(&keys, |text| found += look(text));
            assert_eq!(found, CHUNK as u64, "{} lost a key", C::NAME);
            found
        }
    })
}

/// Looks for keys that are not there.
pub(super) fn miss<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        move || {
            let found: u64 = (0..CHUNK).filter_map(|_| store.read(walk.next(), look)).sum();
            assert_eq!(found, 0, "{} found a key that was never there", C::NAME);
            CHUNK as u64
        }
    })
}
