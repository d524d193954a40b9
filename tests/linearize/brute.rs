//! A slow oracle for small histories.
//!
//! It shares nothing with the checker but the types: it runs an executable store of
//! one key with exact readings and deadlines, and keeps for every set of calls all
//! states that some order of exactly these calls can reach. No search order, no
//! pruning, no intervals.

use crate::history::{Call, GRAIN, Op, Ret, Val, whole};
use std::collections::HashSet;

/// The most calls that the oracle takes; time and memory grow with 2 to that power.
const MOST: usize = 10;

/// The oracle tries readings on whole and half milliseconds: deadlines are whole ones,
/// so all readings between two of them are alike.
pub(crate) const HALF: u64 = GRAIN / 2;

/// The entry, and the latest deadline at which an entry was found expired.
type Exact = (Option<(Val, Option<u64>)>, u64);

/// Whether `calls`, on a key absent at first, have a linearization.
pub(crate) fn is_linearizable(calls: &[Call]) -> bool {
    assert!(calls.len() <= MOST, "the oracle is for small histories");
    let required: usize = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.is_required())
        .map(|(index, _)| 1 << index)
        .sum();
    // A call that did not return can have read any time. Readings beyond all others
    // differ only in the answer of `TimeLeft`, so those up to the largest answer do.
    let readings = calls.iter().flat_map(|call| [call.clock.before, call.clock.after]);
    let latest = readings.filter(|reading| *reading != u64::MAX).max().unwrap_or(0);
    let answers = calls.iter().map(|call| match call.ret {
        Ret::Int(n) => u64::try_from(n).unwrap_or(0),
        _ => 0,
    });
    let horizon = latest + answers.max().unwrap_or(0) + GRAIN;
    let mut reached: Vec<HashSet<Exact>> = vec![HashSet::new(); 1 << calls.len()];
    reached[0].insert((None, 0));
    for set in 0..reached.len() {
        if reached[set].is_empty() {
            continue;
        }
        if set & required == required {
            return true;
        }
        for (index, call) in calls.iter().enumerate() {
            let may_be_next = set & (1 << index) == 0
                && calls
                    .iter()
                    .enumerate()
                    .all(|(other, before)| set & (1 << other) != 0 || before.end >= call.start);
            if may_be_next {
                let next: Vec<Exact> = reached[set]
                    .iter()
                    .flat_map(|state| successors(*state, call, horizon))
                    .collect();
                reached[set | (1 << index)].extend(next);
            }
        }
    }
    false
}

fn successors(state: Exact, call: &Call, horizon: u64) -> Vec<Exact> {
    let (entry, floor) = state;
    // Nothing that follows an expiry can have ended before it.
    if call.clock.after < floor {
        return Vec::new();
    }
    let readings = call.clock.before..=call.clock.after.min(horizon.max(call.clock.before));
    let mut next = Vec::new();
    for now in readings.step_by(HALF as usize) {
        let mut run = |found, floor| {
            let (ret, entry) = execute(call.op, found, now);
            if call.ret.admits(ret) {
                next.push((entry, floor));
            }
        };
        match entry {
            Some((_, Some(end))) if !call.op.is_blind() => {
                if now < end {
                    run(entry, floor);
                }
                // Whoever removed it did so at the deadline or later.
                if call.clock.after >= end {
                    run(None, floor.max(end));
                }
            }
            _ => run(entry, floor),
        }
    }
    next
}

/// One operation on a store of one key at the time `now`.
pub(crate) fn execute(
    op: Op,
    live: Option<(Val, Option<u64>)>,
    now: u64,
) -> (Ret, Option<(Val, Option<u64>)>) {
    let value = live.map(|(value, _)| value);
    let entry = |value, ttl: Option<u64>| Some((value, ttl.map(|ttl| whole(now) + ttl)));
    match op {
        Op::Get => (Ret::Value(value), live),
        Op::Exists => (Ret::Bool(live.is_some()), live),
        Op::TimeLeft => match live {
            None => (Ret::Int(-2), live),
            Some((_, None)) => (Ret::Int(-1), live),
            Some((_, Some(end))) => (Ret::Int((end - whole(now)).max(GRAIN) as i64), live),
        },
        Op::Set(new, ttl) => (Ret::Unit, entry(new, ttl)),
        Op::Swap(new, ttl) => (Ret::Value(value), entry(new, ttl)),
        Op::SetIfAbsent(new, ttl) if live.is_none() => (Ret::Bool(true), entry(new, ttl)),
        Op::SetIfAbsent(..) => (Ret::Bool(false), live),
        Op::SetIfPresent(new, ttl) if live.is_some() => (Ret::Bool(true), entry(new, ttl)),
        Op::SetIfPresent(..) => (Ret::Bool(false), live),
        Op::GetOrInsert(new, ttl) if live.is_none() => (Ret::Value(Some(new)), entry(new, ttl)),
        Op::GetOrInsert(..) => (Ret::Value(value), live),
        Op::CompareAndSet(old, new, ttl) if value == Some(old) => {
            (Ret::Bool(true), entry(new, ttl))
        }
        Op::CompareAndSet(..) => (Ret::Bool(false), live),
        Op::CompareAndDelete(old) if value == Some(old) => (Ret::Bool(true), None),
        Op::CompareAndDelete(_) => (Ret::Bool(false), live),
        Op::Incr(n) => match live {
            None => (Ret::Int(n), Some((Val::Int(n), None))),
            Some((Val::Int(old), end)) => (Ret::Int(old + n), Some((Val::Int(old + n), end))),
            Some((Val::Text(_), _)) => (Ret::Refused, live),
        },
        Op::Delete => (Ret::Bool(live.is_some()), None),
        Op::Take => (Ret::Value(value), None),
        Op::Expire(ttl) => match value {
            None => (Ret::Bool(false), None),
            Some(value) => (Ret::Bool(true), entry(value, Some(ttl))),
        },
        Op::Persist => match live {
            Some((value, Some(_))) => (Ret::Bool(true), Some((value, None))),
            _ => (Ret::Bool(false), live),
        },
        Op::Clear => (Ret::Unit, None),
    }
}
