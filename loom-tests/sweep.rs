//! Sweeps against everything else: what was renewed is not removed, what will
//! expire is not forgotten, and no handle is lost on its way.
//!
//! After both threads have ended, time passes and it is swept: whatever has
//! expired must be gone then without having been met by anybody.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{
    CLEAR, DELETE, EXPIRE_LATER, GET, INCR, PASS, PERSIST, SET, SHRINK, SWAP, SWEEP, TAKE, UPDATE,
};
use common::race::{Op, Race, World, show};
use common::{Bound, Collector, Gate, explore};
use core::time::Duration;
use epochkv::internals::{Handle, Inbox, pin};
use std::collections::BTreeMap;
use std::sync::Arc;

const SET_EX: Op = |w| show(w.kv.set_ex("k", "new", 20));
const SET_EX_SOON: Op = |w| show(w.kv.set_ex("k", "new", 1));
/// A sweep that is hopelessly behind drops all handles.
const FORGET: Op = |w| {
    w.kv.forget_handles();
    String::new()
};
/// The key's neighbour in its bucket: who sets it helps to sweep the bucket.
const SET_EX_NEIGHBOUR: Op = |w| show(w.kv.set_ex("n", "new", 20));

/// How many are alive; then lets time pass, first between the deadlines, then beyond them.
/// Whenever it has been swept, nothing may be left that has expired; this is asserted,
/// because the orders that explain an execution are made by the same code.
const LATER: Op = |w| {
    // Before all have expired, a key that was renewed and removed like the others.
    let live = w.kv.live_len();
    for seconds in [3, 4, 3600] {
        w.clock.advance(Duration::from_secs(seconds));
        for _ in 0..2 {
            w.kv.sweep(100);
        }
        let entries = w.kv.stats().entries;
        assert_eq!(entries, w.kv.live_len(), "an expired entry was forgotten");
    }
    show((live, w.kv.stats().handles))
};

/// Nobody has swept yet, so nobody files.
fn unfed(world: &World) {
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
}

fn fed_and_empty(world: &World) {
    world.kv.sweep(100);
}

/// The writer's next handle goes into a block that the inbox has already, so that a sweep
/// may take the block before the handle is written. The one in it is due.
fn fed_with_a_block(world: &World) {
    fed_and_empty(world);
    world.kv.set_ex("n", 1, 1).expect("a number is not deep");
    assert!(world.kv.delete("n"));
    world.clock.advance(Duration::from_secs(2));
}

/// A counter that lives for five seconds, and a sweep that knows.
fn filed(world: &World) {
    fed_and_empty(world);
    unfed(world);
    world.kv.sweep(100);
}

/// The same, five seconds later, still in the table.
fn expired(world: &World) {
    filed(world);
    world.clock.advance(Duration::from_secs(5));
}

/// Extended since it was filed: its handle is due, it is not.
fn extended(world: &World) {
    filed(world);
    assert!(world.kv.expire("k", Duration::from_secs(10)));
    world.clock.advance(Duration::from_secs(5));
}

/// Filed once, and then sweeping has ended: it says that it has a handle, and has none.
fn given_up(world: &World) {
    filed(world);
    world.kv.stop_sweeping();
}

/// A sweeper asks writers for help.
fn expired_and_asked_for_help(world: &World) {
    expired(world);
    world.kv.ask_for_help();
}

fn filed_and_asked_for_help(world: &World) {
    filed(world);
    world.kv.ask_for_help();
}

/// Handles of keys that are gone, more than of keys that are there.
fn littered(world: &World) {
    filed(world);
    for _ in 0..3 {
        world.kv.set_ex("n", 1, 8).expect("a number is not deep");
        assert!(world.kv.delete("n"));
    }
    // From the inbox to the wheel, but no further.
    world.kv.sweep(3);
}

fn race(name: &'static str, before: fn(&World)) -> Race {
    Race::new(name, before).after(LATER)
}

/// A renewed key is not evicted by its stale handle, nor forgotten.
#[test]
fn sweep_and_set_ex_of_expired() {
    race("sweep_and_set_ex_of_expired", expired).between(&[SWEEP], &[SET_EX, GET]);
}

#[test]
fn sweep_and_set_of_expired() {
    race("sweep_and_set_of_expired", expired).between(&[SWEEP], &[SET, GET]);
}

/// An increment goes to the live value under its deadline, or starts anew
/// without one.
#[test]
fn sweep_and_incr_at_the_deadline() {
    race("sweep_and_incr_at_the_deadline", filed).between(&[PASS, SWEEP], &[INCR]);
}

#[test]
fn sweep_and_incr_of_expired() {
    race("sweep_and_incr_of_expired", expired).between(&[SWEEP], &[INCR, GET]);
}

