//! Chains: a full bucket gets an overflow bucket, by a writer who appends it or by a
//! migration that fills it, against everything that may come by meanwhile.
//!
//! With two slots per bucket the third key of a bucket is in its overflow bucket: `n` in
//! all models here.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{self, CLEAR, GROW, LIST, MOVE, SWEEP};
use common::race::{Op, Race, World, show};
use common::tiny::Map;
use common::{Bound, Collector, explore};
use core::time::Duration;
use std::sync::Arc;

const GET: Op = |w| show(w.kv.get("n"));
const SET: Op = |w| show(w.kv.set("n", "new"));
const SET_EX: Op = |w| show(w.kv.set_ex("n", "new", 20));
const SET_OTHER: Op = |w| show(w.kv.set("kk", "new"));
const ADD: Op = |w| show(w.kv.set_if_absent("n", "mine", 0));
const ADD_OTHER: Op = |w| show(w.kv.set_if_absent("n", "theirs", 0));
const INCR: Op = |w| show(w.kv.incr("n"));
const TAKE: Op = |w| show(w.kv.take("n"));
const DELETE: Op = |w| show(w.kv.delete("n"));

fn set(world: &World, key: &str) {
    world.kv.set(key, key.len() as i64).expect("a number is not deep");
}

/// One bucket, full: the next key is appended.
fn full(world: &World) {
    world.resize(0);
    set(world, "k");
    set(world, "j");
}

/// The same, with `n` in an overflow bucket.
fn chain(world: &World) {
    full(world);
    set(world, "n");
}

/// Two buckets with three keys, about to become one with an overflow bucket.
fn shrinking(world: &World) {
    set(world, "n");
    set(world, "k");
    set(world, "j");
    world.kv.start_resize(0);
}

/// Five keys: `n` will be in the first of two overflow buckets, `kk` in the second.
fn shrinking_much(world: &World) {
    for key in ["n", "k", "kk", "j", "jj"] {
        set(world, key);
    }
    world.kv.start_resize(0);
}

/// A chain that stays one.
fn rebuilding(world: &World) {
    chain(world);
    world.kv.start_resize(0);
}

/// A chain, in which `n` lives for five seconds, and a sweep that knows.
fn chain_with_deadline(world: &World) {
    full(world);
    world.kv.sweep(100);
    world.kv.set_ex("n", 1, 5).expect("a number is not deep");
    world.kv.sweep(100);
}

/// The same, five seconds later, still in the table.
fn chain_with_expired(world: &World) {
    chain_with_deadline(world);
    world.clock.advance(Duration::from_secs(5));
}

/// Full, but for `k`, which has expired: who appends has not known it.
fn full_with_expired(world: &World) {
    world.resize(0);
    world.kv.sweep(100);
    set(world, "j");
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
    world.kv.sweep(100);
    world.clock.advance(Duration::from_secs(5));
}

/// What a migration puts into an overflow bucket is found there.
#[test]
fn shrink_into_a_chain() {
    Race::new("shrink_into_a_chain", shrinking).between(&[MOVE], &[GET, ops::GET]);
}

#[test]
fn shrink_into_a_long_chain() {
    let last: &[Op] = &[|w| show(w.kv.get("kk")), GET];
    Race::new("shrink_into_a_long_chain", shrinking_much).preemptions(2).between(&[MOVE], last);
}

#[test]
fn rebuild_a_chain_and_get() {
    Race::new("rebuild_a_chain_and_get", rebuilding)
        .preemptions(2)
        .between(&[MOVE], &[GET, ops::GET]);
}

/// Both fill: the overflow bucket of one of them is the chain's.
#[test]
fn shrink_into_a_chain_and_set() {
    Race::new("shrink_into_a_chain_and_set", shrinking).preemptions(2).between(&[MOVE], &[SET]);
}

#[test]
fn shrink_into_a_chain_and_delete() {
    Race::new("shrink_into_a_chain_and_delete", shrinking)
        .preemptions(1)
        .or_long(Bound::Preemptions(2))
        .between(&[MOVE], &[DELETE, GET]);
}

#[test]
fn shrink_into_a_chain_and_take() {
    Race::new("shrink_into_a_chain_and_take", shrinking).preemptions(2).between(&[MOVE], &[TAKE]);
}

#[test]
fn shrink_into_a_chain_and_append() {
    Race::new("shrink_into_a_chain_and_append", shrinking)
        .preemptions(1)
        .or_long(Bound::Preemptions(2))
        .between(&[MOVE], &[SET_OTHER]);
}

#[test]
fn shrink_into_a_chain_and_keys() {
    Race::new("shrink_into_a_chain_and_keys", shrinking).preemptions(2).between(&[MOVE], &[LIST]);
}

#[test]
fn shrink_into_a_chain_and_clear() {
    Race::new("shrink_into_a_chain_and_clear", shrinking).between(&[MOVE], &[CLEAR, GET]);
}

/// A link is appended to or frozen: what is appended too late goes to the successor.
#[test]
fn grow_a_full_bucket_and_append() {
    Race::new("grow_a_full_bucket_and_append", full).preemptions(2).between(&[GROW], &[SET, GET]);
}

