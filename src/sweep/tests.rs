//! The wheel against a sorted map, and what a sweep forgets.

use super::Feed;
use super::filed::Filed;
use super::handle::Handle;
use super::wheel::{END, FIRE, Weeding, Wheel};
use crate::reclaim;
use crate::table::Cursor;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[path = "../../tests/common/property.rs"]
mod property;

/// What the wheel should do: the handles in the order of their ticks.
#[derive(Default)]
struct Model {
    now: u64,
    waiting: BTreeMap<u64, Vec<u64>>,
}

/// The wheel beside its model, with handles that are numbered.
struct Pair {
    wheel: Wheel,
    model: Model,
    filed: u64,
}

impl Pair {
    fn new() -> Self {
        Self { wheel: Wheel::new(), model: Model::default(), filed: 0 }
    }

    fn file(&mut self, tick: u64) {
        let hash = self.filed;
        self.filed += 1;
        self.wheel.file(Handle { hash, tick });
        if tick < END {
            self.model.waiting.entry(tick).or_default().push(hash);
        }
    }

    fn now(&self) -> u64 {
        self.model.now
    }

    /// Moves the time, in portions, and compares what fires: exactly what is
    /// due, none of it twice.
    fn advance(&mut self, now: u64, budget: usize) {
        let model = &mut self.model;
        model.now = model.now.max(now.min(END - 1));
        let later = model.waiting.split_off(&(model.now + 1));
        let due = core::mem::replace(&mut model.waiting, later);
        let mut due: Vec<_> = due
            .into_iter()
            .flat_map(|(tick, all)| all.into_iter().map(move |hash| (tick, hash)))
            .collect();
        let mut fired = Vec::new();
        let mut portions = 0;
        loop {
            let before = fired.len();
            let left =
                self.wheel.advance(now, budget, |handle| fired.push((handle.tick, handle.hash)));
            assert!(fired.len() - before <= budget - left, "more than the budget");
            portions += 1;
            assert!(portions < 1_000_000, "the wheel does not come to an end");
            if left > 0 {
                break;
            }
        }
        fired.sort_unstable();
        due.sort_unstable();
        assert_eq!(fired, due);
        assert_eq!(self.wheel.len(), self.model.waiting.values().map(Vec::len).sum::<usize>());
        assert!(self.wheel.is_at_rest(now));
    }
}

