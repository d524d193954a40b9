//! Deadlines against everything else, with a clock that one of the threads moves:
//! nothing comes back to life after somebody was told that it is gone, and
//! nothing new dies for the deadline of something old.
#![cfg(epochkv_loom)]

mod common;

use common::ops::{
    ADD, CLEAR, DELETE, EXPIRE, EXPIRE_LATER, GET, INCR, LIST, PASS, PERSIST, SET, SET_INT, SWAP,
    TAKE, UPDATE,
};
use common::race::{Op, Race, World, show};
use core::time::Duration;
use epochkv::{Change, IncrOptions, Ttl, Value};

const EXISTS: Op = |w| show(w.kv.exists("k"));
const SET_EX: Op = |w| show(w.kv.set_ex("k", "new", 10));
const CAS: Op = |w| show(w.kv.compare_and_set("k", 1, 2, Ttl::NEVER));
const COUNT_WINDOW: Op = |w| show(w.kv.incr_with("k", &IncrOptions::by(1).ttl_on_create(10)));
/// A change that brings a deadline of its own.
const UPDATE_EX: Op = |w| show(w.kv.update("k", |_| Change::SetEx(Value::from(7), 20.into())));
const GET_AND_EXPIRE: Op = |w| show(w.kv.get_and_expire("k", Duration::from_secs(10)));

/// Sets an entry that is gone at once, if the clock is at its deadline.
const SET_UNTIL: Op = |w| show(w.kv.set_ex("k", "gone", Ttl::until(Duration::from_secs(5))));
const TTL: Op = |w| show(w.kv.ttl("k"));
/// Less than there is to the deadline.
const PASS_SOME: Op = |w| {
    w.clock.advance(Duration::from_secs(2));
    String::new()
};
const WITH_MANY: Op = |w| {
    let mut seen = Vec::new();
    w.kv.with_many(["j", "k"], |_, value| {
        TOUCH(w);
        seen.push(show(value));
    });
    show(seen)
};
/// An exchange, which loom tries in all orders; see `Gate`.
const TOUCH: Op = |w| {
    w.clock.advance(Duration::ZERO);
    String::new()
};

/// A counter that lives for five seconds.
fn alive(world: &World) {
    world.kv.set_ex("k", 1, 5).expect("a number is not deep");
}

/// The same, five seconds later, still in the table.
fn expired(world: &World) {
    alive(world);
    world.clock.advance(Duration::from_secs(5));
}

/// Who removes an expired entry removes that entry, not a renewed one.
#[test]
fn get_of_expired_and_set() {
    Race::new("get_of_expired_and_set", expired).between(&[GET, GET], &[SET]);
}

#[test]
fn get_of_expired_and_set_ex() {
    Race::new("get_of_expired_and_set_ex", expired).between(&[GET], &[SET_EX, GET]);
}

#[test]
fn get_of_expired_and_incr() {
    Race::new("get_of_expired_and_incr", expired).between(&[GET], &[INCR, GET]);
}

#[test]
fn get_of_expired_and_set_if_absent() {
    Race::new("get_of_expired_and_set_if_absent", expired).between(&[GET], &[ADD, GET]);
}

/// Two readers find it expired: it is unlinked, and counted, once.
#[test]
fn two_readers_of_expired() {
    Race::new("two_readers_of_expired", expired).between(&[GET], &[EXISTS]);
}

#[test]
fn take_and_delete_of_expired() {
    Race::new("take_and_delete_of_expired", expired).between(&[TAKE], &[DELETE]);
}

#[test]
fn keys_and_set_of_expired() {
    Race::new("keys_and_set_of_expired", expired).between(&[LIST], &[SET]);
}

/// Of two that count an expired entry anew, one starts at zero.
#[test]
fn incr_and_incr_of_expired() {
    Race::new("incr_and_incr_of_expired", expired).between(&[INCR], &[INCR]);
}

#[test]
fn windows_begin_once() {
    Race::new("windows_begin_once", expired).between(&[COUNT_WINDOW], &[COUNT_WINDOW]);
}

