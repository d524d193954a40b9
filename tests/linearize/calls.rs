//! Operations as calls of a store.

use crate::history::{Op, Ret, Ttl, Val};
use epochkv::{Clock, Expiry, Kv, Snapshot, Value};
use std::hash::BuildHasher;
use std::thread;
use std::time::Duration;

/// An operation whose values are made before its interval starts.
pub(crate) struct Request {
    op: Op,
    new: Value,
    expected: Value,
}

impl Request {
    pub(crate) fn new(op: Op) -> Self {
        let (expected, new) = match op {
            Op::Set(new, _)
            | Op::Swap(new, _)
            | Op::SetIfAbsent(new, _)
            | Op::SetIfPresent(new, _)
            | Op::GetOrInsert(new, _) => (None, Some(new)),
            Op::CompareAndSet(expected, new, _) => (Some(expected), Some(new)),
            Op::CompareAndDelete(expected) => (Some(expected), None),
            _ => (None, None),
        };
        let value = |val: Option<Val>| val.map_or_else(|| Value::from(0_i64), to_value);
        Self { op, new: value(new), expected: value(expected) }
    }

    pub(crate) fn run<S: BuildHasher, C: Clock>(self, kv: &Kv<str, S, C>, key: &str) -> Ret {
        let Self { op, new, expected } = self;
        match op {
            Op::Get => found(kv.get(key)),
            Op::Exists => Ret::Bool(kv.exists(key)),
            Op::TimeLeft => Ret::Int(match kv.expiry(key) {
                Expiry::Missing => -2,
                Expiry::Never => -1,
                Expiry::In(left) => left.as_nanos() as i64,
            }),
            Op::Set(_, None) => unit(kv.set(key, new)),
            Op::Set(_, ttl) => unit(kv.set_ex(key, new, time(ttl))),
            Op::Swap(_, ttl) => kv.swap(key, new, time(ttl)).map_or(Ret::Refused, found),
            Op::SetIfAbsent(_, ttl) => flag(kv.set_if_absent(key, new, time(ttl))),
            Op::SetIfPresent(_, ttl) => flag(kv.set_if_present(key, new, time(ttl))),
            Op::GetOrInsert(_, ttl) => kv
                .get_or_insert_with(key, time(ttl), || {
                    // In the middle of the call, where the race for the key is.
                    thread::yield_now();
                    new
                })
                .map_or(Ret::Refused, |value| found(Some(value))),
            Op::CompareAndSet(.., ttl) => flag(kv.compare_and_set(key, &expected, new, time(ttl))),
            Op::CompareAndDelete(_) => Ret::Bool(kv.compare_and_delete(key, &expected)),
            Op::Incr(n) => kv.incr_by(key, n).map_or(Ret::Refused, Ret::Int),
            Op::Delete => Ret::Bool(kv.delete(key)),
            Op::Take => found(kv.take(key)),
            Op::Expire(ttl) => Ret::Bool(kv.expire(key, Duration::from_nanos(ttl))),
            Op::Persist => Ret::Bool(kv.persist(key)),
            Op::Clear => {
                kv.clear();
                Ret::Unit
            }
        }
    }
}

fn time(ttl: Ttl) -> Option<Duration> {
    ttl.map(Duration::from_nanos)
}

fn unit<E>(result: Result<(), E>) -> Ret {
    result.map_or(Ret::Refused, |()| Ret::Unit)
}

fn flag<E>(result: Result<bool, E>) -> Ret {
    result.map_or(Ret::Refused, Ret::Bool)
}

fn to_value(val: Val) -> Value {
    match val {
        Val::Int(n) => Value::from(n),
        Val::Text(id) => Value::from(format!("text:{id}").as_str()),
    }
}

/// The name of what a call returned. What no thread ever wrote gets a name that no
/// write has, so the checker rejects it.
fn found(snapshot: Option<Snapshot>) -> Ret {
    Ret::Value(snapshot.map(|snapshot| match (snapshot.as_int(), snapshot.as_str()) {
        (Some(n), _) => Val::Int(n),
        (None, Some(text)) => {
            let id = text.strip_prefix("text:").and_then(|id| id.parse().ok());
            Val::Text(id.unwrap_or(u64::MAX))
        }
        (None, None) => Val::Text(u64::MAX),
    }))
}