/// Times that lie near the borders of the levels, and everywhere else.
fn span() -> impl Strategy<Value = u64> {
    let border = (0..49u32, -2..3i64).prop_map(|(bit, off)| (1u64 << bit).wrapping_add_signed(off));
    prop_oneof![
        3 => 0..200u64,
        2 => 0..100_000u64,
        2 => border,
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    /// So long from now.
    File(u64),
    /// At this tick, perhaps in the past.
    FileAt(u64),
    /// By so much, so many handles at a time.
    Advance(u64, usize),
    /// To this tick, perhaps in the past.
    JumpTo(u64),
    /// Drops handles with an even number.
    Weed(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => span().prop_map(Step::File),
        1 => span().prop_map(Step::FileAt),
        4 => (span(), 1..20usize).prop_map(|(by, budget)| Step::Advance(by, budget)),
        1 => span().prop_map(Step::JumpTo),
        1 => (1..20usize).prop_map(Step::Weed),
    ]
}

proptest! {
    #![proptest_config(property::seeded(2000))]

    #[test]
    fn fires_what_a_sorted_map_says(steps in proptest::collection::vec(step(), 1..80)) {
        let mut pair = Pair::new();
        for step in steps {
            match step {
                Step::File(span) => pair.file(pair.now().saturating_add(span)),
                Step::FileAt(tick) => pair.file(tick),
                Step::Advance(by, budget) => pair.advance(pair.now().saturating_add(by), budget),
                Step::JumpTo(tick) => pair.advance(tick, 7),
                Step::Weed(budget) => {
                    let mut weeding = Weeding::default();
                    // Nothing is overdue but what was filed since the last advance.
                    pair.advance(pair.now(), 7);
                    while pair.wheel.weed(&mut weeding, budget, |handle| handle.hash % 2 == 1) == 0 {}
                    for all in pair.model.waiting.values_mut() {
                        all.retain(|hash| hash % 2 == 1);
                    }
                }
            }
        }
        pair.advance(u64::MAX, 1000);
    }
}

/// tokio #8334: the top level wrapped at 2^30 ms, and short timers queued behind a far one.
#[test]
fn short_timers_do_not_queue_behind_a_far_one() {
    for bits in [30, 36, 42, 47] {
        let mut pair = Pair::new();
        pair.file((1 << bits) + (1 << 20));
        pair.file(END - 1);
        for tick in (1 << bits) - 200..(1 << bits) + 200 {
            pair.advance(tick, 5);
            pair.file(tick + 1);
            pair.file(tick + 70);
        }
        pair.advance(u64::MAX, 100);
    }
}

/// tikv #12043: a panic after 795 days.
#[test]
fn ten_years_of_simulated_time() {
    const YEAR: u64 = 365 * 24 * 3600 * 1000;
    let mut pair = Pair::new();
    pair.file(11 * YEAR);
    let mut random = 1u64;
    while pair.now() < 10 * YEAR {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // From a millisecond to 17 hours, all magnitudes alike.
        let step = (random >> 32) >> (6 + (random >> 59));
        pair.file(pair.now() + step + 1);
        pair.file(pair.now() + step * 64);
        pair.advance(pair.now() + step, 10);
    }
    assert!(pair.filed > 1000);
}

/// moka #248, tokio #2473: zero durations, deadlines that equal now.
#[test]
fn a_clock_that_stands_still_fires_what_is_due_and_nothing_else() {
    let mut pair = Pair::new();
    for _ in 0..10 {
        pair.file(0);
        pair.advance(0, 1);
        pair.file(1);
        pair.file(0);
        pair.advance(0, 1);
    }
    pair.advance(1, 1);
    assert_eq!(pair.wheel.len(), 0);
}

/// tokio #684: a clock that goes back.
#[test]
fn an_earlier_time_is_the_last_one_again() {
    let mut pair = Pair::new();
    pair.advance(5000, 10);
    pair.file(5001);
    pair.advance(10, 10);
    pair.file(100);
    pair.advance(10, 10);
    pair.advance(5001, 10);
    assert_eq!(pair.wheel.len(), 0);
}

#[test]
fn it_is_at_rest_until_a_tick_has_come() {
    let mut wheel = Wheel::new();
    assert!(wheel.is_at_rest(u64::MAX));
    wheel.file(Handle { hash: 1, tick: 5 });
    assert_eq!([4, 5, 6].map(|now| wheel.is_at_rest(now)), [true, false, false]);
    assert!(wheel.advance(5, 100, |_| ()) > 0 && wheel.is_at_rest(5));
}

/// netty #7765, twitter/rpc-perf #180: overflow that fires at once.
#[test]
fn what_lies_behind_the_end_of_time_never_fires() {
    let mut pair = Pair::new();
    for tick in [END, u64::MAX, END - 1] {
        pair.file(tick);
        pair.advance(END - 2, 1);
    }
    assert_eq!(pair.wheel.len(), 1);
    pair.advance(u64::MAX, 1);
    pair.file(u64::MAX);
    pair.advance(u64::MAX, 1);
    assert_eq!(pair.wheel.next(), END);
}

#[test]
fn a_million_handles_of_one_tick_come_in_portions_and_leave_no_memory() {
    let mut wheel = Wheel::new();
    (0..1_000_000).for_each(|hash| wheel.file(Handle { hash, tick: 1_000_000 }));
    assert_eq!(
        wheel.advance(999_999, usize::MAX / 2, |_| panic!("early")),
        usize::MAX / 2 - 2_000_000
    );
    let mut fired = 0;
    while wheel.advance(1_000_000, 1000 * FIRE, |_| fired += 1) == 0 {
        assert_eq!(fired % 1000, 0);
    }
    assert_eq!((fired, wheel.len(), wheel.capacity()), (1_000_000, 0, 0));
}

#[test]
fn weeding_looks_at_no_more_than_its_budget() {
    let mut wheel = Wheel::new();
    (0..1000).for_each(|hash| wheel.file(Handle { hash, tick: 50_000 }));
    let (mut weeding, mut looked_at) = (Weeding::default(), 0);
    for turn in 1..=100 {
        let left = wheel.weed(&mut weeding, 10, |_| {
            looked_at += 1;
            true
        });
        assert_eq!((left, looked_at), (0, 10 * turn));
    }
    assert_eq!(wheel.weed(&mut weeding, 10, |_| panic!("a second look")), 10);
}

#[test]
fn weeding_gives_memory_back() {
    let mut wheel = Wheel::new();
    (0..100_000).for_each(|hash| wheel.file(Handle { hash, tick: 50_000 + hash % 7 }));
    let mut weeding = Weeding::default();
    while wheel.weed(&mut weeding, 1000, |handle| handle.hash == 99_999) == 0 {}
    assert_eq!(wheel.len(), 1);
    assert!(wheel.capacity() <= 256, "a chunk");
}

#[test]
fn to_begin_anew_forgets_what_was_read_and_what_was_not() {
    let feed = Feed::new();
    feed.sweep(|_| ()).expect("nobody sweeps");
    let guard = reclaim::pin();
    (0..1000).for_each(|hash| feed.hand_over(Handle { hash, tick: 50 }, &guard));
    let forget = feed.sweep(|state| {
        assert!(!feed.take(state, &mut 300, &mut Vec::new()), "more than the budget");
        assert!(!state.taken.is_empty() && state.wheel.len() > 0);
        state.walked_to(None);
        state.begin_anew_above(1000);
        assert_eq!((state.handles(), state.walk()), (1000, None));
        state.begin_anew_above(999);
        assert_eq!((state.handles(), state.walk()), (0, Some(Cursor::START)));
    });
    forget.expect("nobody sweeps");
}

/// Who begins anew again and again must come to the end of the table all the same.
#[test]
fn to_begin_anew_does_not_stop_a_walk_half_way() {
    let feed = Feed::new();
    let half = Some(Cursor::from(1 << 63));
    let walk = feed.sweep(|state| {
        state.walked_to(half);
        state.wheel.file(Handle { hash: 1, tick: 50 });
        state.begin_anew_above(0);
        assert_eq!((state.handles(), state.walk()), (0, half));
        // Once more from the beginning: the handles of what stands there are gone.
        state.walked_to(None);
        assert_eq!(state.walk(), Some(Cursor::START));
        state.walked_to(None);
        assert_eq!(state.walk(), None);
    });
    walk.expect("nobody sweeps");
}

#[test]
fn with_the_last_sweeper_feeding_ends_and_not_before() {
    let feed = Feed::new();
    feed.enter();
    feed.enter();
    feed.sweep(|_| ()).expect("nobody sweeps");
    let guard = reclaim::pin();
    let publish = |hash| {
        let filed = Filed::nowhere();
        feed.published(hash, 50, &filed, None, &guard);
        filed.get()
    };
    feed.leave();
    assert_eq!(publish(1), 50);
    feed.leave();
    assert_eq!(publish(2), 0);
    // What was filed is void, and the next sweep begins with a walk.
    let state = feed.sweep(|state| {
        feed.take(state, &mut 300, &mut Vec::new());
        (state.handles(), state.walk())
    });
    assert_eq!(state, Some((0, Some(Cursor::START))));
}
