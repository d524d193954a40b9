//! One model for each ordering that no other model needs: `docs/ORDERINGS.md`
//! names the access that each is for.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{GROW, MOVE};
use common::race::{FirstByte, Op, Race, World, show};
use common::tiny::Map;
use common::{Bound, Collector, Gate, explore};
use core::time::Duration;
use epochkv::internals::Stack;
use epochkv::{Clock, Kv, Snapshot, Ttl, Value};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::sync::Arc;

/// Who sees an insertion sees what the inserter's scan had to see: a removal in
/// another slot. Otherwise a key would come back that two threads have removed.
#[test]
fn a_commit_publishes_what_its_scan_saw() {
    let name = "a_commit_publishes_what_its_scan_saw";
    explore(name, Bound::Preemptions(2), Collector::Keep, || {
        let map = Arc::new(Map::new());
        assert!(map.insert_at(1, 7, 1));
        let (first, second) = (Arc::clone(&map), Arc::clone(&map));
        let remover = thread::spawn(move || first.remove_once(7));
        let inserter = thread::spawn(move || second.insert_once_at(0, 7, 2));
        if map.remove_once(7) == Some(2) {
            assert_eq!(map.get(7), None, "a removed entry came back");
        }
        remover.join().expect("the remover panicked");
        inserter.join().expect("the inserter panicked");
    });
}

/// What is pushed is complete for whoever takes it.
#[test]
fn a_pushed_value_is_complete() {
    explore("a_pushed_value_is_complete", Bound::None, Collector::Keep, || {
        let stack = Arc::new(Stack::new());
        let gate = Gate::default();
        let (other, others_gate) = (Arc::clone(&stack), gate.clone());
        let pusher = thread::spawn(move || {
            for number in [1, 2] {
                others_gate.pass();
                other.push(Payload(UnsafeCell::new(number)));
            }
        });
        gate.pass();
        let mut taken: Vec<u64> = stack.take_all().iter().map(Payload::read).collect();
        pusher.join().expect("the pusher panicked");
        taken.extend(stack.take_all().iter().map(Payload::read));
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    });
}

/// A value that loom watches.
struct Payload(UnsafeCell<u64>);

impl Payload {
    fn read(&self) -> u64 {
        // SAFETY: nobody writes; loom checks that the first write came before.
        self.0.with(|value| unsafe { *value })
    }
}

/// Whoever gives up the last reference destroys the value after all that others
/// did with it.
#[test]
fn the_last_reference_comes_last() {
    explore("the_last_reference_comes_last", Bound::None, Collector::Keep, || {
        // So long that it is shared, and the end of its record can be seen.
        let text: Arc<str> = "x".repeat(2000).into();
        let mine = Snapshot::from(Value::Str(Arc::clone(&text)));
        let theirs = mine.clone();
        let gate = Gate::default();
        let others_gate = gate.clone();
        let other = thread::spawn(move || {
            others_gate.pass();
            drop(theirs);
        });
        gate.pass();
        drop(mine);
        other.join().expect("the other thread panicked");
        assert_eq!(Arc::strong_count(&text), 1, "it was destroyed");
    });
}

const MESSAGE: Op = |w| show(w.kv.set("j", "message"));
const READ: Op = |w| show(w.kv.get("j"));

fn zero(world: &World) {
    world.kv.set("k", 0).expect("a number is not deep");
}

/// Who counts from a sum sees what its writer did before.
#[test]
fn an_increment_sees_what_came_before() {
    let writer: &[Op] = &[MESSAGE, |w| show(w.kv.incr("k"))];
    let reader: &[Op] = &[|w| show(w.kv.incr("k")), READ];
    Race::new("an_increment_sees_what_came_before", zero).between(writer, reader);
}

/// The same for an increment with a bound, also one that changes nothing.
#[test]
fn a_bounded_increment_sees_what_came_before() {
    const BOUNDED: Op = |w| {
        let options = epochkv::IncrOptions::by(1).max(1);
        show(w.kv.incr_with("k", &options).map(|done| (done.applied, done.value)))
    };
    Race::new("a_bounded_increment_sees_what_came_before", zero)
        .between(&[MESSAGE, BOUNDED], &[BOUNDED, READ]);
}

/// Who finds a key removed sees what its remover did before.
#[test]
fn a_removal_publishes_what_came_before() {
    Race::new("a_removal_publishes_what_came_before", zero)
        .between(&[MESSAGE, |w| show(w.kv.delete("k"))], &[|w| show(w.kv.get("k")), READ]);
}

/// Who finds the store cleared sees what the clearing thread did before.
#[test]
fn clear_publishes_what_came_before() {
    const CLEAR: Op = |w| {
        w.kv.clear();
        String::new()
    };
    let writer: &[Op] = &[CLEAR, MESSAGE];
    let reader: &[Op] = &[READ, |w| show(w.kv.get("k"))];
    Race::new("clear_publishes_what_came_before", zero).between(writer, reader);
}

