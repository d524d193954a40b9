//! Overwrites, alone and between reads, with deadlines, and churn.

use super::Turn;
use crate::contestant::Contestant;
use crate::rng::Rng;
use crate::window::CHUNK;
use crate::workload::{Course, LONG, SHORT, TEXTS};
use core::hint::black_box;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Overwrites so many of a hundred keys, reads the others in place.
pub(super) fn mix<C: Contestant>(store: &C, turn: &Turn<'_>, writes_percent: u64) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        let mut rng = Rng::new(turn.seed ^ thread as u64);
        move || {
            for _ in 0..CHUNK {
                let (key, choice) = (walk.next(), rng.bits());
                // Two parts of one random number, so that reads and writes pay alike.
                if choice % 100 < writes_percent {
                    store.set(key, TEXTS[(choice >> 63) as usize]);
                } else {
                    let first = store.read(key, |text| black_box(text.as_bytes()[0]));
                    let answered = first.is_some() || C::MAY_MISS_OVERWRITTEN;
                    assert!(answered, "{} lost a key", C::NAME);
                }
            }
            CHUNK as u64
        }
    })
}

/// Sets with a deadline, of which a tenth passes at once, and reads in turn.
pub(super) fn with_ttl<C: Contestant>(store: &C, turn: &Turn<'_>) -> f64 {
    turn.throughput(|thread| {
        let mut walk = turn.course.walks[thread].walk(turn.seed);
        let mut rng = Rng::new(turn.seed ^ thread as u64);
        move || {
            for _ in 0..CHUNK / 2 {
                let ttl = if rng.below(10) == 0 { SHORT } else { LONG };
                store.set_ttl(walk.next(), TEXTS[1], ttl);
                black_box(store.read(walk.next(), |text| black_box(text.as_bytes()[0])));
            }
            CHUNK as u64
        }
    })
}

/// The keys are cut into so many parts, each of which belongs to one thread for
/// the time of a turn. So each turn goes on where the last one stopped, whatever
/// the number of threads, up to this one.
pub const LANES: usize = 16;

/// How many keys of each lane have been removed.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    removed: [CachePadded<AtomicUsize>; LANES],
}

/// Half of a lane's keys are there at any time.
fn live_per_lane(course: &Course) -> usize {
    course.n / LANES
}

impl Lanes {
    /// Puts the first half of each lane into an empty store.
    pub(super) fn fill<C: Contestant>(&self, store: &C, course: &Course) {
        let live = live_per_lane(course);
        for lane in 0..LANES {
            for index in 0..live {
                store.insert(course.all.get(lane * 2 * live + index), TEXTS[0]);
            }
        }
    }

    /// Inserts the next key of a lane and removes its oldest: two calls.
    pub(super) fn churn<C: Contestant>(&self, store: &C, turn: &Turn<'_>) -> f64 {
        assert!(turn.threads <= LANES, "churn is for up to {LANES} threads");
        let keys = &turn.course.all;
        let live = live_per_lane(turn.course);
        turn.throughput(|thread| {
            let mut lanes = (thread..LANES).step_by(turn.threads).cycle();
            move || {
                let lane = lanes.next().expect("every thread has a lane");
                // Relaxed: nobody else uses this lane, and turns end with a join.
                let removed = self.removed[lane].load(Ordering::Relaxed);
                for oldest in removed..removed + CHUNK / 2 {
                    let key = |age: usize| keys.get(lane * 2 * live + (oldest + age) % (2 * live));
                    store.insert(key(live), TEXTS[1]);
                    assert!(store.remove(key(0)), "{} lost a key", C::NAME);
                }
                self.removed[lane].store(removed + CHUNK / 2, Ordering::Relaxed);
                CHUNK as u64
            }
        })
    }
}
