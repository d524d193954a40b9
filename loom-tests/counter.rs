//! Integers that change in place, against everything that can come in between:
//! the freezing of the cell loses no increment (`record::cell`).
#![cfg(epochkv_loom)]

mod common;

use common::ops::{CLEAR, DELETE, GET, INCR, SWAP, TAKE, UPDATE};
use common::race::{Op, Race, World, show};
use epochkv::{IncrOptions, Ttl};

const SET: Op = |w| show(w.kv.set("k", 10));
const SET_TEXT: Op = |w| show(w.kv.set("k", "text"));
const COMPARE_AND_SET: Op = |w| show(w.kv.compare_and_set("k", 1, 10, Ttl::NEVER));
const SET_OTHER: Op = |w| show(w.kv.set("k", 20));
const COMPARE_AND_DELETE: Op = |w| show(w.kv.compare_and_delete("k", 1));

fn absent(_: &World) {}

fn one(world: &World) {
    world.kv.set("k", 1).expect("a number is not deep");
}

#[test]
fn incr_and_incr() {
    Race::new("incr_and_incr", one).between(&[INCR, INCR], &[INCR]);
}

#[test]
fn incr_and_incr_of_an_absent_key() {
    Race::new("incr_and_incr_of_an_absent_key", absent).between(&[INCR, INCR], &[INCR]);
}

#[test]
fn incr_and_get() {
    Race::new("incr_and_get", one).between(&[INCR, INCR], &[GET, GET]);
}

/// The integer is written in place.
#[test]
fn incr_and_set() {
    Race::new("incr_and_set", one).between(&[INCR, INCR], &[SET]);
}

#[test]
fn incr_and_set_of_an_absent_key() {
    Race::new("incr_and_set_of_an_absent_key", absent).between(&[INCR], &[SET]);
}

/// A counter that begins is absent or complete.
#[test]
fn incr_of_an_absent_key_and_get() {
    Race::new("incr_of_an_absent_key_and_get", absent).between(&[INCR, INCR], &[GET, GET]);
}

/// What is deleted begins anew, from nothing.
#[test]
fn incr_of_an_absent_key_and_delete() {
    Race::new("incr_of_an_absent_key_and_delete", absent).between(&[INCR, INCR], &[DELETE]);
}

/// The entry is replaced; the increment that comes late fell before it.
#[test]
fn incr_and_set_of_text() {
    Race::new("incr_and_set_of_text", one).between(&[INCR], &[SET_TEXT]);
}

#[test]
fn incr_and_delete() {
    Race::new("incr_and_delete", one).between(&[INCR, INCR], &[DELETE]);
}

#[test]
fn incr_and_take() {
    Race::new("incr_and_take", one).between(&[INCR, INCR], &[TAKE]);
}

/// A set in place may not change a value that was taken.
#[test]
fn set_and_take() {
    Race::new("set_and_take", one).between(&[SET], &[TAKE, GET]);
}

#[test]
fn incr_and_swap() {
    Race::new("incr_and_swap", one).between(&[INCR, INCR], &[SWAP]);
}

#[test]
fn incr_and_compare_and_set() {
    Race::new("incr_and_compare_and_set", one).between(&[INCR], &[COMPARE_AND_SET]);
}

#[test]
fn incr_and_compare_and_delete() {
    Race::new("incr_and_compare_and_delete", one).between(&[INCR], &[COMPARE_AND_DELETE]);
}

#[test]
fn incr_and_update() {
    Race::new("incr_and_update", one).between(&[INCR], &[UPDATE]);
}

/// What was taken is not updated, also where its cell is frozen already.
#[test]
fn update_and_take_of_a_counter() {
    Race::new("update_and_take_of_a_counter", one).between(&[UPDATE], &[TAKE]);
}

#[test]
fn update_and_swap_of_a_counter() {
    Race::new("update_and_swap_of_a_counter", one).between(&[UPDATE], &[SWAP]);
}

/// An integer is set in place, or has come too late for the cell that an update has frozen.
#[test]
fn update_and_set_in_place() {
    Race::new("update_and_set_in_place", one).between(&[UPDATE], &[SET, GET]);
}

/// A bounded count never leaves its bounds, however many threads count.
#[test]
fn a_bound_holds() {
    let sell: &[Op] = &[|w| show(w.kv.incr_with("k", &IncrOptions::by(-1).min(0)))];
    Race::new("a_bound_holds", one).between(sell, sell);
}

/// Two that decide by the value: one gets it.
#[test]
fn take_and_take() {
    Race::new("take_and_take", one).between(&[TAKE], &[TAKE]);
}

#[test]
fn take_and_swap() {
    Race::new("take_and_swap", one).between(&[TAKE, INCR], &[SWAP]);
}

/// An integer of more than 63 bits leaves its cell.
#[test]
fn incr_beyond_the_cell() {
    let before = |w: &World| w.kv.set("k", (1i64 << 62) - 1).expect("a number is not deep");
    Race::new("incr_beyond_the_cell", before).between(&[INCR], &[INCR]);
}

/// Two integers in place of the one.
#[test]
fn set_and_set_in_place() {
    Race::new("set_and_set_in_place", one).between(&[SET, GET], &[SET_OTHER]);
}

/// One in place, and one that replaces the entry.
#[test]
fn set_in_place_and_set_of_text() {
    Race::new("set_in_place_and_set_of_text", one).between(&[SET, GET], &[SET_TEXT]);
}

/// A frozen counter is still read.
#[test]
fn get_and_take() {
    Race::new("get_and_take", one).between(&[GET, GET], &[TAKE]);
}

#[test]
fn get_and_swap() {
    Race::new("get_and_swap", one).between(&[GET, GET], &[SWAP]);
}

#[test]
fn get_and_compare_and_set() {
    Race::new("get_and_compare_and_set", one).between(&[GET, GET], &[COMPARE_AND_SET]);
}

#[test]
fn set_and_swap() {
    Race::new("set_and_swap", one).between(&[SET_OTHER, GET], &[SWAP]);
}

#[test]
fn set_and_compare_and_set() {
    Race::new("set_and_compare_and_set", one).between(&[SET_OTHER, GET], &[COMPARE_AND_SET]);
}

#[test]
fn delete_and_take() {
    Race::new("delete_and_take", one).between(&[DELETE], &[TAKE]);
}

#[test]
fn delete_and_swap() {
    Race::new("delete_and_swap", one).between(&[DELETE, GET], &[SWAP]);
}

#[test]
fn delete_and_compare_and_set() {
    Race::new("delete_and_compare_and_set", one).between(&[DELETE, GET], &[COMPARE_AND_SET]);
}

#[test]
fn clear_and_take() {
    Race::new("clear_and_take", one).between(&[CLEAR], &[TAKE]);
}

#[test]
fn clear_and_swap() {
    Race::new("clear_and_swap", one).between(&[CLEAR, GET], &[SWAP]);
}

#[test]
fn clear_and_compare_and_set() {
    Race::new("clear_and_compare_and_set", one).between(&[CLEAR, GET], &[COMPARE_AND_SET]);
}

/// A frozen counter whose decider has not replaced it yet is cleared.
#[test]
fn clear_and_incr_and_swap() {
    Race::new("clear_and_incr_and_swap", one).between(&[CLEAR, INCR], &[SWAP]);
}