/// An update keeps the deadline of what it saw; what it saw expired has none.
#[test]
fn sweep_and_update_at_the_deadline() {
    race("sweep_and_update_at_the_deadline", filed).between(&[PASS, SWEEP], &[UPDATE]);
}

#[test]
fn sweep_and_update_of_expired() {
    race("sweep_and_update_of_expired", expired).between(&[SWEEP], &[UPDATE, GET]);
}

#[test]
fn sweep_and_expire_at_the_deadline() {
    race("sweep_and_expire_at_the_deadline", filed).between(&[PASS, SWEEP], &[EXPIRE_LATER]);
}

#[test]
fn sweep_and_persist_at_the_deadline() {
    race("sweep_and_persist_at_the_deadline", filed).between(&[PASS, SWEEP], &[PERSIST]);
}

#[test]
fn sweep_and_get_of_expired() {
    race("sweep_and_get_of_expired", expired).between(&[SWEEP], &[GET]);
}

#[test]
fn sweep_and_delete_of_expired() {
    race("sweep_and_delete_of_expired", expired).between(&[SWEEP], &[DELETE]);
}

/// What is taken is removed, and counted as expired or not, by one of them.
#[test]
fn sweep_and_take_of_expired() {
    race("sweep_and_take_of_expired", expired).between(&[SWEEP], &[TAKE]);
}

#[test]
fn sweep_and_take_at_the_deadline() {
    race("sweep_and_take_at_the_deadline", filed).between(&[PASS, SWEEP], &[TAKE]);
}

#[test]
fn sweep_and_swap_of_expired() {
    race("sweep_and_swap_of_expired", expired).between(&[SWEEP], &[SWAP, GET]);
}

#[test]
fn sweep_and_swap_at_the_deadline() {
    race("sweep_and_swap_at_the_deadline", filed).between(&[PASS, SWEEP], &[SWAP]);
}

/// The heart of the matter: the handle is just moved to the entry's own deadline
/// while the entry is replaced, and the new one takes over what it has read.
#[test]
fn a_moved_handle_is_not_lost() {
    race("a_moved_handle_is_not_lost", extended).between(&[SWEEP], &[SET_EX]);
}

#[test]
fn a_moved_handle_is_not_lost_by_two_writes() {
    let race = race("a_moved_handle_is_not_lost_by_two_writes", extended);
    race.between(&[SWEEP], &[SET_EX, EXPIRE_LATER]);
}

#[test]
fn a_nearer_deadline_has_its_own_handle() {
    race("a_nearer_deadline_has_its_own_handle", extended).between(&[SWEEP], &[SET_EX_SOON]);
}

#[test]
fn a_handle_is_moved_while_its_key_is_deleted_and_set() {
    let name = "a_handle_is_moved_while_its_key_is_deleted_and_set";
    race(name, extended).between(&[SWEEP], &[DELETE, SET_EX]);
}

/// What is set while sweeping begins is filed by its writer, or met by the walk.
#[test]
fn begin_and_set_ex_of_an_absent_key() {
    race("begin_and_set_ex_of_an_absent_key", |_| ()).between(&[SWEEP], &[SET_EX]);
}

#[test]
fn begin_and_set_ex() {
    race("begin_and_set_ex", unfed).between(&[SWEEP], &[SET_EX]);
}

/// An entry whose handle was lost passes it on to the one that replaces it.
#[test]
fn begin_again_and_set_ex() {
    race("begin_again_and_set_ex", given_up).between(&[SWEEP], &[SET_EX]);
}

#[test]
fn end_and_begin_again_and_set_ex() {
    const END: Op = |w| {
        w.kv.stop_sweeping();
        String::new()
    };
    race("end_and_begin_again_and_set_ex", filed).between(&[END, SWEEP], &[SET_EX]);
}

/// What a sweep that begins anew has dropped, its walk files again: also what was handed
/// over and not written yet when it was dropped.
#[test]
fn begin_anew_and_set_ex_of_an_absent_key() {
    race("begin_anew_and_set_ex_of_an_absent_key", fed_with_a_block)
        .between(&[SWEEP, FORGET, SWEEP], &[SET_EX]);
}

/// The new entry takes over a handle that is being dropped.
#[test]
fn begin_anew_and_set_ex() {
    race("begin_anew_and_set_ex", filed).between(&[FORGET, SWEEP], &[SET_EX]);
}

#[test]
fn begin_anew_and_expire() {
    race("begin_anew_and_expire", extended).between(&[FORGET, SWEEP], &[EXPIRE_LATER]);
}

/// A writer that helps removes what it has found expired, and nothing else.
#[test]
fn help_and_set_ex_of_expired() {
    race("help_and_set_ex_of_expired", expired_and_asked_for_help)
        .between(&[SET_EX_NEIGHBOUR], &[SET_EX, GET]);
}