/// The heart of the matter: `expire` reads the clock, judges the entry alive,
/// and is overtaken by the deadline and by a reader who is told it is gone.
#[test]
fn expire_does_not_resurrect() {
    Race::new("expire_does_not_resurrect", alive).between(&[EXPIRE], &[PASS, GET, GET]);
}

#[test]
fn persist_does_not_resurrect() {
    Race::new("persist_does_not_resurrect", alive).between(&[PERSIST], &[PASS, GET, GET]);
}

#[test]
fn compare_and_set_does_not_resurrect() {
    Race::new("compare_and_set_does_not_resurrect", alive).between(&[CAS], &[PASS, EXISTS]);
}

/// The same where the one who is told is a walk, or a writer.
#[test]
fn expire_and_keys() {
    Race::new("expire_and_keys", alive).between(&[EXPIRE], &[PASS, LIST]);
}

#[test]
fn expire_and_delete() {
    Race::new("expire_and_delete", alive).between(&[EXPIRE], &[PASS, DELETE]);
}

/// A time that was read before an entry was set does not say that it is alive.
#[test]
fn expire_does_not_revive_what_was_never_alive() {
    Race::new("expire_does_not_revive_what_was_never_alive", alive)
        .between(&[EXPIRE], &[PASS, SET_UNTIL]);
}

/// There is one key, in another bucket, which will stay.
fn another(world: &World) {
    world.kv.set_ex("j", 1, 100).expect("a number is not deep");
}

/// The same for those who look at many keys by one reading.
#[test]
fn with_many_does_not_see_what_was_never_alive() {
    Race::new("with_many_does_not_see_what_was_never_alive", another)
        .between(&[WITH_MANY], &[PASS, SET_UNTIL, TOUCH]);
}

/// The time left is that of an entry that was there when the clock was read.
#[test]
fn ttl_and_delete() {
    Race::new("ttl_and_delete", alive).between(&[TTL], &[DELETE, PASS_SOME]);
}

#[test]
fn ttl_and_clear() {
    Race::new("ttl_and_clear", alive).between(&[TTL], &[CLEAR, PASS_SOME]);
}

#[test]
fn ttl_and_set_ex() {
    Race::new("ttl_and_set_ex", alive).between(&[TTL], &[SET_EX, PASS_SOME]);
}

#[test]
fn ttl_and_deadline() {
    Race::new("ttl_and_deadline", alive).between(&[TTL, TTL], &[PASS, SET]);
}

/// An increment adds to the live value under its deadline, or starts anew
/// without one.
#[test]
fn incr_and_deadline() {
    Race::new("incr_and_deadline", alive).between(&[INCR], &[PASS, INCR]);
}

#[test]
fn incr_and_expire() {
    Race::new("incr_and_expire", alive).between(&[INCR], &[EXPIRE]);
}

/// A migration moves entries whatever their deadline.
#[test]
fn get_of_expired_and_resize() {
    let moves: &[Op] = &[|w| {
        w.resize(0);
        String::new()
    }];
    Race::new("get_of_expired_and_resize", expired).preemptions(3).between(&[GET], moves);
}

/// Two writers find the same expired entry: it is counted as expired once.
#[test]
fn set_and_set_of_expired() {
    Race::new("set_and_set_of_expired", expired).between(&[SET, GET], &[SET_EX]);
}

#[test]
fn set_and_set_if_absent_of_expired() {
    Race::new("set_and_set_if_absent_of_expired", expired).between(&[SET, GET], &[ADD]);
}

#[test]
fn set_if_absent_twice_of_expired() {
    const ADD_OTHER: Op = |w| show(w.kv.set_if_absent("k", "other", 0));
    Race::new("set_if_absent_twice_of_expired", expired).between(&[ADD, GET], &[ADD_OTHER]);
}

/// What an update saw alive is not there any more, or it saw nothing.
#[test]
fn update_does_not_resurrect() {
    Race::new("update_does_not_resurrect", alive).between(&[UPDATE], &[PASS, GET, GET]);
}

