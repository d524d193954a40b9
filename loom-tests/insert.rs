//! Insertion into reused slots: claim, look again, commit (I2 to I5 of the
//! table's page), on the table itself, with an entry in which loom sees all.
//!
//! Two inserters of one key prefer the same slot, and then one compare-exchange
//! decides between them. What the protocol is for begins when they have claimed
//! different slots, so most models here choose the slots for them.
#![cfg(epochkv_loom)]

mod common;

use common::tiny::Map;
use common::{Bound, Collector, explore};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

fn model(name: &str, bound: Bound, body: impl Fn(&Arc<Map>) + Send + Sync + 'static) {
    explore(name, bound, Collector::Keep, move || body(&Arc::new(Map::new())));
}

fn spawn<T: 'static>(map: &Arc<Map>, work: fn(&Map) -> T) -> JoinHandle<T> {
    let map = Arc::clone(map);
    thread::spawn(move || work(&map))
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("the other thread panicked")
}

/// One of two inserters of an absent key succeeds, and one entry is there.
#[test]
fn one_of_two_claims_lands() {
    model("one_of_two_claims_lands", Bound::None, |map| {
        let other = spawn(map, |map| map.insert_at(1, 7, 1));
        let mine = map.insert_at(0, 7, 0);
        let others = join(other);
        assert!(mine != others, "first: {mine}, second: {others}");
        assert_eq!(map.get(7), Some(u64::from(others)));
        assert_eq!(map.count(7), 1);
    });
}

/// Of two writers that both saw the key absent, one inserts and the other
/// replaces what the first wrote.
#[test]
fn two_claims_of_writers_line_up() {
    model("two_claims_of_writers_line_up", Bound::None, |map| {
        let other = spawn(map, |map| map.set_at(1, 7, 1));
        let mine = map.set_at(0, 7, 0);
        match (mine, join(other)) {
            (None, Some(0)) => assert_eq!(map.get(7), Some(1)),
            (Some(1), None) => assert_eq!(map.get(7), Some(0)),
            answers => panic!("no order explains {answers:?}"),
        }
        assert_eq!(map.count(7), 1);
    });
}

/// An inserter learns of its success also when a helper committed its entry and
/// removed it before the inserter looked: insertions less removals are what is
/// there, and each entry is released once.
#[test]
fn a_helped_entry_may_be_gone_before_its_inserter_looks() {
    model("a_helped_entry_may_be_gone_before_its_inserter_looks", Bound::None, |map| {
        let other = spawn(map, |map| (map.insert_at(1, 7, 1), map.remove(7).is_some()));
        let mine = map.insert_at(0, 7, 0);
        let (others, removed) = join(other);
        assert!(removed, "the remover's own insertion, or its rival's, came before");
        let live = usize::from(mine) + usize::from(others) - 1;
        assert_eq!(map.count(7), live);
    });
}

/// A claim that a rival has kicked is not taken for what came into its slot since.
#[test]
fn a_kicked_claim_is_not_what_came_after_it() {
    model("a_kicked_claim_is_not_what_came_after_it", Bound::None, |map| {
        let other = spawn(map, |map| map.insert_once_at(1, 7, 1));
        let mine = map.insert_once_at(0, 7, 0);
        let neighbour = map.insert_once_at(1, 1, 5);
        let others = join(other);
        assert_eq!(map.count(7), usize::from(mine) + usize::from(others));
        assert_eq!(map.count(1), usize::from(neighbour));
    });
}

/// As before, with a replacement.
#[test]
fn a_helped_entry_may_be_replaced_before_its_inserter_looks() {
    model("a_helped_entry_may_be_replaced_before_its_inserter_looks", Bound::None, |map| {
        let other = spawn(map, |map| (map.insert_at(1, 7, 1), map.set(7, 2)));
        let mine = map.insert_at(0, 7, 0);
        let answers = (mine, join(other));
        let legal = [(true, (false, Some(0))), (false, (true, Some(1)))];
        assert!(legal.contains(&answers), "no order explains {answers:?}");
        assert_eq!(map.get(7), Some(2));
        assert_eq!(map.count(7), 1);
    });
}