#[test]
fn help_and_incr_of_expired() {
    race("help_and_incr_of_expired", expired_and_asked_for_help)
        .between(&[SET_EX_NEIGHBOUR], &[INCR, GET]);
}

#[test]
fn help_and_expire_at_the_deadline() {
    race("help_and_expire_at_the_deadline", filed_and_asked_for_help)
        .between(&[PASS, SET_EX_NEIGHBOUR], &[EXPIRE_LATER]);
}

/// Removed, and counted as expired, by one of them.
#[test]
fn help_and_get_of_expired() {
    race("help_and_get_of_expired", expired_and_asked_for_help)
        .between(&[SET_EX_NEIGHBOUR], &[GET]);
}

#[test]
fn help_and_sweep() {
    race("help_and_sweep", expired_and_asked_for_help).between(&[SET_EX_NEIGHBOUR], &[SWEEP]);
}

/// A bucket that moves is left to the sweep.
#[test]
fn help_and_resize() {
    race("help_and_resize", expired_and_asked_for_help)
        .preemptions(2)
        .between(&[SET_EX_NEIGHBOUR], &[SHRINK]);
}

#[test]
fn sweep_and_clear() {
    race("sweep_and_clear", expired).between(&[SWEEP], &[CLEAR, SET_EX]);
}

#[test]
fn sweep_and_resize() {
    race("sweep_and_resize", expired)
        .preemptions(2)
        .or_long(Bound::Preemptions(3))
        .between(&[SWEEP], &[SHRINK, GET]);
}

#[test]
fn a_handle_is_moved_during_a_resize() {
    race("a_handle_is_moved_during_a_resize", extended).preemptions(2).between(&[SWEEP], &[SHRINK]);
}

#[test]
fn begin_and_resize() {
    race("begin_and_resize", unfed).preemptions(2).between(&[SWEEP], &[SHRINK]);
}

#[test]
fn two_sweeps() {
    race("two_sweeps", expired).preemptions(5).between(&[SWEEP], &[SWEEP, GET]);
}

/// A handle that is about to be taken over is not weeded out.
#[test]
fn weeding_and_set_ex() {
    race("weeding_and_set_ex", littered).between(&[SWEEP], &[SET_EX]);
}

/// Handles of ticks from 1 on, of which the inbox took so many.
fn push(inbox: &Inbox, gate: &Gate, ticks: core::ops::Range<u64>) -> Vec<u64> {
    let push = |tick: &u64| {
        gate.pass();
        inbox.push(Handle { hash: 10 * tick, tick: *tick }, &pin())
    };
    ticks.filter(push).collect()
}

/// What comes out of an inbox.
#[derive(Default)]
struct Drain {
    taken: Vec<epochkv::internals::Taken>,
    seen: BTreeMap<u64, usize>,
}

impl Drain {
    fn drain(&mut self, inbox: &Inbox) {
        inbox.take(&mut self.taken, &pin());
        let seen = &mut self.seen;
        let file = |handle: Handle| {
            assert_eq!(handle.hash, 10 * handle.tick, "the halves of two handles");
            *seen.entry(handle.tick).or_default() += 1;
        };
        let mut file = file;
        self.taken.retain_mut(|block| !block.read(&mut file));
    }
}

/// Every handle that was accepted comes out once, whenever it is asked for.
fn all_come_out(name: &str, pushers: &'static [core::ops::Range<u64>], bound: Bound) {
    explore(name, bound, Collector::Keep, move || {
        let inbox = Arc::new(Inbox::new());
        let gate = Gate::default();
        let others: Vec<_> = pushers
            .iter()
            .map(|ticks| {
                let (inbox, gate, ticks) = (Arc::clone(&inbox), gate.clone(), ticks.clone());
                loom::thread::spawn(move || push(&inbox, &gate, ticks))
            })
            .collect();
        let mut drain = Drain::default();
        gate.pass();
        drain.drain(&inbox);
        let accepted = others.into_iter().flat_map(|other| other.join().expect("no panic"));
        let accepted: BTreeMap<_, _> = accepted.map(|tick| (tick, 1)).collect();
        drain.drain(&inbox);
        assert!(drain.taken.is_empty(), "a block is never read to its end");
        assert_eq!(drain.seen, accepted);
    });
}

#[test]
fn pushed_handles_come_out_once() {
    let one = core::slice::from_ref(&(1..4));
    all_come_out("pushed_handles_come_out_once", one, Bound::None);
}

#[test]
fn handles_of_two_writers_come_out_once() {
    let name = "handles_of_two_writers_come_out_once";
    all_come_out(name, &[1..3, 3..5], Bound::Preemptions(3));
}
