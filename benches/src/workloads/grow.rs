//! Filling an empty store.

use super::{Turn, timed};
use crate::contestant::Contestant;
use crate::metric::{Metric, Sample};
use crate::window;
use crate::workload::TEXTS;
use std::time::Instant;

/// Once for the speed, and once more for the time of each call: to time a call
/// costs as much as some of the calls.
pub(super) fn run<C: Contestant>(turn: &Turn<'_>) -> Sample {
    let keys = &turn.course.all;
    let share = |thread: usize| {
        let at = |part: usize| part * keys.len() / turn.threads;
        (at(thread)..at(thread + 1)).map(|index| keys.get(index))
    };

    let store = C::new(keys.len());
    let (elapsed, _) = window::to_the_end(turn.threads, |thread| {
        share(thread).for_each(|key| store.insert(key, TEXTS[0]));
    });
    drop(store);

    let store = C::new(keys.len());
    let (_, histograms) = window::to_the_end(turn.threads, |thread| {
        let mut histogram = timed::histogram();
        let mut last = Instant::now();
        for key in share(thread) {
            store.insert(key, TEXTS[0]);
            // The end of a call is the start of the next: one reading of the clock each.
            let now = Instant::now();
            histogram.saturating_record((now - last).as_nanos() as u64);
            last = now;
        }
        histogram
    });
    drop(store);

    let mut all = timed::histogram();
    for one in &histograms {
        all.add(one).expect("histograms with the same bounds");
    }
    let mut sample = vec![(Metric::Throughput, keys.len() as f64 / elapsed.as_secs_f64())];
    sample.extend(timed::figures(&all));
    sample
}
