//! Migrations (I6, I7 of the table's page) against every operation: no answer and
//! no state that the same operations without a migration would not give.
//!
//! Where a model says *grow*, the migration has begun before the race, so that
//! one thread finishes it while the other works and helps; `begins_and_*` begin
//! it within the race.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{
    DELETE, EXPIRE, GET, GROW, INCR, MOVE, SET, SET_INT, SHRINK, SWAP, TAKE, UPDATE,
};
use common::race::{Op, Race, World, show};
use common::tiny::Map;
use common::{Bound, Collector, explore};
use std::sync::Arc;

/// The neighbour, whose bucket makes the group ready.
const GET_NEIGHBOUR: Op = |w| show(w.kv.get("j"));
/// The key with the same hash.
const GET_TWIN: Op = |w| show(w.kv.get("kk"));
const ADD: Op = |w| show(w.kv.set_if_absent("k", "mine", 0));
const ADD_OTHER: Op = |w| show(w.kv.set_if_absent("k", "theirs", 0));
/// The same of the neighbour, which stands in the first slot of the table of one bucket.
const SET_NEIGHBOUR: Op = |w| show(w.kv.set("j", "new"));
const DELETE_NEIGHBOUR: Op = |w| show(w.kv.delete("j"));

fn set(world: &World, key: &str, value: i64) {
    world.kv.set(key, value).expect("a number is not deep");
}

/// One bucket with two keys that part ways when the table grows.
fn neighbours(world: &World) {
    world.resize(0);
    set(world, "k", 1);
    set(world, "j", 2);
}

fn growing_empty(world: &World) {
    world.resize(0);
    set(world, "j", 2);
    world.kv.start_resize(1);
}

fn growing(world: &World) {
    neighbours(world);
    world.kv.start_resize(1);
}

fn shrinking(world: &World) {
    neighbours(world);
    world.resize(1);
    world.kv.start_resize(0);
}

fn rebuilding(world: &World) {
    neighbours(world);
    world.kv.start_resize(0);
}

/// Two groups: one can have moved while the array still is the current one.
fn growing_in_two_groups(world: &World) {
    set(world, "k", 1);
    set(world, "j", 2);
    world.kv.start_resize(2);
}

/// Two keys with one hash, so one tag.
fn growing_twins(world: &World) {
    world.resize(0);
    set(world, "k", 1);
    set(world, "kk", 2);
    world.kv.start_resize(1);
}

/// A chain with an overflow bucket, about to become one without.
fn growing_chain(world: &World) {
    neighbours(world);
    set(world, "n", 3);
    world.kv.start_resize(1);
}

#[test]
fn begins_and_get() {
    Race::new("begins_and_get", neighbours).between(&[GROW], &[GET, GET]);
}

#[test]
fn begins_and_set() {
    Race::new("begins_and_set", neighbours).preemptions(3).between(&[GROW], &[SET, GET]);
}

#[test]
fn begins_and_incr() {
    Race::new("begins_and_incr", neighbours).between(&[GROW], &[INCR, INCR]);
}

#[test]
fn begins_twice() {
    Race::new("begins_twice", neighbours).preemptions(2).between(&[GROW], &[SHRINK]);
}

#[test]
fn grow_and_get() {
    Race::new("grow_and_get", growing).between(&[MOVE], &[GET, GET_NEIGHBOUR]);
}

#[test]
fn grow_and_get_a_twin() {
    Race::new("grow_and_get_a_twin", growing_twins).between(&[MOVE, DELETE], &[GET_TWIN, GET]);
}

#[test]
fn grow_and_get_from_a_chain() {
    Race::new("grow_and_get_from_a_chain", growing_chain)
        .between(&[MOVE], &[|w| show(w.kv.get("n"))]);
}

#[test]
fn grow_and_set_an_absent_key() {
    Race::new("grow_and_set_an_absent_key", growing_empty).preemptions(3).between(&[MOVE], &[SET]);
}

#[test]
fn grow_and_set() {
    Race::new("grow_and_set", growing).preemptions(3).between(&[MOVE], &[SET, GET]);
}

#[test]
fn grow_and_delete() {
    Race::new("grow_and_delete", growing).preemptions(3).between(&[MOVE], &[DELETE, GET]);
}

/// As the two above, with the key in the other slot.
#[test]
fn grow_and_set_in_the_first_slot() {
    Race::new("grow_and_set_in_the_first_slot", growing)
        .preemptions(3)
        .between(&[MOVE], &[SET_NEIGHBOUR, GET_NEIGHBOUR]);
}

