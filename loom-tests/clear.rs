//! `clear` at one instant, against writers that still work in the old array.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{ADD, CLEAR, DELETE, GET, INCR, PASS, SET, SHRINK};
use common::race::{Race, World};
use common::tiny::Map;
use common::{Bound, Collector, explore};
use std::sync::Arc;

fn absent(_: &World) {}

fn one(world: &World) {
    world.kv.set("k", 1).expect("a number is not deep");
}

#[test]
fn clear_and_set() {
    Race::new("clear_and_set", one).between(&[CLEAR], &[SET, GET]);
}

#[test]
fn clear_and_set_of_an_absent_key() {
    Race::new("clear_and_set_of_an_absent_key", absent).between(&[CLEAR, GET], &[SET]);
}

#[test]
fn clear_and_incr() {
    Race::new("clear_and_incr", one).between(&[CLEAR], &[INCR, INCR]);
}

#[test]
fn clear_and_incr_of_an_absent_key() {
    Race::new("clear_and_incr_of_an_absent_key", absent).between(&[CLEAR, GET], &[INCR, INCR]);
}

#[test]
fn clear_and_get() {
    Race::new("clear_and_get", one).between(&[CLEAR, SET], &[GET, GET]);
}

#[test]
fn clear_and_delete() {
    Race::new("clear_and_delete", one).between(&[CLEAR], &[DELETE]);
}

fn alive(world: &World) {
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
}

/// What was alive when it was cleared has not expired for a writer that is still there.
#[test]
fn clear_before_the_deadline_and_incr() {
    let name = "clear_before_the_deadline_and_incr";
    Race::new(name, alive).between(&[CLEAR, PASS], &[INCR]);
}

#[test]
fn clear_before_the_deadline_and_set_if_absent() {
    let name = "clear_before_the_deadline_and_set_if_absent";
    Race::new(name, alive).between(&[CLEAR, PASS], &[ADD, GET]);
}

#[test]
fn clear_and_clear() {
    Race::new("clear_and_clear", one).between(&[CLEAR, SET], &[CLEAR]);
}

/// A migration that was overtaken does not bring the old entries back.
#[test]
fn clear_and_resize() {
    Race::new("clear_and_resize", one).between(&[CLEAR, GET], &[SHRINK]);
}

/// What was cleared is released once, wherever a migration had taken it.
#[test]
fn cleared_entries_are_released_once() {
    let name = "cleared_entries_are_released_once";
    explore(name, Bound::None, Collector::Keep, || {
        let map = Arc::new(Map::new());
        map.set(7, 1);
        map.set(101, 1);
        let other = Arc::clone(&map);
        let resizer = loom::thread::spawn(move || other.resize(0));
        map.table.clear(&epochkv::internals::pin());
        resizer.join().expect("the resizer panicked");
        assert_eq!(map.keys(), []);
    });
}