#[test]
fn grow_a_full_bucket_and_incr() {
    Race::new("grow_a_full_bucket_and_incr", full)
        .preemptions(1)
        .or_long(Bound::Preemptions(2))
        .between(&[GROW], &[INCR]);
}

/// The same on the table itself, with an entry in which loom sees all.
#[test]
fn a_migration_undoes_an_append() {
    let name = "a_migration_undoes_an_append";
    explore(name, Bound::Preemptions(1), Collector::Keep, || {
        let map = Arc::new(Map::new());
        assert!(map.insert(1, 1) && map.insert(2, 2));
        let other = Arc::clone(&map);
        let resizer = loom::thread::spawn(move || other.resize(0));
        assert!(map.insert(7, 0));
        resizer.join().expect("the resizer panicked");
        let mut keys = map.keys();
        keys.sort_unstable();
        assert_eq!(keys, [1, 2, 7]);
        assert_eq!(map.count(7), 1);
    });
}

/// What a migration moves into an overflow bucket is complete for who finds it there.
#[test]
fn a_moved_chain_is_complete() {
    let name = "a_moved_chain_is_complete";
    explore(name, Bound::Preemptions(2), Collector::Keep, || {
        let map = Arc::new(Map::new());
        assert!(map.insert(1, 1) && map.insert(2, 2));
        let other = Arc::clone(&map);
        let writer = loom::thread::spawn(move || {
            assert!(other.insert(7, 1));
            other.resize(0);
        });
        assert!(matches!(map.get(7), None | Some(1)));
        assert_eq!((map.get(1), map.get(2)), (Some(1), Some(2)));
        writer.join().expect("the writer panicked");
        assert_eq!(map.count(7), 1);
    });
}

#[test]
fn append_and_get() {
    Race::new("append_and_get", full).between(&[SET], &[GET, GET]);
}

#[test]
fn append_and_delete() {
    Race::new("append_and_delete", full).between(&[SET], &[DELETE, GET]);
}

#[test]
fn append_twice() {
    Race::new("append_twice", full).between(&[ADD, GET], &[ADD_OTHER]);
}

#[test]
fn append_and_incr() {
    Race::new("append_and_incr", full).between(&[INCR], &[INCR]);
}

#[test]
fn append_two_keys() {
    Race::new("append_two_keys", full).between(&[SET], &[SET_OTHER, GET]);
}

/// The other inserts in the slot that became free in front of the overflow bucket.
#[test]
fn append_and_insert_in_front() {
    Race::new("append_and_insert_in_front", full).between(&[ADD], &[ops::DELETE, ADD_OTHER, GET]);
}

/// Somebody appends while a neighbour in the bucket in front is replaced: by text, so that
/// nothing is in place.
#[test]
fn append_and_replace_a_neighbour() {
    Race::new("append_and_replace_a_neighbour", full).between(&[SET, GET], &[ops::SET, GET]);
}

/// The same where only the neighbour's cell changes.
#[test]
fn append_and_incr_a_neighbour() {
    Race::new("append_and_incr_a_neighbour", full).between(&[SET], &[ops::INCR, GET]);
}

#[test]
fn append_and_update_a_neighbour() {
    Race::new("append_and_update_a_neighbour", full).between(&[SET], &[ops::UPDATE, GET]);
}

#[test]
fn append_and_expire_a_neighbour() {
    Race::new("append_and_expire_a_neighbour", full).between(&[SET], &[ops::EXPIRE, GET]);
}

/// The neighbour's slot becomes free while somebody goes past it.
#[test]
fn append_and_take_a_neighbour() {
    Race::new("append_and_take_a_neighbour", full).between(&[ADD, GET], &[ops::TAKE, ADD_OTHER]);
}

#[test]
fn append_and_swap_a_neighbour() {
    Race::new("append_and_swap_a_neighbour", full).between(&[SET], &[ops::SWAP, GET]);
}

#[test]
fn append_and_clear() {
    Race::new("append_and_clear", full).between(&[SET], &[CLEAR, GET]);
}

#[test]
fn append_and_keys() {
    Race::new("append_and_keys", full).between(&[SET], &[LIST, LIST]);
}

#[test]
fn append_and_sweep() {
    Race::new("append_and_sweep", full_with_expired).between(&[SET_EX], &[SWEEP, GET]);
}

#[test]
fn append_and_get_of_expired() {
    Race::new("append_and_get_of_expired", full_with_expired).between(&[SET], &[ops::GET, GET]);
}

#[test]
fn a_chain_and_get() {
    Race::new("a_chain_and_get", chain).between(&[SET, DELETE], &[GET, GET]);
}

#[test]
fn a_chain_and_set_after_delete() {
    Race::new("a_chain_and_set_after_delete", chain).between(&[DELETE, SET], &[SET_OTHER, GET]);
}

#[test]
fn a_chain_and_keys() {
    Race::new("a_chain_and_keys", chain).between(&[DELETE, SET], &[LIST]);
}

#[test]
fn a_chain_and_clear() {
    Race::new("a_chain_and_clear", chain).between(&[INCR, GET], &[CLEAR]);
}

#[test]
fn a_chain_and_sweep() {
    Race::new("a_chain_and_sweep", chain_with_expired).between(&[SWEEP], &[SET_EX, GET]);
}