#[test]
fn grow_and_delete_from_the_first_slot() {
    Race::new("grow_and_delete_from_the_first_slot", growing)
        .preemptions(3)
        .between(&[MOVE], &[DELETE_NEIGHBOUR, GET_NEIGHBOUR]);
}

/// A reader enters through the old array, whose frozen words are not the truth
/// any more.
#[test]
fn a_moved_group_in_the_current_array() {
    Race::new("a_moved_group_in_the_current_array", growing_in_two_groups)
        .preemptions(2)
        .between(&[DELETE, GET], &[MOVE]);
}

/// Tags are made anew there, from the entries' hashes. The first step moves one group only;
/// where there is a write in the other thread, that moves the second.
#[test]
fn grow_two_groups_and_get() {
    Race::new("grow_two_groups_and_get", growing_in_two_groups)
        .preemptions(5)
        .between(&[MOVE, MOVE], &[GET, GET_NEIGHBOUR]);
}

#[test]
fn grow_two_groups_and_set() {
    Race::new("grow_two_groups_and_set", growing_in_two_groups)
        .preemptions(2)
        .between(&[MOVE], &[SET, GET]);
}

#[test]
fn grow_and_incr() {
    Race::new("grow_and_incr", growing).between(&[MOVE], &[INCR, INCR]);
}

/// An integer is set in place, in an entry that moves.
#[test]
fn grow_and_set_in_place() {
    Race::new("grow_and_set_in_place", growing).between(&[MOVE], &[SET_INT, GET]);
}

#[test]
fn grow_and_take() {
    Race::new("grow_and_take", growing).preemptions(3).between(&[MOVE], &[TAKE, GET]);
}

#[test]
fn grow_and_swap() {
    Race::new("grow_and_swap", growing).preemptions(3).between(&[MOVE], &[SWAP, GET]);
}

#[test]
fn grow_and_update() {
    Race::new("grow_and_update", growing).preemptions(3).between(&[MOVE], &[UPDATE]);
}

#[test]
fn grow_and_expire() {
    Race::new("grow_and_expire", growing).preemptions(3).between(&[MOVE], &[EXPIRE, GET]);
}

/// Both writers help, and an increment meets an entry that is being replaced in
/// the successor.
#[test]
fn incr_and_swap_while_growing() {
    Race::new("incr_and_swap_while_growing", growing).preemptions(5).between(&[INCR], &[SWAP]);
}

#[test]
fn insert_and_insert_while_growing() {
    Race::new("insert_and_insert_while_growing", growing_empty)
        .preemptions(2)
        .between(&[ADD], &[ADD_OTHER]);
}

#[test]
fn delete_and_insert_while_growing() {
    Race::new("delete_and_insert_while_growing", growing).preemptions(2).between(&[DELETE], &[ADD]);
}

#[test]
fn get_and_delete_while_growing() {
    Race::new("get_and_delete_while_growing", growing).between(&[GET, GET], &[DELETE]);
}

#[test]
fn shrink_and_get() {
    Race::new("shrink_and_get", shrinking).between(&[MOVE], &[GET, GET]);
}

#[test]
fn shrink_and_set() {
    Race::new("shrink_and_set", shrinking).preemptions(2).between(&[MOVE], &[SET]);
}

#[test]
fn shrink_and_delete() {
    Race::new("shrink_and_delete", shrinking).preemptions(2).between(&[MOVE], &[DELETE, GET]);
}

#[test]
fn shrink_and_incr() {
    Race::new("shrink_and_incr", shrinking).between(&[MOVE], &[INCR]);
}

#[test]
fn rebuild_and_get() {
    Race::new("rebuild_and_get", rebuilding).between(&[MOVE], &[GET, GET]);
}

#[test]
fn rebuild_and_set() {
    Race::new("rebuild_and_set", rebuilding).preemptions(3).between(&[MOVE], &[SET]);
}

/// A reader that comes through the successor sees complete entries, also those
/// that a migration moved there: entries in which loom sees everything.
#[test]
fn a_moved_entry_is_complete() {
    explore("a_moved_entry_is_complete", Bound::None, Collector::Keep, || {
        let map = Arc::new(Map::new());
        let other = Arc::clone(&map);
        let writer = loom::thread::spawn(move || {
            other.set(7, 1);
            other.resize(0);
        });
        assert!(matches!(map.get(7), None | Some(1)));
        writer.join().expect("the writer panicked");
        assert_eq!(map.count(7), 1);
    });
}