/// A clock of relaxed loads: it orders nothing by itself.
#[derive(Clone, Debug)]
struct RelaxedClock(Arc<AtomicU64>);

impl Clock for RelaxedClock {
    fn now_ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

type RelaxedStore = Kv<str, FirstByte, RelaxedClock>;

/// A store in which `k` lives for so many seconds.
fn with_relaxed_clock(seconds: u64) -> (RelaxedStore, RelaxedClock) {
    let clock = RelaxedClock(Arc::new(AtomicU64::new(0)));
    let kv = Kv::builder().capacity(7).hasher(FirstByte).clock(clock.clone()).build();
    kv.set_ex("k", 1, seconds).expect("a number is not deep");
    (kv, clock)
}

/// A thread that does this, and then moves the clock to ten seconds.
fn then_moves_the_clock(
    (kv, clock): (RelaxedStore, RelaxedClock),
    gate: &Gate,
    act: fn(&RelaxedStore),
    ordering: Ordering,
) -> thread::JoinHandle<()> {
    let gate = gate.clone();
    thread::spawn(move || {
        gate.pass();
        act(&kv);
        gate.pass();
        clock.0.store(10_000_000_000, ordering);
    })
}

/// A time that was shown only after a `clear` does not expire in the old table what was alive
/// there.
#[test]
fn a_time_after_a_clear_is_not_for_the_old_table() {
    let name = "a_time_after_a_clear_is_not_for_the_old_table";
    explore(name, Bound::None, Collector::Keep, || {
        let (kv, clock) = with_relaxed_clock(5);
        let gate = Gate::default();
        // Relaxed: as if it were the time itself, which nobody sets.
        let store = (kv.clone(), clock);
        let other = then_moves_the_clock(store, &gate, |kv| kv.clear(), Ordering::Relaxed);
        gate.pass();
        let added = kv.set_if_absent("k", 2, 0).expect("a number is not deep");
        other.join().expect("the other thread panicked");
        // It was absent, and it was there until it was cleared.
        assert_eq!(kv.exists("k"), added);
    });
}

/// The same where the clock is read between a pin and another pin inside of it.
#[test]
fn a_late_time_within_a_pin_is_not_for_the_old_table() {
    let name = "a_late_time_within_a_pin_is_not_for_the_old_table";
    explore(name, Bound::Preemptions(2), Collector::Epoch, || {
        let (kv, clock) = with_relaxed_clock(5);
        kv.set("j", 1).expect("a number is not deep");
        let gate = Gate::default();
        let store = (kv.clone(), clock);
        let other = then_moves_the_clock(store, &gate, |kv| kv.clear(), Ordering::Release);
        let added = kv.with("j", |_| {
            gate.pass();
            kv.set_if_absent("k", 2, 1000).expect("a number is not deep")
        });
        other.join().expect("the other thread panicked");
        if let Some(added) = added {
            assert_eq!(kv.exists("k"), added);
        }
    });
}

/// Nor is an entry unlinked there, before the eyes of a writer who is still there.
fn unlinks_nothing(name: &'static str, before: fn(&RelaxedStore), late: fn(&RelaxedStore)) {
    explore(name, Bound::Preemptions(3), Collector::Keep, move || {
        let (kv, clock) = with_relaxed_clock(5);
        before(&kv);
        let gate = Gate::default();
        let store = (kv.clone(), clock);
        let clearer = then_moves_the_clock(store, &gate, |kv| kv.clear(), Ordering::Release);
        let (others, others_gate) = (kv.clone(), gate.clone());
        let unlinker = thread::spawn(move || {
            others_gate.pass();
            late(&others);
        });
        gate.pass();
        let added = kv.set_if_absent("k", 2, 0).expect("a number is not deep");
        clearer.join().expect("the clearing thread panicked");
        unlinker.join().expect("the unlinking thread panicked");
        assert_eq!(kv.exists("k"), added);
    });
}

#[test]
fn a_late_time_unlinks_nothing_in_the_old_table() {
    let name = "a_late_time_unlinks_nothing_in_the_old_table";
    unlinks_nothing(name, |_| {}, |kv| drop(kv.keys("k")));
}

#[test]
fn a_helper_unlinks_nothing_in_the_old_table() {
    let asked = |kv: &RelaxedStore| {
        kv.sweep(0);
        kv.ask_for_help();
    };
    let late = |kv: &RelaxedStore| {
        let until = Ttl::until(Duration::from_secs(100));
        kv.set_ex("n", 1, until).expect("a number is not deep");
    };
    unlinks_nothing("a_helper_unlinks_nothing_in_the_old_table", asked, late);
}

/// The time left at a late time is not that of an entry that had gone before.
fn never_was(name: &'static str, remove: fn(&RelaxedStore)) {
    explore(name, Bound::Preemptions(2), Collector::Epoch, move || {
        let (kv, clock) = with_relaxed_clock(60);
        let gate = Gate::default();
        let other = then_moves_the_clock((kv.clone(), clock), &gate, remove, Ordering::Release);
        gate.pass();
        let left = kv.ttl("k");
        other.join().expect("the other thread panicked");
        assert!(left == 60 || left == -2, "{left}");
    });
}

#[test]
fn a_late_time_is_not_for_what_was_cleared() {
    never_was("a_late_time_is_not_for_what_was_cleared", |kv| kv.clear());
}

#[test]
fn a_late_time_is_not_for_what_was_deleted() {
    never_was("a_late_time_is_not_for_what_was_deleted", |kv| assert!(kv.delete("k")));
}

/// As `insert::a_helped_entry_may_be_gone_before_its_inserter_looks`, with records:
/// the neighbour in the preferred slot is what makes the inserters' slots differ.
#[test]
fn a_helped_record_may_be_gone_before_its_inserter_looks() {
    let neighbour = |w: &World| w.kv.set("n", 0).expect("a number is not deep");
    Race::new("a_helped_record_may_be_gone_before_its_inserter_looks", neighbour)
        .preemptions(3)
        .between(
            &[|w| show(w.kv.delete("n")), |w| show(w.kv.set_if_absent("k", "mine", 0))],
            &[|w| show(w.kv.set_if_absent("k", "theirs", 0)), |w| show(w.kv.delete("k"))],
        );
}

/// Two groups of one key each.
fn growing_in_two_groups(world: &World) {
    world.kv.set("k", 1).expect("a number is not deep");
    world.kv.set("j", 2).expect("a number is not deep");
    world.kv.start_resize(2);
}

/// Whoever takes a migration for complete has seen all of it, though another
/// thread has done it.
#[test]
fn who_promotes_has_seen_it_all() {
    Race::new("who_promotes_has_seen_it_all", growing_in_two_groups)
        .preemptions(1)
        .between(&[MOVE, MOVE], &[MOVE, |w| show(w.kv.get("k")), |w| show(w.kv.get("j"))]);
}

/// One bucket, full, so that the next key is appended.
fn full(world: &World) {
    world.resize(0);
    world.kv.set("k", 1).expect("a number is not deep");
    world.kv.set("j", 2).expect("a number is not deep");
}

/// A reader that meets a frozen link, not a frozen slot, finds the successor.
#[test]
fn a_frozen_link_leads_to_the_successor() {
    let chain = |w: &World| {
        full(w);
        w.kv.set("n", 3).expect("a number is not deep");
    };
    Race::new("a_frozen_link_leads_to_the_successor", chain)
        .preemptions(3)
        .between(&[GROW], &[|w| show(w.kv.get("n"))]);
}

/// An increment that finds the sum it had read before, though it has changed
/// meanwhile, sees what came before the last change.
#[test]
fn a_sum_that_comes_back_is_a_new_one() {
    let writer: &[Op] = &[|w| show(w.kv.incr("k")), MESSAGE, |w| show(w.kv.incr_by("k", -1))];
    let reader: &[Op] = &[|w| show(w.kv.incr("k")), READ];
    Race::new("a_sum_that_comes_back_is_a_new_one", zero).between(writer, reader);
}

/// The same for increments with a bound.
#[test]
fn a_bounded_sum_that_comes_back_is_a_new_one() {
    const UP: Op = |w| {
        let options = epochkv::IncrOptions::by(1).max(5);
        show(w.kv.incr_with("k", &options).map(|done| (done.applied, done.value)))
    };
    let writer: &[Op] = &[UP, MESSAGE, |w| show(w.kv.incr_by("k", -1))];
    Race::new("a_bounded_sum_that_comes_back_is_a_new_one", zero).between(writer, &[UP, READ]);
}

/// Who clears sees what the last clearing thread did before.
#[test]
fn clear_sees_what_came_before() {
    const CLEAR: Op = |w| {
        w.kv.clear();
        String::new()
    };
    Race::new("clear_sees_what_came_before", zero)
        .between(&[CLEAR, |w| show(w.kv.set("k", 3))], &[CLEAR, |w| show(w.kv.get("k"))]);
}

/// A helper's commit publishes what its scan saw, as an inserter's own does.
#[test]
fn a_helpers_commit_publishes_what_its_scan_saw() {
    let name = "a_helpers_commit_publishes_what_its_scan_saw";
    explore(name, Bound::Preemptions(2), Collector::Keep, || {
        let map = Arc::new(Map::new());
        assert!(map.insert(1, 1) && map.insert(7, 1));
        assert_eq!(map.remove(1), Some(1));
        let (first, second) = (Arc::clone(&map), Arc::clone(&map));
        let inserter = thread::spawn(move || first.insert_once_at(0, 7, 2));
        let helper = thread::spawn(move || (second.remove_once(7), second.insert_at(1, 7, 3)));
        if map.remove_once(7) == Some(2) {
            assert!(!matches!(map.get(7), Some(1)), "a removed entry came back");
        }
        inserter.join().expect("the inserter panicked");
        helper.join().expect("the helper panicked");
    });
}