/// Two claims and a removal from a third thread.
#[test]
fn claims_less_removals_are_what_is_there() {
    model("claims_less_removals_are_what_is_there", Bound::Preemptions(3), |map| {
        let other = spawn(map, |map| map.insert_at(1, 7, 1));
        let remover = spawn(map, |map| map.remove(7).is_some());
        let inserted = usize::from(map.insert_at(0, 7, 0)) + usize::from(join(other));
        let removed = usize::from(join(remover));
        assert!((1..=2).contains(&inserted));
        assert_eq!(map.count(7), inserted - removed);
    });
}

/// Two inserters of one key, one of which finds a slot that a third thread has
/// just emptied: the way in which the slots come to differ without the hook.
#[test]
fn a_neighbour_goes_away() {
    model("a_neighbour_goes_away", Bound::Preemptions(2), |map| {
        map.insert(1, 1);
        let other = spawn(map, |map| map.insert(7, 1));
        let remover = spawn(map, |map| map.remove(1));
        let mine = map.insert(7, 0);
        assert!(mine != join(other));
        assert_eq!(join(remover), Some(1));
        assert_eq!((map.count(7), map.count(1)), (1, 0));
    });
}

/// Both slots are taken: two inserters of one key append to the chain.
#[test]
fn one_key_overflows_once() {
    model("one_key_overflows_once", Bound::None, |map| {
        assert!(map.insert(1, 1) && map.insert(2, 2));
        let other = spawn(map, |map| map.insert(7, 1));
        let mine = map.insert(7, 0);
        assert!(mine != join(other));
        assert_eq!(map.count(7), 1);
    });
}

/// Both slots are taken: inserters of two keys append, one behind the other or
/// into the same overflow bucket.
#[test]
fn two_keys_overflow() {
    model("two_keys_overflow", Bound::None, |map| {
        assert!(map.insert(1, 1) && map.insert(2, 2));
        let other = spawn(map, |map| map.insert(8, 1));
        assert!(map.insert(7, 0));
        assert!(join(other));
        let mut keys = map.keys();
        keys.sort_unstable();
        assert_eq!(keys, [1, 2, 7, 8]);
    });
}

/// One inserter appends an overflow bucket, the other claims a slot that became
/// free in front of it: the claim in the overflow bucket is found through the link.
#[test]
fn a_claim_in_front_of_an_overflow_bucket() {
    model("a_claim_in_front_of_an_overflow_bucket", Bound::None, |map| {
        assert!(map.insert(1, 1) && map.insert(2, 2));
        let other = spawn(map, |map| (map.remove(1), map.insert(7, 1)));
        let mine = map.insert(7, 0);
        let (removed, others) = join(other);
        assert_eq!(removed, Some(1));
        assert!(mine != others);
        assert_eq!(map.count(7), 1);
    });
}

/// An insertion that began before a migration froze its slot is undone and goes
/// on in the successor.
#[test]
fn a_migration_undoes_a_claim() {
    model("a_migration_undoes_a_claim", Bound::Preemptions(3), |map| {
        let other = spawn(map, |map| map.resize(0));
        assert!(map.insert_at(1, 7, 0));
        join(other);
        assert_eq!(map.get(7), Some(0));
        assert_eq!(map.count(7), 1);
    });
}

/// Replacement and removal of one entry: both take place, or the removal comes
/// first and the writer inserts; no entry is released twice or leaks.
#[test]
fn replace_and_remove() {
    model("replace_and_remove", Bound::None, |map| {
        map.insert(7, 0);
        let other = spawn(map, |map| map.remove(7));
        let old = map.set(7, 1);
        match (old, join(other)) {
            (Some(0), Some(1)) => assert_eq!(map.count(7), 0),
            (None, Some(0)) => assert_eq!(map.get(7), Some(1)),
            answers => panic!("no order explains {answers:?}"),
        }
    });
}

/// A reader that finds an entry sees all that its writer wrote into it, whether
/// it was inserted or replaced.
#[test]
fn a_published_entry_is_complete() {
    model("a_published_entry_is_complete", Bound::None, |map| {
        let other = spawn(map, |map| (map.insert(7, 1), map.set(7, 2)));
        assert!(matches!(map.get(7), None | Some(1 | 2)));
        assert_eq!(join(other), (true, Some(1)));
    });
}
