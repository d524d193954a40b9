//! Operations that decide and write at one instant, and blind writes, on values
//! of any kind.
#![cfg(epochkv_loom)]

mod common;

use common::Bound;
use common::ops::{CLEAR, DELETE, GET, TAKE};
use common::race::{Op, Race, World, show};
use epochkv::{Change, Pattern, Snapshot, Ttl, Value};

const SET_A: Op = |w| show(w.kv.set("k", "a"));
const SET_B: Op = |w| show(w.kv.set("k", "b"));
const ADD_A: Op = |w| show(w.kv.set_if_absent("k", "a", 0));
const ADD_B: Op = |w| show(w.kv.set_if_absent("k", "b", 0));
const APPEND_A: Op = |w| append(w, "a");
const APPEND_B: Op = |w| append(w, "b");
const CAS_A: Op = |w| show(w.kv.compare_and_set("k", "old", "a", Ttl::NEVER));
const CAS_B: Op = |w| show(w.kv.compare_and_set("k", "old", "b", Ttl::NEVER));
const MAKE_A: Op = |w| show(w.kv.get_or_insert_with("k", Ttl::NEVER, || Value::from("a")));
const MAKE_B: Op = |w| show(w.kv.get_or_insert_with("k", Ttl::NEVER, || Value::from("b")));
const ADD_FLOAT: Op = |w| show(w.kv.incr_float("k", 0.5));

fn append(world: &World, tail: &str) -> String {
    let longer = |old: Option<&Snapshot>| {
        let old = old.and_then(Snapshot::as_str).unwrap_or_default();
        Change::Set(Value::from(format!("{old}{tail}")))
    };
    show(world.kv.update("k", longer))
}

fn absent(_: &World) {}

fn old(world: &World) {
    world.kv.set("k", "old").expect("a text is not deep");
}

#[test]
fn set_and_set_of_an_absent_key() {
    Race::new("set_and_set_of_an_absent_key", absent).between(&[SET_A, GET], &[SET_B]);
}

#[test]
fn set_and_set_and_get() {
    Race::new("set_and_set_and_get", old).between(&[SET_A, SET_B], &[GET, GET]);
}

/// Both replace the entry.
#[test]
fn set_and_set() {
    Race::new("set_and_set", old).between(&[SET_A, GET], &[SET_B]);
}

#[test]
fn set_and_delete() {
    Race::new("set_and_delete", old).between(&[SET_A], &[DELETE, GET]);
}

#[test]
fn delete_and_delete() {
    Race::new("delete_and_delete", old).between(&[DELETE], &[DELETE]);
}

#[test]
fn set_if_absent_twice() {
    Race::new("set_if_absent_twice", absent).between(&[ADD_A, GET], &[ADD_B]);
}

#[test]
fn set_if_absent_and_delete() {
    Race::new("set_if_absent_and_delete", old).between(&[ADD_A], &[DELETE, GET]);
}

#[test]
fn update_and_update() {
    Race::new("update_and_update", old)
        .preemptions(5)
        .or_long(Bound::Preemptions(6))
        .between(&[APPEND_A], &[APPEND_B]);
}

#[test]
fn update_and_set() {
    Race::new("update_and_set", absent).between(&[APPEND_A], &[SET_B]);
}

/// Both meet an entry, which one of them replaces under the other's eyes.
#[test]
fn update_and_set_of_a_present_key() {
    Race::new("update_and_set_of_a_present_key", old).between(&[APPEND_A], &[SET_B]);
}

#[test]
fn update_and_delete() {
    Race::new("update_and_delete", old).between(&[APPEND_A], &[DELETE]);
}

#[test]
fn update_and_get() {
    Race::new("update_and_get", old).between(&[APPEND_A], &[GET]);
}

#[test]
fn update_and_take() {
    Race::new("update_and_take", old).between(&[APPEND_A], &[TAKE]);
}

#[test]
fn update_and_clear() {
    Race::new("update_and_clear", old).between(&[APPEND_A, GET], &[CLEAR]);
}

/// Of two that make a value one stores it, and both get that one.
#[test]
fn get_or_insert_with_twice() {
    Race::new("get_or_insert_with_twice", absent).between(&[MAKE_A], &[MAKE_B]);
}

#[test]
fn get_or_insert_with_and_set() {
    Race::new("get_or_insert_with_and_set", absent).between(&[MAKE_A], &[SET_B]);
}

