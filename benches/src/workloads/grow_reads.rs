//! Reads of a store that grows from nothing.

use super::Turn;
use super::reads::look;
use super::timed;
use crate::contestant::Contestant;
use crate::keys::Keys;
use crate::metric::{Metric, Sample};
use crate::rng::Rng;
use crate::window::{self, CHUNK};
use crate::workload::TEXTS;
use core::ops::Range;
use crossbeam_utils::CachePadded;
use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// So many insertions are told of at once: the line of the count should not be
/// what is measured.
const PUBLISHED: usize = 1024;

/// What one writer inserts, and how much of it is there.
struct Share {
    keys: Range<usize>,
    inserted: CachePadded<AtomicUsize>,
    /// Whether its writer has ended, be it by a panic.
    is_over: AtomicBool,
}

/// Ends a writer's work.
struct OverOnDrop<'s>(&'s AtomicBool);

impl Drop for OverOnDrop<'_> {
    fn drop(&mut self) {
        // Release: after the last count.
        self.0.store(true, Ordering::Release);
    }
}

impl Share {
    /// So many keys, dealt to so many writers.
    fn of_all(keys: usize, writers: usize) -> Vec<Self> {
        let at = |part: usize| part * keys / writers;
        let share = |part| Self {
            keys: at(part)..at(part + 1),
            inserted: CachePadded::default(),
            is_over: AtomicBool::new(false),
        };
        (0..writers).map(share).collect()
    }

    fn insert_all<C: Contestant>(&self, store: &C, keys: &Keys) {
        let _over = OverOnDrop(&self.is_over);
        for (index, number) in self.keys.clone().zip(1..) {
            store.insert(keys.get(index), TEXTS[0]);
            if number % PUBLISHED == 0 || number == self.keys.len() {
                // Release: who knows of the count finds the keys.
                self.inserted.store(number, Ordering::Release);
            }
        }
    }
}

/// All threads but one fill an empty store, and one reads what is there so far,
/// each key as often as another.
pub(super) fn run<C: Contestant>(turn: &Turn<'_>) -> Sample {
    let keys = &turn.course.all;
    let writers = turn.threads.saturating_sub(1).max(1);
    let shares = Share::of_all(keys.len(), writers);
    let store = C::new(keys.len());
    let (_, results) = window::to_the_end(writers + 1, |thread| {
        let began = Instant::now();
        let Some(share) = shares.get(thread) else {
            return (began, began, Some(read_until_full(&store, turn, &shares)));
        };
        share.insert_all(&store, keys);
        (began, Instant::now(), None)
    });
    drop(store);

    let writing = || results.iter().filter(|(.., reads)| reads.is_none());
    let (began, ended) = (writing().map(|it| it.0).min(), writing().map(|it| it.1).max());
    let elapsed = ended.zip(began).map(|(ended, began)| ended - began).expect("a writer");
    let reads = results.iter().find_map(|(.., reads)| reads.as_ref()).expect("a reader");
    let mut sample = vec![(Metric::Throughput, keys.len() as f64 / elapsed.as_secs_f64())];
    sample.extend(timed::figures(reads));
    sample
}

/// Until no writer is left, and at least once.
fn read_until_full<C: Contestant>(store: &C, turn: &Turn<'_>, shares: &[Share]) -> Histogram<u64> {
    let keys = &turn.course.all;
    let mut rng = Rng::new(turn.seed);
    let mut histogram = timed::histogram();
    let mut counts = vec![0; shares.len()];
    // Copies, so that no key has to come from memory while a read is timed.
    let mut copies = vec![String::with_capacity(32); CHUNK];
    loop {
        // Acquire: then the counts below are the last ones.
        let is_over = shares.iter().all(|share| share.is_over.load(Ordering::Acquire));
        for (count, share) in counts.iter_mut().zip(shares) {
            // Acquire: with the store above.
            *count = share.inserted.load(Ordering::Acquire);
        }
        let inserted = counts.iter().sum::<usize>();
        if inserted == 0 {
            assert!(!is_over, "{} was not filled", C::NAME);
            core::hint::spin_loop();
            continue;
        }
        for copy in &mut copies {
            copy.clear();
            copy.push_str(keys.get(nth(rng.below(inserted as u64) as usize, shares, &counts)));
        }
        let mut spans = [0; CHUNK];
        let mut last = Instant::now();
        for (span, key) in spans.iter_mut().zip(&copies) {
            assert!(store.read(key, look).is_some(), "{} lost {key} while it grew", C::NAME);
            // The end of a call is the start of the next.
            let now = Instant::now();
            *span = (now - last).as_nanos() as u64;
            last = now;
        }
        spans.into_iter().for_each(|span| histogram.saturating_record(span));
        if is_over {
            return histogram;
        }
    }
}

/// The index of the n-th of the keys that are there.
fn nth(mut n: usize, shares: &[Share], counts: &[usize]) -> usize {
    for (share, count) in shares.iter().zip(counts) {
        if n < *count {
            return share.keys.start + n;
        }
        n -= count;
    }
    unreachable!("less than all counts together")
}

#[cfg(test)]
mod tests {
    use super::{Share, nth};

    #[test]
    fn those_that_are_there_are_drawn_from_all_shares() {
        let shares = Share::of_all(10, 3);
        let all: Vec<_> = shares.iter().flat_map(|share| share.keys.clone()).collect();
        assert!(all.into_iter().eq(0..10));
        let drawn: Vec<_> = (0..4).map(|n| nth(n, &shares, &[2, 0, 2])).collect();
        assert_eq!(drawn, [0, 1, 6, 7]);
    }
}
