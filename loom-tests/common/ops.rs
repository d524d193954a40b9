//! Steps that the races of several files take. On the key `k`, where no other is named.

use super::race::{Op, show};
use core::time::Duration;
use epochkv::{Change, Snapshot, Ttl, Value};

pub const GET: Op = |w| show(w.kv.get("k"));
pub const SET: Op = |w| show(w.kv.set("k", "new"));
pub const SET_INT: Op = |w| show(w.kv.set("k", 7));
pub const ADD: Op = |w| show(w.kv.set_if_absent("k", "new", 0));
pub const SWAP: Op = |w| show(w.kv.swap("k", 10, Ttl::NEVER));
pub const INCR: Op = |w| show(w.kv.incr("k"));
pub const DELETE: Op = |w| show(w.kv.delete("k"));
pub const TAKE: Op = |w| show(w.kv.take("k"));
pub const EXPIRE: Op = |w| show(w.kv.expire("k", Duration::from_secs(10)));
pub const EXPIRE_LATER: Op = |w| show(w.kv.expire("k", Duration::from_secs(20)));
pub const PERSIST: Op = |w| show(w.kv.persist("k"));
/// Doubles the number, which is 100 if there is none.
pub const UPDATE: Op = |w| {
    let double = |old: Option<&Snapshot>| {
        Change::Set(Value::from(old.and_then(Snapshot::as_int).unwrap_or(100) * 2))
    };
    show(w.kv.update("k", double))
};
pub const LIST: Op = |w| show(w.kv.keys("*"));
pub const CLEAR: Op = |w| {
    w.kv.clear();
    String::new()
};
/// Five seconds.
pub const PASS: Op = |w| {
    w.clock.advance(Duration::from_secs(5));
    String::new()
};
pub const SWEEP: Op = |w| {
    w.kv.sweep(100);
    String::new()
};
/// Moves everything into an array of two buckets.
pub const GROW: Op = |w| {
    w.resize(1);
    String::new()
};
/// Moves everything into an array of one bucket, also if there is one already.
pub const SHRINK: Op = |w| {
    w.resize(0);
    String::new()
};
/// Does a writer's share of a migration, which is all of it.
pub const MOVE: Op = |w| {
    w.help_resize();
    String::new()
};