#[test]
fn get_of_expired_and_update() {
    Race::new("get_of_expired_and_update", expired).between(&[GET], &[UPDATE, GET]);
}

#[test]
fn set_if_absent_of_expired_and_update() {
    Race::new("set_if_absent_of_expired_and_update", expired).between(&[ADD], &[UPDATE]);
}

/// An update keeps the deadline of what it replaces, which is not that of what it has seen.
#[test]
fn update_and_expire() {
    Race::new("update_and_expire", alive).between(&[UPDATE], &[EXPIRE, GET]);
}

#[test]
fn update_and_persist() {
    Race::new("update_and_persist", alive).between(&[UPDATE], &[PERSIST, GET]);
}

/// The deadline of whoever came last.
#[test]
fn update_with_a_deadline_and_expire() {
    Race::new("update_with_a_deadline_and_expire", alive).between(&[UPDATE_EX], &[EXPIRE]);
}

#[test]
fn update_with_a_deadline_and_persist() {
    Race::new("update_with_a_deadline_and_persist", alive).between(&[UPDATE_EX], &[PERSIST]);
}

/// What was taken does not come back with another deadline.
#[test]
fn expire_and_take() {
    Race::new("expire_and_take", alive).between(&[EXPIRE], &[TAKE]);
}

#[test]
fn persist_and_take() {
    Race::new("persist_and_take", alive).between(&[PERSIST], &[TAKE]);
}

/// What came instead has a deadline of its own: none.
#[test]
fn expire_and_swap() {
    Race::new("expire_and_swap", alive).between(&[EXPIRE], &[SWAP, GET]);
}

#[test]
fn persist_and_swap() {
    Race::new("persist_and_swap", alive).between(&[PERSIST], &[SWAP]);
}

/// A key is there with a deadline, or `expire` says that it was not there.
#[test]
fn expire_and_set_of_an_absent_key() {
    Race::new("expire_and_set_of_an_absent_key", |_| ()).between(&[EXPIRE, GET], &[SET]);
}

/// Who removes an expired entry from a table that is cleared removes nothing of the new one.
#[test]
fn get_of_expired_and_clear() {
    Race::new("get_of_expired_and_clear", expired).between(&[GET, GET], &[CLEAR, SET]);
}

/// A value and a deadline belong together.
#[test]
fn expire_and_set() {
    Race::new("expire_and_set", alive).between(&[EXPIRE], &[SET]);
}

#[test]
fn expire_and_set_ex() {
    Race::new("expire_and_set_ex", alive).between(&[EXPIRE_LATER], &[SET_EX]);
}

fn forever(world: &World) {
    world.kv.set("k", 1).expect("a number is not deep");
}

/// The integer changes in place, unless the value is on its way to an entry with a deadline.
#[test]
fn expire_and_set_in_place() {
    Race::new("expire_and_set_in_place", forever).between(&[EXPIRE], &[SET_INT, GET]);
}

#[test]
fn expire_twice() {
    Race::new("expire_twice", alive).between(&[EXPIRE], &[EXPIRE_LATER]);
}

#[test]
fn expire_and_persist() {
    Race::new("expire_and_persist", alive).between(&[EXPIRE], &[PERSIST]);
}

#[test]
fn expire_and_clear() {
    Race::new("expire_and_clear", alive).between(&[EXPIRE, TTL], &[CLEAR]);
}

#[test]
fn persist_and_clear() {
    Race::new("persist_and_clear", alive).between(&[PERSIST, TTL], &[CLEAR]);
}

#[test]
fn get_and_expire_and_set() {
    Race::new("get_and_expire_and_set", alive).between(&[GET_AND_EXPIRE, TTL], &[SET]);
}

#[test]
fn get_and_expire_and_set_in_place() {
    Race::new("get_and_expire_and_set_in_place", forever).between(&[GET_AND_EXPIRE], &[SET_INT]);
}

#[test]
fn get_and_expire_does_not_resurrect() {
    Race::new("get_and_expire_does_not_resurrect", alive)
        .between(&[GET_AND_EXPIRE], &[PASS, GET, GET]);
}