#[test]
fn get_or_insert_with_and_delete() {
    Race::new("get_or_insert_with_and_delete", old).between(&[MAKE_A], &[DELETE, GET]);
}

#[test]
fn set_if_present_and_delete() {
    let present: &[Op] = &[|w| show(w.kv.set_if_present("k", "a", Ttl::NEVER)), GET];
    Race::new("set_if_present_and_delete", old).between(present, &[DELETE]);
}

/// What was written after it was judged is judged again.
#[test]
fn retain_and_set() {
    let retain: &[Op] = &[|w| show(w.kv.retain(|_, value| value != "old")), GET];
    Race::new("retain_and_set", old).between(retain, &[SET_B]);
}

#[test]
fn retain_and_delete() {
    let retain: &[Op] = &[|w| show(w.kv.retain(|_, value| value != "old"))];
    Race::new("retain_and_delete", old).between(retain, &[DELETE, ADD_B]);
}

#[test]
fn delete_matching_and_set() {
    let delete: &[Op] = &[|w| show(w.kv.delete_matching(&Pattern::new("*"))), GET];
    Race::new("delete_matching_and_set", old).between(delete, &[SET_B]);
}

#[test]
fn incr_float_twice() {
    let half = |w: &World| w.kv.set("k", 0.5).expect("a number is not deep");
    Race::new("incr_float_twice", half).between(&[ADD_FLOAT], &[ADD_FLOAT]);
}

#[test]
fn incr_float_twice_of_an_absent_key() {
    Race::new("incr_float_twice_of_an_absent_key", absent).between(&[ADD_FLOAT], &[ADD_FLOAT]);
}

#[test]
fn compare_and_set_twice() {
    Race::new("compare_and_set_twice", old).between(&[CAS_A], &[CAS_B]);
}

/// Keys with one hash do not meet.
#[test]
fn keys_of_one_hash() {
    let kk: &[Op] =
        &[|w| show(w.kv.set("kk", "b")), |w| show(w.kv.get("k")), |w| show(w.kv.get("kk"))];
    Race::new("keys_of_one_hash", absent).between(&[SET_A], kk);
}

/// A reader that sees a counter at one sees what was written before it counted:
/// the cell carries earlier writes to other keys along.
#[test]
fn an_increment_publishes_what_came_before() {
    let writer: &[Op] = &[|w| show(w.kv.set("j", "message")), |w| show(w.kv.incr("k"))];
    let reader: &[Op] = &[|w| show(w.kv.get("k")), |w| show(w.kv.get("j"))];
    let before = |w: &World| w.kv.set("k", 0).expect("a number is not deep");
    Race::new("an_increment_publishes_what_came_before", before).between(writer, reader);
}

/// The same through slots: a reader that sees the second write sees the first.
#[test]
fn a_write_publishes_what_came_before() {
    let writer: &[Op] = &[|w| show(w.kv.set("j", "message")), |w| show(w.kv.set("k", "flag"))];
    let reader: &[Op] = &[|w| show(w.kv.get("k")), |w| show(w.kv.get("j"))];
    Race::new("a_write_publishes_what_came_before", old).between(writer, reader);
}

/// The same through a decision by the value: who is turned away by the freeze
/// and counts from the new entry sees what the decider did before.
#[test]
fn a_decision_publishes_what_came_before() {
    let writer: &[Op] =
        &[|w| show(w.kv.set("j", "message")), |w| show(w.kv.swap("k", 10, Ttl::NEVER))];
    let reader: &[Op] = &[|w| show(w.kv.incr("k")), |w| show(w.kv.get("j"))];
    let before = |w: &World| w.kv.set("k", 0).expect("a number is not deep");
    Race::new("a_decision_publishes_what_came_before", before).between(writer, reader);
}

/// And who decides by a value sees what its writer did before.
#[test]
fn a_decision_sees_what_came_before() {
    let writer: &[Op] = &[|w| show(w.kv.set("j", "message")), |w| show(w.kv.incr("k"))];
    let reader: &[Op] = &[|w| show(w.kv.take("k")), |w| show(w.kv.get("j"))];
    let before = |w: &World| w.kv.set("k", 0).expect("a number is not deep");
    Race::new("a_decision_sees_what_came_before", before).between(writer, reader);
}
