//! Walks: a key that stays is met exactly once, whatever happens to others, to
//! its own value, or to the table.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{LIST, MOVE};
use common::race::{Op, Race, World, show};
use common::tiny::Map;
use common::{Bound, Collector, explore};
use core::time::Duration;
use std::sync::Arc;

fn set(world: &World, key: &str) {
    world.kv.set(key, "x").expect("a text is not deep");
}

fn one(world: &World) {
    set(world, "n");
}

fn two(world: &World) {
    set(world, "n");
    set(world, "j");
}

fn growing(world: &World) {
    world.resize(0);
    two(world);
    world.kv.start_resize(1);
}

fn shrinking(world: &World) {
    two(world);
    world.kv.start_resize(0);
}

#[test]
fn keys_and_insert() {
    Race::new("keys_and_insert", one).between(&[LIST], &[|w| show(w.kv.set("k", 1))]);
}

#[test]
fn keys_and_delete() {
    Race::new("keys_and_delete", two).between(&[LIST], &[|w| show(w.kv.delete("j"))]);
}

#[test]
fn keys_and_replace() {
    Race::new("keys_and_replace", two).between(&[LIST], &[|w| show(w.kv.set("n", "y"))]);
}

/// Two keys in one bucket, which a walk meets at one instant.
fn together(world: &World) {
    set(world, "k");
    set(world, "n");
}

#[test]
fn keys_and_clear() {
    const CLEAR: Op = |w| {
        w.kv.clear();
        String::new()
    };
    Race::new("keys_and_clear", together).between(&[LIST], &[CLEAR, |w| show(w.kv.set("k", 1))]);
}

#[test]
fn keys_and_sweep() {
    const SWEEP: Op = |w| {
        w.kv.sweep(100);
        String::new()
    };
    let expired = |w: &World| {
        set(w, "n");
        w.kv.sweep(100);
        w.kv.set_ex("k", 1, 5).expect("a number is not deep");
        w.kv.sweep(100);
        w.clock.advance(Duration::from_secs(5));
    };
    Race::new("keys_and_sweep", expired).between(&[LIST], &[SWEEP]);
}

#[test]
fn keys_and_grow() {
    Race::new("keys_and_grow", growing).between(&[LIST], &[MOVE]);
}

#[test]
fn keys_and_shrink() {
    Race::new("keys_and_shrink", shrinking).preemptions(3).between(&[LIST], &[MOVE]);
}

#[test]
fn keys_and_delete_while_growing() {
    Race::new("keys_and_delete_while_growing", growing)
        .between(&[LIST], &[|w| show(w.kv.delete("j"))]);
}

/// A key that is removed and comes again elsewhere in the chain may be met in
/// both places, and is listed once.
#[test]
fn a_key_that_moves_is_listed_once() {
    explore("a_key_that_moves_is_listed_once", Bound::None, Collector::Keep, || {
        let map = Arc::new(Map::new());
        map.insert(7, 1);
        map.insert(8, 1);
        let other = Arc::clone(&map);
        let mover = loom::thread::spawn(move || {
            assert_eq!(other.remove(7), Some(1));
            assert!(other.insert_at(0, 9, 1));
            assert_eq!(other.remove(8), Some(1));
            assert!(other.insert_at(1, 7, 2));
        });
        let keys = map.keys();
        mover.join().expect("the mover panicked");
        assert!(keys.iter().filter(|&&key| key == 7).count() <= 1, "{keys:?}");
        assert!(keys.iter().filter(|&&key| key == 8).count() <= 1, "{keys:?}");
    });
}

/// The table shrinks and grows again below the walk.
#[test]
fn a_walk_across_two_resizes() {
    explore("a_walk_across_two_resizes", Bound::Preemptions(2), Collector::Keep, || {
        let map = Arc::new(Map::new());
        map.insert(7, 1);
        map.insert(101, 1);
        let other = Arc::clone(&map);
        let resizer = loom::thread::spawn(move || {
            other.resize(0);
            other.resize(1);
        });
        let mut keys = map.keys();
        keys.sort_unstable();
        resizer.join().expect("the resizer panicked");
        assert_eq!(keys, [7, 101]);
    });
}
