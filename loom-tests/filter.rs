//! Filters of large arrays (I9 of the table's page): who is told that a key is absent without a
//! look at its bucket is told nothing else than by a look. Here all arrays have one, and all
//! lookups ask it; but not where a race finds out what is right.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{CLEAR, DELETE, GET, LIST, MOVE, SET, SWAP};
use common::race::{Op, Race, World, show};
use common::tiny::Map;
use common::{Bound, Collector, explore};
use epochkv::internals::use_filter;
use std::sync::Arc;

/// Of another key in the same bucket.
const SET_NEIGHBOUR: Op = |w| show(w.kv.set("n", "new"));

fn nothing(_: &World) {}

fn one(world: &World) {
    world.kv.set("k", 1).expect("a number is not deep");
}

/// Two buckets that are about to become four, in two steps, without the key.
fn growing_in_two_groups(world: &World) {
    world.kv.set("j", 2).expect("a number is not deep");
    world.kv.start_resize(2);
}

fn growing(world: &World) {
    world.resize(0);
    one(world);
    world.kv.start_resize(1);
}

fn shrinking(world: &World) {
    one(world);
    world.kv.start_resize(0);
}

fn filtered(name: &'static str, before: fn(&World)) -> Race {
    Race::new(name, before).filtered()
}

#[test]
fn insert_and_get() {
    filtered("insert_and_get", nothing).between(&[SET], &[GET, GET]);
}

/// A walk asks no filter.
#[test]
fn insert_and_list_and_get() {
    filtered("insert_and_list_and_get", nothing).between(&[SET], &[LIST, GET]);
}

/// Neither's bits are lost.
#[test]
fn two_inserts_into_one_bucket() {
    filtered("two_inserts_into_one_bucket", nothing).between(&[SET], &[SET_NEIGHBOUR]);
}

#[test]
fn delete_and_insert_and_get() {
    filtered("delete_and_insert_and_get", one).between(&[DELETE, SET], &[GET, GET]);
}

#[test]
fn clear_and_insert_and_get() {
    filtered("clear_and_insert_and_get", one).between(&[CLEAR, SET], &[GET, GET]);
}

#[test]
fn clear_and_get_and_insert() {
    filtered("clear_and_get_and_insert", one).between(&[CLEAR, GET], &[SET]);
}

#[test]
fn grow_and_get() {
    filtered("grow_and_get", growing).between(&[MOVE], &[GET, GET]);
}

#[test]
fn shrink_and_get() {
    filtered("shrink_and_get", shrinking).between(&[MOVE], &[GET, GET]);
}

/// The one who did not fill the buckets may be the one who promotes them.
#[test]
fn two_who_grow_and_get() {
    filtered("two_who_grow_and_get", growing).preemptions(3).between(&[MOVE], &[MOVE, GET]);
}

#[test]
fn insert_while_growing_and_get() {
    filtered("insert_while_growing_and_get", growing_in_two_groups)
        .preemptions(2)
        .between(&[SET], &[LIST, GET]);
}

#[test]
fn swap_while_growing_and_get() {
    filtered("swap_while_growing_and_get", growing).preemptions(3).between(&[SWAP], &[GET, GET]);
}

#[test]
fn a_moved_key_is_not_excluded() {
    let bound = Bound::Preemptions(3);
    explore("a_moved_key_is_not_excluded", bound, Collector::Keep, || {
        use_filter(true);
        let map = Arc::new(Map::new());
        assert!(map.insert(7, 1));
        map.start_resize(0);
        let other = Arc::clone(&map);
        let other = loom::thread::spawn(move || other.help_resize());
        assert_eq!(map.get(7), Some(1));
        assert_eq!(map.get(7), Some(1));
        other.join().expect("the other thread panicked");
        assert_eq!(map.get(7), Some(1));
    });
}

/// A key that was inserted into the successor is found while the old array, whose filter
/// excludes it, is still the current one.
#[test]
fn what_is_in_the_successor_is_not_excluded() {
    explore(
        "what_is_in_the_successor_is_not_excluded",
        Bound::Preemptions(3),
        Collector::Keep,
        || {
            use_filter(true);
            let map = Arc::new(Map::new());
            // A group at a time: of two, one is moved by the insertion.
            map.start_resize(2);
            let other = Arc::clone(&map);
            let other = loom::thread::spawn(move || other.insert(7, 1));
            if map.keys().contains(&7) {
                assert_eq!(map.get(7), Some(1));
            }
            assert!(other.join().expect("the other thread panicked"));
            assert_eq!(map.get(7), Some(1));
        },
    );
}
