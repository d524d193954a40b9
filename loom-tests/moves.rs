//! The smallest migration there is: one key of one bucket moves to another array of one
//! bucket, while another thread does one thing to it.
//!
//! The models of `resize.rs` have neighbours, groups and second steps; here is as little as
//! can be, so that more preemptions can be explored: three or more.
#![cfg(epochkv_loom)]

mod common;

use common::Bound;
use common::ops::{
    DELETE, EXPIRE, GET, INCR, MOVE, PERSIST, SET, SET_INT, SWAP, SWEEP, TAKE, UPDATE,
};
use common::race::{Op, Race, World, show};
use core::time::Duration;

const APPEND: Op = |w| show(w.kv.set("n", "new"));

/// One key in one bucket, about to move to another one.
fn moving(world: &World) {
    world.resize(0);
    world.kv.set("k", 1).expect("a number is not deep");
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
    world.resize(0);
    world.kv.start_resize(0);
}

/// A key that has expired, and a sweep that knows.
fn moving_expired(world: &World) {
    world.resize(0);
    world.kv.sweep(100);
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
    world.kv.sweep(100);
    world.clock.advance(Duration::from_secs(5));
    world.kv.start_resize(0);
}

/// A full bucket: what comes now is appended.
fn moving_full(world: &World) {
    world.resize(0);
    world.kv.set("k", 1).expect("a number is not deep");
    world.kv.set("j", 2).expect("a number is not deep");
    world.kv.start_resize(0);
}

/// A race with so many preemptions, and with so many in a long run.
fn race(name: &'static str, before: fn(&World), most: usize, long: usize) -> Race {
    Race::new(name, before).preemptions(most).or_long(Bound::Preemptions(long))
}

#[test]
fn move_and_set() {
    race("move_and_set", moving, 3, 5).between(&[MOVE], &[SET]);
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
    race("move_and_append", moving_full, 3, 4).between(&[MOVE], &[APPEND]);
}
