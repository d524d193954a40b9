//! The smallest migration there is: one key of one bucket moves to another array of one
//! bucket, while another thread does one thing to it.
//!
//! The models of `resize.rs` have neighbours, groups and second steps; here is as little as
//! can be, so that more preemptions can be explored. `scripts/loom.sh` runs this file once more
//! in a build with one slot per bucket (`--cfg epochkv_one_slot`): there a bound is not needed.
#![cfg(epochkv_loom)]

mod common;

use common::Bound;
use common::ops::{DELETE, EXPIRE, GET, INCR, PERSIST, SET, SET_INT, SWAP, SWEEP, TAKE, UPDATE};
use common::race::{Op, Race, World, show};
use core::time::Duration;

const ONE_SLOT: bool = cfg!(epochkv_one_slot);

/// In a full bucket it is appended.
const SET_LAST: Op = |w| show(w.kv.set("n", "new"));

/// A writer's share of the migration, without the write, which the other files' `MOVE` has.
const MOVE: Op = |w| {
    w.kv.help_resize();
    String::new()
};

/// The whole of it: the other thread may be on its way since before there was a successor.
const BEGIN: Op = |w| {
    w.kv.start_resize(0);
    w.kv.help_resize();
    String::new()
};

/// One key in one bucket.
fn still(world: &World) {
    world.resize(0);
    world.kv.set("k", 1).expect("a number is not deep");
}

/// One bucket, and no key at all.
fn nothing(world: &World) {
    world.resize(0);
}

/// One key in one bucket, about to move to another one.
fn moving(world: &World) {
    still(world);
    world.kv.start_resize(0);
}

/// The same, with a deadline.
fn moving_alive(world: &World) {
    world.resize(0);
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
    world.kv.start_resize(0);
}

/// No key at all.
fn moving_nothing(world: &World) {
    nothing(world);
    world.kv.start_resize(0);
}

/// A key that has expired, and a sweep that knows.
fn expired(world: &World) {
    world.resize(0);
    world.kv.sweep(100);
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
    world.kv.sweep(100);
    world.clock.advance(Duration::from_secs(5));
}

fn moving_expired(world: &World) {
    expired(world);
    world.kv.start_resize(0);
}

/// A full bucket: what comes now is appended.
fn full(world: &World) {
    still(world);
    if !ONE_SLOT {
        world.kv.set("j", 2).expect("a number is not deep");
    }
}

fn moving_full(world: &World) {
    full(world);
    world.kv.start_resize(0);
}

/// The same with `n` in an overflow bucket.
fn chain(world: &World) {
    full(world);
    world.kv.set("n", 1).expect("a number is not deep");
}

/// The key's bucket becomes two: all of a group is ready at once.
fn growing(world: &World) {
    still(world);
    world.kv.start_resize(1);
}

/// A race with so many preemptions, and with so many in a long run; whole if that has one slot.
fn race(name: &'static str, before: fn(&World), most: usize, long: usize) -> Race {
    let long = if ONE_SLOT { Bound::None } else { Bound::Preemptions(long) };
    Race::new(name, before).preemptions(most).or_long(long)
}

/// A writer who met no successor, or one in any state: with one slot whole in the gate too.
#[test]
fn begin_and_set() {
    let bounded = race("begin_and_set", still, 3, 5);
    let race = if ONE_SLOT { Race::new("begin_and_set", still) } else { bounded };
    race.between(&[BEGIN], &[SET]);
}

#[test]
fn begin_and_set_of_an_absent_key() {
    race("begin_and_set_of_an_absent_key", nothing, 3, 4).between(&[BEGIN], &[SET]);
}

#[test]
fn begin_and_delete() {
    race("begin_and_delete", still, 3, 5).between(&[BEGIN], &[DELETE]);
}

#[test]
fn begin_and_take() {
    race("begin_and_take", still, 3, 5).between(&[BEGIN], &[TAKE]);
}

#[test]
fn begin_and_update() {
    race("begin_and_update", still, 3, 4).between(&[BEGIN], &[UPDATE]);
}

#[test]
fn begin_and_get_of_expired() {
    race("begin_and_get_of_expired", expired, 3, 4).between(&[BEGIN], &[GET]);
}

/// A link is appended to or frozen: what is appended too late goes to the successor.
#[test]
fn begin_and_append() {
    Race::new("begin_and_append", full).preemptions(3).between(&[BEGIN], &[SET_LAST]);
}

#[test]
fn begin_and_set_in_a_chain() {
    Race::new("begin_and_set_in_a_chain", chain)
        .preemptions(2)
        .or_long(Bound::Preemptions(3))
        .between(&[BEGIN], &[SET_LAST]);
}

#[test]
fn move_apart_and_set() {
    race("move_apart_and_set", growing, 3, 4).between(&[MOVE], &[SET]);
}

#[test]
fn move_and_set() {
    Race::new("move_and_set", moving).preemptions(3).or_long(Bound::None).between(&[MOVE], &[SET]);
}

#[test]
fn move_and_set_in_place() {
    Race::new("move_and_set_in_place", moving).between(&[MOVE], &[SET_INT]);
}

#[test]
fn move_and_set_of_an_absent_key() {
    race("move_and_set_of_an_absent_key", moving_nothing, 3, 4).between(&[MOVE], &[SET]);
}

#[test]
fn move_and_incr() {
    Race::new("move_and_incr", moving).between(&[MOVE], &[INCR, INCR]);
}

#[test]
fn move_and_delete() {
    race("move_and_delete", moving, 3, 5).between(&[MOVE], &[DELETE]);
}

#[test]
fn move_and_take() {
    race("move_and_take", moving, 3, 5).between(&[MOVE], &[TAKE]);
}

#[test]
fn move_and_swap() {
    race("move_and_swap", moving, 3, 5).between(&[MOVE], &[SWAP]);
}

#[test]
fn move_and_update() {
    race("move_and_update", moving, 3, 4).between(&[MOVE], &[UPDATE]);
}

#[test]
fn move_and_expire() {
    race("move_and_expire", moving, 3, 5).between(&[MOVE], &[EXPIRE]);
}

#[test]
fn move_and_persist() {
    race("move_and_persist", moving_alive, 3, 5).between(&[MOVE], &[PERSIST]);
}

/// Who meets an expired entry unlinks it, wherever it is by then.
#[test]
fn move_and_get_of_expired() {
    race("move_and_get_of_expired", moving_expired, 3, 4).between(&[MOVE], &[GET]);
}

#[test]
fn move_and_sweep() {
    race("move_and_sweep", moving_expired, 3, 4).between(&[MOVE], &[SWEEP]);
}

#[test]
fn move_and_append() {
    race("move_and_append", moving_full, 3, 4).between(&[MOVE], &[SET_LAST]);
}
